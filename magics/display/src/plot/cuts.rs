//! The cuts of a binary classifier: for each score, what calling everything from it on positive finds
//! and what it gets wrong. ROC, precision and recall, and thresholds are all read from them.

use super::PlotError;
use super::axis::short;
use super::label::{Anchor, Label};
use super::panel::Panel;
use super::theme;

/// One cut: how many positives and negatives score at least this much.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cut {
    pub(super) score: f64,
    pub(super) found: usize,
    pub(super) false_alarms: usize,
}

/// The cuts from "none is called positive" to "all are", one for each distinct score.
pub(super) struct Cuts {
    pub(super) cuts: Vec<Cut>,
    pub(super) positives: usize,
    pub(super) negatives: usize,
}

impl Cuts {
    pub(super) fn new(scores: &[f64], positive: &[bool]) -> Result<Cuts, PlotError> {
        if scores.len() != positive.len() {
            return Err(PlotError::Lengths {
                a: scores.len(),
                first: "scores".to_owned(),
                b: positive.len(),
                second: "true labels".to_owned(),
            });
        }
        let pairs = scores.iter().copied().zip(positive.iter().copied());
        let mut rows: Vec<(f64, bool)> = pairs.filter(|(score, _)| !score.is_nan()).collect();
        let positives = rows.iter().filter(|row| row.1).count();
        let negatives = rows.len() - positives;
        if positives == 0 || negatives == 0 {
            return Err(PlotError::OneClass {
                positive: positives,
                negative: negatives,
            });
        }
        rows.sort_by(|a, b| b.0.total_cmp(&a.0));
        let mut at = Cut {
            score: f64::INFINITY,
            found: 0,
            false_alarms: 0,
        };
        let mut cuts = vec![at];
        for same in rows.chunk_by(|a, b| a.0 == b.0) {
            let here = same.iter().filter(|row| row.1).count();
            at = Cut {
                score: same[0].0,
                found: at.found + here,
                false_alarms: at.false_alarms + same.len() - here,
            };
            cuts.push(at);
        }
        Ok(Cuts {
            cuts,
            positives,
            negatives,
        })
    }

    /// How many rows are scored.
    pub(super) fn rows(&self) -> usize {
        self.positives + self.negatives
    }

    /// The cut that a threshold makes: the last whose score still reaches it.
    pub(super) fn at(&self, threshold: f64) -> Cut {
        let after = self.cuts.partition_point(|cut| cut.score >= threshold);
        self.cuts[after.saturating_sub(1)]
    }

    /// The share of positives that is found.
    pub(super) fn recall(&self, cut: Cut) -> f64 {
        cut.found as f64 / self.positives as f64
    }

    /// The share of negatives that is called positive.
    pub(super) fn false_rate(&self, cut: Cut) -> f64 {
        cut.false_alarms as f64 / self.negatives as f64
    }

    /// The share of positives among what is called positive; one where nothing is.
    pub(super) fn precision(&self, cut: Cut) -> f64 {
        match cut.found + cut.false_alarms {
            0 => 1.0,
            called => cut.found as f64 / called as f64,
        }
    }

    /// The harmonic mean of precision and recall.
    pub(super) fn f1(&self, cut: Cut) -> f64 {
        2.0 * cut.found as f64 / (cut.found + cut.false_alarms + self.positives) as f64
    }

    /// The rows, and how many of them are positive, as a fact.
    pub(super) fn fact(&self) -> String {
        format!(
            "{} ({:.0} % positive)",
            crate::text::counted(self.rows() as u64, "row"),
            100.0 * self.positives as f64 / self.rows() as f64
        )
    }
}

/// Leaves out points that are closer than a picture can show; the last one stays.
pub(super) fn thin(curve: impl IntoIterator<Item = (f64, f64)>) -> Vec<(f64, f64)> {
    const NEAR: f64 = 1.0 / 1_500.0;
    let mut kept: Vec<(f64, f64)> = Vec::new();
    let mut last = None;
    for at in curve {
        let near = |k: &(f64, f64)| (at.0 - k.0).abs() + (at.1 - k.1).abs() <= NEAR;
        if !kept.last().is_some_and(near) {
            kept.push(at);
            last = None;
        } else {
            last = Some(at);
        }
    }
    kept.extend(last);
    kept
}

/// Marks the place of a model's own threshold on a curve, named on the side that the curve leaves free.
pub(super) fn mark(panel: &mut Panel, (x, y): (f64, f64), threshold: f64, side: Anchor) {
    panel.scene.dot((x, y), 7.0, theme::GROUND);
    panel.scene.dot((x, y), 5.5, theme::VERMILLION);
    let text = format!("threshold {}", short(threshold, 3));
    // Near the bottom the label stands above the dot, near an edge on its other side.
    let y = if y + 20.0 > panel.bottom { y - 14.0 } else { y + 12.0 };
    let label = Label::new(text, x + 12.0, y).color(theme::VERMILLION).medium();
    let left = x - 12.0 - label.width() > panel.left;
    let right = x + 12.0 + label.width() < panel.right;
    let label = if left && (side == Anchor::Right || !right) {
        Label { x: x - 12.0, ..label }.anchor(Anchor::Right)
    } else {
        label
    };
    panel.scene.text(label);
}
