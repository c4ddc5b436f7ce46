//! What each step learns of its columns, or why it cannot.

use std::collections::BTreeMap;

use polars::prelude::{Column, PlHashMap};

use crate::column::{self, Expected};
use crate::error::{PrepError, nearest, word};
use crate::grammar::MOST;
use crate::learned::{Category, Exact, Filling, Learned, floats};
use crate::recipe::{Bins, Bound, DatePart, Fill, Step, StepKind};
use crate::statistics::{self, Statistic};

/// What a step learns of each of its columns.
pub(crate) fn learn(step: &Step, columns: &[&Column]) -> Result<Vec<Learned>, PrepError> {
    let name = |column: &Column| column.name().to_string();
    let each = |learn: &dyn Fn(&Column) -> Result<Learned, PrepError>| -> Result<Vec<Learned>, PrepError> {
        columns.iter().map(|column| learn(column)).collect()
    };
    match &step.kind {
        // These have been done where columns come and go.
        StepKind::Select | StepKind::Drop | StepKind::With { .. } => Ok(Vec::new()),
        StepKind::Rename { to } => each(&|column| {
            Ok(Learned::Rename {
                column: name(column),
                to: to.clone(),
            })
        }),
        StepKind::Cast(to) => each(&|column| {
            Ok(Learned::Cast {
                column: name(column),
                to: *to,
            })
        }),
        StepKind::Fill(fill) => learn_fill(step, columns, fill),
        StepKind::OneHot { drop_first } => each(&|column| {
            Ok(Learned::OneHot {
                categories: learn_categories(step, column, *drop_first)?,
                column: name(column),
            })
        }),
        StepKind::Ordinal { order } => each(&|column| {
            Ok(Learned::Ordinal {
                order: learn_order(step, column, order)?,
                column: name(column),
            })
        }),
        StepKind::Hash { buckets } => each(&|column| {
            needs_names(step, column)?;
            Ok(Learned::Hash {
                buckets: (0..*buckets).map(|at| format!("{}_hash_{at}", column.name())).collect(),
                column: name(column),
            })
        }),
        StepKind::Standardize => {
            let asked = [Statistic::Mean, Statistic::Deviation];
            let learned = learn_numbers(step, columns, "a mean", &asked)?;
            Ok(zip(columns, learned, |column, numbers| Learned::Standardize {
                column: name(column),
                mean: Exact(numbers.asked[0]),
                scale: scale(if numbers.is_constant() { 0.0 } else { numbers.asked[1] }),
            }))
        }
        StepKind::MinMax => {
            let learned = learn_numbers(step, columns, "a range", &[])?;
            Ok(zip(columns, learned, |column, numbers| Learned::MinMax {
                column: name(column),
                min: Exact(numbers.min),
                scale: scale(numbers.max - numbers.min),
            }))
        }
        StepKind::Robust => {
            let asked = [0.5, 0.25, 0.75].map(Statistic::Quantile);
            let learned = learn_numbers(step, columns, "a median", &asked)?;
            Ok(zip(columns, learned, |column, numbers| Learned::Robust {
                column: name(column),
                median: Exact(numbers.asked[0]),
                scale: scale(numbers.asked[2] - numbers.asked[1]),
            }))
        }
        StepKind::Clip { low, high } => learn_ends(step, columns, *low, *high),
        StepKind::Log => {
            columns.iter().try_for_each(|column| needs_numbers(step, column))?;
            let smallest = statistics::of(columns, &[Statistic::Min])?;
            for (column, smallest) in columns.iter().zip(smallest) {
                if let Some(smallest) = smallest[0].filter(|smallest| *smallest < 0.0) {
                    let why = format!("its smallest value is {smallest}, and log needs 0 or more");
                    let hint = format!("`clip {} 0 _` before it, or leave it out", word(column.name()));
                    return Err(refuse(step, column, why, Some(hint)));
                }
            }
            each(&|column| Ok(Learned::Log { column: name(column) }))
        }
        StepKind::Bin(bins) => learn_bins(step, columns, bins),
        StepKind::DateParts(parts) => each(&|column| {
            let parts = date_parts(step, column, parts)?;
            let output = |part: DatePart| (part, format!("{}_{}", column.name(), part.name()));
            Ok(Learned::DateParts {
                parts: parts.into_iter().map(output).collect(),
                column: name(column),
            })
        }),
    }
}

fn zip<T>(columns: &[&Column], learned: Vec<T>, lesson: impl Fn(&Column, T) -> Learned) -> Vec<Learned> {
    let both = columns.iter().zip(learned);
    both.map(|(column, learned)| lesson(column, learned)).collect()
}

/// What to divide by: a column that does not vary becomes zeros, not NaN.
fn scale(width: f64) -> Exact {
    Exact(if width > 0.0 { width } else { 1.0 })
}

