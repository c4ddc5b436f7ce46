//! Histograms: how the values of a column are spread, whole or by group.
//!
//! Bin widths follow Freedman and Diaconis (1981), rounded so that bins begin at round numbers;
//! whole numbers get bins centred on them, since anything else makes combs of them.

use super::axis::{self, Axis, Kind, extent, round_step, short};
use super::panel::{Grid, Head, Legend, Panel, Vertical, checked_size};
use super::scene::Paint;
use super::theme;
use super::{Plot, PlotError, USUAL};
use crate::text;

/// Most bins that are chosen; more can be asked for.
const MOST_CHOSEN: f64 = 80.0;
/// Most bins that can be asked for.
const MOST_ASKED: usize = 500;

/// What can be chosen about a histogram.
#[derive(Clone, Debug, Default)]
pub struct HistOptions {
    /// How many bins; the data decides where this is absent.
    pub bins: Option<usize>,
    /// A column whose values make groups, one colour each.
    pub by: Option<String>,
    /// A title instead of the usual one.
    pub title: Option<String>,
    /// Width and height in CSS pixels.
    pub size: Option<(u32, u32)>,
}

/// The values of one group.
pub(super) struct Group {
    pub(super) name: String,
    pub(super) color: theme::Rgb,
    pub(super) values: Vec<f64>,
}

/// Where bins begin and end.
struct Bins {
    low: f64,
    width: f64,
    count: usize,
}

impl Bins {
    fn of(&self, value: f64) -> usize {
        (((value - self.low) / self.width).floor().max(0.0) as usize).min(self.count - 1)
    }

    fn edge(&self, i: usize) -> f64 {
        self.low + self.width * i as f64
    }
}

pub(super) fn draw(column: &str, groups: &[Group], left_out: usize, options: &HistOptions) -> Result<Plot, PlotError> {
    let size = checked_size(options.size, USUAL)?;
    if let Some(bins) = options.bins
        && !(1..=MOST_ASKED).contains(&bins)
    {
        return Err(PlotError::Bins { bins });
    }
    let mut all: Vec<f64> = groups.iter().flat_map(|g| g.values.iter().copied()).collect();
    all.sort_by(f64::total_cmp);
    let (low, high) = extent(all.iter().copied()).ok_or_else(|| PlotError::NoValues {
        what: column.to_owned(),
    })?;
    // Also refuses what is too large, before any bin is counted.
    Axis::over(column, (low, high), 7, Kind::Number)?;
    let whole = all.iter().all(|v| v.fract() == 0.0 && v.abs() < 1e15);
    let bins = match options.bins {
        Some(count) if !axis::is_one_value(low, high) => Bins {
            low,
            width: (high - low) / count as f64,
            count,
        },
        _ => choose(&all, whole),
    };

    let mut head = Head::new(options.title.clone().unwrap_or_else(|| match &options.by {
        Some(by) => format!("{column} by {by}"),
        None => column.to_owned(),
    }));
    head.fact(text::counted(all.len() as u64, "value"));
    head.fact(format!("median {}", short(quantile(&all, 0.5), 4)));
    head.fact(format!("mean {}", short(mean(&all), 4)));
    if bins.count > 1 {
        head.fact(format!("bins of {}", short(bins.width, 3)));
    }
    if left_out > 0 {
        head.fact(format!(
            "{} without a value left out",
            text::counted(left_out as u64, "row")
        ));
    }

    let counts: Vec<Vec<usize>> = groups
        .iter()
        .map(|group| {
            let mut counts = vec![0; bins.count];
            for value in &group.values {
                counts[bins.of(*value)] += 1;
            }
            counts
        })
        .collect();
    let highest = counts.iter().flatten().max().copied().unwrap_or(0);
    let ends = (bins.low, bins.edge(bins.count));
    let room = (ends.1 - ends.0) * 0.015;
    let kind = if whole { Kind::Whole } else { Kind::Number };
    let (across, down) = axis::room(size);
    let x = Axis::over(column, (ends.0 - room, ends.1 + room), across, kind)?;
    let y = Axis::from_zero("rows", highest as f64, down, Kind::Whole)?;
    let legend = match &options.by {
        Some(by) => Legend::Groups {
            name: by.clone(),
            entries: groups.iter().map(|g| (g.name.clone(), g.color)).collect(),
        },
        None => Legend::None,
    };
    let mut panel = Panel::new(size, &head, x, Vertical::Values(y), legend, Grid::Horizontal);
    if let ([group], [counts]) = (groups, counts.as_slice()) {
        draw_bars(&mut panel, &bins, counts, group.color);
    } else {
        for (group, counts) in groups.iter().zip(&counts) {
            draw_steps(&mut panel, &bins, counts, group.color);
        }
    }
    Plot::new(panel.scene, &head)
}

fn draw_bars(panel: &mut Panel, bins: &Bins, counts: &[usize], color: theme::Rgb) {
    let bottom = panel.bottom;
    for (i, count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
        let (left, right) = (panel.px(bins.edge(i)), panel.px(bins.edge(i + 1)));
        // A hair of ground between bars, as long as bars are wide enough to spare it.
        let gap = if right - left > 5.0 { 0.75 } else { 0.0 };
        let top = panel.py(*count as f64).min(bottom - 1.0);
        panel.scene.rect((left + gap, top), (right - gap, bottom), color);
    }
}

