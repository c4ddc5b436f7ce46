//! From words to typed arguments: parameters (`name=value`) and a raw tail are taken out as the magic
//! declares, then clap does the rest.

use clap::{ArgAction, ArgMatches, Command};

use crate::error::MagicError;
use crate::language::words::{self, Word};
use crate::language::{errors, name};
use crate::magic::{Call, Entry, Tail};

/// What a line turned out to be.
pub(crate) enum Parsed {
    /// Arguments that fit the declaration.
    Arguments(ArgMatches),
    /// `--help` was asked for: the text.
    Help(String),
}

/// Parses what stands after the magic's name; fills the call's parameters and tail.
pub(crate) fn parse(entry: &Entry, line: &str, bound: &str, call: &mut Call) -> Result<Parsed, MagicError> {
    let command = entry.command();
    let mut words = match entry.tail {
        Tail::Raw => {
            let (words, tail) = leading_options(&command, line, entry)?;
            call.tail = tail;
            words
        }
        Tail::Words | Tail::Parameters => split(line, entry)?,
    };
    if entry.tail == Tail::Parameters {
        let (rest, parameters) = take_parameters(&command, words);
        words = rest;
        call.parameters = parameters;
    }
    let mut texts: Vec<String> = words.into_iter().map(|word| word.text).collect();
    if !bound.trim().is_empty() {
        bind_to(&command, bound, &mut texts, entry)?;
    }
    match command.try_get_matches_from(texts) {
        Ok(matches) => Ok(Parsed::Arguments(matches)),
        Err(error) if error.kind() == clap::error::ErrorKind::DisplayHelp => {
            Ok(Parsed::Help(error.render().to_string()))
        }
        Err(error) => Err(errors::from_clap(&error, entry)),
    }
}

fn split(line: &str, entry: &Entry) -> Result<Vec<Word>, MagicError> {
    words::split(line).map_err(|unclosed| {
        MagicError::usage(format!("{}: {unclosed}", entry.typed())).with_hint(match unclosed.opened {
            '\'' => "close it, or write the apostrophe as \\'",
            '"' => "close it, or write it as \\\"",
            _ => "close it, or put the word in quotes",
        })
    })
}

/// `name = %magic …` is `%magic … -o name`.
fn bind_to(command: &Command, bound: &str, texts: &mut Vec<String>, entry: &Entry) -> Result<(), MagicError> {
    let gives_results = command
        .get_arguments()
        .any(|argument| argument.get_long() == Some("out"));
    if !gives_results {
        return Err(MagicError::usage(format!(
            "{} gives no result that `{}` could be bound to",
            entry.typed(),
            bound.trim()
        )));
    }
    // In front of the words: a lone `--` or a positional list must not swallow it.
    texts.splice(0..0, ["-o".to_owned(), bound.split_whitespace().collect()]);
    Ok(())
}

/// Whether `word` is an option that takes the next word as its value.
fn takes_value(command: &Command, word: &Word) -> bool {
    if word.quoted || word.text.contains('=') {
        return false;
    }
    command.get_arguments().any(|argument| {
        let long = word
            .text
            .strip_prefix("--")
            .is_some_and(|long| argument.get_long() == Some(long));
        let short = word.text.strip_prefix('-').is_some_and(|short| {
            let mut letters = short.chars();
            letters
                .next()
                .is_some_and(|letter| argument.get_short() == Some(letter))
                && letters.next().is_none()
        });
        (long || short) && matches!(argument.get_action(), ArgAction::Set | ArgAction::Append)
    })
}

/// Takes `name=value` words out, wherever they stand, unless they are an option's value or in quotes.
fn take_parameters(command: &Command, words: Vec<Word>) -> (Vec<Word>, Vec<(String, String)>) {
    let mut rest: Vec<Word> = Vec::new();
    let mut parameters = Vec::new();
    for word in words {
        let is_value = rest.last().is_some_and(|before| takes_value(command, before));
        match parameter(&word) {
            Some(parameter) if !is_value => parameters.push(parameter),
            _ => rest.push(word),
        }
    }
    (rest, parameters)
}

fn parameter(word: &Word) -> Option<(String, String)> {
    let (key, value) = word.text.split_once('=')?;
    let is_key = !key.is_empty() && key.split(['.', '-']).all(name::is_identifier);
    (!word.quoted && is_key && !value.starts_with('=')).then(|| (key.to_owned(), value.to_owned()))
}

