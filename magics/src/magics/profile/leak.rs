//! How well one column alone tells another: a feature that nearly is the label is seldom known when a prediction is
//! wanted.
//!
//! Rows are put into cells by the feature (quantiles of numbers, values of texts). A label of numbers is told by its mean
//! in each cell, and the measure is the correlation ratio η² (Fisher 1925); other labels are told by the commonest in each
//! cell, and the measure is Goodman and Kruskal's λ, the share of errors that the feature saves.

use std::collections::HashMap;

use polars::prelude::*;

use crate::error::MagicError;

/// From this measure on, a feature is said to tell the label.
const NEARLY_ALONE: f64 = 0.95;
/// Fewer rows prove nothing.
const FEW: usize = 50;
/// Rows a cell must have on average, lest each row is its own cell.
const ROWS_A_CELL: usize = 10;
/// Most cells that numbers are put into.
const MOST_CELLS: usize = 256;
/// A label of more different numbers is a number, of fewer a class.
const MOST_CLASSES: usize = 20;

/// The label, read once for all features.
pub(super) struct Label {
    name: String,
    present: BooleanChunked,
    told: Told,
}

enum Told {
    Numbers(Vec<f64>),
    Classes(Vec<usize>),
}

impl Label {
    /// Rows without a label are left out.
    pub fn of(column: &Column) -> Result<Label, MagicError> {
        let present = column.is_not_null();
        let values = column.as_materialized_series().filter(&present)?;
        let dtype = values.dtype();
        let numeric = dtype.is_primitive_numeric() || dtype.is_decimal();
        let told = match numeric && values.n_unique()? > MOST_CLASSES {
            true => Told::Numbers(numbers(&values)?),
            false => Told::Classes(codes(&values)?),
        };
        Ok(Label {
            name: column.name().to_string(),
            present,
            told,
        })
    }

    /// A warning where `feature` alone tells the label.
    pub fn told_by(&self, feature: &Column) -> Result<Option<String>, MagicError> {
        if feature.name().as_str() == self.name || feature.dtype().is_nested() {
            return Ok(None);
        }
        let values = feature.as_materialized_series().filter(&self.present)?;
        if values.len() < FEW {
            return Ok(None);
        }
        let Some(cells) = cells(&values)? else { return Ok(None) };
        let measure = match &self.told {
            Told::Numbers(label) => correlation_ratio(&cells, label),
            Told::Classes(label) => lambda(&cells, label),
        };
        Ok(measure.filter(|measure| *measure >= NEARLY_ALONE).map(|measure| {
            // Not quite all is not said as all.
            let percent = (measure * 100.0).floor();
            format!("tells {} nearly alone ({percent:.0} %): a leak?", self.name)
        }))
    }
}

fn numbers(values: &Series) -> Result<Vec<f64>, MagicError> {
    let cast = values.to_physical_repr().cast(&DataType::Float64)?;
    Ok(cast.f64()?.iter().map(|value| value.unwrap_or(f64::NAN)).collect())
}

/// A number for each different value, null among them.
fn codes(values: &Series) -> Result<Vec<usize>, MagicError> {
    let texts = values.cast(&DataType::String)?;
    let mut known: HashMap<Option<&str>, usize> = HashMap::new();
    Ok(texts
        .str()?
        .iter()
        .map(|text| {
            let next = known.len();
            *known.entry(text).or_insert(next)
        })
        .collect())
}

/// The cell of each row; None where there would be too many for the rows.
fn cells(values: &Series) -> Result<Option<Vec<usize>>, MagicError> {
    let dtype = values.dtype();
    let most = values.len() / ROWS_A_CELL;
    if !(dtype.is_primitive_numeric() || dtype.is_decimal() || dtype.is_temporal()) {
        let codes = codes(values)?;
        let count = codes.iter().max().map_or(0, |most| most + 1);
        return Ok((count <= most).then_some(codes));
    }
    let numbers = numbers(values)?;
    let mut sorted = numbers.clone();
    sorted.sort_unstable_by(f64::total_cmp);
    let cells = most.clamp(2, MOST_CELLS);
    let mut edges: Vec<f64> = (1..cells).map(|cell| sorted[cell * sorted.len() / cells]).collect();
    edges.dedup();
    let cell = |number: &f64| edges.partition_point(|edge| edge.total_cmp(number).is_le());
    Ok(Some(numbers.iter().map(cell).collect()))
}

