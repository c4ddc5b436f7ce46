//! `%s3 cp`: files to, from and between stores. A copy that is there already, byte for byte, is left alone and said so;
//! every copy appears whole or not at all. Several small files go at once ([`super::lanes`]).

use std::collections::HashSet;
use std::io::Read;
use std::path::{Path, PathBuf};

use ironsage_client::{Extent, Made, Transfer};
use ironsage_contract::S3Uri;
use ironsage_display::{Front, note, text as words};
use md5::{Digest, Md5};

use super::{lanes, list_below};
use crate::data::source::{self, Location, Watch};
use crate::error::MagicError;
use crate::session::Session;

#[derive(clap::Args)]
pub(super) struct Cp {
    /// A file of this machine, or an object
    #[arg(value_name = "FROM")]
    from: String,
    /// Where to; a slash at the end keeps the name
    #[arg(value_name = "TO")]
    to: String,
    /// Copy a folder, or all objects below a prefix
    #[arg(short = 'r', long)]
    recursive: bool,
}

/// An object to copy from.
struct Source {
    uri: S3Uri,
    /// Its name below the prefix that was asked for.
    below: String,
    size: u64,
    etag: Option<String>,
}

/// One copy to make.
enum Job {
    Up {
        from: PathBuf,
        to: S3Uri,
        size: u64,
    },
    Down {
        from: S3Uri,
        to: PathBuf,
        size: u64,
        etag: Option<String>,
    },
    Across {
        from: S3Uri,
        to: S3Uri,
        size: u64,
        etag: Option<String>,
    },
}

impl Job {
    fn size(&self) -> u64 {
        match self {
            Job::Up { size, .. } | Job::Down { size, .. } | Job::Across { size, .. } => *size,
        }
    }

    /// What the result calls it: the key, or the file.
    fn shown(&self, session: &Session) -> String {
        match self {
            Job::Up { to, .. } | Job::Across { to, .. } => to.key().to_owned(),
            Job::Down { to, .. } => to.strip_prefix(session.folder()).unwrap_or(to).display().to_string(),
        }
    }
}

impl Cp {
    pub(super) fn run(self, session: &Session, front: &dyn Front) -> Result<(), MagicError> {
        let from = Location::parse(&self.from, session)?;
        let to = Location::parse(&self.to, session)?;
        let jobs = match (&from, &to) {
            (Location::File { path, .. }, Location::Store(to)) => self.up(path, to, session, front)?,
            (Location::Store(from), Location::File { path, .. }) => self.down(from, path, session, front)?,
            (Location::Store(from), Location::Store(to)) => self.across(from, to, session, front)?,
            (Location::File { .. }, Location::File { .. }) => {
                return Err(MagicError::usage("both are files of this machine").with_hint(format!(
                    "`!cp {} {}`, or s3:// before the one in a store",
                    self.from, self.to
                )));
            }
        };
        let total: u64 = jobs.iter().map(Job::size).sum();
        let watch = Watch::new(front, &format!("copying to {}", self.to), total);
        let sizes: Vec<u64> = jobs.iter().map(Job::size).collect();
        let made = lanes::run(&sizes, front, &watch, |job, lane| copy(&jobs[job], session, lane));
        let made = made.map_err(|(error, done)| {
            let files = words::counted(jobs.len() as u64, "file");
            error.when_stopped(format!(
                "stopped after {done} of {files}: what is copied stays, and the cell run again goes on from there"
            ))
        })?;
        let sent = made.iter().zip(&sizes).filter(|(made, _)| made.is_created());
        let copied: u64 = sent.map(|(_, size)| size).sum();
        let already = made.iter().filter(|made| **made == Made::AlreadyThere).count();
        watch.finish(&match already == jobs.len() {
            true => "already there".to_owned(),
            false => format!("{} copied", words::bytes(copied)),
        });
        let told = match jobs.as_slice() {
            [job] if already == 1 => format!("{} already there", job.shown(session)),
            [job] => format!("{} {}", job.shown(session), words::bytes(total)),
            _ => {
                let files = words::counted(jobs.len() as u64, "file");
                let rest = match already {
                    0 => String::new(),
                    _ if already == jobs.len() => ", all already there".to_owned(),
                    _ => format!(", {already} already there"),
                };
                format!("{}: {files}, {}{rest}", self.to, words::bytes(total))
            }
        };
        front.display(&note(told));
        Ok(())
    }

