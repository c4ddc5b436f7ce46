//! Why the local service could not be started, stopped or asked.
//!
//! A text holds its cause already; it is no `source` besides, which would be told twice by who
//! prints a chain of errors.

use std::path::PathBuf;

use ironsage_contract::env;

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
    /// The environment asks for something that is no port.
    #[error("{} is '{value}', which is no port", env::ENV_LOCAL_PORT)]
    NoPort {
        /// The variable's value.
        value: String,
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
    #[error("{executable} could not be started: {cause}")]
    Start {
        /// The executable.
        executable: PathBuf,
        /// What the system said.
        cause: std::io::Error,
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
    #[error("{path}: {cause}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
    /// The network, threads or processes of the system refused.
    #[error("{what}: {cause}")]
    System {
        /// What was tried.
        what: &'static str,
        /// What the system said.
        cause: std::io::Error,
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
                "`lsof -i :{port}` shows who else uses it; end that, choose another port ({0}=…), or unset {0}: a free \
                 one is chosen then",
                env::ENV_LOCAL_PORT
            )),
            LocalError::NoPort { .. } => Some(format!(
                "set {0} to a number from 1 to 65535, or unset it: a free port is chosen then",
                env::ENV_LOCAL_PORT
            )),
            LocalError::AlreadyRuns { .. } => {
                Some("`ironsage local status` says where; `ironsage local stop` stops it".to_owned())
            }
            LocalError::Ended { log, .. } => Some(format!("look into {}", log.display())),
            LocalError::Silent { .. } => Some(
                "it may be checking its store after a crash: run the cell again in a minute; \
                     `ironsage local stop` ends it"
                    .to_owned(),
            ),
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
