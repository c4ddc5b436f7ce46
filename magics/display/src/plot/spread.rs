//! The values of one column by small multiple and by colour: what histograms and densities draw.

use polars::prelude::DataFrame;

use super::PlotError;
use super::axis::{Axis, short};
use super::column::{numbers, refuse_times, scaled};
use super::groups::{Parts, groups};
use super::hist::{mean, quantile};
use super::legend::Legend;
use super::panel::{self, Grid, Head, Panel, Vertical};
use super::scene::Scene;
use super::theme::{self, Rgb};
use crate::text;

/// Finite values, by part and in it by group.
pub(super) struct Spread {
    /// Names of the parts; one without a name where there are no small multiples.
    pub(super) facets: Vec<String>,
    /// Names and colours of the groups; one without a name where there are no colours.
    pub(super) groups: Vec<(String, Rgb)>,
    /// `values[part][group]`.
    pub(super) values: Vec<Vec<Vec<f64>>>,
    /// Rows without a value that has a place on the axis.
    pub(super) left_out: usize,
    /// The columns that colour and part the values.
    pub(super) color: Option<String>,
    pub(super) by: Option<String>,
    /// How many parts there are beyond those that are drawn, as a fact.
    pub(super) cut: Option<String>,
}

impl Spread {
    /// The values of a column by part and by group.
    pub(super) fn of(
        frame: &DataFrame,
        x: &str,
        color: Option<&str>,
        by: Option<&str>,
        log: bool,
    ) -> Result<Spread, PlotError> {
        let parts = Parts::of(frame, by)?;
        let (values, kind) = numbers(&parts.frame, x)?;
        refuse_times(frame, x, kind)?;
        let kind = scaled(kind, log);
        let (group, groups) = match color {
            None => (vec![0; values.len()], vec![(String::new(), theme::BLUE)]),
            Some(color) => groups(&parts.frame, color)?,
        };
        let mut split = vec![vec![Vec::new(); groups.len()]; parts.names.len()];
        let mut left_out = 0;
        for (row, value) in values.into_iter().enumerate() {
            if kind.takes(value) {
                split[parts.of_row[row]][group[row]].push(value);
            } else {
                left_out += 1;
            }
        }
        Ok(Spread {
            facets: parts.names,
            groups,
            values: split,
            left_out,
            color: color.map(str::to_owned),
            by: by.map(str::to_owned),
            cut: parts.cut,
        })
    }

    /// All values together.
    #[cfg(test)]
    pub(super) fn whole(values: Vec<f64>) -> Spread {
        Spread {
            facets: vec![String::new()],
            groups: vec![(String::new(), theme::BLUE)],
            values: vec![vec![values]],
            left_out: 0,
            color: None,
            by: None,
            cut: None,
        }
    }

    /// All values, in order.
    pub(super) fn sorted(&self) -> Vec<f64> {
        let mut all: Vec<f64> = self.values.iter().flatten().flatten().copied().collect();
        all.sort_by(f64::total_cmp);
        all
    }

    /// The title, and what holds for all values, given in order.
    pub(super) fn head(&self, column: &str, sorted: &[f64], title: Option<&String>) -> Head {
        let usual = || titled(column, [self.color.as_deref(), self.by.as_deref()]);
        let mut head = Head::new(title.cloned().unwrap_or_else(usual));
        head.fact(text::counted(sorted.len() as u64, "value"));
        head.fact(format!("median {}", short(quantile(sorted, 0.5), 4)));
        head.fact(format!("mean {}", short(mean(sorted), 4)));
        head
    }

    /// What is not in the picture.
    pub(super) fn remarks(&self, head: &mut Head, log: bool) {
        if let Some(cut) = &self.cut {
            head.fact(cut);
        }
        left_out(head, self.left_out, log);
    }

    /// A picture of each part on the same axes, and what explains the colours.
    pub(super) fn picture(
        &self,
        size: (u32, u32),
        head: &Head,
        (x, y): (Axis, Axis),
        draw: impl FnMut(&mut Panel, usize),
    ) -> Scene {
        let legend = match &self.color {
            Some(name) => Legend::Groups {
                name: name.clone(),
                entries: self.groups.clone(),
            },
            None => Legend::None,
        };
        let axes = (x, Vertical::Values(y));
        panel::facets(size, head, &self.facets, axes, legend, Grid::Horizontal, draw)
    }
}

/// The usual title of a picture that is coloured or parted by other columns.
pub(super) fn titled(what: &str, columns: [Option<&str>; 2]) -> String {
    match columns {
        [Some(color), Some(by)] if color != by => format!("{what} by {color} and {by}"),
        [Some(one), _] | [None, Some(one)] => format!("{what} by {one}"),
        [None, None] => what.to_owned(),
    }
}

/// Says how many rows have no place in the picture.
pub(super) fn left_out(head: &mut Head, rows: usize, log: bool) {
    if rows > 0 {
        let rows = text::counted(rows as u64, "row");
        let value = if log { "a positive value" } else { "a value" };
        head.fact(format!("{rows} without {value} left out"));
    }
}
