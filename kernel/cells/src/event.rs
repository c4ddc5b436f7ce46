//! What happens while a cell runs, in order: the stream from the relay and the evaluator's thread to who shows it,
//! with the cell's end.

use ironsage_exchange::wire::{Failed, Panicked, Picture};
use polars::prelude::DataFrame;

use crate::MimeBundle;
use crate::error::CellError;
use crate::question::Question;
use crate::source::Edited;

/// What happened in the process, in order.
#[derive(Debug)]
pub(crate) enum Event {
    Stdout(String),
    Stderr(String),
    /// Something shown, by its id where it can be updated.
    Display(Picture, Option<String>),
    Update(Picture, String),
    Clear(bool),
    /// The cell asks the person in front of it.
    Input(Question),
    Result(Picture),
    /// A panic began; whether it ends the cell, a later event tells.
    Panic(Panicked),
    /// A panic ended the cell.
    Panicked,
    /// An error is leaving the cell through `?`.
    Failure(Failed),
    /// It has left it.
    Failed,
    /// A variable that was asked for.
    Handed(DataFrame),
    /// The cell was compiled, but not run: stop was pressed.
    NotRun,
    /// How far something long is that the evaluator does for the cell, such as compiling what it needs: shown in one
    /// place, which is renewed.
    Progress(String),
    /// The evaluator begins with the cell; results before it are of its own code. Sent by the
    /// evaluator's thread, as is the next.
    Begin,
    /// The evaluator is done with the cell: no more of it follows.
    Done(Box<Ended>),
}

impl Event {
    /// Whether it is something printed or shown, which a later cell can show as well.
    pub(crate) fn is_output(&self) -> bool {
        matches!(
            self,
            Event::Stdout(_) | Event::Stderr(_) | Event::Display(..) | Event::Update(..)
        )
    }
}

/// How a cell ended, as far as the evaluator's thread knows: whether it panicked, only the stream
/// of events tells.
#[derive(Debug)]
pub(crate) struct Ended {
    /// What evcxr's commands had to show, or the error.
    pub(crate) outcome: Result<MimeBundle, CellError>,
    /// Variables that were there before and are not now.
    pub(crate) lost: Vec<String>,
    /// The cell as it was compiled, and the file that it became part of.
    pub(crate) edited: Edited,
    pub(crate) generated: String,
    /// Whether stop was pressed while it ran.
    pub(crate) pressed: bool,
    /// The names that its `let`s bind.
    pub(crate) defined: Vec<String>,
}

impl Ended {
    /// A cell that had nothing to do.
    pub(crate) fn nothing(code: &str) -> Ended {
        Ended {
            outcome: Ok(MimeBundle::new()),
            lost: Vec::new(),
            edited: Edited::new(code, Vec::new()),
            generated: String::new(),
            pressed: false,
            defined: Vec::new(),
        }
    }

    pub(crate) fn failed(code: &str, error: CellError) -> Ended {
        Ended {
            outcome: Err(error),
            ..Ended::nothing(code)
        }
    }
}
