//! Finds the line of a CSV file that has too few or too many fields. Polars fills short rows with nulls
//! without a word, and says of long ones only that there is one; a person needs the line.

use std::borrow::Cow;

use memchr::{memchr_iter, memchr2};

/// The first row whose number of fields differs from the first row's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ragged {
    /// The line that the row begins on, counted from one as editors do.
    pub line: usize,
    /// How many fields it has.
    pub fields: usize,
    /// How many the first row has.
    pub expected: usize,
    /// The row's beginning.
    pub text: String,
}

/// How rows are looked at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules<'a> {
    /// What separates the fields of a row.
    pub separator: u8,
    /// Rows that are not like the first are left out.
    pub skip_bad: bool,
    /// What lines begin with that are no rows.
    pub comment: Option<&'a str>,
}

/// The rows that were left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LeftOut {
    /// How many.
    pub rows: usize,
    /// The lines of the first few.
    pub lines: Vec<usize>,
}

impl LeftOut {
    /// What became of the bad lines of a file, if it had any.
    pub fn told(&self, name: &str) -> Option<String> {
        let lines: Vec<String> = self.lines.iter().map(ToString::to_string).collect();
        let more = if self.rows > lines.len() { ", …" } else { "" };
        (self.rows > 0).then(|| {
            let count = ironsage_display::text::counted(self.rows as u64, "bad row");
            format!("{count} of {name} left out (line {}{more})", lines.join(", "))
        })
    }
}

/// How many lines are named.
const NAMED: usize = 5;

/// What a look at all rows found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Rows<'a> {
    /// All rows are alike; blank lines are taken out.
    Even(Cow<'a, [u8]>),
    /// All rows that are left are alike.
    Picked(Cow<'a, [u8]>, LeftOut),
    /// One is not.
    Ragged(Ragged),
    /// A quote that begins on this line is never closed.
    OpenQuote(usize),
}

/// Looks at every row of `content`.
pub(crate) fn check<'a>(content: &'a [u8], rules: &Rules<'_>) -> Rows<'a> {
    let mut expected = None;
    let mut unwanted: Vec<(usize, usize)> = Vec::new();
    let mut left_out = LeftOut::default();
    let mut position = 0;
    let mut line = 1;
    while position < content.len() {
        if let Some(comment) = rules.comment
            && content[position..].starts_with(comment.as_bytes())
        {
            let end = content[position..].iter().position(|&byte| byte == b'\n');
            let end = end.map_or(content.len(), |end| position + end + 1);
            unwanted.push((position, end));
            (position, line) = (end, line + 1);
            continue;
        }
        let row = row_at(content, position, rules.separator);
        if row.open_quote {
            return Rows::OpenQuote(line);
        }
        let text = &content[position..row.end];
        let blank = text.iter().all(|byte| matches!(byte, b'\r' | b'\n'));
        match expected {
            _ if blank && expected != Some(1) => unwanted.push((position, row.end)),
            None => expected = Some(row.fields),
            Some(expected) if row.fields != expected && rules.skip_bad => {
                unwanted.push((position, row.end));
                left_out.rows += 1;
                if left_out.lines.len() < NAMED {
                    left_out.lines.push(line);
                }
            }
            Some(expected) if row.fields != expected => {
                return Rows::Ragged(Ragged {
                    line,
                    fields: row.fields,
                    expected,
                    text: beginning(text),
                });
            }
            Some(_) => {}
        }
        line += row.lines;
        position = row.end;
    }
    let rows = without(content, &unwanted);
    match left_out.rows {
        0 => Rows::Even(rows),
        _ => Rows::Picked(rows, left_out),
    }
}

/// The first row, which has the names if anything has.
pub(crate) fn first_row(rows: &[u8], separator: u8) -> &[u8] {
    &rows[..row_at(rows, 0, separator).end]
}

struct Row {
    end: usize,
    fields: usize,
    lines: usize,
    open_quote: bool,
}

/// Most rows have no quote: these are found and counted many bytes at a time.
fn row_at(content: &[u8], start: usize, separator: u8) -> Row {
    let rest = &content[start..];
    let (end, lines) = match memchr2(b'\n', b'"', rest) {
        Some(at) if rest[at] == b'"' => return quoted_row_at(content, start, separator),
        Some(at) => (start + at + 1, 1),
        None => (content.len(), 0),
    };
    Row {
        end,
        fields: 1 + memchr_iter(separator, &content[start..end]).count(),
        lines,
        open_quote: false,
    }
}

fn quoted_row_at(content: &[u8], start: usize, separator: u8) -> Row {
    let mut fields = 1;
    let mut lines = 0;
    let mut quoted = false;
    let mut field_start = true;
    for (offset, &byte) in content[start..].iter().enumerate() {
        match byte {
            b'"' if quoted => quoted = false,
            // A quote opens only at the start of a field, or right after one closed (a doubled quote).
            b'"' if field_start || content[start + offset - 1] == b'"' => quoted = true,
            b'\n' => {
                lines += 1;
                if !quoted {
                    return Row {
                        end: start + offset + 1,
                        fields,
                        lines,
                        open_quote: false,
                    };
                }
            }
            _ if byte == separator && !quoted => {
                fields += 1;
                field_start = true;
                continue;
            }
            _ => {}
        }
        field_start = false;
    }
    Row {
        end: content.len(),
        fields,
        lines,
        open_quote: quoted,
    }
}

fn without<'a>(content: &'a [u8], unwanted: &[(usize, usize)]) -> Cow<'a, [u8]> {
    if unwanted.is_empty() {
        return Cow::Borrowed(content);
    }
    let mut kept = Vec::with_capacity(content.len());
    let mut position = 0;
    for &(start, end) in unwanted {
        kept.extend_from_slice(&content[position..start]);
        position = end;
    }
    kept.extend_from_slice(&content[position..]);
    Cow::Owned(kept)
}

