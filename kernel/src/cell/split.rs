//! From the text of a cell to its segments.

use super::Lexer;

/// One piece of a cell. The slices are of the cell's own text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Segment<'a> {
    /// Rust, exactly as it was typed, and the line (from 0) on which it starts.
    Rust {
        /// The text.
        code: &'a str,
        /// The line of the cell on which it starts, from 0.
        line: usize,
    },
    /// `%name …`, or `a, b = %name …`.
    Line {
        /// What stands after the `%`.
        command: String,
        /// What stands on the left of `=`: names with commas, or nothing.
        target: &'a str,
    },
    /// `%%name …` and everything below it.
    Cell {
        /// What stands after the `%%` on its line.
        command: String,
        /// The lines below.
        body: &'a str,
        /// How many lines of the cell stand above the body.
        above: usize,
    },
    /// `!command`.
    Shell {
        /// What stands after the `!`.
        command: String,
    },
    /// `%name?`, `%%name?`, `?name`, or `?` alone.
    Help {
        /// The name, without `%`.
        name: &'a str,
    },
    /// A `%%name` that is not the first line of its cell.
    Misplaced {
        /// The name with its `%%`.
        name: &'a str,
    },
}

/// Cuts a cell into its segments.
///
/// A line that ends with a backslash goes on in the next one, for magics and shell commands alike.
pub(crate) fn split(cell: &str) -> Vec<Segment<'_>> {
    if let Some(segment) = cell_magic(cell) {
        return vec![segment];
    }
    let mut segments = Vec::new();
    let mut lexer = Lexer::default();
    let mut rust_start = 0;
    let mut rust_line = 0;
    let mut position = 0;
    let mut line_number = 0;
    while position < cell.len() {
        let line_end = end_of_line(cell, position);
        let line = &cell[position..line_end];
        let special = lexer.at_top().then(|| Special::of(line)).flatten();
        let Some(special) = special else {
            lexer.feed(line);
            position = line_end;
            line_number += 1;
            continue;
        };
        push_rust(&mut segments, &cell[rust_start..position], rust_line);
        let end = end_of_continued(cell, position);
        segments.push(special.segment(&cell[position..end]));
        line_number += cell[position..end].lines().count().max(1);
        position = end;
        rust_start = end;
        rust_line = line_number;
    }
    push_rust(&mut segments, &cell[rust_start..], rust_line);
    segments
}

fn push_rust<'a>(segments: &mut Vec<Segment<'a>>, code: &'a str, line: usize) {
    if !code.trim().is_empty() {
        segments.push(Segment::Rust { code, line });
    }
}

/// `%%name` as the first line; blank lines and comments (Quarto's `//|` among them) before it are skipped.
fn cell_magic(cell: &str) -> Option<Segment<'_>> {
    let mut lexer = Lexer::default();
    let mut position = 0;
    while position < cell.len() {
        let end = end_of_line(cell, position);
        let first = &cell[position..end];
        if !(lexer.at_top() && is_magic(first, "%%")) {
            lexer.feed(first);
            if lexer.saw_code() {
                return None;
            }
            position = end;
            continue;
        }
        if let Some(name) = asks_for_help(&first[2..]) {
            return Some(Segment::Help { name });
        }
        let command_end = end_of_continued(cell, position);
        return Some(Segment::Cell {
            command: joined(&cell[position + 2..command_end]),
            body: &cell[command_end..],
            above: cell[..command_end].lines().count(),
        });
    }
    None
}

/// What a line at column 0 and depth 0 can be besides Rust.
enum Special {
    Magic,
    CellMagic,
    Shell,
    Help,
    Assignment(usize),
}

impl Special {
    fn of(line: &str) -> Option<Special> {
        if is_magic(line, "%%") {
            return Some(Special::CellMagic);
        }
        if is_magic(line, "%") {
            return Some(Special::Magic);
        }
        if let Some(rest) = line.strip_prefix('!') {
            let first = rest.chars().next()?;
            return (!first.is_whitespace() && first != '[').then_some(Special::Shell);
        }
        if let Some(rest) = line.strip_prefix('?') {
            return rest
                .trim()
                .chars()
                .all(|c| c == '%' || c == '_' || c.is_alphanumeric())
                .then_some(Special::Help);
        }
        let (left, right) = line.split_once('=')?;
        let spaces = right.len() - right.trim_start().len();
        (left.split(',').all(|name| is_identifier(name.trim())) && is_magic(right.trim_start(), "%"))
            .then_some(Special::Assignment(left.len() + 1 + spaces))
    }

