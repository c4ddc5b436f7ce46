//! Saved queries, and queries made ready to run: which of the session's names a query reads, resolved before it starts.
//! A saved query is a table to others, as a view is: it holds no rows, and runs with the query that names it.

use polars::prelude::*;
use polars::sql::SQLContext;

use super::{errors, statement};
use crate::error::MagicError;
use crate::frames;
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

/// A saved query as a plan, for everything that takes a frame.
pub(crate) fn plan(name: &str, session: &Session) -> Result<LazyFrame, MagicError> {
    let query = format!("SELECT * FROM \"{name}\"");
    let ready = Ready::new(&query, None, session)?;
    ready.plan().map_err(|failed| failed.told(session))
}

/// A query with all that it reads.
pub(super) struct Ready {
    /// The saved query that this is, and none for the one in the cell.
    name: Option<String>,
    query: String,
    frames: Vec<(String, LazyFrame)>,
    queries: Vec<Ready>,
    /// Whether files are read, which may be larger than memory.
    reads_files: bool,
}

/// What Polars said of a query, and of which.
pub(super) struct Failed {
    name: Option<String>,
    query: String,
    error: PolarsError,
}

impl Ready {
    /// Resolves what a query reads; `saved_as` is the name that it will have.
    pub(super) fn new(query: &str, saved_as: Option<&str>, session: &Session) -> Result<Ready, MagicError> {
        let mut within: Vec<String> = saved_as.map(str::to_owned).into_iter().collect();
        Ready::within(query, None, &mut within, session)
    }

    /// The same inside the saved queries of these names, none of which may be read again.
    fn within(
        query: &str,
        name: Option<String>,
        within: &mut Vec<String>,
        session: &Session,
    ) -> Result<Ready, MagicError> {
        let mut ready = Ready {
            name,
            query: query.to_owned(),
            frames: Vec::new(),
            queries: Vec::new(),
            reads_files: false,
        };
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
                ready
                    .queries
                    .push(Ready::within(saved.text(), Some(table), within, session)?);
                within.pop();
            }
        }
        ready.frames = named(query, session)?;
        let is_plan = |name: &String| matches!(session.value(name), Some(Value::Plan(_)));
        ready.reads_files =
            ready.frames.iter().any(|(name, _)| is_plan(name)) || ready.queries.iter().any(|query| query.reads_files);
        Ok(ready)
    }

    /// The plan of the query. It may open files for their columns, and so take a while.
    pub(super) fn plan(self) -> Result<LazyFrame, Failed> {
        let mut context = SQLContext::new();
        for (name, frame) in self.frames {
            context.register(&name, frame);
        }
        for query in self.queries {
            let name = query.name.clone().unwrap_or_default();
            context.register(&name, query.plan()?);
        }
        context.execute(&self.query).map_err(|error| Failed {
            name: self.name,
            query: self.query,
            error,
        })
    }

    /// The rows, the first `limit` of them, where there is one. Frames in memory keep the order of their rows in joins and
    /// windows.
    pub(super) fn collect(self, limit: Option<u32>) -> Result<DataFrame, Failed> {
        let query = self.query.clone();
        let collect = if self.reads_files {
            frames::run
        } else {
            LazyFrame::collect
        };
        let plan = self.plan()?;
        let plan = match limit {
            Some(limit) => plan.limit(limit),
            None => plan,
        };
        collect(plan).map_err(|error| Failed {
            name: None,
            query,
            error,
        })
    }
}

impl Failed {
    /// The same in the session's names.
    pub(super) fn told(self, session: &Session) -> MagicError {
        let error = errors::told(&self.error, &self.query, session);
        match self.name {
            Some(name) => MagicError {
                message: format!("the saved query `{name}`: {}", error.message),
                ..error
            },
            None => error,
        }
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
/// and is a frame in Rust, fetched once. `SHOW TABLES` means all.
fn named(query: &str, session: &Session) -> Result<Vec<(String, LazyFrame)>, MagicError> {
    let planned = |name: String| session.plan(&name).map(|plan| (name, plan));
    let is_frame = |value: &Value| matches!(value, Value::Frame(_) | Value::Plan(_));
    if statement::first_word(query).is_some_and(|word| word == "SHOW") {
        return session.frame_names().into_iter().map(planned).collect();
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
    let mut found = names.into_iter().map(planned).collect::<Result<Vec<_>, _>>()?;
    let Some(rust) = session.rust() else {
        return Ok(found);
    };
    for table in own_parts_removed(query) {
        if session.value(&table).is_some() {
            continue;
        }
        if let Some(frame) = rust.frame(&table) {
            found.push((table, frame?.lazy()));
        }
    }
    Ok(found)
}
