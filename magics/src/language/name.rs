//! A name that a result is bound to: a Rust identifier, since a frame is a variable in Rust cells.

use std::fmt;
use std::str::FromStr;

/// A name in the session's namespace. Parsed once, from `-o` or from `name = %magic`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(String);

/// Why a word cannot be a name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Not a Rust identifier.
    #[error("`{0}` is not a name that Rust could use: letters, digits and `_`, no digit first")]
    NotAnIdentifier(String),
    /// A keyword of Rust.
    #[error("`{0}` is a keyword of Rust, so no variable can have that name")]
    Keyword(String),
    /// The name of the last result.
    #[error("`_` is always the last result; a result needs a name of its own")]
    Underscore,
}

const KEYWORDS: &[&str] = &[
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate", "do", "dyn", "else",
    "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop", "macro", "match", "mod",
    "move", "mut", "override", "priv", "pub", "ref", "return", "self", "Self", "static", "struct", "super", "trait",
    "true", "try", "type", "typeof", "unsafe", "unsized", "use", "virtual", "where", "while", "yield",
];

impl Name {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether `word` has the shape of a Rust identifier (keywords included).
pub(crate) fn is_identifier(word: &str) -> bool {
    let mut letters = word.chars();
    letters
        .next()
        .is_some_and(|first| first.is_alphabetic() || first == '_')
        && letters.all(|letter| letter.is_alphanumeric() || letter == '_')
}

impl FromStr for Name {
    type Err = NameError;

    fn from_str(word: &str) -> Result<Name, NameError> {
        if word == "_" {
            return Err(NameError::Underscore);
        }
        if !is_identifier(word) {
            return Err(NameError::NotAnIdentifier(word.to_owned()));
        }
        if KEYWORDS.contains(&word) {
            return Err(NameError::Keyword(word.to_owned()));
        }
        Ok(Name(word.to_owned()))
    }
}

impl fmt::Display for Name {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_rust_identifiers_and_no_keywords() {
        assert!("train_2".parse::<Name>().is_ok());
        assert!("größe".parse::<Name>().is_ok());
        assert_eq!("fn".parse::<Name>(), Err(NameError::Keyword("fn".into())));
        assert_eq!("_".parse::<Name>(), Err(NameError::Underscore));
        for wrong in ["2x", "a-b", "", "a b", "a.b"] {
            assert!(
                matches!(wrong.parse::<Name>(), Err(NameError::NotAnIdentifier(_))),
                "{wrong}"
            );
        }
    }
}
