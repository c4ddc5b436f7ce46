//! The sources that an executable carries, unpacked where cargo can build them.
//!
//! `kernel/build.rs` makes the archive: gzip over, for each file, a line with its path, one with its length, and its
//! content. Cargo tells by a file's time whether it has changed, so what is there already and the same is left alone, and
//! a build after an update of Ironsage compiles only what the update has changed. What a killed process left half written
//! differs, and is written again.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::{Component, Path, PathBuf};

use flate2::read::GzDecoder;

use super::error::{WarmError, at};

/// Makes the folder hold what the archive holds, and nothing else.
pub fn unpack(sources: &[u8], folder: &Path) -> Result<(), WarmError> {
    let damaged = |reason: &str| WarmError::Sources {
        reason: reason.to_owned(),
    };
    let mut bytes = Vec::new();
    GzDecoder::new(sources)
        .read_to_end(&mut bytes)
        .map_err(|error| damaged(&error.to_string()))?;
    let mut wanted = BTreeSet::new();
    let mut rest = bytes.as_slice();
    while !rest.is_empty() {
        let (name, content) = next_file(&mut rest).ok_or_else(|| damaged("a file is not whole"))?;
        let inside = |part: Component<'_>| matches!(part, Component::Normal(_));
        if !Path::new(name).components().all(inside) {
            return Err(damaged(&format!("`{name}` leads outside")));
        }
        let path = folder.join(name);
        write_if_other(&path, content)?;
        wanted.insert(path);
    }
    remove_others(folder, &wanted)
}

fn next_file<'a>(rest: &mut &'a [u8]) -> Option<(&'a str, &'a [u8])> {
    let mut line = || {
        let end = rest.iter().position(|byte| *byte == b'\n')?;
        let line = std::str::from_utf8(&rest[..end]).ok()?;
        *rest = &rest[end + 1..];
        Some(line)
    };
    let name = line()?;
    let length = line()?.parse().ok()?;
    let (content, others) = rest.split_at_checked(length)?;
    *rest = others;
    Some((name, content))
}

fn write_if_other(path: &Path, content: &[u8]) -> Result<(), WarmError> {
    if std::fs::read(path).is_ok_and(|there| there == content) {
        return Ok(());
    }
    let folder = path.parent().unwrap_or(path);
    std::fs::create_dir_all(folder).map_err(at(folder))?;
    std::fs::write(path, content).map_err(at(path))
}

/// A module that is no more, or a bench that cargo would take for one of the package's.
fn remove_others(folder: &Path, wanted: &BTreeSet<PathBuf>) -> Result<(), WarmError> {
    for entry in std::fs::read_dir(folder).map_err(at(folder))? {
        let path = entry.map_err(at(folder))?.path();
        if path.is_dir() && !path.is_symlink() {
            remove_others(&path, wanted)?;
            // It stays where there is something left in it.
            let _ = std::fs::remove_dir(&path);
        } else if !wanted.contains(&path) {
            std::fs::remove_file(&path).map_err(at(&path))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn archive(files: &[(&str, &str)]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        for (name, content) in files {
            write!(encoder, "{name}\n{}\n{content}", content.len()).unwrap();
        }
        encoder.finish().unwrap()
    }

    #[test]
    fn what_is_the_same_keeps_its_time_and_what_is_not_is_replaced() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("sources");
        let time = |name: &str| folder.join(name).metadata().unwrap().modified().unwrap();
        unpack(
            &archive(&[("a/b.rs", "one\n"), ("c.rs", ""), ("old/d.rs", "x")]),
            &folder,
        )
        .unwrap();
        let long_ago = std::time::SystemTime::UNIX_EPOCH;
        for name in ["a/b.rs", "c.rs"] {
            std::fs::File::open(folder.join(name))
                .unwrap()
                .set_modified(long_ago)
                .unwrap();
        }
        unpack(&archive(&[("a/b.rs", "one\n"), ("c.rs", "two")]), &folder).unwrap();
        assert_eq!(time("a/b.rs"), long_ago);
        assert!(time("c.rs") > long_ago);
        assert_eq!(std::fs::read_to_string(folder.join("c.rs")).unwrap(), "two");
        assert!(!folder.join("old").exists());
    }

    #[test]
    fn a_damaged_archive_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let whole = archive(&[("a", "content")]);
        let inside = [archive(&[("a", "content")]), b"no gzip".to_vec()].concat();
        assert!(unpack(&inside, folder.path()).is_ok(), "gzip ends where it ends");
        for bytes in [&whole[..whole.len() - 9], b"", b"no gzip"] {
            assert!(matches!(unpack(bytes, folder.path()), Err(WarmError::Sources { .. })));
        }
        let outside = archive(&[("../a", "content")]);
        assert!(matches!(
            unpack(&outside, folder.path()),
            Err(WarmError::Sources { .. })
        ));
    }
}
