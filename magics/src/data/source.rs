//! Where a file is: in a store (`s3://`, `local://`) or on this machine. A prefix or a folder stands for
//! all files in it.

use std::path::{Path, PathBuf};

use ironsage_client::{Bytes, Client, Place, Transfer};
use ironsage_contract::Scheme;
use ironsage_contract::uri::S3Uri;
use ironsage_display::{Front, Progress};

use crate::data::glob::Glob;
use crate::error::MagicError;
use crate::language::suggest;
use crate::session::Session;

/// Reads above this size show how far they are.
const SHOW_ABOVE: u64 = 8 << 20;

/// A place to read from or write to, parsed once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Location {
    /// In a store.
    Store(S3Uri),
    /// On this machine, with the path as it was typed.
    File { path: PathBuf, typed: String },
}

impl Location {
    /// Parses what was typed; relative paths start at the session's folder.
    pub fn parse(typed: &str, session: &Session) -> Result<Location, MagicError> {
        if S3Uri::is_one(typed) {
            return Ok(Location::Store(parse_uri(typed)?));
        }
        if let Some((scheme, _)) = typed.split_once("://") {
            return Err(
                MagicError::usage(format!("{scheme}:// is no place that Ironsage reads or writes"))
                    .with_hint("s3://bucket/key, local://bucket/key, or a path of this machine"),
            );
        }
        Ok(Location::File {
            path: session.path(typed),
            typed: typed.to_owned(),
        })
    }

    /// As it is shown in results.
    pub fn shown(&self) -> String {
        match self {
            Location::Store(uri) => uri.to_string(),
            Location::File { typed, .. } => typed.clone(),
        }
    }
}

/// A URI, or why it is none.
pub(crate) fn parse_uri(typed: &str) -> Result<S3Uri, MagicError> {
    typed
        .parse::<S3Uri>()
        .map_err(|error| MagicError::usage(error.to_string()).with_hint_from(error.hint()))
}

/// Who reads from a store.
#[derive(clap::Args, Clone, Debug, Default)]
pub(crate) struct Reader {
    /// Read a public bucket of AWS as anybody, without an account; `--anon=REGION` where it is not in us-east-1
    #[arg(
        long,
        value_name = "REGION",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "us-east-1"
    )]
    pub anon: Option<String>,
}

impl Reader {
    /// The client that reads `uri`.
    pub fn client(&self, uri: &S3Uri, session: &Session) -> Result<Client, MagicError> {
        let Some(region) = &self.anon else {
            return session.places().store(uri);
        };
        if uri.scheme() == Scheme::Local {
            return Err(MagicError::usage(format!(
                "--anon reads a public bucket of AWS, and {uri} is in the local store"
            ))
            .with_hint("leave out `--anon`"));
        }
        Ok(Client::new(Place::anonymous(region))?)
    }
}

/// One file to read.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    /// Where it is.
    pub location: Location,
    /// Its size in bytes.
    pub size: u64,
}

impl Part {
    /// Its whole address: a path, or `s3://bucket/key`.
    pub fn address(&self) -> String {
        match &self.location {
            Location::Store(uri) => format!("s3://{}/{}", uri.bucket(), uri.key()),
            Location::File { path, .. } => path.to_string_lossy().into_owned(),
        }
    }

    /// The file's name, without folders.
    pub fn name(&self) -> String {
        match &self.location {
            Location::Store(uri) => uri.file_name().to_owned(),
            Location::File { path, .. } => path
                .file_name()
                .map(|name| name.to_string_lossy().into_owned())
                .unwrap_or_default(),
        }
    }
}

/// The files that a location stands for, in the order of their names: one, all in a prefix or folder, or all that a
/// pattern matches. The look at them stops when the front says so.
pub(crate) fn parts(
    location: &Location,
    reader: &Reader,
    session: &Session,
    front: &dyn Front,
) -> Result<Vec<Part>, MagicError> {
    let found = match location {
        Location::Store(uri) => parts_in_store(uri, &reader.client(uri, session)?, front),
        Location::File { path, typed } => parts_on_disk(path, typed, session, front),
    };
    found.map_err(|error| error.when_stopped(format!("listing {} was stopped", location.shown())))
}

