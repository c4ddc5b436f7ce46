//! Box plots: median, quartiles and what lies far out, whole or by group.
//!
//! Whiskers reach to the last value within one and a half times the spread between the quartiles
//! (Tukey 1977); what lies beyond is drawn one by one.

use polars::prelude::DataFrame;

use super::axis::{self, Axis, Kind, short};
use super::bar::MOST_BARS;
use super::column::{numbers, refuse_times, scaled};
use super::groups::Parts;
use super::hist::quantile;
use super::legend::Legend;
use super::panel::{Grid, Head, Panel, Vertical, checked_size};
use super::sample;
use super::scene::Paint;
use super::spread;
use super::theme;
use super::{Plot, PlotError, USUAL};
use crate::text;

/// Most far-out values drawn for a box.
const MOST_FAR: usize = 400;

/// What can be chosen about boxes.
#[derive(Clone, Debug, Default)]
pub struct BoxOptions {
    /// A column whose values make groups, one box each.
    pub by: Option<String>,
    /// A logarithmic axis of values.
    pub log: bool,
    /// A title instead of the usual one.
    pub title: Option<String>,
    /// Width and height in CSS pixels.
    pub size: Option<(u32, u32)>,
}

struct Summary {
    whiskers: (f64, f64),
    quartiles: [f64; 3],
    far: Vec<f64>,
}

fn summary(mut values: Vec<f64>) -> Option<Summary> {
    values.sort_by(f64::total_cmp);
    let quartiles = [0.25, 0.5, 0.75].map(|part| quantile(&values, part));
    let reach = 1.5 * (quartiles[2] - quartiles[0]);
    let within = |v: &&f64| **v >= quartiles[0] - reach && **v <= quartiles[2] + reach;
    let low = *values.iter().find(within)?;
    let high = *values.iter().rev().find(within)?;
    let far = values.iter().filter(|v| !within(v)).copied().collect();
    Some(Summary {
        // Between interpolated quartiles a whisker may end inside the box: it has no length then.
        whiskers: (low.min(quartiles[0]), high.max(quartiles[2])),
        quartiles,
        far,
    })
}

/// Median, quartiles and what lies far out, whole or by group.
pub fn boxes(frame: &DataFrame, x: &str, options: &BoxOptions) -> Result<Plot, PlotError> {
    let parts = match &options.by {
        Some(by) => Parts::most(frame, by, MOST_BARS)?,
        None => Parts::of(frame, None)?,
    };
    let (values, kind) = numbers(&parts.frame, x)?;
    refuse_times(frame, x, kind)?;
    let kind = scaled(kind, options.log);
    let mut split: Vec<(String, Vec<f64>)> = parts.names.into_iter().map(|name| (name, Vec::new())).collect();
    let mut left_out = 0;
    for (value, group) in values.iter().zip(parts.of_row) {
        if kind.takes(*value) {
            split[group].1.push(*value);
        } else {
            left_out += 1;
        }
    }
    draw(x, &split, parts.cut, left_out, options)
}

/// Draws a box for each group that has values.
fn draw(
    column: &str,
    groups: &[(String, Vec<f64>)],
    cut: Option<String>,
    left_out: usize,
    options: &BoxOptions,
) -> Result<Plot, PlotError> {
    let boxes: Vec<(String, usize, Summary)> = groups
        .iter()
        .filter_map(|(name, values)| Some((name.clone(), values.len(), summary(values.clone())?)))
        .collect();
    let all = groups.iter().flat_map(|(_, values)| values.iter().copied());
    let (across, _) = axis::room(options.size.unwrap_or(USUAL));
    let kind = if options.log { Kind::Log } else { Kind::Number };
    let x = Axis::around(column, all, across, kind)?;
    let n: usize = boxes.iter().map(|(_, n, _)| n).sum();
    let mut head = Head::new(options.title.clone().unwrap_or_else(|| match &options.by {
        Some(by) => format!("{column} by {by}"),
        None => column.to_owned(),
    }));
    head.fact(text::counted(n as u64, "value"));
    if let [(_, _, only)] = boxes.as_slice() {
        let [q1, median, q3] = only.quartiles.map(|v| short(v, 4));
        head.fact(format!("median {median}"));
        head.fact(format!("half of them {q1} to {q3}"));
    } else {
        let medians: Vec<String> = boxes
            .iter()
            .take(6)
            .map(|(name, _, b)| format!("{name} {}", short(b.quartiles[1], 4)))
            .collect();
        let more = if boxes.len() > 6 { " …" } else { "" };
        head.fact(format!("medians {}{more}", medians.join(", ")));
    }
    let far: usize = boxes.iter().map(|(_, _, b)| b.far.len()).sum();
    if far > 0 {
        head.fact(format!("{} far out", text::count(far as u64)));
    }
    if let Some(cut) = cut {
        head.fact(cut);
    }
    spread::left_out(&mut head, left_out, options.log);

    let rows = boxes.len() as u32;
    let height = (170 + rows * if rows > 8 { 32 } else { 52 }).max(240);
    let size = checked_size(options.size, (USUAL.0, height))?;
    let y = Vertical::Bands {
        label: options.by.clone().unwrap_or_default(),
        names: boxes.iter().map(|(name, _, _)| name.clone()).collect(),
    };
    let mut panel = Panel::new(size, &head, x, y, Legend::None, Grid::Vertical);
    for (i, (_, _, values)) in boxes.iter().enumerate() {
        draw_box(&mut panel, i, values);
    }
    Plot::new(panel.scene, &head)
}

