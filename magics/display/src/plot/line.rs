//! Line plots: how something runs along an ordered column, one line or one for each group.
//!
//! Lines are named at their right ends, where the eye already is. Where a line has more points
//! than the picture has room for, the mean of each step is drawn, and the picture says so.

use polars::prelude::DataFrame;
use serde_json::json;

use super::axis::{Axis, Kind, extent, written};
use super::column::{numbers, scaled};
use super::groups::{Parts, groups};
use super::legend::{Legend, end_room};
use super::panel::{self, Grid, Head, Panel, Vertical, checked_size};
use super::spread::left_out;
use super::theme::{self, Rgb};
use super::{Log, Plot, PlotError, vega};
use crate::text;

/// Points of a line beyond which steps are averaged.
const MOST_POINTS: usize = 1_000;
/// Points of a line beyond which it is drawn finer.
const MANY: usize = 150;
/// Points of a line up to which each is marked.
const FEW: usize = 30;
/// How many steps are averaged then.
const STEPS: usize = 500;

/// What can be chosen about a line plot.
#[derive(Clone, Debug, Default)]
pub struct LineOptions {
    /// A column whose values make lines, one colour each.
    pub color: Option<String>,
    /// A column whose values make small multiples.
    pub by: Option<String>,
    /// Logarithmic axes.
    pub log: Log,
    /// A Vega-Lite specification beside the picture.
    pub interactive: bool,
    /// A title instead of the usual one.
    pub title: Option<String>,
    /// Width and height in CSS pixels.
    pub size: Option<(u32, u32)>,
}

/// One line of one part: its points have a place on both axes and are sorted by x.
struct Series {
    name: String,
    color: Rgb,
    part: usize,
    points: Vec<(f64, f64)>,
}

/// All lines, and what they are drawn on.
struct Lines {
    series: Vec<Series>,
    kinds: (Kind, Kind),
    /// Names of the parts; one without a name where there are no small multiples.
    facets: Vec<String>,
    /// How many parts there are beyond those that are drawn, as a fact.
    cut: Option<String>,
    left_out: usize,
}

/// How a column runs along another: sorted by `x`, one line or one for each group.
pub fn line(frame: &DataFrame, x: &str, y: &str, options: &LineOptions) -> Result<Plot, PlotError> {
    let parts = Parts::of(frame, options.by.as_deref())?;
    let (xs, x_kind) = numbers(&parts.frame, x)?;
    let (ys, y_kind) = numbers(&parts.frame, y)?;
    let kinds = (scaled(x_kind, options.log.x()), scaled(y_kind, options.log.y()));
    let (group, names) = match &options.color {
        Some(color) => groups(&parts.frame, color)?,
        None => (vec![0; xs.len()], vec![(String::new(), theme::BLUE)]),
    };
    let mut series: Vec<Series> = (0..parts.names.len())
        .flat_map(|part| names.iter().map(move |(name, color)| (part, name, color)))
        .map(|(part, name, color)| Series {
            name: name.clone(),
            color: *color,
            part,
            points: Vec::new(),
        })
        .collect();
    let mut left_out = 0;
    for (row, (x, y)) in xs.iter().zip(&ys).enumerate() {
        if kinds.0.takes(*x) && kinds.1.takes(*y) {
            let at = parts.of_row[row] * names.len() + group[row];
            series[at].points.push((*x, *y));
        } else {
            left_out += 1;
        }
    }
    series.retain(|s| !s.points.is_empty());
    for s in &mut series {
        s.points.sort_by(|a, b| a.0.total_cmp(&b.0));
    }
    let lines = Lines {
        series,
        kinds,
        facets: parts.names,
        cut: parts.cut,
        left_out,
    };
    draw((x, y), &lines, options)
}

