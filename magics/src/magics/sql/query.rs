//! Saved queries, and queries made ready to run: which of the session's names a query reads, resolved before it starts.
//! A saved query is a table to others, as a view is: it holds no rows, and runs with the query that names it.

use polars::prelude::*;
use polars::sql::SQLContext;

use super::{errors, statement};
use crate::error::MagicError;
use crate::frames::{self, Rows};
use crate::session::{Session, Value};

/// A saved query (`%%sql --save NAME`).
#[derive(Clone, Debug)]
pub struct Query {
    text: String,
    schema: SchemaRef,
}

impl Query {
    /// The query itself, in SQL.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The columns that it had when it was saved.
    pub fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    /// The names that it reads.
    pub(crate) fn tables(&self) -> Vec<String> {
        own_parts_removed(&self.text)
    }

    /// A query to save; its columns are looked at, its rows are not.
    pub(super) fn new(text: &str, schema: SchemaRef) -> Query {
        Query {
            text: text.trim().to_owned(),
            schema,
        }
    }
}

/// A query with all that it reads; none of it has been opened.
pub(crate) struct Ready {
    /// The saved query that this is, and none for the one in the cell.
    name: Option<String>,
    query: String,
    tables: Vec<(String, Rows)>,
}

impl Ready {
    /// Resolves what a query reads; `saved_as` is the name that it will have.
    pub(super) fn new(query: &str, saved_as: Option<&str>, session: &Session) -> Result<Ready, MagicError> {
        let mut within: Vec<String> = saved_as.map(str::to_owned).into_iter().collect();
        Ready::within(query, None, &mut within, session)
    }

    /// The same of the saved query of this name.
    pub(crate) fn saved(saved: &Query, name: &str, session: &Session) -> Result<Ready, MagicError> {
        Ready::within(saved.text(), Some(name.to_owned()), &mut vec![name.to_owned()], session)
    }

    /// The same inside the saved queries of these names, none of which may be read again.
    fn within(
        query: &str,
        name: Option<String>,
        within: &mut Vec<String>,
        session: &Session,
    ) -> Result<Ready, MagicError> {
        let mut tables = Vec::new();
        for table in own_parts_removed(query) {
            if within.contains(&table) {
                return Err(MagicError::usage(format!(
                    "`{table}` would be made of itself: {} → {table}",
                    within.join(" → ")
                ))
                .with_hint("save the query under another name, or bind its rows with `-o` in place of `--save`"));
            }
            if let Some(Value::Query(saved)) = session.value(&table) {
                within.push(table.clone());
                let ready = Ready::within(saved.text(), Some(table.clone()), within, session)?;
                tables.push((table, Rows::Query(ready)));
                within.pop();
            }
        }
        tables.extend(named(query, session)?);
        Ok(Ready {
            name,
            query: query.to_owned(),
            tables,
        })
    }

    /// Whether files are read.
    pub(crate) fn reads_files(&self) -> bool {
        self.tables.iter().any(|(_, rows)| rows.read_files())
    }

    /// The plan of the query; files are opened for their columns.
    pub(crate) fn plan(self, session: &Session) -> Result<LazyFrame, MagicError> {
        let mut context = SQLContext::new();
        for (name, rows) in self.tables {
            context.register(&name, rows.plan(session)?);
        }
        let planned = context.execute(&self.query);
        planned.map_err(|error| told(&error, self.name.as_deref(), &self.query, session))
    }

    /// The rows, the first `limit` of them, where there is one.
    pub(crate) fn collect(self, limit: Option<u32>, session: &Session) -> Result<DataFrame, MagicError> {
        let (name, query, reads_files) = (self.name.clone(), self.query.clone(), self.reads_files());
        let mut plan = self.plan(session)?;
        if let Some(limit) = limit {
            plan = plan.limit(limit);
        }
        let collected = frames::collected(plan, reads_files);
        collected.map_err(|error| told(&error, name.as_deref(), &query, session))
    }
}

/// What Polars says of a query, in the session's names; `name` is that of a saved one.
fn told(error: &PolarsError, name: Option<&str>, query: &str, session: &Session) -> MagicError {
    let error = errors::told(error, query, session);
    match name {
        Some(name) => MagicError {
            message: format!("the saved query `{name}`: {}", error.message),
            ..error
        },
        None => error,
    }
}

/// What stands where a table stands, without what the query itself defines by WITH.
fn own_parts_removed(query: &str) -> Vec<String> {
    let parts = statement::parts(query);
    let mut tables = statement::tables(query);
    tables.retain(|table| !parts.contains(table));
    tables
}

/// The frames that a query may mean: everything in it that is bound to one here, and what stands where a table stands
/// and is a frame in Rust, fetched once. `SHOW TABLES` means all, and wants no more than their names.
fn named(query: &str, session: &Session) -> Result<Vec<(String, Rows)>, MagicError> {
    let resolved = |name: String| session.rows(&name).map(|rows| (name, rows));
    let is_frame = |value: &Value| matches!(value, Value::Frame(_) | Value::Plan(_));
    if statement::first_word(query).is_some_and(|word| word == "SHOW") {
        let names = session.frame_names().into_iter();
        return Ok(names.map(|name| (name, Rows::Frame(DataFrame::empty()))).collect());
    }
    // Polars would take the frame for a part of the same name.
    let parts = statement::parts(query);
    let mut words = statement::identifiers(query);
    words.retain(|word| !parts.contains(word));
    let mut names = session.names_of(is_frame);
    names.retain(|name| words.contains(name));
    if session.value("_").as_ref().is_some_and(is_frame) && words.iter().any(|word| word == "_") {
        names.push("_".to_owned());
    }
    let mut found = names.into_iter().map(resolved).collect::<Result<Vec<_>, _>>()?;
    let Some(rust) = session.rust() else {
        return Ok(found);
    };
    for table in own_parts_removed(query) {
        if session.value(&table).is_some() {
            continue;
        }
        if let Some(frame) = rust.frame(&table) {
            found.push((table, Rows::Frame(frame?)));
        }
    }
    Ok(found)
}
