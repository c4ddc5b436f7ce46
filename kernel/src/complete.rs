//! Completion and inspection: magics answer for their lines, Rust for the rest.

use ironsage_cells::Docs;
use ironsage_display::Bundle;
use ironsage_magics::Session;
use ironsage_protocol::{Completions, Match};

use crate::bridge::RustCells;
use crate::cell::{self, Lexer, Segment};

/// What could stand at the cursor, a byte offset of the cell.
pub(crate) fn complete(code: &str, cursor: usize, session: &Session, rust: &RustCells) -> Completions {
    if let Some(only) = rust_at(code, cursor) {
        return rust.complete(&only, cursor);
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

/// What stands at the cursor, in a magic or in Rust.
pub(crate) fn inspect(code: &str, cursor: usize, session: &Session, rust: &RustCells) -> Option<Bundle> {
    match rust_at(code, cursor) {
        Some(only) => rust.inspect(&only, cursor).map(bundle),
        None => ironsage_magics::inspect(code, cursor, session),
    }
}

fn bundle(docs: Docs) -> Bundle {
    let mut bundle = Bundle::text(docs.plain);
    if let Some(markdown) = docs.markdown {
        bundle.data.insert("text/markdown".to_owned(), markdown.into());
    }
    match docs.html {
        Some(html) => bundle.with_html(html),
        None => bundle,
    }
}

/// The Rust of a cell, with all else blanked out, so that every offset stays; `None` where the cursor is in a magic.
fn rust_at(code: &str, cursor: usize) -> Option<String> {
    let segments = cell::split(code);
    if let [Segment::Cell { command, body, .. }] = segments.as_slice()
        && command == "time"
        && let Some(within) = cursor.checked_sub(code.len() - body.len())
    {
        // What is timed is a cell of its own; it reaches to the end.
        return Some(blanks(&code[..code.len() - body.len()]) + &rust_at(body, within)?);
    }
    if in_magic(code, cursor) {
        return None;
    }
    let mut only = blanks(code);
    for segment in segments {
        if let Segment::Rust { code: rust, .. } = segment {
            // A segment is a slice of the cell.
            let start = rust.as_ptr() as usize - code.as_ptr() as usize;
            only.replace_range(start..start + rust.len(), rust);
        }
    }
    Some(only)
}

/// As many bytes, and the same lines, with nothing on them.
fn blanks(text: &str) -> String {
    let bytes = text.bytes();
    bytes.map(|byte| if byte == b'\n' { '\n' } else { ' ' }).collect()
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
        if let Segment::Rust { code, .. } = segment {
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

    #[test]
    fn rust_is_seen_in_its_place_and_magics_are_not() {
        for (code, expected) in [
            ("let x = 1;\nx.|", Some("let x = 1;\nx.")),
            ("%load é.csv -o a\na.|\n!ls", Some("                 \na.\n   ")),
            ("%%time\na.|", Some("      \na.")),
            ("%%time\n%load a\na.|", Some("      \n       \na.")),
            ("%%time\n%lo|", None),
            ("%%ti|me\na.", None),
            ("%%sql\na.|", None),
        ] {
            let cursor = code.find('|').unwrap();
            let rust = rust_at(&code.replacen('|', "", 1), cursor);
            assert_eq!(rust.as_deref(), expected, "{code}");
        }
    }
}
