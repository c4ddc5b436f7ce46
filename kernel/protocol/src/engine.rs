//! What this crate asks of the thing that evaluates cells, and nothing more.
//!
//! An engine is shared between threads: `execute` runs on the one engine thread,
//! one cell at a time and in order, while completion, inspection and the like
//! come on other threads *during* it, and `interrupt` on yet another. An engine
//! that keeps a lock while a cell runs must answer those without it.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::outputs::Outputs;
use crate::past::Past;

/// Evaluates cells. See the module's text for what runs where.
pub trait Engine: Send + Sync + 'static {
    /// Who it is. Asked once, at start, and before anything is ready: it must not wait.
    fn info(&self) -> EngineInfo;

    /// Runs a cell; blocks until it has ended. A panic becomes an error of the cell.
    fn execute(&self, request: &ExecuteRequest, outputs: &Outputs) -> Result<(), CellFailure>;

    /// What could stand at `cursor`, a byte offset on a character boundary of `code`.
    fn complete(&self, code: &str, cursor: usize) -> Completions;

    /// What is known about the thing at `cursor`, a byte offset on a character
    /// boundary; `detail` is 0, or 1 for everything there is.
    fn inspect(&self, code: &str, cursor: usize, detail: u8) -> Option<MimeBundle>;

    /// Whether a console should run the code or let the person go on typing.
    fn is_complete(&self, code: &str) -> Completeness;

    /// The value of one of a request's `user_expressions`, after its cell has run well.
    fn evaluate(&self, expression: &str) -> Result<MimeBundle, CellFailure> {
        Err(CellFailure::new(
            "UnsupportedError",
            format!("this kernel does not evaluate user expressions: `{expression}`"),
        ))
    }

    /// Where what is typed is kept over sessions; without a file it is forgotten with the kernel.
    fn history_file(&self) -> Option<PathBuf> {
        None
    }

    /// Hands over the history, once, before the first cell.
    fn remember(&self, past: Past) {
        let _ = past;
    }

    /// Whether the code holds something that must not be written down.
    fn is_secret(&self, code: &str) -> bool {
        let _ = code;
        false
    }

    /// Asks the running cell to stop. Called only while one runs, on a thread that serves
    /// front ends: it must not block. It may come before `execute` has begun to look out for
    /// it; [`Outputs::interrupted`] tells whether it did.
    fn interrupt(&self);

    /// The process ends after this; `restart` when another one will follow.
    fn shutdown(&self, restart: bool);
}

/// What `kernel_info_reply` says about the engine.
#[derive(Clone, Debug, Default)]
pub struct EngineInfo {
    /// The kernel's name, such as `ironsage`.
    pub implementation: String,
    /// The kernel's version.
    pub version: String,
    /// The version of Rust that cells are compiled with.
    pub language_version: String,
    /// What a console shows at its start.
    pub banner: String,
    /// Entries of a front end's help menu.
    pub help_links: Vec<HelpLink>,
}

/// An entry of a front end's help menu.
#[derive(Clone, Debug, Serialize)]
pub struct HelpLink {
    /// The entry's text.
    pub text: String,
    /// Where it leads.
    pub url: String,
}

/// A cell to run, and how.
#[derive(Clone, Debug, Default)]
pub struct ExecuteRequest {
    /// The cell's text.
    pub code: String,
    /// Run as quietly as possible: no result is shown and nothing is counted.
    pub silent: bool,
    /// Whether the cell enters the history and advances the count.
    pub store_history: bool,
    /// Whether the front end can answer questions.
    pub allow_stdin: bool,
    /// Whether an error drops the cells that wait behind this one.
    pub stop_on_error: bool,
    /// The number of this cell.
    pub execution_count: u64,
    /// The cell's tags, where the front end sends them.
    pub tags: Vec<String>,
    /// The cell's name in its notebook, where the front end sends it.
    pub cell_id: Option<String>,
    /// The request's metadata, whole.
    pub metadata: Map<String, Value>,
}

/// Why a cell failed: the three fields of a Jupyter error.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name}: {value}")]
pub struct CellFailure {
    /// The kind of error, one word: `ename`.
    pub name: String,
    /// What happened, in one or a few lines: `evalue`.
    pub value: String,
    /// What a front end shows, line by line, colours and hints included.
    pub traceback: Vec<String>,
}

impl CellFailure {
    /// A failure whose traceback is just its name and text.
    pub fn new(name: impl Into<String>, value: impl Into<String>) -> Self {
        let (name, value) = (name.into(), value.into());
        let traceback = format!("{name}: {value}").lines().map(str::to_owned).collect();
        Self { name, value, traceback }
    }
}

/// One thing in several formats, of which a front end shows the richest it can.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MimeBundle {
    /// By MIME type: text as a JSON string, binary as base64, JSON types as they are.
    pub data: Map<String, Value>,
    /// By MIME type, such as a picture's size.
    #[serde(default)]
    pub metadata: Map<String, Value>,
}

impl MimeBundle {
    /// A bundle of plain text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::default().with("text/plain", text.into())
    }

    /// The same with one more format.
    pub fn with(mut self, mime: &str, value: impl Into<Value>) -> Self {
        self.data.insert(mime.to_owned(), value.into());
        self
    }
}

/// What could stand at the cursor.
#[derive(Clone, Debug, Default)]
pub struct Completions {
    /// The candidates, best first.
    pub matches: Vec<Match>,
    /// The byte at which the text begins that a candidate replaces.
    pub start: usize,
    /// The byte at which it ends.
    pub end: usize,
}

/// One candidate.
#[derive(Clone, Debug, Default)]
pub struct Match {
    /// What is put in.
    pub text: String,
    /// What it is: `function`, `magic`, `column`; front ends show it as an icon or word.
    pub kind: Option<String>,
    /// Its signature, in one line.
    pub signature: Option<String>,
}

/// Whether code is a whole cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Completeness {
    /// It can run.
    Complete,
    /// More must follow.
    Incomplete {
        /// What the next line should begin with.
        indent: String,
    },
    /// It can never become right by going on.
    Invalid,
    /// Nobody can tell.
    Unknown,
}
