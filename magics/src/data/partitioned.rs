//! A frame cut into folders called `name=value`, as Hive and Spark lay files out.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use ironsage_client::Transfer;
use polars::prelude::*;

use crate::data::write::{self, Target};
use crate::error::MagicError;
use crate::text;

/// More folders than anybody wants: the column is rather an identifier.
const MOST_FOLDERS: usize = 10_000;

/// The rows of each folder, without the columns that its name says; folders in the order in which they appear.
pub(crate) fn parts(
    frame: &DataFrame,
    frame_name: &str,
    columns: &[String],
) -> Result<Vec<(String, DataFrame)>, MagicError> {
    for column in columns {
        text::column(frame, frame_name, column)?;
    }
    if columns.len() >= frame.width() {
        return Err(MagicError::usage("--partition-by leaves no column for the files").with_hint("name fewer columns"));
    }
    let keys = frame.select(columns.iter().map(String::as_str))?;
    let count = keys.unique_stable(None, UniqueKeepStrategy::First, None)?.height();
    if count > MOST_FOLDERS {
        return Err(MagicError::usage(format!(
            "--partition-by {} would make {} folders",
            columns.join(","),
            ironsage_display::text::count(count as u64)
        ))
        .with_hint("name columns of few values"));
    }
    let groups = frame.partition_by_stable(columns.iter().map(String::as_str), true)?;
    let folder = |group: &DataFrame| {
        let names = columns.iter().map(|column| {
            let value = group.column(column)?.head(Some(1)).cast(&DataType::String)?;
            let value = value.str()?.get(0).filter(|value| !value.is_empty());
            let value = value.map_or_else(|| "__HIVE_DEFAULT_PARTITION__".to_owned(), encoded);
            Ok(format!("{}={value}", encoded(column)))
        });
        names.collect::<PolarsResult<Vec<String>>>()
    };
    let part = |group: DataFrame| {
        let folder = folder(&group)?.join("/");
        Ok((folder, group.drop_many(columns.iter().map(String::as_str))))
    };
    let parts: Vec<(String, DataFrame)> = groups.into_iter().map(part).collect::<PolarsResult<_>>()?;
    let mut folders = HashSet::new();
    if let Some((twice, _)) = parts.iter().find(|(folder, _)| !folders.insert(folder)) {
        return Err(
            MagicError::data(format!("two values would have the one folder {twice}")).with_hint(
                "an empty text and a missing value are the same in the name of a folder: make them one in `%%sql`",
            ),
        );
    }
    Ok(parts)
}

/// As it can stand in the name of a folder: what might mean something there is written as in URLs.
fn encoded(text: &str) -> String {
    let mut name = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '-' | '_' | '.' => name.push(character),
            plain if plain.is_alphanumeric() => name.push(plain),
            other => {
                let mut bytes = [0; 4];
                for byte in other.encode_utf8(&mut bytes).bytes() {
                    name.push_str(&format!("%{byte:02X}"));
                }
            }
        }
    }
    name
}

/// Files that are written beside their folder, and moved into it one by one when all of them are there.
pub(crate) struct Staged {
    folder: PathBuf,
    stage: tempfile::TempDir,
    files: Vec<String>,
}

impl Staged {
    /// A stage for the folder `path`, whose own folder exists.
    pub fn new(path: &Path) -> Result<Staged, MagicError> {
        let folder = write::followed(path)?;
        let stage = tempfile::Builder::new()
            .prefix(".ironsage-")
            .tempdir_in(write::folder_of(&folder)?)
            .map_err(|error| MagicError::file(path, "write", &error))?;
        Ok(Staged {
            folder,
            stage,
            files: Vec::new(),
        })
    }

    /// Writes one file, `name` with its folders.
    pub fn write(&mut self, name: &str, content: &[u8], transfer: &dyn Transfer) -> Result<(), MagicError> {
        let path = self.stage.path().join(name);
        made_for(&path)?;
        write::file(&path, content, transfer)?;
        self.files.push(name.to_owned());
        Ok(())
    }

