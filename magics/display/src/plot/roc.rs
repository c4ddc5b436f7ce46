//! The ROC curve of a binary classifier, with the place of its threshold.

use super::axis::{Axis, Kind, decimal, short};
use super::cuts::{self, Cuts, thin};
use super::label::{Anchor, Label};
use super::legend::Legend;
use super::panel::{Grid, Head, Panel, Vertical, checked_size};
use super::scene::Paint;
use super::theme;
use super::{Plot, PlotError};

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

/// Draws the share of positives found against the share of false alarms, over all thresholds.
pub fn roc(scores: &[f64], positive: &[bool], options: &RocOptions) -> Result<Plot, PlotError> {
    let size = checked_size(options.size, (600, 520))?;
    let cuts = Cuts::new(scores, positive)?;
    let curve: Vec<(f64, f64)> = cuts
        .cuts
        .iter()
        .map(|c| (cuts.false_rate(*c), cuts.recall(*c)))
        .collect();
    let auc: f64 = curve
        .windows(2)
        .map(|w| (w[1].0 - w[0].0) * (w[0].1 + w[1].1) / 2.0)
        .sum();

    let mut head = Head::new(options.title.clone().unwrap_or_else(|| {
        if options.label.is_empty() {
            "ROC curve".to_owned()
        } else {
            format!("ROC curve of {}", options.label)
        }
    }));
    head.fact(format!("auc {}", decimal(auc, 3)));
    head.fact(cuts.fact());
    let marked = options.threshold.map(|threshold| {
        let cut = cuts.at(threshold);
        (threshold, (cuts.false_rate(cut), cuts.recall(cut)))
    });
    if let Some((threshold, (false_rate, recall))) = marked {
        head.fact(format!(
            "threshold {}: {:.0} % of positives found, {:.0} % false alarms",
            short(threshold, 3),
            recall * 100.0,
            false_rate * 100.0
        ));
    }

    let ends = (0.0, 1.0);
    let x = Axis::over("false positive rate", ends, 5, Kind::Number)?;
    let y = Axis::over("true positive rate", ends, 5, Kind::Number)?;
    let mut panel = Panel::new(size, &head, x, Vertical::Values(y), Legend::None, Grid::Both);
    let at = |panel: &Panel, x: f64, y: f64| (panel.px(x), panel.py(y));
    let points: Vec<(f64, f64)> = thin(curve).into_iter().map(|(x, y)| at(&panel, x, y)).collect();
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
    if let Some((threshold, (x, y))) = marked {
        let place = at(&panel, x, y);
        cuts::mark(&mut panel, place, threshold, Anchor::Left);
    }
    Plot::new(panel.scene, &head)
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
