//! The correlation of each column with each other, as a triangle of coloured numbers.

use polars::prelude::DataFrame;

use super::axis::decimal;
use super::column::{numbers, numeric};
use super::correlation::correlation;
use super::font::{self, Weight};
use super::label::{Anchor, Label};
use super::panel::{Head, draw_head};
use super::scene::Scene;
use super::theme::{self, size, space};
use super::{Plot, PlotError};

/// What can be chosen about a correlation picture.
#[derive(Clone, Debug, Default)]
pub struct CorrOptions {
    /// A title instead of the usual one.
    pub title: Option<String>,
}

/// Most columns that fit.
const MOST_COLUMNS: usize = 20;
/// Most room for a name beside or below the cells.
const NAME: f64 = 150.0;

/// The correlation of each numeric column with each other; of all, where none are named.
pub fn corr(frame: &DataFrame, columns: &[String], options: &CorrOptions) -> Result<Plot, PlotError> {
    let named = numeric(frame, columns);
    let mut read = Vec::new();
    for name in named.iter().take(MOST_COLUMNS) {
        read.push((name.clone(), numbers(frame, name)?.0));
    }
    draw(&read, named.len(), options)
}

/// Columns of equal length; NaN where a value is missing, left out pair by pair.
fn draw(columns: &[(String, Vec<f64>)], all: usize, options: &CorrOptions) -> Result<Plot, PlotError> {
    if columns.len() < 2 {
        return Err(PlotError::FewColumns { columns: columns.len() });
    }
    let n = columns.len();
    let mut strongest: Option<(f64, usize, usize)> = None;
    let mut cells = Vec::new();
    for row in 1..n {
        for column in 0..row {
            let r = correlation(&columns[row].1, &columns[column].1);
            if let Some(r) = r
                && strongest.is_none_or(|(best, _, _)| r.abs() > best.abs())
            {
                strongest = Some((r, row, column));
            }
            cells.push((row, column, r));
        }
    }
    let mut head = Head::new(options.title.clone().unwrap_or_else(|| "Correlation".to_owned()));
    if n < all {
        head.fact(format!("the first {n} of {all} numeric columns"));
    } else {
        head.fact(format!("{n} numeric columns"));
    }
    if let Some((r, row, column)) = strongest {
        let (a, b) = (&columns[column].0, &columns[row].0);
        head.fact(format!("strongest {} between {a} and {b}", decimal(r, 2)));
    }

    let side = if n <= 10 { 52.0 } else { 40.0 };
    let names = columns
        .iter()
        .map(|(name, _)| font::width(name, size::TICK, Weight::Regular))
        .fold(0.0, f64::max)
        .min(NAME);
    let grid = side * (n - 1) as f64;
    let left = space::EDGE + names + space::GAP;
    let width = (left + grid + names * 0.75 + space::EDGE).max(480.0);
    let mut scene = Scene::new(width as u32, 100);
    let top = draw_head(&mut scene, &head) + 26.0;
    scene.height = (top + grid + space::EDGE) as u32;

    for (row, column, r) in cells {
        let x = left + side * column as f64;
        let y = top + side * (row - 1) as f64;
        let color = r.map_or(theme::GRID, theme::diverging);
        scene.rect((x + 1.0, y + 1.0), (x + side - 1.0, y + side - 1.0), color);
        let text = r.map_or_else(|| "–".to_owned(), |r| decimal(r, 2));
        let at = (x + side / 2.0, y + side / 2.0);
        let label = Label::new(text, at.0, at.1)
            .anchor(Anchor::Middle)
            .color(theme::text_on(color));
        scene.text(label);
    }
    for (i, (name, _)) in columns.iter().enumerate() {
        let name = font::fit_name(name, size::TICK, Weight::Regular, NAME);
        if i > 0 {
            let y = top + side * (i as f64 - 0.5);
            let label = Label::new(&*name, left - space::GAP, y).anchor(Anchor::Right);
            scene.text(label);
        }
        if i + 1 < n {
            // Above the stair: the name stands in its own empty cell, and runs to the right.
            let (x, y) = (left + side * i as f64, top + side * (i as f64 - 0.5));
            let y = if i == 0 { top - 10.0 } else { y };
            scene.text(Label::new(name, x + 4.0, y));
        }
    }
    Plot::new(scene, &head)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use polars::prelude::df;

    use super::*;

    #[test]
    fn missing_values_are_left_out_pair_by_pair() {
        let columns = vec![
            ("a".to_owned(), vec![1.0, 2.0, 3.0, f64::NAN]),
            ("b".to_owned(), vec![2.0, 4.0, 6.0, 0.0]),
            ("c".to_owned(), vec![1.0; 4]),
        ];
        let plot = draw(&columns, 3, &CorrOptions::default()).unwrap();
        assert_eq!(
            plot.text(),
            "Correlation, 3 numeric columns, strongest 1.00 between a and b"
        );
        assert!(draw(&columns[..1], 1, &CorrOptions::default()).is_err());
    }

    #[test]
    fn corr_takes_all_numeric_columns() {
        let frame = df!("a" => [1, 2, 3], "b" => [3, 2, 1], "s" => ["x", "y", "z"]).unwrap();
        let plot = corr(&frame, &[], &CorrOptions::default()).unwrap();
        assert_eq!(
            plot.text(),
            "Correlation, 2 numeric columns, strongest -1.00 between a and b"
        );
    }
}
