//! From a request's body to rows of numbers or a frame of raw columns.
//!
//! Numbers are prepared features in the model's order: SageMaker's own contract. Raw columns come by
//! name, as JSON objects or as CSV with a header, and meet the artifact's recipe.

use ironsage_formats::recordio::{self, Record};
use ironsage_formats::{FormatError, csv};
use ironsage_learners::{Features, Prediction, Rows};
use ironsage_prep::frame_from_csv;
use polars::prelude::DataFrame;
use serde_json::Value;

use crate::negotiate::ContentType;
use crate::{ContainerError, Predictor, instances};

/// What a body holds.
pub(crate) enum Request {
    /// Prepared features.
    Rows(Batch),
    /// Raw columns.
    Frame(DataFrame),
}

impl Request {
    pub(crate) fn read(kind: ContentType, body: &[u8], predictor: &Predictor) -> Result<Request, ContainerError> {
        if kind != ContentType::RecordIo && body.trim_ascii().is_empty() {
            return Err(ContainerError::EmptyBody);
        }
        match kind {
            ContentType::Csv => read_csv(body, predictor),
            ContentType::Json => {
                let mut value: Value = serde_json::from_slice(body).map_err(|error| ContainerError::Syntax {
                    expected: "JSON",
                    problem: error.to_string(),
                })?;
                match value.get_mut("instances").map(Value::take) {
                    Some(Value::Array(list)) => instances::read(list, predictor),
                    _ => Err(ContainerError::Syntax {
                        expected: "JSON",
                        problem: "it is no object with a list of \"instances\"".to_owned(),
                    }),
                }
            }
            ContentType::JsonLines => instances::read(json_lines(body)?, predictor),
            ContentType::RecordIo => read_records(body, predictor).map(Request::Rows),
        }
    }

    pub(crate) fn predict(&self, predictor: &Predictor) -> Result<Vec<Prediction>, ContainerError> {
        match self {
            Request::Rows(batch) if batch.rows == 0 => Ok(Vec::new()),
            Request::Rows(batch) => predictor.predict_rows(&batch.rows()),
            Request::Frame(frame) => predictor.predict_frame(frame),
        }
    }

    pub(crate) fn echoes(&self) -> &[Record] {
        match self {
            Request::Rows(batch) => &batch.echoes,
            Request::Frame(_) => &[],
        }
    }
}

/// Rows of prepared features: dense until the first sparse one comes, compressed from then on.
pub(crate) struct Batch {
    width: usize,
    rows: usize,
    values: Vec<f32>,
    /// Row starts and columns, once there is a sparse row.
    sparse: Option<(Vec<usize>, Vec<u32>)>,
    echoes: Vec<Record>,
}

impl Batch {
    pub(crate) fn new(width: usize) -> Batch {
        Batch {
            width,
            rows: 0,
            values: Vec::new(),
            sparse: None,
            echoes: Vec::new(),
        }
    }

    fn check(&self, found: usize, predictor: &Predictor) -> Result<(), ContainerError> {
        if found == self.width {
            return Ok(());
        }
        Err(ContainerError::Width {
            row: self.rows + 1,
            found,
            expected: self.width,
            names: predictor.features().to_vec(),
            by_name: !predictor.inputs().is_empty(),
        })
    }

    /// Ends the dense row whose numbers were appended to [`Batch::values`] from `start` on.
    fn end_dense(&mut self, start: usize, predictor: &Predictor) -> Result<(), ContainerError> {
        self.check(self.values.len() - start, predictor)?;
        check_finite(self.rows, &self.values[start..], |at| at, predictor)?;
        self.rows += 1;
        if let Some((starts, keys)) = &mut self.sparse {
            keys.extend(0..self.width as u32);
            starts.push(self.values.len());
        }
        Ok(())
    }

    pub(crate) fn push_dense(
        &mut self,
        numbers: impl IntoIterator<Item = Result<f32, ContainerError>>,
        predictor: &Predictor,
    ) -> Result<(), ContainerError> {
        let start = self.values.len();
        for number in numbers {
            self.values.push(number?);
        }
        self.end_dense(start, predictor)
    }

    /// `keys` are below `width`, as their readers checked.
    pub(crate) fn push_sparse(
        &mut self,
        width: usize,
        keys: impl IntoIterator<Item = u32>,
        values: impl IntoIterator<Item = f32>,
        predictor: &Predictor,
    ) -> Result<(), ContainerError> {
        self.check(width, predictor)?;
        let (starts, all_keys) = self.sparse.get_or_insert_with(|| {
            let starts = (0..=self.rows).map(|row| row * self.width).collect();
            let keys = (0..self.rows).flat_map(|_| 0..self.width as u32).collect();
            (starts, keys)
        });
        let start = self.values.len();
        all_keys.extend(keys);
        self.values.extend(values);
        starts.push(self.values.len());
        let column = |at: usize| all_keys[start + at] as usize;
        check_finite(self.rows, &self.values[start..], column, predictor)?;
        self.rows += 1;
        Ok(())
    }