fn parts_in_store(uri: &S3Uri, client: &Client, front: &dyn Front) -> Result<Vec<Part>, MagicError> {
    let watch = Watch::new(front, "", 0);
    if !uri.is_prefix()
        && let Some(object) = client.head_watched(uri, &watch)?
    {
        return Ok(vec![Part {
            location: Location::Store(uri.clone()),
            size: object.size,
        }]);
    }
    let glob = match Glob::is_one(uri.key()) {
        true => Some(Glob::parse(uri.key())?),
        false => None,
    };
    let folder = match &glob {
        Some(glob) => uri.with_key(glob.folder()),
        None if uri.is_prefix() => uri.clone(),
        None => uri.with_key(&format!("{}/", uri.key())),
    };
    let parts: Vec<Part> = client
        .list_watched(&folder, &watch)?
        .into_iter()
        .filter(|object| object.size > 0 && object.key.strip_prefix(folder.key()).is_some_and(is_data))
        .filter(|object| glob.as_ref().is_none_or(|glob| glob.matches(&object.key)))
        .map(|object| Part {
            location: Location::Store(uri.with_key(&object.key)),
            size: object.size,
        })
        .collect();
    if !parts.is_empty() {
        return Ok(parts);
    }
    if glob.is_some() {
        return Err(MagicError::not_found(format!("nothing matches {uri}"))
            .with_hint(format!("`%s3 ls {folder}` shows what is there")));
    }
    if uri.is_prefix() {
        return Err(MagicError::not_found(format!("{uri} holds no data files"))
            .with_hint(format!("`%s3 ls s3://{}` lists the bucket", uri.bucket())));
    }
    // The client knows best what is missing, and which key is near.
    let content = client.get(uri, &watch)?;
    Ok(vec![Part {
        location: Location::Store(uri.clone()),
        size: content.len() as u64,
    }])
}

/// Whether a file holds data, by its path below the place that was named. Spark's and others' bookkeeping does not:
/// what is called `_SUCCESS` or `.crc`, and all in folders such as `_delta_log` and `_temporary`.
fn is_data(below: &str) -> bool {
    let (folders, name) = below.rsplit_once('/').unwrap_or(("", below));
    !name.is_empty() && !is_hidden(name) && folders.split('/').all(may_hold_data)
}

/// `_name=value` is the folder of a column whose name begins so.
fn may_hold_data(folder: &str) -> bool {
    !is_hidden(folder) || folder.contains('=')
}

fn is_hidden(name: &str) -> bool {
    name.starts_with(['_', '.'])
}

fn parts_on_disk(path: &Path, typed: &str, session: &Session, front: &dyn Front) -> Result<Vec<Part>, MagicError> {
    let metadata = match std::fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(_) if Glob::is_one(typed) => return matched_on_disk(typed, session, front),
        Err(error) => return Err(no_such_file(path, typed, session, &error)),
    };
    if metadata.is_file() {
        let location = Location::File {
            path: path.to_owned(),
            typed: typed.to_owned(),
        };
        return Ok(vec![Part {
            location,
            size: metadata.len(),
        }]);
    }
    let mut parts = Vec::new();
    let below = format!("{}/", typed.trim_end_matches('/'));
    add_below(path, &below, None, front, &mut parts)?;
    parts.sort_by_key(|part| part.location.shown());
    if parts.is_empty() {
        return Err(MagicError::not_found(format!("the folder {typed} holds no data files")));
    }
    Ok(parts)
}

