//! What can go wrong with a recipe, said with the line, the column, the row and the value.

use polars::error::PolarsError;

/// Why a recipe could not be read, fitted or applied.
#[derive(Debug, thiserror::Error)]
pub enum PrepError {
    /// A line that is no step.
    #[error("line {line}: {what}")]
    Syntax {
        /// The line of the recipe's body, the first is 1.
        line: usize,
        /// What is wrong with it.
        what: String,
        /// What to type instead.
        hint: Option<String>,
    },
    /// A recipe without a step.
    #[error("recipe `{name}` has no steps")]
    NoSteps {
        /// The recipe.
        name: String,
    },
    /// A column that a step names and the frame does not have.
    #[error("line {line}: no column {wanted}")]
    NoColumn {
        /// The step's line.
        line: usize,
        /// What was asked for, quoted.
        wanted: String,
        /// The nearest name, or what there is.
        hint: String,
    },
    /// A step that cannot work on a column, or learn from it.
    #[error("line {line}: {step} can't take column `{column}`: {why}")]
    Step {
        /// The step's line.
        line: usize,
        /// The step.
        step: &'static str,
        /// The column.
        column: String,
        /// Why it cannot.
        why: String,
        /// What to type instead.
        hint: Option<String>,
    },
    /// A column that an expression cannot make of this data.
    #[error("{}column `{column}` can't be made: {why}", line.map(|line| format!("line {line}: ")).unwrap_or_default())]
    Made {
        /// The step's line, while the recipe is fitted.
        line: Option<usize>,
        /// The column.
        column: String,
        /// Why it cannot.
        why: String,
    },
    /// Two columns of one name.
    #[error("line {line}: {step} would make a second column `{column}`")]
    Clash {
        /// The step's line.
        line: usize,
        /// The step.
        step: &'static str,
        /// The column.
        column: String,
    },
    /// A recipe that leaves nothing for the model.
    #[error("recipe `{name}` leaves no feature columns")]
    NothingLeft {
        /// The recipe.
        name: String,
    },
    /// Columns that the fitted recipe needs and the frame does not have.
    #[error("no column {}: there {} {}", quoted(missing), if there.len() == 1 { "is" } else { "are" }, quoted(there))]
    MissingColumns {
        /// What is needed.
        missing: Vec<String>,
        /// What there is.
        there: Vec<String>,
    },
    /// A value of the wrong type.
    #[error("column `{column}`, row {}: {value} is no {wanted}", row + 1)]
    Value {
        /// The column.
        column: String,
        /// The row, counted from 0.
        row: usize,
        /// The value as it was given.
        value: String,
        /// What it should be.
        wanted: &'static str,
    },
    /// A value below zero, where a logarithm is taken.
    #[error("column `{column}`, row {}: {value} is below 0, and log needs 0 or more", row + 1)]
    Negative {
        /// The column.
        column: String,
        /// The row, counted from 0.
        row: usize,
        /// The value.
        value: f64,
    },
    /// A whole column of the wrong type.
    #[error("column `{column}` is {dtype}, and {wanted} is needed")]
    Dtype {
        /// The column.
        column: String,
        /// What it is.
        dtype: String,
        /// What it should be.
        wanted: &'static str,
    },
    /// A column that a model cannot take as numbers.
    #[error("column `{column}` is {dtype}, and a model needs numbers{example}")]
    NotNumeric {
        /// The column.
        column: String,
        /// What it is.
        dtype: String,
        /// The first value, where there is one.
        example: String,
        /// What to add to the recipe.
        hint: String,
    },
    /// Values that are missing where a model needs each of them.
    #[error(
        "column `{column}` has {count} of {rows} values missing or not finite, the first ({value}) in row {}", row + 1
    )]
    NotFinite {
        /// The column.
        column: String,
        /// How many.
        count: usize,
        /// Of how many rows.
        rows: usize,
        /// The first row, counted from 0.
        row: usize,
        /// What stands there: `null`, `NaN`, `inf` or a number beyond 32-bit floats.
        value: String,
    },
    /// Rows that are no list of objects.
    #[error("{0}")]
    Rows(String),
    /// A saved recipe that this version cannot read.
    #[error("a saved recipe that can't be read: {0}")]
    Saved(String),
    /// Polars could not do it.
    #[error("{0}")]
    Polars(#[from] PolarsError),
}

