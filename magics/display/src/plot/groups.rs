//! Columns as groups: categories in an order that a person expects, the parts of small multiples, and the colours of
//! groups, the largest six and "others" where there are more than seven, since no eye tells more colours apart.

use std::collections::HashMap;

use polars::prelude::{BooleanChunked, DataFrame, DataType};

use super::PlotError;
use super::column::column;
use super::panel::MOST_FACETS;
use super::theme::{self, Rgb};
use crate::text;

/// Each row's category and the categories' names: numbers in their order, names in theirs, and
/// "null" last.
pub(super) fn categories(frame: &DataFrame, name: &str) -> Result<(Vec<usize>, Vec<String>), PlotError> {
    let column = column(frame, name)?;
    let dtype = column.dtype();
    if dtype.is_nested() || dtype.is_binary() || dtype.is_duration() {
        return Err(PlotError::NotUsable {
            name: name.to_owned(),
            dtype: dtype.to_string(),
            needs: "groups are made of names, numbers or dates".to_owned(),
            instead: "take another column, or make one of it in Rust".to_owned(),
        });
    }
    let texts = column.cast(&DataType::String)?;
    let texts = texts.str()?;
    let order: Vec<Option<f64>> = if dtype.is_primitive_numeric() || dtype.is_decimal() {
        let numbers = column.cast(&DataType::Float64)?;
        numbers.f64()?.iter().collect()
    } else {
        Vec::new()
    };
    let mut seen: HashMap<Option<&str>, usize> = HashMap::new();
    let mut names: Vec<(Option<&str>, f64)> = Vec::new();
    let mut of_row = Vec::with_capacity(texts.len());
    for (row, text) in texts.iter().enumerate() {
        let category = *seen.entry(text).or_insert_with(|| {
            let key = order.get(row).copied().flatten().unwrap_or(0.0);
            names.push((text, key));
            names.len() - 1
        });
        of_row.push(category);
    }
    let mut sorted: Vec<usize> = (0..names.len()).collect();
    sorted.sort_by(|a, b| {
        let (a, b) = (&names[*a], &names[*b]);
        let nulls = a.0.is_none().cmp(&b.0.is_none());
        nulls.then(a.1.total_cmp(&b.1)).then(a.0.cmp(&b.0))
    });
    let mut place = vec![0; names.len()];
    for (to, from) in sorted.iter().enumerate() {
        place[*from] = to;
    }
    for category in &mut of_row {
        *category = place[*category];
    }
    let names = sorted
        .into_iter()
        .map(|i| match names[i].0 {
            None => "null".to_owned(),
            // A name that is seen.
            Some("") => "\"\"".to_owned(),
            Some(name) => name.to_owned(),
        })
        .collect();
    Ok((of_row, names))
}

/// The parts that a column's values make of a frame, for small multiples: the most frequent ones.
pub(super) struct Parts {
    /// The rows of those parts.
    pub(super) frame: DataFrame,
    /// Each such row's part.
    pub(super) of_row: Vec<usize>,
    /// Each part of all rows, none where it is not among the most frequent.
    pub(super) of_all: Vec<Option<usize>>,
    pub(super) names: Vec<String>,
    /// How many there are beyond, as a fact.
    pub(super) cut: Option<String>,
}

impl Parts {
    /// By a column, or the whole frame as one part without a name.
    pub(super) fn of(frame: &DataFrame, by: Option<&str>) -> Result<Parts, PlotError> {
        match by {
            Some(by) => Parts::most(frame, by, MOST_FACETS),
            None => Ok(Parts {
                frame: frame.clone(),
                of_row: vec![0; frame.height()],
                of_all: vec![Some(0); frame.height()],
                names: vec![String::new()],
                cut: None,
            }),
        }
    }

