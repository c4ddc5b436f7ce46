//! Training channels as streams of rows: the files of a folder, or a row of FIFOs.
//!
//! All files under a channel's folder are one table, in the order of their names. What fits well into
//! memory is parsed once and kept; what doesn't is parsed again each epoch in constant memory.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use ironsage_learners::{ByteStream, ContentType, DenseMatrix, Features, Files, LearnError, Row, Source, Stream};

use crate::ContainerError;
use crate::pipe::Pipe;

/// Files of more bytes than this together are streamed. Text of a number is 2 to 4 times its float32.
const KEPT: u64 = 512 << 20;
/// Rows read at a time to be kept.
const ROWS: usize = 4096;

/// What the rows are written in, from a channel's `ContentType`.
pub(crate) fn content_type(channel: &'static str, said: Option<&str>) -> Result<ContentType, ContainerError> {
    let Some(said) = said.filter(|text| !text.trim().is_empty()) else {
        return Ok(ContentType::Unsaid);
    };
    let refused = |problem: String, hint: &str| ContainerError::Channel {
        channel: channel.to_owned(),
        problem,
        hint: Some(hint.to_owned()),
    };
    match ContentType::parse(said) {
        Some(ContentType::CsvUnlabelled) => Err(refused(
            "text/csv;label_size=0 has no label to learn from".to_owned(),
            "write the label into the first column and say text/csv",
        )),
        Some(content) => Ok(content),
        None => Err(refused(
            format!("content type {said} is not read"),
            "say text/csv or application/x-recordio-protobuf",
        )),
    }
}

/// A channel whose data lie in a folder.
pub(crate) fn folder(
    channel: &'static str,
    folder: &Path,
    content: ContentType,
) -> Result<Box<dyn Source<Row>>, ContainerError> {
    let mut files = Files::under(folder, content)?;
    if files.files().is_empty() {
        return Err(ContainerError::Channel {
            channel: channel.to_owned(),
            problem: format!("there is no file under {}", folder.display()),
            hint: Some("give the channel an S3 prefix that holds objects".to_owned()),
        });
    }
    let mut bytes = 0;
    for path in files.files() {
        let about = std::fs::metadata(path).map_err(|source| ContainerError::Io {
            path: path.clone(),
            source,
        })?;
        bytes += about.len();
    }
    if bytes > KEPT {
        return Ok(Box::new(files));
    }
    Ok(match kept(&mut files)? {
        Some(matrix) => Box::new(matrix),
        None => Box::new(files),
    })
}

/// All rows in memory; `None` where there is a sparse one, which would not be small any more, and where the learner has
/// to say that there are no rows or no labels.
fn kept(files: &mut Files) -> Result<Option<DenseMatrix>, ContainerError> {
    let (mut labels, mut values, mut width) = (Vec::new(), Vec::new(), 0);
    let mut stream = files.open(0)?;
    while let Some(rows) = stream.next(ROWS)? {
        match rows.features {
            Features::Dense(features) if rows.labels.len() == rows.len() => values.extend_from_slice(features),
            _ => return Ok(None),
        }
        labels.extend_from_slice(rows.labels);
        width = rows.width;
    }
    if labels.is_empty() {
        return Ok(None);
    }
    Ok(Some(DenseMatrix::new(width, values, labels)?))
}

/// A channel in Pipe mode: `<folder>/<channel>_<epoch>`.
pub(crate) fn pipes(
    channel: &'static str,
    folder: &Path,
    content: ContentType,
    stop: Arc<AtomicBool>,
) -> Box<dyn Source<Row>> {
    Box::new(Pipes {
        channel,
        folder: folder.to_owned(),
        content,
        next: 0,
        stop,
    })
}

