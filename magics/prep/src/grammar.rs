//! The grammar of recipes as a person reads it.
//!
//! [`grammar`] is the reference; [`STEPS`] lists every step with an example, for help, hints and
//! completion.

use std::fmt::Write as _;

/// More columns or bins than this from one column are surely a slip.
pub(crate) const MOST: usize = 1_000;

/// A step as help and completion show it.
#[derive(Clone, Copy, Debug)]
pub struct StepHelp {
    /// What a line begins with.
    pub name: &'static str,
    /// The line's form.
    pub form: &'static str,
    /// A line that a person would write.
    pub example: &'static str,
    /// What it does.
    pub meaning: &'static str,
}

const fn help(name: &'static str, form: &'static str, example: &'static str, meaning: &'static str) -> StepHelp {
    StepHelp {
        name,
        form,
        example,
        meaning,
    }
}

/// Every step.
pub const STEPS: [StepHelp; 16] = [
    help("select", "COLUMNS", "select @numeric -id", "keep these columns alone"),
    help("drop", "COLUMNS", "drop id", "take these columns out"),
    help("rename", "OLD NEW", "rename sex gender", "another name for one column"),
    help(
        "cast",
        "COLUMNS TYPE",
        "cast zip text",
        "another type: float, int, text, bool, date or datetime; a value that can't be is an error",
    ),
    help(
        "with",
        "NAME = EXPRESSION",
        "with volume = length * height",
        "a new column, or a new value of one, from the same row, in SQL",
    ),
    help(
        "fill",
        "COLUMNS VALUE",
        "fill @numeric median",
        "for nulls and NaN: median, mean, mode, zero, min, max, or a value (in quotes where it has spaces)",
    ),
    help(
        "clip",
        "COLUMNS LOW HIGH",
        "clip height 1% 99%",
        "to numbers or quantiles; `_` is no end",
    ),
    help(
        "standardize",
        "COLUMNS",
        "standardize @numeric",
        "less the mean, by the standard deviation",
    ),
    help(
        "minmax",
        "COLUMNS",
        "minmax length",
        "0 for the smallest training value, 1 for the largest",
    ),
    help(
        "robust",
        "COLUMNS",
        "robust *weight",
        "less the median, by the distance of the quartiles",
    ),
    help(
        "log",
        "COLUMNS",
        "log *weight",
        "ln(1 + x): 0 stays 0, and values below 0 are an error",
    ),
    help(
        "one_hot",
        "COLUMNS [--drop-first]",
        "one_hot sex",
        "a column of 0 and 1 for each value",
    ),
    help(
        "ordinal",
        "COLUMNS [--order A,B,…]",
        "ordinal size --order small,medium,large",
        "0, 1, 2, … in the order given, or sorted",
    ),
    help(
        "bin",
        "COLUMNS COUNT [--quantile] or COLUMNS --edges X,Y,…",
        "bin length 5 --quantile",
        "the number of the bin, from 0: equal width, equally many rows, or cut at edges",
    ),
    help(
        "date_parts",
        "COLUMNS [PARTS]",
        "date_parts sold year month weekday",
        "a column of each part: year quarter month week day weekday day_of_year hour minute second days",
    ),
    help(
        "hash",
        "COLUMNS COUNT",
        "hash city 32",
        "COUNT columns of 0 and 1, by FNV-1a of the value; learns nothing",
    ),
];

/// The whole grammar as text: what `%help prep` shows.
///
/// ```
/// assert!(ironsage_prep::grammar().contains("one_hot sex"));
/// ```
pub fn grammar() -> String {
    let mut text = String::from("Steps, each with an example:\n");
    for step in &STEPS {
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "  {} {}\n      {}: {}\n",
            step.name, step.form, step.example, step.meaning
        );
    }
    text.push_str(
        "\
Columns:
  names, \"names in quotes\", globs such as *weight, @numeric @string @boolean @date @all;
  a `-` before one takes it away. `#` and `-- ` begin comments. The label never enters.

At prediction:
  a value never seen: 0 in every one_hot column, -1 for ordinal, its bucket for hash
  a null: filled by `fill`; 0 in every one_hot and hash column; else an error that names it
  a missing column: an error that names it; a column too many: not looked at
  another type: converted where no value changes, else an error with the row and the value",
    );
    text
}
