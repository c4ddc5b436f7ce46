//! A frame as the bytes of a file, and a file of this machine that appears whole or not at all.
//!
//! What is replaced is what a plain write would have changed: the file behind symbolic links, with the mode that it has.
//! Its other names (hard links) keep what was in it.

use std::fs::Permissions;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use ironsage_client::Transfer;
use polars::prelude::*;

use crate::data::format::Format;
use crate::data::packing::Packing;
use crate::data::records;
use crate::error::MagicError;

/// How a frame is to be written.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options {
    /// The separator of CSV, where it was said.
    pub separator: Option<u8>,
    /// No first line of names.
    pub no_header: bool,
    /// The column of labels, for RecordIO and libsvm.
    pub label: Option<String>,
    /// How many features sparse rows have, for RecordIO; one more than the largest key unless said.
    pub width: Option<u64>,
    /// How the file is packed.
    pub packing: Option<Packing>,
}

/// The bytes of the file.
pub(crate) fn bytes(frame: &DataFrame, format: Format, options: &Options) -> Result<Vec<u8>, MagicError> {
    let mut frame = frame.clone();
    let mut content = Vec::new();
    match format {
        Format::Csv => csv(&mut frame, &mut content, options.separator.unwrap_or(b','), options)?,
        Format::Tsv => csv(&mut frame, &mut content, options.separator.unwrap_or(b'\t'), options)?,
        Format::Parquet => {
            ParquetWriter::new(&mut content).finish(&mut frame)?;
        }
        Format::Ndjson => JsonWriter::new(&mut content)
            .with_json_format(JsonFormat::JsonLines)
            .finish(&mut frame)?,
        Format::Json => JsonWriter::new(&mut content)
            .with_json_format(JsonFormat::Json)
            .finish(&mut frame)?,
        Format::Ipc => IpcWriter::new(&mut content).finish(&mut frame)?,
        Format::Recordio | Format::Libsvm => content = records::bytes(&frame, format, options)?,
    }
    match options.packing {
        Some(packing) => packing.pack(&content),
        None => Ok(content),
    }
}

fn csv(frame: &mut DataFrame, content: &mut Vec<u8>, separator: u8, options: &Options) -> Result<(), MagicError> {
    CsvWriter::new(content)
        .include_header(!options.no_header)
        .with_separator(separator)
        .finish(frame)?;
    Ok(())
}

/// Links that are followed, as many as Linux follows itself.
const MOST_LINKS: usize = 40;

/// Where a file is to be written.
pub(crate) struct Target {
    /// Its place, behind links.
    pub path: PathBuf,
    /// The permissions of the file that is there.
    pub permissions: Option<Permissions>,
}

impl Target {
    /// The file at `path`, which exists or can be made.
    ///
    /// # Errors
    /// What is there is no regular file, or there is no folder for it.
    pub fn of(path: &Path) -> Result<Target, MagicError> {
        let shown = path.display();
        let target = followed(path)?;
        let permissions = match std::fs::metadata(&target) {
            Ok(there) if there.is_file() => Some(there.permissions()),
            Ok(there) if there.is_dir() => {
                return Err(
                    MagicError::usage(format!("cannot write {shown}: it is a folder")).with_hint("name a file in it")
                );
            }
            Ok(_) => {
                return Err(
                    MagicError::usage(format!("cannot write {shown}: it is no regular file"))
                        .with_hint("name another file"),
                );
            }
            Err(_) => {
                folder_of(&target)?;
                None
            }
        };
        Ok(Target {
            path: target,
            permissions,
        })
    }
}

/// What a path leads to behind symbolic links; it need not be there.
pub(crate) fn followed(path: &Path) -> Result<PathBuf, MagicError> {
    // A slash at the end would hide that it is a link.
    let mut target: PathBuf = path.components().collect();
    for _ in 0..MOST_LINKS {
        match std::fs::read_link(&target) {
            Ok(next) => target = target.parent().unwrap_or(Path::new("/")).join(next),
            // It is no link, or nothing is there.
            Err(_) => return Ok(target),
        }
    }
    Err(
        MagicError::usage(format!("cannot write {}: its links lead nowhere", path.display()))
            .with_hint("name another file"),
    )
}

/// The folder of a path; an error if it is not there.
pub(crate) fn folder_of(path: &Path) -> Result<&Path, MagicError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    if folder.is_dir() {
        return Ok(folder);
    }
    let folder = folder.display();
    Err(
        MagicError::not_found(format!("cannot write {}: there is no folder {folder}", path.display()))
            .with_hint(format!("`!mkdir -p {folder}` makes it")),
    )
}

/// So many bytes are handed to the disk at once, which takes less than half a second.
const PIECE: usize = 16 << 20;

