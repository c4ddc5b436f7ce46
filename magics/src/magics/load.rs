//! `%load`: a file, all files of a prefix, or those of several places as one frame in memory.

use std::time::Instant;

use ironsage_display::{Front, TableOptions, note, table, text as words};
use ironsage_exchange::{Scan as ScannedFiles, partitions};
use polars::prelude::*;

use crate::data::files;
use crate::data::format::Format;
use crate::data::packing::Packing;
use crate::data::read::{self, Content, Options};
use crate::data::records::Sparse;
use crate::data::source::{self, Location, Part, Watch};
use crate::error::MagicError;
use crate::frames;
use crate::guard;
use crate::magic::{Call, Form, Group, Magic, Out};
use crate::plan::Plan;
use crate::session::{Session, Value};
use crate::text;

/// Load files from a store or from this machine into a frame
#[derive(clap::Args)]
pub(crate) struct Load {
    /// s3://bucket/key, local://bucket/key or a path; a prefix or folder loads all its files, and a
    /// pattern all that it matches: data/2024-*.csv. Several make one frame, of their rows under the same columns
    #[arg(value_name = "URI", required = true)]
    from: Vec<String>,
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
        (
            "%load s3://flights/year=*/*.parquet --where \"delay > 60\" --columns carrier,delay,year -o late",
            "what is wanted of many Parquet files; folders called name=value are columns",
        ),
        (
            "%load s3://shells/2023/ shells-2024.csv -o shells",
            "the rows of two places as one frame; columns are brought together by their names",
        ),
        (
            "%load export.csv --encoding windows-1252 --dtypes zip=str --skip-bad -o export",
            "a file with old characters, a column that only looks like a number, and lines to leave out",
        ),
    ];

    fn run(self, _call: &Call, session: &Session, front: &dyn Front) -> Result<(), MagicError> {
        let name = self.out.one()?.cloned();
        let started = Instant::now();
        let (mut places, mut parts) = (Vec::new(), Vec::new());
        for typed in &self.from {
            let place = Location::parse(typed, session)?;
            parts.extend(source::parts(&place, &self.options.reader, session, front)?);
            places.push(place);
        }
        let files = Files {
            load: &self,
            places: &places,
            parts: &parts,
            session,
            front,
        };
        let (mut frame, width, mut notes) = match files.columnar() {
            Some(format) => (files.collect(format)?, None, Vec::new()),
            None => files.read_all()?,
        };
        notes.extend(width.map(|width| format!("sparse, {} wide", words::counted(width, "feature"))));
        join_small_chunks(&mut frame);
        let elapsed = started.elapsed();
        if !self.quiet {
            front.display(&table(&frame, &TableOptions::default()));
        }
        let label = name.as_ref().map_or_else(|| files.shown(), ToString::to_string);
        let from = if parts.len() > 1 {
            format!(" from {} files", parts.len())
        } else {
            String::new()
        };
        let mut told = vec![format!(
            "{label}: {}{from}, {}",
            text::shape(&frame),
            words::duration(elapsed)
        )];
        told.extend(notes);
        front.display(&note(told.join(" · ")));
        match name {
            Some(name) => {
                session.bind_frame(name.as_str(), frame);
                session.set_width(name.as_str(), width);
            }
            None => session.set_last(Value::Frame(frame)),
        }
        Ok(())
    }
}

/// What a load works on.
struct Files<'a> {
    load: &'a Load,
    places: &'a [Location],
    parts: &'a [Part],
    session: &'a Session,
    front: &'a dyn Front,
}

