//! The losses: a value and its derivative in the margin, for a row and all models at once.
//!
//! Definitions with `e = f − y`, after AWS's notebook on loss functions; squared_loss is not halved, and its
//! gradient is `e`, not `2e` (both found by replaying a real job). Hinge is shifted so that labels are 0 and 1.

use super::lanes::{Lanes, each_level, exp_of_negative, log_of_one_plus};

/// A loss with its parameter.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Loss {
    Squared,
    Absolute,
    EpsInsensitiveSquared { insensitivity: f32 },
    EpsInsensitiveAbsolute { insensitivity: f32 },
    Quantile { quantile: f32 },
    Huber { delta: f32 },
    Logistic { positive: f32 },
    Hinge { margin: f32, positive: f32 },
}

impl Loss {
    /// SageMaker's name.
    pub(super) fn name(self) -> &'static str {
        match self {
            Loss::Squared => "squared_loss",
            Loss::Absolute => "absolute_loss",
            Loss::EpsInsensitiveSquared { .. } => "eps_insensitive_squared_loss",
            Loss::EpsInsensitiveAbsolute { .. } => "eps_insensitive_absolute_loss",
            Loss::Quantile { .. } => "quantile_loss",
            Loss::Huber { .. } => "huber_loss",
            Loss::Logistic { .. } => "logistic",
            Loss::Hinge { .. } => "hinge_loss",
        }
    }

    /// The objective's name in logs: seen in logs for squared, absolute and logistic; ours, ending as the metric
    /// regexes want, for the others.
    pub(super) fn objective(self) -> &'static str {
        match self {
            Loss::Squared => "mse_objective",
            Loss::Absolute => "absolute_loss_objective",
            Loss::EpsInsensitiveSquared { .. } => "eps_insensitive_squared_loss_objective",
            Loss::EpsInsensitiveAbsolute { .. } => "eps_insensitive_absolute_loss_objective",
            Loss::Quantile { .. } => "quantile_loss_objective",
            Loss::Huber { .. } => "huber_loss_objective",
            Loss::Logistic { positive: 1.0 } => "binary_classification_cross_entropy_objective",
            Loss::Logistic { .. } => "binary_classification_weighted_cross_entropy_objective",
            Loss::Hinge { positive: 1.0, .. } => "binary_classification_hinge_loss_objective",
            Loss::Hinge { .. } => "binary_classification_weighted_hinge_loss_objective",
        }
    }

    /// The loss with another weight of positives, where it has one.
    pub(super) fn weighing_positives(self, weight: f32) -> Loss {
        match self {
            Loss::Logistic { .. } => Loss::Logistic { positive: weight },
            Loss::Hinge { margin, .. } => Loss::Hinge {
                margin,
                positive: weight,
            },
            other => other,
        }
    }

    /// One row's loss, float64: the definition, for final scores and for tests.
    pub(super) fn value(self, margin: f64, label: f64) -> f64 {
        let error = margin - label;
        match self {
            Loss::Squared => error * error,
            Loss::Absolute => error.abs(),
            Loss::EpsInsensitiveSquared { insensitivity } => {
                (error * error - f64::from(insensitivity).powi(2)).max(0.0)
            }
            Loss::EpsInsensitiveAbsolute { insensitivity } => (error.abs() - f64::from(insensitivity)).max(0.0),
            Loss::Quantile { quantile } => {
                f64::from(quantile) * (-error).max(0.0) + (1.0 - f64::from(quantile)) * error.max(0.0)
            }
            Loss::Huber { delta } => {
                let delta = f64::from(delta);
                if error.abs() < delta {
                    error * error / 2.0
                } else {
                    delta * error.abs() - delta * delta / 2.0
                }
            }
            Loss::Logistic { positive } => {
                let wrong = if label > 0.5 { -margin } else { margin };
                let weight = if label > 0.5 { f64::from(positive) } else { 1.0 };
                weight * (wrong.max(0.0) + (-wrong.abs()).exp().ln_1p())
            }
            Loss::Hinge { margin: gap, positive } => {
                let gap = f64::from(gap);
                if label > 0.5 {
                    f64::from(positive) * ((gap + 1.0) / 2.0 - margin).max(0.0)
                } else {
                    ((gap - 1.0) / 2.0 + margin).max(0.0)
                }
            }
        }
    }
}

