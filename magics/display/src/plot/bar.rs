//! Bars: how many rows a category has, or what a column amounts to in it.
//!
//! Bars lie, so that names of categories are read without turning the head, and each carries its
//! number, so that no grid is needed.

use polars::prelude::DataFrame;
use serde_json::json;

use super::axis::{self, Axis, Kind, extent};
use super::column::{column, numbers, refuse_times};
use super::font::{self, Weight};
use super::groups::{Parts, categories};
use super::hist::{mean, quantile};
use super::label::{Anchor, Label};
use super::legend::Legend;
use super::panel::{self, Grid, Head, Panel, Vertical, checked_size};
use super::spread::titled;
use super::theme::{self, size};
use super::{Plot, PlotError, USUAL, vega};
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

    /// What values amount to; NaN of none, but for their count.
    pub(super) fn of(self, mut values: Vec<f64>) -> f64 {
        if values.is_empty() && self != Agg::Count {
            return f64::NAN;
        }
        match self {
            Agg::Count => values.len() as f64,
            Agg::Mean => mean(&values),
            Agg::Sum => values.iter().sum(),
            Agg::Median => {
                values.sort_by(f64::total_cmp);
                quantile(&values, 0.5)
            }
            Agg::Min => values.iter().copied().fold(f64::INFINITY, f64::min),
            Agg::Max => values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
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
    /// A column whose values make small multiples.
    pub by: Option<String>,
    /// A Vega-Lite specification beside the picture.
    pub interactive: bool,
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
    /// The number of all rows.
    pub(super) value: f64,
    /// The number of each part, where there are small multiples.
    pub(super) parts: Vec<f64>,
}

impl Bar {
    fn part(&self, part: usize) -> f64 {
        self.parts.get(part).copied().unwrap_or(self.value)
    }
}

/// What bars show, beside their numbers.
pub(super) struct Bars<'a> {
    pub(super) head: Head,
    /// Name of the column of categories.
    pub(super) label: &'a str,
    /// What the numbers are.
    pub(super) value_label: String,
    pub(super) bars: Vec<Bar>,
    /// Names of the parts; one without a name where there are no small multiples.
    pub(super) facets: Vec<String>,
    /// Negative bars in the contrasting colour.
    pub(super) signed: bool,
}

/// How many rows each category has, or what another column amounts to in it.
pub fn bar(frame: &DataFrame, x: &str, options: &BarOptions) -> Result<Plot, PlotError> {
    let parts = Parts::of(frame, options.by.as_deref())?;
    let frame = &parts.frame;
    let (of_row, names) = categories(frame, x)?;
    let ordered = column(frame, x)?.dtype().clone();
    let (values, agg) = match &options.y {
        Some(y) => {
            let (values, kind) = numbers(frame, y)?;
            refuse_times(frame, y, kind)?;
            (values, options.agg)
        }
        None => (vec![0.0; of_row.len()], Agg::Count),
    };
    let facets = parts.names.len();
    let mut of_category: Vec<Vec<Vec<f64>>> = vec![vec![Vec::new(); facets]; names.len()];
    for (row, value) in values.iter().enumerate().filter(|(_, value)| value.is_finite()) {
        of_category[of_row[row]][parts.of_row[row]].push(*value);
    }
    let mut bars: Vec<Bar> = names
        .into_iter()
        .zip(of_category)
        .map(|(name, parts)| Bar {
            name,
            value: agg.of(parts.concat()),
            parts: if facets > 1 {
                parts.into_iter().map(|values| agg.of(values)).collect()
            } else {
                Vec::new()
            },
        })
        .filter(|bar| bar.value.is_finite())
        .collect();
    // Names have no order of their own: the largest first. Numbers and dates keep theirs.
    if !(ordered.is_primitive_numeric() || ordered.is_temporal() || ordered.is_enum()) {
        bars.sort_by(|a, b| b.value.total_cmp(&a.value));
    }
    let value_label = match &options.y {
        Some(y) => format!("{} {y}", agg.name()),
        None => "rows".to_owned(),
    };
    let title = options.title.clone();
    let usual = || titled(&value_label, [Some(x), options.by.as_deref()]);
    let mut head = Head::new(title.unwrap_or_else(usual));
    head.fact(text::counted(frame.height() as u64, "row"));
    let categories = bars.len();
    let plural = if categories == 1 { "y" } else { "ies" };
    head.fact(format!("{} categor{plural}", text::count(categories as u64)));
    if let Some(most) = bars.iter().rev().max_by(|a, b| a.value.total_cmp(&b.value)) {
        let value = axis::short(most.value, 4);
        head.fact(format!("highest {} ({value})", most.name));
    }
    bars.truncate(MOST_BARS);
    cut(&mut head, categories, bars.len());
    if let Some(cut) = parts.cut {
        head.fact(cut);
    }
    let bars = Bars {
        head,
        label: x,
        value_label,
        bars,
        facets: parts.names,
        signed: false,
    };
    let plot = draw(&bars, options.size)?;
    Ok(if options.interactive {
        plot.with_vega(specification(&bars, options.by.as_deref()))
    } else {
        plot
    })
}

