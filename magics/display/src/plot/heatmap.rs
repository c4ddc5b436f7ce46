//! Heatmaps: how many rows fall together in two columns, or what a third amounts to there.
//!
//! Columns of names have a row or a column for each; numbers and times with many values are put into bins of
//! round width. Where cells are large enough they carry their numbers.

use polars::prelude::DataFrame;

use super::axis::{self, Axis, Kind, decimal, extent, round_step, short, written};
use super::bar::Agg;
use super::column::{column, numbers, refuse_times};
use super::font::{self, Weight};
use super::groups::Parts;
use super::label::{Anchor, Label};
use super::legend::Legend;
use super::panel::{Grid, Head, Panel, Vertical, checked_size};
use super::spread::left_out as say_left_out;
use super::theme::{self, size};
use super::{Plot, PlotError, USUAL};
use crate::text;

/// Most different numbers that have a row or a column each; more are put into bins.
const MOST_NUMBERS: usize = 20;
/// Most categories along a side of a heatmap.
const MOST_SIDE: usize = 30;

/// About how many bins a side has.
const BINS: f64 = 24.0;

/// What can be chosen about a heatmap.
#[derive(Clone, Debug, Default)]
pub struct HeatmapOptions {
    /// A column to aggregate in each cell; rows are counted where this is absent.
    pub value: Option<String>,
    /// How it is aggregated.
    pub agg: Agg,
    /// A title instead of the usual one.
    pub title: Option<String>,
    /// Width and height in CSS pixels.
    pub size: Option<(u32, u32)>,
}

/// What lies along a side.
enum Along {
    Names(Vec<String>),
    /// Bins of equal width, from a low end on.
    Bins {
        low: f64,
        width: f64,
        count: usize,
        kind: Kind,
    },
}

/// A column along a side: where each row falls, if anywhere.
struct Side {
    of_row: Vec<Option<usize>>,
    along: Along,
    /// How many categories there are beyond those that are drawn, as a fact.
    cut: Option<String>,
}

impl Side {
    fn count(&self) -> usize {
        match &self.along {
            Along::Names(names) => names.len(),
            Along::Bins { count, .. } => *count,
        }
    }

    /// Where a cell begins and ends on the axis. Names run down from the top.
    fn ends(&self, i: usize) -> (f64, f64) {
        match &self.along {
            Along::Names(_) => (i as f64 - 0.5, i as f64 + 0.5),
            Along::Bins { low, width, .. } => (low + width * i as f64, low + width * (i + 1) as f64),
        }
    }

    fn axis(&self, label: &str, wanted: usize, room: f64) -> Result<Axis, PlotError> {
        match &self.along {
            Along::Names(names) => Ok(Axis::of_names(label, names, room)),
            Along::Bins { low, kind, .. } => {
                let (_, high) = self.ends(self.count() - 1);
                Axis::over(label, (*low, high), wanted, *kind)
            }
        }
    }

    /// What a cell is called in the line of text.
    fn name(&self, i: usize) -> String {
        match &self.along {
            Along::Names(names) => names[i].clone(),
            Along::Bins { width, kind, .. } => {
                let (from, to) = self.ends(i);
                format!(
                    "{} to {}",
                    written(from, *kind, *width, 4),
                    written(to, *kind, *width, 4)
                )
            }
        }
    }
}

/// Numbers or times in bins.
fn binned(name: &str, values: &[f64], kind: Kind) -> Result<Side, PlotError> {
    let (low, high) = extent(values.iter().copied()).ok_or_else(|| PlotError::NoValues { what: name.to_owned() })?;
    // Refuses what is too large, and widens what is one value.
    let ends = Axis::over(name, (low, high), 5, kind)?;
    let least = (ends.high - ends.low) / BINS;
    let width = match kind {
        Kind::Time => least,
        _ => round_step(least, kind == Kind::Whole),
    };
    let low = match kind {
        Kind::Time => low,
        Kind::Whole => (low / width).floor() * width - 0.5,
        _ => (low / width).floor() * width,
    };
    let count = ((high - low) / width - 1e-9).ceil().max(1.0) as usize;
    let bin = |v: &f64| {
        v.is_finite()
            .then(|| (((v - low) / width).max(0.0) as usize).min(count - 1))
    };
    Ok(Side {
        of_row: values.iter().map(bin).collect(),
        along: Along::Bins {
            low,
            width,
            count,
            kind,
        },
        cut: None,
    })
}