impl Files<'_> {
    fn options(&self) -> &Options {
        &self.load.options
    }

    /// As they are called in results.
    fn shown(&self) -> String {
        let first = self.places[0].shown();
        match self.places.len() - 1 {
            0 => first,
            more => format!("{first} and {more} more"),
        }
    }

    /// The format, if only what is wanted of the files need be read: on this machine always, in a store where that is
    /// less than all. A plan reads one store or this machine.
    fn columnar(&self) -> Option<Format> {
        let options = self.options();
        let part_of_it = !options.columns.is_empty() || options.condition.is_some();
        let of_part = |part: &Part| match &part.location {
            Location::File { path, .. } => Format::of_head(path),
            Location::Store(_) if part_of_it && Packing::of_name(&part.name()).is_none() => {
                options.format.or_else(|| Format::of_name(&part.name()))
            }
            Location::Store(_) => None,
        };
        let format = of_part(self.parts.first()?).filter(|format| format.is_columnar())?;
        let said = options.format.is_none_or(|said| said == format);
        let together = self.places.iter().all(|place| match (place, &self.places[0]) {
            (Location::Store(one), Location::Store(other)) => self.session.places().same_store(one, other),
            (Location::File { .. }, Location::File { .. }) => true,
            _ => false,
        });
        let all = self.parts.iter().all(|part| of_part(part) == Some(format));
        (said && together && all).then_some(format)
    }

    /// Reads what is wanted, by a plan.
    fn collect(&self, format: Format) -> Result<DataFrame, MagicError> {
        // How many rows a condition leaves is not known before.
        if self.options().condition.is_none() {
            self.check_memory()?;
        }
        let (shown, first) = (self.shown(), self.places[0].shown());
        let scan = files::scan(&self.places[0], self.parts, format, self.options(), self.session)?;
        let names: Vec<String> = self.parts.iter().map(|part| part.location.shown()).collect();
        guard::on_worker(self.front, &format!("reading {shown}"), move || {
            let unreadable = |error| files::unreadable(&first, format, &error);
            let mut plan = scan.plan().map_err(unreadable)?;
            plan.collect_schema().map_err(unreadable)?;
            // What fails from here on is a file.
            frames::run(plan).map_err(|error| odd_one_out(&scan, &names, format).unwrap_or_else(|| unreadable(error)))
        })
    }

    /// Reads all bytes of all files; gives how many features sparse rows have, and what there is to say, too.
    fn read_all(&self) -> Result<(DataFrame, Option<u64>, Vec<String>), MagicError> {
        self.check_memory()?;
        let total: u64 = self.parts.iter().map(|part| part.size).sum();
        let watch = Watch::new(self.front, &self.shown(), total);
        let addresses: Vec<String> = self.parts.iter().map(Part::address).collect();
        let folders = partitions(&addresses)?;
        let mut whole: Option<DataFrame> = None;
        let mut sparse: Option<Sparse> = None;
        let mut notes = Vec::new();
        for (row, part) in self.parts.iter().enumerate() {
            let folders = folders.as_ref().map(|folders| folders.slice(row as i64, 1));
            let content = self.read(part, folders.unwrap_or_default(), &watch)?;
            notes.extend(content.left_out.told(&part.name()));
            sparse = match (sparse, content.sparse) {
                (Some(one), Some(other)) => Some(one.and(other)),
                (one, other) => one.or(other),
            };
            whole = Some(match whole {
                None => content.frame,
                Some(whole) => {
                    let names = [&self.parts[0], part].map(|part| part.location.shown());
                    stacked(whole, &content.frame, names.each_ref().map(String::as_str))?
                }
            });
        }
        watch.finish(&format!("{} read", words::bytes(total)));
        let mut frame = whole.unwrap_or_default();
        let mut width = None;
        if let Some(sparse) = sparse {
            let (zero_based, features) = sparse.zero_based(frame)?;
            (frame, width) = (zero_based, Some(features));
        }
        Ok((frame, width, notes))
    }

    fn read(&self, part: &Part, folders: DataFrame, watch: &Watch<'_>) -> Result<Content, MagicError> {
        let bytes = source::bytes(part, &self.options().reader, self.session, watch)?;
        let name = part.location.shown();
        let (options, force) = (self.options().clone(), self.load.force);
        guard::on_worker(self.front, &format!("reading {name}"), move || {
            read::content(&bytes, &name, folders.columns(), &options, force)
        })
    }

    /// An error if the files would not fit into memory. What is in them is shown then, where a look tells it.
    fn check_memory(&self) -> Result<(), MagicError> {
        let needed: u64 = self
            .parts
            .iter()
            .map(|part| part.size.saturating_mul(self.growth(part)))
            .sum();
        let shown = self.shown();
        let Err(error) = guard::check_memory(needed, &shown, self.load.force) else {
            return Ok(());
        };
        let Ok(schema) = self.schema() else {
            return Err(error);
        };
        let wanted = self.options().columns.len();
        if (1..schema.len()).contains(&wanted)
            && let share = needed / schema.len() as u64 * wanted as u64
            && guard::check_memory(share, &shown, false).is_ok()
        {
            return Ok(());
        }
        self.front.display(&super::scan::columns(&schema)?);
        let scan = match self.places {
            [place] => format!("`%scan {} -o name` reads what a query needs; or ", place.shown()),
            _ => String::new(),
        };
        Err(error.with_hint(format!(
            "{scan}name the columns you need (`--columns a,b`), free frames with `%rm name`, or say `--force`"
        )))
    }

    /// The columns, where a look at the first file tells them: of text on this machine, at its first lines alone, since
    /// a line may have no end.
    fn schema(&self) -> Result<SchemaRef, MagicError> {
        let options = Options {
            columns: Vec::new(),
            condition: None,
            ..self.options().clone()
        };
        let first = &self.parts[..1];
        let what = format!("looking at {}", first[0].location.shown());
        if let (Location::File { path, .. }, None) = (&first[0].location, self.columnar()) {
            let (lines, name) = (source::first_lines(path)?, first[0].name());
            return guard::on_worker(self.front, &what, move || {
                let content = read::content(&lines, &name, &[], &options, false)?;
                Ok(content.frame.schema().clone())
            });
        }
        let format = files::format(first, &options)?;
        let scan = files::scan(&first[0].location, first, format, &options, self.session)?;
        guard::on_worker(self.front, &what, move || Ok(Plan::over(scan)?.schema()))
    }

    fn growth(&self, part: &Part) -> u64 {
        let name = part.name();
        let packed = if Packing::of_name(&name).is_some() { 4 } else { 1 };
        packed
            * self
                .options()
                .format
                .or_else(|| Format::of_name(&name))
                .unwrap_or(Format::Csv)
                .growth()
    }
}

