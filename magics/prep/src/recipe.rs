//! A recipe as a person writes it: one step a line, read once, before any data is seen. The grammar
//! of a line is in `line.rs`.
//!
//! ```text
//! with        density = whole_weight / (length * height)
//! fill        @numeric  median      -- or mean, mode, zero, min, max, or a value
//! one_hot     sex
//! clip        *weight   1% 99%
//! log         shell_weight
//! standardize @numeric
//! drop        id
//! ```

use serde::{Deserialize, Serialize};

use crate::error::PrepError;
use crate::line;
use crate::selector::Selector;

/// What stands for a missing value.
#[derive(Clone, Debug, PartialEq)]
pub enum Fill {
    /// The median of the training rows.
    Median,
    /// Their mean.
    Mean,
    /// Their commonest value; of several, the smallest.
    Mode,
    /// Zero.
    Zero,
    /// Their smallest value.
    Min,
    /// Their largest value.
    Max,
    /// A value, as it is written.
    Constant(String),
}

impl Fill {
    pub(crate) const NAMES: [(&'static str, Fill); 6] = [
        ("median", Fill::Median),
        ("mean", Fill::Mean),
        ("mode", Fill::Mode),
        ("zero", Fill::Zero),
        ("min", Fill::Min),
        ("max", Fill::Max),
    ];
}

/// An end that values are clipped to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bound {
    /// Values may go on without end.
    Open,
    /// A number.
    Value(f64),
    /// A quantile of the training rows, between 0 and 1.
    Quantile(f64),
}

/// A type that `cast` brings columns to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CastTo {
    /// Numbers with fractions.
    Float,
    /// Whole numbers; a fraction is refused.
    Int,
    /// Text.
    Text,
    /// True and false.
    Bool,
    /// Days.
    Date,
    /// Days with a time.
    Datetime,
}

impl CastTo {
    /// All types by the names that a person types; the first of each is the one that is shown.
    pub(crate) const NAMES: [(&'static str, CastTo); 10] = [
        ("float", CastTo::Float),
        ("f64", CastTo::Float),
        ("int", CastTo::Int),
        ("i64", CastTo::Int),
        ("text", CastTo::Text),
        ("str", CastTo::Text),
        ("bool", CastTo::Bool),
        ("boolean", CastTo::Bool),
        ("date", CastTo::Date),
        ("datetime", CastTo::Datetime),
    ];

    /// The name that is shown.
    pub fn name(self) -> &'static str {
        let known = CastTo::NAMES.iter().find(|(_, to)| *to == self);
        known.map_or("", |(name, _)| name)
    }
}

/// How `bin` cuts a column.
#[derive(Clone, Debug, PartialEq)]
pub enum Bins {
    /// As many bins of equal width, from the smallest to the largest training value.
    Width(usize),
    /// As many bins with equally many training rows.
    Quantile(usize),
    /// At these values: bin 0 is below the first.
    Edges(Vec<f64>),
}

/// A part of a date or a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DatePart {
    /// The year.
    Year,
    /// 1 to 4.
    Quarter,
    /// 1 to 12.
    Month,
    /// The week of the year, by ISO 8601: 1 to 53.
    Week,
    /// The day of the month: 1 to 31.
    Day,
    /// Monday is 1, Sunday 7.
    Weekday,
    /// 1 to 366.
    DayOfYear,
    /// 0 to 23.
    Hour,
    /// 0 to 59.
    Minute,
    /// 0 to 59.
    Second,
    /// Days since 1 January 1970: a trend.
    Days,
}

impl DatePart {
    /// All parts by the names that a person types.
    pub const NAMES: [(&'static str, DatePart); 11] = [
        ("year", DatePart::Year),
        ("quarter", DatePart::Quarter),
        ("month", DatePart::Month),
        ("week", DatePart::Week),
        ("day", DatePart::Day),
        ("weekday", DatePart::Weekday),
        ("day_of_year", DatePart::DayOfYear),
        ("hour", DatePart::Hour),
        ("minute", DatePart::Minute),
        ("second", DatePart::Second),
        ("days", DatePart::Days),
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        let known = DatePart::NAMES.iter().find(|(_, part)| *part == self);
        known.map_or("", |(name, _)| name)
    }
}

/// What a step does.
#[derive(Clone, Debug, PartialEq)]
pub enum StepKind {
    /// Keeps these columns alone.
    Select,
    /// Takes these columns out.
    Drop,
    /// Gives a column another name.
    Rename {
        /// The new name.
        to: String,
    },
    /// Brings columns to another type; a value that cannot be is refused.
    Cast(CastTo),
    /// Adds a column, or replaces one, by an expression over the columns of the same row.
    With {
        /// The column that is made.
        name: String,
        /// The expression, in SQL.
        expression: String,
    },
    /// Puts a value where one is missing (null or NaN).
    Fill(Fill),
    /// Makes a column of 0 and 1 for each value; values not seen in training are all 0.
    OneHot {
        /// Leaves out the first value's column, which the others determine.
        drop_first: bool,
    },
    /// Numbers the values from 0, in their order; values not seen in training are -1.
    Ordinal {
        /// The order that was given; without one the values are sorted.
        order: Vec<String>,
    },
    /// Deals the values out to a fixed number of columns of 0 and 1.
    Hash {
        /// How many columns.
        buckets: usize,
    },
    /// Takes off the mean and divides by the standard deviation.
    Standardize,
    /// Brings the smallest training value to 0 and the largest to 1.
    MinMax,
    /// Takes off the median and divides by the distance of the quartiles.
    Robust,
    /// Numbers of bins, from 0.
    Bin(Bins),
    /// Makes a column of each part of a date.
    DateParts(Vec<DatePart>),
    /// Brings values below and above to these ends.
    Clip {
        /// The lower end.
        low: Bound,
        /// The upper end.
        high: Bound,
    },
    /// Takes ln(1 + x) of values that are zero or more.
    Log,
}

impl StepKind {
    /// The word that a recipe writes.
    pub fn name(&self) -> &'static str {
        match self {
            StepKind::Select => "select",
            StepKind::Drop => "drop",
            StepKind::Rename { .. } => "rename",
            StepKind::Cast(_) => "cast",
            StepKind::With { .. } => "with",
            StepKind::Fill(_) => "fill",
            StepKind::OneHot { .. } => "one_hot",
            StepKind::Ordinal { .. } => "ordinal",
            StepKind::Hash { .. } => "hash",
            StepKind::Standardize => "standardize",
            StepKind::MinMax => "minmax",
            StepKind::Robust => "robust",
            StepKind::Bin(_) => "bin",
            StepKind::DateParts(_) => "date_parts",
            StepKind::Clip { .. } => "clip",
            StepKind::Log => "log",
        }
    }
}