fn matched_on_disk(typed: &str, session: &Session, front: &dyn Front) -> Result<Vec<Part>, MagicError> {
    let typed = typed.strip_prefix("./").unwrap_or(typed);
    let glob = Glob::parse(typed)?;
    let folder = session.path(if glob.folder().is_empty() { "." } else { glob.folder() });
    if !folder.is_dir() {
        return Err(MagicError::not_found(format!(
            "nothing matches {typed}: there is no folder {}",
            glob.folder()
        )));
    }
    let mut parts = Vec::new();
    add_below(&folder, glob.folder(), glob.depth(), front, &mut parts)?;
    parts.retain(|part| glob.matches(&part.location.shown()));
    parts.sort_by_key(|part| part.location.shown());
    if parts.is_empty() {
        return Err(MagicError::not_found(format!("nothing matches {typed}"))
            .with_hint(format!("`!ls {}` shows what is there", folder.display())));
    }
    Ok(parts)
}

/// All data files in a folder and `depth` folders below; `typed` is the folder with a `/` at its end, or nothing.
fn add_below(
    folder: &Path,
    typed: &str,
    depth: Option<usize>,
    front: &dyn Front,
    parts: &mut Vec<Part>,
) -> Result<(), MagicError> {
    let entries = std::fs::read_dir(folder).map_err(|error| MagicError::file(folder, "list", &error))?;
    for entry in entries {
        if front.interrupted() {
            return Err(MagicError::interrupted("stopped"));
        }
        let entry = entry.map_err(|error| MagicError::file(folder, "list", &error))?;
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        let kind = entry
            .file_type()
            .map_err(|error| MagicError::file(&path, "read", &error))?;
        let typed = format!("{typed}{name}");
        // A link to a folder may lead back to where it stands.
        if kind.is_dir() {
            if may_hold_data(&name) && depth != Some(0) {
                add_below(&path, &format!("{typed}/"), depth.map(|depth| depth - 1), front, parts)?;
            }
            continue;
        }
        if !is_data(&name) {
            continue;
        }
        let metadata = std::fs::metadata(&path).map_err(|error| MagicError::file(&path, "read", &error))?;
        if metadata.is_file() && metadata.len() > 0 {
            parts.push(Part {
                location: Location::File { path, typed },
                size: metadata.len(),
            });
        }
    }
    Ok(())
}

/// Why a file of this machine cannot be read; where it is not there, which was meant.
pub(crate) fn no_such_file(path: &Path, typed: &str, session: &Session, error: &std::io::Error) -> MagicError {
    if error.kind() != std::io::ErrorKind::NotFound {
        return MagicError::file(path, "read", error);
    }
    let folder = path.parent().unwrap_or(Path::new("/"));
    let siblings: Vec<String> = std::fs::read_dir(folder)
        .map(|entries| {
            entries
                .flatten()
                .map(|entry| entry.file_name().to_string_lossy().into_owned())
                .collect()
        })
        .unwrap_or_default();
    let name = path
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    let near = suggest::nearest(&name, siblings.iter().map(String::as_str));
    let hint = match near {
        Some(near) => match typed.trim_end_matches('/').strip_suffix(name.as_str()) {
            Some(before) => format!("did you mean `{before}{near}`?"),
            // Not typed as the path is named: `data/.` is `data`.
            None => format!("did you mean `{}`?", path.with_file_name(near).display()),
        },
        None => format!(
            "relative paths start at {}; `%cd` changes that",
            session.folder().display()
        ),
    };
    MagicError::not_found(format!("there is no file {typed}")).with_hint(hint)
}

/// Tells a front of bytes that move, and passes its wish to stop on to the transfer.
pub(crate) struct Watch<'a> {
    front: &'a dyn Front,
    progress: Option<Progress<'a>>,
    before: std::cell::Cell<u64>,
    total: u64,
}

