//! Scatter plots: how two columns go together, and a third by colour.

use super::axis::{self, Axis, Kind, short};
use super::panel::{Grid, Head, Legend, Panel, Vertical, checked_size};
use super::sample::{self, MOST_POINTS};
use super::scene::Paint;
use super::theme::{self, Rgb};
use super::{Plot, PlotError, USUAL};
use crate::text;

/// What can be chosen about a scatter plot.
#[derive(Clone, Debug, Default)]
pub struct ScatterOptions {
    /// A column that colours the points: groups, or a scale where it is numeric with many values.
    pub color: Option<String>,
    /// Decides which points are drawn where there are too many.
    pub seed: u64,
    /// A title instead of the usual one.
    pub title: Option<String>,
    /// Width and height in CSS pixels.
    pub size: Option<(u32, u32)>,
}

/// How points are coloured.
pub(super) enum Coloring {
    One,
    /// Each point's group, and the groups' names and colours.
    Groups(Vec<usize>, Vec<(String, Rgb)>),
    /// Each point's value; NaN where there is none.
    Scale(Vec<f64>, Kind),
}

/// The points: all finite.
pub(super) struct Points {
    pub(super) x: Vec<f64>,
    pub(super) y: Vec<f64>,
    pub(super) x_kind: Kind,
    pub(super) y_kind: Kind,
    pub(super) coloring: Coloring,
    pub(super) left_out: usize,
}

pub(super) fn draw(
    (x_name, y_name): (&str, &str),
    points: &Points,
    options: &ScatterOptions,
) -> Result<Plot, PlotError> {
    let size = checked_size(options.size, USUAL)?;
    let n = points.x.len();
    if n == 0 {
        return Err(PlotError::NoValues {
            what: format!("{y_name} by {x_name}"),
        });
    }
    let title = options.title.clone();
    let mut head = Head::new(title.unwrap_or_else(|| format!("{y_name} by {x_name}")));
    if let Some(r) = correlation(&points.x, &points.y) {
        head.fact(format!("r = {}", axis::decimal(r, 2)));
    }
    if n > MOST_POINTS {
        head.fact(format!(
            "a sample of {} of {} points",
            text::count(MOST_POINTS as u64),
            text::count(n as u64)
        ));
    } else {
        head.fact(text::counted(n as u64, "point"));
    }
    let name = options.color.clone().unwrap_or_default();
    let mut scale = None;
    let legend = match &points.coloring {
        Coloring::One => Legend::None,
        Coloring::Groups(_, groups) => {
            head.fact(text::counted(groups.len() as u64, "colour"));
            Legend::Groups {
                name,
                entries: groups.clone(),
            }
        }
        Coloring::Scale(values, kind) => {
            let (low, high) =
                axis::extent(values.iter().copied()).ok_or_else(|| PlotError::NoValues { what: name.clone() })?;
            let axis = Axis::over(&name, (low, high), 5, *kind)?;
            head.fact(format!("coloured by {name}"));
            scale = Some(axis.clone());
            Legend::Scale { name, axis }
        }
    };
    if points.left_out > 0 {
        let rows = text::counted(points.left_out as u64, "row");
        head.fact(format!("{rows} without a value left out"));
    }

    let (across, down) = axis::room(size);
    let x = Axis::around(x_name, points.x.iter().copied(), across, points.x_kind)?;
    let y = Axis::around(y_name, points.y.iter().copied(), down, points.y_kind)?;
    let mut panel = Panel::new(size, &head, x, Vertical::Values(y), legend, Grid::Both);
    let drawn = sample::positions(n, MOST_POINTS, options.seed);
    let (radius, alpha) = dot(drawn.len());
    for i in drawn {
        let rgb = match &points.coloring {
            Coloring::One => theme::BLUE,
            Coloring::Groups(group, groups) => groups[group[i]].1,
            Coloring::Scale(values, _) => match &scale {
                Some(axis) if values[i].is_finite() => theme::sequential(axis.at(values[i])),
                _ => theme::OTHER,
            },
        };
        let at = (panel.px(points.x[i]), panel.py(points.y[i]));
        panel.scene.dot(at, radius, Paint { rgb, alpha });
    }
    Plot::new(panel.scene, &head)
}

/// The radius of a dot, and how much of it is seen, for so many of them.
pub(super) fn dot(points: usize) -> (f64, f64) {
    match points {
        0..=80 => (4.5, 0.85),
        81..=400 => (3.75, 0.7),
        401..=1_500 => (3.0, 0.5),
        _ => (2.5, 0.35),
    }
}

/// Pearson's correlation, where it exists.
pub(super) fn correlation(x: &[f64], y: &[f64]) -> Option<f64> {
    let (mx, my) = (super::hist::mean(x), super::hist::mean(y));
    let (mut xx, mut yy, mut xy) = (0.0, 0.0, 0.0);
    for (x, y) in x.iter().zip(y) {
        let (dx, dy) = (x - mx, y - my);
        xx += dx * dx;
        yy += dy * dy;
        xy += dx * dy;
    }
    let r = xy / (xx.sqrt() * yy.sqrt());
    (x.len() > 2 && r.is_finite()).then_some(r)
}

/// A number for a label in a picture.
pub(super) fn label(value: f64) -> String {
    short(value, 3)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn points(x: Vec<f64>, y: Vec<f64>) -> Points {
        Points {
            x,
            y,
            x_kind: Kind::Number,
            y_kind: Kind::Number,
            coloring: Coloring::One,
            left_out: 0,
        }
    }

    #[test]
    fn correlation_as_the_formula_gives_it() {
        let x: Vec<f64> = (0..50).map(f64::from).collect();
        let y: Vec<f64> = x.iter().map(|v| 3.0 - 2.0 * v).collect();
        assert!((correlation(&x, &y).unwrap() + 1.0).abs() < 1e-12);
        assert_eq!(correlation(&x, &vec![1.0; 50]), None, "no spread, no r");
        // From numpy: numpy.corrcoef([1,2,3,4],[1,3,2,5])[0,1]
        let r = correlation(&[1.0, 2.0, 3.0, 4.0], &[1.0, 3.0, 2.0, 5.0]).unwrap();
        assert!((r - 0.831_521_8).abs() < 1e-6, "{r}");
    }

    #[test]
    fn a_sample_says_so() {
        let x: Vec<f64> = (0..12_000).map(f64::from).collect();
        let plot = draw(("a", "b"), &points(x.clone(), x), &ScatterOptions::default()).unwrap();
        assert_eq!(plot.text(), "b by a, r = 1.00, a sample of 5,000 of 12,000 points");
    }

    #[test]
    fn a_constant_and_a_single_point_have_axes() {
        let options = ScatterOptions::default();
        assert!(draw(("a", "b"), &points(vec![1.0], vec![2.0]), &options).is_ok());
        assert!(draw(("a", "b"), &points(vec![1.0; 9], vec![0.0; 9]), &options).is_ok());
        let empty = draw(("a", "b"), &points(vec![], vec![]), &options);
        assert!(matches!(empty, Err(PlotError::NoValues { .. })));
    }
}
