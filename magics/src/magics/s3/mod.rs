//! `%s3`: buckets and objects, with the words of the AWS CLI. What is made twice is "already there", what is removed
//! twice is "already gone", and what would take more than it names asks for `-f`.

mod copy;
mod head;
mod lanes;
mod list;
mod remove;
mod tree;

use std::cell::OnceCell;
use std::time::{Duration, Instant};

use ironsage_client::{Client, Made, Object, Transfer};
use ironsage_contract::{BucketName, S3Uri, Scheme};
use ironsage_display::{Front, Progress, note, text as words};

use crate::data::source::{self, Watch};
use crate::error::MagicError;
use crate::magic::{Call, Form, Group, Magic};
use crate::session::Session;

/// Buckets and objects: list, make, copy, look into, remove
#[derive(clap::Args)]
pub(crate) struct S3 {
    #[command(subcommand)]
    action: Action,
}

#[derive(clap::Subcommand)]
enum Action {
    /// List buckets, or what is in one
    #[command(
        after_help = "Examples:\n  %s3 ls\n      all buckets\n  %s3 ls -r s3://shells/raw/ -o files\n      all objects below, and the listing as a frame\n  %s3 ls --tree s3://shells\n      folders with what they hold"
    )]
    Ls(list::Ls),
    /// Make a bucket
    #[command(
        after_help = "Examples:\n  %s3 mb shells\n      s3://shells, once; the second time it is already there\n  %s3 mb local://shells\n      in the local store, even when an account is connected"
    )]
    Mb {
        /// The bucket's name, or s3://name
        #[arg(value_name = "BUCKET")]
        bucket: String,
    },
    /// Remove a bucket
    #[command(
        after_help = "Examples:\n  %s3 rb shells\n      an empty bucket\n  %s3 rb -f shells\n      with all that is in it"
    )]
    Rb(remove::Rb),
    /// Copy files to, from and between stores
    #[command(
        after_help = "Examples:\n  %s3 cp data/abalone.csv s3://shells/raw/\n      a file into a bucket\n  %s3 cp -r s3://shells/raw/ data/\n      all objects below into a folder"
    )]
    Cp(copy::Cp),
    /// The first lines of an object, or the columns of a Parquet file
    ///
    /// Reads no more of the object than it needs.
    #[command(
        after_help = "Examples:\n  %s3 head s3://shells/raw/abalone.csv\n      ten lines\n  %s3 head s3://shells/raw/abalone.csv.gz -n 3\n      three, unpacked\n  %s3 head s3://shells/raw/abalone.parquet\n      its columns and their types"
    )]
    Head(head::Head),
    /// Remove objects
    #[command(
        after_help = "Examples:\n  %s3 rm s3://shells/raw/abalone.csv\n      one object\n  %s3 rm -f s3://shells/raw/\n      all objects below"
    )]
    Rm(remove::Rm),
}

impl Magic for S3 {
    const NAME: &'static str = "s3";
    const FORM: Form = Form::Line;
    const GROUP: Group = Group::Data;
    const EXAMPLES: &'static [(&'static str, &'static str)] = &[
        (
            "%s3 mb shells",
            "a bucket, in the local store until an account is connected",
        ),
        (
            "%s3 cp data/abalone.csv s3://shells/raw/",
            "a file into it; with -r a folder",
        ),
        ("%s3 ls s3://shells/raw/", "what is there"),
    ];

    fn run(self, _call: &Call, session: &Session, front: &dyn Front) -> Result<(), MagicError> {
        match self.action {
            Action::Ls(ls) => ls.run(session, front),
            Action::Mb { bucket } => make_bucket(&bucket, session, front),
            Action::Rb(rb) => rb.run(session, front),
            Action::Cp(cp) => cp.run(session, front),
            Action::Head(head) => head.run(session, front),
            Action::Rm(rm) => rm.run(session, front),
        }
    }
}

