//! `%scan`: files as a plan, which reads what a query needs when it needs it.

use std::time::Instant;

use ironsage_display::{Front, TableOptions, note, table, text as words};
use ironsage_exchange::{CsvScan, Scan as Files, ScanFormat};
use polars::prelude::*;

use crate::data::format::Format;
use crate::data::read::Options;
use crate::data::source::{self, Location, Part};
use crate::error::MagicError;
use crate::guard;
use crate::magic::{Call, Form, Group, Magic, Out};
use crate::plan::Plan;
use crate::session::{Session, Value};

/// Name files without reading them: a plan, of which a query reads what it needs
#[derive(clap::Args)]
pub(crate) struct Scan {
    /// s3://bucket/key, local://bucket/key or a path; a prefix or folder stands for all its files
    #[arg(value_name = "URI")]
    from: String,
    #[command(flatten)]
    options: Options,
    /// The rows wanted, as a condition in SQL
    #[arg(long = "where", value_name = "CONDITION")]
    condition: Option<String>,
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
        let parts = source::parts(&location, session)?;
        let files = self.files(&location, &parts, session)?;
        let shown = location.shown();
        let (format, title) = (self.format(&parts)?, shown.clone());
        let plan = guard::on_worker(front, &format!("looking at {shown}"), move || {
            Plan::over(files).map_err(|error| unreadable(&title, format, &error))
        })?;
        if !self.quiet {
            front.display(&columns(&plan)?);
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

impl Scan {
    fn format(&self, parts: &[Part]) -> Result<Format, MagicError> {
        let first = parts.first().map(Part::name).unwrap_or_default();
        let separated = self.options.separator.map(|_| Format::Csv);
        let format = self.options.format.or(separated).or_else(|| Format::of_name(&first));
        format.ok_or_else(|| {
            MagicError::data(format!("the name {first} does not say what the file holds"))
                .with_hint("say it with `--format parquet` (csv, tsv, ndjson, ipc)")
        })
    }

    fn files(&self, location: &Location, parts: &[Part], session: &Session) -> Result<Files, MagicError> {
        let csv = |separator| {
            ScanFormat::Csv(CsvScan {
                separator: self.options.separated_by(separator),
                header: !self.options.no_header,
                null_values: self.options.null_values.clone(),
                dates: self.options.dates,
            })
        };
        let format = match self.format(parts)? {
            Format::Csv => csv(b','),
            Format::Tsv => csv(b'\t'),
            Format::Parquet => ScanFormat::Parquet,
            Format::Ndjson => ScanFormat::Ndjson,
            Format::Ipc => ScanFormat::Ipc,
            Format::Json => {
                return Err(MagicError::usage(
                    "a JSON array is read as a whole or not at all, so it cannot be scanned",
                )
                .with_hint(format!("`%load {}`", self.from)));
            }
        };
        let store = match location {
            Location::Store(uri) => session.places().store(uri)?.place().object_store()?,
            Location::File { .. } => Vec::new(),
        };
        let file = |part: &Part| match &part.location {
            Location::Store(uri) => format!("s3://{}/{}", uri.bucket(), uri.key()),
            Location::File { path, .. } => path.to_string_lossy().into_owned(),
        };
        Ok(Files {
            format,
            files: parts.iter().map(file).collect(),
            store,
            columns: self.options.columns.clone(),
            condition: self.condition.clone(),
        })
    }
}

/// A table of a plan's columns.
fn columns(plan: &Plan) -> Result<ironsage_display::Bundle, MagicError> {
    let schema = plan.schema();
    let names: Vec<&str> = schema.iter_names().map(|name| name.as_str()).collect();
    let types: Vec<String> = schema.iter_values().map(ToString::to_string).collect();
    let facts = df!("column" => names, "type" => types)?;
    let options = TableOptions {
        rows: facts.height().max(1),
        ..TableOptions::default()
    };
    Ok(table(&facts, &options))
}

fn unreadable(shown: &str, format: Format, error: &PolarsError) -> MagicError {
    let mut cause = error;
    while let PolarsError::Context { error, .. } = cause {
        cause = error;
    }
    let said = cause.to_string();
    let reason = said.lines().next().unwrap_or_default();
    let quoted = || reason.split_once('"')?.1.split_once('"').map(|(column, _)| column);
    match cause {
        PolarsError::ColumnNotFound(_) => {
            let column = quoted().unwrap_or(reason);
            MagicError::not_found(format!("{shown} has no column `{column}`"))
                .with_hint(format!("`%scan {shown}` shows its columns"))
        }
        PolarsError::SQLInterface(_) | PolarsError::SQLSyntax(_) => {
            MagicError::usage(format!("--where cannot be read: {reason}"))
                .with_hint("a condition as it stands behind WHERE in SQL: `--where \"fare > 100 AND kind = 'night'\"`")
        }
        _ => MagicError::data(format!("{shown} cannot be read as {format}: {reason}"))
            .with_hint("`--format` says what it is, if it is something else"),
    }
}