    /// Moves all of them into their folder; none, where one of them cannot be there.
    pub fn finish(self) -> Result<(), MagicError> {
        let mut moves = Vec::with_capacity(self.files.len());
        for name in &self.files {
            let path = self.folder.join(name);
            made_for(&path)?;
            moves.push((self.stage.path().join(name), Target::of(&path)?));
        }
        for (from, target) in moves {
            let fail = |error: std::io::Error| MagicError::file(&target.path, "write", &error);
            if let Some(permissions) = target.permissions.clone() {
                std::fs::set_permissions(&from, permissions).map_err(fail)?;
            }
            std::fs::rename(&from, &target.path).map_err(fail)?;
        }
        Ok(())
    }
}

fn made_for(path: &Path) -> Result<(), MagicError> {
    match path.parent() {
        Some(folder) => std::fs::create_dir_all(folder).map_err(|error| MagicError::file(folder, "make", &error)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn rows_go_to_the_folder_of_their_values() {
        let frame = df!("year" => [2023, 2024, 2023], "kind" => [Some("a/b"), None, Some("a/b")], "fare" => [1, 2, 3]);
        let frame = frame.unwrap();
        let columns = ["year".to_owned(), "kind".to_owned()];
        let parts = parts(&frame, "trips", &columns).unwrap();
        let folders: Vec<&str> = parts.iter().map(|part| part.0.as_str()).collect();
        assert_eq!(
            folders,
            ["year=2023/kind=a%2Fb", "year=2024/kind=__HIVE_DEFAULT_PARTITION__"]
        );
        assert!(parts[0].1.equals(&df!("fare" => [1, 3]).unwrap()));
        assert!(
            super::parts(&frame, "trips", &["yeer".to_owned()])
                .unwrap_err()
                .hint
                .unwrap()
                .contains("year")
        );
        let all = ["year", "kind", "fare"].map(str::to_owned);
        assert!(super::parts(&frame, "trips", &all).is_err());
        let many = df!("id" => (0..10_001).collect::<Vec<i32>>(), "a" => vec![1; 10_001]).unwrap();
        let error = super::parts(&many, "many", &["id".to_owned()]).unwrap_err();
        assert_eq!(error.message, "--partition-by id would make 10,001 folders");
    }

    #[test]
    fn nothing_is_seen_of_files_before_all_are_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("trips");
        let mut staged = Staged::new(&path).unwrap();
        staged.write("year=2023/part-0.csv", b"one", &()).unwrap();
        assert!(!path.exists());
        drop(staged);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        let mut staged = Staged::new(&path).unwrap();
        staged.write("year=2023/part-0.csv", b"one", &()).unwrap();
        staged.finish().unwrap();
        assert_eq!(std::fs::read(path.join("year=2023/part-0.csv")).unwrap(), b"one");
    }
    #[test]
    fn folders_behind_a_link_keep_the_modes_of_their_files() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let far = tempfile::tempdir().unwrap();
        let (path, file) = (
            folder.path().join("trips"),
            far.path().join("trips/year=2023/part-0.csv"),
        );
        std::os::unix::fs::symlink(far.path().join("trips"), &path).unwrap();
        for content in ["one", "two"] {
            let mut staged = Staged::new(&folder.path().join("trips/")).unwrap();
            staged.write("year=2023/part-0.csv", content.as_bytes(), &()).unwrap();
            staged.finish().unwrap();
            assert_eq!(std::fs::read_to_string(&file).unwrap(), content);
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
        }
        assert!(path.symlink_metadata().unwrap().is_symlink());
        let mut staged = Staged::new(&path).unwrap();
        staged.write("year=2022/part-0.csv", b"three", &()).unwrap();
        staged.write("year=2023/part-0.csv", b"three", &()).unwrap();
        staged.finish().unwrap();
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);

        // Where one cannot be, none is moved.
        std::fs::remove_file(&file).unwrap();
        std::fs::create_dir(&file).unwrap();
        let mut staged = Staged::new(&path).unwrap();
        staged.write("year=2022/part-0.csv", b"four", &()).unwrap();
        staged.write("year=2023/part-0.csv", b"four", &()).unwrap();
        assert!(
            staged
                .finish()
                .unwrap_err()
                .message
                .ends_with("part-0.csv: it is a folder")
        );
        assert_eq!(
            std::fs::read(far.path().join("trips/year=2022/part-0.csv")).unwrap(),
            b"three"
        );
    }
}
