//! `%save`: a frame as a file, in a store or on this machine; each file appears whole or not at all.
//!
//! Of `--partition-by`'s folders, those on this machine are all written before the first is seen; those in a store appear
//! one after the other, and where one fails, the error says which are there.

use std::time::Instant;

use ironsage_client::Bytes;
use ironsage_contract::uri::S3Uri;
use ironsage_display::{Front, note, text as words};
use polars::prelude::DataFrame;

use crate::data::format::{Format, Separator};
use crate::data::packing::Packing;
use crate::data::partitioned::{self, Staged};
use crate::data::source::{self, Location, Part, Reader, Watch};
use crate::data::write;
use crate::error::{ErrorKind, MagicError};
use crate::guard;
use crate::magic::{Call, Form, Group, Magic};
use crate::session::Session;
use crate::text;

/// The most folders that an error names.
const NAMED_FOLDERS: usize = 10;

/// Save a frame as a file, in a store or on this machine
#[derive(clap::Args)]
pub(crate) struct Save {
    /// The frame
    #[arg(value_name = "FRAME")]
    frame: String,
    /// s3://bucket/key, local://bucket/key or a path; its ending says the format, and .gz or .zst behind it packs
    /// it
    #[arg(value_name = "URI")]
    to: String,
    /// The format, where the name doesn't say
    #[arg(long, value_name = "FORMAT")]
    format: Option<Format>,
    /// What separates the fields of a CSV file
    #[arg(long, value_name = "CHARACTER", allow_hyphen_values = true)]
    separator: Option<Separator>,
    /// Save these columns only, in this order
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',')]
    columns: Vec<String>,
    /// Write no first line of names
    #[arg(long)]
    no_header: bool,
    /// The column of labels, for RecordIO and libsvm; `label` unless said
    #[arg(long, value_name = "COLUMN")]
    label: Option<String>,
    /// How many features sparse rows have, for RecordIO; as in the file that they were loaded from unless said
    #[arg(long, value_name = "COUNT")]
    width: Option<u64>,
    /// Save a file for each value of these columns, in folders called column=value
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',')]
    partition_by: Vec<String>,
}

impl Magic for Save {
    const NAME: &'static str = "save";
    const FORM: Form = Form::Line;
    const GROUP: Group = Group::Data;
    const EXAMPLES: &'static [(&'static str, &'static str)] = &[
        ("%save clean s3://shells/clean.parquet", "a frame as a Parquet object"),
        (
            "%save train s3://shells/train/train.csv --columns rings,length,height --no-header",
            "a CSV file as SageMaker's algorithms want it: the label first, no header",
        ),
        (
            "%save train s3://shells/train/train.recordio --label rings",
            "the same rows as RecordIO-protobuf",
        ),
        (
            "%save flights s3://flights/parquet/ --partition-by year,month",
            "Parquet files in folders called year=2024/month=1, which `%load` and `%scan` read as columns",
        ),
    ];

    fn run(self, _call: &Call, session: &Session, front: &dyn Front) -> Result<(), MagicError> {
        let started = Instant::now();
        let location = Location::parse(&self.to, session)?;
        let named = self.format.or_else(|| Format::of_name(&self.to));
        let partitioned = !self.partition_by.is_empty();
        let format = named.or(partitioned.then_some(Format::Parquet)).ok_or_else(|| {
            MagicError::usage(format!("the name {} doesn't say in which format to save", self.to)).with_hint(
                "end it with .csv, .tsv, .parquet, .ndjson, .json, .arrow, .recordio or .libsvm, or say `--format csv`",
            )
        })?;
        let mut frame = crate::frames::collect(&self.frame, session, front)?;
        if !self.columns.is_empty() {
            frame = text::select(&frame, &self.frame, &self.columns)?;
        }
        if let Some(label) = &self.label {
            text::column(&frame, &self.frame, label)?;
        }
        let work = Work {
            save: &self,
            location: &location,
            format,
            session,
            front,
        };
        let shape = text::shape(&frame);
        let (size, folders) = match partitioned {
            true => work.parts(frame)?,
            false => (work.whole(frame)?, String::new()),
        };
        front.display(&note(format!(
            "{}: {shape} as {format}{folders}, {}, {}",
            location.shown(),
            words::bytes(size),
            words::duration(started.elapsed())
        )));
        Ok(())
    }
}

/// What a save works on.
struct Work<'a> {
    save: &'a Save,
    location: &'a Location,
    format: Format,
    session: &'a Session,
    front: &'a dyn Front,
}

