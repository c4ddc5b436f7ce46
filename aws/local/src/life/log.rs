//! The service's log: one file, readable by the user alone, put aside once when it has grown
//! to [`MAX_BYTES`], so that it never takes more than twice that. Keys and signatures are never
//! written: what is logged are our own events, not requests.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ironsage_contract::env;
use parking_lot::Mutex;
use tracing::Subscriber;
use tracing_subscriber::filter::{EnvFilter, filter_fn};
use tracing_subscriber::fmt::{self, MakeWriter};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// How large the file grows.
pub const MAX_BYTES: u64 = 10 * 1024 * 1024;
/// What is logged unless the environment says otherwise.
const FILTER: &str = "info,redb=warn";
/// What is never logged, whatever the environment says: these log whole requests.
const SILENT: [&str; 3] = ["s3s", "hyper", "hyper_util"];
/// How much of the file's end is shown.
const TAIL_BYTES: u64 = 4096;

/// Opens the file for appending, putting it aside first when it is full.
pub fn open(path: &Path) -> std::io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    if std::fs::metadata(path).is_ok_and(|metadata| metadata.len() > MAX_BYTES) {
        std::fs::rename(path, path.with_extension("log.1"))?;
    }
    std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(path)
}

/// The last lines of what was written since the file was so long.
pub fn tail(path: &Path, since: u64) -> String {
    let read = || -> std::io::Result<Vec<u8>> {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        // A shorter file is a new one: all of it was written since.
        let since = if since > length { 0 } else { since };
        file.seek(SeekFrom::Start(since.max(length.saturating_sub(TAIL_BYTES))))?;
        let mut bytes = Vec::new();
        file.take(TAIL_BYTES).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let bytes = read().unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(10)..].join("\n")
}

#[derive(Clone)]
struct Writer {
    state: Arc<Mutex<State>>,
}

struct State {
    path: PathBuf,
    file: File,
    size: u64,
}

impl Writer {
    fn open(path: &Path) -> std::io::Result<Writer> {
        let file = open(path)?;
        let size = file.metadata()?.len();
        let state = State {
            path: path.to_owned(),
            file,
            size,
        };
        Ok(Writer {
            state: Arc::new(Mutex::new(state)),
        })
    }
}

impl State {
    /// Goes on in a new file. Panics and other programs' words, which come through descriptors
    /// 1 and 2, go along where they went to the old one.
    fn turn(&mut self) -> std::io::Result<()> {
        let file = open(&self.path)?;
        if is_same(&self.file, rustix::stdio::stdout()) {
            rustix::stdio::dup2_stdout(&file)?;
        }
        if is_same(&self.file, rustix::stdio::stderr()) {
            rustix::stdio::dup2_stderr(&file)?;
        }
        self.size = file.metadata()?.len();
        self.file = file;
        Ok(())
    }
}

fn is_same(file: &File, other: impl std::os::fd::AsFd) -> bool {
    let of = |about: rustix::fs::Stat| (about.st_dev, about.st_ino);
    match (rustix::fs::fstat(file), rustix::fs::fstat(other)) {
        (Ok(one), Ok(other)) => of(one) == of(other),
        _ => false,
    }
}

impl Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let mut state = self.state.lock();
        if state.size > MAX_BYTES {
            // Where there can be no new file, the old one takes it.
            let _ = state.turn();
        }
        state.file.write_all(bytes)?;
        state.size += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Writer {
    type Writer = Writer;

    fn make_writer(&'a self) -> Writer {
        self.clone()
    }
}

/// Sends this process's events to the file, unless they go somewhere already.
pub fn install(path: &Path) -> std::io::Result<()> {
    let asked = std::env::var(env::ENV_LOG).ok();
    let _ = subscriber(Writer::open(path)?, asked.as_deref()).try_init();
    Ok(())
}

fn subscriber(writer: Writer, asked: Option<&str>) -> impl Subscriber + Send + Sync + use<> {
    let asked = asked.and_then(|filter| EnvFilter::try_new(filter).ok());
    let silent = |target: &str| SILENT.contains(&target.split("::").next().unwrap_or_default());
    tracing_subscriber::registry()
        .with(asked.unwrap_or_else(|| EnvFilter::new(FILTER)))
        .with(filter_fn(move |event| !silent(event.target())))
        .with(fmt::layer().with_ansi(false).with_target(false).with_writer(writer))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn no_filter_opens_what_logs_requests() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("service.log");
        let subscriber = subscriber(Writer::open(&path).unwrap(), Some("trace,s3s::ops=trace"));
        tracing::subscriber::with_default(subscriber, || {
            tracing::error!(target: "s3s::ops", "a secret of s3s");
            tracing::error!(target: "hyper_util", "a secret of hyper");
            tracing::trace!("our own word");
        });
        let log = std::fs::read_to_string(&path).unwrap();
        assert!(log.contains("our own word") && !log.contains("secret"), "{log}");
        assert!(!log.contains('\u{1b}'), "{log}");
    }

    #[test]
    fn the_log_is_bounded_while_it_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("service.log");
        let mut writer = Writer::open(&path).unwrap();
        let line = vec![b'x'; 1024 * 1024];
        for _ in 0..25 {
            writer.write_all(&line).unwrap();
        }
        let sizes = [path.clone(), path.with_extension("log.1")].map(|path| std::fs::metadata(path).unwrap().len());
        assert!(
            sizes.iter().all(|size| *size <= MAX_BYTES + line.len() as u64),
            "{sizes:?}"
        );
    }

    #[test]
    fn the_tail_is_what_this_start_wrote() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("service.log");
        let old = "old line\n".repeat(10_000);
        std::fs::write(&path, format!("{old}new line\n")).unwrap();
        assert_eq!(tail(&path, old.len() as u64), "new line");
        assert_eq!(tail(&path, 0).lines().count(), 10);
        assert_eq!(tail(&path, u64::MAX).lines().last(), Some("new line"));
        assert_eq!(tail(&folder.path().join("none"), 0), "");
    }
}
