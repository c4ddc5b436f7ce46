//! RecordIO frames with protobuf records in them: SageMaker's training channels and endpoint bodies.
//!
//! ```
//! use ironsage_formats::recordio::{Features, Reader, Record, Writer};
//! let row = Record { features: Features::Dense(vec![1.5, 16.0]), label: Some(1.0), ..Record::default() };
//! let mut bytes = Vec::new();
//! Writer::new(&mut bytes).write(&row)?;
//! assert_eq!(Reader::new(bytes.as_slice()).next().unwrap()?, row);
//! # Ok::<(), ironsage_formats::FormatError>(())
//! ```
//!
//! Frames are dmlc-core's (`recordio.h`): magic, length, payload, padding; records that another writer split are joined.
//! Ours are never split, as those of AWS's own writers are not. Messages are `aialgs.data`'s (`record.proto`).

mod message;

pub use message::{decode, encode, encode_prediction};

use crate::FormatError;
use std::io::{Read, Write};

/// The word that begins each frame.
pub const MAGIC: u32 = 0xCED7_230A;
const LENGTH_MASK: u32 = (1 << 29) - 1;
/// The largest record that is read unless told otherwise.
pub const DEFAULT_LIMIT: u64 = 256 << 20;

/// Features of one record.
#[derive(Debug, Clone, PartialEq)]
pub enum Features {
    /// All of them.
    Dense(Vec<f32>),
    /// Only those that are not zero.
    Sparse {
        /// Their columns, each below `width`.
        keys: Vec<u64>,
        /// Their values.
        values: Vec<f32>,
        /// How many columns there are.
        width: u64,
    },
}

impl Default for Features {
    fn default() -> Self {
        Features::Dense(Vec::new())
    }
}

impl Features {
    /// How many columns there are.
    pub fn width(&self) -> u64 {
        match self {
            Features::Dense(values) => values.len() as u64,
            Features::Sparse { width, .. } => *width,
        }
    }
}

/// One record.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Record {
    /// The features.
    pub features: Features,
    /// The label, where there is one.
    pub label: Option<f32>,
    /// An identifier that answers echo.
    pub uid: Option<String>,
    /// Metadata that answers echo.
    pub metadata: Option<String>,
    /// JSON text with a request's own settings.
    pub configuration: Option<String>,
}

/// Reads frames: the payloads without their meaning.
#[derive(Debug)]
pub struct Frames<R> {
    input: R,
    limit: u64,
    number: u64,
    payload: Vec<u8>,
}

impl<R: Read> Frames<R> {
    /// A reader of frames. Give it a buffered stream.
    pub fn new(input: R) -> Self {
        Frames {
            input,
            limit: DEFAULT_LIMIT,
            number: 0,
            payload: Vec::new(),
        }
    }

    /// The reader with another largest record.
    #[must_use]
    pub fn with_limit(mut self, bytes: u64) -> Self {
        self.limit = bytes;
        self
    }

    /// How many records were read.
    pub fn count(&self) -> u64 {
        self.number
    }

    /// The next record's payload, its parts joined; `None` at the end of the stream.
    ///
    /// # Errors
    /// [`FormatError::Malformed`] for a wrong magic or part, [`FormatError::Truncated`], [`FormatError::TooLarge`].
    pub fn read(&mut self) -> Result<Option<&[u8]>, FormatError> {
        self.payload.clear();
        let mut parts = 0;
        loop {
            let Some(header) = self.header(parts > 0)? else {
                return Ok(None);
            };
            let (flag, length) = (header >> 29, u64::from(header & LENGTH_MASK));
            match (flag, parts) {
                (0 | 1, 0) => {}
                // The writer cut where the magic stood in the payload, and dropped it.
                (2 | 3, 1..) => self.payload.extend(MAGIC.to_le_bytes()),
                _ => return Err(self.malformed(format!("part {flag} after {parts} parts"))),
            }
            let size = self.payload.len() as u64 + length;
            if size > self.limit {
                let at = self.number.to_string();
                return Err(FormatError::TooLarge {
                    what: "record",
                    at,
                    size,
                    limit: self.limit,
                });
            }
            // Memory grows with what arrives, not with what the header claims.
            let read = (&mut self.input).take(length).read_to_end(&mut self.payload)?;
            let padding = length.next_multiple_of(4) - length;
            let skipped = std::io::copy(&mut (&mut self.input).take(padding), &mut std::io::sink())?;
            if (read as u64) < length || skipped < padding {
                return Err(FormatError::truncated("record", self.number));
            }
            parts += 1;
            if flag == 0 || flag == 3 {
                self.number += 1;
                return Ok(Some(&self.payload));
            }
        }
    }