fn refuse(step: &Step, column: &Column, why: String, hint: Option<String>) -> PrepError {
    PrepError::Step {
        line: step.line,
        step: step.kind.name(),
        column: column.name().to_string(),
        why,
        hint,
    }
}

fn is_number(column: &Column) -> bool {
    column.dtype().is_primitive_numeric()
}

fn needs_numbers(step: &Step, column: &Column) -> Result<(), PrepError> {
    if is_number(column) {
        return Ok(());
    }
    let why = format!("it is {}, and numbers are needed", column.dtype());
    let hint = match step.kind {
        StepKind::Fill(_) => {
            let name = word(column.name());
            format!("`fill {name} mode`, a value of its own, or `@numeric`")
        }
        _ => format!("`{} @numeric` takes the numbers alone", step.kind.name()),
    };
    Err(refuse(step, column, why, Some(hint)))
}

/// What a step learned of a column of numbers.
struct Numbers {
    min: f64,
    max: f64,
    asked: Vec<f64>,
}

impl Numbers {
    fn is_constant(&self) -> bool {
        self.min == self.max
    }
}

/// Asks all columns at once; refuses those without a value and those with infinite ones, of which
/// `what` cannot be learned.
fn learn_numbers(step: &Step, columns: &[&Column], what: &str, asked: &[Statistic]) -> Result<Vec<Numbers>, PrepError> {
    columns.iter().try_for_each(|column| needs_numbers(step, column))?;
    let ends = [Statistic::Min, Statistic::Max];
    let all: Vec<Statistic> = ends.iter().chain(asked).copied().collect();
    let answers = statistics::of(columns, &all)?;
    columns
        .iter()
        .zip(answers)
        .map(|(column, answers)| numbers(step, column, what, &answers))
        .collect()
}

fn numbers(step: &Step, column: &Column, what: &str, answers: &[Option<f64>]) -> Result<Numbers, PrepError> {
    let values: Option<Vec<f64>> = answers.iter().copied().collect();
    let Some([min, max, asked @ ..]) = values.as_deref() else {
        return Err(no_value(step, column, what));
    };
    let without = what.trim_start_matches("a ");
    if let Some(odd) = [min, max].into_iter().find(|end| end.is_infinite()) {
        let why = format!("it has the value {odd}, so it has no {without}");
        let hint = "set infinite values to NULL in `%%sql` first".to_owned();
        return Err(refuse(step, column, why, Some(hint)));
    }
    if !(max - min).is_finite() || asked.iter().any(|value| !value.is_finite()) {
        let why = format!("its values are too large for {what}");
        let hint = format!("`clip {} 1% 99%` before it", word(column.name()));
        return Err(refuse(step, column, why, Some(hint)));
    }
    Ok(Numbers {
        min: *min,
        max: *max,
        asked: asked.to_vec(),
    })
}

fn no_value(step: &Step, column: &Column, what: &str) -> PrepError {
    let why = format!("it has no value to learn {what} from");
    refuse(step, column, why, Some(format!("`drop {}`", word(column.name()))))
}

fn learn_fill(step: &Step, columns: &[&Column], fill: &Fill) -> Result<Vec<Learned>, PrepError> {
    for column in columns {
        let dtype = column.dtype();
        if !(is_number(column) || dtype.is_string() || dtype.is_bool()) {
            let why = format!("it is {dtype}");
            let hint = format!("fill it in `%%sql` with `COALESCE({}, …)`, or drop it", column.name());
            return Err(refuse(step, column, why, Some(hint)));
        }
    }
    let lesson = |column: &Column, value: Filling| Learned::Fill {
        column: column.name().to_string(),
        value,
    };
    let asked = |what: &str, statistic: Statistic| -> Result<Vec<Learned>, PrepError> {
        let learned = learn_numbers(step, columns, what, &[statistic])?;
        Ok(zip(columns, learned, |column, numbers| {
            lesson(column, Filling::Number(Exact(numbers.asked[0])))
        }))
    };
    let each = |value: &dyn Fn(&Column) -> Result<Filling, PrepError>| -> Result<Vec<Learned>, PrepError> {
        columns
            .iter()
            .map(|column| Ok(lesson(column, value(column)?)))
            .collect()
    };
    match fill {
        Fill::Median => asked("a median", Statistic::Quantile(0.5)),
        Fill::Mean => asked("a mean", Statistic::Mean),
        Fill::Min => asked("a smallest value", Statistic::Min),
        Fill::Max => asked("a largest value", Statistic::Max),
        Fill::Mode => each(&|column| match is_number(column) {
            true => mode_of_numbers(step, column),
            false => mode_of_names(step, column),
        }),
        Fill::Constant(text) => each(&|column| constant(step, column, text)),
        Fill::Zero => each(&|column| {
            needs_numbers(step, column)?;
            Ok(Filling::Number(Exact(0.0)))
        }),
    }
}