/// Chunks of few rows cost at every later step; large ones stay as they were read, since to copy them all would take longer
/// than reading them.
fn join_small_chunks(frame: &mut DataFrame) {
    const FEW: usize = 10_000;
    if frame.height() < FEW * frame.first_col_n_chunks() {
        frame.rechunk_mut();
    }
}

/// The rows of two files under each other, by the names of their columns, which must be the same.
fn stacked(mut whole: DataFrame, next: &DataFrame, names: [&str; 2]) -> Result<DataFrame, MagicError> {
    if let Some(error) = unlike([whole.schema(), next.schema()], names) {
        return Err(error);
    }
    whole.vstack_mut(&next.select(whole.get_column_names_owned())?)?;
    Ok(whole)
}

/// The first of a plan's files that cannot be read, or not together with the first.
fn odd_one_out(scan: &ScannedFiles, names: &[String], format: Format) -> Option<MagicError> {
    let schema = |file: &String| -> PolarsResult<Schema> {
        let alone = ScannedFiles {
            files: vec![file.clone()],
            columns: Vec::new(),
            condition: None,
            ..scan.clone()
        };
        let mut schema = Schema::clone(&*alone.plan()?.collect_schema()?);
        // All files together say of which types these are.
        for folder in partitions(&alone.files)?.iter().flat_map(DataFrame::columns) {
            schema.shift_remove(folder.name());
        }
        Ok(schema)
    };
    let first = schema(&scan.files[0]);
    let mut files = scan.files.iter().zip(names);
    files.find_map(|(file, name)| match (&first, &schema(file)) {
        (Ok(first), Ok(schema)) => unlike([first, schema], [&names[0], name]),
        (Err(error), _) | (_, Err(error)) => Some(files::unreadable(name, format, error)),
    })
}

/// An error if two files don't have the same columns of the same types, in whichever order.
fn unlike([one, other]: [&Schema; 2], [name, other_name]: [&str; 2]) -> Option<MagicError> {
    let own = |schema: &Schema, than: &Schema| {
        let fields = schema.iter().filter(|(name, dtype)| than.get(name) != Some(*dtype));
        let fields: Vec<String> = fields.map(|(name, dtype)| format!("{name}: {dtype}")).collect();
        fields.join(", ")
    };
    let told = [own(one, other), own(other, one)];
    if told.iter().all(String::is_empty) {
        return None;
    }
    let [told, other_told] = told.map(|told| if told.is_empty() { "nothing".to_owned() } else { told });
    Some(
        MagicError::data(format!(
            "{name} and {other_name} don't have the same columns and types ({told} | {other_told})"
        ))
        .with_hint("load them one by one, and bring them together with %%sql"),
    )
}
