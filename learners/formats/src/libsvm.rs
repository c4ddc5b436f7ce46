//! libsvm's text format, svmlight's too: `label index:value …`, a row a line, only what is not zero.
//!
//! Reads line by line in constant memory. `#` begins a comment, `qid:n` is passed over. Indices are given as they
//! stand: whether the first column is 0 or 1 is not said by a line (scikit-learn's `load_svmlight_file` takes 1 where
//! no index is 0; so should who reads several files, and for all of them together).

use crate::FormatError;
use crate::lines::Lines;
use std::io::{BufRead, Write};

/// One row.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Row {
    /// The label.
    pub label: f64,
    /// The columns of the values, in rising order, as they stand in the file.
    pub keys: Vec<u64>,
    /// The values.
    pub values: Vec<f64>,
}

/// Reads rows.
#[derive(Debug)]
pub struct Reader<R> {
    lines: Lines<R>,
}

impl<R: BufRead> Reader<R> {
    /// A reader of rows.
    pub fn new(input: R) -> Self {
        Reader {
            lines: Lines::new(input),
        }
    }

    /// Reads the next row into one that exists, using its memory again; false at the end of the stream.
    ///
    /// # Errors
    /// [`FormatError::Malformed`] with the line, [`FormatError::TooLarge`], [`FormatError::Io`].
    pub fn read(&mut self, row: &mut Row) -> Result<bool, FormatError> {
        while self.lines.read()? {
            let content = self.lines.text.split(|&byte| byte == b'#').next().unwrap_or_default();
            if !content.trim_ascii().is_empty() {
                return parse(content, row)
                    .map(|()| true)
                    .map_err(|problem| FormatError::malformed("line", self.lines.number, problem));
            }
        }
        Ok(false)
    }
}

fn parse(content: &[u8], row: &mut Row) -> Result<(), String> {
    row.keys.clear();
    row.values.clear();
    let mut words = content.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    let label = words.next().unwrap_or_default();
    row.label = number(label).ok_or_else(|| format!("the label {} is not a number", quoted(label)))?;
    for word in words {
        let wrong = || format!("{} is not index:value", quoted(word));
        let colon = word.iter().position(|&byte| byte == b':').ok_or_else(wrong)?;
        let (key, value) = (&word[..colon], &word[colon + 1..]);
        if key == b"qid" {
            continue;
        }
        let key: u64 = std::str::from_utf8(key)
            .ok()
            .and_then(|key| key.parse().ok())
            .ok_or_else(wrong)?;
        if row.keys.last().is_some_and(|&last| last >= key) {
            return Err(format!("index {key} does not come after the one before it"));
        }
        row.keys.push(key);
        row.values.push(number(value).ok_or_else(wrong)?);
    }
    Ok(())
}

fn number(text: &[u8]) -> Option<f64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

fn quoted(word: &[u8]) -> String {
    format!("{:?}", String::from_utf8_lossy(&word[..word.len().min(40)]))
}

/// Writes a row as it stands, keys and all.
///
/// # Errors
/// The stream's own.
pub fn write(out: &mut impl Write, label: f64, pairs: impl IntoIterator<Item = (u64, f64)>) -> Result<(), FormatError> {
    write!(out, "{label}")?;
    for (key, value) in pairs {
        write!(out, " {key}:{value}")?;
    }
    writeln!(out)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn rows(text: &[u8]) -> Result<Vec<Row>, FormatError> {
        let mut reader = Reader::new(text);
        let (mut rows, mut row) = (Vec::new(), Row::default());
        while reader.read(&mut row)? {
            rows.push(row.clone());
        }
        Ok(rows)
    }

    #[test]
    fn lines_with_comments_queries_and_nothing_are_understood() {
        let found = rows(b"# made by hand\n+1 qid:3 1:0.5 7:-2e3 # a shell\r\n\n-1\n").unwrap();
        let expected = [(1.0, vec![1, 7], vec![0.5, -2000.0]), (-1.0, vec![], vec![])];
        let expected = expected.map(|(label, keys, values)| Row { label, keys, values });
        assert_eq!(found, expected);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        for (text, told) in [
            (&b"1 1:2\n1 2\n"[..], "line 2: \"2\" is not index:value"),
            (b"x 1:2\n", "line 1: the label \"x\" is not a number"),
            (b"1,2 1:2\n", "line 1: the label \"1,2\" is not a number"),
            (b"1 3:1 2:1\n", "line 1: index 2 does not come after the one before it"),
            (b"1 -3:1\n", "line 1: \"-3:1\" is not index:value"),
        ] {
            assert_eq!(rows(text).unwrap_err().to_string(), told);
        }
    }

    proptest! {
        #[test]
        fn rows_read_back_as_they_were_written(label in -9.0..9.0, keys in prop::collection::btree_set(0u64..1 << 40, 0..9)) {
            let keys: Vec<u64> = keys.into_iter().collect();
            let values: Vec<f64> = keys.iter().map(|&key| key as f64 / 7.0).collect();
            let mut text = Vec::new();
            write(&mut text, label, keys.iter().copied().zip(values.iter().copied())).unwrap();
            prop_assert_eq!(rows(&text).unwrap(), vec![Row { label, keys, values }]);
        }

        #[test]
        fn any_bytes_are_judged_without_a_panic(text in prop::collection::vec(prop::sample::select(b"1.:-e# q\nid,\xff".to_vec()), 0..80)) {
            let _ = rows(&text);
        }
    }
}
