//! Where records come from: a channel that can be read again and again, one pass an epoch.
//!
//! A [`Source`] opens epoch *n* as a [`Stream`] that lends batch after batch, so that a training set
//! larger than memory trains in constant memory, and one that is in memory is never copied. What a
//! record is, the algorithm says: [`Row`] for tables; pairs of token sequences, time series or lines
//! of text bring their own [`Record`] with their own batch.

use crate::LearnError;
use std::sync::Arc;

/// A kind of record, and how a batch of them is lent.
pub trait Record: 'static {
    /// A batch, borrowed from the stream that lends it.
    type Batch<'a>;
}

/// A channel's data, one pass an epoch.
pub trait Source<R: Record>: Send {
    /// Opens epoch `epoch` from its first record.
    ///
    /// # Errors
    /// Whatever keeps the data from being read.
    fn open(&mut self, epoch: usize) -> Result<Box<dyn Stream<R> + '_>, LearnError>;

    /// How many records there are, where that is known without reading them.
    fn records(&self) -> Option<usize> {
        None
    }

    /// Names of the columns, where there are any: for messages.
    fn column(&self, at: usize) -> Option<&str> {
        let _ = at;
        None
    }

    /// Where the data come from: for messages.
    fn origin(&self) -> String {
        "in memory".to_owned()
    }
}

/// One pass over a channel.
pub trait Stream<R: Record> {
    /// The next `limit` records, fewer only at the end, `None` after it.
    ///
    /// # Errors
    /// Whatever keeps the data from being read.
    fn next(&mut self, limit: usize) -> Result<Option<R::Batch<'_>>, LearnError>;
}

/// The channels of one training.
pub struct Channels<R: Record> {
    /// What is learned from.
    pub train: Box<dyn Source<R>>,
    /// What chooses the model, the threshold and the epoch.
    pub validation: Option<Box<dyn Source<R>>>,
    /// What is only scored at the end.
    pub test: Option<Box<dyn Source<R>>>,
}

impl<R: Record> Channels<R> {
    /// Channels with training data only.
    pub fn new(train: impl Source<R> + 'static) -> Self {
        Channels {
            train: Box::new(train),
            validation: None,
            test: None,
        }
    }

    /// The channels with a validation channel.
    #[must_use]
    pub fn with_validation(mut self, source: impl Source<R> + 'static) -> Self {
        self.validation = Some(Box::new(source));
        self
    }

    /// The channels with a test channel.
    #[must_use]
    pub fn with_test(mut self, source: impl Source<R> + 'static) -> Self {
        self.test = Some(Box::new(source));
        self
    }
}

/// The record of tables: a dense or sparse row of float32 features with label and weight.
#[derive(Debug, Clone, Copy)]
pub struct Row;

impl Record for Row {
    type Batch<'a> = Rows<'a>;
}

/// A batch of rows, borrowed.
#[derive(Debug, Clone, Copy)]
pub struct Rows<'a> {
    /// How many features a row has.
    pub width: usize,
    /// The features.
    pub features: Features<'a>,
    /// One label a row; empty where there are none.
    pub labels: &'a [f32],
    /// One weight a row; empty where all weigh 1.
    pub weights: &'a [f32],
}

/// Features of a batch of rows.
#[derive(Debug, Clone, Copy)]
pub enum Features<'a> {
    /// Row-major, `rows × width`.
    Dense(&'a [f32]),
    /// Compressed rows: row `r` has `keys[starts[r]..starts[r + 1]]` and the values beside them.
    Sparse {
        /// One more than there are rows.
        starts: &'a [usize],
        /// Column numbers, each below the width.
        keys: &'a [u32],
        /// The values at those columns.
        values: &'a [f32],
    },
}

