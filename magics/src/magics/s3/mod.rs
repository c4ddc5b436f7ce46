//! `%s3`: buckets and objects, with the words of the AWS CLI. What is made twice is "already there", what is removed
//! twice is "already gone", and what would take more than it names asks for `-f`.

mod copy;
mod list;
mod remove;

use ironsage_client::Made;
use ironsage_contract::{BucketName, S3Uri, Scheme};
use ironsage_display::{Front, note};

use crate::data::source;
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
        after_help = "Examples:\n  %s3 ls\n      all buckets\n  %s3 ls -r s3://shells/raw/ -o files\n      all objects below, and the listing as a frame"
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
    /// The first lines of an object
    #[command(
        after_help = "Examples:\n  %s3 head s3://shells/raw/abalone.csv\n      ten lines\n  %s3 head s3://shells/raw/abalone.csv -n 3\n      three"
    )]
    Head(list::Head),
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
    let made = session.places().store(&uri)?.create_bucket(name.as_str())?;
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
