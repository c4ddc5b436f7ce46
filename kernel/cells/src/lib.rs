//! Rust cells: source in, outputs and a result or a typed error out.
//!
//! [`Evaluator`] is what the kernel sees; [`EvcxrEvaluator`] is the one that runs Rust, by evcxr,
//! on a thread of its own and with the user's code in a process of its own. The folder reads:
//!
//! | file | subject |
//! | --- | --- |
//! | `evaluator.rs`, `worker.rs` | the handle to evcxr, and the thread that owns it |
//! | `event.rs`, `collect.rs` | what happens while a cell runs, and what it comes to |
//! | `error.rs` | why a cell did not end well |
//! | `cell.rs` | one cell on its way: names bound, types found, compiled, run |
//! | `commands.rs` | evcxr's commands at the head of a cell |
//! | `syntax.rs` | what a cell's source says: statements, `let`s, mentions of names |
//! | `known.rs` | what the cells so far have left: items and variables |
//! | `types.rs` | the types of new variables, asked of rustc |
//! | `assist/` | completion and inspection |
//! | `index/` | what the prelude's crates hold, made with it |
//! | `compiler.rs`, `rustc.sh`, `speed.rs` | how cargo compiles a cell, and how much it is optimised |
//! | `crates.rs`, `facades.rs` | crates that a cell can name; the prelude's own for what `:dep` adds |
//! | `whole.rs` | whether what was typed is whole |
//! | `source.rs` | edits to a cell's source and positions back into the original |
//! | `report.rs` | compile errors as text that points into the cell |
//! | `fatal.rs` | the last words of a process |
//! | `relay.rs`, `streams.rs`, `scan.rs` | output of the user's process: in order, all of it, live |
//! | `question.rs` | what a cell asks the person in front of it |
//! | `child.rs` | the user's process itself |
//! | `host.rs` | what the kernel gives its cells and takes from them |
//! | `frames.rs` | frames and values of the session, given to that process when a cell mentions them |
//! | `interrupt.rs` | stop, without a lock |
//! | `prelude.rs`, `warm/`, `toolchain.rs` | the ready-made prelude, how it is made, the compiler it belongs to |
//! | `folder.rs` | the session's temporary folder |

mod assist;
mod cell;
mod child;
mod collect;
mod commands;
mod compiler;
mod crates;
mod error;
mod evaluator;
mod event;
mod facades;
mod fatal;
mod folder;
mod frames;
mod host;
mod index;
mod interrupt;
mod known;
mod prelude;
mod question;
mod relay;
mod report;
mod scan;
mod source;
mod speed;
mod streams;
mod syntax;
mod toolchain;
mod types;
pub mod warm;
mod whole;
mod worker;

use std::collections::BTreeMap;

use serde_json::{Map, Value};

pub use assist::Docs;
pub use child::runtime_hook;
pub use error::CellError;
pub use evaluator::{Completion, Completions, Config, EvcxrEvaluator};
pub use frames::same as same_frame;
pub use host::{Host, HostValue};
pub use interrupt::{Interrupt, Stopped};
pub use ironsage_exchange::Scan;
pub use toolchain::{Toolchain, ToolchainError};
pub use whole::{Whole, whole};

/// MIME type → content (binary forms in base64).
pub type MimeBundle = BTreeMap<String, String>;

/// Runs cells.
pub trait Evaluator: Send {
    /// Runs one cell to its end. Everything that it shows has been handed to `outputs` when this
    /// returns.
    fn eval(&mut self, code: &str, outputs: &dyn Outputs) -> Result<Evaluated, CellError>;

    /// The variables that the cells have defined. Never waits for a running cell.
    fn variables(&self) -> Vec<Variable>;

    /// The value of a variable whose type is `DataFrame` or `LazyFrame` (a plan is run), or that of a number, a truth
    /// value or a text as a table of one: its text.
    fn fetch(&mut self, name: &str) -> Result<polars::prelude::DataFrame, CellError>;
}

/// Where a cell's output goes, in order, while it runs.
pub trait Outputs: Sync {
    /// Text on standard output; not always whole lines.
    fn stdout(&self, text: &str);
    /// Text on standard error; not always whole lines.
    fn stderr(&self, text: &str);
    /// Something shown in the midst of the cell, with metadata by MIME type, such as the size of a picture. With an
    /// id it can be updated later, in other cells, too.
    fn display(&self, mime: MimeBundle, metadata: Map<String, Value>, id: Option<&str>);
    /// Replaces what is shown under an id.
    fn update(&self, mime: MimeBundle, metadata: Map<String, Value>, id: &str);
    /// Removes what the cell has shown so far; with `wait`, when something new is shown.
    fn clear(&self, wait: bool);
    /// Asks the person in front of the cell and waits for the answer. `Err` says in words why there is none: nobody
    /// can be asked, or the cell was interrupted.
    fn input(&self, prompt: &str, password: bool) -> Result<String, String>;
    /// Ends the wait of [`Outputs::input`], where that waits: whoever asked is gone.
    fn withdraw(&self) {}
}

/// What a cell that ended well came to.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Evaluated {
    /// The value of the last expression, where there was one with something to show.
    pub result: Option<MimeBundle>,
    /// Metadata of the result, by MIME type.
    pub metadata: Map<String, Value>,
    /// The names that its `let`s have bound.
    pub defined: Vec<String>,
}

/// A variable that a cell has defined.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// Its type as Rust source.
    pub rust_type: String,
    /// Whether it is a frame of the session that a cell mentioned: a copy, not a newer value.
    pub from_session: bool,
}

impl Variable {
    /// Whether [`Evaluator::fetch`] can hand it over: a `DataFrame` or a `LazyFrame`.
    pub fn is_frame(&self) -> bool {
        let bare = self.rust_type.rsplit("::").next().unwrap_or_default();
        matches!(bare, "DataFrame" | "LazyFrame")
    }

    /// Whether it is a number, a truth value or a text.
    pub fn is_value(&self) -> bool {
        const NUMBERS: [&str; 14] = [
            "i8", "i16", "i32", "i64", "i128", "isize", "u8", "u16", "u32", "u64", "u128", "usize", "f32", "f64",
        ];
        NUMBERS.contains(&self.rust_type.as_str()) || self.rust_type == "bool" || self.is_text()
    }

    /// Whether it is a text.
    pub fn is_text(&self) -> bool {
        let bare = self.rust_type.rsplit("::").next().unwrap_or_default();
        matches!(bare, "String" | "char" | "&'static str" | "&str")
    }
}