/// η²: the share of the label's variance that is between the cells.
fn correlation_ratio(cells: &[usize], label: &[f64]) -> Option<f64> {
    let count = cells.iter().max()? + 1;
    let mut sums = vec![(0.0, 0.0); count];
    let finite = || cells.iter().zip(label).filter(|(_, value)| value.is_finite());
    let (rows, sum) = finite().fold((0.0, 0.0), |(rows, sum), (_, value)| (rows + 1.0, sum + value));
    let mean = sum / rows;
    let mut total = 0.0;
    for (cell, value) in finite() {
        let off = value - mean;
        total += off * off;
        sums[*cell].0 += 1.0;
        sums[*cell].1 += off;
    }
    let between: f64 = sums
        .iter()
        .filter(|(rows, _)| *rows > 0.0)
        .map(|(rows, sum)| sum * sum / rows)
        .sum();
    (total > 0.0).then(|| between / total)
}

/// λ: the share of the errors of always naming the commonest class that naming the commonest of the cell saves.
fn lambda(cells: &[usize], label: &[usize]) -> Option<f64> {
    let mut together: HashMap<(usize, usize), usize> = HashMap::new();
    let mut classes: HashMap<usize, usize> = HashMap::new();
    for (cell, class) in cells.iter().zip(label) {
        *together.entry((*cell, *class)).or_default() += 1;
        *classes.entry(*class).or_default() += 1;
    }
    let mut best: HashMap<usize, usize> = HashMap::new();
    for ((cell, _), count) in together {
        let known = best.entry(cell).or_default();
        *known = count.max(*known);
    }
    let commonest = *classes.values().max()?;
    let errors = label.len() - commonest;
    let right: usize = best.values().sum();
    (errors > 0).then(|| (right - commonest) as f64 / errors as f64)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_feature_that_is_the_label_is_told() {
        let rows = 0..2_000_i64;
        let frame = df!(
            "price" => rows.clone().map(|row| ((row * 7919) % 2_000) as f64).collect::<Vec<_>>(),
            "tax" => rows.clone().map(|row| ((row * 7919) % 2_000) as f64 * 0.19 + 3.0).collect::<Vec<_>>(),
            "noise" => rows.clone().map(|row| (row * 31 % 977) as f64).collect::<Vec<_>>(),
            "id" => rows.clone().map(|row| format!("id {row}")).collect::<Vec<_>>(),
            "dear" => rows.clone().map(|row| (row * 7919) % 2_000 > 1_300).collect::<Vec<_>>(),
            "band" => rows.map(|row| if (row * 7919) % 2_000 > 1_300 { "high" } else { "low" }).collect::<Vec<_>>(),
        )
        .unwrap();
        let told = |label: &str| -> Vec<String> {
            let label = Label::of(frame.column(label).unwrap()).unwrap();
            let columns = frame.columns().iter();
            let told = columns.filter_map(|column| Some((column.name(), label.told_by(column).unwrap()?)));
            told.map(|(name, told)| format!("{name} {told}")).collect()
        };
        assert_eq!(told("price"), ["tax tells price nearly alone (99 %): a leak?"]);
        let dear = told("dear");
        assert_eq!(dear.len(), 3, "{dear:?}");
        assert_eq!(dear[2], "band tells dear nearly alone (100 %): a leak?");
        assert!(told("noise").is_empty());
    }

    #[test]
    fn measures_as_their_definitions_give_them() {
        assert_eq!(correlation_ratio(&[0, 0, 1, 1], &[1.0, 1.0, 3.0, 3.0]), Some(1.0));
        assert_eq!(correlation_ratio(&[0, 1, 0, 1], &[1.0, 1.0, 3.0, 3.0]), Some(0.0));
        assert_eq!(correlation_ratio(&[0, 1], &[2.0, 2.0]), None);
        assert_eq!(lambda(&[0, 0, 1, 1], &[0, 0, 1, 1]), Some(1.0));
        assert_eq!(lambda(&[0, 0, 1, 1], &[0, 1, 0, 1]), Some(0.0));
        assert_eq!(lambda(&[0, 1], &[0, 0]), None);
    }
}
