//! A binary classifier's threshold: the best over all distinct scores of the calibration rows.
//!
//! Thresholds are scores of actual rows, so that `score >= threshold` is decided exactly as it was counted; +∞
//! predicts nothing positive, −∞ everything. Among equally good ones the highest is taken.

use super::settings::Criterion;
use crate::metrics::{Cut, sort_keys, sweep};

/// A threshold and what it gives.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Chosen {
    /// `score >= threshold` predicts positive.
    pub(super) threshold: f32,
    /// The criterion's value there; of a criterion with a target that no threshold reaches, 0.
    pub(super) value: f64,
    /// Whether the target, if there is one, is reached.
    pub(super) met: bool,
}

/// The best threshold of rows given as [`crate::metrics::sort_key`]s, which are put in order.
pub(super) fn best(criterion: Criterion, keys: &mut Vec<u64>) -> Chosen {
    sort_keys(keys);
    let positives = keys.iter().map(|key| key & 1).sum::<u64>();
    let negatives = keys.len() as u64 - positives;
    let mut best: Option<(Cut, Rank)> = None;
    sweep(keys, |cut| {
        let rank = Rank::of(criterion, &cut, positives, negatives);
        if best.is_none_or(|(_, highest)| rank.better_than(highest)) {
            best = Some((cut, rank));
        }
    });
    let Some((cut, rank)) = best else {
        return Chosen {
            threshold: f32::INFINITY,
            value: 0.0,
            met: false,
        };
    };
    let everything = cut.true_positive == positives && cut.false_positive == negatives && !keys.is_empty();
    Chosen {
        threshold: if everything { f32::NEG_INFINITY } else { cut.threshold },
        value: if rank.met { rank.value } else { 0.0 },
        met: rank.met,
    }
}

/// How good a cut is: one that meets the target beats all that do not; those are ranked by how near they come.
#[derive(Clone, Copy)]
struct Rank {
    met: bool,
    value: f64,
}

impl Rank {
    fn of(criterion: Criterion, cut: &Cut, positives: u64, negatives: u64) -> Rank {
        let (hits, alarms) = (cut.true_positive as f64, cut.false_positive as f64);
        let (positives, negatives) = (positives as f64, negatives as f64);
        let share = |part: f64, whole: f64| if whole > 0.0 { part / whole } else { 0.0 };
        let (precision, recall) = (share(hits, hits + alarms), share(hits, positives));
        let target = |reached: bool, wanted: f64, nearness: f64| Rank {
            met: reached,
            value: if reached { wanted } else { nearness },
        };
        match criterion {
            Criterion::Accuracy | Criterion::Loss => Rank {
                met: true,
                value: share(hits + negatives - alarms, positives + negatives),
            },
            Criterion::FBeta { beta } => {
                let square = beta * beta;
                let below = square * positives + hits + alarms;
                Rank {
                    met: true,
                    value: share((1.0 + square) * hits, below),
                }
            }
            Criterion::PrecisionAtRecall { recall: wanted } => target(recall >= wanted, precision, recall),
            Criterion::RecallAtPrecision { precision: wanted } => target(precision >= wanted, recall, precision),
        }
    }

    fn better_than(self, other: Rank) -> bool {
        if self.met == other.met {
            self.value > other.value
        } else {
            self.met
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::metrics::{Confusion, sort_key};
    use rand::{Rng, SeedableRng};

    fn keys(scores: &[f32], labels: &[f32]) -> Vec<u64> {
        scores
            .iter()
            .zip(labels)
            .map(|(&score, &label)| sort_key(score, label > 0.5))
            .collect()
    }

    fn value(criterion: Criterion, counts: Confusion) -> Option<f64> {
        let zero = |value: f64| if value.is_nan() { 0.0 } else { value };
        let (precision, recall) = (zero(counts.precision()), zero(counts.recall()));
        match criterion {
            Criterion::Accuracy | Criterion::Loss => Some(counts.accuracy()),
            Criterion::FBeta { beta } => Some(zero(counts.f_beta(beta))),
            Criterion::PrecisionAtRecall { recall: wanted } => (recall >= wanted).then_some(precision),
            Criterion::RecallAtPrecision { precision: wanted } => (precision >= wanted).then_some(recall),
        }
    }

    /// Against trying every score, for all criteria, on scores with many ties.
    #[test]
    fn the_best_of_all_cuts() {
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(5);
        let criteria = [
            Criterion::Accuracy,
            Criterion::FBeta { beta: 1.0 },
            Criterion::FBeta { beta: 3.0 },
            Criterion::PrecisionAtRecall { recall: 0.8 },
            Criterion::RecallAtPrecision { precision: 0.6 },
        ];
        for round in 0..40 {
            let count = rng.random_range(1..60);
            let scores: Vec<f32> = (0..count).map(|_| rng.random_range(0..12) as f32 / 7.0 - 0.5).collect();
            let labels: Vec<f32> = scores
                .iter()
                .map(|&s| f32::from(rng.random_range(-1.0..1.5) < s))
                .collect();
            for criterion in criteria {
                let chosen = best(criterion, &mut keys(&scores, &labels));
                let all = scores.iter().copied().chain([f32::INFINITY]);
                let brute = all
                    .filter_map(|threshold| value(criterion, Confusion::at(threshold, &scores, &labels)))
                    .fold(None, |best: Option<f64>, value| {
                        Some(best.map_or(value, |best| best.max(value)))
                    });
                assert_eq!(chosen.met, brute.is_some(), "round {round} {criterion:?}");
                if let Some(brute) = brute {
                    assert!((chosen.value - brute).abs() < 1e-12, "round {round} {criterion:?}");
                    let counted = value(criterion, Confusion::at(chosen.threshold, &scores, &labels)).unwrap();
                    assert!(
                        (counted - brute).abs() < 1e-12,
                        "round {round} {criterion:?}: not what >= gives"
                    );
                }
            }
        }
    }

    #[test]
    fn thresholds_are_scores_or_infinite() {
        let chosen = best(Criterion::Accuracy, &mut keys(&[0.9, 0.7, 0.2], &[1.0, 1.0, 0.0]));
        assert_eq!((chosen.threshold, chosen.value), (0.7, 1.0));
        let nothing = best(Criterion::Accuracy, &mut keys(&[0.9, 0.7, 0.2], &[0.0, 0.0, 0.0]));
        assert_eq!((nothing.threshold, nothing.value), (f32::INFINITY, 1.0));
        let everything = best(
            Criterion::FBeta { beta: 1.0 },
            &mut keys(&[0.9, 0.7, 0.2], &[0.0, 1.0, 1.0]),
        );
        assert_eq!(everything.threshold, f32::NEG_INFINITY);
        let out_of_reach = best(
            Criterion::RecallAtPrecision { precision: 0.9 },
            &mut keys(&[0.9, 0.1], &[0.0, 1.0]),
        );
        assert!(!out_of_reach.met && out_of_reach.value == 0.0);
    }
}
