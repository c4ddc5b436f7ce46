//! What the events of one cell come to: its output handed on in order, and at its end a result or
//! a typed error.
//!
//! A panic is known before it is known whether it ends the cell, so its record waits for the end;
//! a caught one is printed then, as the standard library would have done.

use std::time::SystemTime;

use ironsage_exchange::wire::{Failed, Panicked, Picture};
use polars::prelude::DataFrame;
use serde_json::Map;

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
    /// Where progress is shown, once there is any.
    progress: Option<String>,
    /// The end of what was written to standard error.
    last_words: String,
}

/// As much of standard error as is looked at for the reason of an end; a backtrace may follow the reason.
const LAST_WORDS: usize = 1 << 16;

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
            progress: None,
            last_words: String::new(),
        }
    }

    pub(crate) fn take(&mut self, event: Event) {
        match event {
            Event::Stdout(text) => self.outputs.stdout(&text),
            Event::Stderr(text) => {
                self.outputs.stderr(&text);
                self.last_words.push_str(&text);
                if self.last_words.len() > 2 * LAST_WORDS {
                    let end = self.last_words.len() - LAST_WORDS;
                    let end = self.last_words.floor_char_boundary(end);
                    self.last_words.replace_range(..end, "");
                }
            }
            Event::Display(picture, id) => {
                self.outputs
                    .display(text_only(&picture), picture.metadata, id.as_deref());
            }
            Event::Update(picture, id) => self.outputs.update(text_only(&picture), picture.metadata, &id),
            Event::Clear(wait) => self.outputs.clear(wait),
            Event::Result(picture) => self.result = Some(picture),
            Event::Panic(panic) => self.panics.push(panic),
            Event::Panicked => self.panicked = true,
            Event::NotRun => self.not_run = true,
            Event::Failure(failure) => self.failure = Some(failure),
            Event::Failed => self.failed = true,
            Event::Handed(frame) => self.handed = Some(frame),
            Event::Progress(text) => self.show_progress(text),
            Event::Begin => *self = Collected::new(self.outputs),
            // The evaluator takes these itself.
            Event::Done(_) | Event::Input(_) => {}
        }
    }

    fn show_progress(&mut self, text: String) {
        let mime = MimeBundle::from([("text/plain".to_owned(), text)]);
        match &self.progress {
            Some(id) => self.outputs.update(mime, Map::new(), id),
            None => {
                let id = new_display_id();
                self.outputs.display(mime, Map::new(), Some(&id));
                self.progress = Some(id);
            }
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
        let shown = ended.outcome.clone().map_err(|error| match error {
            CellError::ChildDied { reason, lost } => CellError::ChildDied {
                reason: explained(reason, &self.last_words),
                lost,
            },
            other => other,
        })?;
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
            None => (Some(shown).filter(|shown| !shown.is_empty()), Map::new()),
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

/// How the process ended, with what it said of it.
fn explained(reason: String, last_words: &str) -> String {
    let said = |line: &str| {
        if line.starts_with("memory allocation of ") && line.ends_with(" failed") {
            Some(format!("out of memory: the {line}"))
        } else if line.ends_with("has overflowed its stack") {
            Some("its stack overflowed: a recursion without end, or a very large array".to_owned())
        } else {
            None
        }
    };
    if reason.starts_with("signal: 9") {
        return format!("{reason}; the system does that when memory runs out");
    }
    match last_words.lines().rev().find_map(said) {
        Some(cause) if reason.starts_with("signal: 6") => format!("{cause} ({reason})"),
        _ => reason,
    }
}

/// An id for a display that no other has, in a notebook that has seen other kernels, too.
fn new_display_id() -> String {
    let since = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    format!("ironsage-{:x}-{:x}", std::process::id(), since.as_nanos())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_explained_by_its_last_words() {
        let abort = "signal: 6 (SIGABRT) (core dumped)";
        let explained = |reason: &str, words: &str| explained(reason.to_owned(), words);
        assert_eq!(
            explained(abort, "noise\nmemory allocation of 12 bytes failed\nstack backtrace:\n"),
            "out of memory: the memory allocation of 12 bytes failed (signal: 6 (SIGABRT) (core dumped))"
        );
        let overflow = explained(
            abort,
            "\nthread 'main' (7) has overflowed its stack\nfatal runtime error: …\n",
        );
        assert!(overflow.starts_with("its stack overflowed"), "{overflow}");
        assert_eq!(explained(abort, "something else\n"), abort);
        assert!(explained("signal: 9 (SIGKILL)", "").ends_with("when memory runs out"));
        assert_eq!(
            explained("exit status: 3", "memory allocation of 1 bytes failed"),
            "exit status: 3"
        );
    }
}
