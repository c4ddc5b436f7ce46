//! How good predictions are: the metrics that the algorithms log and the magics show.
//!
//! Scores and labels are float32 as models give them, sums are float64. Classes are 0 and 1, a label
//! above 0.5 counts as positive, a score at or above the threshold predicts positive. Where a value is not defined
//! (no row, one class only) the result is NaN, never a panic; slices of unlike length are cut to the shorter.

/// Root of the mean squared error.
pub fn rmse(predicted: &[f32], labels: &[f32]) -> f64 {
    mse(predicted, labels).sqrt()
}

/// Mean squared error.
pub fn mse(predicted: &[f32], labels: &[f32]) -> f64 {
    mean(pairs(predicted, labels).map(|(score, label)| (score - label) * (score - label)))
}

/// Mean absolute error.
pub fn mae(predicted: &[f32], labels: &[f32]) -> f64 {
    mean(pairs(predicted, labels).map(|(score, label)| (score - label).abs()))
}

/// Share of the labels' variance that the predictions explain; NaN where all labels are equal.
pub fn r2(predicted: &[f32], labels: &[f32]) -> f64 {
    let middle = mean(labels.iter().map(|&label| f64::from(label)));
    let total: f64 = labels.iter().map(|&label| (f64::from(label) - middle).powi(2)).sum();
    let left: f64 = pairs(predicted, labels)
        .map(|(score, label)| (score - label).powi(2))
        .sum();
    if total > 0.0 { 1.0 - left / total } else { f64::NAN }
}

/// Mean negative log-likelihood of probabilities, clipped to `[1e-15, 1 − 1e-15]`.
pub fn log_loss(probabilities: &[f32], labels: &[f32]) -> f64 {
    mean(pairs(probabilities, labels).map(|(probability, label)| {
        let probability = probability.clamp(1e-15, 1.0 - 1e-15);
        if label > 0.5 {
            -probability.ln()
        } else {
            -(1.0 - probability).ln()
        }
    }))
}

/// Predictions against truth, two classes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Confusion {
    /// Positive and predicted so.
    pub true_positive: u64,
    /// Negative but predicted positive.
    pub false_positive: u64,
    /// Negative and predicted so.
    pub true_negative: u64,
    /// Positive but predicted negative.
    pub false_negative: u64,
}

impl Confusion {
    /// Counts; `score >= threshold` predicts positive.
    pub fn at(threshold: f32, scores: &[f32], labels: &[f32]) -> Self {
        let mut counts = Confusion::default();
        for (&score, &label) in scores.iter().zip(labels) {
            match (score >= threshold, label > 0.5) {
                (true, true) => counts.true_positive += 1,
                (true, false) => counts.false_positive += 1,
                (false, false) => counts.true_negative += 1,
                (false, true) => counts.false_negative += 1,
            }
        }
        counts
    }

    /// All rows.
    pub fn total(&self) -> u64 {
        self.true_positive + self.false_positive + self.true_negative + self.false_negative
    }

    /// Share of rows predicted rightly.
    pub fn accuracy(&self) -> f64 {
        share(self.true_positive + self.true_negative, self.total())
    }

    /// Share of the predicted positives that are positive.
    pub fn precision(&self) -> f64 {
        share(self.true_positive, self.true_positive + self.false_positive)
    }

    /// Share of the positives that are found.
    pub fn recall(&self) -> f64 {
        share(self.true_positive, self.true_positive + self.false_negative)
    }

    /// Share of the negatives that are predicted so.
    pub fn specificity(&self) -> f64 {
        share(self.true_negative, self.true_negative + self.false_positive)
    }

    /// Mean of recall and specificity.
    pub fn balanced_accuracy(&self) -> f64 {
        (self.recall() + self.specificity()) / 2.0
    }

    /// The F score that weighs recall `beta` times as much as precision; 0 where nothing is found.
    pub fn f_beta(&self, beta: f64) -> f64 {
        let square = beta * beta;
        let hits = (1.0 + square) * self.true_positive as f64;
        let below = hits + square * self.false_negative as f64 + self.false_positive as f64;
        if below > 0.0 { hits / below } else { f64::NAN }
    }
}

