//! RecordIO-protobuf and libsvm as frames. Dense records are columns `f0`, `f1`, …; sparse ones are two columns of
//! lists, `keys` and `values`, however wide they are, since a million columns help nobody. The label is `label`.
//!
//! Keys begin at 0 in a frame. A libsvm file does not say where its own begin: where none is 0 in all files that are
//! read together, they begin at 1, as scikit-learn takes it. Files are written from 1, as LIBSVM wants them.

use ironsage_formats::recordio::{self, Features, Record};
use ironsage_formats::{FormatError, libsvm};
use polars::prelude::*;

use crate::data::format::Format;
use crate::data::write::Options;
use crate::error::MagicError;
use crate::text;

/// Dense records of more columns become one column of lists.
const MOST_COLUMNS: usize = 10_000;

const LABEL: &str = "label";
const KEYS: &str = "keys";
const VALUES: &str = "values";

/// What a frame of sparse rows doesn't say itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sparse {
    /// One more than the largest key, or what the records said.
    pub width: u64,
    /// The lowest key, where it tells with what keys begin.
    pub lowest: Option<u64>,
}

impl Sparse {
    /// What is true of two files together.
    pub fn and(self, other: Sparse) -> Sparse {
        let lowest = self.lowest.into_iter().chain(other.lowest);
        Sparse {
            width: self.width.max(other.width),
            lowest: lowest.min(),
        }
    }

    /// The frame with keys from 0, and the width that it has then.
    pub fn zero_based(self, mut frame: DataFrame) -> Result<(DataFrame, u64), MagicError> {
        if self.lowest.is_none_or(|lowest| lowest == 0) {
            return Ok((frame, self.width));
        }
        let keys = frame.column(KEYS)?.list()?.apply_to_inner(&|keys| Ok(&keys - 1))?;
        frame.with_column(keys.into_column())?;
        Ok((frame, self.width - 1))
    }
}

/// Rows as they come, before it is known what becomes of them.
#[derive(Default)]
struct Rows<V> {
    labels: Vec<Option<V>>,
    ends: Vec<usize>,
    values: Vec<V>,
    /// None as long as all rows are dense.
    keys: Option<Vec<u64>>,
}

impl<V> Rows<V> {
    fn len_of(&self, row: usize) -> usize {
        self.ends[row] - row.checked_sub(1).map_or(0, |before| self.ends[before])
    }

    fn end_row(&mut self, label: Option<V>) {
        self.labels.push(label);
        self.ends.push(self.values.len());
    }

    /// The keys, which the dense rows so far are given as well.
    fn keys(&mut self) -> &mut Vec<u64> {
        let lengths: Vec<usize> = match self.keys {
            Some(_) => Vec::new(),
            None => (0..self.ends.len()).map(|row| self.len_of(row)).collect(),
        };
        self.keys
            .get_or_insert_with(|| lengths.into_iter().flat_map(|length| 0..length as u64).collect())
    }
}

/// Reads RecordIO-protobuf.
pub(crate) fn recordio(content: &[u8], name: &str) -> Result<(DataFrame, Option<Sparse>), MagicError> {
    let mut reader = recordio::Reader::new(content);
    let mut record = Record::default();
    let mut rows = Rows::<f32>::default();
    let mut width = 0;
    while reader.read(&mut record).map_err(|error| unreadable(name, &error))? {
        width = width.max(record.features.width());
        match &record.features {
            Features::Dense(values) => {
                if let Some(keys) = &mut rows.keys {
                    keys.extend(0..values.len() as u64);
                }
                rows.values.extend_from_slice(values);
            }
            Features::Sparse { keys, values, .. } => {
                rows.keys().extend_from_slice(keys);
                rows.values.extend_from_slice(values);
            }
        }
        rows.end_row(record.label);
    }
    if rows.keys.is_none() {
        let odd = (0..rows.ends.len()).find(|&row| rows.len_of(row) as u64 != width);
        if let Some(odd) = odd {
            return Err(MagicError::data(format!(
                "{name}, record {odd}: {} features where others have {width}",
                rows.len_of(odd)
            ))
            .with_hint("write dense records of one width, or sparse ones"));
        }
        if width as usize <= MOST_COLUMNS {
            return Ok((dense::<Float32Type>(&rows, width as usize)?, None));
        }
        rows.keys();
    }
    let sparse = Sparse { width, lowest: None };
    Ok((lists::<Float32Type>(rows)?, Some(sparse)))
}