    fn header(&mut self, inside: bool) -> Result<Option<u32>, FormatError> {
        let mut words = [0; 8];
        let mut filled = 0;
        while filled < words.len() {
            match self.input.read(&mut words[filled..]) {
                Ok(0) if filled == 0 && !inside => return Ok(None),
                Ok(0) => return Err(FormatError::truncated("record", self.number)),
                Ok(count) => filled += count,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        let [a, b, c, d, rest @ ..] = words;
        let magic = u32::from_le_bytes([a, b, c, d]);
        if magic != MAGIC {
            return Err(self.malformed(format!("begins with {magic:#010x}, not with the magic {MAGIC:#010x}")));
        }
        Ok(Some(u32::from_le_bytes(rest)))
    }

    fn malformed(&self, problem: String) -> FormatError {
        FormatError::malformed("record", self.number, problem)
    }
}

/// Reads records.
#[derive(Debug)]
pub struct Reader<R>(Frames<R>);

impl<R: Read> Reader<R> {
    /// A reader of records. Give it a buffered stream.
    pub fn new(input: R) -> Self {
        Reader(Frames::new(input))
    }

    /// The reader with another largest record.
    #[must_use]
    pub fn with_limit(self, bytes: u64) -> Self {
        Reader(self.0.with_limit(bytes))
    }

    /// Reads the next record into one that exists, using its memory again; false at the end of the stream.
    ///
    /// # Errors
    /// Those of [`Frames::read`] and of [`decode`].
    pub fn read(&mut self, record: &mut Record) -> Result<bool, FormatError> {
        let number = self.0.count();
        match self.0.read()? {
            Some(payload) => message::decode_into(payload, number, record).map(|()| true),
            None => Ok(false),
        }
    }
}

impl<R: Read> Iterator for Reader<R> {
    type Item = Result<Record, FormatError>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut record = Record::default();
        match self.read(&mut record) {
            Ok(true) => Some(Ok(record)),
            Ok(false) => None,
            Err(error) => Some(Err(error)),
        }
    }
}

/// Writes records.
#[derive(Debug)]
pub struct Writer<W> {
    out: W,
    number: u64,
    payload: Vec<u8>,
}

impl<W: Write> Writer<W> {
    /// A writer of records. Give it a buffered stream.
    pub fn new(out: W) -> Self {
        Writer {
            out,
            number: 0,
            payload: Vec::new(),
        }
    }

    /// Writes one record as one frame.
    ///
    /// # Errors
    /// [`FormatError::TooLarge`] for 512 MiB and more, [`FormatError::Io`].
    pub fn write(&mut self, record: &Record) -> Result<(), FormatError> {
        self.payload.clear();
        encode(record, &mut self.payload);
        let payload = std::mem::take(&mut self.payload);
        let written = self.write_payload(&payload);
        self.payload = payload;
        written
    }

    /// Writes a payload that was encoded elsewhere as one frame.
    ///
    /// # Errors
    /// As [`Writer::write`].
    pub fn write_payload(&mut self, payload: &[u8]) -> Result<(), FormatError> {
        let length = u32::try_from(payload.len())
            .ok()
            .filter(|length| *length <= LENGTH_MASK);
        let length = length.ok_or_else(|| FormatError::TooLarge {
            what: "record",
            at: self.number.to_string(),
            size: payload.len() as u64,
            limit: u64::from(LENGTH_MASK),
        })?;
        self.out.write_all(&MAGIC.to_le_bytes())?;
        self.out.write_all(&length.to_le_bytes())?;
        self.out.write_all(payload)?;
        let padding = payload.len().next_multiple_of(4) - payload.len();
        self.out.write_all(&[0; 3][..padding])?;
        self.number += 1;
        Ok(())
    }

    /// Flushes, and gives the stream back.
    ///
    /// # Errors
    /// The stream's own.
    pub fn finish(mut self) -> Result<W, FormatError> {
        self.out.flush()?;
        Ok(self.out)
    }
}
