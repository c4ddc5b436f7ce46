//! The steps of a recipe as help and completion show them.

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
pub const STEPS: [StepHelp; 7] = [
    help("select", "COLUMNS", "select @numeric -id", "keep these columns alone"),
    help("drop", "COLUMNS", "drop id", "take these columns out"),
    help(
        "fill",
        "COLUMNS VALUE",
        "fill @numeric median",
        "for nulls and NaN: median, mean, mode, zero, min, max, or a value",
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
        "log",
        "COLUMNS",
        "log *weight",
        "ln(1 + x) of values that are zero or more",
    ),
    help(
        "one_hot",
        "COLUMNS",
        "one_hot sex",
        "a column of 0 and 1 for each value",
    ),
];
