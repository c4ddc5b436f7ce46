//! `%s3 rm` and `%s3 rb`: one object goes at once, more than that wants `-f` and is told first.

use ironsage_client::{Client, Object};
use ironsage_contract::S3Uri;
use ironsage_display::{Front, note, text as words};

use super::{Counting, address, bucket_of, list_below};
use crate::data::source::Watch;
use crate::error::MagicError;
use crate::session::Session;

#[derive(clap::Args)]
pub(super) struct Rm {
    /// An object, or a prefix (which ends with a slash)
    #[arg(value_name = "S3URI", required = true)]
    uris: Vec<String>,
    /// Remove all objects below a prefix
    #[arg(short = 'f', long)]
    force: bool,
    /// The same as a slash at the end: everything below
    #[arg(short = 'r', long)]
    recursive: bool,
}

impl Rm {
    pub(super) fn run(self, session: &Session, front: &dyn Front) -> Result<(), MagicError> {
        let mut uris = Vec::new();
        for typed in &self.uris {
            let uri = address(typed)?;
            let below = self.recursive && !uri.is_prefix();
            uris.push(if below {
                uri.with_key(&format!("{}/", uri.key()))
            } else {
                uri
            });
        }
        // All are looked at before the first is removed: a refused line removes nothing.
        let found = uris
            .iter()
            .map(|uri| self.find(uri, session, front))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| error.when_stopped("stopped before anything was removed"))?;
        let told = uris
            .iter()
            .zip(&found)
            .map(|(uri, found)| remove(uri, found, session, front))
            .collect::<Result<Vec<_>, _>>()
            .map_err(when_stopped)?;
        front.display(&note(told.join(" · ")));
        Ok(())
    }

    fn find(&self, uri: &S3Uri, session: &Session, front: &dyn Front) -> Result<Found, MagicError> {
        let client = session.places().store(uri)?;
        if uri.is_prefix() {
            let objects = list_below(&client, uri, front)?;
            if !objects.is_empty() && !self.force {
                return Err(MagicError::usage(format!("{uri} holds {}", amount(&objects)))
                    .with_hint(format!("`%s3 rm -f {}` removes them all", as_prefix(uri))));
            }
            return Ok(Found::Below(objects));
        }
        if client.head_watched(uri, &Watch::new(front, "", 0))?.is_some() {
            return Ok(Found::Object);
        }
        let below = uri.with_key(&format!("{}/", uri.key()));
        let objects = list_below(&client, &below, front)?;
        if !objects.is_empty() {
            return Err(MagicError::usage(format!("{uri} is a folder of {}", amount(&objects)))
                .with_hint(format!("`%s3 rm -f {below}` removes them all")));
        }
        Ok(Found::Below(objects))
    }
}

/// What an address stands for.
enum Found {
    /// One object.
    Object,
    /// All objects below a prefix; there may be none.
    Below(Vec<Object>),
}

fn remove(uri: &S3Uri, found: &Found, session: &Session, front: &dyn Front) -> Result<String, MagicError> {
    let client = session.places().store(uri)?;
    match found {
        Found::Object => {
            client.delete(std::slice::from_ref(uri), &Watch::new(front, "", 0))?;
            Ok(format!("{uri} removed"))
        }
        Found::Below(objects) if objects.is_empty() => Ok(format!("{uri} already gone")),
        Found::Below(objects) => {
            remove_all(&client, uri, objects, front)?;
            Ok(format!("{uri}: {} removed", amount(objects)))
        }
    }
}

fn remove_all(client: &Client, uri: &S3Uri, objects: &[Object], front: &dyn Front) -> Result<(), MagicError> {
    let keys: Vec<S3Uri> = objects.iter().map(|object| uri.with_key(&object.key)).collect();
    let counting = Counting::new(front, format!("removing {}", as_prefix(uri)));
    client.delete(&keys, &counting)?;
    counting.finish(keys.len());
    Ok(())
}

fn when_stopped(error: MagicError) -> MagicError {
    error.when_stopped("stopped: what is removed is gone, and the cell run again goes on from there")
}

fn as_prefix(uri: &S3Uri) -> String {
    let text = uri.to_string();
    if text.ends_with('/') { text } else { format!("{text}/") }
}

fn amount(objects: &[Object]) -> String {
    let size = objects.iter().map(|object| object.size).sum();
    format!(
        "{}, {}",
        words::counted(objects.len() as u64, "object"),
        words::bytes(size)
    )
}

#[derive(clap::Args)]
pub(super) struct Rb {
    /// The bucket's name, or s3://name
    #[arg(value_name = "BUCKET")]
    bucket: String,
    /// Remove what is in it, too
    #[arg(short = 'f', long)]
    force: bool,
}

impl Rb {
    pub(super) fn run(self, session: &Session, front: &dyn Front) -> Result<(), MagicError> {
        let uri = bucket_of(&self.bucket)?;
        let client = session.places().store(&uri)?;
        let buckets = client.buckets_watched(&Watch::new(front, "", 0))?;
        if !buckets.iter().any(|bucket| bucket == uri.bucket()) {
            front.display(&note(format!("{uri} already gone")));
            return Ok(());
        }
        let objects = list_below(&client, &uri, front)
            .map_err(|error| error.when_stopped("stopped before anything was removed"))?;
        if !objects.is_empty() && !self.force {
            return Err(MagicError::usage(format!("{uri} still holds {}", amount(&objects)))
                .with_hint(format!("`%s3 rb -f {}` removes them with it", uri.bucket())));
        }
        let with = if objects.is_empty() {
            String::new()
        } else {
            format!(" with {}", amount(&objects))
        };
        if !objects.is_empty() {
            remove_all(&client, &uri, &objects, front).map_err(when_stopped)?;
        }
        client
            .delete_bucket(uri.bucket(), &Watch::new(front, "", 0))
            .map_err(|error| when_stopped(error.into()))?;
        front.display(&note(format!("{uri} removed{with}")));
        Ok(())
    }
}
