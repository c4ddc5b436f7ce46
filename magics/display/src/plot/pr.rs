//! Precision against recall over all thresholds: what a ROC curve hides where positives are rare.
//!
//! The area is the average precision, the sum of each cut's precision weighted by the recall it adds, without
//! interpolation, as scikit-learn's `average_precision_score` has it.

use super::axis::{Axis, Kind, decimal, short};
use super::cuts::{self, Cuts, thin};
use super::label::{Anchor, Label};
use super::legend::Legend;
use super::panel::{Grid, Head, Panel, Vertical, checked_size};
use super::scene::Paint;
use super::theme;
use super::{Plot, PlotError};

/// What can be chosen about a curve of precision and recall.
#[derive(Clone, Debug, Default)]
pub struct PrOptions {
    /// The score from which on a row is called positive; marked on the curve.
    pub threshold: Option<f64>,
    /// A title instead of the usual one.
    pub title: Option<String>,
    /// Width and height in CSS pixels.
    pub size: Option<(u32, u32)>,
}

/// Draws the share of right calls against the share of positives found, over all thresholds.
pub fn pr(scores: &[f64], positive: &[bool], options: &PrOptions) -> Result<Plot, PlotError> {
    let size = checked_size(options.size, (600, 520))?;
    let cuts = Cuts::new(scores, positive)?;
    let curve: Vec<(f64, f64)> = cuts
        .cuts
        .iter()
        .map(|c| (cuts.recall(*c), cuts.precision(*c)))
        .collect();
    let average: f64 = curve.windows(2).map(|w| (w[1].0 - w[0].0) * w[1].1).sum();
    let share = cuts.positives as f64 / cuts.rows() as f64;

    let title = options.title.clone();
    let mut head = Head::new(title.unwrap_or_else(|| "Precision and recall".to_owned()));
    head.fact(format!("average precision {}", decimal(average, 3)));
    head.fact(cuts.fact());
    let marked = options.threshold.map(|threshold| {
        let cut = cuts.at(threshold);
        (threshold, (cuts.recall(cut), cuts.precision(cut)))
    });
    if let Some((threshold, (recall, precision))) = marked {
        head.fact(format!(
            "threshold {}: precision {}, recall {}",
            short(threshold, 3),
            decimal(precision, 2),
            decimal(recall, 2)
        ));
    }

    let ends = (0.0, 1.0);
    let x = Axis::over("recall", ends, 5, Kind::Number)?;
    let y = Axis::over("precision", ends, 5, Kind::Number)?;
    let mut panel = Panel::new(size, &head, x, Vertical::Values(y), Legend::None, Grid::Both);
    let at = |panel: &Panel, (x, y): (f64, f64)| (panel.px(x), panel.py(y));
    let (from, to) = (at(&panel, (0.0, share)), at(&panel, (1.0, share)));
    panel.scene.dashes(from, to, 1.5, theme::AXIS);
    // Above the dashes, unless they lie at the top.
    let aside = if share > 0.9 { 12.0 } else { -10.0 };
    panel.scene.text(Label::new("guessing", from.0 + 8.0, from.1 + aside));
    // Each cut's precision holds for the recall that it adds: a staircase.
    let mut stairs = Vec::new();
    for pair in thin(curve).windows(2) {
        stairs.push(at(&panel, (pair[0].0, pair[1].1)));
        stairs.push(at(&panel, pair[1]));
    }
    let mut area = stairs.clone();
    area.extend([at(&panel, (1.0, 0.0)), at(&panel, (0.0, 0.0))]);
    let below = Paint {
        rgb: theme::BLUE,
        alpha: 0.08,
    };
    panel.scene.area(area, below);
    panel.scene.line(stairs, 2.5, theme::BLUE);
    if let Some((threshold, place)) = marked {
        let place = at(&panel, place);
        cuts::mark(&mut panel, place, threshold, Anchor::Right);
    }
    Plot::new(panel.scene, &head)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_area_is_scikit_learns_average_precision() {
        // sklearn.metrics.average_precision_score([0,0,1,1], [0.1,0.4,0.35,0.8]) is 0.8333….
        let options = PrOptions {
            threshold: Some(0.35),
            ..PrOptions::default()
        };
        let plot = pr(&[0.1, 0.4, 0.35, 0.8], &[false, false, true, true], &options);
        assert_eq!(
            plot.unwrap().text(),
            "Precision and recall, average precision 0.833, 4 rows (50 % positive), \
             threshold 0.35: precision 0.67, recall 1.00"
        );
        let one = pr(&[0.1, 0.2], &[true, true], &PrOptions::default());
        assert!(matches!(one, Err(PlotError::OneClass { .. })));
    }
}
