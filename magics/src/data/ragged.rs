//! Finds the line of a CSV file that has too few or too many fields. Polars fills short rows with nulls
//! without a word, and says of long ones only that there is one; a person needs the line.

use std::borrow::Cow;

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

/// What a look at all rows found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Rows<'a> {
    /// All rows are alike; blank lines are taken out.
    Even(Cow<'a, [u8]>),
    /// One is not.
    Ragged(Ragged),
    /// A quote that begins on this line is never closed.
    OpenQuote(usize),
}

/// Looks at every row of `content`.
pub(crate) fn check(content: &[u8], separator: u8) -> Rows<'_> {
    let mut expected = None;
    let mut blanks: Vec<(usize, usize)> = Vec::new();
    let mut position = 0;
    let mut line = 1;
    while position < content.len() {
        let row = row_at(content, position, separator);
        if row.open_quote {
            return Rows::OpenQuote(line);
        }
        let text = &content[position..row.end];
        let blank = text.iter().all(|byte| matches!(byte, b'\r' | b'\n'));
        match expected {
            _ if blank && expected != Some(1) => blanks.push((position, row.end)),
            None => expected = Some(row.fields),
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
    Rows::Even(without(content, &blanks))
}

struct Row {
    end: usize,
    fields: usize,
    lines: usize,
    open_quote: bool,
}

/// Most rows have no quote: for these, one look at each byte without a branch that could be guessed wrong.
fn row_at(content: &[u8], start: usize, separator: u8) -> Row {
    let mut fields = 1;
    for (offset, &byte) in content[start..].iter().enumerate() {
        if byte == b'\n' || byte == b'"' {
            return match byte {
                b'\n' => Row {
                    end: start + offset + 1,
                    fields,
                    lines: 1,
                    open_quote: false,
                },
                _ => quoted_row_at(content, start, separator),
            };
        }
        fields += usize::from(byte == separator);
    }
    Row {
        end: content.len(),
        fields,
        lines: 0,
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

fn without<'a>(content: &'a [u8], blanks: &[(usize, usize)]) -> Cow<'a, [u8]> {
    if blanks.is_empty() {
        return Cow::Borrowed(content);
    }
    let mut kept = Vec::with_capacity(content.len());
    let mut position = 0;
    for &(start, end) in blanks {
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