/// The options that a raw line begins with, and the rest of the line as it stands. A `-o name` at the very
/// end counts as an option, too, since that is where people put it.
fn leading_options(command: &Command, line: &str, entry: &Entry) -> Result<(Vec<Word>, String), MagicError> {
    let (line, trailing_out) = match trailing_out(command, line) {
        Some((before, names)) => (before, Some(names)),
        None => (line, None),
    };
    let mut words = Vec::new();
    let mut tail = line.trim_start();
    while tail.starts_with('-') && !tail.starts_with("-- ") {
        let end = tail.find(char::is_whitespace).unwrap_or(tail.len());
        let option = Word {
            text: tail[..end].to_owned(),
            quoted: false,
            start: 0,
            end,
        };
        tail = tail[end..].trim_start();
        let wants_value = takes_value(command, &option);
        words.push(option);
        if wants_value {
            let mut first = split_first(tail, entry)?;
            if let Some(value) = first.take() {
                tail = tail[value.end..].trim_start();
                words.push(value);
            }
        }
    }
    if let Some(names) = trailing_out {
        words.push(Word {
            text: format!("--out={names}"),
            quoted: false,
            start: 0,
            end: 0,
        });
    }
    Ok((words, tail.trim_end().to_owned()))
}

fn split_first(tail: &str, entry: &Entry) -> Result<Option<Word>, MagicError> {
    let end = tail.find(char::is_whitespace).unwrap_or(tail.len());
    if tail.starts_with(['"', '\'']) {
        return Ok(split(tail, entry)?.into_iter().next());
    }
    Ok(split(&tail[..end], entry)?.into_iter().next())
}

fn trailing_out<'a>(command: &Command, line: &'a str) -> Option<(&'a str, &'a str)> {
    command
        .get_arguments()
        .find(|argument| argument.get_long() == Some("out"))?;
    let trimmed = line.trim_end();
    let names_at = trimmed.rfind(char::is_whitespace)? + 1;
    let names = &trimmed[names_at..];
    let before = trimmed[..names_at].trim_end();
    let before = before.strip_suffix("-o").or_else(|| before.strip_suffix("--out"))?;
    let is_word = before.is_empty() || before.ends_with(char::is_whitespace);
    (is_word && names.split(',').all(name::is_identifier)).then_some((before, names))
}

/// Parameters in the body of a cell magic: `name = value`, one a line, `#` and `//` begin comments.
pub(crate) fn parameters_of_body(body: &str) -> Result<Vec<(String, String)>, MagicError> {
    let mut parameters = Vec::new();
    for (number, line) in body.lines().enumerate() {
        let line = without_comment(line).trim();
        if line.is_empty() {
            continue;
        }
        let pair = line.split_once('=').map(|(key, value)| (key.trim(), value.trim()));
        match pair {
            Some((key, value)) if !value.is_empty() && key.split(['.', '-']).all(name::is_identifier) => {
                parameters.push((key.to_owned(), unquoted(value).to_owned()));
            }
            _ => {
                return Err(
                    MagicError::usage(format!("line {} of the body is no `name = value`: {line}", number + 1))
                        .with_hint("one hyperparameter a line, such as `epochs = 50`; `#` begins a comment"),
                );
            }
        }
    }
    Ok(parameters)
}

fn without_comment(line: &str) -> &str {
    let mut quote = None;
    let mut before = ' ';
    for (at, letter) in line.char_indices() {
        match (quote, letter) {
            (None, '"' | '\'') => quote = Some(letter),
            (Some(open), _) if open == letter => quote = None,
            (None, '#') if before.is_whitespace() => return &line[..at],
            (None, '/') if before.is_whitespace() && line[at..].starts_with("//") => return &line[..at],
            _ => {}
        }
        before = letter;
    }
    line
}

fn unquoted(value: &str) -> &str {
    for quote in ['"', '\''] {
        if value.len() >= 2 && value.starts_with(quote) && value.ends_with(quote) {
            return &value[1..value.len() - 1];
        }
    }
    value
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_body_of_parameters_may_have_comments() {
        let body = "# sizes\nmini_batch_size = 32   # small\nepochs=50\n\n// last\nloss = \"logistic\" // quoted\n";
        let parameters = parameters_of_body(body).unwrap();
        let expected = [("mini_batch_size", "32"), ("epochs", "50"), ("loss", "logistic")];
        assert_eq!(
            parameters,
            expected.map(|(key, value)| (key.to_owned(), value.to_owned()))
        );
    }

    #[test]
    fn what_is_no_parameter_is_named_with_its_line() {
        let error = parameters_of_body("epochs = 5\nmany words").unwrap_err();
        assert_eq!(error.message, "line 2 of the body is no `name = value`: many words");
        assert!(parameters_of_body("epochs =").is_err());
    }
}