pub(super) fn draw(bars: &Bars<'_>, wanted: Option<(u32, u32)>) -> Result<Plot, PlotError> {
    let what = || bars.label.to_owned();
    let parts = 0..bars.facets.len();
    let all = || bars.bars.iter().flat_map(|bar| parts.clone().map(|i| bar.part(i)));
    let (low, high) = extent(all()).ok_or_else(|| PlotError::NoValues { what: what() })?;
    let rows = bars.bars.len() as u32;
    let usual = if bars.facets.len() > 1 {
        let lines = panel::usual_of(bars.facets.len());
        let deep = panel::rows_of(bars.facets.len()) * (45 + rows * 20);
        (lines.0, (120 + deep).clamp(240, 1_600))
    } else {
        (USUAL.0, (150 + rows * if rows > 12 { 20 } else { 26 }).max(220))
    };
    let size = checked_size(wanted, usual)?;
    let (low, high) = (low.min(0.0), high.max(0.0));
    let (low, high) = if low == high { (0.0, 1.0) } else { (low, high) };
    // Every bar carries its number: no ticks.
    let mut x = Axis::over(&bars.value_label, (low, high), 5, Kind::Number)?;
    x.ticks.clear();
    let names = bars.bars.iter().map(|b| b.name.clone()).collect();
    let y = Vertical::Bands {
        label: bars.label.to_owned(),
        names,
    };
    let numbers: Vec<Vec<String>> = if bars.signed {
        // Weights of very different size, each to its own digits.
        vec![bars.bars.iter().map(|b| super::scatter::label(b.value)).collect()]
    } else {
        let texts = labels(&all().collect::<Vec<f64>>());
        let of = |part: usize| texts.iter().skip(part).step_by(bars.facets.len()).cloned().collect();
        parts.clone().map(of).collect()
    };
    // Numbers stand at the bars' ends, those of negative bars on their left: they need room there.
    let widest = |negative: bool| {
        let values = parts.clone().flat_map(|i| bars.bars.iter().map(move |bar| bar.part(i)));
        values
            .zip(numbers.iter().flatten())
            .filter(|(value, _)| (*value < 0.0) == negative && value.is_finite())
            .map(|(_, text)| font::width(text, size::TICK, Weight::Regular) + 10.0)
            .fold(0.0, f64::max)
    };
    let (before, behind) = (widest(true), widest(false));
    let axes = (x, y);
    let scene = panel::facets(
        size,
        &bars.head,
        &bars.facets,
        axes,
        Legend::None,
        Grid::Vertical,
        |panel, part| {
            panel.inset(before, behind);
            draw_bars(panel, bars, part, &numbers[part]);
        },
    );
    Plot::new(scene, &bars.head)
}