fn mode_of_numbers(step: &Step, column: &Column) -> Result<Filling, PrepError> {
    let present = floats(column)?;
    let mut values: Vec<f64> = present.iter().flatten().filter(|v| !v.is_nan()).collect();
    values.sort_unstable_by(f64::total_cmp);
    let runs = values.chunk_by(|a, b| a == b);
    // The first of the longest runs: of equally common values, the smallest.
    let mode = runs.fold(
        &values[..0],
        |best, run| if run.len() > best.len() { run } else { best },
    );
    match mode.first() {
        Some(mode) => Ok(Filling::Number(Exact(*mode))),
        None => Err(no_value(step, column, "a mode")),
    }
}

fn constant(step: &Step, column: &Column, text: &str) -> Result<Filling, PrepError> {
    let wrong = |wanted: &str| {
        let why = format!("it is {}, and `{text}` is no {wanted}", column.dtype());
        let hint = "median, mean, mode, zero, min, max, or a value of the column's type".to_owned();
        refuse(step, column, why, Some(hint))
    };
    if is_number(column) {
        let value = text.parse::<f64>().ok().filter(|v| v.is_finite());
        return Ok(Filling::Number(Exact(value.ok_or_else(|| wrong("number"))?)));
    }
    if column.dtype().is_bool() {
        let value = text.parse::<bool>().map_err(|_| wrong("true or false"))?;
        return Ok(Filling::Truth(value));
    }
    Ok(Filling::Text(text.to_owned()))
}

fn mode_of_names(step: &Step, column: &Column) -> Result<Filling, PrepError> {
    let counts = counted(column)?;
    let mut best: Option<(&str, usize)> = None;
    // In sorted order: of equally common values, the first.
    for (value, count) in &counts {
        if best.is_none_or(|(_, most)| *count > most) {
            best = Some((value, *count));
        }
    }
    let Some((value, _)) = best else {
        return Err(no_value(step, column, "a mode"));
    };
    if column.dtype().is_bool() {
        return Ok(Filling::Truth(value == "true"));
    }
    Ok(Filling::Text(value.to_owned()))
}

/// Each value of a column of names, whole numbers or truths, and how often it stands there.
fn counted(column: &Column) -> Result<BTreeMap<String, usize>, PrepError> {
    let names = column::names(column)?;
    let mut counts: PlHashMap<&str, usize> = PlHashMap::default();
    for name in names.str()?.iter().flatten() {
        *counts.entry(name).or_default() += 1;
    }
    Ok(counts
        .into_iter()
        .map(|(name, count)| (name.to_owned(), count))
        .collect())
}

/// Whether a column's values can be names: text, whole numbers, true and false.
fn needs_names(step: &Step, column: &Column) -> Result<(), PrepError> {
    let dtype = column.dtype();
    if dtype.is_string() || dtype.is_bool() || dtype.is_integer() {
        return Ok(());
    }
    let name = step.kind.name();
    let why = match dtype.is_float() {
        true => format!("it is {dtype}, and each value would be a category of its own"),
        false => format!("it is {dtype}, and text, whole numbers or true and false are needed"),
    };
    let hint = format!("name text, whole numbers or true and false: `{name} @string`");
    Err(refuse(step, column, why, Some(hint)))
}

/// The different values of a column, sorted: numbers by their size, names by their letters.
fn sorted_values(step: &Step, column: &Column) -> Result<Vec<String>, PrepError> {
    needs_names(step, column)?;
    let mut values: Vec<String> = counted(column)?.into_keys().collect();
    if column.dtype().is_integer() {
        values.sort_by_key(|v| v.parse::<i64>().unwrap_or(i64::MAX));
    }
    if values.is_empty() {
        return Err(no_value(step, column, "categories"));
    }
    Ok(values)
}

fn learn_categories(step: &Step, column: &Column, drop_first: bool) -> Result<Vec<Category>, PrepError> {
    let values = sorted_values(step, column)?;
    if values.len() > MOST {
        let name = word(column.name());
        let why = format!(
            "it has {} different values, and at most {MOST} get a column",
            values.len()
        );
        let hint = format!("`hash {name} 64`, `drop {name}`, or make groups of its values in `%%sql`");
        return Err(refuse(step, column, why, Some(hint)));
    }
    let categories = values.into_iter().skip(usize::from(drop_first));
    Ok(categories
        .map(|value| Category {
            output: format!("{}_{value}", column.name()),
            value,
        })
        .collect())
}