impl Work<'_> {
    /// Writes one file; gives its size.
    fn whole(&self, frame: DataFrame) -> Result<u64, MagicError> {
        let content = self.encoded(frame)?;
        let size = content.len() as u64;
        match self.location {
            Location::Store(uri) => self.put(uri, content),
            Location::File { path, typed } => {
                let watch = Watch::new(self.front, typed, size);
                write::file(path, &content, &watch)?;
                watch.finish(&format!("{} written", words::bytes(size)));
                Ok(size)
            }
        }
    }

    /// Writes a file for each folder; gives their size together, and how many there are.
    fn parts(&self, frame: DataFrame) -> Result<(u64, String), MagicError> {
        let (name, columns) = (self.save.frame.clone(), self.save.partition_by.clone());
        let what = format!("dividing {name}");
        let parts = guard::on_worker(self.front, &what, move || partitioned::parts(&frame, &name, &columns))?;
        let packed = self.packing().map_or("", Packing::ending);
        let file = format!("part-0.{}{packed}", self.format.ending());
        let names: Vec<String> = parts.iter().map(|(folder, _)| format!("{folder}/{file}")).collect();
        self.check_others(&names)?;
        let count = words::counted(parts.len() as u64, "folder");
        let mut size = 0;
        match self.location {
            Location::Store(uri) => {
                let above = uri.key().trim_end_matches('/');
                for (at, (name, (_, rows))) in names.iter().zip(parts).enumerate() {
                    let uri = uri.with_key(format!("{above}/{name}").trim_start_matches('/'));
                    let sent = self.encoded(rows).and_then(|content| self.put(&uri, content));
                    size += sent.map_err(|error| half_way(error, &names, at))?;
                }
            }
            Location::File { path, .. } => {
                let mut staged = Staged::new(path)?;
                for (name, (_, rows)) in names.iter().zip(parts) {
                    let content = self.encoded(rows)?;
                    size += content.len() as u64;
                    staged.write(name, &content, &Watch::new(self.front, name, 0))?;
                }
                staged.finish()?;
            }
        }
        Ok((size, format!(" in {count}")))
    }

    /// Who reads the folder later would get the rows of other files, too.
    fn check_others(&self, names: &[String]) -> Result<(), MagicError> {
        let there = match source::parts(self.location, &Reader::default(), self.session, self.front) {
            Ok(there) => there,
            Err(error) if error.kind == ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        let ours = |part: &Part| names.iter().any(|name| part.address().ends_with(&format!("/{name}")));
        let Some(other) = there.iter().find(|part| !ours(part)) else {
            return Ok(());
        };
        let shown = self.location.shown();
        let remove = match self.location {
            Location::Store(_) => format!("`%s3 rm -f {shown}`"),
            Location::File { .. } => format!("`!rm -r {shown}`"),
        };
        Err(MagicError::usage(format!(
            "{shown} holds other files ({}), whose rows would be read with these",
            other.location.shown()
        ))
        .with_hint(format!("save to another place, or remove what is there: {remove}")))
    }

    fn packing(&self) -> Option<Packing> {
        Packing::of_name(&self.save.to)
    }

    fn encoded(&self, frame: DataFrame) -> Result<Vec<u8>, MagicError> {
        let options = write::Options {
            separator: self.save.separator.map(|separator| separator.0),
            no_header: self.save.no_header,
            label: self.save.label.clone(),
            width: self.save.width.or_else(|| self.session.width(&self.save.frame)),
            packing: self.packing(),
        };
        let format = self.format;
        let what = format!("writing {}", self.save.frame);
        guard::on_worker(self.front, &what, move || write::bytes(&frame, format, &options))
    }

    /// Sends one object; gives its size.
    fn put(&self, uri: &S3Uri, content: Vec<u8>) -> Result<u64, MagicError> {
        let size = content.len() as u64;
        let watch = Watch::new(self.front, &uri.to_string(), size);
        let client = self.session.places().store(uri)?;
        client.put(uri, Bytes::from(content), self.format.content_type(), &watch)?;
        watch.finish(&format!("{} sent", words::bytes(size)));
        Ok(size)
    }
}

/// The same error, with what is in the store after it: of `files` in their folders, the first `written`.
fn half_way(error: MagicError, files: &[String], written: usize) -> MagicError {
    let named = files[..written].iter().take(NAMED_FOLDERS);
    let named: Vec<&str> = named.filter_map(|file| Some(file.rsplit_once('/')?.0)).collect();
    let more = match written - named.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let folders = words::counted(files.len() as u64, "folder");
    MagicError {
        message: match named.is_empty() {
            true => format!("{}; none of {folders} was written", error.message),
            false => format!(
                "{}; {written} of {folders} written: {}{more}",
                error.message,
                named.join(", ")
            ),
        },
        ..error
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_before_an_error_is_named() {
        let files: Vec<String> = (0..20).map(|day| format!("day={day}/part-0.csv")).collect();
        let told = |written| half_way(MagicError::data("no"), &files, written).message;
        assert_eq!(told(0), "no; none of 20 folders was written");
        assert_eq!(told(2), "no; 2 of 20 folders written: day=0, day=1");
        assert!(told(12).ends_with("day=8, day=9 and 2 more"), "{}", told(12));
    }
}
