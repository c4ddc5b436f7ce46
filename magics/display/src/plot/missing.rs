//! Where values are missing: one band for each column, from the first row to the last.
//!
//! A column that fails from some row on, or two that fail together, are seen at once; the share is written at
//! the band's end.

use polars::prelude::DataFrame;

use super::axis::{Axis, Kind, decimal};
use super::font::{self, Weight};
use super::label::{Anchor, Label};
use super::legend::Legend;
use super::panel::{self, Grid, Head, Vertical, checked_size};
use super::theme::{self, size};
use super::{Plot, PlotError, USUAL};
use crate::text;

/// Most columns that have a band.
const MOST_COLUMNS: usize = 40;
/// Most pieces of a band.
const PIECES: usize = 240;

/// What can be chosen about a picture of missing values.
#[derive(Clone, Debug, Default)]
pub struct MissingOptions {
    /// A title instead of the usual one.
    pub title: Option<String>,
    /// Width and height in CSS pixels.
    pub size: Option<(u32, u32)>,
}

/// Where values are missing: nulls, and NaN among floats, along the rows of each column.
pub fn missing(frame: &DataFrame, options: &MissingOptions) -> Result<Plot, PlotError> {
    let mut columns = Vec::new();
    for column in frame.columns() {
        let mut gone: Vec<bool> = column.is_null().iter().map(|v| v == Some(true)).collect();
        if column.dtype().is_float() {
            for (gone, nan) in gone.iter_mut().zip(column.is_nan()?.iter()) {
                *gone |= nan == Some(true);
            }
        }
        columns.push((column.name().to_string(), gone));
    }
    draw(columns, frame.height(), options)
}

/// Columns with, for each row, whether its value is missing.
fn draw(mut columns: Vec<(String, Vec<bool>)>, rows: usize, options: &MissingOptions) -> Result<Plot, PlotError> {
    if columns.is_empty() || rows == 0 {
        return Err(PlotError::NoValues {
            what: "the frame".to_owned(),
        });
    }
    let gone = |column: &[bool]| column.iter().filter(|gone| **gone).count();
    let all = columns.len();
    let total: usize = columns.iter().map(|(_, column)| gone(column)).sum();
    let complete = (0..rows)
        .filter(|row| columns.iter().all(|(_, column)| !column[*row]))
        .count();
    let mut head = Head::new(options.title.clone().unwrap_or_else(|| "Missing values".to_owned()));
    let values = text::count((all * rows) as u64);
    head.fact(format!("{} of {values} values missing", text::count(total as u64)));
    let complete = text::count(complete as u64);
    head.fact(format!("{complete} of {} complete", text::counted(rows as u64, "row")));
    if let Some((name, column)) = columns.iter().rev().max_by_key(|(_, column)| gone(column))
        && total > 0
    {
        head.fact(format!("most in {name} ({})", share(gone(column), rows)));
    }
    if all > MOST_COLUMNS {
        // The most incomplete ones, in the frame's order.
        let mut kept: Vec<usize> = (0..all).collect();
        kept.sort_by_key(|i| std::cmp::Reverse(gone(&columns[*i].1)));
        kept.truncate(MOST_COLUMNS);
        let mut at = 0..;
        columns.retain(|_| at.next().is_some_and(|i| kept.contains(&i)));
        head.fact(format!("the {MOST_COLUMNS} most incomplete of {all} columns"));
    }

    let bands = columns.len() as u32;
    let height = (130 + bands * if bands > 12 { 18 } else { 26 }).max(200);
    let size = checked_size(options.size, (USUAL.0, height))?;
    let (across, _) = panel::room_of(size, 1);
    let x = Axis::over("row", (0.0, rows as f64), across, Kind::Whole)?;
    let y = Vertical::Bands {
        label: String::new(),
        names: columns.iter().map(|(name, _)| name.clone()).collect(),
    };
    let shares: Vec<String> = columns.iter().map(|(_, column)| share(gone(column), rows)).collect();
    let widest = shares
        .iter()
        .map(|text| font::width(text, size::TICK, Weight::Regular))
        .fold(0.0, f64::max);
    let legend = Legend::Room(widest + 10.0);
    let mut panel = panel::Panel::new(size, &head, x, y, legend, Grid::Vertical);
    let half = (panel.band() * 0.36).min(11.0);
    let pieces = rows.min(PIECES);
    for (i, ((_, column), text)) in columns.iter().zip(shares).enumerate() {
        let (middle, right) = (panel.py(i as f64), panel.right);
        let (upper, lower) = (middle - half, middle + half);
        let ground = theme::tint(theme::BLUE, 0.14);
        panel.scene.rect((panel.left, upper), (right, lower), ground);
        for piece in 0..pieces {
            let (from, to) = (piece * rows / pieces, (piece + 1) * rows / pieces);
            let part = gone(&column[from..to]) as f64 / (to - from) as f64;
            if part > 0.0 {
                let (left, right) = (panel.px(from as f64), panel.px(to as f64));
                // One missing value in many rows is still seen.
                let color = theme::mix(ground, theme::VERMILLION, 0.35 + 0.65 * part);
                panel.scene.rect((left, upper), (right.max(left + 1.0), lower), color);
            }
        }
        let ink = if text == "0 %" { theme::AXIS } else { theme::LABEL };
        let label = Label::new(text, right + 10.0 + widest, middle).anchor(Anchor::Right);
        if panel.is_written(i) {
            panel.scene.text(label.color(ink));
        }
    }
    Plot::new(panel.scene, &head)
}

/// A share in per cent: never 0 % for something, nor 100 % for less than all.
fn share(part: usize, all: usize) -> String {
    let percent = 100.0 * part as f64 / all.max(1) as f64;
    match percent {
        0.0 => "0 %".to_owned(),
        100.0 => "100 %".to_owned(),
        p if p < 0.1 => "< 0.1 %".to_owned(),
        p if p > 99.9 => "> 99.9 %".to_owned(),
        p => format!("{} %", decimal(p, 1)),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_line_counts_values_and_complete_rows() {
        let columns = vec![
            ("a".to_owned(), vec![true, false, false, false]),
            ("b".to_owned(), vec![true, true, false, false]),
            ("c".to_owned(), vec![false; 4]),
        ];
        let plot = draw(columns, 4, &MissingOptions::default()).unwrap();
        assert_eq!(
            plot.text(),
            "Missing values, 3 of 12 values missing, 2 of 4 rows complete, most in b (50.0 %)"
        );
    }

    #[test]
    fn nothing_and_very_much_are_told_apart() {
        assert!(draw(vec![], 0, &MissingOptions::default()).is_err());
        let wide: Vec<(String, Vec<bool>)> = (0..60).map(|i| (format!("c{i}"), vec![i > 30, false])).collect();
        let plot = draw(wide, 2, &MissingOptions::default()).unwrap();
        assert!(plot.text().ends_with("the 40 most incomplete of 60 columns"));
        assert_eq!(share(0, 10), "0 %");
        assert_eq!(share(1, 100_000), "< 0.1 %");
        assert_eq!(share(99_999, 100_000), "> 99.9 %");
        assert_eq!(share(10, 10), "100 %");
    }
}
