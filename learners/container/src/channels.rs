//! Training channels as streams of rows: the files of a folder, or a row of FIFOs.
//!
//! All files under a channel's folder are one table, in the order of their names. What fits well into
//! memory is parsed once and kept; what doesn't is parsed again each epoch in constant memory.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use ironsage_formats::{FormatError, csv, recordio};
use ironsage_learners::{DenseMatrix, Features, LearnError, Row, Rows, Source, Stream};

use crate::ContainerError;
use crate::pipe::Pipe;

/// Files of more bytes than this together are streamed. Text of a number is 2 to 4 times its float32.
const KEPT: u64 = 512 << 20;
const BUFFER: usize = 1 << 20;

/// What the rows are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// The label first.
    Csv,
    RecordIo,
    /// Nothing is said: each file's first bytes decide.
    Unsaid,
}

impl Format {
    /// From a channel's `ContentType`.
    pub(crate) fn parse(channel: &'static str, content_type: Option<&str>) -> Result<Format, ContainerError> {
        let Some(content_type) = content_type.filter(|text| !text.trim().is_empty()) else {
            return Ok(Format::Unsaid);
        };
        let mut parts = content_type.split(';').map(|part| part.trim().to_ascii_lowercase());
        let kind = parts.next().unwrap_or_default();
        match kind.as_str() {
            "text/csv" if parts.any(|part| part == "label_size=0") => Err(ContainerError::Channel {
                channel: channel.to_owned(),
                problem: "text/csv;label_size=0 has no label to learn from".to_owned(),
                hint: Some("write the label into the first column and say text/csv".to_owned()),
            }),
            "text/csv" => Ok(Format::Csv),
            "application/x-recordio-protobuf" => Ok(Format::RecordIo),
            _ => Err(ContainerError::Channel {
                channel: channel.to_owned(),
                problem: format!("content type {content_type} is not read"),
                hint: Some("say text/csv or application/x-recordio-protobuf".to_owned()),
            }),
        }
    }
}

/// A channel whose data lie in a folder.
pub(crate) fn folder(
    channel: &'static str,
    folder: &Path,
    format: Format,
) -> Result<Box<dyn Source<Row>>, ContainerError> {
    let mut files = Vec::new();
    let mut bytes = 0;
    collect(folder, &mut files, &mut bytes).map_err(|source| ContainerError::Io {
        path: folder.to_owned(),
        source,
    })?;
    files.sort();
    if files.is_empty() {
        return Err(ContainerError::Channel {
            channel: channel.to_owned(),
            problem: format!("there is no file under {}", folder.display()),
            hint: Some("give the channel an S3 prefix that holds objects".to_owned()),
        });
    }
    let mut source = Files { channel, files, format };
    if bytes > KEPT {
        return Ok(Box::new(source));
    }
    Ok(match source.keep()? {
        Some(matrix) => Box::new(matrix),
        // Sparse rows would not be small any more.
        None => Box::new(source),
    })
}

/// A channel in Pipe mode: `<folder>/<channel>_<epoch>`.
pub(crate) fn pipes(
    channel: &'static str,
    folder: &Path,
    format: Format,
    stop: Arc<AtomicBool>,
) -> Box<dyn Source<Row>> {
    Box::new(Pipes {
        channel,
        folder: folder.to_owned(),
        format,
        next: 0,
        stop,
    })
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>, bytes: &mut u64) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let about = std::fs::metadata(&path)?;
        if about.is_dir() {
            collect(&path, files, bytes)?;
        } else if about.is_file() {
            *bytes += about.len();
            files.push(path);
        }
    }
    Ok(())
}

struct Files {
    channel: &'static str,
    files: Vec<PathBuf>,
    format: Format,
}

impl Files {
    /// All rows in memory, unless one is sparse.
    fn keep(&mut self) -> Result<Option<DenseMatrix>, ContainerError> {
        let mut stream = RowStream::new(self.channel, self.files.clone(), self.format);
        let (mut labels, mut values, mut width) = (Vec::new(), Vec::new(), 0);
        while let Some(rows) = stream.next(4096)? {
            let Features::Dense(features) = rows.features else {
                return Ok(None);
            };
            width = rows.width;
            values.extend_from_slice(features);
            labels.extend_from_slice(rows.labels);
        }
        Ok(Some(DenseMatrix::new(width, values, labels)?))
    }
}

impl Source<Row> for Files {
    fn open(&mut self, _epoch: usize) -> Result<Box<dyn Stream<Row> + '_>, LearnError> {
        Ok(Box::new(RowStream::new(self.channel, self.files.clone(), self.format)))
    }

    fn origin(&self) -> String {
        match self.files.as_slice() {
            [one] => one.display().to_string(),
            files => format!(
                "{} files from {}",
                files.len(),
                files.first().map_or(Path::new(""), |f| f).display()
            ),
        }
    }
}

struct Pipes {
    channel: &'static str,
    folder: PathBuf,
    format: Format,
    next: usize,
    stop: Arc<AtomicBool>,
}

