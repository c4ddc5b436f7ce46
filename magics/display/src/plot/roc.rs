//! The ROC curve of a binary classifier, with the place of its threshold.

use super::axis::{Axis, Kind, decimal, short};
use super::panel::{Grid, Head, Legend, Panel, Vertical, checked_size};
use super::scene::{Anchor, Label, Paint};
use super::theme;
use super::{Plot, PlotError};
use crate::text;

/// What can be chosen about a ROC curve.
#[derive(Clone, Debug, Default)]
pub struct RocOptions {
    /// The score from which on a row is called positive; marked on the curve.
    pub threshold: Option<f64>,
    /// What a positive row is, such as `rings >= 11`.
    pub label: String,
    /// A title instead of the usual one.
    pub title: Option<String>,
    /// Width and height in CSS pixels.
    pub size: Option<(u32, u32)>,
}

/// One cut: how many of the negatives and of the positives score at least this much.
#[derive(Clone, Copy)]
struct Cut {
    score: f64,
    false_rate: f64,
    true_rate: f64,
}

/// Draws the share of positives found against the share of false alarms, over all thresholds.
pub fn roc(scores: &[f64], positive: &[bool], options: &RocOptions) -> Result<Plot, PlotError> {
    if scores.len() != positive.len() {
        return Err(PlotError::Lengths {
            a: scores.len(),
            first: "scores".to_owned(),
            b: positive.len(),
            second: "true labels".to_owned(),
        });
    }
    let size = checked_size(options.size, (600, 520))?;
    let mut rows: Vec<(f64, bool)> = scores
        .iter()
        .copied()
        .zip(positive.iter().copied())
        .filter(|(score, _)| !score.is_nan())
        .collect();
    let positives = rows.iter().filter(|row| row.1).count();
    let negatives = rows.len() - positives;
    if positives == 0 || negatives == 0 {
        return Err(PlotError::OneClass {
            positive: positives,
            negative: negatives,
        });
    }
    rows.sort_by(|a, b| b.0.total_cmp(&a.0));
    let curve = cuts(&rows, positives, negatives);
    let auc: f64 = curve
        .windows(2)
        .map(|w| (w[1].false_rate - w[0].false_rate) * (w[0].true_rate + w[1].true_rate) / 2.0)
        .sum();

    let mut head = Head::new(options.title.clone().unwrap_or_else(|| {
        if options.label.is_empty() {
            "ROC curve".to_owned()
        } else {
            format!("ROC curve of {}", options.label)
        }
    }));
    head.fact(format!("auc {}", decimal(auc, 3)));
    head.fact(format!(
        "{} ({:.0} % positive)",
        text::counted(rows.len() as u64, "row"),
        100.0 * positives as f64 / rows.len() as f64
    ));
    let marked = options.threshold.map(|threshold| {
        // The last cut that is still at least the threshold; before all rows, none is called.
        let after = curve.partition_point(|cut| cut.score >= threshold);
        (threshold, curve[after.saturating_sub(1)])
    });
    if let Some((threshold, cut)) = marked {
        head.fact(format!(
            "threshold {}: {:.0} % of positives found, {:.0} % false alarms",
            short(threshold, 3),
            cut.true_rate * 100.0,
            cut.false_rate * 100.0
        ));
    }

    let ends = (0.0, 1.0);
    let x = Axis::over("false positive rate", ends, 5, Kind::Number)?;
    let y = Axis::over("true positive rate", ends, 5, Kind::Number)?;
    let mut panel = Panel::new(size, &head, x, Vertical::Values(y), Legend::None, Grid::Both);
    let at = |panel: &Panel, x: f64, y: f64| (panel.px(x), panel.py(y));
    let points: Vec<(f64, f64)> = thin(&curve)
        .iter()
        .map(|cut| at(&panel, cut.false_rate, cut.true_rate))
        .collect();
    let mut area = points.clone();
    area.push(at(&panel, 1.0, 0.0));
    let below = Paint {
        rgb: theme::BLUE,
        alpha: 0.08,
    };
    panel.scene.area(area, below);
    let (from, to) = (at(&panel, 0.0, 0.0), at(&panel, 1.0, 1.0));
    panel.scene.dashes(from, to, 1.5, theme::AXIS);
    panel.scene.line(points, 2.5, theme::BLUE);
    let guess = at(&panel, 0.64, 0.585);
    panel.scene.text(Label::new("guessing", guess.0, guess.1));
    if let Some((threshold, cut)) = marked {
        let (x, y) = at(&panel, cut.false_rate, cut.true_rate);
        panel.scene.dot((x, y), 7.0, theme::GROUND);
        panel.scene.dot((x, y), 5.5, theme::VERMILLION);
        let text = format!("threshold {}", short(threshold, 3));
        let label = Label::new(text, x + 12.0, y + 12.0).color(theme::VERMILLION).medium();
        // Near the right edge the label turns to the other side.
        let label = if x + 12.0 + label.width() > panel.right {
            Label { x: x - 12.0, ..label }.anchor(Anchor::Right)
        } else {
            label
        };
        panel.scene.text(label);
    }
    Plot::new(panel.scene, &head)
}