    fn segment<'a>(&self, text: &'a str) -> Segment<'a> {
        match self {
            Special::CellMagic => match asks_for_help(&text[2..]) {
                Some(name) => Segment::Help { name },
                None => Segment::Misplaced {
                    name: text.split_whitespace().next().unwrap_or(text),
                },
            },
            Special::Magic => match asks_for_help(&text[1..]) {
                Some(name) => Segment::Help { name },
                None => Segment::Line {
                    command: joined(&text[1..]),
                    target: "",
                },
            },
            Special::Assignment(magic) => Segment::Line {
                command: joined(&text[magic + 1..]),
                target: text[..text.find('=').unwrap_or(0)].trim_end(),
            },
            Special::Shell => Segment::Shell {
                command: joined(&text[1..]),
            },
            Special::Help => Segment::Help {
                name: text[1..].trim().trim_start_matches('%'),
            },
        }
    }
}

/// Whether `line` starts with the marker and a name.
fn is_magic(line: &str, marker: &str) -> bool {
    line.strip_prefix(marker)
        .and_then(|rest| rest.chars().next())
        .is_some_and(|c| c.is_ascii_alphabetic())
}

/// The name in `name?` or `name??`.
fn asks_for_help(command: &str) -> Option<&str> {
    command
        .trim_end()
        .strip_suffix('?')
        .map(|name| name.strip_suffix('?').unwrap_or(name))
        .filter(|name| name.chars().all(|c| c == '_' || c.is_alphanumeric()))
}

fn is_identifier(word: &str) -> bool {
    let mut characters = word.chars();
    characters.next().is_some_and(|c| c == '_' || c.is_alphabetic())
        && characters.all(|c| c == '_' || c.is_alphanumeric())
}

/// The end of the line that starts at `position`, its newline included.
fn end_of_line(cell: &str, position: usize) -> usize {
    cell[position..]
        .find('\n')
        .map_or(cell.len(), |newline| position + newline + 1)
}

/// The same, over lines that end with a backslash.
fn end_of_continued(cell: &str, position: usize) -> usize {
    let mut end = end_of_line(cell, position);
    while end < cell.len() && cell[..end].trim_end_matches(['\n', '\r']).ends_with('\\') {
        end = end_of_line(cell, end);
    }
    end
}

