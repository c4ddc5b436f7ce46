//! Completion in a query: frames, columns of the frames that it names, SQL's words and functions.

use polars::sql::keywords;

use super::{functions, statement};
use crate::complete::{Completion, columns_of, frames, identifier_start};
use crate::session::Session;

/// Candidates at byte `cursor` of a query, and where the replaced part begins.
pub(super) fn at(query: &str, cursor: usize, session: &Session) -> (usize, Vec<Completion>) {
    let start = identifier_start(query, cursor);
    // The word at the cursor is not whole: without it the query names its tables.
    let rest = format!("{} {}", &query[..start], &query[cursor..]);
    let tables = statement::tables(&rest);
    if let Some(table) = query[..start].strip_suffix('.') {
        let table = &table[identifier_start(table, table.len())..];
        let of = if columns_of(table, session).is_empty() {
            tables
        } else {
            vec![table.to_owned()]
        };
        return (start, columns(&of, session));
    }
    let mut items = columns(&tables, session);
    items.extend(frames(session));
    items.extend(functions::names().into_iter().map(|name| {
        let about = functions::about(&name);
        let item = Completion::new(name, "function");
        match about {
            Some((written, gives)) => item.with_detail(format!("{written}: {gives}")),
            None => item,
        }
    }));
    items.extend(
        keywords::all_keywords()
            .into_iter()
            .map(str::to_uppercase)
            .filter(|word| functions::about(word).is_none() && !word.starts_with("READ_"))
            .map(|word| Completion::new(word, "keyword")),
    );
    (start, items)
}

fn columns(tables: &[String], session: &Session) -> Vec<Completion> {
    let mut items: Vec<Completion> = Vec::new();
    for table in tables {
        for (column, dtype) in columns_of(table, session) {
            if !items.iter().any(|item| item.text == column) {
                items.push(Completion::new(column, "column").with_detail(format!("{dtype} of {table}")));
            }
        }
    }
    items
}