/// Value and gradient of one row: `f` holds a margin a model, `y` is the row's label.
///
/// # Safety
/// The instructions of `L` must be there.
#[inline(always)]
unsafe fn of_row<L: Lanes, const KIND: u8>(loss: Loss, f: L, y: f32) -> (L, L) {
    // SAFETY: passed on to the caller.
    unsafe {
        let zero = L::splat(0.0);
        let (one, minus_one) = (L::splat(1.0), L::splat(-1.0));
        let sign = |e: L| e.if_greater(zero, one, zero.if_greater(e, minus_one, zero));
        let e = f.sub(L::splat(y));
        // `zero.max(x)` and never the other way round: it gives NaN for NaN, so that a diverged model has no finite loss.
        match loss {
            Loss::Squared if KIND == 0 => (e.mul(e), e),
            Loss::Absolute if KIND == 1 => (e.abs(), sign(e)),
            Loss::EpsInsensitiveSquared { insensitivity } if KIND == 2 => {
                let band = L::splat(insensitivity);
                (
                    zero.max(e.mul(e).sub(band.mul(band))),
                    e.abs().if_greater(band, e, zero),
                )
            }
            Loss::EpsInsensitiveAbsolute { insensitivity } if KIND == 3 => {
                let band = L::splat(insensitivity);
                (zero.max(e.abs().sub(band)), e.abs().if_greater(band, sign(e), zero))
            }
            Loss::Quantile { quantile } if KIND == 4 => {
                let below = L::splat(-quantile);
                let above = L::splat(1.0 - quantile);
                (e.mul(below).max(e.mul(above)), zero.if_greater(e, below, above))
            }
            Loss::Huber { delta } if KIND == 5 => {
                let (size, d) = (e.abs(), L::splat(delta));
                let near = e.mul(e).mul(L::splat(0.5));
                let far = d.mul(size).sub(L::splat(delta * delta / 2.0));
                (d.if_greater(size, near, far), e.min(d).max(L::splat(-delta)))
            }
            Loss::Logistic { positive } if KIND == 6 => {
                let (weight, side) = if y > 0.5 { (positive, -1.0) } else { (1.0, 1.0) };
                let wrong = f.mul(L::splat(side));
                let t = exp_of_negative(zero.sub(wrong.abs()));
                let value = zero.max(wrong).add(log_of_one_plus(t));
                let sigmoid = wrong.if_greater(zero, one, t).div(one.add(t));
                (value.mul(L::splat(weight)), sigmoid.mul(L::splat(weight * side)))
            }
            Loss::Hinge { margin, positive } => {
                let (gap, weight, side) = if y > 0.5 {
                    ((margin + 1.0) / 2.0, positive, -1.0)
                } else {
                    ((margin - 1.0) / 2.0, 1.0, 1.0)
                };
                let over = f.mul(L::splat(side)).add(L::splat(gap));
                (
                    zero.max(over).mul(L::splat(weight)),
                    over.if_greater(zero, L::splat(weight * side), zero),
                )
            }
            _ => (zero, zero),
        }
    }
}

/// What a block of margins is turned with.
#[derive(Clone, Copy)]
pub(super) struct Rows<'a> {
    /// One label a row.
    pub(super) labels: &'a [f32],
    /// One weight a row, or none at all.
    pub(super) weights: &'a [f32],
    /// Margins are multiplied by this first: the label's standard deviation, where losses are wanted in raw units.
    pub(super) scale: f32,
    /// And this is added: the label's mean.
    pub(super) shift: f32,
}

/// Margins become gradients where `GRADIENT`; the rows' losses are added to `sums`, one a lane.
#[inline(always)]
fn block<L: Lanes, const KIND: u8>(
    loss: Loss,
    rows: Rows<'_>,
    s: &mut [f32],
    lanes: usize,
    sums: &mut [f32],
    gradient: bool,
) {
    let (scale, shift) = (rows.scale, rows.shift);
    for (row, (&label, margins)) in rows.labels.iter().zip(s.chunks_exact_mut(lanes)).enumerate() {
        let weight = rows.weights.get(row).copied().unwrap_or(1.0);
        for (margins, sums) in margins.chunks_exact_mut(L::N).zip(sums.chunks_exact_mut(L::N)) {
            // SAFETY: both chunks have `N` floats; the caller's level has the instructions.
            unsafe {
                let f = L::load(margins.as_ptr()).mul_add(L::splat(scale), L::splat(shift));
                let (value, slope) = of_row::<L, KIND>(loss, f, label);
                value
                    .mul_add(L::splat(weight), L::load(sums.as_ptr()))
                    .store(sums.as_mut_ptr());
                if gradient {
                    slope.mul(L::splat(weight)).store(margins.as_mut_ptr());
                }
            }
        }
    }
}

#[inline(always)]
fn apply_body<L: Lanes>(loss: Loss, rows: Rows<'_>, s: &mut [f32], lanes: usize, sums: &mut [f32], gradient: bool) {
    assert!(sums.len() == lanes && lanes.is_multiple_of(L::N));
    match loss {
        Loss::Squared => block::<L, 0>(loss, rows, s, lanes, sums, gradient),
        Loss::Absolute => block::<L, 1>(loss, rows, s, lanes, sums, gradient),
        Loss::EpsInsensitiveSquared { .. } => block::<L, 2>(loss, rows, s, lanes, sums, gradient),
        Loss::EpsInsensitiveAbsolute { .. } => block::<L, 3>(loss, rows, s, lanes, sums, gradient),
        Loss::Quantile { .. } => block::<L, 4>(loss, rows, s, lanes, sums, gradient),
        Loss::Huber { .. } => block::<L, 5>(loss, rows, s, lanes, sums, gradient),
        Loss::Logistic { .. } => block::<L, 6>(loss, rows, s, lanes, sums, gradient),
        Loss::Hinge { .. } => block::<L, 7>(loss, rows, s, lanes, sums, gradient),
    }
}