/// Writes a file beside its place and moves it there: readers see the old one or the new one, and a full disk
/// leaves the old one, and so does a stop.
pub(crate) fn file(path: &Path, content: &[u8], transfer: &dyn Transfer) -> Result<(), MagicError> {
    let fail = |error: std::io::Error| MagicError::file(path, "write", &error);
    let target = Target::of(path)?;
    // As any other program would make it; the process's umask takes its part.
    let permissions = target.permissions.clone().unwrap_or(Permissions::from_mode(0o666));
    let mut file = tempfile::Builder::new()
        .prefix(".ironsage-")
        .permissions(permissions)
        .tempfile_in(folder_of(&target.path)?)
        .map_err(fail)?;
    let mut written = 0;
    for piece in content.chunks(PIECE) {
        if transfer.stop() {
            return Err(MagicError::interrupted(format!(
                "writing {} was stopped; what was there is as it was",
                path.display()
            )));
        }
        file.write_all(piece).map_err(fail)?;
        file.as_file().sync_data().map_err(fail)?;
        written += piece.len() as u64;
        transfer.moved(written, content.len() as u64);
    }
    if let Some(permissions) = target.permissions {
        file.as_file().set_permissions(permissions).map_err(fail)?;
    }
    file.as_file().sync_all().map_err(fail)?;
    file.persist(&target.path).map_err(|error| fail(error.error))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use ironsage_display::testing::Recorder;

    use super::*;
    use crate::data::read;
    use crate::data::source::Watch;
    use crate::error::ErrorKind;

    #[test]
    fn every_format_reads_back() {
        let frame =
            df!("a" => [Some(1i64), None, Some(3)], "b" => ["x", "y,\"z\"", "ü"], "c" => [0.5, f64::MAX, -1e-9])
                .unwrap();
        for (format, name) in [
            (Format::Csv, "t.csv"),
            (Format::Tsv, "t.tsv"),
            (Format::Parquet, "t.parquet"),
            (Format::Ndjson, "t.ndjson"),
            (Format::Json, "t.json"),
            (Format::Ipc, "t.arrow"),
        ] {
            let content = bytes(&frame, format, &Options::default()).unwrap();
            let back = read::content(&content, name, &[], &read::Options::default(), false)
                .unwrap()
                .frame;
            assert!(back.equals_missing(&frame), "{format}: {back}");
        }
    }

    #[test]
    fn a_file_is_replaced_whole_and_no_folder_is_made() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.csv");
        file(&path, b"one", &()).unwrap();
        file(&path, b"two", &()).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"two");
        let error = file(&folder.path().join("new/t.csv"), b"three", &()).unwrap_err();
        assert!(error.hint.unwrap().starts_with("`!mkdir -p "));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_whose_writing_is_stopped_is_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.csv");
        file(&path, b"one", &()).unwrap();
        let front = Recorder::new();
        front.interrupt_after(2);
        let error = file(
            &path,
            &vec![0; 3 * PIECE],
            &Watch::new(&front, "t.csv", 3 * PIECE as u64),
        )
        .unwrap_err();
        assert_eq!(error.kind, ErrorKind::Interrupted);
        assert!(front.plain().starts_with("t.csv: stopped · "), "{}", front.plain());
        assert_eq!(std::fs::read(&path).unwrap(), b"one");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_is_replaced_is_the_file_behind_links_and_keeps_its_mode() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let mode = |name: &str| std::fs::metadata(path(name)).unwrap().permissions().mode() & 0o7777;
        let link = |to: &str, name: &str| std::os::unix::fs::symlink(to, path(name)).unwrap();
        std::fs::create_dir(path("deep")).unwrap();
        link("../hidden.csv", "deep/first");
        link("deep/first", "second");
        // A link to what is not there yet is followed, too.
        for content in ["one", "two"] {
            file(&path("second"), content.as_bytes(), &()).unwrap();
            assert_eq!(std::fs::read_to_string(path("hidden.csv")).unwrap(), content);
        }
        for kept in [0o600, 0o666, 0o750] {
            std::fs::set_permissions(path("hidden.csv"), Permissions::from_mode(kept)).unwrap();
            file(&path("second"), b"three", &()).unwrap();
            assert_eq!(mode("hidden.csv"), kept);
        }
        assert!(path("second").symlink_metadata().unwrap().is_symlink());

        link("round", "round");
        link("/dev/null", "null");
        for (name, told) in [
            ("deep", "it is a folder"),
            ("round", "its links lead nowhere"),
            ("null", "it is no regular file"),
        ] {
            let error = file(&path(name), b"four", &()).unwrap_err();
            assert_eq!(error.message, format!("cannot write {}: {told}", path(name).display()));
        }
        assert!(!std::fs::metadata("/dev/null").unwrap().is_file());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 5);
    }
}