/// Reads libsvm; keys are as they stand there until [`Sparse::zero_based`].
pub(crate) fn libsvm(content: &[u8], name: &str) -> Result<(DataFrame, Option<Sparse>), MagicError> {
    let mut reader = libsvm::Reader::new(content);
    let mut row = libsvm::Row::default();
    let mut rows = Rows::<f64>::default();
    rows.keys();
    let mut width = 0;
    let mut lowest = None;
    while reader.read(&mut row).map_err(|error| unreadable(name, &error))? {
        if let (Some(&first), Some(&last)) = (row.keys.first(), row.keys.last()) {
            width = width.max(last.saturating_add(1));
            lowest = Some(lowest.map_or(first, |lowest: u64| lowest.min(first)));
        }
        rows.keys().extend_from_slice(&row.keys);
        rows.values.extend_from_slice(&row.values);
        rows.end_row(Some(row.label));
    }
    let sparse = Sparse { width, lowest };
    Ok((lists::<Float64Type>(rows)?, Some(sparse)))
}

fn unreadable(name: &str, error: &FormatError) -> MagicError {
    MagicError::data(format!("{name}: {error}")).with_hint_from(error.hint())
}

/// The labels, where a row has one.
fn labels<T: PolarsNumericType>(labels: &[Option<T::Native>]) -> Option<Column>
where
    ChunkedArray<T>: IntoColumn + FromIterator<Option<T::Native>>,
{
    let column: ChunkedArray<T> = labels.iter().copied().collect();
    labels
        .iter()
        .any(Option::is_some)
        .then(|| column.with_name(LABEL.into()).into_column())
}

fn dense<T: PolarsNumericType>(rows: &Rows<T::Native>, width: usize) -> Result<DataFrame, MagicError>
where
    ChunkedArray<T>: IntoColumn + FromIterator<Option<T::Native>>,
{
    let features = (0..width).map(|feature| {
        let values: Vec<T::Native> = rows.values.iter().skip(feature).step_by(width).copied().collect();
        ChunkedArray::<T>::from_vec(format!("f{feature}").into(), values).into_column()
    });
    let columns = labels::<T>(&rows.labels).into_iter().chain(features).collect();
    Ok(DataFrame::new(rows.ends.len(), columns)?)
}

fn lists<T: PolarsNumericType>(rows: Rows<T::Native>) -> Result<DataFrame, MagicError>
where
    ChunkedArray<T>: IntoColumn + FromIterator<Option<T::Native>>,
{
    let height = rows.ends.len();
    let all_keys = rows.keys.unwrap_or_default();
    let size = rows.values.len();
    let mut keys = ListPrimitiveChunkedBuilder::<UInt64Type>::new(KEYS.into(), height, size, DataType::UInt64);
    let mut values = ListPrimitiveChunkedBuilder::<T>::new(VALUES.into(), height, size, T::get_static_dtype());
    let mut start = 0;
    for &end in &rows.ends {
        keys.append_slice(&all_keys[start..end]);
        values.append_slice(&rows.values[start..end]);
        start = end;
    }
    let lists = [keys.finish().into_column(), values.finish().into_column()];
    let columns = labels::<T>(&rows.labels).into_iter().chain(lists).collect();
    Ok(DataFrame::new(height, columns)?)
}

/// Features as they are written: a column each, or lists.
enum Cells {
    Dense(Vec<Float64Chunked>),
    Sparse {
        keys: ListChunked,
        values: ListChunked,
        width: u64,
    },
}

impl Cells {
    fn of(features: &[&Column], format: Format, width: Option<u64>) -> Result<Cells, MagicError> {
        let lists = |name: &str, inner: DataType| {
            let column = features
                .iter()
                .find(|column| column.name() == name && column.dtype().is_list())?;
            let lists = column.strict_cast(&DataType::List(Box::new(inner)));
            Some(lists.and_then(|lists| Ok(lists.list()?.clone())))
        };
        if let (2, Some(keys), Some(values)) = (
            features.len(),
            lists(KEYS, DataType::UInt64),
            lists(VALUES, DataType::Float64),
        ) {
            let (keys, values) = (keys?, values?);
            let largest = keys.get_inner().max::<u64>()?;
            let least = largest.map_or(0, |largest| largest.saturating_add(1));
            if let Some(width) = width.filter(|width| *width < least) {
                return Err(
                    MagicError::data(format!("a key is {}, and rows are to be {width} wide", least - 1))
                        .with_hint(format!("keys begin at 0: say `--width {least}` or more")),
                );
            }
            let width = width.unwrap_or(least);
            return Ok(Cells::Sparse { keys, values, width });
        }
        let columns = features.iter().map(|column| {
            let numbers = numbers(column, format)?;
            match numbers.null_count() {
                0 => Ok(numbers),
                nulls => Err(MagicError::data(format!(
                    "column `{}` has {}, and {format} has no way to say that",
                    column.name(),
                    ironsage_display::text::counted(nulls as u64, "null")
                ))
                .with_hint("fill them with `%%prep`, or leave the column out with `--columns`")),
            }
        });
        Ok(Cells::Dense(columns.collect::<Result<_, MagicError>>()?))
    }

