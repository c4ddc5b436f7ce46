//! What a kernel gives its cells and takes from them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ironsage_exchange::Scan;
use polars::prelude::DataFrame;

/// The kernel, as cells see it.
pub trait Host: Send + Sync {
    /// The frame of this name, now.
    fn frame(&self, name: &str) -> Option<DataFrame>;

    /// The names of all frames.
    fn names(&self) -> Vec<String>;

    /// Binds a frame that a cell has made.
    fn put(&self, name: &str, frame: DataFrame);

    /// Goes on with `copy`, which is equal, in the place of `frame`; false where the name has another frame by now.
    fn exchange(&self, name: &str, frame: &DataFrame, copy: &DataFrame) -> bool {
        let _ = (name, frame, copy);
        false
    }

    /// What the plan of this name reads, now.
    fn plan(&self, name: &str) -> Option<Scan> {
        let _ = name;
        None
    }

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

    /// Writes the artifact of the model of this name into a folder, which is there and empty. `Err` says why not, and
    /// what to type instead.
    fn save_model(&self, name: &str, folder: &Path) -> Result<(), String> {
        let _ = folder;
        Err(format!("there is no model called `{name}`"))
    }

    /// Whether nobody watches live (CI, a headless run): progress then says little.
    fn quiet(&self) -> bool {
        false
    }
}

/// A number, a truth value, a text or a plan that a cell may mention by its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostValue {
    /// Its name.
    pub name: String,
    /// Its type as Rust source.
    pub rust_type: String,
    /// The value as a Rust expression of that type.
    pub expression: String,
}
