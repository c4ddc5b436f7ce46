//! The models that are trained side by side: SageMaker's grid of 32 for regressors and binary classifiers.
//!
//! Order and values were reconstructed from the logs of twelve real jobs: index = 8·i_wd + 4·i_lr + 2·i_min + i_step.

use super::settings::Given;

/// The grid's size.
pub(super) const SIZE: usize = 32;

const WD: [f64; 4] = [1e-4, 1e-2, 1.0, 100.0];
const LEARNING_RATE: [f64; 2] = [0.005, 0.1];
const MINIMUM: [f64; 2] = [1e-5, 1e-4];
const STEP: [u64; 2] = [10, 100];
const FACTOR: f64 = 0.99;

/// What one model of the pack is trained with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Candidate {
    pub(super) learning_rate: f64,
    pub(super) wd: f64,
    pub(super) l1: f64,
    pub(super) step: u64,
    pub(super) factor: f64,
    pub(super) minimum: f64,
}

/// The first `models` candidates. What the user gave makes candidate 0; the others stay as they are.
pub(super) fn candidates(models: usize, given: &Given) -> Vec<Candidate> {
    let mut all: Vec<Candidate> = (0..models.min(SIZE))
        .map(|index| Candidate {
            learning_rate: LEARNING_RATE[index / 4 % 2],
            wd: WD[index / 8],
            l1: 0.0,
            step: STEP[index % 2],
            factor: FACTOR,
            minimum: MINIMUM[index / 2 % 2],
        })
        .collect();
    if let Some(first) = all.first_mut() {
        first.learning_rate = given.learning_rate.unwrap_or(first.learning_rate);
        first.wd = given.wd.unwrap_or(first.wd);
        first.l1 = given.l1.unwrap_or(first.l1);
        first.step = given.step.unwrap_or(first.step);
        first.factor = given.factor.unwrap_or(first.factor);
        first.minimum = given.minimum.unwrap_or(first.minimum);
    }
    all
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn the_order_of_real_jobs() {
        let all = candidates(SIZE, &Given::default());
        let seen = |index: usize| {
            let Candidate {
                wd,
                learning_rate,
                minimum,
                step,
                ..
            } = all[index];
            (wd, learning_rate, minimum, step)
        };
        assert_eq!(seen(0), (1e-4, 0.005, 1e-5, 10));
        assert_eq!(seen(1), (1e-4, 0.005, 1e-5, 100));
        assert_eq!(seen(2), (1e-4, 0.005, 1e-4, 10));
        assert_eq!(seen(4), (1e-4, 0.1, 1e-5, 10));
        assert_eq!(seen(9), (1e-2, 0.005, 1e-5, 100));
        assert_eq!(seen(18), (1.0, 0.005, 1e-4, 10));
        assert_eq!(seen(31), (100.0, 0.1, 1e-4, 100));
        assert!(
            all.iter()
                .all(|candidate| candidate.l1 == 0.0 && candidate.factor == 0.99)
        );
    }

    #[test]
    fn what_the_user_gave_is_candidate_0_and_no_other() {
        let grid = candidates(SIZE, &Given::default());
        let given = Given {
            learning_rate: Some(0.03),
            l1: Some(0.5),
            ..Given::default()
        };
        let all = candidates(SIZE, &given);
        assert_eq!(
            all[0],
            Candidate {
                learning_rate: 0.03,
                l1: 0.5,
                ..grid[0]
            }
        );
        assert_eq!(all[1..], grid[1..]);
        assert_eq!(candidates(2, &given), all[..2]);
    }
}
