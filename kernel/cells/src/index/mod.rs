//! The index of what the prelude's crates hold: types with their methods, modules with their names, each with its
//! signature and documentation.
//!
//! Cells are compiled against a ready-made prelude, of which rust-analyzer reads nothing, so it completes and explains
//! nothing of Polars either. The index takes its place there: `ironsage warm` makes it from rustdoc's JSON, with the
//! standard library, so that completion works also while a cell runs and rust-analyzer cannot be asked. A type is found
//! by the path that rustc prints for it, whichever of its public paths that is. The folder reads:
//!
//! | file | subject |
//! | --- | --- |
//! | `build.rs` | rustdoc run for each crate, side by side |
//! | `standard.rs` | the same for the standard library, from the toolchain's `rust-src` |
//! | `rustdoc.rs` | the part of rustdoc's JSON that is read |
//! | `signature.rs` | types and signatures as one line of text |
//! | `draft.rs` | what one crate's JSON says |
//! | `assemble.rs` | what all crates say together, and what of it is kept |
//! | `markdown.rs` | documentation without what only rustdoc understands |
//! | `lookup.rs` | from a path to what it names, from a type to its members |
//! | `typename.rs` | the names of types as rustc writes them |

mod assemble;
mod build;
mod draft;
mod lookup;
mod markdown;
mod rustdoc;
mod signature;
mod standard;
#[cfg(test)]
pub(crate) mod tests;
mod typename;

use std::path::Path;

use serde::{Deserialize, Serialize};

pub(crate) use build::{Documented, Reading, Sources, build, is_worth_reading};
pub(crate) use lookup::Found;
pub(crate) use typename::{head, peel, settled, short};

/// The file's name, in the prelude's folder.
pub(crate) const FILE: &str = "index.json";

/// Rises when the file's form changes: an index of another form is as good as none.
const FORM: u32 = 1;

/// Crates whose modules a cell begins its paths with: what no path from here leads to is not kept.
const ROOTS: [&str; 7] = [
    "polars",
    "ndarray",
    "plotters",
    "serde_json",
    "tokio",
    "ironsage_prelude",
    "std",
];

/// Everything that is known of the crates.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Index {
    form: u32,
    /// All documentation, one text after the other: a file with few long texts is read faster than one with many.
    texts: String,
    /// Ordered by path.
    things: Vec<Thing>,
}

/// A place in [`Index::things`].
pub(crate) type Id = u32;

/// Something that has a path of its own.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Thing {
    /// Where it is defined, which may be a private module.
    #[serde(rename = "p")]
    pub(crate) path: String,
    #[serde(rename = "k")]
    pub(crate) kind: Kind,
    #[serde(rename = "s", default, skip_serializing_if = "String::is_empty")]
    pub(crate) signature: String,
    #[serde(rename = "d", default, skip_serializing_if = "Place::is_empty")]
    docs: Place,
    /// A type's fields, variants and `impl` blocks.
    #[serde(rename = "g", default, skip_serializing_if = "Vec::is_empty")]
    groups: Vec<Group>,
    /// The traits that a type has; those above a trait. Each with the arguments of the type that it asks for.
    #[serde(rename = "t", default, skip_serializing_if = "Vec::is_empty")]
    traits: Vec<(Id, String)>,
    /// What an alias stands for, or what a type dereferences to; `$0` is its own first argument.
    #[serde(rename = "a", default, skip_serializing_if = "String::is_empty")]
    target: String,
    /// The public names in a module.
    #[serde(rename = "n", default, skip_serializing_if = "Vec::is_empty")]
    names: Vec<(String, Id)>,
    /// Modules all of whose names are in this one as well.
    #[serde(rename = "b", default, skip_serializing_if = "Vec::is_empty")]
    globs: Vec<Id>,
}

/// One `impl` block, or the fields or variants of a type.
#[derive(Debug, Serialize, Deserialize)]
struct Group {
    /// The type's arguments, where the block is not for all of them: `StringType`, `Vec<_>, u8`.
    #[serde(rename = "o", default, skip_serializing_if = "String::is_empty")]
    only: String,
    #[serde(rename = "m")]
    members: Vec<Member>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Member {
    #[serde(rename = "n")]
    name: String,
    #[serde(rename = "k")]
    kind: Kind,
    #[serde(rename = "s")]
    signature: String,
    #[serde(rename = "d", default, skip_serializing_if = "Place::is_empty")]
    docs: Place,
}

/// Where a text lies in [`Index::texts`]: its beginning and its end.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Place(u32, u32);

impl Place {
    fn is_empty(&self) -> bool {
        self.0 == self.1
    }
}

/// What something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) enum Kind {
    #[serde(rename = "mod")]
    Module,
    #[serde(rename = "ty")]
    Struct,
    #[serde(rename = "en")]
    Enum,
    #[serde(rename = "tr")]
    Trait,
    #[serde(rename = "al")]
    Alias,
    #[serde(rename = "pr")]
    Primitive,
    #[serde(rename = "fn")]
    Function,
    #[serde(rename = "me")]
    Method,
    #[serde(rename = "ma")]
    Macro,
    #[serde(rename = "co")]
    Constant,
    #[serde(rename = "fi")]
    Field,
    #[serde(rename = "va")]
    Variant,
}

impl Kind {
    /// Jupyter's word for it, the same that evcxr uses for what rust-analyzer finds.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Kind::Module => "module",
            Kind::Struct | Kind::Enum | Kind::Trait | Kind::Alias | Kind::Primitive => "class",
            Kind::Function | Kind::Method | Kind::Macro => "function",
            Kind::Constant | Kind::Field | Kind::Variant => "instance",
        }
    }
}

impl Index {
    /// Reads an index; `None` where there is none, or one of another form.
    pub(crate) fn load(file: &Path) -> Option<Index> {
        let bytes = std::fs::read(file).ok()?;
        let index: Index = serde_json::from_slice(&bytes)
            .inspect_err(|error| tracing::warn!(file = %file.display(), %error, "cannot read the index"))
            .ok()?;
        (index.form == FORM).then_some(index)
    }

    /// The file's bytes.
    fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self)
            .inspect_err(|error| tracing::warn!(%error, "cannot write the index"))
            .unwrap_or_default()
    }

    pub(crate) fn thing(&self, id: Id) -> &Thing {
        &self.things[id as usize]
    }

    /// The documentation of a thing, in Markdown.
    pub(crate) fn docs(&self, thing: &Thing) -> &str {
        self.text(thing.docs)
    }

    fn text(&self, place: Place) -> &str {
        self.texts.get(place.0 as usize..place.1 as usize).unwrap_or_default()
    }
}