fn draw((x_name, y_name): (&str, &str), lines: &Lines, options: &LineOptions) -> Result<Plot, PlotError> {
    let (facets, series) = (lines.facets.len(), &lines.series);
    let size = checked_size(options.size, panel::usual_of(facets))?;
    let n: usize = series.iter().map(|s| s.points.len()).sum();
    let log = lines.kinds.0 == Kind::Log || lines.kinds.1 == Kind::Log;
    if n == 0 {
        return Err(PlotError::nothing(format!("{y_name} by {x_name}"), log));
    }
    let columns = [Some(x_name), options.color.as_deref(), options.by.as_deref()];
    let columns: Vec<&str> = columns.into_iter().flatten().collect();
    let title = options.title.clone();
    let mut head = Head::new(title.unwrap_or_else(|| format!("{y_name} by {}", columns.join(" and "))));
    if columns.len() > 1 {
        head.fact(text::counted(series.len() as u64, "line"));
    }
    head.fact(text::counted(n as u64, "point"));
    let values = || series.iter().flat_map(|s| s.points.iter());
    if let Some((low, high)) = extent(values().map(|p| p.1)) {
        let say = |value| written(value, lines.kinds.1, high - low, 3);
        head.fact(format!("{} to {}", say(low), say(high)));
    }

    let merged: Vec<Vec<(f64, f64)>> = series.iter().map(|s| same(&s.points)).collect();
    let averaged: Vec<Vec<(f64, f64)>> = merged.iter().map(|points| steps(points)).collect();
    if averaged.iter().zip(&merged).any(|(a, m)| a.len() < m.len()) {
        head.fact(format!("means of {STEPS} steps"));
    } else if merged.iter().zip(series).any(|(m, s)| m.len() < s.points.len()) {
        head.fact(format!("means at each value of {x_name}"));
    }
    if let Some(cut) = &lines.cut {
        head.fact(cut);
    }
    left_out(&mut head, lines.left_out, log);

    let shown = || averaged.iter().flatten();
    let (low, high) = extent(shown().map(|p| p.0)).unwrap_or((0.0, 1.0));
    let (across, down) = panel::room_of(size, facets);
    let x = Axis::over(x_name, (low, high), across, lines.kinds.0)?;
    let y = Axis::around(y_name, shown().map(|p| p.1), down, lines.kinds.1)?;
    let groups = named(series);
    // Lines are named at their ends where all end on the right; in small multiples there is no room, and one legend
    // serves all.
    let mut ends = averaged.iter().filter_map(|points| points.last());
    let named = options.color.is_some() && facets < 2 && ends.all(|last| x.at(last.0) > 0.96);
    let legend = match &options.color {
        Some(_) if named => end_room(series.iter().map(|s| s.name.as_str())),
        Some(name) => Legend::Groups {
            name: name.clone(),
            entries: groups.clone(),
        },
        None => Legend::None,
    };
    let axes = (x, Vertical::Values(y));
    let scene = panel::facets(
        size,
        &head,
        &lines.facets,
        axes,
        legend,
        Grid::Horizontal,
        |panel, facet| {
            let mut ends = Vec::new();
            for (line, points) in series.iter().zip(&averaged).filter(|(line, _)| line.part == facet) {
                draw_line(panel, points, line.color);
                if let Some(last) = points.last() {
                    let (x, y) = (panel.px(last.0), panel.py(last.1));
                    ends.push((x, y, line.name.clone(), line.color));
                }
            }
            if named {
                panel.end_labels(&ends);
            }
        },
    );
    let plot = Plot::new(scene, &head)?;
    if !options.interactive {
        return Ok(plot);
    }
    let mut rows = Vec::new();
    for (line, points) in series.iter().zip(&averaged) {
        for (x, y) in points {
            let (x, y) = (vega::value(*x, lines.kinds.0), vega::value(*y, lines.kinds.1));
            rows.push(json!({"x": x, "y": y, "color": line.name, "facet": lines.facets[line.part]}));
        }
    }
    let mut encoding = json!({
        "x": vega::axis("x", x_name, lines.kinds.0),
        "y": vega::axis("y", y_name, lines.kinds.1),
    });
    if let Some(name) = &options.color {
        encoding["color"] = vega::colors(name, &groups);
    }
    let few = averaged.iter().all(|points| points.len() <= FEW);
    let mark = json!({"type": "line", "point": few, "tooltip": true});
    let mut specification = vega::specification(&head, mark, rows, encoding, options.by.as_deref());
    specification["params"] = vega::zoom();
    Ok(plot.with_vega(specification))
}

