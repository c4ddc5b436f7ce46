//! Every column against every other: points below the diagonal, correlations above it, and each column's own
//! histogram on it.

use polars::prelude::DataFrame;

use super::axis::{self, Axis, Kind, decimal};
use super::column::{numbers, numeric};
use super::correlation::correlation;
use super::font::{self, Weight};
use super::groups::groups;
use super::hist;
use super::label::{Anchor, Label};
use super::legend::{Legend, draw_legend, legend_room};
use super::panel::{Grid, HIGH, Head, Panel, Region, Vertical, checked_size, draw_head};
use super::sample;
use super::scene::{Paint, Scene};
use super::theme::{self, Rgb, size, space};
use super::{Plot, PlotError};
use crate::text;

/// Most columns that fit.
const MOST_COLUMNS: usize = 6;
/// Most points in each cell: there are up to fifteen cells.
const MOST_POINTS: usize = 1_000;
/// Room between cells.
const GAP: f64 = 8.0;
/// Room for the numbers on the left and below.
const TICKS: (f64, f64) = (44.0, 20.0);

/// What can be chosen about a picture of pairs.
#[derive(Clone, Debug, Default)]
pub struct PairOptions {
    /// A column whose values colour the points.
    pub color: Option<String>,
    /// Decides which points are drawn where there are too many.
    pub seed: u64,
    /// A title instead of the usual one.
    pub title: Option<String>,
    /// Width and height in CSS pixels.
    pub size: Option<(u32, u32)>,
}

/// Every numeric column against every other; of all, where none are named.
pub fn pair(frame: &DataFrame, columns: &[String], options: &PairOptions) -> Result<Plot, PlotError> {
    let named = numeric(frame, columns);
    let (mut read, mut kinds) = (Vec::new(), Vec::new());
    for name in named.iter().take(MOST_COLUMNS) {
        let (values, kind) = numbers(frame, name)?;
        read.push((name.clone(), values));
        kinds.push(kind);
    }
    let (group, groups) = match &options.color {
        Some(color) => groups(frame, color)?,
        None => (vec![0; frame.height()], vec![(String::new(), theme::BLUE)]),
    };
    draw(&read, &kinds, named.len(), (&group, &groups), options)
}

/// Columns of equal length, NaN where a value is missing; each row's group, and the groups.
fn draw(
    columns: &[(String, Vec<f64>)],
    kinds: &[Kind],
    all: usize,
    (group, groups): (&[usize], &[(String, Rgb)]),
    options: &PairOptions,
) -> Result<Plot, PlotError> {
    let n = columns.len();
    if n < 2 {
        return Err(PlotError::FewColumns { columns: n });
    }
    let side = if n <= 3 { 190 } else { 140 };
    let usual = (
        100 + side * n as u32 + if groups.len() > 1 { 120 } else { 0 },
        120 + side * n as u32,
    );
    let size = checked_size(options.size, usual)?;
    let rows = columns[0].1.len();
    let mut head = Head::new(options.title.clone().unwrap_or_else(|| "Pairs".to_owned()));
    if n < all {
        head.fact(format!("the first {n} of {all} numeric columns"));
    } else {
        head.fact(format!("{n} numeric columns"));
    }
    let pairs = || (0..n).flat_map(|row| (0..row).map(move |column| (row, column)));
    let strongest = pairs()
        .filter_map(|(a, b)| Some((correlation(&columns[a].1, &columns[b].1)?, a, b)))
        .max_by(|a, b| a.0.abs().total_cmp(&b.0.abs()));
    if let Some((r, row, column)) = strongest {
        let (a, b) = (&columns[column].0, &columns[row].0);
        head.fact(format!("strongest {} between {a} and {b}", decimal(r, 2)));
    }
    if rows > MOST_POINTS {
        let (drawn, rows) = (text::count(MOST_POINTS as u64), text::count(rows as u64));
        head.fact(format!("a sample of {drawn} of {rows} rows"));
    } else {
        head.fact(text::counted(rows as u64, "row"));
    }

    let axes: Vec<Axis> = columns
        .iter()
        .zip(kinds)
        .map(|((name, values), kind)| Axis::around(name, values.iter().copied(), 3, *kind))
        .collect::<Result<_, _>>()?;
    let legend = match &options.color {
        Some(name) => Legend::Groups {
            name: name.clone(),
            entries: groups.to_vec(),
        },
        None => Legend::None,
    };
    let mut scene = Scene::new(size.0, size.1);
    let top = draw_head(&mut scene, &head);
    let (left, bottom) = (space::EDGE + TICKS.0, f64::from(size.1) - space::EDGE - TICKS.1);
    let right = f64::from(size.0) - space::EDGE - legend_room(&legend);
    draw_legend(&mut scene, (right, top, bottom), &legend);
    let step = ((right - left + GAP) / n as f64, (bottom - top + GAP) / n as f64);
    let drawn = sample::positions(rows, MOST_POINTS, options.seed);
    for (row, column) in (0..n).flat_map(|row| (0..n).map(move |column| (row, column))) {
        let from = (left + step.0 * column as f64, top + step.1 * row as f64);
        let to = (from.0 + step.0 - GAP, from.1 + step.1 - GAP);
        if row == n - 1 {
            let x = |at: f64| from.0 + (to.0 - from.0) * axes[column].at(at);
            let ticks = axes[column]
                .ticks
                .iter()
                .map(|(at, text)| (x(*at), text.clone()))
                .collect();
            let wide = |text: &str| font::width(text, size::TICK - 2.0, Weight::Regular) + 4.0;
            for (x, text) in axis::spaced(ticks, wide) {
                scene.text(
                    Label::new(text, x, to.1 + 14.0)
                        .size(size::TICK - 2.0)
                        .anchor(Anchor::Middle),
                );
            }
        }
        if column == 0 && row > 0 {
            let y = |at: f64| to.1 - (to.1 - from.1) * axes[row].at(at);
            let ticks = axes[row]
                .ticks
                .iter()
                .map(|(at, text)| (y(*at), text.clone()))
                .collect();
            for (y, text) in axis::spaced(ticks, |_| HIGH) {
                let label = Label::new(text, from.0 - 6.0, y).size(size::TICK - 2.0);
                scene.text(label.anchor(Anchor::Right));
            }
        }
        if column > row {
            let r = correlation(&columns[row].1, &columns[column].1);
            let color = r.map_or(theme::GRID, theme::diverging);
            scene.rect(from, to, color);
            let text = r.map_or_else(|| "–".to_owned(), |r| decimal(r, 2));
            let label = Label::new(text, (from.0 + to.0) / 2.0, (from.1 + to.1) / 2.0);
            let label = label.size(size::TITLE - 2.0).anchor(Anchor::Middle);
            if label.width() + 4.0 < to.0 - from.0 && to.1 - from.1 > 16.0 {
                scene.text(label.color(theme::text_on(color)));
            }
            continue;
        }
        // A panel leaves a little room at its top.
        let region = Region {
            left: from.0,
            right: to.0,
            top: from.1 - 6.0,
            bottom: to.1,
        };
        let x = axes[column].bare();
        if column == row {
            scene = draw_own(scene, region, x, &columns[row], (group, groups))?;
            continue;
        }
        let y = Vertical::Values(axes[row].bare());
        let mut panel = Panel::within(scene, region, x, y, &Legend::None, Grid::Both);
        let (xs, ys) = (&columns[column].1, &columns[row].1);
        for i in drawn
            .iter()
            .copied()
            .filter(|i| xs[*i].is_finite() && ys[*i].is_finite())
        {
            let at = (panel.px(xs[i]), panel.py(ys[i]));
            let paint = Paint {
                rgb: groups[group[i]].1,
                alpha: if rows > 300 { 0.4 } else { 0.7 },
            };
            panel.scene.dot(at, 1.8, paint);
        }
        scene = panel.scene;
    }
    Plot::new(scene, &head)
}

