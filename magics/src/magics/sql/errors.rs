//! What Polars says about a query, in the session's names: which table or column is missing, and which was meant.

use polars::prelude::PolarsError;
use regex::Regex;

use super::statement;
use crate::error::{ErrorKind, MagicError};
use crate::language::suggest;
use crate::session::Session;
use crate::text;

/// The error of a query.
pub(super) fn told(error: &PolarsError, query: &str, session: &Session) -> MagicError {
    let message = error.to_string();
    if let Some(table) = captured(r"relation '([^']+)' was not found", &message) {
        return no_table(&table, session);
    }
    let column = captured(r#"unable to find column "([^"]+)""#, &message)
        .or_else(|| captured(r"no column named '([^']+)' found in table", &message))
        .or_else(|| captured(r"^not found: ([^\s]+)$", message.lines().next().unwrap_or_default()));
    if let Some(column) = column {
        return no_column(&column, query, session);
    }
    let first = message.split("\n\nResolved plan").next().unwrap_or(&message).trim();
    let first = first.lines().next().unwrap_or_default();
    match error {
        PolarsError::SQLSyntax(_) | PolarsError::SQLInterface(_) => {
            let error = MagicError::usage(format!("the query cannot be understood: {}", without_prefix(first)));
            match captured(r"Line: (\d+)", &message).and_then(|line| line.parse::<usize>().ok()) {
                Some(line) => error.with_hint(format!("look at line {line} of the query: {}", line_of(query, line))),
                None => error,
            }
        }
        _ => MagicError::new(
            ErrorKind::DataError,
            format!("the query failed: {}", without_prefix(first)),
        ),
    }
}

fn no_table(table: &str, session: &Session) -> MagicError {
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
    let short = column.rsplit('.').next().unwrap_or(column);
    match tables.as_slice() {
        [table] => text::no_column(table, short, &columns),
        _ => MagicError::not_found(format!("there is no column `{short}` in {}", tables.join(", ")))
            .with_hint_from(suggest::nearest_or_list(short, "columns", &columns)),
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

fn line_of(query: &str, line: usize) -> &str {
    query.lines().nth(line.saturating_sub(1)).unwrap_or_default().trim()
}