impl<'a> Watch<'a> {
    /// Watches a transfer of `total` bytes; small ones show nothing.
    pub fn new(front: &'a dyn Front, title: &str, total: u64) -> Watch<'a> {
        let progress = (total > SHOW_ABOVE).then(|| Progress::start(front, title));
        Watch {
            front,
            progress,
            before: std::cell::Cell::new(0),
            total,
        }
    }

    /// One file of several is done.
    pub fn file_done(&self, size: u64) {
        self.before.set(self.before.get() + size);
        self.show(0);
    }

    /// The display ends with this text.
    pub fn finish(self, text: &str) {
        if let Some(progress) = self.progress {
            progress.finish(text);
        }
    }

    fn show(&self, done: u64) {
        if let Some(progress) = &self.progress {
            progress.set_bytes(self.before.get() + done, self.total);
        }
    }
}

impl Transfer for Watch<'_> {
    fn moved(&self, done: u64, _total: u64) {
        self.show(done);
    }

    fn stop(&self) -> bool {
        self.front.interrupted()
    }
}

/// All bytes of one file.
pub(crate) fn bytes(part: &Part, reader: &Reader, session: &Session, watch: &Watch<'_>) -> Result<Bytes, MagicError> {
    let bytes = match &part.location {
        Location::Store(uri) => reader.client(uri, session)?.get(uri, watch)?,
        Location::File { path, .. } => read_file(path, part.size, watch)?.into(),
    };
    watch.file_done(part.size);
    Ok(bytes)
}

/// The whole lines among the first million bytes of a file of this machine.
pub(crate) fn first_lines(path: &Path) -> Result<Vec<u8>, MagicError> {
    use std::io::Read;
    let fail = |error: std::io::Error| MagicError::file(path, "read", &error);
    let mut lines = Vec::new();
    let file = std::fs::File::open(path).map_err(fail)?;
    file.take(1 << 20).read_to_end(&mut lines).map_err(fail)?;
    let end = lines.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
    lines.truncate(end);
    Ok(lines)
}

fn read_file(path: &Path, size: u64, watch: &Watch<'_>) -> Result<Vec<u8>, MagicError> {
    use std::io::Read;
    const STEP: u64 = 4 << 20;
    let fail = |error: std::io::Error| MagicError::file(path, "read", &error);
    let mut file = std::fs::File::open(path).map_err(fail)?;
    let mut content = Vec::new();
    content.try_reserve_exact(size as usize + 1).map_err(|_| {
        MagicError::new(
            crate::ErrorKind::MemoryError,
            format!("{} bytes could not be had for {}", size, path.display()),
        )
    })?;
    loop {
        if watch.stop() {
            return Err(MagicError::interrupted(format!(
                "reading {} was stopped; nothing was bound",
                path.display()
            )));
        }
        let read = (&mut file).take(STEP).read_to_end(&mut content).map_err(fail)?;
        if read == 0 {
            return Ok(content);
        }
        watch.moved(content.len() as u64, size);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::Arc;

    use ironsage_client::{ClientError, Launcher};
    use ironsage_contract::Home;

    use super::*;
    use crate::session::SessionConfig;

    struct Never;

    impl Launcher for Never {
        fn ensure(&self) -> Result<Place, ClientError> {
            panic!("a public bucket is not in the local store")
        }
    }

    #[test]
    fn anybodys_client_is_one_of_aws() {
        let folder = tempfile::tempdir().unwrap();
        let session = Session::new(SessionConfig {
            home: Home::at(folder.path()),
            launcher: Arc::new(Never),
        });
        let anybody = Reader {
            anon: Some("eu-west-1".to_owned()),
        };
        let client = anybody
            .client(&parse_uri("s3://public/a.csv").unwrap(), &session)
            .unwrap();
        let place = client.place();
        assert_eq!((place.endpoint.as_deref(), place.region.as_str()), (None, "eu-west-1"));
        let error = anybody.client(&parse_uri("local://here/a.csv").unwrap(), &session);
        assert_eq!(error.unwrap_err().hint.as_deref(), Some("leave out `--anon`"));
    }
}
