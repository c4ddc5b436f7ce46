//! Channels that are files or any other byte streams: RecordIO-protobuf and CSV, read in constant memory.
//!
//! [`Files`] reads a list of files in order, each epoch anew. [`ByteStream`] turns one reader (a FIFO of Pipe mode, a request)
//! into batches, for sources of the caller's own. A batch is dense when all of its records are, else sparse.

use crate::{Features, LearnError, Row, Rows, Source, Stream};
use ironsage_formats::recordio::{self, Record};
use ironsage_formats::{FormatError, csv};
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::PathBuf;

/// Bytes read ahead.
const READ_AHEAD: usize = 1 << 20;

/// How rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContentType {
    /// `application/x-recordio-protobuf`.
    RecordIo,
    /// `text/csv`, the label in the first column.
    Csv,
    /// `text/csv;label_size=0`.
    CsvUnlabelled,
    /// Nothing is said: the first bytes of each file tell RecordIO from CSV with labels.
    Unsaid,
}

impl ContentType {
    /// The type of an HTTP-style content type; `None` of one that is not read.
    pub fn parse(text: &str) -> Option<ContentType> {
        let mut parts = text.split(';').map(|part| part.trim().to_ascii_lowercase());
        let media = parts.next()?;
        let unlabelled = parts.any(|part| part.replace(' ', "") == "label_size=0");
        match media.as_str() {
            "application/x-recordio-protobuf" => Some(ContentType::RecordIo),
            "text/csv" if unlabelled => Some(ContentType::CsvUnlabelled),
            "text/csv" => Some(ContentType::Csv),
            _ => None,
        }
    }
}

/// Files, read in this order, each epoch anew.
#[derive(Debug, Clone)]
pub struct Files {
    files: Vec<PathBuf>,
    content: ContentType,
}

impl Files {
    /// A channel of these files.
    pub fn new(files: impl IntoIterator<Item = PathBuf>, content: ContentType) -> Self {
        Files {
            files: files.into_iter().collect(),
            content,
        }
    }

    /// All files under a folder, in the order of their paths; hidden ones, `_SUCCESS` and manifests are left out.
    ///
    /// # Errors
    /// [`LearnError::Io`].
    pub fn under(folder: impl Into<PathBuf>, content: ContentType) -> Result<Self, LearnError> {
        let mut files = Vec::new();
        let mut folders = vec![folder.into()];
        while let Some(folder) = folders.pop() {
            let failed = |source| LearnError::Io {
                path: folder.clone(),
                source,
            };
            for entry in std::fs::read_dir(&folder).map_err(failed)? {
                let path = entry.map_err(failed)?.path();
                let name = path
                    .file_name()
                    .map(|name| name.to_string_lossy().into_owned())
                    .unwrap_or_default();
                if name.starts_with('.') || name == "_SUCCESS" || name.ends_with(".manifest") {
                    continue;
                }
                if path.is_dir() {
                    folders.push(path)
                } else {
                    files.push(path)
                }
            }
        }
        files.sort();
        Ok(Files { files, content })
    }

    /// The files, in the order in which they are read.
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }
}

impl Source<Row> for Files {
    fn open(&mut self, _epoch: usize) -> Result<Box<dyn Stream<Row> + '_>, LearnError> {
        Ok(Box::new(FilesStream {
            files: &self.files,
            content: self.content,
            current: None,
            batch: Batch::default(),
        }))
    }

    fn origin(&self) -> String {
        match self.files.as_slice() {
            [] => "no files".to_owned(),
            [only] => only.display().to_string(),
            [first, rest @ ..] => format!("{} and {} more", first.display(), rest.len()),
        }
    }
}

struct FilesStream<'a> {
    files: &'a [PathBuf],
    content: ContentType,
    current: Option<(Records<BufReader<File>>, &'a PathBuf)>,
    batch: Batch,
}

impl Stream<Row> for FilesStream<'_> {
    fn next(&mut self, limit: usize) -> Result<Option<Rows<'_>>, LearnError> {
        self.batch.clear();
        while self.batch.len() < limit {
            let Some((records, path)) = &mut self.current else {
                let Some((path, rest)) = self.files.split_first() else {
                    break;
                };
                self.files = rest;
                let file = File::open(path).map_err(|source| LearnError::Io {
                    path: path.clone(),
                    source,
                })?;
                let reader = BufReader::with_capacity(READ_AHEAD, file);
                let records = Records::new(reader, self.content).map_err(|source| LearnError::Format {
                    origin: path.display().to_string(),
                    source,
                })?;
                self.current = Some((records, path));
                continue;
            };
            let origin = || path.display().to_string();
            if !records.fill(&mut self.batch, limit, origin)? {
                self.current = None;
            }
        }
        Ok((self.batch.len() > 0).then(|| self.batch.rows()))
    }
}

/// One reader's records as batches.
pub struct ByteStream<R> {
    records: Records<BufReader<R>>,
    origin: String,
    batch: Batch,
}

impl<R: Read> ByteStream<R> {
    /// Batches of what a reader gives; `origin` says where it comes from, for messages.
    ///
    /// # Errors
    /// [`LearnError::Format`] where the content type is unsaid and the first bytes cannot be read.
    pub fn new(reader: R, content: ContentType, origin: impl Into<String>) -> Result<Self, LearnError> {
        let origin = origin.into();
        let reader = BufReader::with_capacity(READ_AHEAD, reader);
        let records = Records::new(reader, content).map_err(|source| LearnError::Format {
            origin: origin.clone(),
            source,
        })?;
        Ok(ByteStream {
            records,
            origin,
            batch: Batch::default(),
        })
    }
}

