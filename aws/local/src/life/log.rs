//! The service's log: one file, readable by the user alone, put aside once when it has grown
//! to [`MAX_BYTES`], so that it never takes more than twice that. Keys and signatures are never
//! written: what is logged are our own events, not requests.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ironsage_contract::env;
use parking_lot::Mutex;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

/// How large the file grows.
pub const MAX_BYTES: u64 = 10 * 1024 * 1024;
/// What is logged unless the environment says otherwise. s3s logs whole requests when it is
/// allowed to.
const FILTER: &str = "info,s3s=off,hyper=off,hyper_util=off,redb=warn";

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

/// The last lines of the file.
pub fn tail(path: &Path) -> String {
    let bytes = std::fs::read(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes[bytes.len().saturating_sub(4096)..]).into_owned();
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

impl Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let mut state = self.state.lock();
        if state.size > MAX_BYTES
            && let Ok(file) = open(&state.path)
        {
            // Panics and other programs' words go to the same place, through descriptor 2.
            let _ = rustix::stdio::dup2_stderr(&file);
            let _ = rustix::stdio::dup2_stdout(&file);
            state.file = file;
            state.size = 0;
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
    let file = open(path)?;
    let size = file.metadata()?.len();
    let writer = Writer {
        state: Arc::new(Mutex::new(State {
            path: path.to_owned(),
            file,
            size,
        })),
    };
    let filter = std::env::var(env::ENV_LOG)
        .ok()
        .and_then(|filter| EnvFilter::try_new(filter).ok());
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter.unwrap_or_else(|| EnvFilter::new(FILTER)))
        .with_ansi(false)
        .with_target(false)
        .with_writer(writer)
        .try_init();
    Ok(())
}
