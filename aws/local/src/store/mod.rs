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
use index::{Index, Tx};
use rows::{UploadRow, decode, now_ms};

/// Bodies up to this size live in the index.
pub const INLINE_LIMIT: usize = 16 * 1024;
/// How long an unfinished multipart upload is kept: what AWS advises buckets to be set to.
const UPLOAD_MILLISECONDS: i64 = 7 * 24 * 3600 * 1000;
/// With less space than this on the disk the service does not start.
const NEEDED_BYTES: u64 = 1024 * 1024;

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
    /// Opens the store, making it where there is none, and removes what unfinished uploads
    /// left behind.
    pub async fn open(folder: &Path) -> Result<Store, StoreError> {
        let contents = Arc::new(Contents::open(folder)?);
        let index = Index::open(&folder.join("index.redb"), contents.clone())?;
        // The index may be new here.
        sync_folder(folder)?;
        contents.collect(&index)?;
        let store = Store { index, contents };
        if let Err(error) = store.drop_old_uploads().await {
            // A disk without space for this still serves what it has.
            tracing::warn!("old multipart uploads could not be removed: {error}");
        }
        Ok(store)
    }

    async fn drop_old_uploads(&self) -> Result<(), StoreError> {
        let oldest = now_ms() - UPLOAD_MILLISECONDS;
        let old: Vec<String> = self
            .index
            .read(|rx| rx.uploads())?
            .into_iter()
            .filter(|(id, row)| decode::<UploadRow>(id, row).is_ok_and(|upload| upload.initiated < oldest))
            .map(|(id, _)| id)
            .collect();
        if old.is_empty() {
            return Ok(());
        }
        tracing::info!(
            "removing {} multipart uploads that nobody completed for a week",
            old.len()
        );
        self.index
            .write(move |tx: &Tx<'_>| old.iter().try_for_each(|id| tx.remove_upload(id)))
            .await
    }
}

/// Says that the disk is full before something halfway through fails in words of its own.
pub fn need_space(folder: &Path) -> Result<(), StoreError> {
    match rustix::fs::statvfs(folder) {
        Ok(disk) if is_short(disk.f_blocks, disk.f_bavail.saturating_mul(disk.f_frsize)) => Err(StoreError::Full {
            path: folder.display().to_string(),
            message: "less than 1 MiB is free".to_owned(),
        }),
        _ => Ok(()),
    }
}

/// A file system without any blocks does not tell, which is no reason to refuse.
fn is_short(blocks: u64, free_bytes: u64) -> bool {
    blocks > 0 && free_bytes < NEEDED_BYTES
}

/// Makes a folder that only the user can enter, and the parents that are not there yet.
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::rows::{Headers, encode};
    use super::*;

    #[tokio::test]
    async fn uploads_that_nobody_completes_go_after_a_week() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).await.unwrap();
        for (id, days) in [("old", 8), ("young", 6)] {
            let row = UploadRow {
                bucket: "shells".to_owned(),
                key: "key".to_owned(),
                initiated: now_ms() - days * 24 * 3600 * 1000,
                headers: Headers::default(),
                algorithm: None,
                full_object: false,
            };
            let row = encode(&row).unwrap();
            let put = store.index.write(move |tx: &Tx<'_>| tx.put_upload(id, &row));
            put.await.unwrap();
        }
        drop(store);
        let store = Store::open(folder.path()).await.unwrap();
        let left = store.index.read(|rx| rx.uploads()).unwrap();
        assert_eq!(left.iter().map(|(id, _)| id.as_str()).collect::<Vec<_>>(), ["young"]);
    }

    #[test]
    fn a_disk_is_full_before_its_last_byte() {
        assert!(is_short(1000, 0) && is_short(1000, NEEDED_BYTES - 1));
        assert!(!is_short(1000, NEEDED_BYTES) && !is_short(0, 0));
        need_space(&std::env::temp_dir()).unwrap();
    }
}
