//! Why there is no prelude, and what to do about it.

use std::path::{Path, PathBuf};

use crate::toolchain::ToolchainError;

/// The prelude could not be put in place.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WarmError {
    /// There is no usable toolchain.
    #[error(transparent)]
    Toolchain(#[from] ToolchainError),
    /// Cargo is missing.
    #[error("there is no `cargo` on the PATH, nor through rustup")]
    NoCargo,
    /// There is no folder to work in.
    #[error("the user has no cache folder")]
    NoHome,
    /// The folder is not the workspace that has the prelude.
    #[error("{} is not the Ironsage workspace: {reason}", folder.display())]
    NotTheWorkspace {
        /// The folder.
        folder: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// What the executable carries cannot be unpacked.
    #[error("the sources in this executable are damaged: {reason}")]
    Sources {
        /// What is wrong with them.
        reason: String,
    },
    /// Cargo did not build it.
    #[error("cargo could not build the prelude ({status})\n{output}")]
    Build {
        /// How cargo ended.
        status: String,
        /// The end of what it said.
        output: String,
    },
    /// Cargo's answer lacks a part.
    #[error("cargo built the prelude without {missing}")]
    Incomplete {
        /// What is missing.
        missing: String,
    },
    /// It was told to stop.
    #[error("stopped; what is compiled is kept")]
    Stopped,
    /// A file could not be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

impl WarmError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            WarmError::Toolchain(error) => return error.hint(),
            WarmError::NoCargo => "install Rust by rustup (https://rustup.rs), or put cargo on the PATH",
            WarmError::NoHome => "set HOME, or XDG_CACHE_HOME and XDG_DATA_HOME",
            WarmError::NotTheWorkspace { .. } => {
                "give the folder of Ironsage's sources, or leave `--from` away: the executable carries what is needed"
            }
            WarmError::Sources { .. } => "install Ironsage again",
            WarmError::Build { .. } => {
                "if a download failed, check the network; if a compiler was killed, memory ran out: set CARGO_BUILD_JOBS=1. \
                 `ironsage warm` in a terminal tries again from where it was"
            }
            WarmError::File { source, .. } if source.kind() == std::io::ErrorKind::StorageFull => {
                "make room: a build takes about 6 GB, and what is kept of it 600 MB"
            }
            WarmError::Incomplete { .. } | WarmError::Stopped | WarmError::File { .. } => return None,
        };
        Some(hint.to_owned())
    }
}

pub(super) fn at(path: &Path) -> impl FnOnce(std::io::Error) -> WarmError + '_ {
    move |source| WarmError::File {
        path: path.to_owned(),
        source,
    }
}
