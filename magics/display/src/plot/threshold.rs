//! Precision, recall and F1 along the threshold: what another cut would find, and what it would cost.

use super::axis::{self, Axis, Kind, decimal, short};
use super::cuts::{Cut, Cuts, thin};
use super::label::{Anchor, Label};
use super::legend::end_room;
use super::panel::{Grid, Head, Panel, Vertical, checked_size};
use super::theme;
use super::{Plot, PlotError, USUAL};

/// What can be chosen about a picture of thresholds.
#[derive(Clone, Debug, Default)]
pub struct ThresholdOptions {
    /// The model's own threshold, marked.
    pub threshold: Option<f64>,
    /// A title instead of the usual one.
    pub title: Option<String>,
    /// Width and height in CSS pixels.
    pub size: Option<(u32, u32)>,
}

/// What a cut is worth.
type Measure = fn(&Cuts, Cut) -> f64;

/// Draws precision, recall and F1 against the score from which on a row is called positive.
pub fn threshold(scores: &[f64], positive: &[bool], options: &ThresholdOptions) -> Result<Plot, PlotError> {
    let size = checked_size(options.size, USUAL)?;
    let cuts = Cuts::new(scores, positive)?;
    let finite: Vec<Cut> = cuts.cuts.iter().copied().filter(|cut| cut.score.is_finite()).collect();
    let title = options.title.clone();
    let mut head = Head::new(title.unwrap_or_else(|| "Thresholds".to_owned()));
    if let Some(best) = finite.iter().max_by(|a, b| cuts.f1(**a).total_cmp(&cuts.f1(**b))) {
        head.fact(format!(
            "best f1 {} at {}",
            decimal(cuts.f1(*best), 3),
            short(best.score, 3)
        ));
    }
    if let Some(own) = options.threshold {
        let cut = cuts.at(own);
        head.fact(format!(
            "threshold {}: precision {}, recall {}, f1 {}",
            short(own, 3),
            decimal(cuts.precision(cut), 2),
            decimal(cuts.recall(cut), 2),
            decimal(cuts.f1(cut), 2)
        ));
    }
    head.fact(cuts.fact());

    let lines: [(&str, theme::Rgb, Measure); 3] = [
        ("precision", theme::BLUE, |cuts, cut| cuts.precision(cut)),
        ("recall", theme::GREEN, |cuts, cut| cuts.recall(cut)),
        ("f1", theme::VERMILLION, |cuts, cut| cuts.f1(cut)),
    ];
    let (across, down) = axis::room(size);
    let ends = axis::extent(finite.iter().map(|cut| cut.score)).ok_or_else(|| PlotError::NoValues {
        what: "the scores".to_owned(),
    })?;
    // Probabilities are shown on their whole scale.
    let ends = if ends.0 >= 0.0 && ends.1 <= 1.0 {
        (0.0, 1.0)
    } else {
        ends
    };
    let x = Axis::over("threshold", ends, across, Kind::Number)?;
    let y = Axis::over("", (0.0, 1.0), down.min(5), Kind::Number)?;
    let room = end_room(lines.iter().map(|line| line.0));
    let mut panel = Panel::new(size, &head, x.clone(), Vertical::Values(y), room, Grid::Horizontal);
    if let Some(own) = options.threshold.filter(|own| (ends.0..=ends.1).contains(own)) {
        let (x, top, bottom) = (panel.px(own), panel.top, panel.bottom);
        panel.scene.dashes((x, top), (x, bottom), 1.5, theme::AXIS);
        let label = Label::new(format!("threshold {}", short(own, 3)), x + 6.0, bottom - 12.0);
        let label = if x + 6.0 + label.width() > panel.right {
            Label { x: x - 6.0, ..label }.anchor(Anchor::Right)
        } else {
            label
        };
        panel.scene.text(label.color(theme::INK));
    }
    let mut labels = Vec::new();
    for (name, color, value) in lines {
        let curve = finite.iter().map(|cut| (x.at(cut.score), value(&cuts, *cut)));
        let (left, right) = (panel.left, panel.right);
        let points: Vec<(f64, f64)> = thin(curve)
            .into_iter()
            .map(|(part, value)| (left + (right - left) * part, panel.py(value)))
            .collect();
        if let Some((_, y)) = points.first() {
            labels.push((right, *y, name.to_owned(), color));
        }
        if let [only] = points.as_slice() {
            panel.scene.dot(*only, 3.0, color);
        }
        panel.scene.line(points, 2.0, color);
    }
    panel.end_labels(&labels);
    Plot::new(panel.scene, &head)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_best_cut_and_the_models_own_are_said() {
        let options = ThresholdOptions {
            threshold: Some(0.5),
            ..ThresholdOptions::default()
        };
        let plot = threshold(&[0.1, 0.4, 0.35, 0.8], &[false, false, true, true], &options).unwrap();
        assert_eq!(
            plot.text(),
            "Thresholds, best f1 0.800 at 0.35, threshold 0.5: precision 1.00, recall 0.50, f1 0.67, \
             4 rows (50 % positive)"
        );
        let same = threshold(&[0.5, 0.5], &[true, false], &ThresholdOptions::default());
        assert!(same.is_ok());
        let infinite = threshold(&[f64::INFINITY; 2], &[true, false], &ThresholdOptions::default());
        assert!(matches!(infinite, Err(PlotError::NoValues { .. })));
    }
}
