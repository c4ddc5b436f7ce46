//! Lines of text from a stream, one at a time and none without an end: the reader below [`csv`](crate::csv) and
//! [`libsvm`](crate::libsvm).

use crate::FormatError;
use std::io::{BufRead, Read};

/// The longest line that is read.
const LINE_LIMIT: u64 = 64 << 20;

/// Reads lines.
#[derive(Debug)]
pub(crate) struct Lines<R> {
    input: R,
    /// The number of the line that was read last, from 1.
    pub number: u64,
    /// That line, with its end; without a byte order mark.
    pub text: Vec<u8>,
}

impl<R: BufRead> Lines<R> {
    pub fn new(input: R) -> Self {
        Lines {
            input,
            number: 0,
            text: Vec::new(),
        }
    }

    /// Reads the next line; false at the end of the stream.
    ///
    /// # Errors
    /// [`FormatError::TooLarge`], [`FormatError::Io`].
    pub fn read(&mut self) -> Result<bool, FormatError> {
        self.text.clear();
        let mut limited = (&mut self.input).take(LINE_LIMIT + 1);
        let size = limited.read_until(b'\n', &mut self.text)? as u64;
        if size == 0 {
            return Ok(false);
        }
        self.number += 1;
        if size > LINE_LIMIT {
            return Err(FormatError::TooLarge {
                what: "line",
                at: self.number.to_string(),
                size,
                limit: LINE_LIMIT,
            });
        }
        if self.number == 1 && self.text.starts_with(b"\xef\xbb\xbf") {
            self.text.drain(..3);
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn lines_are_numbered_and_have_a_limit() {
        let mut lines = Lines::new(&b"\xef\xbb\xbfone\n\nthree"[..]);
        for (number, text) in [(1, &b"one\n"[..]), (2, b"\n"), (3, b"three")] {
            assert!(lines.read().unwrap());
            assert_eq!((lines.number, &*lines.text), (number, text));
        }
        assert!(!lines.read().unwrap());

        let endless = std::io::repeat(b'1').take(LINE_LIMIT + 2);
        let mut lines = Lines::new(std::io::BufReader::new((&b"1\n"[..]).chain(endless)));
        assert!(lines.read().unwrap());
        let error = lines.read().unwrap_err().to_string();
        assert_eq!(error, "line 2: 67108865 bytes are more than the 67108864 that are read");
    }
}