/// How many rows fall together in two columns, or what a third amounts to there.
pub fn heatmap(frame: &DataFrame, x: &str, y: &str, options: &HeatmapOptions) -> Result<Plot, PlotError> {
    let (x_side, y_side) = (side(frame, x)?, side(frame, y)?);
    let (values, agg) = match &options.value {
        Some(value) => {
            let (values, kind) = numbers(frame, value)?;
            refuse_times(frame, value, kind)?;
            (values, options.agg)
        }
        None => (vec![0.0; frame.height()], Agg::Count),
    };
    let mut cells = vec![vec![Vec::new(); x_side.count()]; y_side.count()];
    let mut left_out = 0;
    for (row, value) in values.into_iter().enumerate() {
        match (x_side.of_row[row], y_side.of_row[row]) {
            (Some(x), Some(y)) if value.is_finite() => cells[y][x].push(value),
            _ => left_out += 1,
        }
    }
    let cells: Vec<Vec<f64>> = cells
        .into_iter()
        .map(|row| {
            let filled = |values: Vec<f64>| {
                if values.is_empty() { f64::NAN } else { agg.of(values) }
            };
            row.into_iter().map(filled).collect()
        })
        .collect();
    draw((x, y), (&x_side, &y_side), &cells, left_out, options)
}

/// A column along a side of a heatmap: its categories, or bins where it has many numbers or times.
fn side(frame: &DataFrame, name: &str) -> Result<Side, PlotError> {
    let dtype = column(frame, name)?.dtype().clone();
    let measured = dtype.is_primitive_numeric() || dtype.is_decimal() || dtype.is_temporal();
    if measured && column(frame, name)?.n_unique()? > MOST_NUMBERS {
        let (values, kind) = numbers(frame, name)?;
        return binned(name, &values, kind);
    }
    let parts = Parts::most(frame, name, MOST_SIDE)?;
    Ok(Side {
        of_row: parts.of_all,
        along: Along::Names(parts.names),
        cut: parts.cut,
    })
}

/// Draws `cells[y][x]`; NaN is a cell without rows.
fn draw(
    (x_name, y_name): (&str, &str),
    (x_side, y_side): (&Side, &Side),
    cells: &[Vec<f64>],
    left_out: usize,
    options: &HeatmapOptions,
) -> Result<Plot, PlotError> {
    let (columns, rows) = (x_side.count(), y_side.count());
    let names_down = matches!(y_side.along, Along::Names(_));
    let usual = if names_down {
        (190 + 26 * rows as u32).clamp(260, 1_000)
    } else {
        USUAL.1 + 50
    };
    let size = checked_size(options.size, (USUAL.0, usual))?;
    let (low, high) = extent(cells.iter().flatten().copied()).ok_or_else(|| PlotError::NoValues {
        what: format!("{y_name} by {x_name}"),
    })?;
    let what = match &options.value {
        Some(value) => format!("{} {value}", options.agg.name()),
        None => "rows".to_owned(),
    };
    let title = options.title.clone();
    let mut head = Head::new(title.unwrap_or_else(|| format!("{what} by {x_name} and {y_name}")));
    head.fact(format!("{columns} × {rows} cells"));
    let places = (0..rows).flat_map(|y| (0..columns).map(move |x| (y, x)));
    let filled: Vec<(usize, usize)> = places.filter(|(y, x)| cells[*y][*x].is_finite()).collect();
    if let Some((y, x)) = filled.iter().copied().find(|(y, x)| cells[*y][*x] == high) {
        let (value, x, y) = (short(high, 4), x_side.name(x), y_side.name(y));
        head.fact(format!("highest {value} ({x_name} {x}, {y_name} {y})"));
    }
    for cut in [&x_side.cut, &y_side.cut].into_iter().flatten() {
        head.fact(cut);
    }
    say_left_out(&mut head, left_out, false);

    // Counts begin at nothing; other numbers at the lowest.
    let ends = if options.value.is_none() {
        (0.0, high)
    } else {
        (low, high)
    };
    let kind = if options.value.is_none() {
        Kind::Whole
    } else {
        Kind::Number
    };
    let scale = Axis::over(&what, ends, 5, kind)?;
    let legend = Legend::Scale {
        name: what.clone(),
        axis: scale.clone(),
        color: theme::filling,
    };
    let (across, down) = axis::room((size.0.saturating_sub(180).max(240), size.1));
    let cell_width = (f64::from(size.0) - 260.0).max(100.0) / columns as f64;
    let x = x_side.axis(x_name, across, (cell_width - 4.0).max(26.0))?;
    let y = if let Along::Names(names) = &y_side.along {
        Vertical::Bands {
            label: y_name.to_owned(),
            names: names.clone(),
        }
    } else {
        Vertical::Values(y_side.axis(y_name, down, 0.0)?)
    };
    let mut panel = Panel::new(size, &head, x, y, legend, Grid::None);
    let texts = numbered(cells);
    for (y, x) in filled {
        let value = cells[y][x];
        let (from, to) = x_side.ends(x);
        let (left, right) = (panel.px(from), panel.px(to));
        let (upper, lower) = if names_down {
            let middle = panel.py(y as f64);
            (middle - panel.band() / 2.0, middle + panel.band() / 2.0)
        } else {
            let (from, to) = y_side.ends(y);
            (panel.py(to), panel.py(from))
        };
        let color = theme::filling(scale.at(value));
        // A hair of ground between cells that are large enough to spare it.
        let gap = if right - left > 12.0 && lower - upper > 12.0 {
            0.75
        } else {
            0.0
        };
        let corners = ((left + gap, upper + gap), (right - gap, lower - gap));
        panel.scene.rect(corners.0, corners.1, color);
        let text = &texts[y][x];
        if font::width(text, size::TICK - 1.0, Weight::Regular) + 6.0 < right - left && lower - upper > 15.0 {
            let label = Label::new(text, (left + right) / 2.0, (upper + lower) / 2.0);
            let label = label.anchor(Anchor::Middle).size(size::TICK - 1.0);
            panel.scene.text(label.color(theme::text_on(color)));
        }
    }
    Plot::new(panel.scene, &head)
}