impl Source<Row> for Pipes {
    /// Every pass takes the next FIFO, whatever the learner calls the pass: a FIFO is read once.
    fn open(&mut self, _epoch: usize) -> Result<Box<dyn Stream<Row> + '_>, LearnError> {
        let path = self.folder.join(format!("{}_{}", self.channel, self.next));
        self.next += 1;
        let pipe = Pipe::open(&path, &self.stop).map_err(|source| LearnError::Io {
            path: path.clone(),
            source,
        })?;
        let mut stream = RowStream::new(self.channel, Vec::new(), self.format);
        stream.begin(Box::new(pipe), path.display().to_string())?;
        Ok(Box::new(stream))
    }

    fn origin(&self) -> String {
        format!("pipes {}_0, …", self.folder.join(self.channel).display())
    }
}

/// One pass over files or one FIFO; lends batches from its own buffers.
struct RowStream {
    channel: &'static str,
    waiting: std::vec::IntoIter<PathBuf>,
    format: Format,
    reader: Option<(String, Reader)>,
    rows: u64,
    width: Option<usize>,
    labels: Vec<f32>,
    values: Vec<f32>,
    keys: Vec<u32>,
    starts: Vec<usize>,
    sparse: bool,
    record: recordio::Record,
}

enum Reader {
    Csv(csv::Reader<Box<dyn BufRead>>),
    RecordIo(recordio::Reader<Box<dyn BufRead>>),
}

impl RowStream {
    fn new(channel: &'static str, files: Vec<PathBuf>, format: Format) -> RowStream {
        RowStream {
            channel,
            waiting: files.into_iter(),
            format,
            reader: None,
            rows: 0,
            width: None,
            labels: Vec::new(),
            values: Vec::new(),
            keys: Vec::new(),
            starts: Vec::new(),
            sparse: false,
            record: recordio::Record::default(),
        }
    }

    fn begin(&mut self, from: Box<dyn Read>, origin: String) -> Result<(), LearnError> {
        let mut input: Box<dyn BufRead> = Box::new(BufReader::with_capacity(BUFFER, from));
        let format = match self.format {
            Format::Unsaid => match input.fill_buf() {
                Ok(first) if first.starts_with(&recordio::MAGIC.to_le_bytes()) => Format::RecordIo,
                Ok(_) => Format::Csv,
                Err(source) => {
                    return Err(LearnError::Format {
                        origin,
                        source: source.into(),
                    });
                }
            },
            said => said,
        };
        let reader = match format {
            Format::RecordIo => Reader::RecordIo(recordio::Reader::new(input)),
            Format::Csv | Format::Unsaid => Reader::Csv(csv::Reader::new(input)),
        };
        self.reader = Some((origin, reader));
        Ok(())
    }

    /// Appends one row to the buffers; false at the end of everything.
    fn row(&mut self) -> Result<bool, LearnError> {
        loop {
            let Some((origin, reader)) = &mut self.reader else {
                let Some(path) = self.waiting.next() else {
                    return Ok(false);
                };
                let file = File::open(&path).map_err(|source| LearnError::Io {
                    path: path.clone(),
                    source,
                })?;
                self.begin(Box::new(file), path.display().to_string())?;
                continue;
            };
            let before = self.values.len();
            let failed = |source: FormatError| LearnError::Format {
                origin: origin.clone(),
                source,
            };
            let width = match reader {
                Reader::Csv(reader) => match reader.read(&mut self.values).map_err(failed)? {
                    None => None,
                    Some(label) => {
                        self.labels.push(label);
                        Some(self.values.len() - before)
                    }
                },
                Reader::RecordIo(reader) => {
                    if reader.read(&mut self.record).map_err(failed)? {
                        let label = self.record.label;
                        let row = self.rows as usize;
                        self.labels.push(label.ok_or(LearnError::NoLabel {
                            channel: self.channel,
                            row,
                        })?);
                        Some(self.take_record())
                    } else {
                        None
                    }
                }
            };
            let Some(width) = width else {
                self.reader = None;
                continue;
            };
            let expected = *self.width.get_or_insert(width);
            if width != expected {
                return Err(LearnError::Width {
                    channel: self.channel,
                    row: self.rows as usize,
                    expected,
                    found: width,
                    why: "all rows of a channel have the first row's width",
                });
            }
            self.rows += 1;
            return Ok(true);
        }
    }

    /// Moves the record's features into the buffers; gives its width.
    fn take_record(&mut self) -> usize {
        let record = std::mem::take(&mut self.record);
        let width = match &record.features {
            recordio::Features::Dense(values) => {
                self.values.extend_from_slice(values);
                if self.sparse {
                    self.keys.extend(0..values.len() as u32);
                }
                values.len()
            }
            recordio::Features::Sparse { keys, values, width } => {
                if !self.sparse {
                    self.become_sparse();
                }
                self.keys.extend(keys.iter().map(|&key| key as u32));
                self.values.extend_from_slice(values);
                *width as usize
            }
        };
        // Back for its memory: the next record is read into it.
        self.record = record;
        width
    }

