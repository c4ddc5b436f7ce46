//! `%save`: a frame as a file, in a store or on this machine; it appears whole or not at all.

use std::time::Instant;

use ironsage_client::Bytes;
use ironsage_display::{Front, note, text as words};

use crate::data::format::{Format, Separator};
use crate::data::source::{Location, Watch};
use crate::data::write;
use crate::error::MagicError;
use crate::guard;
use crate::magic::{Call, Form, Group, Magic};
use crate::session::Session;
use crate::text;

/// Save a frame as a file, in a store or on this machine
#[derive(clap::Args)]
pub(crate) struct Save {
    /// The frame
    #[arg(value_name = "FRAME")]
    frame: String,
    /// s3://bucket/key, local://bucket/key or a path; its ending says the format
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
    ];

    fn run(self, _call: &Call, session: &Session, front: &dyn Front) -> Result<(), MagicError> {
        let started = Instant::now();
        let location = Location::parse(&self.to, session)?;
        let format = self.format.or_else(|| Format::of_name(&self.to)).ok_or_else(|| {
            MagicError::usage(format!("the name {} doesn't say in which format to save", self.to))
                .with_hint("end it with .csv, .tsv, .parquet, .ndjson, .json or .arrow, or say `--format csv`")
        })?;
        let mut frame = crate::frames::collect(&self.frame, session, front)?;
        if !self.columns.is_empty() {
            frame = text::select(&frame, &self.frame, &self.columns)?;
        }
        let options = write::Options {
            separator: self.separator.map(|separator| separator.0),
            no_header: self.no_header,
        };
        let shape = text::shape(&frame);
        let what = format!("writing {}", self.frame);
        let mut content = guard::on_worker(front, &what, move || write::bytes(&frame, format, options))?;
        if self.to.ends_with(".gz") {
            content = zipped(&content)?;
        }
        let size = content.len() as u64;
        match &location {
            Location::Store(uri) => {
                let watch = Watch::new(front, &location.shown(), size);
                session
                    .places()
                    .store(uri)?
                    .put(uri, Bytes::from(content), format.content_type(), &watch)?;
                watch.finish(&format!("{} sent", words::bytes(size)));
            }
            Location::File { path, .. } => write::file(path, &content)?,
        }
        front.display(&note(format!(
            "{}: {shape} as {format}, {}, {}",
            location.shown(),
            words::bytes(size),
            words::duration(started.elapsed())
        )));
        Ok(())
    }
}

fn zipped(content: &[u8]) -> Result<Vec<u8>, MagicError> {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    let done = encoder.write_all(content).and_then(|()| encoder.finish());
    done.map_err(|error| MagicError::internal(format!("compressing failed: {error}")))
}