/// A column's histogram, under its name.
fn draw_own(
    scene: Scene,
    region: Region,
    x: Axis,
    (name, values): &(String, Vec<f64>),
    (group, groups): (&[usize], &[(String, Rgb)]),
) -> Result<Scene, PlotError> {
    let mut split = vec![Vec::new(); groups.len()];
    for (value, group) in values.iter().zip(group).filter(|(value, _)| value.is_finite()) {
        split[*group].push(*value);
    }
    let sketch = hist::Sketch::of(split);
    // Above the bars there is room for the name.
    let y = Axis::from_zero("", sketch.highest() as f64 * 1.25, 2, Kind::Number)?.bare();
    let mut panel = Panel::within(scene, region, x, Vertical::Values(y), &Legend::None, Grid::Vertical);
    sketch.draw(&mut panel, groups);
    let room = panel.right - panel.left - 8.0;
    let name = font::fit_name(name, size::TICK, Weight::Medium, room);
    let label = Label::new(name, panel.left + 4.0, panel.top + 9.0);
    panel.scene.text(label.color(theme::INK).medium());
    Ok(panel.scene)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_line_names_the_strongest_pair_and_the_sample() {
        let up: Vec<f64> = (0..3_000).map(f64::from).collect();
        let down: Vec<f64> = up.iter().map(|v| -v).collect();
        let wave: Vec<f64> = up.iter().map(|v| (v / 7.0).sin()).collect();
        let columns = [("up", up), ("down", down), ("wave", wave)].map(|(name, values)| (name.to_owned(), values));
        let groups = [(String::new(), theme::BLUE)];
        let plot = draw(
            &columns,
            &[Kind::Number; 3],
            3,
            (&[0; 3_000], &groups),
            &PairOptions::default(),
        )
        .unwrap();
        assert_eq!(
            plot.text(),
            "Pairs, 3 numeric columns, strongest -1.00 between up and down, a sample of 1,000 of 3,000 rows"
        );
        let one = draw(
            &columns[..1],
            &[Kind::Number],
            1,
            (&[0; 3_000], &groups),
            &PairOptions::default(),
        );
        assert!(matches!(one, Err(PlotError::FewColumns { columns: 1 })));
    }

    #[test]
    fn columns_with_gaps_and_one_value_have_cells() {
        let columns = [("a", vec![1.0, f64::NAN, 3.0]), ("b", vec![2.0; 3])].map(|(name, v)| (name.to_owned(), v));
        let groups = [("x".to_owned(), theme::BLUE), ("y".to_owned(), theme::GREEN)];
        assert!(
            draw(
                &columns,
                &[Kind::Number; 2],
                2,
                (&[0, 1, 0], &groups),
                &PairOptions::default()
            )
            .is_ok()
        );
    }
}