    pub(super) fn most(frame: &DataFrame, by: &str, most: usize) -> Result<Parts, PlotError> {
        let (of_row, names) = categories(frame, by)?;
        if names.is_empty() {
            return Err(PlotError::NoValues { what: by.to_owned() });
        }
        let all = names.len();
        let kept = most_frequent(&of_row, all, most);
        let mut place = vec![None; all];
        for (to, from) in kept.iter().enumerate() {
            place[*from] = Some(to);
        }
        let of_all: Vec<Option<usize>> = of_row.into_iter().map(|part| place[part]).collect();
        let frame = if kept.len() < all {
            let mask: BooleanChunked = of_all.iter().map(Option::is_some).collect();
            frame.filter(&mask)?
        } else {
            frame.clone()
        };
        Ok(Parts {
            frame,
            of_row: of_all.iter().copied().flatten().collect(),
            of_all,
            cut: (kept.len() < all).then(|| {
                let (kept, all) = (kept.len(), text::count(all as u64));
                format!("the {kept} most frequent of {all} values of {by}")
            }),
            names: kept.into_iter().map(|i| names[i].clone()).collect(),
        })
    }
}

/// The categories with the most rows, in the order of the categories.
fn most_frequent(of_row: &[usize], categories: usize, most: usize) -> Vec<usize> {
    let mut counts = vec![0_usize; categories];
    for category in of_row {
        counts[*category] += 1;
    }
    let mut kept: Vec<usize> = (0..categories).collect();
    kept.sort_by_key(|i| std::cmp::Reverse(counts[*i]));
    kept.truncate(most);
    kept.sort_unstable();
    kept
}

/// Each row's group, and the groups' names and colours.
pub(super) type Grouped = (Vec<usize>, Vec<(String, Rgb)>);

/// Makes groups of a column's values: at most seven.
pub(super) fn groups(frame: &DataFrame, name: &str) -> Result<Grouped, PlotError> {
    let (mut of_row, names) = categories(frame, name)?;
    let most = theme::PALETTE.len();
    if names.len() <= most {
        let colored = names.into_iter().zip(theme::PALETTE);
        return Ok((of_row, colored.collect()));
    }
    let largest = most_frequent(&of_row, names.len(), most - 1);
    let mut place = vec![most - 1; names.len()];
    for (to, from) in largest.iter().enumerate() {
        place[*from] = to;
    }
    for category in &mut of_row {
        *category = place[*category];
    }
    let other = names.len() - largest.len();
    let mut colored: Vec<(String, Rgb)> = largest
        .into_iter()
        .map(|i| names[i].clone())
        .zip(theme::PALETTE)
        .collect();
    colored.push((format!("{} others", text::count(other as u64)), theme::OTHER));
    Ok((of_row, colored))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use polars::prelude::{Column, TimeUnit, df};

    use super::*;

    #[test]
    fn many_groups_become_six_and_the_others() {
        let names: Vec<String> = (0..40).map(|i| format!("g{}", i % 20)).collect();
        let frame = df!("g" => names, "v" => (0..40).collect::<Vec<i32>>()).unwrap();
        let (of_row, groups) = groups(&frame, "g").unwrap();
        assert_eq!(groups.len(), 7);
        assert_eq!(groups[6].0, "14 others");
        assert!(of_row.iter().all(|g| *g < 7));
    }

    #[test]
    fn numbers_keep_their_order_and_null_comes_last() {
        let frame = df!("n" => [Some(10), None, Some(9), Some(10)], "s" => ["b", "", "a", ""]).unwrap();
        let (of_row, names) = categories(&frame, "n").unwrap();
        assert_eq!(names, ["9", "10", "null"]);
        assert_eq!(of_row, [1, 2, 0, 1]);
        assert_eq!(categories(&frame, "s").unwrap().1, ["\"\"", "a", "b"]);
    }

    #[test]
    fn spans_of_time_make_no_groups() {
        let spans = Column::new("span".into(), [1_i64, 2]);
        let spans = spans.cast(&DataType::Duration(TimeUnit::Milliseconds)).unwrap();
        let error = categories(&spans.into_frame(), "span").unwrap_err();
        assert!(matches!(error, PlotError::NotUsable { .. }), "{error}");
    }
}
