//! Compile errors as text that points into the cell as it was typed.
//!
//! evcxr's own report is coloured for a terminal, and shows the source as it was compiled; here the
//! kernel's insertions are taken out of positions and lines, and any character may stand in them.

use evcxr::CompilationError;

use crate::error::CellError;
use crate::source::{Edited, position_of};
use crate::types::Nameless;

/// All errors of a cell as one.
///
/// Where some are in what the user wrote, those in evcxr's own lines are left out: they complain of
/// variables of earlier cells, which are fine.
pub(crate) fn compile_error(errors: &[CompilationError], edited: &Edited) -> CellError {
    let mut errors: Vec<&CompilationError> = errors.iter().collect();
    if errors.iter().any(|error| error.is_from_user_code()) {
        errors.retain(|error| error.is_from_user_code());
    }
    let rendered: Vec<String> = errors.iter().map(|error| render(error, edited)).collect();
    let first = errors
        .first()
        .map_or_else(|| "the cell does not compile".to_owned(), |error| error.message());
    let message = match errors.len() {
        0 | 1 => first,
        2 => format!("{first} (and one more error)"),
        many => format!("{first} (and {} more errors)", many - 1),
    };
    CellError::Compile {
        message,
        rendered: rendered.join("\n"),
    }
}

/// Words of cargo's that are no error in the cell, such as a crate that `:dep` names and that there is not. evcxr repeats
/// all that cargo has written.
pub(crate) fn cargo_error(message: &str) -> Option<CellError> {
    let (_, said) = message.split_once("no parsable errors were found. STDERR:")?;
    let said = said.split("\nSTDOUT:").next().unwrap_or(said);
    let at = said.find("\nerror")?;
    let rendered = said[at + 1..].trim_end();
    let first = rendered.lines().next().unwrap_or_default();
    let message = first.split_once(": ").map_or(first, |(_, rest)| rest);
    Some(CellError::Compile {
        message: message.to_owned(),
        rendered: rendered.to_owned(),
    })
}

/// A variable that cannot be kept, with what to write instead.
pub(crate) fn nameless(variable: &Nameless, code: &str) -> CellError {
    let name = &variable.name;
    let (line, end) = position_of(code, variable.end);
    let closure = variable.found.starts_with("{closure@");
    let (message, help) = if closure {
        (
            format!("`{name}` is a closure: its type has no name, so it cannot be kept for later cells"),
            format!(
                "box it: `let {name}: Box<dyn Fn(…) -> …> = Box::new(…);`, write a `fn`, or put all that uses it in braces"
            ),
        )
    } else {
        (
            format!("the type of `{name}` has no name, so it cannot be kept for later cells"),
            format!("`.collect()` it, box it, or put all that uses `{name}` in braces"),
        )
    };
    let mark = Mark {
        line,
        column: end.saturating_sub(name.chars().count()).max(1),
        end: Some(end),
        label: "cannot be kept".to_owned(),
        primary: true,
    };
    let rendered = format!("error: {message}\n{}  = help: {help}\n", draw(&[mark], code));
    CellError::Compile { message, rendered }
}

fn render(error: &CompilationError, edited: &Edited) -> String {
    let code = error.code().map_or(String::new(), |code| format!("[{code}]"));
    let mut out = format!("error{code}: {}\n", error.message());
    let marks: Vec<Mark> = error
        .spanned_messages()
        .iter()
        .filter_map(|message| {
            let span = message.span?;
            let start = edited.original_position(span.start_line, span.start_column);
            let end = edited.original_position(span.end_line, span.end_column);
            Some(Mark {
                line: start.0,
                column: start.1,
                // A span over several lines is marked to the end of its first.
                end: (end.0 == start.0).then_some(end.1),
                label: message.label.clone(),
                primary: message.is_primary,
            })
        })
        .collect();
    if marks.is_empty() {
        let whole = error.rendered();
        if !whole.is_empty() {
            return whole;
        }
    }
    out.push_str(&draw(&marks, edited.original()));
    for help in error.help() {
        out.push_str(&format!("  = help: {}\n", help.replace('\n', "\n    ")));
    }
    if let Some(hint) = error.evcxr_extra_hint() {
        out.push_str(&format!("  = note: {hint}\n"));
    }
    out
}

