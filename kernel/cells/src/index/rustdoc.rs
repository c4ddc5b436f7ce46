//! The part of rustdoc's JSON that the index reads.
//!
//! Its form has a version and changes with the toolchain, so nothing here is taken for granted: what is missing or of
//! another form is passed over. What an item *is* stays unread text until somebody asks, since most of the standard
//! library's items are never asked for.

use std::collections::HashMap;
use std::path::Path;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// One crate.
#[derive(Deserialize)]
pub(super) struct Crate {
    root: Value,
    pub(super) index: HashMap<String, Item>,
    paths: HashMap<String, Summary>,
}

/// An item of the crate itself.
#[derive(Deserialize)]
pub(super) struct Item {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    docs: Option<String>,
    #[serde(default)]
    attrs: Vec<Value>,
    inner: Box<RawValue>,
}

/// Where an item of any crate is defined.
#[derive(Deserialize)]
pub(super) struct Summary {
    #[serde(default)]
    pub(super) path: Vec<String>,
    #[serde(default)]
    pub(super) kind: String,
}

impl Crate {
    pub(super) fn read(file: &Path) -> std::io::Result<Crate> {
        let bytes = std::fs::read(file)?;
        serde_json::from_slice(&bytes).map_err(std::io::Error::from)
    }

    /// The crate's name, as paths begin with it.
    pub(super) fn name(&self) -> &str {
        let root = id(&self.root).and_then(|id| self.index.get(&id));
        root.map(Item::name).unwrap_or_default()
    }

    /// The item behind an id, where it is one of this crate.
    pub(super) fn item(&self, reference: &Value) -> Option<&Item> {
        self.index.get(&id(reference)?)
    }

    pub(super) fn summary(&self, id: &str) -> Option<&Summary> {
        self.paths.get(id)
    }
}

impl Item {
    pub(super) fn name(&self) -> &str {
        self.name.as_deref().unwrap_or_default()
    }

    pub(super) fn docs(&self) -> &str {
        self.docs.as_deref().unwrap_or_default()
    }

    /// What kind of item it is, in rustdoc's words.
    pub(super) fn kind(&self) -> &str {
        let text = self
            .inner
            .get()
            .trim_start_matches(|c: char| c == '{' || c.is_whitespace());
        let word = text.strip_prefix('"').and_then(|rest| rest.split('"').next());
        word.unwrap_or_default()
    }

    /// All that is known of it; nothing where it has another form than this.
    pub(super) fn inner(&self) -> Value {
        let inner: Option<Map<String, Value>> = serde_json::from_str(self.inner.get()).ok();
        let first = inner.and_then(|inner| inner.into_iter().next());
        first.map_or(Value::Null, |(_, inner)| inner)
    }

    /// Whether only nightly compilers have it.
    pub(super) fn is_unstable(&self) -> bool {
        self.attrs.iter().any(|attribute| {
            let text = attribute.as_str().or_else(|| attribute["other"].as_str());
            // Not that of `const`: such a function is stable but for that.
            text.is_some_and(|text| {
                text.starts_with("#[unstable")
                    || (text.starts_with("#[attr = Stability") && text.contains("level: Unstable"))
            })
        })
    }
}

/// An id as text, which is how maps are keyed by it.
pub(super) fn id(reference: &Value) -> Option<String> {
    match reference {
        Value::Number(number) => Some(number.to_string()),
        Value::String(text) => Some(text.clone()),
        _ => None,
    }
}

/// The elements of an array; none where it is no array.
pub(super) fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// The one name of an object that stands for an enum, and what it holds: `{"slice": …}`, or the name alone.
pub(super) fn variant(value: &Value) -> (&str, &Value) {
    match value {
        Value::Object(map) => map
            .iter()
            .next()
            .map_or(("", &Value::Null), |(name, inner)| (name, inner)),
        Value::String(name) => (name, &Value::Null),
        _ => ("", &Value::Null),
    }
}

/// Ids of all types and traits that a type is made of.
pub(super) fn mentioned(of: &Value, into: &mut Vec<String>) {
    match of {
        Value::Object(map) => {
            if let (Some(Value::String(_)), Some(reference)) = (map.get("path"), map.get("id")) {
                into.extend(id(reference));
            }
            map.values().for_each(|inner| mentioned(inner, into));
        }
        Value::Array(list) => list.iter().for_each(|inner| mentioned(inner, into)),
        _ => {}
    }
}
