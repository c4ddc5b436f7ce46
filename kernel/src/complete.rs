//! Completion and inspection: magics answer for their lines, Rust for the rest.

use ironsage_display::Bundle;
use ironsage_magics::Session;
use ironsage_protocol::{Completions, Match};

use crate::bridge::RustCells;
use crate::cell::{self, Lexer};

/// What could stand at the cursor, a byte offset of the cell.
pub(crate) fn complete(code: &str, cursor: usize, session: &Session, rust: &RustCells) -> Completions {
    if !in_magic(code, cursor) {
        return rust.complete(code, cursor);
    }
    let found = ironsage_magics::complete(code, cursor, session);
    Completions {
        matches: found
            .matches
            .into_iter()
            .map(|found| Match {
                text: found.text,
                kind: Some(found.kind.to_owned()),
                signature: None,
            })
            .collect(),
        start: found.start,
        end: found.end,
    }
}

/// The help of the magic whose line the cursor is on.
pub(crate) fn inspect(code: &str, cursor: usize) -> Option<Bundle> {
    if !in_magic(code, cursor) {
        return None;
    }
    let start = code[..cursor].rfind('\n').map_or(0, |newline| newline + 1);
    let line = code[start..].lines().next().unwrap_or_default();
    let command = &line[line.find('%')?..];
    let name = command
        .trim_start_matches('%')
        .split(|c: char| !c.is_alphanumeric() && c != '_')
        .next()?;
    ironsage_magics::help(name).ok()
}

/// Whether the cursor stands in a magic's line, or in the body of a cell magic.
fn in_magic(code: &str, cursor: usize) -> bool {
    let first = code
        .lines()
        .map(str::trim_start)
        .find(|line| !line.is_empty() && !line.starts_with("//"));
    if first.is_some_and(|line| line.starts_with("%%")) {
        return true;
    }
    let start = code[..cursor].rfind('\n').map_or(0, |newline| newline + 1);
    let line = &code[start..];
    let mut lexer = Lexer::default();
    for segment in cell::split(&code[..start]) {
        if let cell::Segment::Rust { code, .. } = segment {
            lexer.feed(code);
        }
    }
    let assigned = line.lines().next().unwrap_or_default();
    let magic = assigned.starts_with(['%', '!', '?'])
        || assigned
            .split_once('=')
            .is_some_and(|(_, right)| right.trim_start().starts_with('%'));
    lexer.at_top() && magic
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cursor_knows_where_it_is() {
        for (code, magic) in [
            ("%lo|", true),
            ("let x = 1;\n%load d|", true),
            ("t = %load d|", true),
            ("%%sql -o x\nSELECT |", true),
            ("// note\n%%sql\nSEL|", true),
            ("let x = |", false),
            ("let s = \"\n%load |\n\";", false),
            ("%load a.csv -o a\na.|", false),
        ] {
            let cursor = code.find('|').unwrap();
            assert_eq!(in_magic(&code.replacen('|', "", 1), cursor), magic, "{code}");
        }
    }
}
