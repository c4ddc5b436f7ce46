//! `%load`: a file, or all files of a prefix, as a frame in memory.

use std::time::Instant;

use ironsage_display::{Front, TableOptions, note, table, text as words};
use polars::prelude::*;

use crate::data::format::Format;
use crate::data::read::{self, Options};
use crate::data::source::{self, Location, Part, Watch};
use crate::error::MagicError;
use crate::guard;
use crate::magic::{Call, Form, Group, Magic, Out};
use crate::session::{Session, Value};
use crate::text;

/// Load a file from a store or from this machine into a frame
#[derive(clap::Args)]
pub(crate) struct Load {
    /// s3://bucket/key, local://bucket/key or a path; a prefix or folder loads all its files
    #[arg(value_name = "URI")]
    from: String,
    #[command(flatten)]
    options: Options,
    /// Load it even if it seems too large for memory
    #[arg(long)]
    force: bool,
    /// Don't show the table
    #[arg(short = 'q', long)]
    quiet: bool,
    #[command(flatten)]
    out: Out,
}

impl Magic for Load {
    const NAME: &'static str = "load";
    const FORM: Form = Form::Line;
    const GROUP: Group = Group::Data;
    const EXAMPLES: &'static [(&'static str, &'static str)] = &[
        (
            "%load s3://shells/raw/abalone.csv -o abalone",
            "a CSV file of a bucket as the frame `abalone`",
        ),
        (
            "%load data/old.txt --separator ';' --null-values NA,? -o old",
            "a file of this machine, with semicolons and two ways to say \"no value\"",
        ),
    ];

    fn run(self, _call: &Call, session: &Session, front: &dyn Front) -> Result<(), MagicError> {
        let name = self.out.one()?.cloned();
        let started = Instant::now();
        let location = Location::parse(&self.from, session)?;
        let parts = source::parts(&location, session)?;
        let frame = self.read_all(&location, &parts, session, front)?;
        let elapsed = started.elapsed();
        if !self.quiet {
            front.display(&table(&frame, &TableOptions::default()));
        }
        let label = name.as_ref().map_or_else(|| location.shown(), ToString::to_string);
        let files = if parts.len() > 1 {
            format!(" from {} files", parts.len())
        } else {
            String::new()
        };
        front.display(&note(format!(
            "{label}: {}{files}, {}",
            text::shape(&frame),
            words::duration(elapsed)
        )));
        match name {
            Some(name) => session.bind_frame(name.as_str(), frame),
            None => session.set_last(Value::Frame(frame)),
        }
        Ok(())
    }
}

impl Load {
    fn read_all(
        &self,
        location: &Location,
        parts: &[Part],
        session: &Session,
        front: &dyn Front,
    ) -> Result<DataFrame, MagicError> {
        let total: u64 = parts.iter().map(|part| part.size).sum();
        let needed = parts.iter().map(|part| part.size * self.growth(part)).sum();
        guard::check_memory(needed, &location.shown(), self.force)?;
        let watch = Watch::new(front, &location.shown(), total);
        let mut whole: Option<DataFrame> = None;
        for part in parts {
            let frame = self.read(part, session, front, &watch)?;
            whole = Some(match whole {
                None => frame,
                Some(whole) => stacked(whole, &frame, &parts[0], part)?,
            });
        }
        watch.finish(&format!("{} read", words::bytes(total)));
        let mut frame = whole.unwrap_or_default();
        frame.rechunk_mut();
        Ok(frame)
    }

    fn read(
        &self,
        part: &Part,
        session: &Session,
        front: &dyn Front,
        watch: &Watch<'_>,
    ) -> Result<DataFrame, MagicError> {
        let content = source::bytes(part, session, watch)?;
        let name = part.location.shown();
        let (options, force) = (self.options.clone(), self.force);
        guard::on_worker(front, &format!("reading {name}"), move || {
            read::frame(content, &name, &options, force)
        })
    }

    fn growth(&self, part: &Part) -> u64 {
        let name = part.name();
        let zipped = if name.ends_with(".gz") { 4 } else { 1 };
        zipped
            * self
                .options
                .format
                .or_else(|| Format::of_name(&name))
                .unwrap_or(Format::Csv)
                .growth()
    }
}

/// The rows of two files under each other; they must have the same columns.
fn stacked(mut whole: DataFrame, next: &DataFrame, first: &Part, part: &Part) -> Result<DataFrame, MagicError> {
    if whole.schema() != next.schema() {
        let describe = |frame: &DataFrame| {
            let fields = frame
                .columns()
                .iter()
                .map(|column| format!("{}: {}", column.name(), column.dtype()));
            fields.collect::<Vec<_>>().join(", ")
        };
        return Err(MagicError::data(format!(
            "{} and {} don't have the same columns and types ({} | {})",
            first.name(),
            part.name(),
            describe(&whole),
            describe(next)
        ))
        .with_hint("load them one by one, and bring them together with %%sql"));
    }
    whole.vstack_mut(next)?;
    Ok(whole)
}