fn draw_bars(panel: &mut Panel, bars: &Bars<'_>, part: usize, numbers: &[String]) {
    let zero = panel.px(0.0);
    let thick = (panel.band() * 0.68).min(26.0);
    for (i, (bar, number)) in bars.bars.iter().zip(numbers).enumerate() {
        let value = bar.part(part);
        if !value.is_finite() {
            continue;
        }
        let y = panel.py(i as f64);
        let end = panel.px(value);
        let color = if bars.signed && value < 0.0 {
            theme::VERMILLION
        } else {
            theme::BLUE
        };
        panel.scene.rect((zero, y - thick / 2.0), (end, y + thick / 2.0), color);
        let label = if value < 0.0 {
            Label::new(number, end - 5.0, y).anchor(Anchor::Right)
        } else {
            Label::new(number, end + 5.0, y)
        };
        if panel.is_written(i) {
            panel.scene.text(label);
        }
    }
    let (top, bottom) = (panel.top, panel.bottom);
    panel.scene.line(vec![(zero, top), (zero, bottom)], 1.0, theme::AXIS);
}

/// The bars with their numbers under the pointer.
fn specification(bars: &Bars<'_>, by: Option<&str>) -> serde_json::Value {
    let mut rows = Vec::new();
    for (part, facet) in bars.facets.iter().enumerate() {
        for bar in bars.bars.iter().filter(|bar| bar.part(part).is_finite()) {
            rows.push(json!({"x": bar.part(part), "y": bar.name, "facet": facet}));
        }
    }
    let names: Vec<&str> = bars.bars.iter().map(|bar| bar.name.as_str()).collect();
    let encoding = json!({
        "x": {"field": "x", "type": "quantitative", "title": bars.value_label},
        "y": {"field": "y", "type": "nominal", "title": bars.label, "sort": names},
    });
    let mark = json!({"type": "bar", "tooltip": true});
    let mut specification = vega::specification(&bars.head, mark, rows, encoding, by);
    specification["height"] = json!({"step": 24});
    specification
}

/// The numbers at the bars' ends: whole where all are whole, else to the same decimals.
fn labels(values: &[f64]) -> Vec<String> {
    let finite = || values.iter().copied().filter(|v| v.is_finite());
    let largest = finite().fold(0.0_f64, |m, v| m.max(v.abs()));
    if finite().all(|v| v.fract() == 0.0) && largest < 1e15 {
        return values.iter().map(|v| axis::decimal(*v, 0)).collect();
    }
    if !(1e-3..1e7).contains(&largest) {
        return values.iter().map(|v| super::scatter::label(*v)).collect();
    }
    let decimals = (2.0 - largest.log10().floor()).clamp(0.0, 6.0) as usize;
    values.iter().map(|v| axis::decimal(*v, decimals)).collect()
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
    use polars::prelude::df;

    use super::*;

    fn bars(values: &[f64]) -> Bars<'static> {
        let bar = |(i, value): (usize, &f64)| Bar {
            name: format!("c{i}"),
            value: *value,
            parts: Vec::new(),
        };
        Bars {
            head: Head::new("c"),
            label: "c",
            value_label: "rows".to_owned(),
            bars: values.iter().enumerate().map(bar).collect(),
            facets: vec![String::new()],
            signed: true,
        }
    }

    #[test]
    fn numbers_at_bars_are_alike() {
        assert_eq!(labels(&[1_528.0, 3.0]), ["1,528", "3"]);
        assert_eq!(labels(&[11.13, 7.9]), ["11.1", "7.9"]);
        assert_eq!(labels(&[0.123_4, -0.05]), ["0.123", "−0.050"]);
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

    #[test]
    fn bars_count_or_aggregate() {
        let shells = df!(
            "sex" => ["M", "F", "I", "M", "F"],
            "rings" => [Some(15), Some(9), None, Some(10), Some(7)],
        )
        .unwrap();
        let plot = bar(&shells, "sex", &BarOptions::default()).unwrap();
        assert_eq!(plot.text(), "rows by sex, 5 rows, 3 categories, highest F (2)");
        let options = BarOptions {
            y: Some("rings".to_owned()),
            agg: Agg::Mean,
            ..BarOptions::default()
        };
        let plot = bar(&shells, "sex", &options).unwrap();
        assert_eq!(plot.text(), "mean rings by sex, 5 rows, 2 categories, highest M (12.5)");
    }
}
