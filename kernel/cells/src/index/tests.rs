//! The index of two small crates that are made as Polars is: private modules, globs across crates, aliases, traits.
#![allow(clippy::unwrap_used)]

use std::collections::HashSet;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::AtomicBool;

use super::assemble::assemble;
use super::build::{Documented, Rustdoc, Sources, read_all};
use super::{FILE, Id, Index, Kind};
use crate::toolchain::Toolchain;

const BASE: &str = r##"
//! What the other re-exports.
mod frame {
    /// A table. See [`Column`](crate::column::Column).
    #[derive(Clone)]
    pub struct DataFrame {
        /// How many rows it has.
        pub height: usize,
        own: u8,
    }
    impl DataFrame {
        /// One without rows.
        pub fn empty() -> DataFrame { loop {} }
        /// The first rows.
        ///
        /// ```
        /// # use base::DataFrame;
        /// let head = DataFrame::empty().head(Some(1));
        /// ```
        pub fn head(&self, length: Option<usize>) -> Self { loop {} }
        pub fn column<S: AsRef<str>>(&self, name: S) -> Result<&crate::column::Column, String> where S: Clone { loop {} }
        pub fn schema(&self) -> &std::sync::Arc<crate::schema::Schema<u8>> { loop {} }
        pub fn map<F: Fn(crate::Expr) -> crate::Expr>(&self, f: F) -> Self { loop {} }
        pub fn _inner(&self) {}
        #[doc(hidden)]
        pub fn secret(&self) {}
        fn private(&self) {}
    }
}
pub use frame::*;

pub mod schema {
    pub struct Schema<D>(D);
    impl<D> Schema<D> { pub fn get(&self, name: &str) -> Option<&D> { loop {} } }
}

pub mod column {
    pub struct Column;
    impl std::ops::Deref for Column {
        type Target = dyn ColumnTrait;
        fn deref(&self) -> &Self::Target { loop {} }
    }
    pub trait ColumnTrait { fn sum(&self) -> f64; }
}

pub struct ChunkedArray<T>(std::marker::PhantomData<T>);
pub struct Text;
pub struct Number;
pub type TextChunked = ChunkedArray<Text>;
impl<T> ChunkedArray<T> { pub fn len(&self) -> usize { 0 } }
impl ChunkedArray<Text> { pub fn upper(&self) -> TextChunked { loop {} } }
impl ChunkedArray<Number> { pub fn total(&self) -> f64 { 0.0 } }
pub struct Logical<K, T>(K, ChunkedArray<T>);
impl<K, T> std::ops::Deref for Logical<K, T> {
    type Target = ChunkedArray<T>;
    fn deref(&self) -> &ChunkedArray<T> { &self.1 }
}

pub trait TextMethods { fn contains(&self, what: &str) -> bool; }
impl TextMethods for TextChunked { fn contains(&self, _: &str) -> bool { false } }
/// Makes plans.
pub trait IntoLazy { /// A plan that begins with this.
    fn lazy(self) -> Expr; }
impl IntoLazy for DataFrame { fn lazy(self) -> Expr { Expr } }
pub trait IntoDf {}
impl IntoDf for DataFrame {}
pub trait FrameOps: IntoDf { fn dummies(&self) {} }
impl<T: IntoDf> FrameOps for T {}

/// How to join.
pub enum JoinType { /// Rows of both. 
    Inner, Left { strict: bool }, Other(u8) }
#[derive(Clone)]
pub struct Expr;
impl Expr { pub fn alias(self, name: &str) -> Expr { self } }
/// An expression.
pub fn col(name: &str) -> Expr { Expr }
/// A frame from columns.
#[macro_export]
macro_rules! df { ($($name:expr => $values:expr),+) => { $crate::DataFrame::empty() } }
"##;

const POLARS: &str = "
pub mod prelude { pub use base::*; pub use base::column::Column; pub use base::JoinType::Inner as INNER; }
pub use base::df;
#[doc(hidden)]
pub use base;
";

/// Documents the two crates, and leaves their metadata and the index in a folder.
pub(crate) fn sample(folder: &Path) {
    let toolchain = Toolchain::find().unwrap();
    let mut crates = Vec::new();
    for (name, source) in [("base", BASE), ("polars", POLARS)] {
        let file = folder.join(name).with_extension("rs");
        std::fs::write(&file, source).unwrap();
        let dependencies = match name {
            "polars" => vec![("base".to_owned(), folder.join("libbase.rmeta"))],
            _ => Vec::new(),
        };
        let compiled = Command::new(&toolchain.rustc)
            .args([
                "--edition=2024",
                "--crate-type=lib",
                "--emit=metadata",
                "-Awarnings",
                "--crate-name",
                name,
            ])
            .arg("-o")
            .arg(folder.join(format!("lib{name}.rmeta")))
            .arg(format!("-Ldependency={}", folder.display()))
            .args(
                dependencies
                    .iter()
                    .map(|(name, file)| format!("--extern={name}={}", file.display())),
            )
            .arg(&file)
            .status();
        assert!(compiled.unwrap().success());
        crates.push(Documented {
            name: name.to_owned(),
            crate_name: name.to_owned(),
            version: "1.2.3".to_owned(),
            edition: "2024".to_owned(),
            source: file,
            folder: folder.to_owned(),
            features: Vec::new(),
            cfgs: Vec::new(),
            env: Vec::new(),
            dependencies,
            kind: Sources::Workspace,
        });
    }
    // One that cannot be read is left out.
    crates.push(Documented {
        name: "broken".to_owned(),
        crate_name: "broken".to_owned(),
        source: folder.join("nowhere.rs"),
        ..crates[0].clone()
    });
    let rustdoc = Rustdoc {
        program: toolchain.rustc.with_file_name("rustdoc"),
        dependencies: folder.to_owned(),
        output: folder.to_owned(),
        stop: AtomicBool::new(false),
    };
    let index = assemble(read_all(&crates, &rustdoc, &|_| {}, &|| false).drafts);
    std::fs::write(folder.join(FILE), index.encode()).unwrap();
}