/// The curve's corners: one for each distinct score, from "none is positive" to "all are".
fn cuts(rows: &[(f64, bool)], positives: usize, negatives: usize) -> Vec<Cut> {
    let mut curve = vec![Cut {
        score: f64::INFINITY,
        false_rate: 0.0,
        true_rate: 0.0,
    }];
    let (mut found, mut false_alarms) = (0_usize, 0_usize);
    for same in rows.chunk_by(|a, b| a.0 == b.0) {
        let here = same.iter().filter(|row| row.1).count();
        found += here;
        false_alarms += same.len() - here;
        curve.push(Cut {
            score: same[0].0,
            false_rate: false_alarms as f64 / negatives as f64,
            true_rate: found as f64 / positives as f64,
        });
    }
    curve
}

/// Leaves out corners that are closer than the picture can show.
fn thin(curve: &[Cut]) -> Vec<Cut> {
    const NEAR: f64 = 1.0 / 1_500.0;
    let mut kept: Vec<Cut> = Vec::new();
    for (i, cut) in curve.iter().enumerate() {
        let last = i + 1 == curve.len();
        let far = kept
            .last()
            .is_none_or(|k| (cut.false_rate - k.false_rate).abs() + (cut.true_rate - k.true_rate).abs() > NEAR);
        if far || last {
            kept.push(*cut);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn area_and_threshold_as_scikit_learn_gives_them() {
        // sklearn.metrics.roc_auc_score([0,0,1,1], [0.1,0.4,0.35,0.8]) is 0.75.
        let options = RocOptions {
            threshold: Some(0.35),
            label: "old".to_owned(),
            ..RocOptions::default()
        };
        let plot = roc(&[0.1, 0.4, 0.35, 0.8], &[false, false, true, true], &options);
        assert_eq!(
            plot.unwrap().text(),
            "ROC curve of old, auc 0.750, 4 rows (50 % positive), \
             threshold 0.35: 100 % of positives found, 50 % false alarms"
        );
    }

    #[test]
    fn equal_scores_are_one_step() {
        let plot = roc(&[0.5; 4], &[true, false, true, false], &RocOptions::default());
        assert!(plot.unwrap().text().contains("auc 0.500"));
    }

    #[test]
    fn one_class_and_unequal_lengths_are_refused() {
        let options = RocOptions::default();
        let one = roc(&[0.1, 0.2], &[true, true], &options);
        assert!(matches!(
            one,
            Err(PlotError::OneClass {
                positive: 2,
                negative: 0
            })
        ));
        let none = roc(&[], &[], &options);
        assert!(matches!(none, Err(PlotError::OneClass { .. })));
        let unequal = roc(&[0.1], &[], &options);
        assert!(matches!(unequal, Err(PlotError::Lengths { .. })));
        let thresholds = [f64::NAN, 2.0, -1.0];
        for threshold in thresholds.map(Some) {
            let options = RocOptions {
                threshold,
                ..RocOptions::default()
            };
            assert!(roc(&[0.1, 0.2], &[true, false], &options).is_ok());
        }
    }
}
