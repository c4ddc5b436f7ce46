//! Scatter plots: how two columns go together, and a third by colour.

use polars::prelude::DataFrame;
use serde_json::json;

use super::axis::{self, Axis, Kind, short};
use super::column::{is_scale, numbers, scaled};
use super::correlation::correlation;
use super::groups::{Parts, groups};
use super::legend::Legend;
use super::panel::{self, Grid, Head, Vertical, checked_size};
use super::sample::{self, MOST_POINTS};
use super::scene::Paint;
use super::spread::left_out;
use super::theme::{self, Rgb};
use super::{Log, Plot, PlotError, vega};
use crate::text;

/// What can be chosen about a scatter plot.
#[derive(Clone, Debug, Default)]
pub struct ScatterOptions {
    /// A column that colours the points: groups, or a scale where it is numeric with many values.
    pub color: Option<String>,
    /// A column whose values make small multiples.
    pub by: Option<String>,
    /// Logarithmic axes.
    pub log: Log,
    /// Decides which points are drawn where there are too many.
    pub seed: u64,
    /// A Vega-Lite specification beside the picture.
    pub interactive: bool,
    /// A title instead of the usual one.
    pub title: Option<String>,
    /// Width and height in CSS pixels.
    pub size: Option<(u32, u32)>,
}

/// How points are coloured.
enum Coloring {
    One,
    /// Each point's group, and the groups' names and colours.
    Groups(Vec<usize>, Vec<(String, Rgb)>),
    /// Each point's value; NaN where there is none.
    Scale(Vec<f64>, Kind),
}

/// The points: all have a place on both axes.
struct Points {
    x: Vec<f64>,
    y: Vec<f64>,
    x_kind: Kind,
    y_kind: Kind,
    coloring: Coloring,
    /// Each point's part, and the parts' names.
    part: Vec<usize>,
    facets: Vec<String>,
    /// How many parts there are beyond those that are drawn, as a fact.
    cut: Option<String>,
    left_out: usize,
}

/// How two columns go together, and a third by colour. At most 5,000 points are drawn.
pub fn scatter(frame: &DataFrame, x: &str, y: &str, options: &ScatterOptions) -> Result<Plot, PlotError> {
    let parts = Parts::of(frame, options.by.as_deref())?;
    let frame = &parts.frame;
    let (xs, x_kind) = numbers(frame, x)?;
    let (ys, y_kind) = numbers(frame, y)?;
    let (x_kind, y_kind) = (scaled(x_kind, options.log.x()), scaled(y_kind, options.log.y()));
    let kept: Vec<usize> = (0..xs.len())
        .filter(|i| x_kind.takes(xs[*i]) && y_kind.takes(ys[*i]))
        .collect();
    let pick = |values: &[f64]| -> Vec<f64> { kept.iter().map(|i| values[*i]).collect() };
    let coloring = match &options.color {
        None => Coloring::One,
        Some(color) if is_scale(frame, color)? => {
            let (values, kind) = numbers(frame, color)?;
            Coloring::Scale(pick(&values), kind)
        }
        Some(color) => {
            let (of_row, names) = groups(frame, color)?;
            Coloring::Groups(kept.iter().map(|i| of_row[*i]).collect(), names)
        }
    };
    let points = Points {
        x: pick(&xs),
        y: pick(&ys),
        x_kind,
        y_kind,
        coloring,
        part: kept.iter().map(|i| parts.of_row[*i]).collect(),
        facets: parts.names,
        cut: parts.cut,
        left_out: xs.len() - kept.len(),
    };
    draw((x, y), &points, options)
}

