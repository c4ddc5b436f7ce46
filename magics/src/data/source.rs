//! Where a file is: in a store (`s3://`, `local://`) or on this machine. A prefix or a folder stands for
//! all files in it.

use std::path::{Path, PathBuf};

use ironsage_client::{Bytes, Transfer};
use ironsage_contract::uri::S3Uri;
use ironsage_display::{Front, Progress};

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

/// One file to read.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    /// Where it is.
    pub location: Location,
    /// Its size in bytes.
    pub size: u64,
}

impl Part {
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

/// The files that a location stands for, in the order of their names: one, or all in a prefix or folder.
pub(crate) fn parts(location: &Location, session: &Session) -> Result<Vec<Part>, MagicError> {
    match location {
        Location::Store(uri) => parts_in_store(uri, session),
        Location::File { path, typed } => parts_on_disk(path, typed, session),
    }
}

fn parts_in_store(uri: &S3Uri, session: &Session) -> Result<Vec<Part>, MagicError> {
    let client = session.places().store(uri)?;
    if !uri.is_prefix()
        && let Some(object) = client.head(uri)?
    {
        return Ok(vec![Part {
            location: Location::Store(uri.clone()),
            size: object.size,
        }]);
    }
    let folder = if uri.is_prefix() {
        uri.clone()
    } else {
        uri.with_key(&format!("{}/", uri.key()))
    };
    let parts: Vec<Part> = client
        .list(&folder)?
        .into_iter()
        .filter(|object| object.size > 0 && is_data(&object.key))
        .map(|object| Part {
            location: Location::Store(uri.with_key(&object.key)),
            size: object.size,
        })
        .collect();
    if !parts.is_empty() {
        return Ok(parts);
    }
    if uri.is_prefix() {
        return Err(MagicError::not_found(format!("{uri} holds no data files"))
            .with_hint(format!("`%s3 ls s3://{}` lists the bucket", uri.bucket())));
    }
    // The client knows best what is missing, and which key is near.
    let content = client.get(uri, &())?;
    Ok(vec![Part {
        location: Location::Store(uri.clone()),
        size: content.len() as u64,
    }])
}

/// Spark's and others' bookkeeping (`_SUCCESS`, `.crc`) is no data.
fn is_data(key: &str) -> bool {
    let name = key.rsplit('/').next().unwrap_or(key);
    !name.is_empty() && !name.starts_with(['_', '.'])
}

fn parts_on_disk(path: &Path, typed: &str, session: &Session) -> Result<Vec<Part>, MagicError> {
    let metadata = std::fs::metadata(path).map_err(|error| no_such_file(path, typed, session, &error))?;
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
    add_below(path, typed.trim_end_matches('/'), &mut parts)?;
    parts.sort_by_key(|part| part.location.shown());
    if parts.is_empty() {
        return Err(MagicError::not_found(format!("the folder {typed} holds no data files")));
    }
    Ok(parts)
}

fn add_below(folder: &Path, typed: &str, parts: &mut Vec<Part>) -> Result<(), MagicError> {
    let entries = std::fs::read_dir(folder).map_err(|error| MagicError::file(folder, "list", &error))?;
    for entry in entries {
        let path = entry.map_err(|error| MagicError::file(folder, "list", &error))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let kind = path
            .symlink_metadata()
            .map_err(|error| MagicError::file(&path, "read", &error))?;
        let typed = format!("{typed}/{name}");
        // A link to a folder may lead back to where it stands.
        if is_data(&name) && kind.is_dir() {
            add_below(&path, &typed, parts)?;
            continue;
        }
        let metadata = std::fs::metadata(&path).map_err(|error| MagicError::file(&path, "read", &error))?;
        if is_data(&name) && metadata.is_file() && metadata.len() > 0 {
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
pub(crate) fn bytes(part: &Part, session: &Session, watch: &Watch<'_>) -> Result<Bytes, MagicError> {
    let bytes = match &part.location {
        Location::Store(uri) => session.places().store(uri)?.get(uri, watch)?,
        Location::File { path, .. } => read_file(path, part.size, watch)?.into(),
    };
    watch.file_done(part.size);
    Ok(bytes)
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