impl<R: Read> Stream<Row> for ByteStream<R> {
    fn next(&mut self, limit: usize) -> Result<Option<Rows<'_>>, LearnError> {
        self.batch.clear();
        self.records.fill(&mut self.batch, limit, || self.origin.clone())?;
        Ok((self.batch.len() > 0).then(|| self.batch.rows()))
    }
}

/// The records of one file or stream.
struct Records<R> {
    reader: Reader<R>,
    /// How many were read: the next one's number.
    row: usize,
}

enum Reader<R> {
    RecordIo(recordio::Reader<R>, Box<Record>),
    Csv(csv::Reader<R>, bool),
}

impl<R: std::io::BufRead> Records<R> {
    fn new(mut reader: R, content: ContentType) -> Result<Self, FormatError> {
        let records = match content {
            ContentType::RecordIo => true,
            ContentType::Csv | ContentType::CsvUnlabelled => false,
            ContentType::Unsaid => reader.fill_buf()?.starts_with(&recordio::MAGIC.to_le_bytes()),
        };
        let reader = if records {
            Reader::RecordIo(recordio::Reader::new(reader), Box::default())
        } else if content == ContentType::CsvUnlabelled {
            Reader::Csv(csv::Reader::unlabelled(reader), false)
        } else {
            Reader::Csv(csv::Reader::new(reader), true)
        };
        Ok(Records { reader, row: 0 })
    }

    /// Adds records up to `limit`; false at the end of the data.
    fn fill(&mut self, batch: &mut Batch, limit: usize, origin: impl Fn() -> String) -> Result<bool, LearnError> {
        let failed = |source: FormatError| LearnError::Format {
            origin: origin(),
            source,
        };
        while batch.len() < limit {
            match &mut self.reader {
                Reader::RecordIo(reader, record) => {
                    if !reader.read(record).map_err(failed)? {
                        return Ok(false);
                    }
                    batch.push(record, self.row, &origin)?;
                }
                Reader::Csv(reader, labelled) => {
                    let start = batch.values.len();
                    let Some(label) = reader.read(&mut batch.values).map_err(failed)? else {
                        return Ok(false);
                    };
                    let width = batch.values.len() - start;
                    batch.end(width, labelled.then_some(label), self.row, &origin)?;
                }
            }
            self.row += 1;
        }
        Ok(true)
    }
}

/// A batch being gathered; its memory is used again.
#[derive(Default)]
struct Batch {
    width: Option<usize>,
    rows: usize,
    /// Dense as long as no row is sparse: then `starts` and `keys` are empty.
    sparse: bool,
    values: Vec<f32>,
    labels: Vec<f32>,
    starts: Vec<usize>,
    keys: Vec<u32>,
}

impl Batch {
    fn len(&self) -> usize {
        self.rows
    }

    fn clear(&mut self) {
        self.rows = 0;
        self.sparse = false;
        self.values.clear();
        self.labels.clear();
        self.starts.clear();
        self.keys.clear();
    }

    fn rows(&self) -> Rows<'_> {
        let features = if self.sparse {
            Features::Sparse {
                starts: &self.starts,
                keys: &self.keys,
                values: &self.values,
            }
        } else {
            Features::Dense(&self.values)
        };
        // Labels are all or none: of a batch with a gap the checker says which row.
        Rows {
            width: self.width.unwrap_or(0),
            features,
            labels: &self.labels,
            weights: &[],
        }
    }

    fn push(&mut self, record: &Record, row: usize, origin: impl Fn() -> String) -> Result<(), LearnError> {
        match &record.features {
            recordio::Features::Dense(values) => {
                self.values.extend_from_slice(values);
                self.end(values.len(), record.label, row, origin)
            }
            recordio::Features::Sparse { keys, values, width } => {
                let Ok(width) = u32::try_from(*width) else {
                    let problem = format!("{width} columns are more than can be read");
                    let (what, at) = ("row", row.to_string());
                    return Err(LearnError::Format {
                        origin: origin(),
                        source: FormatError::Malformed { what, at, problem },
                    });
                };
                if !self.sparse {
                    self.become_sparse();
                }
                // Each key is below the width: the reader made sure.
                self.keys.extend(keys.iter().map(|&key| key as u32));
                self.values.extend_from_slice(values);
                self.end(width as usize, record.label, row, origin)
            }
        }
    }

    fn end(
        &mut self,
        width: usize,
        label: Option<f32>,
        row: usize,
        origin: impl Fn() -> String,
    ) -> Result<(), LearnError> {
        let expected = *self.width.get_or_insert(width);
        if width != expected {
            return Err(LearnError::Ragged {
                origin: origin(),
                row,
                expected,
                found: width,
            });
        }
        if let Some(label) = label.filter(|_| self.labels.len() == self.rows) {
            self.labels.push(label);
        }
        self.rows += 1;
        if self.sparse {
            // Only a dense row, of a record or a line, has values without keys yet.
            self.keys.extend(0..(self.values.len() - self.keys.len()) as u32);
            self.starts.push(self.keys.len());
        }
        Ok(())
    }

    fn become_sparse(&mut self) {
        self.sparse = true;
        let width = self.width.unwrap_or(0);
        self.starts = (0..=self.rows).map(|row| row * width).collect();
        self.keys = (0..self.rows).flat_map(|_| 0..width as u32).collect();
    }
}
