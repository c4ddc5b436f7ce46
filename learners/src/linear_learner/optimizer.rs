//! One update of a feature's weights, all models at once: MXNet's optimizers with coupled L2 and L1.
//!
//! The gradient is the batch's mean plus `wd · w` plus `l1 · sign(w) / batch`, as replays of real jobs have it; the
//! formulas are those of `optimizer_op-inl.h` in apache/mxnet 1.9.1.

use super::lanes::{Lanes, each_level};

/// How weights are updated.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Optimizer {
    Sgd { momentum: f32 },
    Adam { beta_1: f32, beta_2: f32 },
    RmsProp,
    AdaGrad,
}

impl Optimizer {
    /// SageMaker's name.
    pub(super) fn name(self) -> &'static str {
        match self {
            Optimizer::Sgd { .. } => "sgd",
            Optimizer::Adam { .. } => "adam",
            Optimizer::RmsProp => "rmsprop",
            Optimizer::AdaGrad => "adagrad",
        }
    }
}

/// What an update needs beside weights and gradients: one entry a lane.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rates<'a> {
    /// The step size, Adam's bias correction included.
    pub(super) rate: &'a [f32],
    pub(super) wd: &'a [f32],
    /// Divided by the batch already; empty where no model has any.
    pub(super) l1: &'a [f32],
    /// One over the batch.
    pub(super) inverse_batch: f32,
}

/// Adam's correction of the step at update `t`.
pub(super) fn correction(optimizer: Optimizer, update: u64) -> f64 {
    match optimizer {
        Optimizer::Adam { beta_1, beta_2 } => {
            let t = update as f64;
            (1.0 - f64::from(beta_2).powf(t)).sqrt() / (1.0 - f64::from(beta_1).powf(t))
        }
        _ => 1.0,
    }
}

/// Weights and state of some features, whole rows of lanes; `gradient` is the sum over the batch and becomes 0.
pub(super) struct Weights<'a> {
    pub(super) weight: &'a mut [f32],
    pub(super) first: &'a mut [f32],
    pub(super) second: &'a mut [f32],
    pub(super) gradient: &'a mut [f32],
}

#[inline(always)]
fn update_body<L: Lanes>(optimizer: Optimizer, rates: Rates<'_>, of: Weights<'_>) {
    match optimizer {
        Optimizer::Sgd { momentum } => {
            each::<L>(rates, of, |g, w, m, v, rate| {
                // SAFETY: the caller's level has the instructions; so below.
                let m = unsafe { m.mul(L::splat(momentum)).sub(rate.mul(g)) };
                // SAFETY: as above.
                (unsafe { w.add(m) }, m, v)
            });
        }
        Optimizer::Adam { beta_1, beta_2 } => {
            each::<L>(rates, of, |g, w, m, v, rate| {
                // SAFETY: as above.
                unsafe {
                    let m = m.mul(L::splat(beta_1)).add(g.mul(L::splat(1.0 - beta_1)));
                    let v = v.mul(L::splat(beta_2)).add(g.mul(g).mul(L::splat(1.0 - beta_2)));
                    (w.sub(rate.mul(m).div(v.sqrt().add(L::splat(1e-8)))), m, v)
                }
            });
        }
        Optimizer::RmsProp => {
            each::<L>(rates, of, |g, w, m, v, rate| {
                // SAFETY: as above.
                unsafe {
                    let v = v.mul(L::splat(0.9)).add(g.mul(g).mul(L::splat(0.1)));
                    (w.sub(rate.mul(g).div(v.add(L::splat(1e-8)).sqrt())), m, v)
                }
            });
        }
        Optimizer::AdaGrad => {
            each::<L>(rates, of, |g, w, m, v, rate| {
                // SAFETY: as above.
                unsafe {
                    let v = v.add(g.mul(g));
                    (w.sub(rate.mul(g).div(v.add(L::splat(1e-7)).sqrt())), m, v)
                }
            });
        }
    }
}