/// Counts at a threshold; see [`Confusion::at`].
pub fn confusion(threshold: f32, scores: &[f32], labels: &[f32]) -> Confusion {
    Confusion::at(threshold, scores, labels)
}

/// Share of rows predicted rightly at a threshold.
pub fn accuracy(threshold: f32, scores: &[f32], labels: &[f32]) -> f64 {
    Confusion::at(threshold, scores, labels).accuracy()
}

/// The F score at a threshold; see [`Confusion::f_beta`].
pub fn f_beta(beta: f64, threshold: f32, scores: &[f32], labels: &[f32]) -> f64 {
    Confusion::at(threshold, scores, labels).f_beta(beta)
}

/// A threshold with the counts of positives and negatives at or above it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cut {
    /// `score >= threshold` predicts positive.
    pub threshold: f32,
    /// Positives at or above.
    pub true_positive: u64,
    /// Negatives at or above.
    pub false_positive: u64,
}

/// All distinct cuts, from +∞ (nothing is positive) down to the lowest score, with the totals of both classes.
/// Rows whose score is NaN count in the totals and are never predicted positive.
pub fn cuts(scores: &[f32], labels: &[f32]) -> (Vec<Cut>, u64, u64) {
    let mut keys: Vec<u64> = scores
        .iter()
        .zip(labels)
        .map(|(&score, &label)| sort_key(score, label > 0.5))
        .collect();
    sort_keys(&mut keys);
    let mut all = Vec::new();
    let (positives, negatives) = sweep(&keys, |cut| all.push(cut));
    (all, positives, negatives)
}

/// Score and class as one integer that sorts from the highest score down, NaN last.
pub(crate) fn sort_key(score: f32, positive: bool) -> u64 {
    let score = if score == 0.0 { 0.0 } else { score };
    let bits = score.to_bits();
    let ascending = if bits >> 31 == 0 { bits | 1 << 31 } else { !bits };
    let descending = if score.is_nan() { u32::MAX } else { !ascending };
    u64::from(descending) << 1 | u64::from(positive)
}

fn score_of(key: u64) -> f32 {
    let ascending = !((key >> 1) as u32);
    f32::from_bits(if ascending >> 31 == 1 {
        ascending & !(1 << 31)
    } else {
        !ascending
    })
}

/// Sorts keys; those of many rows by their digits, which takes a fifth of the time.
pub(crate) fn sort_keys(keys: &mut Vec<u64>) {
    const DIGIT: u32 = 11;
    const SMALL: usize = 1 << 11;
    if keys.len() < SMALL {
        keys.sort_unstable();
        return;
    }
    let mut from = std::mem::take(keys);
    let mut to = vec![0; from.len()];
    // Keys have 33 bits: a score's 32 and the class.
    for shift in [0, DIGIT, 2 * DIGIT] {
        let digit = |key: u64| (key >> shift) as usize & ((1 << DIGIT) - 1);
        let mut places = [0_usize; 1 << DIGIT];
        from.iter().for_each(|&key| places[digit(key)] += 1);
        let mut place = 0;
        for count in &mut places {
            place += std::mem::replace(count, place);
        }
        for &key in &from {
            let place = &mut places[digit(key)];
            to[*place] = key;
            *place += 1;
        }
        std::mem::swap(&mut from, &mut to);
    }
    *keys = from;
}

/// Gives the cuts of keys that are sorted already, from +∞ down; then the totals of both classes.
pub(crate) fn sweep(keys: &[u64], mut each: impl FnMut(Cut)) -> (u64, u64) {
    let positives = keys.iter().map(|key| key & 1).sum::<u64>();
    let mut cut = Cut {
        threshold: f32::INFINITY,
        true_positive: 0,
        false_positive: 0,
    };
    for group in keys.chunk_by(|one, other| one >> 1 == other >> 1) {
        if group[0] >> 1 == u64::from(u32::MAX) {
            break;
        }
        let threshold = score_of(group[0]);
        // A score of +∞ is the cut that nothing but it passes.
        if threshold < cut.threshold {
            each(cut);
        }
        let hits = group.iter().map(|key| key & 1).sum::<u64>();
        cut = Cut {
            threshold,
            true_positive: cut.true_positive + hits,
            false_positive: cut.false_positive + group.len() as u64 - hits,
        };
    }
    each(cut);
    (positives, keys.len() as u64 - positives)
}