/// One line of a recipe.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// Its line in the body, the first is 1.
    pub line: usize,
    /// What it does.
    pub kind: StepKind,
    /// The columns it works on.
    pub selectors: Vec<Selector>,
    /// The line as it was written, without comment and indent.
    pub text: String,
}

/// A recipe, not yet fitted.
#[derive(Clone, Debug, PartialEq)]
pub struct Recipe {
    name: String,
    source: String,
    steps: Vec<Step>,
}

impl Recipe {
    /// Reads the body of a `%%prep` cell. Lines may be empty; `#` and `--` begin comments.
    pub fn parse(name: &str, body: &str) -> Result<Recipe, PrepError> {
        let mut steps = Vec::new();
        for (i, text) in body.lines().enumerate() {
            steps.extend(line::step(text, i + 1)?);
        }
        if steps.is_empty() {
            return Err(PrepError::NoSteps { name: name.to_owned() });
        }
        Ok(Recipe {
            name: name.to_owned(),
            source: body.to_owned(),
            steps,
        })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The steps, in order.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The body as it was written.
    pub fn source(&self) -> &str {
        &self.source
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn kinds(body: &str) -> Vec<StepKind> {
        let recipe = Recipe::parse("r", body).unwrap();
        recipe.steps().iter().map(|s| s.kind.clone()).collect()
    }

    fn complaint(body: &str) -> (String, Option<String>) {
        let error = Recipe::parse("r", body).unwrap_err();
        (error.to_string(), error.hint())
    }

    #[test]
    fn each_step_is_read() {
        assert_eq!(
            kinds("# a comment\n\nfill @numeric median -- so\nfill sex unknown\nfill sex \"mode\""),
            [
                StepKind::Fill(Fill::Median),
                StepKind::Fill(Fill::Constant("unknown".to_owned())),
                StepKind::Fill(Fill::Constant("mode".to_owned())),
            ]
        );
        assert_eq!(
            kinds("clip x -1 2.5\nclip x 1% 99%\nclip x _ 3"),
            [
                StepKind::Clip {
                    low: Bound::Value(-1.0),
                    high: Bound::Value(2.5)
                },
                StepKind::Clip {
                    low: Bound::Quantile(0.01),
                    high: Bound::Quantile(0.99)
                },
                StepKind::Clip {
                    low: Bound::Open,
                    high: Bound::Value(3.0)
                },
            ]
        );
        assert_eq!(
            kinds("one_hot --drop-first sex"),
            [StepKind::OneHot { drop_first: true }]
        );
    }

    #[test]
    fn a_step_can_be_written_again() {
        let body = "fill -\"shell weight\" @numeric \"a \\\"b\\\"\"\none_hot sex --drop-first";
        let recipe = Recipe::parse("r", body).unwrap();
        let again: Vec<&str> = recipe.steps().iter().map(|s| s.text.as_str()).collect();
        assert_eq!(again.join("\n"), body);
    }

    #[test]
    fn slips_are_named_with_their_line() {
        let hint = Some("did you mean `one_hot`?".to_owned());
        assert_eq!(complaint("\nonehot sex"), ("line 2: no step `onehot`".to_owned(), hint));
        assert_eq!(complaint("-- nothing\n").0, "recipe `r` has no steps");
    }

    proptest! {
        #[test]
        fn reading_never_panics(body in "\\PC*") {
            let _ = Recipe::parse("r", &body);
        }

        #[test]
        fn reading_lines_that_are_nearly_steps_never_panics(
            lines in prop::collection::vec(
                (
                    "(fill|clip|one_hot|log|select|drop|standardize|fil|rename|cast|with|ordinal|bin|hash|date_parts)",
                    "( --order| --edges| --quantile)?[-@*?\"'#%_=, a-z0-9.\\\\]{0,24}( date| year| 4)?",
                ),
                0..6,
            )
        ) {
            let body: Vec<String> = lines.iter().map(|(a, b)| format!("{a} {b}")).collect();
            if let Ok(recipe) = Recipe::parse("r", &body.join("\n")) {
                // What was read can be written and read again.
                let text: Vec<&str> = recipe.steps().iter().map(|s| s.text.as_str()).collect();
                let again = Recipe::parse("r", &text.join("\n")).unwrap();
                let steps = |r: &Recipe| -> Vec<(StepKind, Vec<Selector>)> {
                    r.steps().iter().map(|s| (s.kind.clone(), s.selectors.clone())).collect()
                };
                prop_assert_eq!(steps(&recipe), steps(&again));
            }
        }
    }
}