    pub(crate) fn rows(&self) -> Rows<'_> {
        let features = match &self.sparse {
            None => Features::Dense(&self.values),
            Some((starts, keys)) => Features::Sparse {
                starts,
                keys,
                values: &self.values,
            },
        };
        Rows {
            width: self.width,
            features,
            labels: &[],
            weights: &[],
        }
    }
}

/// Refuses NaN and infinity in a row: JSON cannot say the score that would come of them.
fn check_finite(
    row: usize,
    values: &[f32],
    column: impl Fn(usize) -> usize,
    predictor: &Predictor,
) -> Result<(), ContainerError> {
    let Some(at) = values.iter().position(|value| !value.is_finite()) else {
        return Ok(());
    };
    Err(ContainerError::Number {
        row: row as u64 + 1,
        field: column(at) + 1,
        text: values[at].to_string(),
        inputs: predictor.inputs(),
    })
}

fn read_csv(body: &[u8], predictor: &Predictor) -> Result<Request, ContainerError> {
    let header = header(body);
    if let Some(header) = &header {
        match predictor.names() {
            Some(names) if names.inputs.iter().any(|input| header.contains(&input.name)) => {
                return Ok(Request::Frame(frame_from_csv(body, &names.inputs)?));
            }
            None if header.iter().all(|field| field.parse::<f32>().is_err()) => {
                return Err(ContainerError::NoNames {
                    width: predictor.width(),
                });
            }
            _ => {}
        }
    }
    let mut batch = Batch::new(predictor.width());
    let mut reader = csv::Reader::unlabelled(body);
    loop {
        let start = batch.values.len();
        match reader.read(&mut batch.values) {
            Ok(Some(_)) => batch.end_dense(start, predictor)?,
            Ok(None) => return Ok(Request::Rows(batch)),
            Err(FormatError::Number { line, field, text }) => {
                return Err(ContainerError::Number {
                    row: line,
                    field,
                    text,
                    inputs: predictor.inputs(),
                });
            }
            Err(FormatError::Ragged { found, .. }) => batch.check(found, predictor)?,
            Err(error) => return Err(error.into()),
        }
    }
}

/// The first line's fields, if its first one is no number.
fn header(body: &[u8]) -> Option<Vec<String>> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let line = body
        .split(|&byte| byte == b'\n')
        .find(|line| !line.trim_ascii().is_empty())?;
    let line = std::str::from_utf8(line).ok()?;
    let fields: Vec<String> = line
        .trim()
        .split(',')
        .map(|field| field.trim().trim_matches('"').to_owned())
        .collect();
    fields.first()?.parse::<f32>().is_err().then_some(fields)
}

fn json_lines(body: &[u8]) -> Result<Vec<Value>, ContainerError> {
    body.split(|&byte| byte == b'\n')
        .enumerate()
        .filter(|(_, line)| !line.trim_ascii().is_empty())
        .map(|(at, line)| {
            serde_json::from_slice(line).map_err(|error| ContainerError::Syntax {
                expected: "list of JSON lines",
                problem: format!("line {}: {error}", at + 1),
            })
        })
        .collect()
}

fn read_records(body: &[u8], predictor: &Predictor) -> Result<Batch, ContainerError> {
    let mut batch = Batch::new(predictor.width());
    for record in recordio::Reader::new(body) {
        let mut record = record?;
        match std::mem::take(&mut record.features) {
            recordio::Features::Dense(values) => batch.push_dense(values.into_iter().map(Ok), predictor)?,
            recordio::Features::Sparse { keys, values, width } => {
                let width = usize::try_from(width).unwrap_or(usize::MAX);
                batch.check(width, predictor)?;
                batch.push_sparse(width, keys.into_iter().map(|key| key as u32), values, predictor)?;
            }
        }
        batch.echoes.push(record);
    }
    if batch.rows == 0 {
        return Err(ContainerError::EmptyBody);
    }
    Ok(batch)
}

#[cfg(test)]
mod tests {
    use super::header;

    #[test]
    fn a_header_begins_with_no_number() {
        assert_eq!(header(b"1,2\n"), None);
        assert_eq!(header(b" \"1e-3\" ,2\n"), None);
        assert_eq!(header(b"\n\"sex\", length\n1,2").unwrap_or_default(), ["sex", "length"]);
        assert_eq!(
            header("\u{feff}sex,length\r\n".as_bytes()).unwrap_or_default(),
            ["sex", "length"]
        );
        assert_eq!(header(b""), None);
    }
}
