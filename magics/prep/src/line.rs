//! One line of a recipe read: a step's name, the columns it works on, and what it needs to know.

use std::fmt::Write as _;

use crate::error::{PrepError, nearest};
use crate::expression::Expression;
use crate::grammar::{MOST, STEPS, StepHelp};
use crate::recipe::{Bins, Bound, CastTo, DatePart, Fill, Step, StepKind};
use crate::selector::Selector;
use crate::words::{self, Word};

/// Reads one line; nothing where it is empty or a comment.
pub(crate) fn step(text: &str, line: usize) -> Result<Option<Step>, PrepError> {
    let code = words::without_comment(text);
    let name = code.split_whitespace().next().unwrap_or_default();
    if name == "with" {
        return with(code, line).map(Some);
    }
    let words = words::split(text, line)?;
    let Some((first, rest)) = words.split_first() else {
        return Ok(None);
    };
    let Some(help) = STEPS.iter().find(|known| known.name == first.text) else {
        return Err(unknown(&first.text, line));
    };
    let line = Line { help, number: line };
    let arguments = line.arguments(rest)?;
    let (kind, columns) = line.kind(&arguments)?;
    if columns.is_empty() {
        return Err(line.few("columns"));
    }
    let selectors = columns
        .iter()
        .map(|word| Selector::parse(word, line.number))
        .collect::<Result<Vec<Selector>, PrepError>>()?;
    let mut text = help.name.to_owned();
    for word in &arguments.words {
        text.push(' ');
        text.push_str(&written(word));
    }
    for (name, value) in &arguments.options {
        let value = value.map(|value| format!(" {}", written(value))).unwrap_or_default();
        let _ = write!(text, " --{name}{value}");
    }
    Ok(Some(Step {
        line: line.number,
        kind,
        selectors,
        text,
    }))
}

fn unknown(name: &str, line: usize) -> PrepError {
    let names: Vec<&str> = STEPS.iter().map(|known| known.name).collect();
    let hint = match nearest(name, names.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("steps are {}", names.join(", ")),
    };
    PrepError::Syntax {
        line,
        what: format!("no step `{name}`"),
        hint: Some(hint),
    }
}

/// `with name = expression`.
fn with(code: &str, line: usize) -> Result<Step, PrepError> {
    let wrong = |what: String, hint: &str| PrepError::Syntax {
        line,
        what,
        hint: Some(hint.to_owned()),
    };
    let example = "such as `with volume = length * height`";
    let rest = code.strip_prefix("with").unwrap_or_default();
    let few = || wrong("with needs a name, `=` and an expression".to_owned(), example);
    let (name, expression) = rest.split_once('=').ok_or_else(few)?;
    let (name, expression) = (name.trim(), expression.trim());
    let name = match words::split(name, line)?.as_slice() {
        [word] if !word.minus => word.text.clone(),
        [] => return Err(few()),
        _ => {
            let what = format!("with makes one column, and `{name}` is not one name");
            return Err(wrong(what, "a name of several words goes in quotes"));
        }
    };
    if expression.is_empty() || name.is_empty() {
        return Err(few());
    }
    Expression::parse(expression).map_err(|problem| wrong(problem.what, &problem.hint))?;
    Ok(Step {
        line,
        text: format!("with {} = {expression}", crate::error::word(&name)),
        kind: StepKind::With {
            name,
            expression: expression.to_owned(),
        },
        selectors: Vec::new(),
    })
}

/// The words of a line after the step's name, its options apart.
struct Arguments<'a> {
    words: Vec<&'a Word>,
    options: Vec<(&'static str, Option<&'a Word>)>,
}

impl<'a> Arguments<'a> {
    fn option(&self, name: &str) -> Option<Option<&'a Word>> {
        let given = self.options.iter().find(|(known, _)| *known == name);
        given.map(|(_, value)| *value)
    }
}

/// A line that is being read.
#[derive(Clone, Copy)]
struct Line {
    help: &'static StepHelp,
    number: usize,
}

impl Line {
    fn wrong(self, what: impl Into<String>, hint: impl Into<String>) -> PrepError {
        PrepError::Syntax {
            line: self.number,
            what: what.into(),
            hint: Some(hint.into()),
        }
    }

