//! A recipe as a person writes it: one step a line, read once, before any data is seen.
//!
//! ```text
//! fill        @numeric  median      -- or mean, mode, zero, min, max, or a value
//! one_hot     sex
//! clip        *weight   1% 99%
//! log         shell_weight
//! standardize @numeric
//! drop        id
//! ```

use crate::error::{PrepError, nearest};
use crate::selector::Selector;
use crate::words::{self, Word};

/// What the steps are called, each with an example.
const STEPS: [(&str, &str); 7] = [
    ("select", "select @numeric -id"),
    ("drop", "drop id"),
    ("fill", "fill @numeric median"),
    ("one_hot", "one_hot sex"),
    ("standardize", "standardize @numeric"),
    ("clip", "clip height 0 0.5"),
    ("log", "log *weight"),
];

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
    const NAMES: [(&'static str, Fill); 6] = [
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

/// What a step does.
#[derive(Clone, Debug, PartialEq)]
pub enum StepKind {
    /// Keeps these columns alone.
    Select,
    /// Takes these columns out.
    Drop,
    /// Puts a value where one is missing (null or NaN).
    Fill(Fill),
    /// Makes a column of 0 and 1 for each value; values not seen in training are all 0.
    OneHot {
        /// Leaves out the first value's column, which the others determine.
        drop_first: bool,
    },
    /// Takes off the mean and divides by the standard deviation.
    Standardize,
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
            StepKind::Fill(_) => "fill",
            StepKind::OneHot { .. } => "one_hot",
            StepKind::Standardize => "standardize",
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
            let line = i + 1;
            let words = words::split(text, line)?;
            if let Some((first, rest)) = words.split_first() {
                steps.push(step(first, rest, line)?);
            }
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

fn step(first: &Word, rest: &[Word], line: usize) -> Result<Step, PrepError> {
    let name = first.text.as_str();
    let Some((name, example)) = STEPS.iter().find(|(known, _)| *known == name) else {
        let known = || STEPS.iter().map(|(known, _)| *known);
        let hint = match nearest(name, known()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("steps are {}", known().collect::<Vec<_>>().join(", ")),
        };
        return Err(PrepError::Syntax {
            line,
            what: format!("no step `{name}`"),
            hint: Some(hint),
        });
    };
    let few = |needs: &str| PrepError::Syntax {
        line,
        what: format!("{name} needs {needs}"),
        hint: Some(format!("such as `{example}`")),
    };
    let (options, rest): (Vec<&Word>, Vec<&Word>) = rest
        .iter()
        .partition(|word| !word.quoted && word.text.starts_with("--"));
    let mut drop_first = false;
    for option in options {
        if *name == "one_hot" && option.text == "--drop-first" {
            drop_first = true;
        } else {
            return Err(PrepError::Syntax {
                line,
                what: format!("{name} has no option `{}`", option.text),
                hint: Some(if *name == "one_hot" {
                    "its one option is `--drop-first`; a comment has a space after `--`".to_owned()
                } else {
                    "a comment has a space after `--`".to_owned()
                }),
            });
        }
    }
    let (kind, columns) = match *name {
        "select" => (StepKind::Select, rest.as_slice()),
        "drop" => (StepKind::Drop, rest.as_slice()),
        "one_hot" => (StepKind::OneHot { drop_first }, rest.as_slice()),
        "standardize" => (StepKind::Standardize, rest.as_slice()),
        "log" => (StepKind::Log, rest.as_slice()),
        "fill" => match rest.split_last() {
            Some((value, columns)) if !columns.is_empty() => (fill(value), columns),
            _ => return Err(few("columns and what to fill them with")),
        },
        _ => match rest.as_slice() {
            [columns @ .., low, high] if !columns.is_empty() => (clip(low, high, line)?, columns),
            _ => return Err(few("columns, a low and a high end")),
        },
    };
    if columns.is_empty() {
        return Err(few("columns"));
    }
    let selectors = columns
        .iter()
        .map(|word| Selector::parse(word, line))
        .collect::<Result<Vec<Selector>, PrepError>>()?;
    let mut text = first.text.clone();
    for word in rest {
        text.push(' ');
        text.push_str(&written(word));
    }
    if drop_first {
        text.push_str(" --drop-first");
    }
    Ok(Step {
        line,
        kind,
        selectors,
        text,
    })
}

/// A word as it may be written again.
fn written(word: &Word) -> String {
    if !word.quoted {
        return word.text.clone();
    }
    let minus = if word.minus { "-" } else { "" };
    let text = word.text.replace('\\', "\\\\").replace('"', "\\\"");
    format!("{minus}\"{text}\"")
}

fn fill(value: &Word) -> StepKind {
    let known = Fill::NAMES.iter().find(|(name, _)| *name == value.text);
    StepKind::Fill(match known {
        Some((_, fill)) if !value.quoted => fill.clone(),
        _ => Fill::Constant(value.text.clone()),
    })
}

fn clip(low: &Word, high: &Word, line: usize) -> Result<StepKind, PrepError> {
    let (low, high) = (bound(low, line)?, bound(high, line)?);
    let crossed = match (low, high) {
        (Bound::Value(low), Bound::Value(high)) => low > high,
        (Bound::Quantile(low), Bound::Quantile(high)) => low > high,
        _ => false,
    };
    if crossed {
        return Err(PrepError::Syntax {
            line,
            what: "the low end is above the high end".to_owned(),
            hint: Some("write the low end first: `clip height 0 0.5`".to_owned()),
        });
    }
    Ok(StepKind::Clip { low, high })
}

fn bound(word: &Word, line: usize) -> Result<Bound, PrepError> {
    let wrong = || PrepError::Syntax {
        line,
        what: format!("`{}` is no end to clip to", word.text),
        hint: Some("a number, a quantile such as `1%`, or `_` for no end".to_owned()),
    };
    if word.text == "_" && !word.quoted {
        return Ok(Bound::Open);
    }
    if let Some(percent) = word.text.strip_suffix('%') {
        let part = percent.parse::<f64>().map_err(|_| wrong())? / 100.0;
        if !(0.0..=1.0).contains(&part) {
            return Err(wrong());
        }
        return Ok(Bound::Quantile(part));
    }
    let value = word.text.parse::<f64>().map_err(|_| wrong())?;
    if value.is_finite() {
        Ok(Bound::Value(value))
    } else {
        Err(wrong())
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
        for (body, what, hint) in [
            ("\nonehot sex", "line 2: no step `onehot`", "did you mean `one_hot`?"),
            (
                "fill median",
                "line 1: fill needs columns and what to fill them with",
                "such as `fill @numeric median`",
            ),
            ("drop", "line 1: drop needs columns", "such as `drop id`"),
            (
                "clip x 1",
                "line 1: clip needs columns, a low and a high end",
                "such as `clip height 0 0.5`",
            ),
            (
                "clip x 3 1",
                "line 1: the low end is above the high end",
                "write the low end first: `clip height 0 0.5`",
            ),
            (
                "clip x 101% 1",
                "line 1: `101%` is no end to clip to",
                "a number, a quantile such as `1%`, or `_` for no end",
            ),
            (
                "log --base x",
                "line 1: log has no option `--base`",
                "a comment has a space after `--`",
            ),
        ] {
            let (said, hinted) = complaint(body);
            assert_eq!((said.as_str(), hinted.as_deref()), (what, Some(hint)));
        }
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
                ("(fill|clip|one_hot|log|select|drop|standardize|fil)", "[-@*?\"'#%_ a-z0-9.\\\\]{0,24}"),
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
