//! A step with what it learned from the training rows, and how it makes new columns of old ones.
//! Fitting and applying both run it, so that they cannot differ.

use std::collections::HashSet;

use polars::prelude::{
    BooleanChunked, ChunkApply, ChunkFillNullValue, Column, DataType, Float64Chunked, Int64Chunked, IntoColumn,
    NewChunkedArray, PlHashMap,
};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::column::{self, Expected};
use crate::error::PrepError;
use crate::expression::Expression;
use crate::recipe::{CastTo, DatePart};
use crate::times;

/// Fewer rows are done sooner than another thread begins.
const WORTH_A_THREAD: usize = 20_000;

/// A step with what it learned. Column-wise: each entry works on one column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub(crate) enum Learned {
    Rename {
        column: String,
        to: String,
    },
    Cast {
        column: String,
        to: CastTo,
    },
    With {
        column: String,
        expression: String,
        dtype: String,
    },
    Fill {
        column: String,
        value: Filling,
    },
    OneHot {
        column: String,
        categories: Vec<Category>,
    },
    Ordinal {
        column: String,
        order: Vec<String>,
    },
    Hash {
        column: String,
        buckets: Vec<String>,
    },
    Standardize {
        column: String,
        mean: Exact,
        scale: Exact,
    },
    #[serde(rename = "minmax")]
    MinMax {
        column: String,
        min: Exact,
        scale: Exact,
    },
    Robust {
        column: String,
        median: Exact,
        scale: Exact,
    },
    Clip {
        column: String,
        low: Option<Exact>,
        high: Option<Exact>,
    },
    Log {
        column: String,
    },
    Bin {
        column: String,
        edges: Vec<Exact>,
    },
    DateParts {
        column: String,
        parts: Vec<(DatePart, String)>,
    },
}

/// What a missing value becomes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Filling {
    Number(Exact),
    Text(String),
    Truth(bool),
}

/// A value that has a column of its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Category {
    pub(crate) value: String,
    pub(crate) output: String,
}

/// A float that is saved as text, since not every reader of JSON gives back the same bits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Exact(pub(crate) f64);

impl Exact {
    /// Six digits of it, and all of a whole part, for a person.
    fn short(self) -> String {
        let decimals = 5.0 - self.0.abs().log10().floor();
        let rounded = match decimals.is_finite() {
            true => format!("{:.*}", decimals.clamp(0.0, 300.0) as usize, self.0),
            false => return self.0.to_string(),
        };
        match rounded.contains('.') {
            true => rounded.trim_end_matches('0').trim_end_matches('.').to_owned(),
            false => rounded,
        }
    }
}

impl PartialEq for Exact {
    fn eq(&self, other: &Self) -> bool {
        self.0.to_bits() == other.0.to_bits()
    }
}

impl Serialize for Exact {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:?}", self.0))
    }
}

impl<'de> Deserialize<'de> for Exact {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(Exact).map_err(serde::de::Error::custom)
    }
}

impl Learned {
    /// The column it works on; of `with`, the one that it makes.
    pub(crate) fn column(&self) -> &str {
        match self {
            Learned::Rename { column, .. }
            | Learned::Cast { column, .. }
            | Learned::With { column, .. }
            | Learned::Fill { column, .. }
            | Learned::OneHot { column, .. }
            | Learned::Ordinal { column, .. }
            | Learned::Hash { column, .. }
            | Learned::Standardize { column, .. }
            | Learned::MinMax { column, .. }
            | Learned::Robust { column, .. }
            | Learned::Clip { column, .. }
            | Learned::Log { column }
            | Learned::Bin { column, .. }
            | Learned::DateParts { column, .. } => column,
        }
    }

