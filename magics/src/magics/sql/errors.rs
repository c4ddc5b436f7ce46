//! What Polars says about a query, in the session's names: which table or column is missing, and which was meant.

use std::ops::Range;

use polars::prelude::PolarsError;
use polars::sql::keywords;
use regex::Regex;

use super::{functions, place, statement};
use crate::error::{ErrorKind, MagicError};
use crate::language::suggest;
use crate::session::Session;
use crate::text;

/// The error of a query.
pub(super) fn told(error: &PolarsError, query: &str, session: &Session) -> MagicError {
    let message = error.to_string();
    if let Some(table) = captured(r"relation '([^']+)' was not found", &message) {
        return pointed(
            no_table(&table, query, session),
            query,
            statement::place_of(query, &table, true),
        );
    }
    let column = captured(r#"unable to find column "([^"]+)""#, &message)
        .or_else(|| captured(r"no column named '([^']+)' found in table", &message))
        .or_else(|| captured(r"^not found: ([^\s]+)$", message.lines().next().unwrap_or_default()));
    if let Some(column) = column {
        let short = column.rsplit('.').next().unwrap_or(&column);
        return pointed(
            no_column(short, query, session),
            query,
            statement::place_of(query, short, false),
        );
    }
    let first = message.split("\n\nResolved plan").next().unwrap_or(&message).trim();
    let first = without_prefix(first.lines().next().unwrap_or_default());
    match error {
        _ if first.starts_with("statement type is not supported") => {
            MagicError::usage("a statement of this kind does not run on frames").with_hint(
                "SELECT and WITH … SELECT query them, SHOW TABLES lists them, EXPLAIN shows a query's plan, \
                 CREATE TABLE name AS … binds one, DROP TABLE name forgets it",
            )
        }
        PolarsError::SQLSyntax(_) | PolarsError::SQLInterface(_) => syntax(first, query),
        _ => MagicError::new(ErrorKind::DataError, format!("the query failed: {first}")),
    }
}

/// What the parser did not expect, and where; a word that is nearly one of SQL's, or a function's name, is asked for.
fn syntax(said: &str, query: &str) -> MagicError {
    let number = |name: &str| captured(&format!(r"{name}: (\d+)"), said)?.parse::<usize>().ok();
    let parsed = number("Line").zip(number("Column"));
    let place = match parsed {
        Some((line, column)) => Some(place::at(query, line, column)),
        None if said.contains("found: EOF") => Some(place::end(query)),
        None => function(said).and_then(|name| statement::place_of(query, &name, false)),
    };
    let said = said
        .split(" at Line:")
        .next()
        .unwrap_or(said)
        .replace("found: EOF", "and the query ends");
    let meant = match (function(&said), parsed) {
        (Some(name), _) => {
            let functions = functions::names();
            suggest::did_you_mean(&name, functions.iter().map(String::as_str))
        }
        (None, Some(_)) => {
            let word = place.clone().and_then(|place| query.get(place)).unwrap_or_default();
            meant(word).or_else(|| word_before(query, place.as_ref()).and_then(meant))
        }
        _ => None,
    };
    let error = MagicError::usage(format!("the query cannot be understood: {said}"));
    pointed(error, query, place).with_hint_from(meant)
}

/// A word that is no keyword, and the keyword that it nearly is.
fn meant(word: &str) -> Option<String> {
    let capitals = word.to_uppercase();
    let words = keywords::all_keywords();
    if word.len() < 3 || words.contains(&capitals.as_str()) {
        return None;
    }
    let near = suggest::nearest(&capitals, words.into_iter().filter(|word| word.len() > 2))?;
    Some(format!("did you mean `{}`?", near.to_uppercase()))
}

/// The word before a place: a parser stumbles over what follows a misspelt one.
fn word_before<'a>(query: &'a str, place: Option<&Range<usize>>) -> Option<&'a str> {
    query.get(..place?.start)?.split_whitespace().next_back()
}

/// The function that Polars says it does not have.
fn function(said: &str) -> Option<String> {
    captured(r"unsupported function '([^']+)'", said)
}

/// The same error with its place in the query, where there is one.
fn pointed(error: MagicError, query: &str, place: Option<Range<usize>>) -> MagicError {
    let place = place.map(|place| place::shown(query, place)).unwrap_or_default();
    MagicError {
        message: error.message + &place,
        ..error
    }
}

fn no_table(table: &str, query: &str, session: &Session) -> MagicError {
    if statement::parts(query).iter().any(|part| part == table) && session.value(table).is_some() {
        return MagicError::usage(format!("`{table}` is a frame and, by WITH, a part of the query"))
            .with_hint("give the part a name of its own");
    }
    if session.rust_type(table).is_some() {
        return session.unknown(table, "frame", &[]);
    }
    let mut names = session.frame_names();
    if let Some(rust) = session.rust() {
        names.extend(
            rust.names()
                .into_iter()
                .filter(|(_, kind)| kind.contains("Frame"))
                .map(|(name, _)| name),
        );
    }
    let hint = suggest::nearest_or_list(table, "frames", &names)
        .unwrap_or_else(|| format!("`%load s3://bucket/key -o {table}` makes a frame of that name"));
    MagicError::not_found(format!("there is no frame called `{table}`")).with_hint(hint)
}

fn no_column(column: &str, query: &str, session: &Session) -> MagicError {
    let mut columns = Vec::new();
    let tables: Vec<String> = statement::tables(query);
    for table in &tables {
        let schema = session.schema(table);
        columns.extend(
            schema
                .iter()
                .flat_map(|schema| schema.iter_names().map(ToString::to_string)),
        );
    }
    match tables.as_slice() {
        [table] => text::no_column(table, column, &columns),
        _ => MagicError::not_found(format!("there is no column `{column}` in {}", tables.join(", ")))
            .with_hint_from(suggest::nearest_or_list(column, "columns", &columns)),
    }
}

fn captured(pattern: &str, text: &str) -> Option<String> {
    let pattern = Regex::new(pattern).ok()?;
    Some(pattern.captures(text)?.get(1)?.as_str().to_owned())
}

fn without_prefix(text: &str) -> &str {
    ["sql parser error: ", "invalid SQL: ", "SQLInterface: "]
        .iter()
        .fold(text, |text, prefix| text.trim_start_matches(prefix))
}