/// Area under the ROC curve: the share of positive–negative pairs that the scores order rightly, ties counted
/// half (Mann and Whitney); NaN with one class only.
pub fn roc_auc(scores: &[f32], labels: &[f32]) -> f64 {
    let (cuts, positives, negatives) = cuts(scores, labels);
    let last = Cut {
        threshold: f32::NEG_INFINITY,
        true_positive: positives,
        false_positive: negatives,
    };
    let mut area = 0.0;
    let mut before = Cut {
        threshold: f32::INFINITY,
        true_positive: 0,
        false_positive: 0,
    };
    for cut in cuts.iter().chain([&last]) {
        let width = (cut.false_positive - before.false_positive) as f64;
        area += width * (cut.true_positive + before.true_positive) as f64 / 2.0;
        before = *cut;
    }
    if positives > 0 && negatives > 0 {
        area / (positives as f64 * negatives as f64)
    } else {
        f64::NAN
    }
}

/// A point of a curve, with the threshold that gives it.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Point {
    /// False positive rate (ROC) or recall (precision–recall).
    pub x: f64,
    /// True positive rate (ROC) or precision (precision–recall).
    pub y: f64,
    /// `score >= threshold` predicts positive.
    pub threshold: f32,
}

/// True positive rate over false positive rate, from (0, 0) to (1, 1); empty with one class only.
pub fn roc_curve(scores: &[f32], labels: &[f32]) -> Vec<Point> {
    let (cuts, positives, negatives) = cuts(scores, labels);
    if positives == 0 || negatives == 0 {
        return Vec::new();
    }
    let point = |cut: &Cut| Point {
        x: share(cut.false_positive, negatives),
        y: share(cut.true_positive, positives),
        threshold: cut.threshold,
    };
    cuts.iter().map(point).collect()
}

/// Precision over recall, from the highest threshold down; empty without positives.
pub fn precision_recall_curve(scores: &[f32], labels: &[f32]) -> Vec<Point> {
    let (cuts, positives, _) = cuts(scores, labels);
    if positives == 0 {
        return Vec::new();
    }
    let predicted = |cut: &&Cut| cut.true_positive + cut.false_positive > 0;
    let point = |cut: &Cut| Point {
        x: share(cut.true_positive, positives),
        y: share(cut.true_positive, cut.true_positive + cut.false_positive),
        threshold: cut.threshold,
    };
    cuts.iter().filter(predicted).map(point).collect()
}

/// Area under the precision–recall curve as average precision: the sum of precision × gain in recall.
pub fn average_precision(scores: &[f32], labels: &[f32]) -> f64 {
    let curve = precision_recall_curve(scores, labels);
    let mut recall = 0.0;
    let mut area = 0.0;
    for point in &curve {
        area += (point.x - recall) * point.y;
        recall = point.x;
    }
    if curve.is_empty() { f64::NAN } else { area }
}

fn pairs<'a>(scores: &'a [f32], labels: &'a [f32]) -> impl Iterator<Item = (f64, f64)> + 'a {
    scores
        .iter()
        .zip(labels)
        .map(|(&score, &label)| (f64::from(score), f64::from(label)))
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0_u64), |(sum, count), value| (sum + value, count + 1));
    if count > 0 { sum / count as f64 } else { f64::NAN }
}

