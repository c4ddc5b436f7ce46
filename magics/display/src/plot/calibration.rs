//! Calibration: of the rows scored about 0.7, are about 70 % positive?
//!
//! Ten bins of equal width, as scikit-learn's `calibration_curve` has them; a dot is as large as its bin has
//! rows, since a bin of three rows says little.

use super::axis::{Axis, Kind, decimal, extent};
use super::cuts::Cuts;
use super::label::{Anchor, Label};
use super::legend::Legend;
use super::panel::{Grid, Head, Panel, Vertical, checked_size};
use super::theme;
use super::{Plot, PlotError};
use crate::text;

/// How many bins there are.
const BINS: usize = 10;

/// What can be chosen about a calibration curve.
#[derive(Clone, Debug, Default)]
pub struct CalibrationOptions {
    /// A title instead of the usual one.
    pub title: Option<String>,
    /// Width and height in CSS pixels.
    pub size: Option<(u32, u32)>,
}

/// The rows whose scores fall into one bin: their mean score, and the share that is positive.
struct Bin {
    score: f64,
    positive: f64,
    rows: usize,
}

/// Draws the share of positives against the mean score, bin by bin.
pub fn calibration(scores: &[f64], positive: &[bool], options: &CalibrationOptions) -> Result<Plot, PlotError> {
    let size = checked_size(options.size, (600, 520))?;
    let cuts = Cuts::new(scores, positive)?;
    let rows: Vec<(f64, bool)> = scores.iter().copied().zip(positive.iter().copied()).collect();
    let rows: Vec<(f64, bool)> = rows.into_iter().filter(|(score, _)| !score.is_nan()).collect();
    if let Some((low, high)) = extent(rows.iter().map(|row| row.0)).filter(|(low, high)| *low < 0.0 || *high > 1.0) {
        return Err(PlotError::NoProbabilities { low, high });
    }
    let bins = bins(&rows, BINS);
    let n = rows.len() as f64;
    let truth = |positive: bool| if positive { 1.0 } else { 0.0 };
    let brier = rows.iter().map(|(score, p)| (score - truth(*p)).powi(2)).sum::<f64>() / n;
    let off = bins
        .iter()
        .map(|bin| (bin.positive - bin.score).abs() * bin.rows as f64 / n)
        .sum::<f64>();

    let title = options.title.clone();
    let mut head = Head::new(title.unwrap_or_else(|| "Calibration".to_owned()));
    head.fact(format!("brier score {}", decimal(brier, 3)));
    head.fact(format!("calibration error {}", decimal(off, 3)));
    head.fact(cuts.fact());
    let filled = text::counted(bins.len() as u64, "bin");
    head.fact(format!("{filled}, dots as large as their rows"));

    let ends = (0.0, 1.0);
    let x = Axis::over("mean score", ends, 5, Kind::Number)?;
    let y = Axis::over("share positive", ends, 5, Kind::Number)?;
    let mut panel = Panel::new(size, &head, x, Vertical::Values(y), Legend::None, Grid::Both);
    let (from, to) = ((panel.px(0.0), panel.py(0.0)), (panel.px(1.0), panel.py(1.0)));
    panel.scene.dashes(from, to, 1.5, theme::AXIS);
    // On the side of the diagonal that the curve leaves free.
    let above: f64 = bins.iter().map(|bin| bin.positive - bin.score).sum();
    let (ideal, anchor) = if above > 0.0 {
        ((0.66, 0.6), Anchor::Left)
    } else {
        ((0.6, 0.66), Anchor::Right)
    };
    let ideal = (panel.px(ideal.0), panel.py(ideal.1));
    panel
        .scene
        .text(Label::new("calibrated", ideal.0, ideal.1).anchor(anchor));
    let points: Vec<(f64, f64)> = bins
        .iter()
        .map(|bin| (panel.px(bin.score), panel.py(bin.positive)))
        .collect();
    panel.scene.line(points.clone(), 2.0, theme::BLUE);
    let most = bins.iter().map(|bin| bin.rows).max().unwrap_or(1) as f64;
    for (bin, at) in bins.iter().zip(points) {
        let radius = 3.0 + 7.0 * (bin.rows as f64 / most).sqrt();
        panel.scene.dot(at, radius + 1.5, theme::GROUND);
        panel.scene.dot(at, radius, theme::BLUE);
    }
    Plot::new(panel.scene, &head)
}

/// The bins that have rows.
fn bins(rows: &[(f64, bool)], count: usize) -> Vec<Bin> {
    let mut sums = vec![(0.0, 0_usize, 0_usize); count];
    for (score, positive) in rows {
        let sum = &mut sums[((score * count as f64) as usize).min(count - 1)];
        sum.0 += score;
        sum.1 += usize::from(*positive);
        sum.2 += 1;
    }
    sums.into_iter()
        .filter(|(_, _, rows)| *rows > 0)
        .map(|(score, positive, rows)| Bin {
            score: score / rows as f64,
            positive: positive as f64 / rows as f64,
            rows,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn bins_as_scikit_learn_has_them() {
        // sklearn.calibration.calibration_curve's own example, with three bins.
        let scores = [0.1, 0.2, 0.3, 0.4, 0.65, 0.7, 0.8, 0.9, 1.0];
        let rows: Vec<(f64, bool)> = scores.iter().enumerate().map(|(i, score)| (*score, i > 3)).collect();
        let bins = bins(&rows, 3);
        let near = |a: Vec<f64>, b: [f64; 3]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-9);
        assert!(near(bins.iter().map(|b| b.positive).collect(), [0.0, 0.5, 1.0]));
        assert!(near(bins.iter().map(|b| b.score).collect(), [0.2, 0.525, 0.85]));
    }

    #[test]
    fn the_line_has_the_numbers_and_margins_are_refused() {
        let options = CalibrationOptions::default();
        let plot = calibration(&[0.0, 1.0, 0.5, 0.5], &[false, true, false, true], &options).unwrap();
        assert_eq!(
            plot.text(),
            "Calibration, brier score 0.125, calibration error 0.000, 4 rows (50 % positive), \
             3 bins, dots as large as their rows"
        );
        let margins = calibration(&[-2.0, 1.5], &[false, true], &options).unwrap_err();
        assert_eq!(
            margins.to_string(),
            "the scores run from -2 to 1.5: a calibration curve needs probabilities"
        );
    }
}
