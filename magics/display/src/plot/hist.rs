//! Histograms: how the values of a column are spread, whole, by colour or in small multiples.
//!
//! Bin widths follow Freedman and Diaconis (1981), rounded so that bins begin at round numbers;
//! whole numbers get bins centred on them, since anything else makes combs of them. On a
//! logarithmic axis the bins are of equal factors.

use polars::prelude::DataFrame;
use serde_json::json;

use super::axis::{self, Axis, Kind, extent, round_step, short};
use super::panel::{self, Head, Panel, checked_size};
use super::scene::Paint;
use super::spread::Spread;
use super::{Log, Plot, PlotError, theme, vega};

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

/// Where bins begin and end; on a logarithmic axis, in powers of ten.
struct Bins {
    low: f64,
    width: f64,
    count: usize,
    log: bool,
}

impl Bins {
    fn of(&self, value: f64) -> usize {
        let value = if self.log { value.log10() } else { value };
        (((value - self.low) / self.width).floor().max(0.0) as usize).min(self.count - 1)
    }

    fn edge(&self, i: usize) -> f64 {
        let edge = self.low + self.width * i as f64;
        if self.log { 10_f64.powf(edge) } else { edge }
    }
}

/// How the values of one column are spread, whole or by group.
///
/// ```
/// # use polars::prelude::*;
/// # use ironsage_display::plot::{hist, HistOptions};
/// let frame = df!("rings" => [7, 9, 9, 10, 15])?;
/// let plot = hist(&frame, "rings", &HistOptions::default())?;
/// assert!(plot.text().starts_with("rings, 5 values, median 9"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn hist(frame: &DataFrame, x: &str, options: &HistOptions) -> Result<Plot, PlotError> {
    let color = options.color.as_deref();
    let spread = Spread::of(frame, x, color, options.by.as_deref(), options.log.x())?;
    draw(x, &spread, options)
}

fn draw(column: &str, spread: &Spread, options: &HistOptions) -> Result<Plot, PlotError> {
    let facets = spread.facets.len();
    let size = checked_size(options.size, panel::usual_of(facets))?;
    if let Some(bins) = options.bins
        && !(1..=MOST_ASKED).contains(&bins)
    {
        return Err(PlotError::Bins { bins });
    }
    let log = options.log.x();
    let all = spread.sorted();
    let (low, high) = extent(all.iter().copied()).ok_or_else(|| PlotError::nothing(column, log))?;
    // Also refuses what is too large, before any bin is counted.
    Axis::over(column, (low, high), 7, Kind::Number)?;
    let whole = !log && all.iter().all(|v| v.fract() == 0.0 && v.abs() < 1e15);
    let bins = match options.bins {
        Some(count) if !log && !axis::is_one_value(low, high) => Bins {
            low,
            width: (high - low) / count as f64,
            count,
            log,
        },
        Some(count) if log && high > low => Bins {
            low: low.log10(),
            width: (high.log10() - low.log10()) / count as f64,
            count,
            log,
        },
        _ if log => {
            let powers: Vec<f64> = all.iter().map(|v| v.log10()).collect();
            Bins {
                log,
                ..choose(&powers, false)
            }
        }
        _ => choose(&all, whole),
    };

    let mut head = spread.head(column, &all, options.title.as_ref());
    if bins.count > 1 && log {
        head.fact(format!("bins of ×{}", short(10_f64.powf(bins.width), 3)));
    } else if bins.count > 1 {
        head.fact(format!("bins of {}", short(bins.width, 3)));
    }
    spread.remarks(&mut head, log);

    let counts: Vec<Vec<Vec<usize>>> = spread
        .values
        .iter()
        .map(|groups| groups.iter().map(|values| counted(&bins, values)).collect())
        .collect();
    let highest = counts.iter().flatten().flatten().max().copied().unwrap_or(0);
    let (across, down) = panel::room_of(size, facets);
    let (x_kind, ends) = if log {
        (Kind::Log, (bins.edge(0), bins.edge(bins.count)))
    } else {
        let ends = (bins.edge(0), bins.edge(bins.count));
        let room = (ends.1 - ends.0) * 0.015;
        let kind = if whole { Kind::Whole } else { Kind::Number };
        (kind, (ends.0 - room, ends.1 + room))
    };
    let x = Axis::over(column, ends, across, x_kind)?;
    let y_kind = if options.log.y() { Kind::Log } else { Kind::Whole };
    let y = Axis::from_zero("rows", highest as f64, down, y_kind)?;
    let scene = spread.picture(size, &head, (x, y), |panel, i| {
        draw_groups(panel, &bins, &counts[i], &spread.groups);
    });
    let plot = Plot::new(scene, &head)?;
    Ok(if options.interactive {
        plot.with_vega(specification(column, spread, &bins, &counts, &head, options))
    } else {
        plot
    })
}

