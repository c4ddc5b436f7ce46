//! `%scan`: files as a plan, which reads what a query needs when it needs it.

use std::time::Instant;

use ironsage_display::{Front, TableOptions, note, table, text as words};
use polars::prelude::*;

use crate::data::files;
use crate::data::read::Options;
use crate::data::source::{self, Location};
use crate::error::MagicError;
use crate::guard;
use crate::magic::{Call, Form, Group, Magic, Out};
use crate::plan::Plan;
use crate::session::{Session, Value};

/// Name files without reading them: a plan, of which a query reads what it needs
#[derive(clap::Args)]
pub(crate) struct Scan {
    /// s3://bucket/key, local://bucket/key or a path; a prefix or folder stands for all its files, and so does a
    /// pattern for what it matches: data/2024-*.csv
    #[arg(value_name = "URI")]
    from: String,
    #[command(flatten)]
    options: Options,
    /// Don't show the columns
    #[arg(short = 'q', long)]
    quiet: bool,
    #[command(flatten)]
    out: Out,
}

impl Magic for Scan {
    const NAME: &'static str = "scan";
    const FORM: Form = Form::Line;
    const GROUP: Group = Group::Data;
    const EXAMPLES: &'static [(&'static str, &'static str)] = &[
        (
            "%scan s3://flights/parquet/ -o flights",
            "all files below as the plan `flights`: `%%sql` reads the columns and row groups that it needs",
        ),
        (
            "%scan trips.parquet --where \"fare > 100\" --columns fare,tip -o large",
            "a part of a file of this machine",
        ),
    ];

    fn run(self, _call: &Call, session: &Session, front: &dyn Front) -> Result<(), MagicError> {
        let name = self.out.one()?.cloned();
        let started = Instant::now();
        let location = Location::parse(&self.from, session)?;
        let parts = source::parts(&location, &self.options.reader, session, front)?;
        let format = files::format(&parts, &self.options)?;
        let files = files::scan(&location, &parts, format, &self.options, session)?;
        let shown = location.shown();
        let title = shown.clone();
        let plan = guard::on_worker(front, &format!("looking at {shown}"), move || {
            Plan::over(files).map_err(|error| files::unreadable(&title, format, &error))
        })?;
        if !self.quiet {
            front.display(&columns(&plan.schema())?);
        }
        let size: u64 = parts.iter().map(|part| part.size).sum();
        front.display(&note(format!(
            "{}: a plan of {} over {}, {}; read when asked for · {}",
            name.as_ref().map_or(shown, ToString::to_string),
            words::counted(plan.schema().len() as u64, "column"),
            words::counted(parts.len() as u64, "file"),
            words::bytes(size),
            words::duration(started.elapsed())
        )));
        let plan = Value::Plan(Box::new(plan));
        match name {
            Some(name) => session.bind(name.as_str(), plan),
            None => session.set_last(plan),
        }
        Ok(())
    }
}

/// A table of columns and their types.
pub(super) fn columns(schema: &Schema) -> Result<ironsage_display::Bundle, MagicError> {
    let names: Vec<&str> = schema.iter_names().map(|name| name.as_str()).collect();
    let types: Vec<String> = schema.iter_values().map(ToString::to_string).collect();
    let facts = df!("column" => names, "type" => types)?;
    let options = TableOptions {
        rows: facts.height().max(1),
        ..TableOptions::default()
    };
    Ok(table(&facts, &options))
}