each_level! {
    /// Adds a block's losses to `sums`, one a lane; with `gradient`, margins become gradients.
    pub(super) fn apply(loss: Loss, rows: Rows<'_>, s: &mut [f32], lanes: usize, sums: &mut [f32], gradient: bool) = apply_body
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::super::lanes::Level;
    use super::*;

    const LOSSES: [Loss; 9] = [
        Loss::Squared,
        Loss::Absolute,
        Loss::EpsInsensitiveSquared { insensitivity: 0.3 },
        Loss::EpsInsensitiveAbsolute { insensitivity: 0.3 },
        Loss::Quantile { quantile: 0.9 },
        Loss::Huber { delta: 0.7 },
        Loss::Logistic { positive: 2.5 },
        Loss::Hinge {
            margin: 1.0,
            positive: 2.5,
        },
        Loss::Hinge {
            margin: 0.4,
            positive: 1.0,
        },
    ];

    /// Values against the definition, gradients against its differences, at margins away from the kinks.
    #[test]
    fn values_and_gradients_are_the_definitions() {
        for loss in LOSSES {
            for level in Level::all() {
                for label in [0.0, 1.0] {
                    let margins: Vec<f32> = (0..48).map(|at| (at as f32 - 23.7) * 0.137).collect();
                    let (mut s, mut sums) = (margins.clone(), vec![0.0; 48]);
                    let rows = Rows {
                        labels: &[label],
                        weights: &[],
                        scale: 1.0,
                        shift: 0.0,
                    };
                    apply(level, loss, rows, &mut s, 48, &mut sums, true);
                    for lane in 0..48 {
                        let (at, y) = (f64::from(margins[lane]), f64::from(label));
                        let value = loss.value(at, y);
                        assert!(
                            (f64::from(sums[lane]) - value).abs() < 1e-5,
                            "{loss:?} at {at}: {}",
                            sums[lane]
                        );
                        let step = 1e-6;
                        let mut slope = (loss.value(at + step, y) - loss.value(at - step, y)) / (2.0 * step);
                        if matches!(loss, Loss::Squared | Loss::EpsInsensitiveSquared { .. }) {
                            slope /= 2.0;
                        }
                        assert!(
                            (f64::from(s[lane]) - slope).abs() < 1e-4,
                            "{loss:?} slope at {at}: {} {slope}",
                            s[lane]
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn weights_scale_and_shift() {
        let (mut s, mut sums) = (vec![1.0; 32], vec![0.0; 16]);
        let rows = Rows {
            labels: &[3.0, 4.0],
            weights: &[2.0, 0.5],
            scale: 2.0,
            shift: 4.0,
        };
        apply(Level::Plain, Loss::Squared, rows, &mut s, 16, &mut sums, true);
        assert_eq!((sums[0], s[0], s[16]), (2.0 * 9.0 + 0.5 * 4.0, 6.0, 1.0));
    }

    #[test]
    fn a_diverged_model_has_no_finite_loss() {
        for loss in LOSSES {
            for level in Level::all() {
                for label in [0.0, 1.0] {
                    let (mut s, mut sums) = (vec![f32::NAN; 16], vec![0.0; 16]);
                    let rows = Rows {
                        labels: &[label],
                        weights: &[],
                        scale: 1.0,
                        shift: 0.0,
                    };
                    apply(level, loss, rows, &mut s, 16, &mut sums, true);
                    assert!(sums.iter().all(|sum| sum.is_nan()), "{loss:?} {level:?}");
                }
            }
        }
    }

    #[test]
    fn logistic_neither_overflows_nor_vanishes() {
        for level in Level::all() {
            let mut s = vec![-200.0; 16];
            s[1] = 200.0;
            s[2] = -15.0;
            let mut sums = vec![0.0; 16];
            let rows = Rows {
                labels: &[0.0],
                weights: &[],
                scale: 1.0,
                shift: 0.0,
            };
            apply(
                level,
                Loss::Logistic { positive: 1.0 },
                rows,
                &mut s,
                16,
                &mut sums,
                true,
            );
            assert!(sums[0] < 1e-30 && s[0] < 1e-30 && (sums[1] - 200.0).abs() < 1e-3 && (s[1] - 1.0).abs() < 1e-6);
            assert!((sums[2] / 3.059_022e-7 - 1.0).abs() < 1e-4 && (s[2] / 3.059_022e-7 - 1.0).abs() < 1e-4);
        }
    }
}