fn learn_order(step: &Step, column: &Column, order: &[String]) -> Result<Vec<String>, PrepError> {
    let values = sorted_values(step, column)?;
    if order.is_empty() {
        return Ok(values);
    }
    match values.iter().find(|value| !order.contains(value)) {
        Some(value) => {
            let why = format!("it has the value {value:?}, which --order does not name");
            let hint = match nearest(value, order.iter().map(String::as_str)) {
                Some(near) => format!("`{near}` may be a slip of it; name every value of the training rows"),
                None => "name every value of the training rows".to_owned(),
            };
            Err(refuse(step, column, why, Some(hint)))
        }
        None => Ok(order.to_vec()),
    }
}

fn learn_ends(step: &Step, columns: &[&Column], low: Bound, high: Bound) -> Result<Vec<Learned>, PrepError> {
    columns.iter().try_for_each(|column| needs_numbers(step, column))?;
    // Infinite values are what a clip is for: they count as the ends they are.
    let asked: Vec<Statistic> = [low, high]
        .iter()
        .filter_map(|bound| match bound {
            Bound::Quantile(part) => Some(Statistic::Quantile(*part)),
            _ => None,
        })
        .collect();
    let answers = match asked.is_empty() {
        true => vec![Vec::new(); columns.len()],
        false => statistics::of(columns, &asked)?,
    };
    let mut learned = Vec::with_capacity(columns.len());
    for (column, answers) in columns.iter().zip(answers) {
        let mut answers = answers.into_iter();
        let mut end = |bound: Bound| match bound {
            Bound::Open => Ok(None),
            Bound::Value(value) => Ok(Some(value)),
            Bound::Quantile(_) => match answers.next().flatten() {
                Some(value) => Ok(Some(value).filter(|v| v.is_finite())),
                None => Err(no_value(step, column, "a quantile")),
            },
        };
        let (low, high) = (end(low)?, end(high)?);
        if let (Some(low), Some(high)) = (low, high)
            && low > high
        {
            let why = format!("the low end {low} is above the high end {high}");
            return Err(refuse(step, column, why, None));
        }
        learned.push(Learned::Clip {
            column: column.name().to_string(),
            low: low.map(Exact),
            high: high.map(Exact),
        });
    }
    Ok(learned)
}

fn learn_bins(step: &Step, columns: &[&Column], bins: &Bins) -> Result<Vec<Learned>, PrepError> {
    let asked: Vec<Statistic> = match bins {
        Bins::Quantile(count) => (1..*count)
            .map(|at| Statistic::Quantile(at as f64 / *count as f64))
            .collect(),
        _ => Vec::new(),
    };
    let lesson = |column: &Column, edges: Vec<f64>| Learned::Bin {
        column: column.name().to_string(),
        edges: edges.into_iter().map(Exact).collect(),
    };
    if let Bins::Edges(edges) = bins {
        columns.iter().try_for_each(|column| needs_numbers(step, column))?;
        return Ok(columns.iter().map(|column| lesson(column, edges.clone())).collect());
    }
    let learned = learn_numbers(step, columns, "bins", &asked)?;
    Ok(zip(columns, learned, |column, numbers| {
        let (min, max) = (numbers.min, numbers.max);
        let mut edges = match bins {
            Bins::Width(count) => {
                let part = (max - min) / *count as f64;
                (1..*count).map(|at| min + part * at as f64).collect()
            }
            _ => numbers.asked,
        };
        // Where many rows have one value, bins of equally many rows fall together.
        edges.retain(|edge| *edge > min && *edge < max);
        edges.dedup();
        lesson(column, edges)
    }))
}

/// The parts that were asked for, or those that a column has most use for.
fn date_parts(step: &Step, column: &Column, parts: &[DatePart]) -> Result<Vec<DatePart>, PrepError> {
    const OF_DAYS: [DatePart; 4] = [DatePart::Year, DatePart::Month, DatePart::Day, DatePart::Weekday];
    let name = word(column.name());
    let is_day = match Expected::of(&column.dtype().to_string()) {
        Expected::Date => true,
        Expected::Time => false,
        Expected::Text => {
            let why = "it is text".to_owned();
            return Err(refuse(
                step,
                column,
                why,
                Some(format!("`cast {name} datetime` before it")),
            ));
        }
        _ => {
            let why = format!("it is {}, and a date is needed", column.dtype());
            let hint = "`date_parts @date` takes the dates alone".to_owned();
            return Err(refuse(step, column, why, Some(hint)));
        }
    };
    if parts.is_empty() {
        let hour = if is_day { None } else { Some(DatePart::Hour) };
        return Ok(OF_DAYS.into_iter().chain(hour).collect());
    }
    let of_time = |part: &&DatePart| matches!(part, DatePart::Hour | DatePart::Minute | DatePart::Second);
    if let Some(part) = parts.iter().find(of_time).filter(|_| is_day) {
        let why = format!("it is a date, which has no {}", part.name());
        return Err(refuse(step, column, why, Some("leave it out".to_owned())));
    }
    Ok(parts.to_vec())
}
