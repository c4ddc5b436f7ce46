//! `model.tar.gz` into a folder of its own, with nothing in it trusted: no absolute path, no
//! `..`, no link that leads outside, no device, no more bytes than a disk should be asked for.

use std::fs::File;
use std::io::Read;
use std::path::{Component, Path, PathBuf};

use flate2::read::MultiGzDecoder;
use tar::{Archive, EntryType};

/// What a model may unpack to at most. A bomb of a few kilobytes can grow a thousandfold.
const MAX_BYTES: u64 = 50 * 1024 * 1024 * 1024;
/// How many files a model may have at most.
const MAX_ENTRIES: usize = 200_000;

/// Why an archive is not unpacked, in words for `FailureReason`.
#[derive(Debug, thiserror::Error)]
pub enum UnpackError {
    /// It is no gzip-compressed tar file, or is cut short.
    #[error("the model data is not a readable .tar.gz: {0}")]
    Archive(#[source] std::io::Error),
    /// An entry would lie outside the model's folder, or is no file, folder or inner link.
    #[error("the model data holds {what} ({path}), which is refused")]
    Refused {
        /// What is wrong.
        what: &'static str,
        /// The entry.
        path: String,
    },
    /// It is larger than allowed.
    #[error("the model data unpacks to more than {0}")]
    TooLarge(&'static str),
    /// A file could not be written.
    #[error("{path}: {source}")]
    Write {
        /// The file.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
}

/// The path inside the folder, or why not.
fn inner(path: &Path) -> Result<PathBuf, UnpackError> {
    let refused = |what| UnpackError::Refused {
        what,
        path: path.display().to_string(),
    };
    let mut inner = PathBuf::new();
    for component in path.components() {
        match component {
            Component::Normal(part) => inner.push(part),
            Component::CurDir => {}
            Component::ParentDir => return Err(refused("a path with ..")),
            Component::RootDir | Component::Prefix(_) => return Err(refused("an absolute path")),
        }
    }
    Ok(inner)
}

/// Unpacks into a folder that exists and is empty.
pub fn unpack(archive: impl Read, folder: &Path) -> Result<(), UnpackError> {
    let mut archive = Archive::new(MultiGzDecoder::new(archive));
    let (mut bytes, mut entries) = (0_u64, 0_usize);
    for entry in archive.entries().map_err(UnpackError::Archive)? {
        let mut entry = entry.map_err(UnpackError::Archive)?;
        let named = entry.path().map_err(UnpackError::Archive)?.into_owned();
        let refused = |what| UnpackError::Refused {
            what,
            path: named.display().to_string(),
        };
        let inside = inner(&named)?;
        entries += 1;
        if entries > MAX_ENTRIES {
            return Err(UnpackError::TooLarge("200,000 files"));
        }
        let path = folder.join(&inside);
        let failed = |source| UnpackError::Write {
            path: path.display().to_string(),
            source,
        };
        match entry.header().entry_type() {
            EntryType::Directory => std::fs::create_dir_all(&path).map_err(failed)?,
            EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => {
                if inside.as_os_str().is_empty() {
                    return Err(refused("a file without a name"));
                }
                if let Some(parent) = path.parent() {
                    std::fs::create_dir_all(parent).map_err(failed)?;
                }
                bytes = bytes.saturating_add(entry.size());
                if bytes > MAX_BYTES {
                    return Err(UnpackError::TooLarge("50 GiB"));
                }
                // No link is ever made, so no earlier entry can have led this path outside.
                let mut file = File::create(&path).map_err(failed)?;
                let copied = std::io::copy(&mut entry, &mut file).map_err(|source| {
                    if crate::store::is_full(&source) {
                        failed(source)
                    } else {
                        UnpackError::Archive(source)
                    }
                })?;
                debug_assert!(copied <= bytes);
                // The folder is used again after a restart, so what is in it must be whole.
                file.sync_all().map_err(failed)?;
            }
            EntryType::XGlobalHeader | EntryType::XHeader | EntryType::GNULongName | EntryType::GNULongLink => {}
            EntryType::Link | EntryType::Symlink => return Err(refused("a link")),
            _ => return Err(refused("a device or another special file")),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use std::io::Write;

    fn archive(build: impl FnOnce(&mut tar::Builder<GzEncoder<Vec<u8>>>)) -> Vec<u8> {
        let mut builder = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
        build(&mut builder);
        builder.into_inner().unwrap().finish().unwrap()
    }

    fn file(builder: &mut tar::Builder<GzEncoder<Vec<u8>>>, path: &str, bytes: &[u8]) {
        let mut header = tar::Header::new_gnu();
        // Written raw: the builder itself refuses such paths.
        header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        builder.append(&header, bytes).unwrap();
    }

    #[test]
    fn files_and_folders_come_out() {
        let folder = tempfile::tempdir().unwrap();
        let bytes = archive(|builder| {
            file(builder, "./model_algo-1", b"weights");
            file(builder, "code/inference.py", b"pass");
        });
        unpack(bytes.as_slice(), folder.path()).unwrap();
        assert_eq!(std::fs::read(folder.path().join("model_algo-1")).unwrap(), b"weights");
        assert_eq!(std::fs::read(folder.path().join("code/inference.py")).unwrap(), b"pass");
    }

    #[test]
    fn what_leads_outside_is_refused_and_not_written() {
        let outer = tempfile::tempdir().unwrap();
        let folder = outer.path().join("model");
        std::fs::create_dir(&folder).unwrap();
        for path in ["../evil", "a/../../evil", "/tmp/ironsage-evil-test"] {
            let bytes = archive(|builder| file(builder, path, b"evil"));
            let error = unpack(bytes.as_slice(), &folder).unwrap_err();
            assert!(matches!(error, UnpackError::Refused { .. }), "{path}: {error}");
        }
        let link = archive(|builder| {
            let mut header = tar::Header::new_gnu();
            header.set_entry_type(EntryType::Symlink);
            header.set_size(0);
            header.set_cksum();
            builder.append_link(&mut header, "out", "/etc").unwrap();
            file(builder, "out/passwd", b"evil");
        });
        assert!(
            unpack(link.as_slice(), &folder)
                .unwrap_err()
                .to_string()
                .contains("a link (out)")
        );
        assert!(!outer.path().join("evil").exists() && !Path::new("/tmp/ironsage-evil-test").exists());
    }

    #[test]
    fn what_is_no_archive_is_said_to_be_none() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(
            unpack(b"not gzip".as_slice(), folder.path()),
            Err(UnpackError::Archive(_))
        ));
        let whole = archive(|builder| file(builder, "a", &[7; 100_000]));
        assert!(matches!(
            unpack(&whole[..whole.len() / 2], folder.path()),
            Err(UnpackError::Archive(_))
        ));
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        gzip.write_all(&[1; 2000]).unwrap();
        assert!(unpack(gzip.finish().unwrap().as_slice(), folder.path()).is_err());
    }
}
