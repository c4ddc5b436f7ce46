//! Means and standard deviations that features and labels are normalised with.
//!
//! Computed once, before epoch 0, from the first whole batches: as many as take the count past
//! `num_point_for_scaler`. Population standard deviation; a constant feature gets 1. Sparse features are
//! scaled, not shifted. Counts and values are those of real jobs.

use super::check::Checker;
use super::pack::{check_width, too_wide};
use super::settings::{Predictor, Settings};
use crate::{Features, LearnError, Row, Rows, Source};

/// What features and labels are normalised with.
#[derive(Debug, Clone)]
pub(super) struct Scaler {
    /// What is taken from each feature.
    pub(super) mean: Vec<f32>,
    /// What each feature is divided by.
    pub(super) deviation: Vec<f32>,
    /// One over that.
    pub(super) inverse: Vec<f32>,
    pub(super) label_mean: f64,
    pub(super) label_deviation: f64,
    /// Rows it was computed from.
    pub(super) rows: usize,
}

impl Scaler {
    /// Looks at the beginning of the training channel.
    pub(super) fn fit(settings: &Settings, source: &mut dyn Source<Row>, origin: &str) -> Result<Scaler, LearnError> {
        let batches = settings.scaler_rows / settings.batch + 1;
        let width = settings.width.map(|width| (width, "feature_dim says so"));
        let mut checker = Checker::new("train", settings.predictor, width);
        let mut moments = Vec::new();
        let mut label = Moment::default();
        let mut rows = 0;
        let mut stream = source.open(0)?;
        for _ in 0..batches {
            let Some(batch) = stream.next(settings.batch)? else {
                break;
            };
            checker.check(&batch)?;
            if batch.len() < settings.batch {
                break;
            }
            rows += batch.len();
            if moments.is_empty() {
                moments = first_row(settings, &batch)?;
                label.origin = f64::from(batch.labels[0]);
            }
            gather(&batch, &mut moments);
            batch.labels.iter().for_each(|&value| label.add(value));
        }
        drop(stream);
        if checker.rows() == 0 {
            return Err(LearnError::Empty {
                channel: "train",
                origin: origin.to_owned(),
            });
        }
        if rows == 0 {
            return Err(LearnError::BatchTooLarge {
                batch: settings.batch,
                rows: checker.rows(),
            });
        }
        moments.iter_mut().for_each(|moment| moment.complete(rows));
        Ok(Scaler::of(settings, &moments, &label, rows))
    }

    fn of(settings: &Settings, moments: &[Moment], label: &Moment, rows: usize) -> Scaler {
        let shifted = |moment: &Moment| {
            if settings.unbias_data && !moment.sparse {
                moment.mean(rows)
            } else {
                0.0
            }
        };
        let scale = |moment: &Moment| {
            if settings.normalize_data {
                moment.deviation(rows)
            } else {
                1.0
            }
        };
        let mean: Vec<f32> = moments.iter().map(|moment| shifted(moment) as f32).collect();
        let deviation: Vec<f32> = moments.iter().map(|moment| scale(moment) as f32).collect();
        let regressor = settings.predictor == Predictor::Regressor;
        Scaler {
            inverse: deviation.iter().map(|deviation| 1.0 / deviation).collect(),
            mean,
            deviation,
            label_mean: if regressor && settings.unbias_label {
                label.mean(rows)
            } else {
                0.0
            },
            label_deviation: if regressor && settings.normalize_label {
                label.deviation(rows)
            } else {
                1.0
            },
            rows,
        }
    }

    /// How many features a row has.
    pub(super) fn width(&self) -> usize {
        self.mean.len()
    }

    /// Whether features stay as they are.
    pub(super) fn is_identity(&self) -> bool {
        self.mean.iter().all(|&mean| mean == 0.0) && self.inverse.iter().all(|&inverse| inverse == 1.0)
    }

    /// Whether features are shifted, so that sparse rows cannot be left sparse.
    pub(super) fn shifts(&self) -> bool {
        self.mean.iter().any(|&mean| mean != 0.0)
    }

