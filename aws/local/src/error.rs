//! Why the local service could not be started, stopped or asked.

use std::path::PathBuf;

use crate::store::StoreError;

/// What [`crate::start`], [`crate::stop`], [`crate::status`] and [`crate::serve`] fail with.
#[derive(Debug, thiserror::Error)]
pub enum LocalError {
    /// The port that was asked for belongs to somebody else.
    #[error("port {port} on 127.0.0.1 is in use by another program")]
    PortInUse {
        /// The port.
        port: u16,
    },
    /// Another process serves this home already.
    #[error("the local service runs already for {home}")]
    AlreadyRuns {
        /// The home.
        home: PathBuf,
    },
    /// The service ended before it answered.
    #[error("the local service ended before it answered ({how}); the end of its log:\n{tail}")]
    Ended {
        /// How it ended.
        how: String,
        /// The end of its log.
        tail: String,
        /// The log.
        log: PathBuf,
    },
    /// The service was started but does not answer.
    #[error("the local service does not answer after {seconds} seconds; its log is {log}")]
    Silent {
        /// How long was waited.
        seconds: u64,
        /// The log.
        log: PathBuf,
    },
    /// The executable could not be started.
    #[error("{executable} could not be started: {source}")]
    Start {
        /// The executable.
        executable: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The user's key cannot be read.
    #[error("the key in {path} cannot be used: {why}")]
    Credentials {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// A file could not be read or written.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The network, threads or processes of the system refused.
    #[error("{what}: {source}")]
    System {
        /// What was tried.
        what: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
    /// The store refused.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The resources cannot be read.
    #[error("the service's state cannot be taken up: {0}")]
    State(String),
}

impl LocalError {
    /// What to do instead.
    pub fn hint(&self) -> Option<String> {
        match self {
            LocalError::PortInUse { port } => Some(format!(
                "end what uses port {port}, or start without a port: a free one is chosen"
            )),
            LocalError::AlreadyRuns { .. } => {
                Some("`ironsage local status` says where; `ironsage local stop` stops it".to_owned())
            }
            LocalError::Ended { log, .. } | LocalError::Silent { log, .. } => {
                Some(format!("look into {}", log.display()))
            }
            LocalError::Credentials { path, .. } => Some(format!(
                "remove {}; a new key is made at the next start",
                path.display()
            )),
            LocalError::Store(error) => error.hint(),
            LocalError::Start { .. } | LocalError::File { .. } | LocalError::System { .. } | LocalError::State(_) => {
                None
            }
        }
    }
}