struct Pipes {
    channel: &'static str,
    folder: PathBuf,
    content: ContentType,
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
        let stream = ByteStream::new(pipe, self.content, path.display().to_string())?;
        Ok(Box::new(stream))
    }

    fn origin(&self) -> String {
        format!("pipes {}_0, …", self.folder.join(self.channel).display())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use ironsage_formats::recordio;

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
        let data = written(&[
            ("b/part-2.csv", b"3,30\n"),
            ("a.csv", b"1,10\n2,20"),
            ("_SUCCESS", b""),
            ("b/.DS_Store", b"\0\0\0\x01Bud1"),
            ("x.manifest", b"[{\"prefix\": \"s3://bucket/\"}]"),
        ]);
        let expected = [(1.0, vec![10.0]), (2.0, vec![20.0]), (3.0, vec![30.0])];
        for content in [ContentType::Csv, ContentType::Unsaid] {
            let mut source = folder("train", data.path(), content).unwrap();
            assert_eq!(source.records(), Some(3), "small data are kept");
            for epoch in 0..2 {
                assert_eq!(all(&mut *source.open(epoch).unwrap(), 2), expected);
            }
        }
    }

    /// Dense rows before, between and after sparse ones, over batch borders; the last one is a line of CSV.
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
        let data = written(&[("part-0", &bytes), ("part-1", b"6,7,8,9\n")]);
        let mut source = folder("train", data.path(), ContentType::Unsaid).unwrap();
        for limit in [1, 2, 3, 6] {
            let rows = all(&mut *source.open(0).unwrap(), limit);
            assert_eq!(
                rows,
                [
                    (1.0, vec![1.0, 0.0, -1.0]),
                    (2.0, vec![2.0, 0.0, -2.0]),
                    (3.0, vec![0.0, 0.0, 3.0]),
                    (4.0, vec![4.0, 0.0, -4.0]),
                    (5.0, vec![0.0, 0.0, 5.0]),
                    (6.0, vec![7.0, 8.0, 9.0]),
                ],
                "limit {limit}"
            );
        }
    }

    #[test]
    fn an_error_names_file_line_and_field() {
        let data = written(&[("a.csv", b"1,10\n2,x\n")]);
        let Err(error) = folder("train", data.path(), ContentType::Csv) else {
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
        let Err(error) = folder("train", data.path(), ContentType::Csv) else {
            panic!("read it")
        };
        assert!(
            error.to_string().starts_with("channel train: there is no file under"),
            "{error}"
        );
        let data = written(&[("a.csv", b"\n")]);
        let source = folder("train", data.path(), ContentType::Csv).unwrap();
        assert!(source.origin().ends_with("a.csv"), "{}", source.origin());
    }

    #[test]
    fn files_that_do_not_fit_each_other_are_named() {
        let data = written(&[("a.csv", b"1,10\n"), ("b.csv", b"2,20,30\n")]);
        let Err(error) = folder("train", data.path(), ContentType::Csv) else {
            panic!("read it")
        };
        assert!(
            error
                .to_string()
                .ends_with("b.csv: row 0: 2 features where the rows before have 1"),
            "{error}"
        );
        assert_eq!(
            error.hint().unwrap(),
            "all rows of a channel have the first row's width (is the label still in?)"
        );
        // The rows of `a` and of the batches before count for nothing in `b`.
        let record = |values: &[f32]| recordio::Record {
            features: recordio::Features::Dense(values.to_vec()),
            label: Some(1.0),
            ..Default::default()
        };
        let one = record(&[1.0]);
        let a = records(&[one.clone(), one.clone(), one.clone()]);
        let b = records(&[one, record(&[1.0, 2.0])]);
        let data = written(&[("a", &a), ("b", &b)]);
        let mut files = Files::under(data.path(), ContentType::RecordIo).unwrap();
        let mut stream = files.open(0).unwrap();
        assert_eq!(stream.next(2).unwrap().unwrap().len(), 2);
        assert_eq!(stream.next(2).unwrap().unwrap().len(), 2);
        let error = stream.next(2).unwrap_err().to_string();
        assert!(
            error.ends_with("b: row 1: 2 features where the rows before have 1"),
            "{error}"
        );
    }

    #[test]
    fn content_types() {
        assert_eq!(
            content_type("train", Some("text/csv; label_size=1")).unwrap(),
            ContentType::Csv
        );
        assert_eq!(content_type("train", None).unwrap(), ContentType::Unsaid);
        assert!(content_type("train", Some("text/csv;label_size=0")).is_err());
        assert!(content_type("train", Some("csv")).is_err());
    }
}