    /// The step's name, as a recipe writes it.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Learned::Rename { .. } => "rename",
            Learned::Cast { .. } => "cast",
            Learned::With { .. } => "with",
            Learned::Fill { .. } => "fill",
            Learned::OneHot { .. } => "one_hot",
            Learned::Ordinal { .. } => "ordinal",
            Learned::Hash { .. } => "hash",
            Learned::Standardize { .. } => "standardize",
            Learned::MinMax { .. } => "minmax",
            Learned::Robust { .. } => "robust",
            Learned::Clip { .. } => "clip",
            Learned::Log { .. } => "log",
            Learned::Bin { .. } => "bin",
            Learned::DateParts { .. } => "date_parts",
        }
    }

    /// The columns that it needs.
    pub(crate) fn takes(&self) -> Vec<String> {
        match self {
            Learned::With { expression, .. } => Expression::parse(expression).map(|e| e.uses).unwrap_or_default(),
            _ => vec![self.column().to_owned()],
        }
    }

    /// The columns that it makes.
    pub(crate) fn makes(&self) -> Vec<&str> {
        match self {
            Learned::Rename { to, .. } => vec![to],
            Learned::OneHot { categories, .. } => categories.iter().map(|c| c.output.as_str()).collect(),
            Learned::Hash { buckets, .. } => buckets.iter().map(String::as_str).collect(),
            Learned::DateParts { parts, .. } => parts.iter().map(|(_, output)| output.as_str()).collect(),
            _ => vec![self.column()],
        }
    }

    /// Whether a number comes out in another unit than it went in.
    pub(crate) fn changes_units(&self) -> bool {
        matches!(
            self,
            Learned::Standardize { .. }
                | Learned::MinMax { .. }
                | Learned::Robust { .. }
                | Learned::Log { .. }
                | Learned::Bin { .. }
                | Learned::With { .. }
        )
    }

    /// What it learned, in words.
    pub(crate) fn told(&self) -> String {
        let list = |values: &mut dyn Iterator<Item = String>| values.collect::<Vec<_>>().join(", ");
        match self {
            Learned::Rename { to, .. } => format!("is called {to}"),
            Learned::Cast { to, .. } => format!("becomes {}", to.name()),
            Learned::With { expression, dtype, .. } => format!("{expression} ({dtype})"),
            Learned::Fill { value, .. } => {
                let value = match value {
                    Filling::Number(value) => value.short(),
                    Filling::Text(value) => format!("{value:?}"),
                    Filling::Truth(value) => value.to_string(),
                };
                format!("a missing value becomes {value}")
            }
            Learned::OneHot { categories, .. } => {
                let values = list(&mut categories.iter().map(|c| c.value.clone()));
                format!("{} columns: {values}", categories.len())
            }
            Learned::Ordinal { order, .. } => {
                let mut numbered = order.iter().enumerate().map(|(at, value)| format!("{at} {value}"));
                list(&mut numbered)
            }
            Learned::Hash { buckets, .. } => format!("{} columns, nothing learned", buckets.len()),
            Learned::Standardize { mean, scale, .. } => {
                format!("mean {}, standard deviation {}", mean.short(), scale.short())
            }
            Learned::MinMax { min, scale, .. } => format!("smallest {}, range {}", min.short(), scale.short()),
            Learned::Robust { median, scale, .. } => {
                format!("median {}, interquartile range {}", median.short(), scale.short())
            }
            Learned::Clip { low, high, .. } => match (low, high) {
                (None, None) => "no end".to_owned(),
                (Some(low), None) => format!("at least {}", low.short()),
                (None, Some(high)) => format!("at most {}", high.short()),
                (Some(low), Some(high)) => format!("from {} to {}", low.short(), high.short()),
            },
            Learned::Log { .. } => "ln(1 + x), nothing learned".to_owned(),
            Learned::Bin { edges, .. } => {
                let at = list(&mut edges.iter().map(|edge| edge.short()));
                format!("{} bins, cut at {at}", edges.len() + 1)
            }
            Learned::DateParts { parts, .. } => list(&mut parts.iter().map(|(part, _)| part.name().to_owned())),
        }
    }

    /// The columns that it makes of those that are there.
    fn made(&self, columns: &[Column], rows: usize) -> Result<Vec<Column>, PrepError> {
        let name = self.column();
        match (self, columns.iter().find(|c| c.name().as_str() == name)) {
            (Learned::With { expression, dtype, .. }, _) => Ok(vec![with(name, expression, dtype, rows, columns)?]),
            (_, Some(column)) => self.make(column),
            (_, None) => {
                let lost = format!("a step works on `{name}`, which no step makes");
                Err(PrepError::Saved(lost))
            }
        }
    }

    /// Puts what was made of a column in its place.
    pub(crate) fn put(&self, made: Vec<Column>, columns: &mut Vec<Column>) {
        let place = columns.iter().position(|c| c.name().as_str() == self.column());
        let at = place.unwrap_or(columns.len());
        if place.is_some() {
            columns.remove(at);
        }
        // What else bears a new name was dropped by then, or fitting would have refused it.
        let is_free = |c: &Column| !made.iter().any(|new| new.name() == c.name());
        let before = columns[..at].iter().filter(|c| is_free(c)).count();
        columns.retain(is_free);
        columns.splice(before..before, made);
    }

    /// The columns that come of one; nothing for `with`, which makes one of several.
    fn make(&self, column: &Column) -> Result<Vec<Column>, PrepError> {
        let scaled = |center: Exact, scale: Exact| -> Result<Column, PrepError> {
            let (center, scale) = (center.0, scale.0);
            Ok(floats(column)?.apply_values(|v| (v - center) / scale).into_column())
        };
        let made = match self {
            Learned::With { .. } => return Ok(Vec::new()),
            Learned::OneHot { categories, .. } => return one_hot(column, categories),
            Learned::Hash { buckets, .. } => return hash(column, buckets),
            Learned::DateParts { parts, .. } => return times::parts(column, parts),
            Learned::Rename { to, .. } => column.clone().with_name(to.as_str().into()),
            Learned::Cast { to, .. } => cast(column, *to)?,
            Learned::Fill { value, .. } => fill(column, value)?,
            Learned::Ordinal { order, .. } => ordinal(column, order)?,
            Learned::Standardize { mean, scale, .. } => scaled(*mean, *scale)?,
            Learned::MinMax { min, scale, .. } => scaled(*min, *scale)?,
            Learned::Robust { median, scale, .. } => scaled(*median, *scale)?,
            Learned::Clip { low, high, .. } => clip(column, *low, *high)?,
            Learned::Log { .. } => log(column)?,
            Learned::Bin { edges, .. } => bin(column, edges)?,
        };
        Ok(vec![made])
    }
}

