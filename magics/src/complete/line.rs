//! Where in a magic the cursor is: in its name, its arguments or its body.

use super::name_after_percent;

/// A place in a magic; positions are bytes of the whole code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// In the name, which starts (with its percent signs) at `start`.
    Name { start: usize, cell: bool },
    /// In the arguments: `text` is what stands between the name and the cursor, and starts at `start`.
    Arguments { name: String, start: usize, text: String },
    /// In the body of a cell magic: the whole body, where it starts, and the cursor in it.
    Body {
        name: String,
        first_line: String,
        body: String,
        cursor: usize,
        start: usize,
    },
}

/// The place of the cursor, if it is in a magic.
pub(super) fn place(code: &str, cursor: usize) -> Option<Place> {
    if let Some((start, end)) = cell_line(code) {
        let line = &code[start..end];
        if cursor > end {
            let body = (end + 1).min(code.len());
            return Some(Place::Body {
                name: name_after_percent(line).to_owned(),
                first_line: line.to_owned(),
                body: code[body..].to_owned(),
                cursor: cursor - body,
                start: body,
            });
        }
        return (cursor >= start).then(|| in_line(code, start, cursor)).flatten();
    }
    let start = logical_start(code, cursor);
    in_line(code, start, cursor)
}

/// The first line that is neither blank nor a comment, if it is a cell magic.
fn cell_line(code: &str) -> Option<(usize, usize)> {
    let mut start = 0;
    for line in code.split_inclusive('\n') {
        let text = line.trim_end_matches(['\n', '\r']);
        if !(text.trim().is_empty() || text.starts_with("//")) {
            return text.starts_with("%%").then_some((start, start + text.len()));
        }
        start += line.len();
    }
    None
}

/// The start of the line at the cursor, lines continued by a backslash taken together.
fn logical_start(code: &str, cursor: usize) -> usize {
    let mut start = code[..cursor].rfind('\n').map_or(0, |at| at + 1);
    while start > 0 {
        let before = &code[..start - 1];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        if !before[line_start..].trim_end_matches('\r').ends_with('\\') {
            break;
        }
        start = line_start;
    }
    start
}

fn in_line(code: &str, start: usize, cursor: usize) -> Option<Place> {
    let line = &code[start..cursor];
    let percent = match line.starts_with('%') {
        true => 0,
        // `name = %magic …`
        false => {
            let (left, right) = line.split_once('=')?;
            let names = left
                .split(',')
                .all(|name| crate::language::name::is_identifier(name.trim()));
            let right_at = line.len() - right.trim_start().len();
            (names && line[right_at..].starts_with('%')).then_some(right_at)?
        }
    };
    let magic = &line[percent..];
    let signs = magic.len() - magic.trim_start_matches('%').len();
    if signs > 2 {
        return None;
    }
    if magic[signs..].starts_with(char::is_whitespace) {
        return None;
    }
    let name = name_after_percent(magic);
    if signs + name.len() == magic.len() {
        return Some(Place::Name {
            start: start + percent,
            cell: signs == 2,
        });
    }
    let text_at = percent + signs + name.len();
    Some(Place::Arguments {
        name: name.to_owned(),
        start: start + text_at,
        text: line[text_at..].to_owned(),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_arguments_and_bodies() {
        assert_eq!(place("%lo", 3), Some(Place::Name { start: 0, cell: false }));
        assert_eq!(place("let a = 1;\n%", 12), Some(Place::Name { start: 11, cell: false }));
        let arguments = |start, text: &str| {
            Some(Place::Arguments {
                name: "show".into(),
                start,
                text: text.into(),
            })
        };
        assert_eq!(place("%show ab", 8), arguments(5, " ab"));
        assert_eq!(place("x = %show ab", 12), arguments(9, " ab"));
        assert_eq!(place("%show \\\n  ab", 12), arguments(5, " \\\n  ab"));
        let body = place("// a comment\n%%sql -o x\nSELECT ", 31).unwrap();
        let Place::Body {
            name,
            body,
            cursor,
            start,
            ..
        } = body
        else {
            panic!("in the body")
        };
        assert_eq!((name.as_str(), body.as_str(), cursor, start), ("sql", "SELECT ", 7, 24));
    }

    #[test]
    fn rust_is_rusts() {
        assert_eq!(place("let x = a % b", 13), None);
        assert_eq!(place("x == %a", 7), None);
        assert_eq!(place("fn main() {", 5), None);
    }

    proptest! {
        #[test]
        fn any_cursor_is_placed_or_not(code in "[%a-c =\\\\\nä]{0,24}", at in 0usize..25) {
            let cursor = code.char_indices().nth(at).map_or(code.len(), |(at, _)| at);
            let _ = place(&code, cursor);
        }
    }
}