    /// The dense rows of this batch so far, compressed: from here on all rows are.
    fn become_sparse(&mut self) {
        let width = self.width.unwrap_or(0);
        // The row being read has its label already, its values not yet.
        let rows = self.labels.len() - 1;
        self.sparse = true;
        self.starts = (0..=rows).map(|row| row * width).collect();
        self.keys = (0..rows).flat_map(|_| 0..width as u32).collect();
    }
}

impl Stream<Row> for RowStream {
    fn next(&mut self, limit: usize) -> Result<Option<Rows<'_>>, LearnError> {
        self.labels.clear();
        self.values.clear();
        self.keys.clear();
        self.starts.clear();
        self.starts.push(0);
        while self.labels.len() < limit && self.row()? {
            if self.sparse {
                self.starts.push(self.values.len());
            }
        }
        if self.labels.is_empty() {
            return Ok(None);
        }
        let features = if self.sparse {
            Features::Sparse {
                starts: &self.starts,
                keys: &self.keys,
                values: &self.values,
            }
        } else {
            Features::Dense(&self.values)
        };
        Ok(Some(Rows {
            width: self.width.unwrap_or(0),
            features,
            labels: &self.labels,
            weights: &[],
        }))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn written(files: &[(&str, &[u8])]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, bytes) in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        }
        folder
    }

    fn all(stream: &mut dyn Stream<Row>, limit: usize) -> Vec<(f32, Vec<f32>)> {
        let mut rows = Vec::new();
        while let Some(batch) = stream.next(limit).unwrap() {
            for row in 0..batch.len() {
                let values = match batch.features {
                    Features::Dense(values) => values[row * batch.width..(row + 1) * batch.width].to_vec(),
                    Features::Sparse { starts, keys, values } => {
                        let mut dense = vec![0.0; batch.width];
                        for at in starts[row]..starts[row + 1] {
                            dense[keys[at] as usize] = values[at];
                        }
                        dense
                    }
                };
                rows.push((batch.labels[row], values));
            }
        }
        rows
    }

    fn records(records: &[recordio::Record]) -> Vec<u8> {
        let mut writer = recordio::Writer::new(Vec::new());
        for record in records {
            writer.write(record).unwrap();
        }
        writer.finish().unwrap()
    }

    #[test]
    fn files_are_one_table_in_the_order_of_their_names() {
        let data = written(&[("b/part-2.csv", b"3,30\n"), ("a.csv", b"1,10\n2,20")]);
        let mut source = folder("train", data.path(), Format::Csv).unwrap();
        let expected = [(1.0, vec![10.0]), (2.0, vec![20.0]), (3.0, vec![30.0])];
        for epoch in 0..2 {
            assert_eq!(all(&mut *source.open(epoch).unwrap(), 2), expected);
        }
    }

    /// Dense rows before, between and after sparse ones, over batch borders.
    #[test]
    fn dense_and_sparse_records_may_be_mixed() {
        let dense = |label: f32| recordio::Record {
            features: recordio::Features::Dense(vec![label, 0.0, -label]),
            label: Some(label),
            ..Default::default()
        };
        let sparse = |label: f32| recordio::Record {
            features: recordio::Features::Sparse {
                keys: vec![2],
                values: vec![label],
                width: 3,
            },
            label: Some(label),
            ..Default::default()
        };
        let bytes = records(&[dense(1.0), dense(2.0), sparse(3.0), dense(4.0), sparse(5.0)]);
        let data = written(&[("part-0", &bytes)]);
        let mut source = folder("train", data.path(), Format::Unsaid).unwrap();
        for limit in [1, 2, 3, 5] {
            let rows = all(&mut *source.open(0).unwrap(), limit);
            assert_eq!(
                rows,
                [
                    (1.0, vec![1.0, 0.0, -1.0]),
                    (2.0, vec![2.0, 0.0, -2.0]),
                    (3.0, vec![0.0, 0.0, 3.0]),
                    (4.0, vec![4.0, 0.0, -4.0]),
                    (5.0, vec![0.0, 0.0, 5.0]),
                ],
                "limit {limit}"
            );
        }
    }

    #[test]
    fn an_error_names_file_line_and_field() {
        let data = written(&[("a.csv", b"1,10\n2,x\n")]);
        let Err(error) = folder("train", data.path(), Format::Csv) else {
            panic!("read it")
        };
        assert!(
            error
                .to_string()
                .ends_with("a.csv: line 2, field 2: \"x\" is not a number"),
            "{error}"
        );
    }

    #[test]
    fn an_empty_channel_says_so() {
        let data = written(&[]);
        let Err(error) = folder("train", data.path(), Format::Csv) else {
            panic!("read it")
        };
        assert!(
            error.to_string().starts_with("channel train: there is no file under"),
            "{error}"
        );
    }

    #[test]
    fn content_types() {
        assert_eq!(
            Format::parse("train", Some("text/csv; label_size=1")).unwrap(),
            Format::Csv
        );
        assert_eq!(Format::parse("train", None).unwrap(), Format::Unsaid);
        assert!(Format::parse("train", Some("text/csv;label_size=0")).is_err());
        assert!(Format::parse("train", Some("csv")).is_err());
    }
}
