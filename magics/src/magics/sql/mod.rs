//! `%%sql` and `%sql`: queries over all frames, plans and Rust's frames, by their names. What a statement may do is
//! told before Polars sees it ([`statement`]); what went wrong is told in the names of the session ([`errors`](mod@errors)).

mod complete;
mod errors;
mod statement;

use ironsage_display::{Front, TableOptions, note, table};
use polars::prelude::*;
use polars::sql::SQLContext;

use self::statement::Statement;
use crate::complete::Completion;
use crate::error::MagicError;
use crate::frames;
use crate::guard;
use crate::language::name::Name;
use crate::magic::{Call, Form, Group, Magic, Out, Tail};
use crate::session::{Session, Value};
use crate::text;

/// Query frames by name, in SQL
#[derive(clap::Args)]
pub(crate) struct Sql {
    /// Don't show the result
    #[arg(short = 'q', long)]
    quiet: bool,
    #[command(flatten)]
    out: Out,
}

impl Magic for Sql {
    const NAME: &'static str = "sql";
    const FORM: Form = Form::LineOrCell;
    const GROUP: Group = Group::Data;
    const TAIL: Tail = Tail::Raw;
    const EXAMPLES: &'static [(&'static str, &'static str)] = &[
        (
            "%%sql -o clean\nSELECT * FROM abalone WHERE height > 0 AND height < 0.5",
            "a query as the frame `clean`; `CREATE TABLE clean AS SELECT …` binds it, too",
        ),
        (
            "%sql SELECT sex, avg(rings) AS rings FROM abalone GROUP BY sex",
            "a query on one line",
        ),
    ];

    fn complete_body(_first_line: &str, body: &str, cursor: usize, session: &Session) -> (usize, Vec<Completion>) {
        complete::at(body, cursor, session)
    }

    fn run(self, call: &Call, session: &Session, front: &dyn Front) -> Result<(), MagicError> {
        let query = match &call.body {
            Some(body) if call.tail.is_empty() => body.clone(),
            Some(body) => format!("{}\n{body}", call.tail),
            None => call.tail.clone(),
        };
        let out = self.out.one()?.cloned();
        match statement::read(&query)? {
            Statement::Query(query) => self.query(&query, out, session, front),
            Statement::Create {
                name,
                query,
                if_missing,
                replace: _,
            } => {
                let name: Name = name
                    .parse()
                    .map_err(|error| MagicError::usage(format!("CREATE TABLE: {error}")))?;
                if let Some(out) = out {
                    return Err(
                        MagicError::usage(format!("the result is named twice, `{name}` and `-o {out}`"))
                            .with_hint("take one of them away"),
                    );
                }
                if if_missing && session.value(name.as_str()).is_some() {
                    front.display(&note(format!("{name} already there")));
                    return Ok(());
                }
                self.query(&query, Some(name), session, front)
            }
            Statement::Drop { names } => {
                let told: Vec<String> = names
                    .iter()
                    .map(|name| match session.unbind(name) {
                        true => format!("{name} dropped"),
                        false => format!("{name} already gone"),
                    })
                    .collect();
                front.display(&note(told.join(" · ")));
                Ok(())
            }
        }
    }
}

impl Sql {
    fn query(&self, query: &str, out: Option<Name>, session: &Session, front: &dyn Front) -> Result<(), MagicError> {
        let mut context = SQLContext::new();
        // Frames in memory keep the order of their rows in joins and windows; plans may be larger than memory.
        let mut collect: fn(LazyFrame) -> PolarsResult<DataFrame> = LazyFrame::collect;
        for (name, plan) in tables(query, session)? {
            if matches!(session.value(&name), Some(Value::Plan(_))) {
                collect = frames::run;
            }
            context.register(&name, plan);
        }
        let text_of_query = query.to_owned();
        let result = guard::on_worker(front, "the query", move || {
            // The error keeps its kind on the way back: it is told in the session's names there.
            Ok(context.execute(&text_of_query).and_then(collect))
        })?;
        let frame = result.map_err(|error| errors::told(&error, query, session))?;
        if !self.quiet {
            front.display(&table(&frame, &TableOptions::default()));
        }
        let label = out.as_ref().map(|name| format!("{name}: ")).unwrap_or_default();
        front.display(&note(format!("{label}{}", text::shape(&frame))));
        match out {
            Some(name) => session.bind_frame(name.as_str(), frame),
            None => session.set_last(Value::Frame(frame)),
        }
        Ok(())
    }
}

/// What a query may mean, by name: everything in it that is bound to a frame here, and what stands where a table stands
/// and is a frame in Rust, fetched once. `SHOW TABLES` means all.
fn tables(query: &str, session: &Session) -> Result<Vec<(String, LazyFrame)>, MagicError> {
    let planned = |name: String| session.plan(&name).map(|plan| (name, plan));
    let bound = session.frame_names();
    if statement::first_word(query).is_some_and(|word| word == "SHOW") {
        return bound.into_iter().map(planned).collect();
    }
    let words = statement::identifiers(query);
    let mut names: Vec<String> = bound.into_iter().filter(|name| words.contains(name)).collect();
    let last_is_frame = matches!(session.value("_"), Some(Value::Frame(_) | Value::Plan(_)));
    if last_is_frame && words.iter().any(|word| word == "_") {
        names.push("_".to_owned());
    }
    let mut tables = names.into_iter().map(planned).collect::<Result<Vec<_>, _>>()?;
    let Some(rust) = session.rust() else {
        return Ok(tables);
    };
    for table in statement::tables(query) {
        if session.value(&table).is_some() {
            continue;
        }
        if let Some(frame) = rust.frame(&table) {
            tables.push((table, frame?.lazy()));
        }
    }
    Ok(tables)
}