    /// The keys and values of a row, in rising order.
    fn row(&self, row: usize, pairs: &mut Vec<(u64, f64)>) -> Result<(), MagicError> {
        pairs.clear();
        match self {
            Cells::Dense(columns) => {
                let values = columns.iter().map(|column| column.get(row).unwrap_or_default());
                pairs.extend((0..).zip(values));
            }
            Cells::Sparse { keys, values, .. } => {
                let (keys, values) = (keys.get_as_series(row), values.get_as_series(row));
                let (Some(keys), Some(values)) = (keys, values) else {
                    return Err(MagicError::data(format!("row {row} has no keys or no values")));
                };
                if keys.len() != values.len() || keys.null_count() + values.null_count() > 0 {
                    return Err(MagicError::data(format!("row {row} has not as many keys as values")));
                }
                let values = values.f64()?.into_no_null_iter();
                pairs.extend(keys.u64()?.into_no_null_iter().zip(values));
                pairs.sort_by_key(|pair| pair.0);
            }
        }
        Ok(())
    }

    fn features(&self, pairs: &[(u64, f64)]) -> Features {
        let values = pairs.iter().map(|pair| pair.1 as f32).collect();
        match self {
            Cells::Dense(_) => Features::Dense(values),
            Cells::Sparse { width, .. } => Features::Sparse {
                keys: pairs.iter().map(|pair| pair.0).collect(),
                values,
                width: *width,
            },
        }
    }
}

fn numbers(column: &Column, format: Format) -> Result<Float64Chunked, MagicError> {
    let dtype = column.dtype();
    if !(dtype.is_primitive_numeric() || dtype.is_bool() || dtype.is_decimal()) {
        return Err(MagicError::data(format!(
            "column `{}` is {dtype}, and {format} holds numbers alone",
            column.name()
        ))
        .with_hint("make numbers of it with `%%prep` (`one_hot`, `ordinal`), or leave it out with `--columns`"));
    }
    Ok(column.cast(&DataType::Float64)?.f64()?.clone())
}

