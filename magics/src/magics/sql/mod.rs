//! `%%sql` and `%sql`: queries over all frames, plans and Rust's frames, by their names. What a statement may do is
//! told before Polars sees it ([`statement`]); what it reads is in [`query`], saved queries too; what went wrong is told in
//! the names of the session ([`errors`](mod@errors)), with its [`place`].

mod complete;
mod depth;
mod errors;
pub(crate) mod functions;
mod place;
pub(crate) mod query;
mod statement;
mod tokens;

use std::sync::Arc;

use ironsage_display::{Front, TableOptions, note, table, text as words};

pub(crate) use self::depth::check_length;
use self::query::{Query, Ready};
use self::statement::Statement;
use crate::complete::Completion;
use crate::error::MagicError;
use crate::guard;
use crate::language::name::Name;
use crate::magic::{Call, Form, Group, Magic, Out, Tail};
use crate::session::{Session, Value};
use crate::text;

/// Query frames by name, in SQL
#[derive(clap::Args)]
pub(crate) struct Sql {
    /// Keep the query itself under this name: a table for later queries, which runs with each of them
    #[arg(long, value_name = "NAME")]
    save: Option<Name>,
    /// Give the first N rows only (what is saved keeps all)
    #[arg(long, value_name = "N")]
    limit: Option<u32>,
    /// Don't show the result; with `--save` and no `-o`, don't run the query either
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
        (
            "%%sql --save adults\nSELECT * FROM abalone WHERE rings >= {{least}}",
            "a saved query: `FROM adults` later runs it with the frames and columns of that moment, and the `{{least}}` of this one",
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
                if self.save.is_some() {
                    return Err(
                        MagicError::usage("CREATE TABLE binds the rows, and `--save` keeps a query")
                            .with_hint("`%%sql --save name` with the SELECT alone"),
                    );
                }
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
                front.display(&note(drop_tables(&names, session)?));
                Ok(())
            }
        }
    }
}

impl Sql {
    fn query(&self, query: &str, out: Option<Name>, session: &Session, front: &dyn Front) -> Result<(), MagicError> {
        if let (Some(save), Some(out)) = (&self.save, &out)
            && save == out
        {
            return Err(MagicError::usage(format!("`{save}` cannot be the query and its rows"))
                .with_hint("give `--save` and `-o` a name each, or take one of them away"));
        }
        let saved = match &self.save {
            Some(name) => Some((name, saved(query, name, session, front)?)),
            None => None,
        };
        if let (Some((name, query)), true, None) = (&saved, self.quiet, &out) {
            session.bind(name.as_str(), Value::Query(Arc::clone(query)));
            front.display(&note(told(name, query)));
            return Ok(());
        }
        let ready = Ready::new(query, None, session)?;
        let (limit, names) = (self.limit, session.clone());
        let frame = guard::on_worker(front, "the query", move || ready.collect(limit, &names))?;
        if !self.quiet {
            front.display(&table(&frame, &TableOptions::default()));
        }
        let label = out.as_ref().map(|name| format!("{name}: ")).unwrap_or_default();
        let limited = match self.limit {
            Some(limit) if frame.height() as u64 == u64::from(limit) => " (limited, there may be more)",
            _ => "",
        };
        front.display(&note(format!("{label}{}{limited}", text::shape(&frame))));
        if let Some((name, query)) = saved {
            front.display(&note(told(name, &query)));
            session.bind(name.as_str(), Value::Query(query));
        }
        session.keep(out.as_ref(), frame);
        Ok(())
    }
}

/// The names that stand where a table stands in a query.
pub(crate) fn tables(query: &str) -> Vec<String> {
    statement::tables(query)
}

/// A query that can be saved under a name: it is understood, and does not read itself.
fn saved(query: &str, name: &Name, session: &Session, front: &dyn Front) -> Result<Arc<Query>, MagicError> {
    let ready = Ready::new(query, Some(name.as_str()), session)?;
    let names = session.clone();
    let schema = guard::on_worker(front, "the query", move || Ok(ready.plan(&names)?.collect_schema()?))?;
    Ok(Arc::new(Query::new(query, schema)))
}

fn told(name: &Name, query: &Query) -> String {
    format!(
        "{name}: a query of {}; runs when it is named",
        words::counted(query.schema().len() as u64, "column")
    )
}

/// Forgets frames, plans and queries; where a name is something else, all stay.
fn drop_tables(names: &[String], session: &Session) -> Result<String, MagicError> {
    for name in names {
        if let Some(other @ (Value::Recipe(_) | Value::Model(_) | Value::Scalar(_))) = session.value(name) {
            return Err(
                MagicError::usage(format!("`{name}` is a {}, not a table", other.kind()))
                    .with_hint(format!("`%rm {name}` forgets it")),
            );
        }
    }
    let dropped = names.iter().map(|name| match session.unbind(name) {
        true => format!("{name} dropped"),
        false => format!("{name} already gone"),
    });
    Ok(dropped.collect::<Vec<_>>().join(" · "))
}