fn counted(bins: &Bins, values: &[f64]) -> Vec<usize> {
    let mut counts = vec![0; bins.count];
    for value in values {
        counts[bins.of(*value)] += 1;
    }
    counts
}

/// The bins, not the rows: what a notebook stores stays small.
fn specification(
    column: &str,
    spread: &Spread,
    bins: &Bins,
    counts: &[Vec<Vec<usize>>],
    head: &Head,
    options: &HistOptions,
) -> serde_json::Value {
    let mut rows = Vec::new();
    for (facet, counts) in spread.facets.iter().zip(counts) {
        for ((group, _), counts) in spread.groups.iter().zip(counts) {
            for (i, count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
                let (from, to) = (bins.edge(i), bins.edge(i + 1));
                rows.push(json!({"from": from, "to": to, "y": count, "color": group, "facet": facet}));
            }
        }
    }
    let mut x = vega::axis("from", column, if bins.log { Kind::Log } else { Kind::Number });
    x["bin"] = json!("binned");
    // From zero on a logarithmic axis there is no bar: these begin where the picture's do.
    let bottom = if options.log.y() { 0.7 } else { 0.0 };
    let mut y = vega::axis("y", "rows", if options.log.y() { Kind::Log } else { Kind::Number });
    y["stack"] = json!(null);
    y["scale"]["domainMin"] = json!(bottom);
    let mut encoding = json!({"x": x, "x2": {"field": "to"}, "y": y, "y2": {"datum": bottom}});
    if spread.groups.len() > 1 {
        encoding["color"] = vega::colors(options.color.as_deref().unwrap_or_default(), &spread.groups);
    }
    let opacity = if spread.groups.len() > 1 { 0.5 } else { 1.0 };
    let mark = json!({"type": "bar", "opacity": opacity, "tooltip": true});
    vega::specification(head, mark, rows, encoding, options.by.as_deref())
}

/// Bars for one group, outlines for several.
fn draw_groups(panel: &mut Panel, bins: &Bins, counts: &[Vec<usize>], groups: &[(String, theme::Rgb)]) {
    if let ([(_, color)], [counts]) = (groups, counts) {
        return draw_bars(panel, bins, counts, *color);
    }
    for ((_, color), counts) in groups.iter().zip(counts) {
        draw_steps(panel, bins, counts, *color);
    }
}

/// Where a bin begins. A panel whose axis ends at the values themselves cuts its outer bins.
fn edge(panel: &Panel, bins: &Bins, i: usize) -> f64 {
    panel.px(bins.edge(i)).clamp(panel.left, panel.right)
}

fn draw_bars(panel: &mut Panel, bins: &Bins, counts: &[usize], color: theme::Rgb) {
    let bottom = panel.bottom;
    for (i, count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
        let (left, right) = (edge(panel, bins, i), edge(panel, bins, i + 1));
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
        let mut outline = vec![(edge(panel, bins, run[0].0), bottom)];
        for (i, count) in run {
            let y = panel.py(*count as f64);
            outline.push((edge(panel, bins, *i), y));
            outline.push((edge(panel, bins, i + 1), y));
        }
        outline.push((edge(panel, bins, run[run.len() - 1].0 + 1), bottom));
        let paint = Paint {
            rgb: color,
            alpha: 0.16,
        };
        panel.scene.area(outline.clone(), paint);
        panel.scene.line(outline, 2.0, color);
    }
}

