//! A place in a query as a person finds it: its line and column, the line itself, and a mark under what is meant.

use std::ops::Range;

/// How much of a long line is shown, in characters.
const WIDTH: usize = 100;

/// The place of some bytes of a query, for the end of a message.
pub(super) fn shown(query: &str, place: Range<usize>) -> String {
    let start = query[..place.start].rfind('\n').map_or(0, |newline| newline + 1);
    let end = query[place.start..]
        .find('\n')
        .map_or(query.len(), |newline| place.start + newline);
    let line = query[..start].matches('\n').count() + 1;
    let column = query[start..place.start].chars().count();
    let text: Vec<char> = query[start..end].trim_end().chars().collect();
    let marked = query[place.start..place.end.clamp(place.start, end)]
        .chars()
        .count()
        .max(1);
    let from = match text.len() > WIDTH {
        true => column.saturating_sub(WIDTH / 2).min(text.len()),
        false => 0,
    };
    // A tab is one column wide here, so that the mark stands right.
    let part = text[from..].iter().take(WIDTH);
    let part: String = part.map(|c| if c.is_control() { ' ' } else { *c }).collect();
    let mark = "^".repeat(marked.min((from + WIDTH).saturating_sub(column).max(1)));
    format!(
        " (line {line}, column {})\n    {part}\n    {}{mark}",
        column + 1,
        " ".repeat(column - from)
    )
}

/// The place that a parser gives by line and column, both counted from one in characters.
pub(super) fn at(query: &str, line: usize, column: usize) -> Range<usize> {
    let before: usize = query
        .split_inclusive('\n')
        .take(line.saturating_sub(1))
        .map(str::len)
        .sum();
    let rest = query[before..].lines().next().unwrap_or_default();
    let offset = rest
        .char_indices()
        .nth(column.saturating_sub(1))
        .map_or(rest.len(), |(at, _)| at);
    let word = rest[offset..]
        .find(|c: char| !(c.is_alphanumeric() || c == '_'))
        .unwrap_or(rest.len() - offset);
    before + offset..before + offset + word.max(rest[offset..].chars().next().map_or(0, char::len_utf8))
}

/// The end of a query: where something is missing.
pub(super) fn end(query: &str) -> Range<usize> {
    let end = query.trim_end().len();
    end..end
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_mark_stands_under_what_is_meant() {
        let query = "SELECT größe,\n\tleter\nFROM small";
        let place = at(query, 2, 2);
        assert_eq!(&query[place.clone()], "leter");
        assert_eq!(shown(query, place), " (line 2, column 2)\n     leter\n     ^^^^^");
        assert_eq!(
            shown("SELECT ", end("SELECT ")),
            " (line 1, column 7)\n    SELECT\n          ^"
        );
    }

    #[test]
    fn a_long_line_is_shown_around_the_place() {
        let query = format!("SELECT {} leter FROM small", "x, ".repeat(200));
        let start = query.find("leter").unwrap_or_default();
        let told = shown(&query, start..start + 5);
        let lines: Vec<&str> = told.lines().collect();
        assert!(lines[1].len() <= WIDTH + 4 && lines[1].contains("leter"), "{told}");
        assert_eq!(lines[1].find("leter"), lines[2].find('^'), "{told}");
    }

    proptest! {
        #[test]
        fn any_place_is_shown(query in "[aä\t\n ,]{0,30}", line in 0usize..8, column in 0usize..40) {
            prop_assert!(shown(&query, at(&query, line, column)).contains('^'));
            prop_assert!(shown(&query, end(&query)).contains('^'));
        }
    }
}
