//! Completion in magics: names, options, values by their kind (frames, columns of the frame named earlier on the line, keys of
//! a bucket, paths …), SQL in `%%sql`. From the same declarations as parsing and help. Answers are filtered by
//! what was typed, and late ones are cut off: JupyterLab waits a second and drops what comes after.

mod explain;
mod line;
mod recipe;
mod stores;
mod values;

pub use explain::inspect;
pub(crate) use explain::of_name;
use line::Place;
pub(crate) use recipe::steps;
pub(crate) use values::{columns_of, frames};

use crate::language::name;
use crate::magic::Form;
use crate::registry::MAGICS;
use crate::run::name_of;
use crate::session::Session;

/// One thing that could stand at the cursor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    /// What would be inserted.
    pub text: String,
    /// Its kind, shown beside it: `magic`, `option`, `frame`, `column`, `s3`, …
    pub kind: &'static str,
    /// A few words about it.
    pub detail: Option<String>,
}

impl Completion {
    /// A completion of some kind.
    pub(crate) fn new(text: impl Into<String>, kind: &'static str) -> Completion {
        Completion {
            text: text.into(),
            kind,
            detail: None,
        }
    }

    /// The same with a few words about it.
    pub(crate) fn with_detail(mut self, detail: impl Into<String>) -> Completion {
        self.detail = Some(detail.into());
        self
    }
}

/// What could stand at the cursor, and which part of the code it would replace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Completions {
    /// Where the replaced part begins, in bytes.
    pub start: usize,
    /// Where it ends.
    pub end: usize,
    /// The candidates, best first.
    pub matches: Vec<Completion>,
}

/// Completes a magic at `cursor`, a byte offset of the code. Nothing where the cursor is not in a magic: that is Rust's.
pub fn complete(code: &str, cursor: usize, session: &Session) -> Completions {
    let mut cursor = cursor.min(code.len());
    while !code.is_char_boundary(cursor) {
        cursor -= 1;
    }
    let (start, mut matches) = candidates(code, cursor, session).unwrap_or((cursor, Vec::new()));
    let typed = &code[start..cursor];
    matches.retain(|item| starts_alike(&item.text, typed));
    matches.dedup_by(|a, b| a.text == b.text);
    Completions {
        start,
        end: cursor,
        matches,
    }
}

fn candidates(code: &str, cursor: usize, session: &Session) -> Option<(usize, Vec<Completion>)> {
    let entry = |name: &str| MAGICS.iter().find(|entry| entry.name == name);
    match line::place(code, cursor)? {
        Place::Name { start, cell } => Some((start, names(cell))),
        Place::Arguments { name, start, text } => {
            let rest = code[cursor..].lines().next().unwrap_or_default();
            Some(values::arguments(entry(&name)?, start, &text, rest, session))
        }
        Place::Body {
            name,
            first_line,
            body,
            cursor,
            start,
        } => {
            let (offset, items) = (entry(&name)?.complete_body)(&first_line, &body, cursor, session);
            Some((start + offset, items))
        }
    }
}

fn names(cell: bool) -> Vec<Completion> {
    MAGICS
        .iter()
        .filter(|entry| match entry.form {
            Form::LineOrCell => true,
            Form::Line => !cell,
            Form::Cell => cell,
        })
        .map(|entry| {
            let percent = if cell { "%%" } else { "%" };
            Completion::new(format!("{percent}{}", entry.name), "magic").with_detail(entry.about())
        })
        .collect()
}

fn starts_alike(candidate: &str, typed: &str) -> bool {
    let mut letters = candidate.chars().flat_map(char::to_lowercase);
    typed
        .chars()
        .flat_map(char::to_lowercase)
        .all(|letter| letters.next() == Some(letter))
}

/// The start of the identifier that ends at `cursor`.
pub(crate) fn identifier_start(text: &str, cursor: usize) -> usize {
    let before = &text[..cursor];
    let start = before
        .rfind(|letter: char| !(letter.is_alphanumeric() || letter == '_'))
        .map_or(0, |at| at + before[at..].chars().next().map_or(1, char::len_utf8));
    if name::is_identifier(&before[start..]) {
        start
    } else {
        cursor
    }
}

/// The name of the magic on a line that begins with one or two percent signs.
fn name_after_percent(line: &str) -> &str {
    name_of(line.trim_start_matches('%'))
}
