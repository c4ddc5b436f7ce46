//! `text/csv` as training channels carry it: rows of numbers, the label in the first column, no header.
//!
//! Reads line by line in constant memory; errors name line and field. Fields may stand in double quotes and have blanks
//! around them. An empty field is no number, and says so.

use crate::FormatError;
use crate::lines::Lines;
use std::io::BufRead;

/// Reads rows of float32.
#[derive(Debug)]
pub struct Reader<R> {
    lines: Lines<R>,
    labelled: bool,
    fields: Option<usize>,
}

impl<R: BufRead> Reader<R> {
    /// A reader of rows whose first field is the label.
    pub fn new(input: R) -> Self {
        Reader {
            lines: Lines::new(input),
            labelled: true,
            fields: None,
        }
    }

    /// A reader of rows without a label (`text/csv;label_size=0`, requests).
    pub fn unlabelled(input: R) -> Self {
        Reader {
            labelled: false,
            ..Self::new(input)
        }
    }

    /// The number of the line that was read last, from 1.
    pub fn line(&self) -> u64 {
        self.lines.number
    }

    /// Appends the next row's features; gives its label (0 where rows have none), `None` after the last row.
    /// Empty lines are skipped.
    ///
    /// # Errors
    /// [`FormatError::Number`], [`FormatError::Ragged`], [`FormatError::TooLarge`], [`FormatError::Io`].
    pub fn read(&mut self, features: &mut Vec<f32>) -> Result<Option<f32>, FormatError> {
        while self.lines.read()? {
            if !self.lines.text.trim_ascii().is_empty() {
                return self.row(features).map(Some);
            }
        }
        Ok(None)
    }

    fn row(&mut self, features: &mut Vec<f32>) -> Result<f32, FormatError> {
        let before = features.len();
        let mut label = 0.0;
        let mut count = 0;
        for field in self.lines.text.trim_ascii().split(|&byte| byte == b',') {
            let number = number(field).ok_or_else(|| FormatError::Number {
                line: self.lines.number,
                field: count + 1,
                text: String::from_utf8_lossy(&field[..field.len().min(40)]).trim().to_owned(),
            });
            match number {
                Ok(value) if self.labelled && count == 0 => label = value,
                Ok(value) => features.push(value),
                Err(error) => {
                    features.truncate(before);
                    return Err(error);
                }
            }
            count += 1;
        }
        let expected = *self.fields.get_or_insert(count);
        if count != expected {
            features.truncate(before);
            return Err(FormatError::Ragged {
                line: self.lines.number,
                expected,
                found: count,
            });
        }
        Ok(label)
    }
}

fn number(field: &[u8]) -> Option<f32> {
    let field = field.trim_ascii();
    let field = field
        .strip_prefix(b"\"")
        .and_then(|rest| rest.strip_suffix(b"\""))
        .unwrap_or(field);
    std::str::from_utf8(field).ok()?.trim().parse().ok()
}

/// Writes one row: the label first, where there is one.
///
/// # Errors
/// The writer's own.
pub fn write_row(out: &mut impl std::io::Write, label: Option<f32>, features: &[f32]) -> std::io::Result<()> {
    let mut first = true;
    for value in label.iter().chain(features) {
        if !first {
            out.write_all(b",")?;
        }
        first = false;
        write!(out, "{value}")?;
    }
    out.write_all(b"\n")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    fn read_all(text: &str) -> Result<(Vec<f32>, Vec<f32>), FormatError> {
        let mut reader = Reader::new(text.as_bytes());
        let (mut labels, mut features) = (Vec::new(), Vec::new());
        while let Some(label) = reader.read(&mut features)? {
            labels.push(label);
        }
        Ok((labels, features))
    }

    #[test]
    fn label_first() {
        let (labels, features) = read_all("\u{feff}1,2.5,-3\r\n\n 0 , \"1e-3\", +4\n").unwrap();
        assert_eq!(labels, [1.0, 0.0]);
        assert_eq!(features, [2.5, -3.0, 1e-3, 4.0]);
    }

    #[test]
    fn errors_name_line_and_field() {
        let error = read_all("label,x\n1,2\n").unwrap_err();
        assert_eq!(error.to_string(), "line 1, field 1: \"label\" is not a number");
        assert!(error.hint().unwrap().contains("no header"));
        assert_eq!(
            read_all("1,2\n1,\n").unwrap_err().to_string(),
            "line 2, field 2: \"\" is not a number"
        );
        let ragged = read_all("1,2,3\n1,2,3\n1,2\n").unwrap_err().to_string();
        assert_eq!(ragged, "line 3: 2 fields where the first line has 3");
    }
}