    fn few(self, needs: &str) -> PrepError {
        self.wrong(
            format!("{} needs {needs}", self.help.name),
            format!("such as `{}`", self.help.example),
        )
    }

    /// The options that a step has, and whether each takes a value.
    fn options(self) -> &'static [(&'static str, bool)] {
        match self.help.name {
            "one_hot" => &[("drop-first", false)],
            "ordinal" => &[("order", true)],
            "bin" => &[("quantile", false), ("edges", true)],
            _ => &[],
        }
    }

    fn arguments(self, rest: &[Word]) -> Result<Arguments<'_>, PrepError> {
        let mut arguments = Arguments {
            words: Vec::new(),
            options: Vec::new(),
        };
        let mut rest = rest.iter();
        while let Some(word) = rest.next() {
            let Some(option) = word.text.strip_prefix("--").filter(|_| !word.quoted) else {
                arguments.words.push(word);
                continue;
            };
            let Some((name, valued)) = self.options().iter().find(|(known, _)| *known == option) else {
                return Err(self.no_option(option));
            };
            let value = if *valued { rest.next() } else { None };
            if *valued && value.is_none() {
                let what = format!("{} --{name} needs a list of values", self.help.name);
                return Err(self.wrong(what, "values with commas and no spaces between, such as `1,2,3`"));
            }
            if arguments.option(name).is_some() {
                return Err(self.wrong(format!("--{name} is given twice"), "give it once"));
            }
            arguments.options.push((name, value));
        }
        Ok(arguments)
    }

    fn no_option(self, option: &str) -> PrepError {
        let names: Vec<String> = self.options().iter().map(|(name, _)| format!("`--{name}`")).collect();
        let hint = match names.as_slice() {
            [] => "a comment has a space after `--`".to_owned(),
            [one] => format!("its one option is {one}; a comment has a space after `--`"),
            more => format!("its options are {}; a comment has a space after `--`", more.join(", ")),
        };
        self.wrong(format!("{} has no option `--{option}`", self.help.name), hint)
    }

    /// What the step does, and the words that name columns.
    fn kind<'a>(self, arguments: &Arguments<'a>) -> Result<(StepKind, Vec<&'a Word>), PrepError> {
        let words = arguments.words.as_slice();
        let all = || words.to_vec();
        // The columns, and the one word after them.
        let last = |needs: &str| match words.split_last() {
            Some((last, columns)) if !columns.is_empty() => Ok((*last, columns.to_vec())),
            _ => Err(self.few(needs)),
        };
        Ok(match self.help.name {
            "select" => (StepKind::Select, all()),
            "drop" => (StepKind::Drop, all()),
            "standardize" => (StepKind::Standardize, all()),
            "minmax" => (StepKind::MinMax, all()),
            "robust" => (StepKind::Robust, all()),
            "log" => (StepKind::Log, all()),
            "one_hot" => {
                let drop_first = arguments.option("drop-first").is_some();
                (StepKind::OneHot { drop_first }, all())
            }
            "ordinal" => {
                let order = arguments.option("order").flatten();
                let order = order.map(|word| self.order(word)).transpose()?;
                let order = order.unwrap_or_default();
                (StepKind::Ordinal { order }, all())
            }
            "rename" => match words {
                [old, new] if is_name(old) && is_name(new) => {
                    let to = new.text.clone();
                    (StepKind::Rename { to }, vec![*old])
                }
                _ => return Err(self.few("one column and its new name")),
            },
            "cast" => {
                let (word, columns) = last("columns and a type")?;
                (StepKind::Cast(self.cast(word)?), columns)
            }
            "fill" => {
                let (value, columns) = last("columns and what to fill them with")?;
                (StepKind::Fill(fill(value)), columns)
            }
            "hash" => {
                let (count, columns) = last("columns and how many columns to make")?;
                let buckets = self.count(count)?;
                (StepKind::Hash { buckets }, columns)
            }
            "bin" => self.bin(arguments)?,
            "date_parts" => {
                let is_part = |word: &&&Word| !word.quoted && part(&word.text).is_some();
                let parts = words.iter().rev().take_while(is_part).count();
                // A lone word is a column, whatever its name.
                let (columns, parts) = words.split_at(words.len() - parts.min(words.len().saturating_sub(1)));
                let parts = parts.iter().filter_map(|word| part(&word.text)).collect();
                (StepKind::DateParts(parts), columns.to_vec())
            }
            _ => match words {
                [columns @ .., low, high] if !columns.is_empty() => (self.clip(low, high)?, columns.to_vec()),
                _ => return Err(self.few("columns, a low and a high end")),
            },
        })
    }

    fn order(self, word: &Word) -> Result<Vec<String>, PrepError> {
        let order: Vec<String> = word.text.split(',').map(|value| value.trim().to_owned()).collect();
        if let Some(twice) = order
            .iter()
            .enumerate()
            .find(|(at, value)| order[..*at].contains(value))
        {
            let what = format!("--order names `{}` twice", twice.1);
            return Err(self.wrong(what, "each value once, the lowest first"));
        }
        if order.len() > MOST {
            return Err(self.wrong(format!("--order names more than {MOST} values"), "make groups of them"));
        }
        Ok(order)
    }

    fn cast(self, word: &Word) -> Result<CastTo, PrepError> {
        let known = CastTo::NAMES.iter().find(|(name, _)| *name == word.text);
        known.map(|(_, to)| *to).ok_or_else(|| {
            self.wrong(
                format!("no type `{}`", word.text),
                "types are float, int, text, bool, date, datetime: `cast zip text`",
            )
        })
    }

    fn count(self, word: &Word) -> Result<usize, PrepError> {
        let count = word
            .text
            .parse::<usize>()
            .ok()
            .filter(|count| (2..=MOST).contains(count));
        count.ok_or_else(|| {
            self.wrong(
                format!("`{}` is no count", word.text),
                format!("a whole number from 2 to {MOST}, such as `{}`", self.help.example),
            )
        })
    }

    fn bin<'a>(self, arguments: &Arguments<'a>) -> Result<(StepKind, Vec<&'a Word>), PrepError> {
        let quantile = arguments.option("quantile").is_some();
        if let Some(Some(edges)) = arguments.option("edges") {
            if quantile {
                return Err(self.wrong("--quantile finds the edges, and --edges gives them", "leave one out"));
            }
            return Ok((StepKind::Bin(Bins::Edges(self.edges(edges)?)), arguments.words.clone()));
        }
        match arguments.words.split_last() {
            Some((count, columns)) if !columns.is_empty() => {
                let count = self.count(count)?;
                let bins = if quantile {
                    Bins::Quantile(count)
                } else {
                    Bins::Width(count)
                };
                Ok((StepKind::Bin(bins), columns.to_vec()))
            }
            _ => Err(self.few("columns and a count, or columns and --edges")),
        }
    }

    fn edges(self, word: &Word) -> Result<Vec<f64>, PrepError> {
        let number = |text: &str| text.trim().parse::<f64>().ok().filter(|v| v.is_finite());
        let edges: Option<Vec<f64>> = word.text.split(',').map(number).collect();
        let rising = |edges: &Vec<f64>| edges.len() <= MOST && edges.windows(2).all(|pair| pair[0] < pair[1]);
        edges.filter(rising).ok_or_else(|| {
            self.wrong(
                format!("`{}` are no edges", word.text),
                "rising numbers with commas and no spaces between: `--edges 0.2,0.4,0.6`",
            )
        })
    }

    fn clip(self, low: &Word, high: &Word) -> Result<StepKind, PrepError> {
        let (low, high) = (self.bound(low)?, self.bound(high)?);
        let crossed = match (low, high) {
            (Bound::Value(low), Bound::Value(high)) => low > high,
            (Bound::Quantile(low), Bound::Quantile(high)) => low > high,
            _ => false,
        };
        if crossed {
            return Err(self.wrong(
                "the low end is above the high end",
                "write the low end first: `clip height 0 0.5`",
            ));
        }
        Ok(StepKind::Clip { low, high })
    }

    fn bound(self, word: &Word) -> Result<Bound, PrepError> {
        let wrong = || {
            self.wrong(
                format!("`{}` is no end to clip to", word.text),
                "a number, a quantile such as `1%`, or `_` for no end",
            )
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
}

/// Whether a word is one column's name: no group, no glob, nothing taken away.
fn is_name(word: &Word) -> bool {
    let plain = !word.text.starts_with(['@', '-']) && !word.text.contains(['*', '?']);
    !word.text.is_empty() && !word.minus && (word.quoted || plain)
}

fn part(name: &str) -> Option<DatePart> {
    let known = DatePart::NAMES.iter().find(|(known, _)| *known == name);
    known.map(|(_, part)| *part)
}

fn fill(value: &Word) -> Fill {
    let known = Fill::NAMES.iter().find(|(name, _)| *name == value.text);
    match known {
        Some((_, fill)) if !value.quoted => fill.clone(),
        _ => Fill::Constant(value.text.clone()),
    }
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_example_is_a_step_of_its_name() {
        for help in &STEPS {
            let step = step(help.example, 1).unwrap().unwrap();
            assert_eq!(step.kind.name(), help.name);
            assert_eq!(step.text, help.example, "it can be written again");
        }
    }

    #[test]
    fn slips_are_named() {
        #[rustfmt::skip]
        let slips = [
            ("fill median", "fill needs columns and what to fill them with", "such as `fill @numeric median`"),
            ("drop", "drop needs columns", "such as `drop id`"),
            ("clip x 1", "clip needs columns, a low and a high end", "such as `clip height 1% 99%`"),
            ("clip x 3 1", "the low end is above the high end", "write the low end first: `clip height 0 0.5`"),
            ("clip x 101% 1", "`101%` is no end to clip to", "a number, a quantile such as `1%`, or `_` for no end"),
            ("log --base x", "log has no option `--base`", "a comment has a space after `--`"),
            ("rename a", "rename needs one column and its new name", "such as `rename sex gender`"),
            ("rename @all b", "rename needs one column and its new name", "such as `rename sex gender`"),
            ("cast a number", "no type `number`", "types are float, int, text, bool, date, datetime: `cast zip text`"),
            ("with a", "with needs a name, `=` and an expression", "such as `with volume = length * height`"),
            ("with = a", "with needs a name, `=` and an expression", "such as `with volume = length * height`"),
            ("with a b = c", "with makes one column, and `a b` is not one name",
             "a name of several words goes in quotes"),
            ("hash a 1", "`1` is no count", "a whole number from 2 to 1000, such as `hash city 32`"),
            ("bin a --quantile", "bin needs columns and a count, or columns and --edges",
             "such as `bin length 5 --quantile`"),
            ("bin a --edges 3,1", "`3,1` are no edges",
             "rising numbers with commas and no spaces between: `--edges 0.2,0.4,0.6`"),
            ("bin a --edges", "bin --edges needs a list of values",
             "values with commas and no spaces between, such as `1,2,3`"),
            ("bin a --quantile --edges 1,2", "--quantile finds the edges, and --edges gives them", "leave one out"),
            ("ordinal a --order x,x", "--order names `x` twice", "each value once, the lowest first"),
            ("one_hot a --first", "one_hot has no option `--first`",
             "its one option is `--drop-first`; a comment has a space after `--`"),
        ];
        for (text, what, hint) in slips {
            let error = step(text, 4).unwrap_err();
            assert_eq!(error.to_string(), format!("line 4: {what}"));
            assert_eq!(error.hint().unwrap(), hint, "{text}");
        }
    }

    #[test]
    fn a_column_may_bear_the_name_of_a_part() {
        let parts = |line: &str| match step(line, 1).unwrap().unwrap() {
            Step {
                kind: StepKind::DateParts(parts),
                selectors,
                ..
            } => (selectors.len(), parts),
            other => panic!("{other:?}"),
        };
        assert_eq!(parts("date_parts year"), (1, Vec::new()));
        assert_eq!(parts("date_parts year month"), (1, vec![DatePart::Month]));
        assert_eq!(parts("date_parts a \"year\" month"), (2, vec![DatePart::Month]));
    }
}