/// Each name and its colour once.
fn named(series: &[Series]) -> Vec<(String, Rgb)> {
    let mut groups: Vec<(String, Rgb)> = Vec::new();
    for line in series {
        if groups.iter().all(|(name, _)| *name != line.name) {
            groups.push((line.name.clone(), line.color));
        }
    }
    groups
}

/// A line through its points; a dot where there is only one.
pub(super) fn draw_line(panel: &mut Panel, points: &[(f64, f64)], color: Rgb) {
    let at: Vec<(f64, f64)> = points.iter().map(|(x, y)| (panel.px(*x), panel.py(*y))).collect();
    if points.len() <= FEW {
        for point in &at {
            panel.scene.dot(*point, 3.0, color);
        }
    }
    let width = if points.len() > MANY { 1.5 } else { 2.0 };
    panel.scene.line(at, width, color);
}

/// Rows with the same x become one point, at their mean.
fn same(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    points
        .chunk_by(|a, b| a.0 == b.0)
        .map(|chunk| (chunk[0].0, chunk.iter().map(|p| p.1).sum::<f64>() / chunk.len() as f64))
        .collect()
}

/// The points themselves, or, of very many, the mean of each step along x.
fn steps(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    if points.len() <= MOST_POINTS {
        return points.to_vec();
    }
    let (low, high) = (points[0].0, points[points.len() - 1].0);
    let width = (high - low) / STEPS as f64;
    let step = |x: f64| {
        if width > 0.0 {
            (((x - low) / width) as usize).min(STEPS - 1)
        } else {
            0
        }
    };
    points
        .chunk_by(|a, b| step(a.0) == step(b.0))
        .map(|chunk| {
            let mean = |pick: fn(&(f64, f64)) -> f64| chunk.iter().map(pick).sum::<f64>() / chunk.len() as f64;
            (mean(|p| p.0), mean(|p| p.1))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::plot::theme;

    fn lines(points: Vec<(f64, f64)>) -> Lines {
        let series = Series {
            name: "a".to_owned(),
            color: theme::BLUE,
            part: 0,
            points,
        };
        Lines {
            series: vec![series],
            kinds: (Kind::Number, Kind::Number),
            facets: vec![String::new()],
            cut: None,
            left_out: 0,
        }
    }

    #[test]
    fn very_many_points_become_means_that_keep_the_mean() {
        let points: Vec<(f64, f64)> = (0..100_000).map(|i| (f64::from(i), 3.0)).collect();
        let means = steps(&points);
        assert_eq!(means.len(), STEPS);
        assert!(means.iter().all(|p| (p.1 - 3.0).abs() < 1e-9));
        let plot = draw(("t", "v"), &lines(points), &LineOptions::default());
        let plot = plot.unwrap();
        assert_eq!(plot.text(), "v by t, 100,000 points, 3 to 3, means of 500 steps");
    }

    #[test]
    fn rows_with_the_same_x_become_their_mean() {
        let points = vec![(1.0, 1.0), (1.0, 3.0), (2.0, 5.0)];
        assert_eq!(same(&points), [(1.0, 2.0), (2.0, 5.0)]);
        let plot = draw(("t", "v"), &lines(points), &LineOptions::default());
        assert!(plot.unwrap().text().ends_with("means at each value of t"));
    }

    #[test]
    fn a_point_and_a_constant_are_drawn() {
        let options = LineOptions::default();
        for points in [vec![(1.0, 1.0)], vec![(1.0, 2.0), (1.0, 2.0)]] {
            assert!(draw(("t", "v"), &lines(points), &options).is_ok());
        }
        let empty = draw(("t", "v"), &lines(vec![]), &options);
        assert!(matches!(empty, Err(PlotError::NoValues { .. })));
    }
}