fn share(part: u64, whole: u64) -> f64 {
    if whole > 0 {
        part as f64 / whole as f64
    } else {
        f64::NAN
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    const SCORES: [f32; 6] = [0.9, 0.8, 0.8, 0.4, 0.3, 0.1];
    const LABELS: [f32; 6] = [1.0, 1.0, 0.0, 1.0, 0.0, 0.0];

    #[test]
    fn regression_by_hand() {
        let (predicted, labels) = ([1.0, 2.0, 4.0], [1.0, 3.0, 2.0]);
        assert!((mse(&predicted, &labels) - 5.0 / 3.0).abs() < 1e-12);
        assert!((rmse(&predicted, &labels) - (5.0_f64 / 3.0).sqrt()).abs() < 1e-12);
        assert!((mae(&predicted, &labels) - 1.0).abs() < 1e-12);
        assert!((r2(&predicted, &labels) - (1.0 - 5.0 / 2.0)).abs() < 1e-12);
        assert!(r2(&[1.0, 2.0], &[3.0, 3.0]).is_nan() && mse(&[], &[]).is_nan());
    }

    #[test]
    fn a_tie_counts_half() {
        // 9 pairs; 0.8 against 0.8 is the tie, 0.4 against 0.8 is the wrong one.
        assert!((roc_auc(&SCORES, &LABELS) - 7.5 / 9.0).abs() < 1e-12);
        assert!((roc_auc(&[0.5; 4], &[1.0, 0.0, 1.0, 0.0]) - 0.5).abs() < 1e-12);
        assert!(roc_auc(&[0.1, 0.2], &[1.0, 1.0]).is_nan());
        let pairwise = |scores: &[f32], labels: &[f32]| {
            let (mut good, mut all) = (0.0, 0.0);
            for (&high, _) in scores.iter().zip(labels).filter(|(_, label)| **label > 0.5) {
                for (&low, _) in scores.iter().zip(labels).filter(|(_, label)| **label < 0.5) {
                    all += 1.0;
                    good += if high > low {
                        1.0
                    } else if high == low {
                        0.5
                    } else {
                        0.0
                    };
                }
            }
            good / all
        };
        let scores: Vec<f32> = (0..200).map(|at| ((at * 7919) % 31) as f32 / 31.0 - 0.5).collect();
        let labels: Vec<f32> = (0..200).map(|at| f32::from((at * 31) % 7 < 3)).collect();
        assert!((roc_auc(&scores, &labels) - pairwise(&scores, &labels)).abs() < 1e-12);
    }

    #[test]
    fn curves_begin_and_end_where_they_must() {
        let roc = roc_curve(&SCORES, &LABELS);
        assert_eq!((roc[0].x, roc[0].y, roc[0].threshold), (0.0, 0.0, f32::INFINITY));
        let last = roc.last().unwrap();
        assert_eq!((last.x, last.y, last.threshold), (1.0, 1.0, 0.1));
        assert_eq!(roc.len(), 6);
        let curve = precision_recall_curve(&SCORES, &LABELS);
        assert_eq!((curve[0].x, curve[0].y), (1.0 / 3.0, 1.0));
        assert!((average_precision(&SCORES, &LABELS) - (1.0 / 3.0 + 2.0 / 9.0 + 0.25)).abs() < 1e-12);
    }

    #[test]
    fn keys_keep_every_bit_of_a_score() {
        for score in [
            0.0_f32,
            -0.0,
            1e-40,
            -1e-40,
            0.5,
            -3.25,
            f32::MAX,
            f32::NEG_INFINITY,
            f32::INFINITY,
        ] {
            assert_eq!(score_of(sort_key(score, true)), score);
        }
        assert!(sort_key(1.0, true) < sort_key(0.5, true) && sort_key(-1.0, true) < sort_key(f32::NAN, false));
        let (cuts, positives, negatives) = cuts(&[f32::NAN, 0.5], &[1.0, 0.0]);
        assert_eq!((cuts.len(), positives, negatives), (2, 1, 1));
    }

    #[test]
    fn many_keys_are_sorted_like_few() {
        let mut state = 1_u64;
        let mut keys: Vec<u64> = (0..5000)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                sort_key(f32::from_bits((state >> 32) as u32), state & 4 == 0)
            })
            .collect();
        let mut expected = keys.clone();
        expected.sort_unstable();
        sort_keys(&mut keys);
        assert_eq!(keys, expected);
        assert!(keys.iter().all(|key| key >> 33 == 0));
    }

    #[test]
    fn counts_at_a_threshold() {
        let counts = Confusion::at(0.8, &SCORES, &LABELS);
        let expected = Confusion {
            true_positive: 2,
            false_positive: 1,
            true_negative: 2,
            false_negative: 1,
        };
        assert_eq!(counts, expected);
        assert!((counts.precision() - 2.0 / 3.0).abs() < 1e-12 && (counts.f_beta(1.0) - 2.0 / 3.0).abs() < 1e-12);
        assert!((counts.accuracy() - 4.0 / 6.0).abs() < 1e-12);
        assert!((log_loss(&[0.5, 0.5], &[1.0, 0.0]) - std::f64::consts::LN_2).abs() < 1e-7);
    }
}