    /// Weights and bias for raw rows and raw labels, of weights and bias for normalised ones.
    pub(super) fn fold(&self, weights: &[f32], bias: f32) -> (Vec<f32>, f32) {
        let raw: Vec<f64> = weights
            .iter()
            .zip(&self.deviation)
            .map(|(&weight, &deviation)| f64::from(weight) * self.label_deviation / f64::from(deviation))
            .collect();
        let shift: f64 = raw
            .iter()
            .zip(&self.mean)
            .map(|(weight, &mean)| weight * f64::from(mean))
            .sum();
        let bias = f64::from(bias) * self.label_deviation + self.label_mean - shift;
        (raw.iter().map(|&weight| weight as f32).collect(), bias as f32)
    }
}

/// Sum and sum of squares of one feature, taken from its first value so that no digits cancel.
#[derive(Debug, Clone, Copy, Default)]
struct Moment {
    origin: f64,
    sum: f64,
    squares: f64,
    /// Values that were there: sparse rows leave zeros out.
    count: usize,
    sparse: bool,
}

impl Moment {
    fn add(&mut self, value: f32) {
        let value = f64::from(value);
        let away = value - self.origin;
        self.sum += away;
        self.squares += away * away;
        self.count += 1;
    }

    /// Adds the zeros that sparse rows left out.
    fn complete(&mut self, rows: usize) {
        let zeros = rows.saturating_sub(self.count) as f64;
        self.sum -= zeros * self.origin;
        self.squares += zeros * self.origin * self.origin;
    }

    fn mean(&self, rows: usize) -> f64 {
        self.origin + self.sum / rows as f64
    }

    fn deviation(&self, rows: usize) -> f64 {
        let mean = self.sum / rows as f64;
        let deviation = (self.squares / rows as f64 - mean * mean).max(0.0).sqrt();
        // As float32, which the weights are folded with, it must not vanish either.
        if deviation as f32 > 0.0 && (1.0 / deviation as f32).is_finite() {
            deviation
        } else {
            1.0
        }
    }
}

/// One moment a feature, beginning at the first row's values; of sparse rows at 0, which absent features are.
fn first_row(settings: &Settings, batch: &Rows<'_>) -> Result<Vec<Moment>, LearnError> {
    check_width(settings, batch.width)?;
    let mut moments = Vec::new();
    let room = moments.try_reserve_exact(batch.width);
    room.map_err(|_| too_wide(settings, batch.width))?;
    let at = |origin: f64, sparse: bool| Moment {
        origin,
        sparse,
        ..Moment::default()
    };
    match batch.features {
        Features::Dense(values) => {
            let first = values[..batch.width].iter();
            moments.extend(first.map(|&value| at(f64::from(value), false)));
        }
        Features::Sparse { .. } => moments.resize(batch.width, at(0.0, true)),
    }
    Ok(moments)
}

