//! `%s3 ls` and `%s3 head`: what is there, and how it begins.

use std::time::SystemTime;

use ironsage_client::Object;
use ironsage_contract::{S3Uri, Scheme};
use ironsage_display::{Bundle, Front, TableOptions, note, table, text as words};
use polars::prelude::*;

use super::address;
use crate::data::source::Watch;
use crate::error::MagicError;
use crate::language::name::Name;
use crate::magic::Out;
use crate::session::{Session, Value};

#[derive(clap::Args)]
pub(super) struct Ls {
    /// s3://bucket or s3://bucket/prefix; without one, the buckets
    #[arg(value_name = "S3URI")]
    uri: Option<String>,
    /// All objects below, not only this folder's
    #[arg(short = 'r', long)]
    recursive: bool,
    #[command(flatten)]
    out: Out,
}

impl Ls {
    pub(super) fn run(self, session: &Session, front: &dyn Front) -> Result<(), MagicError> {
        let name = self.out.one()?.cloned();
        match &self.uri {
            None => buckets(name.as_ref(), session, front),
            Some(typed) => self.objects(&address(typed)?, name.as_ref(), session, front),
        }
    }

    fn objects(
        &self,
        uri: &S3Uri,
        name: Option<&Name>,
        session: &Session,
        front: &dyn Front,
    ) -> Result<(), MagicError> {
        let client = session.places().store(uri)?;
        let watch = Watch::new(front, &format!("listing {uri}"), 0);
        let (folders, objects) = match self.recursive {
            true => (Vec::new(), client.list_watched(uri, &watch)?),
            false => {
                let listing = client.list_folder(uri, &watch)?;
                // `raw` is meant to be the folder `raw/`, where there is nothing else it could be.
                let only = [format!("{}/", uri.key())];
                if listing.objects.is_empty() && listing.folders == only && !uri.key().is_empty() {
                    return self.objects(&uri.with_key(&only[0]), name, session, front);
                }
                (listing.folders, listing.objects)
            }
        };
        let total: u64 = objects.iter().map(|object| object.size).sum();
        if !folders.is_empty() || !objects.is_empty() {
            front.display(&table(&shown(&folders, &objects)?, &TableOptions::default()));
        }
        let mut told = vec![words::counted(objects.len() as u64, "object")];
        if !folders.is_empty() {
            told.push(words::counted(folders.len() as u64, "folder"));
        }
        if !objects.is_empty() {
            told.push(words::bytes(total));
        }
        let place = session.places().store_name(uri.scheme());
        front.display(&note(format!("{uri}: {} ({place})", told.join(", "))));
        match name {
            Some(name) => session.bind_frame(name.as_str(), listed(&objects)?),
            None if objects.is_empty() => {}
            None => session.set_last(Value::Frame(listed(&objects)?)),
        }
        Ok(())
    }
}

fn buckets(name: Option<&Name>, session: &Session, front: &dyn Front) -> Result<(), MagicError> {
    let client = match session.places().aws() {
        Some(client) => client,
        None => session.places().local()?,
    };
    let buckets = client.buckets()?;
    let frame = df!("bucket" => &buckets)?;
    if !buckets.is_empty() {
        front.display(&table(&frame, &TableOptions::default()));
    }
    let place = session.places().store_name(Scheme::S3);
    let hint = if buckets.is_empty() {
        "; `%s3 mb name` makes one"
    } else {
        ""
    };
    front.display(&note(format!(
        "{} ({place}){hint}",
        words::counted(buckets.len() as u64, "bucket")
    )));
    match name {
        Some(name) => session.bind_frame(name.as_str(), frame),
        None if buckets.is_empty() => {}
        None => session.set_last(Value::Frame(frame)),
    }
    Ok(())
}

/// The listing as a person reads it.
fn shown(folders: &[String], objects: &[Object]) -> Result<DataFrame, MagicError> {
    let mut keys: Vec<&str> = folders.iter().map(String::as_str).collect();
    let mut sizes: Vec<Option<String>> = vec![None; folders.len()];
    let mut times: Vec<Option<String>> = vec![None; folders.len()];
    for object in objects {
        keys.push(&object.key);
        sizes.push(Some(words::bytes(object.size)));
        times.push(object.modified.and_then(time_of));
    }
    Ok(df!("key" => keys, "size" => sizes, "modified" => times)?)
}

/// The listing as a frame to work with: sizes in bytes.
fn listed(objects: &[Object]) -> Result<DataFrame, MagicError> {
    let keys: Vec<&str> = objects.iter().map(|object| object.key.as_str()).collect();
    let sizes: Vec<i64> = objects.iter().map(|object| object.size as i64).collect();
    let times: Vec<Option<String>> = objects.iter().map(|object| object.modified.and_then(time_of)).collect();
    Ok(df!("key" => keys, "size" => sizes, "modified" => times)?)
}

fn time_of(time: SystemTime) -> Option<String> {
    let time = jiff::Timestamp::try_from(time).ok()?;
    Some(time.strftime("%Y-%m-%d %H:%M:%S").to_string())
}

/// Objects above this size are not read for their first lines.
const HEAD_LIMIT: u64 = 256 << 20;

#[derive(clap::Args)]
pub(super) struct Head {
    /// The object
    #[arg(value_name = "S3URI")]
    uri: String,
    /// How many lines
    #[arg(short = 'n', long, value_name = "LINES", default_value_t = 10)]
    lines: usize,
}

impl Head {
    pub(super) fn run(self, session: &Session, front: &dyn Front) -> Result<(), MagicError> {
        let uri = address(&self.uri)?;
        let client = session.places().store(&uri)?;
        let size = client.head(&uri)?.map_or(0, |object| object.size);
        if size > HEAD_LIMIT {
            return Err(MagicError::usage(format!(
                "{uri} has {}, too much to read for its first lines",
                words::bytes(size)
            ))
            .with_hint(format!("`%load {uri} --columns …` reads it")));
        }
        let watch = Watch::new(front, &uri.to_string(), size);
        let content = client.get(&uri, &watch)?;
        watch.finish(&format!("{} read", words::bytes(size)));
        let Ok(text) = std::str::from_utf8(&content) else {
            return Err(
                MagicError::data(format!("{uri} is no text ({})", words::bytes(content.len() as u64)))
                    .with_hint(format!("`%load {uri}` reads Parquet and Arrow files")),
            );
        };
        let first: Vec<&str> = text.lines().take(self.lines).collect();
        front.display(&Bundle::text(first.join("\n")));
        front.display(&note(format!(
            "{uri}: {} of {}, {}",
            words::count(first.len() as u64),
            words::counted(text.lines().count() as u64, "line"),
            words::bytes(content.len() as u64)
        )));
        Ok(())
    }
}
