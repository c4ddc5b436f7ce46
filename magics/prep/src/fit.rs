//! Fitting: each step learns from the training rows, after the steps before it.

use std::collections::BTreeMap;

use polars::prelude::{Column, DataFrame};

use crate::column;
use crate::error::{PrepError, word};
use crate::fitted::{Category, Exact, Filling, FittedRecipe, Input, Learned, floats};
use crate::recipe::{Bound, Fill, Recipe, Step, StepKind};
use crate::selector::resolve;

/// More columns than this from one column are surely a slip (an identifier, a name).
const MOST_CATEGORIES: usize = 1_000;

/// A column on its way through the steps, and the raw column that it comes from.
struct Part {
    column: Column,
    from: usize,
}

impl Recipe {
    /// Learns from training rows. The columns in `leave` (the label, weights) never enter: steps
    /// pass over them, and applying the recipe hands them through untouched.
    pub fn fit(&self, frame: &DataFrame, leave: &[&str]) -> Result<FittedRecipe, PrepError> {
        let left: Vec<String> = leave.iter().map(|name| (*name).to_owned()).collect();
        let is_left = |column: &&Column| !left.iter().any(|name| name == column.name().as_str());
        let raw: Vec<&Column> = frame.columns().iter().filter(is_left).collect();
        let mut parts = Vec::with_capacity(raw.len());
        for (from, raw) in raw.iter().enumerate() {
            let column = column::plain(raw)?;
            parts.push(Part { column, from });
        }
        // What each column's steps learned; steps of columns that go are not needed again.
        let mut learned: Vec<(usize, Learned)> = Vec::new();
        for step in self.steps() {
            run(step, &mut parts, frame.height(), &left, &mut learned)?;
        }
        if parts.is_empty() {
            return Err(PrepError::NothingLeft {
                name: self.name().to_owned(),
            });
        }
        let outputs: Vec<String> = parts.iter().map(|p| p.column.name().to_string()).collect();
        let needed = |from: usize| parts.iter().any(|part| part.from == from);
        let mut inputs = Vec::new();
        for (_, raw) in raw.iter().enumerate().filter(|(from, _)| needed(*from)) {
            inputs.push(Input {
                name: raw.name().to_string(),
                dtype: column::plain(raw)?.dtype().to_string(),
            });
        }
        let steps = learned
            .into_iter()
            .filter(|(from, _)| needed(*from))
            .map(|(_, learned)| learned)
            .collect();
        let names = (self.name(), self.source());
        Ok(FittedRecipe::new(names, inputs, outputs, left, steps))
    }
}

/// Runs one step over the columns, and notes what it learned.
fn run(
    step: &Step,
    parts: &mut Vec<Part>,
    rows: usize,
    left: &[String],
    learned: &mut Vec<(usize, Learned)>,
) -> Result<(), PrepError> {
    let columns = parts.iter().map(|p| p.column.clone()).collect();
    let view = DataFrame::new(rows, columns)?;
    let picked = match &step.kind {
        // Dropping what never enters is no slip.
        StepKind::Drop => {
            let mut selectors = step.selectors.clone();
            selectors.retain(|s| !matches!(&s.pick, crate::Pick::Name(name) if left.contains(name)));
            if selectors.is_empty() {
                Vec::new()
            } else {
                resolve(&selectors, &view, left, step.line)?
            }
        }
        _ => resolve(&step.selectors, &view, left, step.line)?,
    };
    match &step.kind {
        StepKind::Select => parts.retain(|p| picked.iter().any(|n| n == p.column.name().as_str())),
        StepKind::Drop => parts.retain(|p| !picked.iter().any(|n| n == p.column.name().as_str())),
        _ => {
            for name in picked {
                let Some(at) = parts.iter().position(|p| p.column.name().as_str() == name) else {
                    continue;
                };
                let from = parts[at].from;
                let lesson = learn(step, &parts[at].column)?;
                let mut made = vec![parts[at].column.clone()];
                lesson.run(&mut made)?;
                refuse_clash(step, parts, at, &made, left)?;
                let made = made.into_iter().map(|column| Part { column, from });
                parts.splice(at..=at, made);
                learned.push((from, lesson));
            }
        }
    }
    Ok(())
}