#[inline(always)]
fn each<L: Lanes>(rates: Rates<'_>, of: Weights<'_>, step: impl Fn(L, L, L, L, L) -> (L, L, L)) {
    let lanes = rates.rate.len();
    let length = of.weight.len();
    assert!(lanes.is_multiple_of(L::N) && length.is_multiple_of(lanes) && rates.wd.len() == lanes);
    assert!(of.first.len() == length && of.second.len() == length && of.gradient.len() == length);
    assert!(rates.l1.is_empty() || rates.l1.len() == lanes);
    for at in (0..length).step_by(lanes) {
        for lane in (0..lanes).step_by(L::N) {
            // SAFETY: `at + lane + N` is at most `length`, `lane + N` at most `lanes`, both just checked.
            unsafe {
                let (w, m) = (
                    of.weight.as_mut_ptr().add(at + lane),
                    of.first.as_mut_ptr().add(at + lane),
                );
                let (v, g) = (
                    of.second.as_mut_ptr().add(at + lane),
                    of.gradient.as_mut_ptr().add(at + lane),
                );
                let weight = L::load(w);
                let decay = L::load(rates.wd.as_ptr().add(lane));
                let mut gradient = L::load(g).mul_add(L::splat(rates.inverse_batch), decay.mul(weight));
                if !rates.l1.is_empty() {
                    let zero = L::splat(0.0);
                    let penalty = L::load(rates.l1.as_ptr().add(lane));
                    let signed = weight.if_greater(zero, penalty, zero.if_greater(weight, zero.sub(penalty), zero));
                    gradient = gradient.add(signed);
                }
                let rate = L::load(rates.rate.as_ptr().add(lane));
                let (weight, first, second) = step(gradient, weight, L::load(m), L::load(v), rate);
                weight.store(w);
                first.store(m);
                second.store(v);
                L::splat(0.0).store(g);
            }
        }
    }
}

each_level! {
    /// Updates the weights of some features.
    pub(super) fn update(optimizer: Optimizer, rates: Rates<'_>, of: Weights<'_>) = update_body
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::super::lanes::Level;
    use super::*;

    const ALL: [Optimizer; 4] = [
        Optimizer::Sgd { momentum: 0.5 },
        Optimizer::Adam {
            beta_1: 0.9,
            beta_2: 0.999,
        },
        Optimizer::RmsProp,
        Optimizer::AdaGrad,
    ];

    /// The formulas in float64, one weight.
    fn reference(optimizer: Optimizer, g: f64, (w, m, v): (f64, f64, f64), rate: f64) -> (f64, f64, f64) {
        match optimizer {
            Optimizer::Sgd { momentum } => {
                let m = f64::from(momentum) * m - rate * g;
                (w + m, m, v)
            }
            Optimizer::Adam { .. } => {
                let (m, v) = (0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g);
                (w - rate * m / (v.sqrt() + 1e-8), m, v)
            }
            Optimizer::RmsProp => {
                let v = 0.9 * v + 0.1 * g * g;
                (w - rate * g / (v + 1e-8).sqrt(), m, v)
            }
            Optimizer::AdaGrad => {
                let v = v + g * g;
                (w - rate * g / (v + 1e-7).sqrt(), m, v)
            }
        }
    }

    #[test]
    fn all_levels_follow_the_formulas() {
        let lanes = 16;
        let rate: Vec<f32> = (0..lanes).map(|lane| 0.01 * (lane + 1) as f32).collect();
        let wd: Vec<f32> = (0..lanes).map(|lane| 0.1 * lane as f32).collect();
        let l1 = vec![0.25; lanes];
        for level in Level::all() {
            for optimizer in ALL {
                let start: Vec<f32> = (0..2 * lanes).map(|at| (at as f32 - 15.5) / 7.0).collect();
                let (mut weight, mut first, mut second) = (start.clone(), vec![0.0; 2 * lanes], vec![0.0; 2 * lanes]);
                let mut state: Vec<(f64, f64, f64)> = start.iter().map(|&w| (f64::from(w), 0.0, 0.0)).collect();
                for step in 0..3 {
                    let mut gradient: Vec<f32> = (0..2 * lanes).map(|at| (at * (step + 2) % 7) as f32 - 3.0).collect();
                    for (at, state) in state.iter_mut().enumerate() {
                        let lane = at % lanes;
                        let g = f64::from(gradient[at]) / 4.0 + f64::from(wd[lane]) * state.0 + 0.25 * state.0.signum();
                        *state = reference(optimizer, g, *state, f64::from(rate[lane]));
                    }
                    let rates = Rates {
                        rate: &rate,
                        wd: &wd,
                        l1: &l1,
                        inverse_batch: 0.25,
                    };
                    let of = Weights {
                        weight: &mut weight,
                        first: &mut first,
                        second: &mut second,
                        gradient: &mut gradient,
                    };
                    update(level, optimizer, rates, of);
                    assert!(gradient.iter().all(|&value| value == 0.0));
                }
                for (&weight, state) in weight.iter().zip(&state) {
                    assert!(
                        (f64::from(weight) - state.0).abs() < 2e-5,
                        "{level:?} {optimizer:?}: {weight} {}",
                        state.0
                    );
                }
            }
        }
    }

    #[test]
    fn adams_first_step_is_the_learning_rate() {
        let adam = Optimizer::Adam {
            beta_1: 0.9,
            beta_2: 0.999,
        };
        assert!((correction(adam, 1) * 0.1 / 0.001_f64.sqrt() - 1.0).abs() < 1e-4);
        assert!((correction(adam, 100_000) - 1.0).abs() < 1e-9);
    }
}