/// A place in the cell and what is said of it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Mark {
    line: usize,
    column: usize,
    end: Option<usize>,
    label: String,
    primary: bool,
}

/// The lines that the marks are on, each with its marks below it.
fn draw(marks: &[Mark], source: &str) -> String {
    let Some(first) = marks.iter().find(|mark| mark.primary).or(marks.first()) else {
        return String::new();
    };
    let lines: Vec<&str> = source.lines().collect();
    let mut sorted = marks.to_vec();
    sorted.sort_by_key(|mark| (mark.line, mark.column));
    let last = sorted.last().map_or(1, |mark| mark.line);
    let width = last.to_string().len();
    let mut out = format!("{:width$}--> line {}, column {}\n", "", first.line, first.column);
    out.push_str(&format!("{:width$} |\n", ""));
    let mut shown = 0;
    for mark in &sorted {
        let text = lines.get(mark.line - 1).copied().unwrap_or_default();
        if mark.line != shown {
            out.push_str(&format!("{:>width$} | {text}\n", mark.line));
            shown = mark.line;
        }
        let end = mark.end.unwrap_or_else(|| text.chars().count() + 1);
        let length = end.saturating_sub(mark.column).max(1);
        // Tabs stay tabs, so that the marks stand below what they mark.
        let indent: String = text
            .chars()
            .take(mark.column - 1)
            .map(|c| if c == '\t' { '\t' } else { ' ' })
            .collect();
        let sign = if mark.primary { "^" } else { "-" };
        let line = format!("{:width$} | {indent}{} {}", "", sign.repeat(length), mark.label);
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_stands_below_what_it_marks() {
        let mark = |line, column, end, label: &str, primary| Mark {
            line,
            column,
            end,
            label: label.to_owned(),
            primary,
        };
        let drawn = draw(
            &[
                mark(2, 13, Some(16), "expected `i32`, found `&str`", true),
                mark(2, 8, Some(11), "expected due to this", false),
            ],
            "let é = 1;\nlet x: i32 = \"a\";",
        );
        assert_eq!(
            drawn,
            " --> line 2, column 13\n  |\n2 | let x: i32 = \"a\";\n  |        --- expected due to this\n  |             ^^^ expected `i32`, found `&str`\n"
        );
    }

    #[test]
    fn of_what_cargo_says_the_error_is_shown() {
        let message = "Compilation failed, but no parsable errors were found. STDERR:\n   Compiling libc v0.2\nerror: no matching package named `nonesuch` found\nlocation searched: crates.io index\n\nSTDOUT:{}";
        let error = cargo_error(message).map(|error| (error.to_string(), error.traceback()));
        let lines = [
            "error: no matching package named `nonesuch` found",
            "location searched: crates.io index",
        ];
        assert_eq!(
            error,
            Some((
                "no matching package named `nonesuch` found".to_owned(),
                lines.map(str::to_owned).to_vec()
            ))
        );
        assert_eq!(cargo_error("something else"), None);
    }

    #[test]
    fn a_closure_is_told_how_to_stay() {
        let variable = Nameless {
            name: "é".to_owned(),
            end: 6,
            found: "{closure@cell.rs:1:2: 3:4}".to_owned(),
        };
        let error = nameless(&variable, "let é = |x: i32| x;");
        let CellError::Compile { rendered, .. } = error else {
            panic!("{error:?}");
        };
        assert!(
            rendered.contains("1 | let é = |x: i32| x;\n  |     ^ cannot be kept\n"),
            "{rendered}"
        );
    }
}