fn draw_box(panel: &mut Panel, row: usize, values: &Summary) {
    let y = panel.py(row as f64);
    let half = (panel.band() * 0.3).min(20.0);
    let [q1, median, q3] = values.quartiles.map(|v| panel.px(v));
    let (low, high) = (panel.px(values.whiskers.0), panel.px(values.whiskers.1));
    let color = theme::BLUE;
    for (from, to, end) in [(q1, low, low), (q3, high, high)] {
        panel.scene.line(vec![(from, y), (to, y)], 1.5, color);
        let cap = half * 0.4;
        panel.scene.line(vec![(end, y - cap), (end, y + cap)], 1.5, color);
    }
    panel
        .scene
        .rect((q1, y - half), (q3, y + half), theme::tint(color, 0.25));
    let (upper, lower) = (y - half, y + half);
    let outline = vec![(q1, upper), (q3, upper), (q3, lower), (q1, lower), (q1, upper)];
    panel.scene.line(outline, 1.5, color);
    panel.scene.line(vec![(median, upper), (median, lower)], 3.0, color);
    let paint = Paint { rgb: color, alpha: 0.4 };
    for i in sample::positions(values.far.len(), MOST_FAR, row as u64) {
        let x = panel.px(values.far[i]);
        panel.scene.dot((x, y), 2.75, paint);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use polars::prelude::df;

    use super::*;

    #[test]
    fn whiskers_are_tukeys() {
        let mut values: Vec<f64> = (1..=9).map(f64::from).collect();
        values.push(40.0);
        let s = summary(values).unwrap();
        assert_eq!(s.quartiles, [3.25, 5.5, 7.75]);
        assert_eq!(s.whiskers, (1.0, 9.0));
        assert_eq!(s.far, [40.0]);
    }

    #[test]
    fn the_line_says_what_the_picture_shows() {
        let groups = vec![("F".to_owned(), vec![1.0, 2.0, 3.0]), ("M".to_owned(), vec![2.0, 4.0])];
        let options = BoxOptions {
            by: Some("sex".to_owned()),
            ..BoxOptions::default()
        };
        let plot = draw("rings", &groups, None, 0, &options).unwrap();
        assert_eq!(plot.text(), "rings by sex, 5 values, medians F 2, M 3");
    }

    #[test]
    fn of_many_groups_the_most_frequent_have_boxes() {
        let of_row: Vec<i32> = (0..400).map(|i| if i < 200 { i } else { i % 30 + 50 }).collect();
        let frame = df!("group" => of_row, "value" => (0..400).collect::<Vec<i32>>()).unwrap();
        let options = BoxOptions {
            by: Some("group".to_owned()),
            ..BoxOptions::default()
        };
        let plot = boxes(&frame, "value", &options).unwrap();
        let told = plot.text();
        assert!(told.ends_with("the 30 most frequent of 200 values of group"), "{told}");
    }

    #[test]
    fn odd_groups_are_drawn_or_refused() {
        let groups = |values: Vec<f64>| vec![("a".to_owned(), values), ("b".to_owned(), vec![])];
        let options = BoxOptions::default();
        assert!(draw("x", &groups(vec![1.0]), None, 0, &options).is_ok());
        assert!(draw("x", &groups(vec![2.0; 50]), None, 0, &options).is_ok());
        let empty = draw("x", &groups(vec![]), None, 0, &options);
        assert!(matches!(empty, Err(PlotError::NoValues { .. })));
    }
}