fn draw((x_name, y_name): (&str, &str), points: &Points, options: &ScatterOptions) -> Result<Plot, PlotError> {
    let facets = points.facets.len();
    let size = checked_size(options.size, panel::usual_of(facets))?;
    let n = points.x.len();
    let log = [points.x_kind, points.y_kind].contains(&Kind::Log);
    if n == 0 {
        return Err(PlotError::nothing(format!("{y_name} by {x_name}"), log));
    }
    let title = options.title.clone();
    let mut head = Head::new(title.unwrap_or_else(|| match &options.by {
        Some(by) => format!("{y_name} by {x_name} and {by}"),
        None => format!("{y_name} by {x_name}"),
    }));
    // Two points always lie on a line.
    if n > 2
        && let Some(r) = correlation(&points.x, &points.y)
    {
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
                name: name.clone(),
                entries: groups.clone(),
            }
        }
        Coloring::Scale(values, kind) => {
            let (low, high) =
                axis::extent(values.iter().copied()).ok_or_else(|| PlotError::NoValues { what: name.clone() })?;
            let axis = Axis::over(&name, (low, high), 5, *kind)?;
            head.fact(format!("coloured by {name}"));
            scale = Some(axis.clone());
            Legend::Scale {
                name: name.clone(),
                axis,
                color: theme::sequential,
            }
        }
    };
    if let Some(cut) = &points.cut {
        head.fact(cut);
    }
    left_out(&mut head, points.left_out, log);

    let (across, down) = panel::room_of(size, facets);
    let x = Axis::around(x_name, points.x.iter().copied(), across, points.x_kind)?;
    let y = Axis::around(y_name, points.y.iter().copied(), down, points.y_kind)?;
    let drawn = sample::positions(n, MOST_POINTS, options.seed);
    let (radius, alpha) = dot(drawn.len());
    let radius = if facets > 1 { radius * 0.8 } else { radius };
    let axes = (x, Vertical::Values(y));
    let scene = panel::facets(size, &head, &points.facets, axes, legend, Grid::Both, |panel, facet| {
        for i in drawn.iter().copied().filter(|i| points.part[*i] == facet) {
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
    });
    let plot = Plot::new(scene, &head)?;
    Ok(if options.interactive {
        plot.with_vega(specification((x_name, y_name), points, &drawn, &head, options))
    } else {
        plot
    })
}

/// The points that are drawn, with what they are under the pointer.
fn specification(
    (x_name, y_name): (&str, &str),
    points: &Points,
    drawn: &[usize],
    head: &Head,
    options: &ScatterOptions,
) -> serde_json::Value {
    let rows = drawn
        .iter()
        .map(|i| {
            let color = match &points.coloring {
                Coloring::One => json!(null),
                Coloring::Groups(group, groups) => json!(groups[group[*i]].0),
                Coloring::Scale(values, kind) => json!(vega::value(values[*i], *kind)),
            };
            json!({
                "x": vega::value(points.x[*i], points.x_kind),
                "y": vega::value(points.y[*i], points.y_kind),
                "color": color,
                "facet": points.facets[points.part[*i]],
            })
        })
        .collect();
    let mut encoding = json!({
        "x": vega::axis("x", x_name, points.x_kind),
        "y": vega::axis("y", y_name, points.y_kind),
    });
    let name = options.color.as_deref().unwrap_or_default();
    match &points.coloring {
        Coloring::One => {}
        Coloring::Groups(_, groups) => encoding["color"] = vega::colors(name, groups),
        Coloring::Scale(_, kind) => {
            encoding["color"] = vega::axis("color", name, *kind);
            encoding["color"]["scale"] = json!({"scheme": "viridis"});
        }
    }
    let mark = json!({"type": "point", "filled": true, "opacity": dot(drawn.len()).1, "tooltip": true});
    let mut specification = vega::specification(head, mark, rows, encoding, options.by.as_deref());
    specification["params"] = vega::zoom();
    specification
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

/// A number for a label in a picture.
pub(super) fn label(value: f64) -> String {
    short(value, 3)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn points(x: Vec<f64>, y: Vec<f64>) -> Points {
        let part = vec![0; x.len()];
        Points {
            x,
            y,
            x_kind: Kind::Number,
            y_kind: Kind::Number,
            coloring: Coloring::One,
            part,
            facets: vec![String::new()],
            cut: None,
            left_out: 0,
        }
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
