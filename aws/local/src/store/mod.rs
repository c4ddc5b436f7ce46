//! Where objects and resources are kept, so that nothing acknowledged is ever lost and
//! nothing half-written is ever seen.
//!
//! - [`index`]: one transactional index (redb) that maps bucket and key to content, in key
//!   order; writes are grouped into durable commits by one thread.
//! - [`content`]: immutable content files under random ids. A body goes to a temporary file
//!   while it is hashed, is compared with what the client promised, synced, renamed into
//!   place, and only then named by an index row in a durable commit. What fits into
//!   [`INLINE_LIMIT`] goes into the index itself.
//! - [`rows`]: what the index holds.
//!
//! Keys are never paths. A removed or overwritten object's content is deleted after the
//! commit; what a crash leaves behind is collected when the store is opened.

pub mod content;
pub mod index;
pub mod rows;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use content::Contents;
use index::Index;

/// Bodies up to this size live in the index.
pub const INLINE_LIMIT: usize = 16 * 1024;

/// Why the store could not do something. Cloned, because one failed commit fails every
/// request that was grouped into it.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// The disk, or what this process may use of it, is full.
    #[error("the disk that holds the local store is full ({path}: {message})")]
    Full {
        /// What could not be written.
        path: String,
        /// What the system said.
        message: String,
    },
    /// A file could not be read or written.
    #[error("{path}: {message}")]
    Io {
        /// The file.
        path: String,
        /// What the system said.
        message: String,
    },
    /// The index refused.
    #[error("the store's index: {message}")]
    Index {
        /// What redb said.
        message: String,
    },
    /// A row in the index cannot be read: it was written by a newer version, or is damaged.
    #[error("the store's index has a row that cannot be read ({what}): {message}")]
    Row {
        /// Which row.
        what: String,
        /// Why.
        message: String,
    },
}

impl StoreError {
    /// From a failed file operation.
    pub fn io(path: &Path, source: &std::io::Error) -> StoreError {
        let (path, message) = (path.display().to_string(), source.to_string());
        if is_full(source) {
            StoreError::Full { path, message }
        } else {
            StoreError::Io { path, message }
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            StoreError::Full { .. } => Some("free some space, or point IRONSAGE_HOME at a larger disk".to_owned()),
            StoreError::Row { .. } => {
                Some("use the version of Ironsage that wrote this home, or another IRONSAGE_HOME".to_owned())
            }
            StoreError::Io { .. } | StoreError::Index { .. } => None,
        }
    }
}

/// Whether the system refused for want of space: a full disk, a quota, a file size limit.
pub fn is_full(error: &std::io::Error) -> bool {
    use std::io::ErrorKind;
    matches!(
        error.kind(),
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge
    )
}

/// The store under one folder. Only the holder of the service's lock opens it.
pub struct Store {
    /// The index.
    pub index: Index,
    /// The content files.
    pub contents: Arc<Contents>,
}

impl Store {
    /// Opens the store, making it where there is none, and removes what an unfinished
    /// upload left behind.
    pub fn open(folder: &Path) -> Result<Store, StoreError> {
        let contents = Arc::new(Contents::open(folder)?);
        let index = Index::open(&folder.join("index.redb"), contents.clone())?;
        contents.collect(&index)?;
        Ok(Store { index, contents })
    }
}

/// Makes a folder that only the user can enter, and its parents.
pub fn private_folder(path: &Path) -> Result<(), StoreError> {
    use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
    let failed = |source: std::io::Error| StoreError::io(path, &source);
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(failed)?;
    let metadata = std::fs::metadata(path).map_err(failed)?;
    if metadata.permissions().mode() & 0o077 != 0 {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700)).map_err(failed)?;
    }
    Ok(())
}

/// Makes what was renamed or created in a folder durable.
pub fn sync_folder(folder: &Path) -> Result<(), StoreError> {
    std::fs::File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(|source| StoreError::io(folder, &source))
}

/// Writes a small file so that readers see either the old or the new one, readable by the
/// user alone.
pub fn write_private(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".{}.new", std::process::id()));
    let new: PathBuf = path.with_file_name(name);
    let failed = |source: std::io::Error| StoreError::io(path, &source);
    let write = || -> std::io::Result<()> {
        let mut file = std::fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&new)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&new, path)
    };
    write()
        .inspect_err(|_| {
            let _ = std::fs::remove_file(&new);
        })
        .map_err(failed)?;
    if let Some(folder) = path.parent() {
        sync_folder(folder)?;
    }
    Ok(())
}
