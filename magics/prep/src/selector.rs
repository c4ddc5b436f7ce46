//! Which columns a step works on: names, globs and groups of types, and what to take away.

use polars::prelude::{Column, DataFrame, DataType};

use crate::error::{PrepError, nearest, there};
use crate::words::Word;

/// A group of columns by their type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// Whole numbers and floats.
    Numeric,
    /// Text and categories.
    String,
    /// True and false.
    Boolean,
    /// Dates and times.
    Date,
    /// Every column.
    All,
}

impl Group {
    /// All groups by the names that a person types.
    pub const NAMES: [(&'static str, Group); 5] = [
        ("@numeric", Group::Numeric),
        ("@string", Group::String),
        ("@boolean", Group::Boolean),
        ("@date", Group::Date),
        ("@all", Group::All),
    ];

    fn takes(self, dtype: &DataType) -> bool {
        match self {
            Group::Numeric => dtype.is_primitive_numeric() || dtype.is_decimal(),
            Group::String => dtype.is_string() || dtype.is_categorical() || dtype.is_enum(),
            Group::Boolean => dtype.is_bool(),
            Group::Date => dtype.is_temporal(),
            Group::All => true,
        }
    }
}

/// What a selector picks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pick {
    /// One column by its name.
    Name(String),
    /// Columns whose names match a pattern of `*` and `?`.
    Glob(String),
    /// Columns of a type.
    Group(Group),
}

/// One word that picks columns, or takes them away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selector {
    /// What it picks.
    pub pick: Pick,
    /// Whether it takes away.
    pub away: bool,
}

impl Selector {
    /// Reads a word as a selector.
    pub(crate) fn parse(word: &Word, line: usize) -> Result<Selector, PrepError> {
        if word.quoted {
            return Ok(Selector {
                pick: Pick::Name(word.text.clone()),
                away: word.minus,
            });
        }
        let (away, text) = match word.text.strip_prefix('-') {
            Some(rest) if !rest.is_empty() => (true, rest),
            _ => (false, word.text.as_str()),
        };
        let pick = if text.starts_with('@') {
            Pick::Group(group(text, line)?)
        } else if text.contains(['*', '?']) {
            Pick::Glob(text.to_owned())
        } else {
            Pick::Name(text.to_owned())
        };
        Ok(Selector { pick, away })
    }
}

fn group(text: &str, line: usize) -> Result<Group, PrepError> {
    let known = Group::NAMES.iter().find(|(name, _)| *name == text);
    known.map(|(_, group)| *group).ok_or_else(|| {
        let names = || Group::NAMES.iter().map(|(name, _)| *name);
        PrepError::Syntax {
            line,
            what: format!("no group of columns `{text}`"),
            hint: Some(match nearest(text, names()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => there(names()),
            }),
        }
    })
}

/// The columns that selectors pick, in the frame's order. `left` are the columns that a recipe
/// never touches: naming one is an error, and groups and globs pass over it.
pub(crate) fn resolve(
    selectors: &[Selector],
    frame: &DataFrame,
    left: &[String],
    line: usize,
) -> Result<Vec<String>, PrepError> {
    // Only words that take away: from everything.
    let mut picked: Vec<bool> = vec![selectors.iter().all(|s| s.away); frame.width()];
    for selector in selectors {
        let mut matched = false;
        for (column, picked) in frame.columns().iter().zip(&mut picked) {
            if takes(&selector.pick, column) {
                *picked = !selector.away;
                matched = true;
            }
        }
        if !matched {
            unmatched(selector, frame, left, line)?;
        }
    }
    let names = frame.columns().iter().map(|c| c.name().to_string());
    let chosen = names.zip(picked).filter(|(_, picked)| *picked);
    Ok(chosen.map(|(name, _)| name).collect())
}

fn takes(pick: &Pick, column: &Column) -> bool {
    match pick {
        Pick::Name(name) => column.name().as_str() == name,
        Pick::Glob(pattern) => glob(pattern, column.name()),
        Pick::Group(group) => group.takes(column.dtype()),
    }
}