/// Writes a frame of numbers, or one of `keys` and `values`; the column of labels is `label` unless the options say another.
pub(crate) fn bytes(frame: &DataFrame, format: Format, options: &Options) -> Result<Vec<u8>, MagicError> {
    let label = match &options.label {
        Some(label) => Some(text::column(frame, "the frame", label)?),
        None => frame.column(LABEL).ok(),
    };
    let features: Vec<&Column> = frame
        .columns()
        .iter()
        .filter(|column| label.is_none_or(|label| label.name() != column.name()))
        .collect();
    let labels = label.map(|label| numbers(label, format)).transpose()?;
    if format == Format::Libsvm && labels.as_ref().is_none_or(|labels| labels.null_count() > 0) {
        return Err(
            MagicError::usage("each row of a libsvm file begins with its label, and here rows have none")
                .with_hint("say which column it is: `--label NAME`"),
        );
    }
    let cells = Cells::of(&features, format, options.width)?;
    let mut content = Vec::new();
    let mut pairs = Vec::new();
    for row in 0..frame.height() {
        cells.row(row, &mut pairs)?;
        let label = labels.as_ref().and_then(|labels| labels.get(row));
        if format == Format::Libsvm {
            let present = pairs.iter().filter(|pair| pair.1 != 0.0);
            let from_one = present.map(|&(key, value)| (key.saturating_add(1), value));
            libsvm::write(&mut content, label.unwrap_or_default(), from_one)?;
        } else {
            recordio::Writer::new(&mut content).write(&Record {
                features: cells.features(&pairs),
                label: label.map(|label| label as f32),
                ..Record::default()
            })?;
        }
    }
    Ok(content)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn labelled(column: &str) -> Options {
        Options {
            label: Some(column.to_owned()),
            ..Options::default()
        }
    }

    fn sparse(labels: [f32; 2], rows: [&[u64]; 2]) -> DataFrame {
        let keys = rows.map(|keys| Series::new("".into(), keys));
        let values = rows.map(|keys| {
            let values: Vec<f32> = keys.iter().map(|&key| key as f32 + 0.5).collect();
            Series::new("".into(), values)
        });
        df!("label" => labels, "keys" => keys, "values" => values).unwrap()
    }

    #[test]
    fn dense_records_are_columns() {
        let frame = df!("rings" => [15i64, 7], "length" => [0.5f64, 0.25], "old" => [true, false]).unwrap();
        let content = bytes(&frame, Format::Recordio, &labelled("rings")).unwrap();
        let (back, note) = recordio(&content, "t.pbr").unwrap();
        let expected = df!("label" => [15f32, 7.0], "f0" => [0.5f32, 0.25], "f1" => [1f32, 0.0]).unwrap();
        assert!(back.equals(&expected) && note.is_none(), "{back}");
        let content = bytes(&frame, Format::Recordio, &Options::default()).unwrap();
        assert_eq!(recordio(&content, "t.pbr").unwrap().0.width(), 3);
    }

    #[test]
    fn sparse_records_are_lists_however_wide_they_are() {
        let frame = sparse([1.0, 0.0], [&[3, 1_000_000_000], &[]]);
        let content = bytes(&frame, Format::Recordio, &Options::default()).unwrap();
        let (back, note) = recordio(&content, "t.pbr").unwrap();
        assert!(back.equals(&frame), "{back}");
        let expected = Sparse {
            width: 1_000_000_001,
            lowest: None,
        };
        assert_eq!(note, Some(expected));
    }

    #[test]
    fn a_dense_record_among_sparse_ones_is_a_list_too() {
        let mut content = Vec::new();
        for features in [
            Features::Dense(vec![5.0, 6.0]),
            Features::Sparse {
                keys: vec![1],
                values: vec![2.0],
                width: 2,
            },
        ] {
            let record = Record {
                features,
                ..Record::default()
            };
            recordio::Writer::new(&mut content).write(&record).unwrap();
        }
        let (frame, _) = recordio(&content, "t.pbr").unwrap();
        assert_eq!(text::columns_of(&frame), ["keys", "values"]);
        let first = frame.column("keys").unwrap().list().unwrap().get_as_series(0).unwrap();
        assert!(first.equals(&Series::new("".into(), [0u64, 1])));
    }

    #[test]
    fn wide_dense_records_are_no_million_columns_and_odd_ones_are_named() {
        let record = |width: usize| Record {
            features: Features::Dense(vec![1.0; width]),
            ..Record::default()
        };
        let mut content = Vec::new();
        recordio::Writer::new(&mut content)
            .write(&record(MOST_COLUMNS + 1))
            .unwrap();
        assert_eq!(recordio(&content, "t.pbr").unwrap().0.width(), 2);
        recordio::Writer::new(&mut content).write(&record(3)).unwrap();
        let error = recordio(&content, "t.pbr").unwrap_err();
        assert_eq!(error.message, "t.pbr, record 1: 3 features where others have 10001");
        let error = recordio(&content[..content.len() - 9], "t.pbr").unwrap_err();
        assert!(error.message.starts_with("t.pbr: record 1"), "{}", error.message);
    }

    #[test]
    fn libsvm_keys_begin_at_zero_where_one_is_zero() {
        let (one, facts) = libsvm(b"1 1:5 3:6\n-1 2:7\n", "t.svm").unwrap();
        let (other, others) = libsvm(b"1 0:5\n", "u.svm").unwrap();
        let (facts, others) = (facts.unwrap(), others.unwrap());
        let first = |frame: &DataFrame| {
            let keys = frame.column("keys").unwrap().list().unwrap().get_as_series(0).unwrap();
            keys.u64().unwrap().into_no_null_iter().collect::<Vec<u64>>()
        };
        let (shifted, width) = facts.zero_based(one.clone()).unwrap();
        assert_eq!((first(&shifted), width), (vec![0, 2], 3));
        let (kept, width) = facts.and(others).zero_based(one).unwrap();
        assert_eq!((first(&kept), width), (vec![1, 3], 4));
        assert_eq!(other.height(), 1);
    }

    #[test]
    fn libsvm_reads_back_and_zeros_are_left_out() {
        let frame = df!("y" => [1i64, 0], "a" => [0.0, 2.5], "b" => [4i64, 0]).unwrap();
        let content = bytes(&frame, Format::Libsvm, &labelled("y")).unwrap();
        assert_eq!(String::from_utf8_lossy(&content), "1 2:4\n0 1:2.5\n");
        let error = bytes(&frame, Format::Libsvm, &Options::default()).unwrap_err();
        assert!(error.hint.unwrap().contains("--label"));
        let texts = df!("label" => [1.0], "sex" => ["M"]).unwrap();
        let error = bytes(&texts, Format::Recordio, &Options::default()).unwrap_err();
        assert_eq!(
            error.message,
            "column `sex` is str, and RecordIO-protobuf holds numbers alone"
        );
        let nulls = df!("label" => [1.0], "a" => [None::<f64>]).unwrap();
        let error = bytes(&nulls, Format::Recordio, &Options::default()).unwrap_err();
        assert!(error.message.starts_with("column `a` has 1 null"), "{}", error.message);
    }
}
