//! What a kernel gives its cells and takes from them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use polars::prelude::DataFrame;

/// The kernel, as cells see it.
pub trait Host: Send + Sync {
    /// The frame of this name, now.
    fn frame(&self, name: &str) -> Option<DataFrame>;

    /// The names of all frames.
    fn names(&self) -> Vec<String>;

    /// Binds a frame that a cell has made.
    fn put(&self, name: &str, frame: DataFrame);

    /// The values that a cell may mention.
    fn values(&self) -> Vec<HostValue> {
        Vec::new()
    }

    /// The working directory, where it is not the kernel's own.
    fn folder(&self) -> Option<PathBuf> {
        None
    }

    /// Variables of the environment that differ from the kernel's own.
    fn environment(&self) -> BTreeMap<String, String> {
        BTreeMap::new()
    }
}

/// A number, a truth value or a text that a cell may mention by its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostValue {
    /// Its name.
    pub name: String,
    /// Its type as Rust source.
    pub rust_type: String,
    /// The value as a Rust expression of that type.
    pub expression: String,
}