fn names(index: &Index, rust_type: &str, scope: &HashSet<Id>) -> Vec<String> {
    let found = index.members(rust_type, scope);
    found.iter().map(|found| found.name.to_owned()).collect()
}

#[test]
fn a_crate_is_read_by_the_paths_that_a_cell_has_for_it() {
    let folder = tempfile::tempdir().unwrap();
    sample(folder.path());
    let index = Index::load(&folder.path().join(FILE)).unwrap();
    let none = HashSet::new();

    // By any public path, by that of the definition, below a hidden re-export, and where only the name is known.
    for path in [
        "polars::prelude::DataFrame",
        "base::frame::DataFrame",
        "polars::base::DataFrame",
        "base::nowhere::DataFrame",
    ] {
        let ids = index.resolve(path);
        assert_eq!(ids.len(), 1, "{path}");
        assert_eq!(index.thing(ids[0]).path, "base::frame::DataFrame");
    }
    assert!(index.resolve("DataFrame").is_empty() && index.resolve("other::DataFrame").is_empty());

    // Its own members first; nothing hidden or private; names that begin with an underscore last.
    assert_eq!(
        names(&index, "&polars::prelude::DataFrame", &none),
        [
            "column", "empty", "head", "height", "map", "schema", "dummies", "lazy", "_inner"
        ]
    );
    let members = index.members("polars::prelude::DataFrame", &none);
    let member = |name: &str| members.iter().find(|found| found.name == name).unwrap();
    assert_eq!(
        member("column").signature,
        "fn column<S>(&self, name: S) -> Result<&Column, String> where S: Clone + AsRef<str>"
    );
    assert_eq!(
        member("head").docs,
        "The first rows.\n\n```rust\nlet head = DataFrame::empty().head(Some(1));\n```"
    );
    assert_eq!(
        (member("height").kind, member("height").signature),
        (Kind::Field, "height: usize")
    );
    assert_eq!(
        (member("empty").kind, member("lazy").of),
        (Kind::Function, "base::IntoLazy")
    );

    // Through a reference to a trait, a pointer, and for some arguments only.
    assert_eq!(names(&index, "&polars::prelude::Column", &none), ["sum"]);
    assert_eq!(
        names(&index, "std::sync::Arc<base::schema::Schema<u8>>", &none),
        ["get"]
    );
    let text = "polars::prelude::ChunkedArray<polars::prelude::Text>";
    assert_eq!(names(&index, text, &none), ["len", "upper", "contains"]);
    assert_eq!(
        names(&index, "polars::prelude::ChunkedArray<polars::prelude::Number>", &none),
        ["len", "total"]
    );
    assert_eq!(
        names(&index, "polars::prelude::Logical<u8, polars::prelude::Number>", &none),
        ["len", "total"]
    );
    assert!(names(&index, "(u8, u8)", &none).is_empty() && names(&index, "Own", &none).is_empty());

    // Modules, through globs and renames.
    let prelude = index.resolve("polars::prelude")[0];
    let all: Vec<&str> = index.names(prelude).iter().map(|(name, _)| *name).collect();
    for name in ["col", "Column", "DataFrame", "df", "INNER", "IntoLazy", "TextChunked"] {
        assert!(all.contains(&name), "{all:?}");
    }
    assert!(!all.contains(&"frame"));
    let of = |path: &str| {
        let thing = index.thing(index.resolve(path)[0]);
        (thing.kind, thing.signature.as_str(), index.docs(thing))
    };
    assert_eq!(
        of("polars::prelude::col"),
        (Kind::Function, "fn col(name: &str) -> Expr", "An expression.")
    );
    assert_eq!(of("polars::prelude::INNER"), (Kind::Variant, "Inner", "Rows of both."));
    assert_eq!(
        of("polars::prelude::TextChunked").1,
        "type TextChunked = ChunkedArray<Text>"
    );
    assert_eq!(of("polars::df").0, Kind::Macro);
    assert!(of("polars::df").1.starts_with("macro_rules! df {"));
    assert_eq!(of("polars::prelude::DataFrame").2, "A table. See `Column`.");
    let join = index.resolve("polars::prelude::JoinType")[0];
    let variants: Vec<&str> = index
        .members_of(join, &none)
        .iter()
        .map(|found| found.signature)
        .collect();
    assert_eq!(variants, ["Inner", "Left { strict: bool }", "Other(u8)"]);
}

#[test]
fn an_index_of_another_form_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(FILE);
    assert!(Index::load(&file).is_none());
    for text in ["", "{}", r#"{"form":0,"texts":"","things":[]}"#] {
        std::fs::write(&file, text).unwrap();
        assert!(Index::load(&file).is_none(), "{text}");
    }
    std::fs::write(
        &file,
        Index {
            form: super::FORM,
            ..Index::default()
        }
        .encode(),
    )
    .unwrap();
    assert!(Index::load(&file).is_some());
}