impl<'a> Rows<'a> {
    /// Dense rows without labels: what a model is asked to predict.
    pub fn dense(width: usize, values: &'a [f32]) -> Self {
        Rows {
            width,
            features: Features::Dense(values),
            labels: &[],
            weights: &[],
        }
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        match self.features {
            Features::Dense(values) => values.len().checked_div(self.width).unwrap_or(self.labels.len()),
            Features::Sparse { starts, .. } => starts.len().saturating_sub(1),
        }
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A table in memory: row-major float32 features with their labels. Opening an epoch copies nothing.
#[derive(Debug, Clone)]
pub struct DenseMatrix {
    /// How many rows.
    pub rows: usize,
    /// How many features a row has.
    pub columns: usize,
    /// Row-major, `rows × columns`.
    pub values: Arc<[f32]>,
    /// One label a row.
    pub labels: Arc<[f32]>,
    /// One weight a row, or none at all.
    pub weights: Option<Arc<[f32]>>,
    /// The columns' names, or none at all: for messages and for describing a model.
    pub names: Arc<[String]>,
}

impl DenseMatrix {
    /// A table of `values.len() / columns` rows.
    ///
    /// # Errors
    /// [`LearnError::Width`] where values and labels do not make whole rows.
    pub fn new(
        columns: usize,
        values: impl Into<Arc<[f32]>>,
        labels: impl Into<Arc<[f32]>>,
    ) -> Result<Self, LearnError> {
        let (values, labels) = (values.into(), labels.into());
        let rows = labels.len();
        if values.len() != rows * columns {
            return Err(LearnError::Width {
                channel: "in memory",
                row: values.len().checked_div(columns).unwrap_or(0),
                expected: rows * columns,
                found: values.len(),
                why: "a matrix needs one label a row and as many values as rows × columns",
            });
        }
        Ok(DenseMatrix {
            rows,
            columns,
            values,
            labels,
            weights: None,
            names: Arc::from([]),
        })
    }

    /// The table with a weight a row.
    ///
    /// # Errors
    /// [`LearnError::Width`] where there are more or fewer weights than rows.
    pub fn with_weights(mut self, weights: impl Into<Arc<[f32]>>) -> Result<Self, LearnError> {
        let weights = weights.into();
        if weights.len() != self.rows {
            return Err(LearnError::Width {
                channel: "in memory",
                row: self.rows.min(weights.len()),
                expected: self.rows,
                found: weights.len(),
                why: "there must be one weight a row",
            });
        }
        self.weights = Some(weights);
        Ok(self)
    }

    /// The table with its columns' names.
    #[must_use]
    pub fn with_names(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.names = names.into_iter().map(Into::into).collect();
        self
    }

    /// All rows at once.
    pub fn rows(&self) -> Rows<'_> {
        self.slice(0, self.rows)
    }

    fn slice(&self, from: usize, to: usize) -> Rows<'_> {
        Rows {
            width: self.columns,
            features: Features::Dense(&self.values[from * self.columns..to * self.columns]),
            labels: &self.labels[from..to],
            weights: self.weights.as_ref().map_or(&[], |weights| &weights[from..to]),
        }
    }
}

impl Source<Row> for DenseMatrix {
    fn open(&mut self, _epoch: usize) -> Result<Box<dyn Stream<Row> + '_>, LearnError> {
        Ok(Box::new(MatrixStream { matrix: self, at: 0 }))
    }

    fn records(&self) -> Option<usize> {
        Some(self.rows)
    }

    fn column(&self, at: usize) -> Option<&str> {
        self.names.get(at).map(String::as_str)
    }
}

struct MatrixStream<'a> {
    matrix: &'a DenseMatrix,
    at: usize,
}

impl Stream<Row> for MatrixStream<'_> {
    fn next(&mut self, limit: usize) -> Result<Option<Rows<'_>>, LearnError> {
        let from = self.at;
        let to = (from + limit).min(self.matrix.rows);
        self.at = to;
        Ok((from < to).then(|| self.matrix.slice(from, to)))
    }
}