    fn up(&self, from: &Path, to: &S3Uri, session: &Session, front: &dyn Front) -> Result<Vec<Job>, MagicError> {
        let about = std::fs::metadata(from).map_err(|error| source::no_such_file(from, &self.from, session, &error))?;
        if about.is_file() {
            let name = from
                .file_name()
                .map(|name| name.to_string_lossy().into_owned())
                .unwrap_or_default();
            let to = if to.is_prefix() { to.join(&name) } else { to.clone() };
            return Ok(vec![Job::Up {
                from: from.to_owned(),
                to,
                size: about.len(),
            }]);
        }
        self.wants_recursive(&self.from)?;
        let mut files = Vec::new();
        files_below(from, &mut files, front)?;
        files.sort();
        if files.is_empty() {
            return Err(MagicError::not_found(format!("the folder {} is empty", self.from)));
        }
        let mut jobs = Vec::new();
        for file in files {
            let size = std::fs::metadata(&file)
                .map_err(|error| MagicError::file(&file, "read", &error))?
                .len();
            let below = file.strip_prefix(from).unwrap_or(&file);
            let Some(below) = below.to_str().map(str::to_owned) else {
                return Err(
                    MagicError::data(format!("the name of {} is not UTF-8, as keys are", file.display()))
                        .with_hint("rename it first"),
                );
            };
            jobs.push(Job::Up {
                from: file,
                to: to.join(&below),
                size,
            });
        }
        Ok(jobs)
    }

    fn down(&self, from: &S3Uri, to: &Path, session: &Session, front: &dyn Front) -> Result<Vec<Job>, MagicError> {
        let into_folder = self.to.ends_with('/') || to.is_dir();
        let mut targets = HashSet::new();
        let mut jobs = Vec::new();
        for Source {
            uri: from,
            below,
            size,
            etag,
        } in self.objects(from, session, front)?
        {
            let to = if self.recursive || into_folder {
                to.join(&below)
            } else {
                to.to_owned()
            };
            let leaves = Path::new(&below)
                .components()
                .any(|part| !matches!(part, std::path::Component::Normal(_)));
            if leaves {
                return Err(
                    MagicError::data(format!("the key of {from} would leave the folder {}", self.to))
                        .with_hint("copy it by itself, to a name of your own"),
                );
            }
            // `a//b` and `a/b` are two objects and one file.
            if !targets.insert(to.clone()) {
                return Err(MagicError::data(format!(
                    "{from} and another object would both become the file {}",
                    to.display()
                ))
                .with_hint("copy one of them by itself, to a name of your own"));
            }
            jobs.push(Job::Down { from, to, size, etag });
        }
        Ok(jobs)
    }

    fn across(&self, from: &S3Uri, to: &S3Uri, session: &Session, front: &dyn Front) -> Result<Vec<Job>, MagicError> {
        let mut jobs = Vec::new();
        for Source {
            uri: from,
            below,
            size,
            etag,
        } in self.objects(from, session, front)?
        {
            let to = if self.recursive || to.is_prefix() {
                to.join(&below)
            } else {
                to.clone()
            };
            jobs.push(Job::Across { from, to, size, etag });
        }
        Ok(jobs)
    }

    /// The objects meant: one, or with `-r` all below; each with its name below the prefix.
    fn objects(&self, from: &S3Uri, session: &Session, front: &dyn Front) -> Result<Vec<Source>, MagicError> {
        let client = session.places().store(from)?;
        let watch = Watch::new(front, "", 0);
        if !self.recursive {
            if from.is_prefix() {
                self.wants_recursive(&self.from)?;
            }
            let (size, etag) = match client.head_watched(from, &watch)? {
                Some(object) => (object.size, object.etag),
                // The client knows best what is missing, and which key is near.
                None => (client.get_extent(from, Extent::First(1), &watch)?.1, None),
            };
            let below = from.file_name().to_owned();
            return Ok(vec![Source {
                uri: from.clone(),
                below,
                size,
                etag,
            }]);
        }
        let folder = if from.is_prefix() {
            from.clone()
        } else {
            from.with_key(&format!("{}/", from.key()))
        };
        let objects = list_below(&client, &folder, front)
            .map_err(|error| error.when_stopped("stopped before anything was copied"))?;
        if objects.is_empty() {
            return Err(MagicError::not_found(format!("{folder} holds no objects"))
                .with_hint(format!("`%s3 ls {}` lists the bucket", from.with_key(""))));
        }
        Ok(objects
            .into_iter()
            .filter(|object| !object.key.ends_with('/'))
            .map(|object| Source {
                uri: from.with_key(&object.key),
                below: object.key[folder.key().len()..].to_owned(),
                size: object.size,
                etag: object.etag,
            })
            .collect())
    }