/// A group's outline, where it has rows, over a faint area.
fn draw_steps(panel: &mut Panel, bins: &Bins, counts: &[usize], color: theme::Rgb) {
    let bottom = panel.bottom;
    let filled: Vec<(usize, usize)> = counts.iter().copied().enumerate().collect();
    for run in filled.chunk_by(|a, b| (a.1 > 0) == (b.1 > 0)) {
        if run[0].1 == 0 {
            continue;
        }
        let mut outline = vec![(panel.px(bins.edge(run[0].0)), bottom)];
        for (i, count) in run {
            let y = panel.py(*count as f64);
            outline.push((panel.px(bins.edge(*i)), y));
            outline.push((panel.px(bins.edge(i + 1)), y));
        }
        outline.push((panel.px(bins.edge(run[run.len() - 1].0 + 1)), bottom));
        let paint = Paint {
            rgb: color,
            alpha: 0.16,
        };
        panel.scene.area(outline.clone(), paint);
        panel.scene.line(outline, 2.0, color);
    }
}

/// Bins for sorted values: their width rounded, their edges round.
fn choose(sorted: &[f64], whole: bool) -> Bins {
    let (low, high) = (sorted[0], sorted[sorted.len() - 1]);
    if axis::is_one_value(low, high) {
        // One value: one bin round it.
        let half = if whole { 0.5 } else { (low.abs() * 0.05).max(1e-290) };
        return Bins {
            low: low - half,
            width: 2.0 * half,
            count: 1,
        };
    }
    let n = sorted.len() as f64;
    let spread = quantile(sorted, 0.75) - quantile(sorted, 0.25);
    let mut width = 2.0 * spread / n.cbrt();
    if width <= 0.0 {
        // Half of the values are one value: Sturges' rule on the range.
        width = (high - low) / (n.log2() + 1.0);
    }
    let width = width.clamp((high - low) / MOST_CHOSEN, (high - low) / 4.0);
    let width = round_step(width, whole);
    let low = if whole {
        // Edges between whole numbers, and on multiples of the width where it is wide.
        (low / width).floor() * width - 0.5
    } else {
        (low / width).floor() * width
    };
    // The last bin takes in its own upper edge, so that a highest value on an edge has no bin alone.
    let count = ((high - low) / width - 1e-9).ceil().max(1.0) as usize;
    Bins { low, width, count }
}

/// A quantile of sorted values, with linear interpolation.
pub(super) fn quantile(sorted: &[f64], part: f64) -> f64 {
    if sorted.is_empty() {
        return f64::NAN;
    }
    let at = part * (sorted.len() - 1) as f64;
    let (low, high) = (sorted[at.floor() as usize], sorted[at.ceil() as usize]);
    low + (high - low) * at.fract()
}

/// The mean, without the overflow of a plain sum.
pub(super) fn mean(values: &[f64]) -> f64 {
    let mut mean = 0.0;
    for (i, value) in values.iter().enumerate() {
        mean += (value - mean) / (i + 1) as f64;
    }
    mean
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn one(values: Vec<f64>) -> Vec<Group> {
        vec![Group {
            name: String::new(),
            color: theme::BLUE,
            values,
        }]
    }

    #[test]
    fn whole_numbers_get_a_bin_each() {
        let values: Vec<f64> = (0..1_000).map(|i| f64::from(i % 20 + 1)).collect();
        let mut sorted = values.clone();
        sorted.sort_by(f64::total_cmp);
        let bins = choose(&sorted, true);
        assert_eq!(bins.width.fract(), 0.0);
        assert_eq!(bins.low.fract().abs(), 0.5);
        assert!(bins.edge(bins.count) >= 20.0);
    }

    #[test]
    fn the_line_says_what_the_picture_shows() {
        let plot = draw("rings", &one(vec![1.0, 2.0, 2.0, 7.0]), 3, &HistOptions::default());
        assert_eq!(
            plot.unwrap().text(),
            "rings, 4 values, median 2, mean 3, bins of 2, 3 rows without a value left out"
        );
    }

    #[test]
    fn odd_values_make_pictures_or_errors() {
        for values in [vec![0.0], vec![5.0; 10], vec![1e-300, 2e-300], vec![-1e100, 1e100]] {
            assert!(draw("x", &one(values), 0, &HistOptions::default()).is_ok());
        }
        let nothing = draw("x", &one(vec![]), 0, &HistOptions::default());
        assert!(matches!(nothing, Err(PlotError::NoValues { .. })));
        let options = HistOptions {
            bins: Some(0),
            ..HistOptions::default()
        };
        let none = draw("x", &one(vec![1.0]), 0, &options);
        assert!(matches!(none, Err(PlotError::Bins { bins: 0 })));
    }

    #[test]
    fn every_value_is_in_a_bin() {
        let values: Vec<f64> = (0..500).map(|i| (f64::from(i) * 0.37).sin() * 3.0).collect();
        let mut sorted = values.clone();
        sorted.sort_by(f64::total_cmp);
        let bins = choose(&sorted, false);
        for v in values {
            let i = bins.of(v);
            assert!(bins.edge(i) <= v + 1e-9 && v <= bins.edge(i + 1) + 1e-9, "{v}");
        }
    }
}
