//! A listing as a tree: folders with the number and size of all that lies in them, objects with size and time.

use std::collections::BTreeMap;

use ironsage_client::Object;
use ironsage_contract::S3Uri;
use ironsage_display::text as words;

use super::list::time_of;

/// A folder shows no more than so many of its own objects.
const OF_A_FOLDER: usize = 20;
/// A tree has no more lines than this.
const LINES: usize = 500;

#[derive(Default)]
struct Folder<'a> {
    folders: BTreeMap<&'a str, Folder<'a>>,
    objects: Vec<(&'a str, &'a Object)>,
    /// Objects here and below.
    count: u64,
    size: u64,
}

impl<'a> Folder<'a> {
    fn add(&mut self, path: &'a str, object: &'a Object) {
        self.count += 1;
        self.size += object.size;
        match path.split_once('/') {
            Some((folder, rest)) => self.folders.entry(folder).or_default().add(rest, object),
            // The mark that a console leaves for an empty folder: the folder itself is shown.
            None if path.is_empty() => {}
            None => self.objects.push((path, object)),
        }
    }

    /// A line each: what is drawn, and what is told beside it.
    fn draw(&self, indent: &str, lines: &mut Vec<(String, String)>) {
        let more = self.objects.len().saturating_sub(OF_A_FOLDER);
        let entries = self.folders.len() + self.objects.len() - more + usize::from(more > 0);
        let mut drawn = 0;
        let mut branch = || {
            drawn += 1;
            if drawn == entries {
                ("└── ", "    ")
            } else {
                ("├── ", "│   ")
            }
        };
        for (name, folder) in &self.folders {
            let (fork, below) = branch();
            let told = format!(
                "{}, {}",
                words::counted(folder.count, "object"),
                words::bytes(folder.size)
            );
            lines.push((format!("{indent}{fork}{name}/"), told));
            folder.draw(&format!("{indent}{below}"), lines);
        }
        for (name, object) in self.objects.iter().take(OF_A_FOLDER) {
            let time = object.modified.and_then(time_of).unwrap_or_default();
            let told = format!("{}  {time}", words::bytes(object.size));
            lines.push((format!("{indent}{}{name}", branch().0), told.trim_end().to_owned()));
        }
        if more > 0 {
            let more = format!("{indent}{}… {} more", branch().0, words::count(more as u64));
            lines.push((more, String::new()));
        }
    }
}

/// The tree of all `objects`, which lie below `uri`.
pub(super) fn tree(uri: &S3Uri, objects: &[Object]) -> String {
    // Names are shown from the last folder of the address on.
    let shown_from = uri.key().rfind('/').map_or(0, |slash| slash + 1);
    let root = uri.with_key(&uri.key()[..shown_from]);
    let mut folder = Folder::default();
    for object in objects {
        folder.add(&object.key[shown_from..], object);
    }
    let mut lines = Vec::new();
    folder.draw("", &mut lines);
    let left_out = lines.len().saturating_sub(LINES);
    lines.truncate(LINES);
    let width = lines.iter().map(|(drawn, _)| drawn.chars().count()).max().unwrap_or(0);
    let mut out = vec![root.to_string()];
    out.extend(lines.iter().map(|(drawn, told)| {
        let line = format!("{drawn:<width$}  {told}");
        line.trim_end().to_owned()
    }));
    if left_out > 0 {
        out.push(format!(
            "… {} more lines; `%s3 ls -r {uri} -o files` has every object",
            words::count(left_out as u64)
        ));
    }
    out.join("\n")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn object(key: &str, size: u64) -> Object {
        Object {
            key: key.to_owned(),
            size,
            modified: None,
            etag: None,
        }
    }

    fn drawn(uri: &str, objects: &[Object]) -> String {
        tree(&uri.parse().unwrap(), objects)
    }

    #[test]
    fn folders_come_first_and_tell_what_they_hold() {
        let objects = [
            object("a.csv", 10),
            object("raw/", 0),
            object("raw/2024/x.csv", 5),
            object("raw/2024/y.csv", 7),
            object("raw/z.csv", 1),
        ];
        insta::assert_snapshot!(drawn("s3://shells", &objects), @r"
        s3://shells
        ├── raw/           4 objects, 13 B
        │   ├── 2024/      2 objects, 12 B
        │   │   ├── x.csv  5 B
        │   │   └── y.csv  7 B
        │   └── z.csv      1 B
        └── a.csv          10 B
        ");
    }

    #[test]
    fn names_begin_at_the_folder_that_was_asked_for() {
        let objects = [object("raw/ab/x", 1), object("raw/abc", 2)];
        insta::assert_snapshot!(drawn("s3://shells/raw/ab", &objects), @r"
        s3://shells/raw/
        ├── ab/    1 object, 1 B
        │   └── x  1 B
        └── abc    2 B
        ");
    }

    #[test]
    fn a_tree_stays_readable_however_much_there_is() {
        let many: Vec<Object> = (0..25).map(|n| object(&format!("k{n:02}"), 1)).collect();
        let shown = drawn("s3://shells", &many);
        assert_eq!(shown.lines().count(), 1 + OF_A_FOLDER + 1);
        assert!(shown.ends_with("└── … 5 more"), "{shown}");
        let wide: Vec<Object> = (0..600).map(|n| object(&format!("{n}/k"), 1)).collect();
        let shown = drawn("s3://shells", &wide);
        assert_eq!(shown.lines().count(), 1 + LINES + 1);
        assert!(
            shown.contains("… 700 more lines; `%s3 ls -r s3://shells -o files`"),
            "{shown}"
        );
    }
}