/// The cells' numbers: whole where all are whole, else to the same decimals.
fn numbered(cells: &[Vec<f64>]) -> Vec<Vec<String>> {
    let finite = || cells.iter().flatten().copied().filter(|v| v.is_finite());
    let largest = finite().fold(0.0_f64, |m, v| m.max(v.abs()));
    let whole = finite().all(|v| v.fract() == 0.0);
    let write = |value: &f64| {
        if whole && largest < 1e6 {
            decimal(*value, 0)
        } else if (1e-2..1e6).contains(&largest) {
            decimal(*value, (1.0 - largest.log10().floor()).clamp(0.0, 3.0) as usize)
        } else {
            text::significant(*value, 2)
        }
    };
    cells.iter().map(|row| row.iter().map(write).collect()).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn names(names: &[&str], of_row: &[usize]) -> Side {
        Side {
            of_row: of_row.iter().copied().map(Some).collect(),
            along: Along::Names(names.iter().map(ToString::to_string).collect()),
            cut: None,
        }
    }

    #[test]
    fn the_line_names_the_highest_cell() {
        let sides = (names(&["a", "b"], &[0, 1, 1]), names(&["x", "y"], &[0, 1, 1]));
        let cells = vec![vec![1.0, f64::NAN], vec![f64::NAN, 2.0]];
        let plot = draw(("c", "d"), (&sides.0, &sides.1), &cells, 1, &HeatmapOptions::default()).unwrap();
        assert_eq!(
            plot.text(),
            "rows by c and d, 2 × 2 cells, highest 2 (c b, d y), 1 row without a value left out"
        );
        let none = vec![vec![f64::NAN; 2]; 2];
        let nothing = draw(("c", "d"), (&sides.0, &sides.1), &none, 0, &HeatmapOptions::default());
        assert!(matches!(nothing, Err(PlotError::NoValues { .. })));
    }

    #[test]
    fn every_number_falls_into_a_round_bin() {
        let values: Vec<f64> = (0..100).map(|i| f64::from(i) * 0.37).chain([f64::NAN]).collect();
        let side = binned("v", &values, Kind::Number).unwrap();
        assert_eq!(side.of_row[100], None);
        for (value, bin) in values.iter().zip(&side.of_row).take(100) {
            let (from, to) = side.ends(bin.unwrap());
            assert!(from <= *value && *value <= to + 1e-9, "{value}: {from} to {to}");
        }
        assert_eq!(side.ends(1).0, 2.0);
        assert_eq!(binned("v", &[7.0; 3], Kind::Whole).unwrap().count(), 1);
        assert!(binned("v", &[f64::NAN], Kind::Number).is_err());
    }
}