fn beginning(row: &[u8]) -> String {
    let text = String::from_utf8_lossy(row);
    ironsage_display::text::cut(text.trim_end(), 60)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RULES: Rules<'_> = Rules {
        separator: b',',
        skip_bad: false,
        comment: None,
    };

    fn check(content: &[u8], separator: u8) -> Rows<'_> {
        super::check(content, &Rules { separator, ..RULES })
    }

    #[test]
    fn bad_rows_are_left_out_and_counted_where_that_is_asked_for() {
        let rules = Rules {
            skip_bad: true,
            ..RULES
        };
        let found = super::check(b"a,b\n1,2\n3\n\"x\ny\",4\n5,6,7\n8,9\n", &rules);
        let left_out = LeftOut {
            rows: 2,
            lines: vec![3, 6],
        };
        assert_eq!(
            found,
            Rows::Picked(Cow::Borrowed(b"a,b\n1,2\n\"x\ny\",4\n8,9\n"), left_out)
        );
        assert_eq!(super::check(b"a\n\"1\n", &rules), Rows::OpenQuote(2));
    }

    #[test]
    fn comments_are_no_rows() {
        let rules = Rules {
            comment: Some("#"),
            ..RULES
        };
        let found = super::check(b"# made, by, \"hand\na,b\n1,2\n# end", &rules);
        assert_eq!(found, Rows::Even(Cow::Borrowed(b"a,b\n1,2\n")));
    }

    #[test]
    fn the_line_is_named_as_an_editor_counts_it() {
        let found = check(b"a,b\n1,2\n\"x\ny\",3\n4\n5,6\n", b',');
        let expected = Ragged {
            line: 5,
            fields: 1,
            expected: 2,
            text: "4".into(),
        };
        assert_eq!(found, Rows::Ragged(expected));
        let Rows::Ragged(long) = check(b"a,b\r\n1,2,3\r\n", b',') else {
            panic!("the second row has three fields")
        };
        assert_eq!((long.line, long.fields, long.expected), (2, 3, 2));
    }

    #[test]
    fn quotes_separators_and_blank_lines_are_understood() {
        assert_eq!(
            check(b"a,b\n\"1,5\",2\n\"say \"\"hi\"\"\",3", b','),
            Rows::Even(Cow::Borrowed(b"a,b\n\"1,5\",2\n\"say \"\"hi\"\"\",3"))
        );
        assert_eq!(check(b"a;b\n1,5;2\n", b';'), Rows::Even(Cow::Borrowed(b"a;b\n1,5;2\n")));
        assert_eq!(
            check(b"a,b\n\n1,2\n\r\n\n", b','),
            Rows::Even(Cow::Borrowed(b"a,b\n1,2\n"))
        );
        assert_eq!(
            check(b"5\" pipe,2\n3,4\n", b','),
            Rows::Even(Cow::Borrowed(b"5\" pipe,2\n3,4\n"))
        );
    }

    #[test]
    fn a_blank_line_is_a_value_where_there_is_one_column() {
        assert_eq!(check(b"a\n1\n\n2\n", b','), Rows::Even(Cow::Borrowed(b"a\n1\n\n2\n")));
    }

    #[test]
    fn an_open_quote_is_named_with_its_line() {
        assert_eq!(check(b"a,b\n1,2\n\"3,4\n5,6\n", b','), Rows::OpenQuote(3));
    }

    proptest! {
        #[test]
        fn any_bytes_are_judged_without_a_panic(content in prop::collection::vec(prop::sample::select(b"a,\"\n\r".to_vec()), 0..60)) {
            let _ = check(&content, b',');
        }
    }
}