/// A selector that picked nothing: a group may, a name or a pattern is probably a slip.
fn unmatched(selector: &Selector, frame: &DataFrame, left: &[String], line: usize) -> Result<(), PrepError> {
    let names = || frame.columns().iter().map(|c| c.name().as_str());
    let (wanted, text, is_left) = match &selector.pick {
        Pick::Group(_) => return Ok(()),
        Pick::Name(name) => (format!("`{name}`"), name, left.contains(name)),
        Pick::Glob(pattern) => {
            let is_left = left.iter().any(|name| glob(pattern, name));
            (format!("matches `{pattern}`"), pattern, is_left)
        }
    };
    // Taking away what never enters changes nothing.
    if is_left && selector.away {
        return Ok(());
    }
    let hint = if is_left {
        format!("`{text}` is the label, or left alone for another reason: a recipe never touches it")
    } else {
        match nearest(text, names()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => there(names()),
        }
    };
    Err(PrepError::NoColumn { line, wanted, hint })
}

/// Whether a name matches a pattern in which `*` is any text and `?` any one character.
fn glob(pattern: &str, name: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let name: Vec<char> = name.chars().collect();
    let (mut p, mut n) = (0, 0);
    // Where to go on when a match fails after a star: the star, and the name's next start.
    let mut retry: Option<(usize, usize)> = None;
    while n < name.len() {
        match pattern.get(p) {
            Some('*') => {
                retry = Some((p, n + 1));
                p += 1;
            }
            Some(c) if *c == '?' || *c == name[n] => {
                p += 1;
                n += 1;
            }
            _ => match retry {
                Some((star, start)) => {
                    p = star + 1;
                    n = start;
                    retry = Some((star, start + 1));
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::words;
    use polars::prelude::df;

    fn frame() -> DataFrame {
        df!(
            "sex" => ["M", "F"],
            "length" => [0.1, 0.2],
            "shell weight" => [1, 2],
            "whole_weight" => [3, 4],
            "old" => [true, false],
        )
        .unwrap()
    }

    fn picked(line: &str) -> Result<Vec<String>, PrepError> {
        let words = words::split(line, 1)?;
        let selectors: Result<Vec<Selector>, _> = words.iter().map(|w| Selector::parse(w, 1)).collect();
        resolve(&selectors?, &frame(), &["rings".to_owned()], 1)
    }

    #[test]
    fn groups_globs_names_and_what_is_taken_away() {
        assert_eq!(picked("@numeric").unwrap(), ["length", "shell weight", "whole_weight"]);
        assert_eq!(picked("@string old").unwrap(), ["sex", "old"]);
        assert_eq!(picked("*weight").unwrap(), ["shell weight", "whole_weight"]);
        assert_eq!(picked("@all -@numeric").unwrap(), ["sex", "old"]);
        assert_eq!(
            picked("@numeric -\"shell weight\"").unwrap(),
            ["length", "whole_weight"]
        );
        assert_eq!(picked("-*weight").unwrap(), ["sex", "length", "old"]);
        assert_eq!(picked("@date").unwrap(), Vec::<String>::new());
        assert_eq!(picked("@all -rings").unwrap().len(), 5);
    }

    #[test]
    fn slips_are_named() {
        let error = picked("lenght").unwrap_err();
        assert_eq!(error.to_string(), "line 1: no column `lenght`");
        assert_eq!(error.hint().unwrap(), "did you mean `length`?");
        let error = picked("z*").unwrap_err();
        assert_eq!(error.to_string(), "line 1: no column matches `z*`");
        let error = picked("@number").unwrap_err();
        assert_eq!(error.hint().unwrap(), "did you mean `@numeric`?");
        let error = picked("rings").unwrap_err();
        assert!(error.hint().unwrap().contains("never touches"));
    }

    #[test]
    fn globs() {
        for (pattern, name, matches) in [
            ("*", "", true),
            ("a*c", "abbc", true),
            ("a*c", "abcd", false),
            ("*b*b*", "abab", true),
            ("?", "ä", true),
            ("?", "", false),
            ("**x", "yx", true),
        ] {
            assert_eq!(glob(pattern, name), matches, "{pattern} {name}");
        }
    }
}