/// Runs steps one after the other; those that work on different columns at the same time.
pub(crate) fn run(steps: &[Learned], columns: &mut Vec<Column>, rows: usize) -> Result<(), PrepError> {
    let mut rest = steps;
    while !rest.is_empty() {
        let (together, later) = rest.split_at(independent(rest));
        for (step, made) in together.iter().zip(made(together, columns, rows)) {
            step.put(made?, columns);
        }
        rest = later;
    }
    Ok(())
}

/// How many of the first steps need nothing that another of them makes or takes away; one at least.
fn independent(steps: &[Learned]) -> usize {
    let mut changed: HashSet<&str> = HashSet::new();
    let dependent = steps.iter().enumerate().position(|(at, step)| {
        let alone = matches!(step, Learned::With { .. }) && at > 0;
        let after_with = at > 0 && matches!(steps[at - 1], Learned::With { .. });
        let touched = changed.contains(step.column());
        changed.insert(step.column());
        changed.extend(step.makes());
        alone || after_with || touched
    });
    dependent.unwrap_or(steps.len())
}

/// What each of several independent steps makes of the columns.
pub(crate) fn made(steps: &[Learned], columns: &[Column], rows: usize) -> Vec<Result<Vec<Column>, PrepError>> {
    let made = |step: &Learned| step.made(columns, rows);
    match rows < WORTH_A_THREAD {
        true => steps.iter().map(made).collect(),
        false => steps.par_iter().map(made).collect(),
    }
}

/// A numeric column as floats.
pub(crate) fn floats(column: &Column) -> Result<Float64Chunked, PrepError> {
    Ok(column.cast(&DataType::Float64)?.f64()?.clone())
}

fn with(name: &str, expression: &str, dtype: &str, rows: usize, columns: &[Column]) -> Result<Column, PrepError> {
    let expression = Expression::parse(expression).map_err(|problem| PrepError::Saved(problem.what))?;
    let made = expression.run(name, rows, columns).map_err(|error| PrepError::Made {
        line: None,
        column: name.to_owned(),
        why: first_line(&error),
    })?;
    column::expected(&made, Expected::of(dtype))
}

/// An error of Polars without the plan that follows it.
pub(crate) fn first_line(error: &PrepError) -> String {
    error.to_string().lines().next().unwrap_or_default().to_owned()
}

fn cast(column: &Column, to: CastTo) -> Result<Column, PrepError> {
    let wanted = match to {
        CastTo::Float => Expected::Number,
        CastTo::Int => Expected::Whole,
        CastTo::Text => Expected::Text,
        CastTo::Bool => Expected::Truth,
        CastTo::Date => Expected::Date,
        CastTo::Datetime => Expected::Time,
    };
    if to == CastTo::Text && column.dtype().is_temporal() {
        return Ok(column.cast(&DataType::String)?);
    }
    column::expected(column, wanted)
}

fn fill(column: &Column, value: &Filling) -> Result<Column, PrepError> {
    let name = column.name().clone();
    Ok(match value {
        Filling::Text(_) | Filling::Truth(_) if column.null_count() == 0 => column.clone(),
        Filling::Number(Exact(value)) => {
            let values = floats(column)?.fill_null_with_values(*value)?;
            values
                .apply_values(|v| if v.is_nan() { *value } else { v })
                .into_column()
        }
        Filling::Text(value) => {
            let texts = column.str()?;
            let filled: Vec<&str> = texts.iter().map(|v| v.unwrap_or(value)).collect();
            Column::new(name, filled)
        }
        Filling::Truth(value) => {
            let truths = column.bool()?;
            let filled = truths.iter().map(|v| v.unwrap_or(*value));
            BooleanChunked::from_iter_values(name, filled).into_column()
        }
    })
}