fn gather(batch: &Rows<'_>, moments: &mut [Moment]) {
    match batch.features {
        Features::Dense(values) => {
            for row in values.chunks_exact(batch.width.max(1)) {
                moments
                    .iter_mut()
                    .zip(row)
                    .for_each(|(moment, &value)| moment.add(value));
            }
        }
        Features::Sparse { keys, values, .. } => {
            keys.iter()
                .zip(values)
                .for_each(|(&key, &value)| moments[key as usize].add(value));
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::{DenseMatrix, Hyperparameters, Stream};

    /// These batches, whatever the limit.
    struct Batches(&'static [Rows<'static>]);

    impl Source<Row> for Batches {
        fn open(&mut self, _epoch: usize) -> Result<Box<dyn Stream<Row> + '_>, LearnError> {
            Ok(Box::new(Batches(self.0)))
        }
    }

    impl Stream<Row> for Batches {
        fn next(&mut self, _limit: usize) -> Result<Option<Rows<'_>>, LearnError> {
            let Some((first, rest)) = self.0.split_first() else {
                return Ok(None);
            };
            self.0 = rest;
            Ok(Some(*first))
        }
    }

    const fn sparse(
        width: usize,
        starts: &'static [usize],
        keys: &'static [u32],
        values: &'static [f32],
    ) -> Rows<'static> {
        Rows {
            width,
            features: Features::Sparse { starts, keys, values },
            labels: &[1.0, 2.0],
            weights: &[],
        }
    }

    fn settings(batch: usize, limit: usize) -> Settings {
        let asked = Hyperparameters::new()
            .with("predictor_type", "regressor")
            .with("mini_batch_size", batch);
        Settings::new(&asked.with("num_point_for_scaler", limit)).unwrap()
    }

    fn scaler(rows: usize, batch: usize, limit: usize) -> Scaler {
        let labels: Vec<f32> = (0..rows).map(|row| row as f32).collect();
        let mut matrix = DenseMatrix::new(1, labels.clone(), labels).unwrap();
        Scaler::fit(&settings(batch, limit), &mut matrix, "").unwrap()
    }

    #[test]
    fn counts_of_real_jobs() {
        assert_eq!(scaler(49_169, 1000, 10_000).rows, 11_000);
        assert_eq!(scaler(50_000, 200, 10_000).rows, 10_200);
        assert_eq!(scaler(455, 32, 10_000).rows, 448);
        assert_eq!(scaler(511, 4, 10_000).rows, 508);
    }

    #[test]
    fn population_moments_of_whole_batches() {
        // 0..7 of eight rows; the ninth is no whole batch.
        let scaler = scaler(9, 4, 100);
        assert_eq!((scaler.mean[0], scaler.label_mean), (3.5, 3.5));
        assert!((f64::from(scaler.deviation[0]) - 5.25_f64.sqrt()).abs() < 1e-6);
        let (weights, bias) = scaler.fold(&[2.0], 0.5);
        // y' = 2 x' + 0.5 in normalised units, where x and y have the same moments.
        assert!((weights[0] - 2.0).abs() < 1e-6);
        assert!((f64::from(bias) - (0.5 * 5.25_f64.sqrt() + 3.5 - 7.0)).abs() < 1e-5);
    }

    /// 4, 6, then nothing and 2: what a sparse row leaves out is 0, not the first row's value.
    #[test]
    fn sparse_batches_after_dense_ones_are_completed_with_zeros() {
        static ROWS: [Rows<'static>; 2] = [
            Rows {
                width: 1,
                features: Features::Dense(&[4.0, 6.0]),
                labels: &[1.0, 2.0],
                weights: &[],
            },
            sparse(1, &[0, 0, 1], &[0], &[2.0]),
        ];
        let scaler = Scaler::fit(&settings(2, 100), &mut Batches(&ROWS), "").unwrap();
        assert_eq!((scaler.rows, scaler.mean[0]), (4, 3.0));
        assert!((f64::from(scaler.deviation[0]) - 5.0_f64.sqrt()).abs() < 1e-6);
    }

    /// More than the address space holds, and more than a number does.
    #[test]
    fn a_width_beyond_memory_is_refused_before_it_is_used() {
        static ROWS: [Rows<'static>; 2] = [
            sparse(1 << 40, &[0, 0, 0], &[], &[]),
            sparse(1 << 62, &[0, 0, 0], &[], &[]),
        ];
        for wide in ROWS.chunks(1) {
            let error = Scaler::fit(&settings(2, 100), &mut Batches(wide), "").unwrap_err();
            let refused = matches!(error, LearnError::TooWide { width, models: 32 } if width == wide[0].width);
            assert!(refused, "{error}");
        }
    }

    #[test]
    fn a_constant_feature_is_divided_by_one() {
        let mut matrix = DenseMatrix::new(2, [7.1, 1.0, 7.1, 1e30, 7.1, -1e30, 7.1, 0.0], [1.0; 4]).unwrap();
        let scaler = Scaler::fit(&settings(2, 100), &mut matrix, "").unwrap();
        assert_eq!(
            (scaler.deviation[0], scaler.mean[0], scaler.label_deviation),
            (1.0, 7.1, 1.0)
        );
        assert!(scaler.deviation[1].is_finite() && scaler.deviation[1] > 1e29);
    }
}