fn make_bucket(typed: &str, session: &Session, front: &dyn Front) -> Result<(), MagicError> {
    let uri = bucket_of(typed)?;
    let name = BucketName::new(uri.bucket())
        .map_err(|error| MagicError::usage(error.to_string()).with_hint_from(error.hint()))?;
    let watch = Watch::new(front, "", 0);
    let made = session
        .places()
        .store(&uri)?
        .create_bucket_watched(name.as_str(), &watch)?;
    let place = session.places().store_name(uri.scheme());
    let told = match made {
        Made::Created => format!("{uri} created ({place})"),
        Made::AlreadyThere => format!("{uri} already there ({place})"),
    };
    front.display(&note(told));
    Ok(())
}

/// A bucket as it may be typed: `shells`, `s3://shells`, `s3://shells/`.
fn bucket_of(typed: &str) -> Result<S3Uri, MagicError> {
    if !S3Uri::is_one(typed) {
        return S3Uri::new(Scheme::S3, typed.trim_end_matches('/'), "")
            .map_err(|error| MagicError::usage(error.to_string()).with_hint_from(error.hint()));
    }
    let uri = source::parse_uri(typed)?;
    if !uri.key().is_empty() {
        return Err(
            MagicError::usage(format!("{typed} is an object's address, not a bucket's"))
                .with_hint(format!("the bucket is {}", uri.with_key(""))),
        );
    }
    Ok(uri)
}

/// An address as typed; a bare word with a slash in it is most likely one whose scheme was left out.
fn address(typed: &str) -> Result<S3Uri, MagicError> {
    source::parse_uri(typed).map_err(|error| match typed.contains("://") {
        true => error,
        false => error.with_hint(format!("did you mean s3://{}?", typed.trim_start_matches('/'))),
    })
}

/// Shows how many objects were listed or removed, once that takes longer than a moment; and hears the wish to stop.
struct Counting<'a> {
    front: &'a dyn Front,
    title: String,
    started: Instant,
    progress: OnceCell<Progress<'a>>,
}

impl<'a> Counting<'a> {
    const SHOW_AFTER: Duration = Duration::from_millis(700);

    fn new(front: &'a dyn Front, title: String) -> Counting<'a> {
        Counting {
            front,
            title,
            started: Instant::now(),
            progress: OnceCell::new(),
        }
    }

    fn finish(self, objects: usize) {
        if let Some(progress) = self.progress.into_inner() {
            progress.finish(&words::counted(objects as u64, "object"));
        }
    }
}

impl Transfer for Counting<'_> {
    fn moved(&self, done: u64, total: u64) {
        if self.started.elapsed() < Self::SHOW_AFTER {
            return;
        }
        let progress = self.progress.get_or_init(|| Progress::start(self.front, &self.title));
        match total {
            0 => progress.set(None, &format!("{} so far", words::counted(done, "object"))),
            _ => progress.set(
                Some(done as f64 / total as f64),
                &format!("{} of {}", words::count(done), words::counted(total, "object")),
            ),
        }
    }

    fn stop(&self) -> bool {
        self.front.interrupted()
    }
}

/// All objects below an address.
fn list_below(client: &Client, uri: &S3Uri, front: &dyn Front) -> Result<Vec<Object>, MagicError> {
    let counting = Counting::new(front, format!("listing {uri}"));
    let objects = client.list_watched(uri, &counting)?;
    counting.finish(objects.len());
    Ok(objects)
}

#[cfg(test)]
mod tests {
    use ironsage_display::testing::Recorder;

    use super::*;

    #[test]
    fn a_long_listing_shows_its_count_and_a_short_one_nothing() {
        let front = Recorder::new();
        let short = Counting::new(&front, "listing".to_owned());
        short.moved(5, 0);
        short.finish(5);
        assert!(front.shown().is_empty());

        let mut long = Counting::new(&front, "listing".to_owned());
        long.started -= Counting::SHOW_AFTER;
        long.moved(2000, 0);
        assert_eq!(front.plain(), "listing: 2,000 objects so far");
        long.finish(2500);
        assert!(
            front.plain().starts_with("listing: 2,500 objects · "),
            "{}",
            front.plain()
        );

        let mut removing = Counting::new(&front, "removing".to_owned());
        removing.started -= Counting::SHOW_AFTER;
        removing.moved(1000, 4000);
        drop(removing);
        let last = front.plain();
        assert!(last.contains("stopped · 1,000 of 4,000 objects"), "{last}");
    }
}
