//! What a session knows, as the evaluator's thread leaves it after each cell: enough to answer without that thread.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;

use polars::prelude::DataFrame;

use crate::known::Context;

/// A session between two cells. While a cell runs it is what was before it.
#[derive(Debug)]
pub(crate) struct Scope {
    /// Items and variables of the cells.
    pub(crate) known: Context,
    /// Variables that cells have defined and that hold against the session's frames of their names, as these were.
    pub(crate) held: HashMap<String, DataFrame>,
    pub(crate) rustc: PathBuf,
    /// What rustc is told for a cell.
    pub(crate) flags: Vec<String>,
    /// Crates that a path may begin with.
    pub(crate) crates: HashSet<String>,
    /// The session's folder.
    pub(crate) folder: PathBuf,
    /// The prelude's index.
    pub(crate) index: PathBuf,
}
