//! What a session knows, as the evaluator's thread leaves it after each cell: enough to answer without that thread.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;

use polars::prelude::{Column, DataFrame};

use crate::types;

/// A session between two cells. While a cell runs it is what was before it.
#[derive(Debug)]
pub(crate) struct Scope {
    /// Items and variables of the cells.
    pub(crate) known: types::Context,
    /// Variables that cells have defined and that hold against the session's frames of their names, as these were.
    pub(crate) held: HashMap<String, Fingerprint>,
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

/// Tells one state of a frame from another without keeping it in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fingerprint(Vec<usize>);

impl Fingerprint {
    pub(crate) fn of(frame: &DataFrame) -> Fingerprint {
        let columns = frame.columns().iter().map(|column| match column {
            Column::Series(series) => Arc::as_ptr(&series.0).cast::<()>() as usize,
            other => other.len(),
        });
        Fingerprint(columns.collect())
    }
}