impl PrepError {
    /// What to type instead, where that is known.
    pub fn hint(&self) -> Option<String> {
        match self {
            PrepError::Syntax { hint, .. } | PrepError::Step { hint, .. } => hint.clone(),
            PrepError::NoColumn { hint, .. } | PrepError::NotNumeric { hint, .. } => Some(hint.clone()),
            PrepError::NoSteps { .. } => {
                Some("one step a line, such as `fill @numeric median` or `one_hot sex`".to_owned())
            }
            PrepError::Clash { column, .. } => Some(format!("`drop {column}` first, or rename it in `%%sql`")),
            PrepError::NothingLeft { .. } => Some("keep at least one column: `select` names what stays".to_owned()),
            PrepError::MissingColumns { missing, there } => missing
                .first()
                .and_then(|name| nearest(name, there.iter().map(String::as_str)))
                .map(|near| format!("did you mean `{near}`?")),
            PrepError::Value {
                wanted: "date" | "date and time",
                ..
            } => Some("dates are written 2026-01-31, and times 2026-01-31T12:30:00".to_owned()),
            PrepError::Value {
                column,
                wanted: "whole number",
                ..
            } => Some(format!(
                "round it in `%%sql`, such as `SELECT ROUND(TRY_CAST({0} AS DOUBLE)) AS {0} …`, or train on floats",
                word(column)
            )),
            PrepError::Made { .. } => Some(
                "`CAST(column AS DOUBLE)` makes numbers in an expression, and `COALESCE(column, 0)` fills".to_owned(),
            ),
            PrepError::Value { column, .. } | PrepError::Dtype { column, .. } => Some(format!(
                "mend it in `%%sql`, such as `SELECT TRY_CAST({column} AS DOUBLE) AS {column} …`"
            )),
            PrepError::Negative { column, .. } => {
                Some(format!("put `clip {} 0 _` before `log` in the recipe", word(column)))
            }
            PrepError::NotFinite { column, value, .. } if value == "null" || value == "NaN" => {
                Some(format!("add `fill {} median` to the recipe", word(column)))
            }
            PrepError::NotFinite { column, .. } => Some(format!("add `clip {} 1% 99%` to the recipe", word(column))),
            PrepError::Rows(_) | PrepError::Saved(_) | PrepError::Polars(_) => None,
        }
    }
}

/// Names in backticks, at most a dozen.
fn quoted(names: &[String]) -> String {
    const MOST: usize = 12;
    if names.is_empty() {
        return "none".to_owned();
    }
    let mut list: Vec<String> = names.iter().take(MOST).map(|n| format!("`{n}`")).collect();
    if names.len() > MOST {
        list.push(format!("{} more", names.len() - MOST));
    }
    list.join(", ")
}

/// The name that was probably meant.
pub(crate) fn nearest<'a>(name: &str, there: impl Iterator<Item = &'a str>) -> Option<String> {
    let wanted = name.to_lowercase();
    there
        .map(|other| (strsim::jaro_winkler(&wanted, &other.to_lowercase()), other))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, other)| other.to_owned())
}

/// What there is, for a hint.
pub(crate) fn there<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<String> = names.map(str::to_owned).collect();
    format!("there are {}", quoted(&names))
}

/// A column's name as a recipe writes it: quoted where it is more than one plain word.
pub(crate) fn word(name: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || c == '_' || c == '.';
    if !name.is_empty() && name.chars().all(plain) {
        name.to_owned()
    } else {
        format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""))
    }
}
