//! What is checked of data before they are trained on: width, finite features, labels that the task allows.

use super::settings::Predictor;
use crate::{Features, LearnError, Row, Rows, Source};

/// Checks the rows of one pass over a channel, and counts what the report tells of labels.
#[derive(Debug)]
pub(super) struct Checker {
    channel: &'static str,
    predictor: Predictor,
    width: Option<(usize, &'static str)>,
    rows: usize,
    pub(super) labels: Labels,
}

/// What a pass saw of labels.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Labels {
    pub(super) positives: usize,
    last: Option<f32>,
    rising: bool,
    falling: bool,
}

impl Labels {
    /// Whether the labels stood in order.
    pub(super) fn sorted(&self) -> bool {
        self.rising != self.falling
    }
}

impl Checker {
    pub(super) fn new(channel: &'static str, predictor: Predictor, width: Option<(usize, &'static str)>) -> Self {
        let labels = Labels {
            rising: true,
            falling: true,
            ..Labels::default()
        };
        Checker {
            channel,
            predictor,
            width,
            rows: 0,
            labels,
        }
    }

    /// Rows checked so far.
    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// Checks the width of one batch and that it has all its labels: a FIFO may hold other rows each epoch.
    pub(super) fn check_shape(&mut self, batch: &Rows<'_>) -> Result<(), LearnError> {
        let (channel, first) = (self.channel, self.rows);
        let (expected, why) = *self
            .width
            .get_or_insert((batch.width, "the rows before have that many"));
        if batch.width != expected {
            return Err(LearnError::Width {
                channel,
                row: first,
                expected,
                found: batch.width,
                why,
            });
        }
        if batch.width == 0 {
            let why = "a model needs at least one feature";
            return Err(LearnError::Width {
                channel,
                row: first,
                expected: 1,
                found: 0,
                why,
            });
        }
        let count = batch.len();
        if batch.labels.len() < count {
            return Err(LearnError::NoLabel {
                channel,
                row: first + batch.labels.len(),
            });
        }
        self.rows += count;
        Ok(())
    }

    /// Checks one batch.
    pub(super) fn check(&mut self, batch: &Rows<'_>) -> Result<(), LearnError> {
        let (channel, first) = (self.channel, self.rows);
        self.check_shape(batch)?;
        self.features(batch, first)?;
        for (row, &label) in batch.labels[..batch.len()].iter().enumerate() {
            self.label(first + row, label)?;
        }
        for (row, &value) in batch.weights.iter().enumerate() {
            if !(value >= 0.0 && value.is_finite()) {
                return Err(LearnError::Label {
                    channel,
                    row: first + row,
                    value,
                    problem: "is its weight, which must be a finite number ≥ 0",
                    hint: "filter the rows, or fill the weights, first",
                });
            }
        }
        Ok(())
    }

    fn features(&self, batch: &Rows<'_>, first: usize) -> Result<(), LearnError> {
        let values = match batch.features {
            Features::Dense(values) | Features::Sparse { values, .. } => values,
        };
        // The exponent's bits are all set in NaN and infinity only; this loop is one the compiler makes vectors of.
        let largest = values
            .iter()
            .fold(0, |most: i32, value| most.max((value.to_bits() & 0x7fff_ffff) as i32));
        if largest < 0x7f80_0000 {
            return Ok(());
        }
        let at = values.iter().position(|value| !value.is_finite()).unwrap_or(0);
        let (row, column) = match batch.features {
            Features::Dense(_) => (at / batch.width, at % batch.width),
            Features::Sparse { starts, keys, .. } => {
                (starts.partition_point(|&start| start <= at) - 1, keys[at] as usize)
            }
        };
        Err(LearnError::Feature {
            channel: self.channel,
            row: first + row,
            column: column.to_string(),
            value: values[at],
        })
    }

    fn label(&mut self, row: usize, value: f32) -> Result<(), LearnError> {
        let (problem, hint) = match self.predictor {
            Predictor::Binary if value != 0.0 && value != 1.0 => (
                "is neither 0 nor 1, as predictor_type = binary_classifier needs",
                "make the label a condition, such as `--label \"rings >= 11\"`, or use predictor_type = regressor",
            ),
            Predictor::Regressor if !value.is_finite() => (
                "is not a finite number",
                "filter such rows away first: `WHERE label IS NOT NULL` and the like",
            ),
            _ => {
                self.labels.positives += usize::from(value > 0.5);
                if let Some(last) = self.labels.last {
                    self.labels.rising &= value >= last;
                    self.labels.falling &= value <= last;
                }
                self.labels.last = Some(value);
                return Ok(());
            }
        };
        Err(LearnError::Label {
            channel: self.channel,
            row,
            value,
            problem,
            hint,
        })
    }
}

/// The error with the column's name for its number, where the source knows names.
pub(super) fn named(error: LearnError, source: &dyn Source<Row>) -> LearnError {
    match error {
        LearnError::Feature {
            channel,
            row,
            column,
            value,
        } => {
            let name = column
                .parse()
                .ok()
                .and_then(|at| source.column(at))
                .map(|name| format!("`{name}`"));
            LearnError::Feature {
                channel,
                row,
                column: name.unwrap_or(column),
                value,
            }
        }
        other => other,
    }
}