fn refuse_clash(step: &Step, parts: &[Part], at: usize, made: &[Column], left: &[String]) -> Result<(), PrepError> {
    for (i, column) in made.iter().enumerate() {
        let name = column.name().as_str();
        let other = |(place, part): (usize, &Part)| place != at && part.column.name() == name;
        let twice = made[..i].iter().any(|earlier| earlier.name() == name);
        if twice || parts.iter().enumerate().any(other) || left.iter().any(|l| l == name) {
            return Err(PrepError::Clash {
                line: step.line,
                step: step.kind.name(),
                column: name.to_owned(),
            });
        }
    }
    Ok(())
}

fn learn(step: &Step, column: &Column) -> Result<Learned, PrepError> {
    let name = column.name().to_string();
    Ok(match &step.kind {
        StepKind::Fill(fill) => Learned::Fill {
            value: learn_fill(step, column, fill)?,
            column: name,
        },
        StepKind::OneHot { drop_first } => Learned::OneHot {
            categories: learn_categories(step, column, *drop_first)?,
            column: name,
        },
        StepKind::Standardize => {
            let values = learn_values(step, column, "a mean")?;
            let (mean, scale) = mean_and_deviation(&values);
            Learned::Standardize {
                column: name,
                mean: Exact(mean),
                // A constant column becomes zeros, not NaN.
                scale: Exact(if scale > 0.0 { scale } else { 1.0 }),
            }
        }
        StepKind::Clip { low, high } => {
            let ends = [learn_bound(step, column, *low)?, learn_bound(step, column, *high)?];
            if let [Some(low), Some(high)] = ends
                && low > high
            {
                let why = format!("the low end {low} is above the high end {high}");
                return Err(refuse(step, column, why, None));
            }
            let [low, high] = ends.map(|end| end.map(Exact));
            Learned::Clip {
                column: name,
                low,
                high,
            }
        }
        StepKind::Log => {
            needs_numbers(step, column)?;
            let smallest = floats(column)?.iter().flatten().fold(0.0, f64::min);
            if smallest < 0.0 {
                let why = format!("its smallest value is {smallest}, and log needs 0 or more");
                let hint = format!("`clip {} 0 _` before it, or leave it out", word(&name));
                return Err(refuse(step, column, why, Some(hint)));
            }
            Learned::Log { column: name }
        }
        // Handled where columns come and go; nothing to learn.
        StepKind::Select | StepKind::Drop => Learned::Clip {
            column: name,
            low: None,
            high: None,
        },
    })
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

/// The values a step can learn from: neither null nor NaN, and none infinite.
fn learn_values(step: &Step, column: &Column, what: &str) -> Result<Vec<f64>, PrepError> {
    needs_numbers(step, column)?;
    let present = floats(column)?;
    let values: Vec<f64> = present.iter().flatten().filter(|v| !v.is_nan()).collect();
    if values.is_empty() {
        let why = format!("it has no value to learn {what} from");
        let hint = format!("`drop {}`", word(column.name()));
        return Err(refuse(step, column, why, Some(hint)));
    }
    let counts = !matches!(step.kind, StepKind::Fill(Fill::Mode));
    if counts && let Some(odd) = values.iter().find(|v| v.is_infinite()) {
        let why = format!("it has the value {odd}, so it has no {}", what.trim_start_matches("a "));
        let hint = "set infinite values to NULL in `%%sql` first".to_owned();
        return Err(refuse(step, column, why, Some(hint)));
    }
    Ok(values)
}

fn learn_fill(step: &Step, column: &Column, fill: &Fill) -> Result<Filling, PrepError> {
    let dtype = column.dtype();
    if !(is_number(column) || dtype.is_string() || dtype.is_bool()) {
        let why = format!("it is {dtype}");
        let hint = format!("fill it in `%%sql` with `COALESCE({}, …)`, or drop it", column.name());
        return Err(refuse(step, column, why, Some(hint)));
    }
    let number = |value: f64| Ok(Filling::Number(Exact(value)));
    match fill {
        Fill::Constant(text) => constant(step, column, text),
        Fill::Zero => {
            needs_numbers(step, column)?;
            number(0.0)
        }
        Fill::Mode if !is_number(column) => mode_of_names(step, column),
        Fill::Mode => {
            let mut values = learn_values(step, column, "a mode")?;
            values.sort_by(f64::total_cmp);
            let runs = values.chunk_by(|a, b| a == b);
            // The first of the longest runs: of equally common values, the smallest.
            let mode = runs.fold(
                &values[..0],
                |best, run| {
                    if run.len() > best.len() { run } else { best }
                },
            );
            number(mode[0])
        }
        Fill::Median => {
            let mut values = learn_values(step, column, "a median")?;
            values.sort_by(f64::total_cmp);
            number(quantile(&values, 0.5))
        }
        Fill::Mean => number(mean_and_deviation(&learn_values(step, column, "a mean")?).0),
        Fill::Min => {
            let values = learn_values(step, column, "a smallest value")?;
            number(values.into_iter().fold(f64::INFINITY, f64::min))
        }
        Fill::Max => {
            let values = learn_values(step, column, "a largest value")?;
            number(values.into_iter().fold(f64::NEG_INFINITY, f64::max))
        }
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
        let why = "it has no value to learn a mode from".to_owned();
        let hint = format!("`drop {}`", word(column.name()));
        return Err(refuse(step, column, why, Some(hint)));
    };
    if column.dtype().is_bool() {
        return Ok(Filling::Truth(value == "true"));
    }
    Ok(Filling::Text(value.to_owned()))
}

/// Each value of a column of names, whole numbers or truths, and how often it stands there.
fn counted(column: &Column) -> Result<BTreeMap<String, usize>, PrepError> {
    let names = column::names(column)?;
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for name in names.str()?.iter().flatten() {
        match counts.get_mut(name) {
            Some(count) => *count += 1,
            None => {
                counts.insert(name.to_owned(), 1);
            }
        }
    }
    Ok(counts)
}

fn learn_categories(step: &Step, column: &Column, drop_first: bool) -> Result<Vec<Category>, PrepError> {
    let dtype = column.dtype();
    let name = word(column.name());
    if !(dtype.is_string() || dtype.is_bool() || dtype.is_integer()) {
        let why = format!("it is {dtype}, and each value would get a column of its own");
        let hint = "name text, whole numbers or true and false: `one_hot @string`".to_owned();
        return Err(refuse(step, column, why, Some(hint)));
    }
    let mut values: Vec<String> = counted(column)?.into_keys().collect();
    if dtype.is_integer() {
        values.sort_by_key(|v| v.parse::<i64>().unwrap_or(i64::MAX));
    }
    if values.is_empty() {
        let why = "it has no value to make columns of".to_owned();
        return Err(refuse(step, column, why, Some(format!("`drop {name}`"))));
    }
    if values.len() > MOST_CATEGORIES {
        let why = format!(
            "it has {} different values, and at most {MOST_CATEGORIES} get a column",
            values.len()
        );
        let hint = format!("`drop {name}`, or make groups of its values in `%%sql`");
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

fn learn_bound(step: &Step, column: &Column, bound: Bound) -> Result<Option<f64>, PrepError> {
    needs_numbers(step, column)?;
    match bound {
        Bound::Open => Ok(None),
        Bound::Value(value) => Ok(Some(value)),
        Bound::Quantile(part) => {
            // Infinite values are what a clip is for: they count as the ends they are.
            let values = floats(column)?;
            let mut values: Vec<f64> = values.iter().flatten().filter(|v| !v.is_nan()).collect();
            values.sort_by(f64::total_cmp);
            if values.is_empty() {
                let why = "it has no value to learn a quantile from".to_owned();
                let hint = format!("`drop {}`", word(column.name()));
                return Err(refuse(step, column, why, Some(hint)));
            }
            let value = quantile(&values, part);
            Ok(Some(value).filter(|v| v.is_finite()))
        }
    }
}

/// A quantile of sorted values, with linear interpolation, as NumPy's default.
fn quantile(sorted: &[f64], part: f64) -> f64 {
    let at = part * (sorted.len() - 1) as f64;
    let (low, high) = (sorted[at.floor() as usize], sorted[at.ceil() as usize]);
    if low == high {
        return low;
    }
    low + (high - low) * at.fract()
}

/// Mean and standard deviation (dividing by n, as scikit-learn's scaler), by Welford's method.
fn mean_and_deviation(values: &[f64]) -> (f64, f64) {
    let (mut mean, mut squares) = (0.0, 0.0);
    for (i, value) in values.iter().enumerate() {
        let off = value - mean;
        mean += off / (i + 1) as f64;
        squares += off * (value - mean);
    }
    (mean, (squares / values.len() as f64).sqrt())
}
