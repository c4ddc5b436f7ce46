//! Residuals: how far a regressor is off, along what it predicts.
//!
//! A good model leaves a shapeless cloud round zero; a curve or a funnel says what it misses.

use super::axis::{self, Axis, Kind, extent, short};
use super::hist::mean;
use super::legend::{Legend, end_room};
use super::panel::{Grid, Head, Panel, Vertical, checked_size};
use super::sample::{self, MOST_POINTS};
use super::scatter::dot;
use super::scene::Paint;
use super::theme;
use super::{Plot, PlotError, USUAL};
use crate::text;

/// What can be chosen about residuals.
#[derive(Clone, Debug, Default)]
pub struct ResidualsOptions {
    /// What is predicted, for the axes.
    pub label: String,
    /// Decides which points are drawn where there are too many.
    pub seed: u64,
    /// A title instead of the usual one.
    pub title: Option<String>,
    /// Width and height in CSS pixels.
    pub size: Option<(u32, u32)>,
}

/// Draws truth minus prediction against the prediction, with a band of one rmse either side.
///
/// ```
/// # use ironsage_display::plot::{residuals, ResidualsOptions};
/// let options = ResidualsOptions { label: "rings".into(), ..Default::default() };
/// let plot = residuals(&[9.0, 11.0, 7.5], &[10.0, 10.0, 8.0], &options)?;
/// assert!(plot.text().contains("rmse 0.866"));
/// # Ok::<(), ironsage_display::plot::PlotError>(())
/// ```
pub fn residuals(predicted: &[f64], truth: &[f64], options: &ResidualsOptions) -> Result<Plot, PlotError> {
    if predicted.len() != truth.len() {
        return Err(PlotError::Lengths {
            a: predicted.len(),
            first: "predictions".to_owned(),
            b: truth.len(),
            second: "true values".to_owned(),
        });
    }
    let size = checked_size(options.size, USUAL)?;
    let name = if options.label.is_empty() {
        "value"
    } else {
        &options.label
    };
    let points: Vec<(f64, f64)> = predicted
        .iter()
        .zip(truth)
        .map(|(p, t)| (*p, t - p))
        .filter(|(p, r)| p.is_finite() && r.is_finite())
        .collect();
    let left_out = predicted.len() - points.len();
    let off: Vec<f64> = points.iter().map(|p| p.1).collect();
    let (across, down) = axis::room(size);
    let x = Axis::around(
        &format!("predicted {name}"),
        points.iter().map(|p| p.0),
        across,
        Kind::Number,
    )?;
    // Only after the axis has refused what is too large to square.
    let (low, high) = extent(off.iter().copied()).unwrap_or((0.0, 0.0));
    Axis::over("residual", (low, high), 6, Kind::Number)?;
    let squares: Vec<f64> = off.iter().map(|r| r * r).collect();
    let rmse = mean(&squares).sqrt();
    let within = off.iter().filter(|r| r.abs() <= rmse).count();

    let title = options.title.clone();
    let mut head = Head::new(title.unwrap_or_else(|| format!("Residuals of {name}")));
    head.fact(format!("rmse {}", short(rmse, 3)));
    head.fact(format!("mean residual {}", short(mean(&off), 3)));
    head.fact(format!(
        "{:.0} % within ± rmse",
        100.0 * within as f64 / off.len() as f64
    ));
    if points.len() > MOST_POINTS {
        head.fact(format!(
            "a sample of {} of {} rows",
            text::count(MOST_POINTS as u64),
            text::count(points.len() as u64)
        ));
    } else {
        head.fact(text::counted(points.len() as u64, "row"));
    }
    if left_out > 0 {
        let rows = text::counted(left_out as u64, "row");
        head.fact(format!("{rows} without a value left out"));
    }

    let y_label = format!("true − predicted {name}");
    let y = Axis::around(&y_label, [low, high, rmse, -rmse], down, Kind::Number)?;
    let ends = ["+ rmse", "− rmse"];
    let legend = if rmse > 0.0 {
        end_room(ends.into_iter())
    } else {
        Legend::None
    };
    let mut panel = Panel::new(size, &head, x, Vertical::Values(y), legend, Grid::Both);
    let (left, right) = (panel.left, panel.right);
    let (above, below, zero) = (panel.py(rmse), panel.py(-rmse), panel.py(0.0));
    let band = Paint {
        rgb: theme::BLUE,
        alpha: 0.07,
    };
    panel.scene.rect((left, above), (right, below), band);
    let (radius, alpha) = dot(points.len().min(MOST_POINTS));
    for i in sample::positions(points.len(), MOST_POINTS, options.seed) {
        let at = (panel.px(points[i].0), panel.py(points[i].1));
        let paint = Paint {
            rgb: theme::BLUE,
            alpha,
        };
        panel.scene.dot(at, radius, paint);
    }
    panel.scene.line(vec![(left, zero), (right, zero)], 1.25, theme::INK);
    if rmse > 0.0 {
        let labels: Vec<_> = ends
            .into_iter()
            .zip([above, below])
            .map(|(text, y)| (right, y, text.to_owned(), theme::LABEL))
            .collect();
        panel.end_labels(&labels);
    }
    Plot::new(panel.scene, &head)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_line_has_the_numbers() {
        let options = ResidualsOptions {
            label: "rings".to_owned(),
            ..ResidualsOptions::default()
        };
        let plot = residuals(&[1.0, 2.0, 3.0, f64::NAN], &[2.0, 2.0, 2.0, 1.0], &options).unwrap();
        assert_eq!(
            plot.text(),
            "Residuals of rings, rmse 0.816, mean residual 0, 33 % within ± rmse, 3 rows, \
             1 row without a value left out"
        );
    }

    #[test]
    fn perfect_empty_and_unequal() {
        let options = ResidualsOptions::default();
        assert!(residuals(&[1.0, 2.0], &[1.0, 2.0], &options).is_ok());
        let empty = residuals(&[], &[], &options);
        assert!(matches!(empty, Err(PlotError::NoValues { .. })));
        let unequal = residuals(&[1.0], &[], &options);
        assert!(matches!(unequal, Err(PlotError::Lengths { .. })));
        let large = residuals(&[1.0], &[f64::MAX], &options);
        assert!(matches!(large, Err(PlotError::TooLarge { .. })));
    }
}
