//! A query as tokens. Polars parses queries itself; this is for those that look at one before it runs, and must see the same
//! texts, names and comments.

use super::place;
use crate::error::MagicError;

/// A piece of a query, comments and blanks left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// A bare word: a keyword or a name.
    Word(String),
    /// A name in double quotes or backticks.
    Quoted(String),
    /// A text in single quotes.
    Text(String),
    /// A number.
    Number,
    /// Anything else, a character.
    Mark(char),
}

/// A token, and the bytes of the query that it is.
#[derive(Clone, Debug)]
pub(super) struct Placed {
    pub token: Token,
    pub start: usize,
    pub end: usize,
}

/// The word at `tokens[at]` in capitals, if it is a bare one.
pub(super) fn keyword(tokens: &[Placed], at: usize) -> Option<String> {
    match tokens.get(at).map(|placed| &placed.token) {
        Some(Token::Word(word)) => Some(word.to_uppercase()),
        _ => None,
    }
}

/// The name at `tokens[at]`, quoted or bare.
pub(super) fn name_at(tokens: &[Placed], at: usize) -> Option<String> {
    match tokens.get(at).map(|placed| &placed.token) {
        Some(Token::Word(name) | Token::Quoted(name)) => Some(name.clone()),
        _ => None,
    }
}

/// The tokens of a query, or why it has none: something that begins in it never ends.
pub(super) fn tokens(query: &str) -> Result<Vec<Placed>, MagicError> {
    let mut tokens = Vec::new();
    let mut position = 0;
    while let Some(letter) = query[position..].chars().next() {
        let rest = &query[position..];
        let start = position;
        let token = if letter.is_whitespace() {
            position += letter.len_utf8();
            continue;
        } else if rest.starts_with("--") {
            position += rest.find('\n').unwrap_or(rest.len());
            continue;
        } else if rest.starts_with("/*") {
            let end = rest.find("*/").ok_or_else(|| open("comment /*", query, start))?;
            position += end + 2;
            continue;
        } else if letter == '\'' {
            position = closing(query, start, '\'').ok_or_else(|| open("text '", query, start))?;
            Token::Text(query[start + 1..position - 1].replace("''", "'"))
        } else if letter == '"' || letter == '`' {
            position = closing(query, start, letter).ok_or_else(|| open(&format!("name {letter}"), query, start))?;
            Token::Quoted(query[start + 1..position - 1].replace(&format!("{letter}{letter}"), &letter.to_string()))
        } else if rest.starts_with("$$") {
            return Err(other_quotes("$$…$$"));
        } else if letter.is_alphabetic() || letter == '_' {
            let end = rest
                .find(|c: char| !(c.is_alphanumeric() || c == '_'))
                .unwrap_or(rest.len());
            position += end;
            if rest[end..].starts_with('\'') {
                return Err(other_quotes(&format!("{}'…'", &rest[..end])));
            }
            Token::Word(rest[..end].to_owned())
        } else if letter.is_ascii_digit() {
            let end = rest
                .find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '.'))
                .unwrap_or(rest.len());
            position += end;
            Token::Number
        } else {
            position += letter.len_utf8();
            Token::Mark(letter)
        };
        tokens.push(Placed {
            token,
            start,
            end: position,
        });
    }
    Ok(tokens)
}

/// Quotes whose ends are found by other rules: what seems to be a text could be none.
fn other_quotes(quotes: &str) -> MagicError {
    MagicError::usage(format!("texts are not written as {quotes} here")).with_hint("'…', with '' for a quote in it")
}

/// The position after the quote that closes the one at `start`; a doubled quote is part of the text.
fn closing(query: &str, start: usize, quote: char) -> Option<usize> {
    let mut position = start + 1;
    loop {
        position += query[position..].find(quote)? + 1;
        if !query[position..].starts_with(quote) {
            return Some(position);
        }
        position += 1;
    }
}

fn open(what: &str, query: &str, at: usize) -> MagicError {
    MagicError::usage(format!(
        "the {what} that begins here never ends{}",
        place::shown(query, at..at + 1)
    ))
}
