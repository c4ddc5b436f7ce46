//! Bars: how many rows a category has, or what a column amounts to in it.
//!
//! Bars lie, so that names of categories are read without turning the head, and each carries its
//! number, so that no grid is needed.

use super::axis::{Axis, Kind, extent};
use super::font::{self, Weight};
use super::panel::{Grid, Head, Legend, Panel, Vertical, checked_size};
use super::scene::{Anchor, Label};
use super::theme::{self, size};
use super::{Plot, PlotError, USUAL};
use crate::text;

/// How values of a category become one number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Agg {
    /// The mean.
    #[default]
    Mean,
    /// The sum.
    Sum,
    /// The median.
    Median,
    /// The smallest.
    Min,
    /// The largest.
    Max,
    /// How many there are.
    Count,
}

impl Agg {
    /// All of them, by the names that a person types.
    pub const NAMES: [(&'static str, Agg); 6] = [
        ("mean", Agg::Mean),
        ("sum", Agg::Sum),
        ("median", Agg::Median),
        ("min", Agg::Min),
        ("max", Agg::Max),
        ("count", Agg::Count),
    ];

    /// The name that a person types.
    pub fn name(self) -> &'static str {
        match self {
            Agg::Mean => "mean",
            Agg::Sum => "sum",
            Agg::Median => "median",
            Agg::Min => "min",
            Agg::Max => "max",
            Agg::Count => "count",
        }
    }
}

/// What can be chosen about bars.
#[derive(Clone, Debug, Default)]
pub struct BarOptions {
    /// A column to aggregate in each category; rows are counted where this is absent.
    pub y: Option<String>,
    /// How it is aggregated.
    pub agg: Agg,
    /// A title instead of the usual one.
    pub title: Option<String>,
    /// Width and height in CSS pixels.
    pub size: Option<(u32, u32)>,
}

/// Most bars that are drawn.
pub(super) const MOST_BARS: usize = 30;

/// One category and its number.
pub(super) struct Bar {
    pub(super) name: String,
    pub(super) value: f64,
}

/// What bars show, beside their numbers.
pub(super) struct Bars<'a> {
    pub(super) head: Head,
    /// Name of the column of categories.
    pub(super) label: &'a str,
    /// What the numbers are.
    pub(super) value_label: String,
    pub(super) bars: Vec<Bar>,
    /// Negative bars in the contrasting colour.
    pub(super) signed: bool,
}

pub(super) fn draw(bars: &Bars<'_>, wanted: Option<(u32, u32)>) -> Result<Plot, PlotError> {
    let what = || bars.label.to_owned();
    let (low, high) = extent(bars.bars.iter().map(|b| b.value)).ok_or_else(|| PlotError::NoValues { what: what() })?;
    let rows = bars.bars.len() as u32;
    let height = (150 + rows * if rows > 12 { 20 } else { 26 }).max(220);
    let size = checked_size(wanted, (USUAL.0, height))?;
    let (low, high) = (low.min(0.0), high.max(0.0));
    let (low, high) = if low == high { (0.0, 1.0) } else { (low, high) };
    let mut x = Axis::over(&bars.value_label, (low, high), 5, Kind::Number)?;
    x.ticks.clear();
    let names = bars.bars.iter().map(|b| b.name.clone()).collect();
    let y = Vertical::Bands {
        label: bars.label.to_owned(),
        names,
    };
    let numbers = if bars.signed {
        // Weights of very different size, each to its own digits.
        bars.bars.iter().map(|b| super::scatter::label(b.value)).collect()
    } else {
        labels(&bars.bars)
    };
    let widest = |negative: bool| {
        let mine = bars.bars.iter().zip(&numbers);
        mine.filter(|(bar, _)| (bar.value < 0.0) == negative)
            .map(|(_, text)| font::width(text, size::TICK, Weight::Regular) + 10.0)
            .fold(0.0, f64::max)
    };
    let legend = Legend::Room(widest(false));
    let mut panel = Panel::new(size, &bars.head, x, y, legend, Grid::Vertical);
    // Numbers of negative bars stand on their left: they need room there.
    panel.left += widest(true);
    let zero = panel.px(0.0);
    let thick = (panel.band() * 0.68).min(26.0);
    for (i, bar) in bars.bars.iter().enumerate().filter(|(_, b)| b.value.is_finite()) {
        let y = panel.py(i as f64);
        let end = panel.px(bar.value);
        let color = if bars.signed && bar.value < 0.0 {
            theme::VERMILLION
        } else {
            theme::BLUE
        };
        panel.scene.rect((zero, y - thick / 2.0), (end, y + thick / 2.0), color);
        let label = if bar.value < 0.0 {
            Label::new(&*numbers[i], end - 5.0, y).anchor(Anchor::Right)
        } else {
            Label::new(&*numbers[i], end + 5.0, y)
        };
        panel.scene.text(label);
    }
    let (top, bottom) = (panel.top, panel.bottom);
    panel.scene.line(vec![(zero, top), (zero, bottom)], 1.0, theme::AXIS);
    Plot::new(panel.scene, &bars.head)
}

/// The numbers at the bars' ends: whole where all are whole, else to the same decimals.
fn labels(bars: &[Bar]) -> Vec<String> {
    let finite = || bars.iter().map(|b| b.value).filter(|v| v.is_finite());
    let largest = finite().fold(0.0_f64, |m, v| m.max(v.abs()));
    if finite().all(|v| v.fract() == 0.0) && largest < 1e15 {
        return bars.iter().map(|b| super::axis::decimal(b.value, 0)).collect();
    }
    if !(1e-3..1e7).contains(&largest) {
        return bars.iter().map(|b| super::scatter::label(b.value)).collect();
    }
    let decimals = (2.0 - largest.log10().floor()).clamp(0.0, 6.0) as usize;
    bars.iter().map(|b| super::axis::decimal(b.value, decimals)).collect()
}

/// Says that only the largest categories are drawn.
pub(super) fn cut(head: &mut Head, all: usize, shown: usize) {
    if shown < all {
        head.fact(format!("the first {shown} of {}", text::count(all as u64)));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn bars(values: &[f64]) -> Bars<'static> {
        let bar = |(i, value): (usize, &f64)| Bar {
            name: format!("c{i}"),
            value: *value,
        };
        Bars {
            head: Head::new("c"),
            label: "c",
            value_label: "rows".to_owned(),
            bars: values.iter().enumerate().map(bar).collect(),
            signed: true,
        }
    }

    #[test]
    fn numbers_at_bars_are_alike() {
        assert_eq!(labels(&bars(&[1_528.0, 3.0]).bars), ["1,528", "3"]);
        assert_eq!(labels(&bars(&[11.13, 7.9]).bars), ["11.1", "7.9"]);
        assert_eq!(labels(&bars(&[0.123_4, -0.05]).bars), ["0.123", "−0.050"]);
    }

    #[test]
    fn odd_bars_are_drawn_or_refused() {
        for values in [&[0.0][..], &[-1.0, 2.0], &[f64::NAN, 1.0], &[-5.0]] {
            assert!(draw(&bars(values), None).is_ok());
        }
        assert!(matches!(draw(&bars(&[]), None), Err(PlotError::NoValues { .. })));
        assert!(draw(&bars(&[f64::NAN]), None).is_err());
    }

    #[test]
    fn every_aggregate_has_its_name() {
        for (name, agg) in Agg::NAMES {
            assert_eq!(agg.name(), name);
        }
    }
}
