//! A frame as the bytes of a file, and a file that appears whole or not at all.

use std::io::Write;
use std::path::Path;

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
        Format::Recordio | Format::Libsvm => content = records::bytes(&frame, format, options.label.as_deref())?,
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

/// Writes a file beside its place and moves it there: readers see the old one or the new one, and a full disk
/// leaves the old one.
pub(crate) fn file(path: &Path, content: &[u8]) -> Result<(), MagicError> {
    let fail = |error: std::io::Error| MagicError::file(path, "write", &error);
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    if !folder.is_dir() {
        let folder = folder.display();
        return Err(
            MagicError::not_found(format!("cannot write {}: there is no folder {folder}", path.display()))
                .with_hint(format!("`!mkdir -p {folder}` makes it")),
        );
    }
    let mut file = tempfile::Builder::new()
        .prefix(".ironsage-")
        .permissions(permissions())
        .tempfile_in(folder)
        .map_err(fail)?;
    file.write_all(content).map_err(fail)?;
    file.as_file().sync_all().map_err(fail)?;
    file.persist(path).map_err(|error| fail(error.error))?;
    Ok(())
}

/// As any other program would make it; the process's umask takes its part.
fn permissions() -> std::fs::Permissions {
    std::os::unix::fs::PermissionsExt::from_mode(0o666)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::data::read;

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
        file(&path, b"one").unwrap();
        file(&path, b"two").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"two");
        let error = file(&folder.path().join("new/t.csv"), b"three").unwrap_err();
        assert!(error.hint.unwrap().starts_with("`!mkdir -p "));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