fn clip(column: &Column, low: Option<Exact>, high: Option<Exact>) -> Result<Column, PrepError> {
    let low = low.map_or(f64::NEG_INFINITY, |v| v.0);
    let high = high.map_or(f64::INFINITY, |v| v.0);
    // Comparisons, not `clamp`: NaN stays NaN, and saved ends can't make it panic.
    let clip = |v: f64| {
        if v < low {
            low
        } else if v > high {
            high
        } else {
            v
        }
    };
    Ok(floats(column)?.apply_values(clip).into_column())
}

fn log(column: &Column) -> Result<Column, PrepError> {
    let values = floats(column)?;
    for (row, value) in values.iter().enumerate() {
        if let Some(value) = value.filter(|v| *v < 0.0) {
            return Err(PrepError::Negative {
                column: column.name().to_string(),
                row,
                value,
            });
        }
    }
    Ok(values.apply_values(f64::ln_1p).into_column())
}

fn bin(column: &Column, edges: &[Exact]) -> Result<Column, PrepError> {
    let number = |v: f64| edges.partition_point(|edge| edge.0 <= v) as i64;
    let values = floats(column)?;
    let bins = values.iter().map(|v| v.filter(|v| !v.is_nan()).map(number));
    Ok(Int64Chunked::from_iter_options(column.name().clone(), bins).into_column())
}

fn ordinal(column: &Column, order: &[String]) -> Result<Column, PrepError> {
    let numbers: PlHashMap<&str, i64> = order.iter().map(String::as_str).zip(0..).collect();
    let names = column::names(column)?;
    let number = |name: &str| numbers.get(name).copied().unwrap_or(-1);
    let codes = names.str()?.iter().map(|name| name.map(number));
    Ok(Int64Chunked::from_iter_options(column.name().clone(), codes).into_column())
}

fn one_hot(column: &Column, categories: &[Category]) -> Result<Vec<Column>, PrepError> {
    let places: PlHashMap<&str, usize> = categories.iter().map(|c| c.value.as_str()).zip(0..).collect();
    let outputs = categories.iter().map(|c| c.output.as_str());
    indicators(column, outputs, |name| places.get(name).copied())
}

fn hash(column: &Column, buckets: &[String]) -> Result<Vec<Column>, PrepError> {
    let count = buckets.len().max(1) as u64;
    let bucket = |name: &str| Some((fnv_1a(name.as_bytes()) % count) as usize);
    indicators(column, buckets.iter().map(String::as_str), bucket)
}

/// Columns of 0 and 1: a 1 in the one that `place` says for the row's value.
fn indicators<'a>(
    column: &Column,
    outputs: impl Iterator<Item = &'a str>,
    place: impl Fn(&str) -> Option<usize>,
) -> Result<Vec<Column>, PrepError> {
    let names = column::names(column)?;
    let mut made: Vec<(&str, Vec<u8>)> = outputs.map(|output| (output, vec![0; column.len()])).collect();
    for (row, name) in names.str()?.iter().enumerate() {
        if let Some((_, ones)) = name.and_then(&place).and_then(|at| made.get_mut(at)) {
            ones[row] = 1;
        }
    }
    Ok(made
        .into_iter()
        .map(|(output, ones)| Column::new(output.into(), ones))
        .collect())
}

/// The 64-bit hash of Fowler, Noll and Vo, 1a: short, and the same in every language and version
/// (RFC 9923).
fn fnv_1a(bytes: &[u8]) -> u64 {
    const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0100_0000_01b3;
    bytes
        .iter()
        .fold(OFFSET, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(PRIME))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_told_short() {
        let told = [
            0.312_986_235_786_953_9,
            -29.0,
            0.0,
            1_234_567.8,
            1e-9 / 3.0,
            0.5,
            f64::INFINITY,
        ];
        let told = told.map(|number| Exact(number).short());
        assert_eq!(
            told,
            ["0.312986", "-29", "0", "1234568", "0.000000000333333", "0.5", "inf"]
        );
    }

    #[test]
    fn the_hash_is_the_published_one() {
        // The test vectors of the FNV specification.
        assert_eq!(fnv_1a(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv_1a(b"a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(fnv_1a(b"foobar"), 0x8594_4171_f739_67e8);
    }
}
