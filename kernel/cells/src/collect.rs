//! What the events of one cell come to: its output handed on in order, and at its end a result or
//! a typed error.
//!
//! A panic is known before it is known whether it ends the cell, so its record waits for the end;
//! a caught one is printed then, as the standard library would have done.

use ironsage_exchange::wire::{Failed, Panicked, Picture};
use polars::prelude::DataFrame;

use crate::cell::Ended;
use crate::error::CellError;
use crate::relay::Event;
use crate::source::position_of;
use crate::syntax::Cell;
use crate::{Evaluated, MimeBundle, Outputs};

/// What a cell's events come to.
pub(crate) struct Collected<'a> {
    outputs: &'a dyn Outputs,
    result: Option<Picture>,
    panics: Vec<Panicked>,
    panicked: bool,
    not_run: bool,
    failure: Option<Failed>,
    failed: bool,
    handed: Option<DataFrame>,
}

impl<'a> Collected<'a> {
    pub(crate) fn new(outputs: &'a dyn Outputs) -> Self {
        Collected {
            outputs,
            result: None,
            panics: Vec::new(),
            panicked: false,
            not_run: false,
            failure: None,
            failed: false,
            handed: None,
        }
    }

    pub(crate) fn take(&mut self, event: Event) {
        match event {
            Event::Stdout(text) => self.outputs.stdout(&text),
            Event::Stderr(text) => self.outputs.stderr(&text),
            Event::Display(picture) => show(self.outputs, picture),
            Event::Result(picture) => self.result = Some(picture),
            Event::Panic(panic) => self.panics.push(panic),
            Event::Panicked => self.panicked = true,
            Event::NotRun => self.not_run = true,
            Event::Failure(failure) => self.failure = Some(failure),
            Event::Failed => self.failed = true,
            Event::Handed(frame) => self.handed = Some(frame),
            Event::Begin => *self = Collected::new(self.outputs),
            Event::Done(_) => {}
        }
    }

    pub(crate) fn finish(mut self, ended: Ended) -> Result<(Evaluated, Option<DataFrame>), CellError> {
        // The panic that ended the cell: the last one on its own thread, else the last of all
        // (a thread pool hands the panic of its worker on without a word).
        let fatal = self
            .panicked
            .then(|| {
                let own = self.panics.iter().rposition(|panic| panic.cell_thread);
                own.or_else(|| self.panics.len().checked_sub(1))
            })
            .flatten()
            .map(|at| self.panics.remove(at));
        for caught in &self.panics {
            self.outputs.stderr(&format!(
                "thread '{}' panicked at {}:{}:{}:\n{}\n",
                caught.thread, caught.file, caught.line, caught.column, caught.message
            ));
        }
        let interrupted = self.not_run || ended.pressed && (self.panicked || self.failed);
        if interrupted && ended.outcome.is_ok() {
            return Err(CellError::Interrupted { lost: ended.lost });
        }
        let shown = ended.outcome.clone()?;
        if self.panicked {
            return Err(panic_error(fatal, ended));
        }
        if self.failed {
            let (type_name, message) = match self.failure {
                Some(failure) => (failure.type_name, failure.message),
                None => (String::new(), "the cell ended with an error".to_owned()),
            };
            return Err(CellError::Question {
                type_name,
                message,
                lost: ended.lost,
            });
        }
        let (result, metadata) = match self.result {
            Some(picture) => (Some(text_only(&picture)), picture.metadata),
            None => (Some(shown).filter(|shown| !shown.is_empty()), serde_json::Map::new()),
        };
        let lets = Cell::parse(ended.edited.original()).lets();
        let variables = lets.into_iter().flat_map(|statement| statement.variables);
        let evaluated = Evaluated {
            result,
            metadata,
            defined: variables.map(|variable| variable.name).collect(),
        };
        Ok((evaluated, self.handed))
    }
}

fn show(outputs: &dyn Outputs, picture: Picture) {
    outputs.display_with(text_only(&picture), picture.metadata);
}

fn text_only(picture: &Picture) -> MimeBundle {
    picture
        .data
        .iter()
        .map(|(mime, content)| {
            let text = content.as_str().map_or_else(|| content.to_string(), str::to_owned);
            (mime.clone(), text)
        })
        .collect()
}

fn panic_error(panic: Option<Panicked>, ended: Ended) -> CellError {
    let Some(panic) = panic else {
        return CellError::Panic {
            message: "the cell panicked".to_owned(),
            place: "an unknown place".to_owned(),
            backtrace: None,
            lost: ended.lost,
        };
    };
    CellError::Panic {
        place: place_of(&panic, &ended),
        message: panic.message,
        backtrace: panic.backtrace,
        lost: ended.lost,
    }
}

/// Where a panic began: a line of the cell where it was there.
fn place_of(panic: &Panicked, ended: &Ended) -> String {
    let elsewhere = || format!("{}:{}:{}", panic.file, panic.line, panic.column);
    if panic.file != "src/lib.rs" {
        return elsewhere();
    }
    let Some(line) = (panic.line as usize)
        .checked_sub(1)
        .and_then(|at| ended.generated.lines().nth(at))
    else {
        return elsewhere();
    };
    // evcxr puts each statement on a line of its own, so a line of its file is a whole line of the
    // cell, or the end of one, or a part.
    let mut places = ended.edited.text().match_indices(line.trim());
    let (Some((at, _)), None) = (places.next(), places.next()) else {
        return "this cell".to_owned();
    };
    let (line_number, column) = position_of(ended.edited.text(), at);
    let (original, _) = ended.edited.original_position(line_number, column);
    let text = ended.edited.original().lines().nth(original - 1);
    format!("line {original}: {}", text.unwrap_or_default().trim())
}
