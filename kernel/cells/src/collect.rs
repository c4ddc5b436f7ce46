//! What the events of one cell come to: its output handed on in order, and at its end a result or
//! a typed error.
//!
//! A panic is known before it is known whether it ends the cell, so its record waits for the end;
//! a caught one is printed then, as the standard library would have done.

use std::time::SystemTime;

use ironsage_exchange::wire::{Failed, Panicked, Picture, Place};
use parking_lot::Mutex;
use polars::prelude::DataFrame;
use serde_json::Map;

use crate::error::CellError;
use crate::event::{Ended, Event};
use crate::fatal::{explained, last_words_at};
use crate::source::position_of;
use crate::{Evaluated, MimeBundle, Outputs};

/// What a cell's events come to.
pub(crate) struct Collected<'a> {
    /// `None` for a generated cell, which shows nothing: what would be shown is kept in `late`.
    outputs: Option<&'a dyn Outputs>,
    late: &'a Mutex<Vec<Event>>,
    result: Option<Picture>,
    panics: Vec<Panicked>,
    panicked: bool,
    not_run: bool,
    failure: Option<Failed>,
    failed: bool,
    handed: Option<DataFrame>,
    /// Where progress is shown, once there is any.
    progress: Option<String>,
    /// What may be the reason of the process's end, and not output; nothing follows it then.
    last_words: String,
    /// Whether what comes next on standard error begins a line.
    at_line_start: bool,
}

impl<'a> Collected<'a> {
    pub(crate) fn new(outputs: Option<&'a dyn Outputs>, late: &'a Mutex<Vec<Event>>) -> Self {
        Collected {
            outputs,
            late,
            result: None,
            panics: Vec::new(),
            panicked: false,
            not_run: false,
            failure: None,
            failed: false,
            handed: None,
            progress: None,
            last_words: String::new(),
            at_line_start: true,
        }
    }

    pub(crate) fn take(&mut self, event: Event) {
        if !matches!(event, Event::Stderr(_) | Event::Done(_)) {
            self.show_last_words();
        }
        match event {
            Event::Stdout(_) | Event::Display(..) | Event::Update(..) => self.show(event),
            Event::Stderr(text) => self.listen(&text),
            Event::Clear(wait) => {
                if let Some(outputs) = self.outputs {
                    outputs.clear(wait);
                }
            }
            Event::Result(picture) => self.result = Some(picture),
            Event::Panic(panic) => self.panics.push(panic),
            Event::Panicked => self.panicked = true,
            Event::NotRun => self.not_run = true,
            Event::Failure(failure) => self.failure = Some(failure),
            Event::Failed => self.failed = true,
            Event::Handed(frame) => self.handed = Some(frame),
            Event::Progress(text) => self.show_progress(text),
            Event::Begin => *self = Collected::new(self.outputs, self.late),
            // The evaluator takes these itself.
            Event::Done(_) | Event::Input(_) => {}
        }
    }

    /// Shows what was printed or is to be seen, or keeps it for the next cell.
    fn show(&self, event: Event) {
        let Some(outputs) = self.outputs else {
            self.late.lock().push(event);
            return;
        };
        match event {
            Event::Stdout(text) => outputs.stdout(&text),
            Event::Stderr(text) => outputs.stderr(&text),
            Event::Display(picture, id) => outputs.display(text_only(&picture), picture.metadata, id.as_deref()),
            Event::Update(picture, id) => outputs.update(text_only(&picture), picture.metadata, &id),
            _ => {}
        }
    }

    /// Words of the evaluator's own, on standard error.
    pub(crate) fn say(&self, text: impl Into<String>) {
        self.show(Event::Stderr(text.into()));
    }

    /// Shows what is written to standard error, but for what may be the last words of the process.
    fn listen(&mut self, text: &str) {
        self.last_words.push_str(text);
        let end = last_words_at(&self.last_words, self.at_line_start);
        let rest = self.last_words.split_off(end);
        let shown = std::mem::replace(&mut self.last_words, rest);
        if !shown.is_empty() {
            self.at_line_start = shown.ends_with('\n');
            self.say(shown);
        }
    }

    /// The process lives, so they were not its last.
    fn show_last_words(&mut self) {
        if !self.last_words.is_empty() {
            let words = std::mem::take(&mut self.last_words);
            self.at_line_start = words.ends_with('\n');
            self.say(words);
        }
    }

    fn show_progress(&mut self, text: String) {
        let picture = Picture {
            data: Map::from_iter([("text/plain".to_owned(), text.into())]),
            metadata: Map::new(),
        };
        match &self.progress {
            Some(id) => self.show(Event::Update(picture, id.clone())),
            None => {
                let id = new_display_id();
                self.show(Event::Display(picture, Some(id.clone())));
                self.progress = Some(id);
            }
        }
    }

    pub(crate) fn finish(mut self, ended: Ended) -> Result<(Evaluated, Option<DataFrame>), CellError> {
        if !matches!(ended.outcome, Err(CellError::ChildDied { .. })) {
            self.show_last_words();
        }
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
            self.say(format!(
                "thread '{}' panicked at {}:\n{}\n",
                caught.thread, caught.place, caught.message
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
            return Err(question_error(self.failure, ended));
        }
        let (result, metadata) = match self.result {
            Some(picture) => (Some(text_only(&picture)), picture.metadata),
            None => (Some(shown).filter(|shown| !shown.is_empty()), Map::new()),
        };
        let evaluated = Evaluated {
            result,
            metadata,
            defined: ended.defined,
        };
        Ok((evaluated, self.handed))
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
        place: place_of(&panic.place, &ended),
        message: panic.message,
        backtrace: panic.backtrace,
        lost: ended.lost,
    }
}

fn question_error(failure: Option<Failed>, ended: Ended) -> CellError {
    let (type_name, message, place) = match failure {
        Some(failure) => (
            failure.type_name,
            failure.message,
            Some(place_of(&failure.place, &ended)),
        ),
        None => (String::new(), "the cell ended with an error".to_owned(), None),
    };
    CellError::Question {
        type_name,
        message,
        place,
        lost: ended.lost,
    }
}

/// Where something began: a line of the cell where it was there.
fn place_of(place: &Place, ended: &Ended) -> String {
    if place.file != "src/lib.rs" {
        return place.to_string();
    }
    let lines: Vec<&str> = ended.generated.lines().map(str::trim).collect();
    let Some((line, before)) = (place.line as usize)
        .checked_sub(1)
        .and_then(|at| lines.get(..=at)?.split_last())
    else {
        return place.to_string();
    };
    // evcxr puts each statement on a line of its own, so a line of its file is a whole line of the
    // cell, or the end of one, or a part. The n-th of equal ones is the n-th in the cell.
    let equal = |lines: &[&str]| lines.iter().filter(|other| *other == line).count();
    let places: Vec<(usize, &str)> = ended.edited.text().match_indices(line).collect();
    let at = match places.get(equal(before)) {
        Some((at, _)) if places.len() == equal(&lines) => *at,
        _ => return "this cell".to_owned(),
    };
    let (line_number, column) = position_of(ended.edited.text(), at);
    let (original, _) = ended.edited.original_position(line_number, column);
    let text = ended.edited.original().lines().nth(original - 1);
    format!("line {original}: {}", text.unwrap_or_default().trim())
}