/// A command on one line: backslashes at line ends are gone, each with its newline.
fn joined(text: &str) -> String {
    text.trim_end_matches(['\n', '\r'])
        .replace("\\\r\n", " ")
        .replace("\\\n", " ")
        .trim_end()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn line(command: &str) -> Segment<'_> {
        Segment::Line {
            command: command.to_owned(),
            target: "",
        }
    }

    #[test]
    fn magics_stand_between_rust_lines() {
        let cell = "let x = 1;\n%load s3://b/k -o t\nlet y = x\n  % 2;\n!ls -l\n?load\n%who?\n";
        assert_eq!(
            split(cell),
            vec![
                Segment::Rust {
                    code: "let x = 1;\n",
                    line: 0
                },
                line("load s3://b/k -o t"),
                Segment::Rust {
                    code: "let y = x\n  % 2;\n",
                    line: 2
                },
                Segment::Shell {
                    command: "ls -l".to_owned()
                },
                Segment::Help { name: "load" },
                Segment::Help { name: "who" },
            ]
        );
    }

    #[test]
    fn brackets_strings_and_comments_hide_magics() {
        for cell in [
            "let x = (1\n%load\n);\n",
            "let s = \"\n%load\n!ls\n\";\n",
            "/*\n%load\n*/\n",
            "let s = r#\"\n?x\n\"#;\n",
            "fn f() {\n!true\n}\n",
            "a\n    %load\n",
            "let x = 7\n% 2;\n",
            "name?\n",
            "#![allow(unused)]\n![x]\n",
            ":dep serde = \"1\"\n",
        ] {
            assert_eq!(split(cell), vec![Segment::Rust { code: cell, line: 0 }], "{cell}");
        }
    }

    #[test]
    fn a_cell_magic_takes_the_rest() {
        assert_eq!(
            split("// why\n//| echo: false\n\n%%sql -o clean\n-- \"\nSELECT 1\n%who\n"),
            vec![Segment::Cell {
                command: "sql -o clean".to_owned(),
                body: "-- \"\nSELECT 1\n%who\n",
                above: 4
            }]
        );
        assert!(matches!(
            split("//\n%%python -i a \\\n  -o b\nb = a")[..],
            [Segment::Cell {
                body: "b = a",
                above: 3,
                ..
            }]
        ));
        assert_eq!(split("%%sql?"), vec![Segment::Help { name: "sql" }]);
        assert_eq!(split("%load??"), vec![Segment::Help { name: "load" }]);
        assert!(matches!(
            split("/* why,\n%%not this */\n%%sql\nSELECT 1")[..],
            [Segment::Cell { .. }]
        ));
        assert_eq!(
            split("let a = 1;\n%%sql\n"),
            vec![
                Segment::Rust {
                    code: "let a = 1;\n",
                    line: 0
                },
                Segment::Misplaced { name: "%%sql" }
            ]
        );
    }

    #[test]
    fn assignments_and_continued_lines() {
        assert_eq!(
            split("t, u = %split a \\\n   70 30\nx = 7 % y;\n"),
            vec![
                Segment::Line {
                    command: "split a     70 30".to_owned(),
                    target: "t, u",
                },
                Segment::Rust {
                    code: "x = 7 % y;\n",
                    line: 2
                },
            ]
        );
    }

    /// What cells break at: openings without an end, escapes, lines that go on, letters of several bytes.
    const HOSTILE: [&str; 32] = [
        "%", "%%", "%%sql", "%load", "!", "!ls", "?", "?x", "\\", "\\\n", "\\\r\n", "\n", "\r", "\r\n", "\"", "'",
        "'a", "r#\"", "\"#", "b'", "/*", "*/", "//", "//|", "{", "}", "(", "]", "x = %m", "ü", "\u{feff}", "\0",
    ];

    #[test]
    fn a_large_cell_takes_no_longer_than_its_size_asks_for() {
        let began = std::time::Instant::now();
        for line in [
            "%load a \\\n",
            "let x = (\n",
            "/*\n",
            "!ls\n",
            "a, b = %m\n",
            "r#\"\n",
            "//|\n",
        ] {
            split(&line.repeat(20_000));
        }
        assert!(
            began.elapsed() < std::time::Duration::from_secs(5),
            "{:?}",
            began.elapsed()
        );
    }

    proptest! {
        #[test]
        fn rust_without_markers_is_one_segment(cell in "x\n([a-z (){}\"'/;=.]([a-z (){}\"'/;=!?.]|% ){0,20}\n){0,6}") {
            let segments = split(&cell);
            prop_assert_eq!(segments, vec![Segment::Rust { code: &cell, line: 0 }]);
        }

        #[test]
        fn hostile_cells_are_split_and_nothing_of_them_is_lost(
            parts in prop::collection::vec(prop::sample::select(&HOSTILE[..]), 0..24),
        ) {
            let cell = parts.concat();
            let letters = |text: &str| -> String { text.chars().filter(|letter| letter.is_alphanumeric()).collect() };
            let segments = split(&cell);
            let mut kept = String::new();
            for segment in &segments {
                match segment {
                    Segment::Rust { code, .. } => kept += &letters(code),
                    Segment::Line { command, target } => kept += &(letters(target) + &letters(command)),
                    Segment::Cell { command, body, .. } => kept += &(letters(command) + &letters(body)),
                    Segment::Shell { command } => kept += &letters(command),
                    Segment::Help { name } => kept += &letters(name),
                    // An error of the whole cell.
                    Segment::Misplaced { .. } => return Ok(()),
                }
            }
            // Comments may stand before a cell magic.
            let whole = letters(&cell);
            let skipped = matches!(segments[..], [Segment::Cell { .. } | Segment::Help { .. }]);
            prop_assert!(whole == kept || skipped && whole.ends_with(&kept), "{:?}: {:?}", cell, segments);
        }

        #[test]
        fn rust_is_a_slice_of_the_cell_in_order(cell in "\\PC{0,40}(\n[%!?a-z ]{0,3}\\PC{0,12}){0,6}") {
            let mut from = 0;
            for segment in split(&cell) {
                if let Segment::Rust { code, line } = segment {
                    let start = code.as_ptr() as usize - cell.as_ptr() as usize;
                    prop_assert!(start >= from);
                    prop_assert_eq!(cell[..start].matches('\n').count(), line);
                    from = start + code.len();
                }
            }
        }
    }
}