/// A histogram as a small part of another picture: bins for all groups, and their counts.
pub(super) struct Sketch {
    bins: Bins,
    counts: Vec<Vec<usize>>,
}

impl Sketch {
    /// Of finite values, by group; at least one of them.
    pub(super) fn of(groups: Vec<Vec<f64>>) -> Sketch {
        let mut all = groups.concat();
        all.sort_by(f64::total_cmp);
        let bins = choose(&all, all.iter().all(|v| v.fract() == 0.0 && v.abs() < 1e15));
        let counts = groups.iter().map(|values| counted(&bins, values)).collect();
        Sketch { bins, counts }
    }

    pub(super) fn highest(&self) -> usize {
        self.counts.iter().flatten().max().copied().unwrap_or(0)
    }

    pub(super) fn draw(&self, panel: &mut Panel, groups: &[(String, theme::Rgb)]) {
        draw_groups(panel, &self.bins, &self.counts, groups);
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
            log: false,
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
    Bins {
        low,
        width,
        count,
        log: false,
    }
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

    fn one(values: Vec<f64>) -> Spread {
        Spread::whole(values)
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
        let spread = Spread {
            left_out: 3,
            ..one(vec![1.0, 2.0, 2.0, 7.0])
        };
        let plot = draw("rings", &spread, &HistOptions::default());
        assert_eq!(
            plot.unwrap().text(),
            "rings, 4 values, median 2, mean 3, bins of 2, 3 rows without a value left out"
        );
    }

    #[test]
    fn odd_values_make_pictures_or_errors() {
        for values in [vec![0.0], vec![5.0; 10], vec![1e-300, 2e-300], vec![-1e100, 1e100]] {
            assert!(draw("x", &one(values), &HistOptions::default()).is_ok());
        }
        let nothing = draw("x", &one(vec![]), &HistOptions::default());
        assert!(matches!(nothing, Err(PlotError::NoValues { .. })));
        let options = HistOptions {
            bins: Some(0),
            ..HistOptions::default()
        };
        let none = draw("x", &one(vec![1.0]), &options);
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

    #[test]
    fn a_logarithmic_axis_has_bins_of_equal_factors() {
        let values: Vec<f64> = (0..900).map(|i| 10_f64.powf(f64::from(i) / 300.0)).collect();
        let options = HistOptions {
            log: Log::X,
            bins: Some(3),
            interactive: true,
            ..HistOptions::default()
        };
        let plot = draw("price", &one(values.clone()), &options).unwrap();
        assert!(plot.text().contains("bins of ×9.97"), "{}", plot.text());
        let spec = &plot.bundle().data["application/vnd.vegalite.v5+json"];
        let counts: Vec<u64> = spec["data"]["values"]
            .as_array()
            .unwrap()
            .iter()
            .map(|bin| bin["y"].as_u64().unwrap())
            .collect();
        assert_eq!(counts.iter().sum::<u64>(), 900);
        assert!(counts.iter().all(|count| count.abs_diff(300) <= 1), "{counts:?}");
        for log in [Log::X, Log::Both, Log::Y] {
            let options = HistOptions {
                log,
                ..HistOptions::default()
            };
            for values in [values.clone(), vec![1.0], vec![1e-300, 1e100]] {
                assert!(draw("price", &one(values), &options).is_ok());
            }
            if log.x() {
                let error = draw("price", &one(Vec::new()), &options).unwrap_err();
                assert!(matches!(error, PlotError::NoPositive { .. }), "{error}");
            }
        }
    }
}
