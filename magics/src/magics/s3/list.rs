//! `%s3 ls`: what is there, a folder at a time, all of it, or as a tree.

use std::time::SystemTime;

use ironsage_client::Object;
use ironsage_contract::{S3Uri, Scheme};
use ironsage_display::{Bundle, Front, TableOptions, note, table, text as words};
use polars::prelude::*;

use super::tree::tree;
use super::{Counting, address, list_below};
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
    /// All objects below as a tree, each folder with what it holds
    #[arg(long)]
    tree: bool,
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
        let (folders, objects) = match self.recursive || self.tree {
            true => (Vec::new(), list_below(&client, uri, front)?),
            false => {
                let counting = Counting::new(front, format!("listing {uri}"));
                let listing = client.list_folder(uri, &counting)?;
                counting.finish(listing.objects.len());
                // `raw` is meant to be the folder `raw/`, where there is nothing else it could be.
                let only = [format!("{}/", uri.key())];
                if listing.objects.is_empty() && listing.folders == only && !uri.key().is_empty() {
                    return self.objects(&uri.with_key(&only[0]), name, session, front);
                }
                (listing.folders, listing.objects)
            }
        };
        let total: u64 = objects.iter().map(|object| object.size).sum();
        if self.tree && !objects.is_empty() {
            front.display(&Bundle::text(tree(uri, &objects)));
        } else if !folders.is_empty() || !objects.is_empty() {
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
    let buckets = client.buckets_watched(&Watch::new(front, "", 0))?;
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

pub(super) fn time_of(time: SystemTime) -> Option<String> {
    let time = jiff::Timestamp::try_from(time).ok()?;
    Some(time.strftime("%Y-%m-%d %H:%M:%S").to_string())
}