    fn wants_recursive(&self, folder: &str) -> Result<(), MagicError> {
        if self.recursive {
            return Ok(());
        }
        Err(MagicError::usage(format!("{folder} is a folder"))
            .with_hint(format!("`%s3 cp -r {} {}`", self.from, self.to)))
    }
}

fn files_below(folder: &Path, files: &mut Vec<PathBuf>, front: &dyn Front) -> Result<(), MagicError> {
    let fail = |error: std::io::Error| MagicError::file(folder, "list", &error);
    for entry in std::fs::read_dir(folder).map_err(fail)? {
        if front.interrupted() {
            return Err(MagicError::interrupted("stopped before anything was sent"));
        }
        let entry = entry.map_err(fail)?;
        let kind = entry.file_type().map_err(fail)?;
        if kind.is_dir() {
            files_below(&entry.path(), files, front)?;
        } else if entry.path().is_file() {
            files.push(entry.path());
        }
    }
    Ok(())
}

fn copy(job: &Job, session: &Session, watch: &dyn Transfer) -> Result<Made, MagicError> {
    match job {
        Job::Up { from, to, .. } => Ok(session.places().store(to)?.put_file(from, to, watch)?),
        Job::Down { from, to, size, etag } => {
            if same_file(to, *size, etag.as_deref(), watch)? {
                return Ok(Made::AlreadyThere);
            }
            if let Some(folder) = to.parent() {
                std::fs::create_dir_all(folder).map_err(|error| MagicError::file(folder, "make", &error))?;
            }
            session.places().store(from)?.get_file(from, to, watch)?;
            Ok(Made::Created)
        }
        Job::Across { from, to, size, etag } => {
            if from == to {
                return Err(MagicError::usage(format!("{from} would be copied onto itself")));
            }
            let target = session.places().store(to)?;
            let there = target.head_watched(to, watch)?;
            if there.is_some_and(|object| object.size == *size && object.etag.is_some() && object.etag == *etag) {
                return Ok(Made::AlreadyThere);
            }
            if session.places().same_store(from, to) {
                target.copy(from, to, watch)?;
            } else {
                // By way of the disk: an object of any size, and no more memory than its parts in flight.
                let folder = tempfile::tempdir()
                    .map_err(|error| MagicError::file(&std::env::temp_dir(), "make a folder in", &error))?;
                let file = folder.path().join(to.file_name());
                session.places().store(from)?.get_file(from, &file, &Half(0, watch))?;
                target.put_file(&file, to, &Half(1, watch))?;
            }
            Ok(Made::Created)
        }
    }
}

/// One of the two ways that bytes go from one store to another.
struct Half<'a>(u64, &'a dyn Transfer);

impl Transfer for Half<'_> {
    fn moved(&self, done: u64, total: u64) {
        self.1.moved((self.0 * total + done) / 2, total);
    }

    fn stop(&self) -> bool {
        self.1.stop()
    }
}

/// Whether the file is there with this size and MD5. (The ETag of an object that was sent in parts is no MD5:
/// such a one is fetched again.)
fn same_file(path: &Path, size: u64, etag: Option<&str>, watch: &dyn Transfer) -> Result<bool, MagicError> {
    let is_md5 = etag.is_some_and(|etag| etag.len() == 32);
    let same_size = std::fs::metadata(path).is_ok_and(|about| about.is_file() && about.len() == size);
    if !is_md5 || !same_size {
        return Ok(false);
    }
    // A file that can't be read is fetched, and so is told of by the one who writes it.
    let ours = md5_of(path, watch).unwrap_or_default();
    if watch.stop() {
        return Err(ironsage_client::ClientError::Interrupted.into());
    }
    Ok(ours.as_deref() == etag)
}

/// The MD5 of a file; none when stopped.
fn md5_of(path: &Path, watch: &dyn Transfer) -> std::io::Result<Option<String>> {
    let mut file = std::fs::File::open(path)?;
    let mut digest = Md5::new();
    let mut buffer = vec![0; 1 << 20];
    while !watch.stop() {
        match file.read(&mut buffer)? {
            0 => return Ok(Some(hex::encode(digest.finalize()))),
            read => digest.update(&buffer[..read]),
        }
    }
    Ok(None)
}
