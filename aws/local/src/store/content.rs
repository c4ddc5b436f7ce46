//! Content files: immutable, under random ids, complete by the time they have their name.
//!
//! A file that is being read stays until its last reader is done: readers pin what they
//! read, and a removal of pinned content waits.

use std::collections::HashMap;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use s3s::checksum::ChecksumHasher;
use s3s::crypto::{Checksum as _, Md5};

use super::index::Index;
use super::rows::{ContentId, Sums};
use super::{StoreError, private_folder, sync_folder};

/// The folder of content files.
pub struct Contents {
    finished: PathBuf,
    unfinished: PathBuf,
    pins: Mutex<HashMap<ContentId, Pinned>>,
}

#[derive(Default)]
struct Pinned {
    readers: usize,
    doomed: bool,
}

/// Which checksums a body is hashed with, beside MD5.
#[derive(Clone, Copy, Debug, Default)]
pub struct Algorithms {
    /// CRC-32.
    pub crc32: bool,
    /// CRC-32C.
    pub crc32c: bool,
    /// CRC-64/NVME.
    pub crc64nvme: bool,
    /// SHA-1.
    pub sha1: bool,
    /// SHA-256.
    pub sha256: bool,
}

impl Algorithms {
    /// Adds one by S3's name, in any case; false when S3 knows no such one.
    pub fn add(&mut self, name: &str) -> bool {
        match name.to_ascii_uppercase().as_str() {
            "CRC32" => self.crc32 = true,
            "CRC32C" => self.crc32c = true,
            "CRC64NVME" => self.crc64nvme = true,
            "SHA1" => self.sha1 = true,
            "SHA256" => self.sha256 = true,
            _ => return false,
        }
        true
    }
}

/// Hashes a body while it goes by.
pub struct Hasher {
    md5: Md5,
    sums: ChecksumHasher,
}

impl Hasher {
    /// MD5 and what else is asked for.
    pub fn new(algorithms: Algorithms) -> Hasher {
        let sums = ChecksumHasher {
            crc32: algorithms.crc32.then(s3s::crypto::Crc32::new),
            crc32c: algorithms.crc32c.then(s3s::crypto::Crc32c::new),
            crc64nvme: algorithms.crc64nvme.then(s3s::crypto::Crc64Nvme::new),
            sha1: algorithms.sha1.then(s3s::crypto::Sha1::new),
            sha256: algorithms.sha256.then(s3s::crypto::Sha256::new),
        };
        Hasher { md5: Md5::new(), sums }
    }

    /// More of the body.
    pub fn update(&mut self, bytes: &[u8]) {
        self.md5.update(bytes);
        self.sums.update(bytes);
    }

    /// The MD5 and the checksums.
    pub fn finish(self) -> ([u8; 16], Sums) {
        let mut md5 = [0; 16];
        md5.copy_from_slice(self.md5.finalize().as_ref());
        let sums = self.sums.finalize();
        let sums = Sums {
            crc32: sums.checksum_crc32,
            crc32c: sums.checksum_crc32c,
            crc64nvme: sums.checksum_crc64nvme,
            sha1: sums.checksum_sha1,
            sha256: sums.checksum_sha256,
        };
        (md5, sums)
    }
}

/// A file that is being written. Dropped before it is finished, it is gone.
pub struct Unfinished {
    contents: Arc<Contents>,
    id: ContentId,
    path: PathBuf,
    file: File,
    /// How much was handed to the disk already.
    started: u64,
    written: u64,
}

/// A finished content file that no committed row names yet. Dropped so, it is gone; once its
/// row is about to be committed it is handed over (`Tx::keep`).
pub struct Fresh {
    contents: Arc<Contents>,
    id: ContentId,
    kept: bool,
}

/// Content that somebody reads and that therefore stays.
pub struct Pin {
    contents: Arc<Contents>,
    ids: Vec<ContentId>,
}

impl Contents {
    /// Opens the folder, making it where there is none, and drops unfinished uploads: the
    /// process that wrote them is gone, since only the holder of the service's lock comes here.
    pub fn open(folder: &Path) -> Result<Contents, StoreError> {
        let (finished, unfinished) = (folder.join("content"), folder.join("unfinished"));
        if unfinished.exists() {
            std::fs::remove_dir_all(&unfinished).map_err(|source| StoreError::io(&unfinished, &source))?;
        }
        private_folder(&unfinished)?;
        if !finished.join("ff").exists() {
            for first in 0..=255u8 {
                private_folder(&finished.join(format!("{first:02x}")))?;
            }
            sync_folder(&finished)?;
        }
        sync_folder(folder)?;
        Ok(Contents {
            finished,
            unfinished,
            pins: Mutex::default(),
        })
    }

    /// Where a content file lies.
    pub fn path(&self, id: ContentId) -> PathBuf {
        let name = id.hex();
        self.finished.join(&name[..2]).join(name)
    }

    /// Begins a new content file.
    pub fn begin(self: &Arc<Self>) -> Result<Unfinished, StoreError> {
        use std::os::unix::fs::OpenOptionsExt;
        let id = ContentId::random();
        let path = self.unfinished.join(id.hex());
        let file = std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .map_err(|source| StoreError::io(&path, &source))?;
        Ok(Unfinished {
            contents: self.clone(),
            id,
            path,
            file,
            started: 0,
            written: 0,
        })
    }

    /// Removes a content file now, or when its last reader is done.
    pub fn discard(&self, id: ContentId) {
        let mut pins = self.pins.lock();
        if let Some(pinned) = pins.get_mut(&id) {
            pinned.doomed = true;
            return;
        }
        drop(pins);
        self.unlink(id);
    }

    fn unlink(&self, id: ContentId) {
        // What cannot be removed now is collected at the next start.
        if let Err(error) = std::fs::remove_file(self.path(id)) {
            tracing::warn!("content {} could not be removed: {error}", id.hex());
        }
    }

    /// Pins content. The caller must look afterwards whether its row is still the same: a
    /// removal that was faster than the pin is seen there.
    pub fn pin(self: &Arc<Self>, ids: Vec<ContentId>) -> Pin {
        let mut pins = self.pins.lock();
        for id in &ids {
            pins.entry(*id).or_default().readers += 1;
        }
        drop(pins);
        Pin {
            contents: self.clone(),
            ids,
        }
    }

    /// Removes content files that no row names: what a crash between rename and commit, or
    /// between commit and removal, left behind.
    pub fn collect(&self, index: &Index) -> Result<(), StoreError> {
        let mut removed = 0_u64;
        index.read(|rx| {
            for first in 0..=255u8 {
                let folder = self.finished.join(format!("{first:02x}"));
                let failed = |source: std::io::Error| StoreError::io(&folder, &source);
                for entry in std::fs::read_dir(&folder).map_err(failed)? {
                    let entry = entry.map_err(failed)?;
                    // A file that is not ours to judge stays.
                    let Some(id) = entry.file_name().to_str().and_then(ContentId::from_hex) else {
                        continue;
                    };
                    if !rx.has_content(id)? {
                        self.unlink(id);
                        removed += 1;
                    }
                }
            }
            Ok(())
        })?;
        if removed > 0 {
            tracing::info!("removed {removed} content files that no object names");
        }
        Ok(())
    }
}

impl Unfinished {
    /// Appends to the file.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.file
            .write_all(bytes)
            .map_err(|source| StoreError::io(&self.path, &source))?;
        self.written += bytes.len() as u64;
        // Without this the kernel holds everything back until the sync at the end, and a
        // large upload waits twice: once for the network, once for the disk.
        const STRIDE: u64 = 8 * 1024 * 1024;
        if self.written - self.started >= STRIDE {
            start_writing(&self.file, self.started, self.written - self.started);
            self.started = self.written;
        }
        Ok(())
    }

    /// Makes the file durable under its id.
    pub fn finish(self) -> Result<Fresh, StoreError> {
        self.file
            .sync_all()
            .map_err(|source| StoreError::io(&self.path, &source))?;
        let path = self.contents.path(self.id);
        std::fs::rename(&self.path, &path).map_err(|source| StoreError::io(&path, &source))?;
        let fresh = Fresh {
            contents: self.contents.clone(),
            id: self.id,
            kept: false,
        };
        if let Some(folder) = path.parent() {
            sync_folder(folder)?;
        }
        Ok(fresh)
    }
}

#[cfg(target_os = "linux")]
fn start_writing(file: &File, offset: u64, length: u64) {
    use std::os::fd::AsRawFd;
    let (Ok(offset), Ok(length)) = (i64::try_from(offset), i64::try_from(length)) else {
        return;
    };
    // SAFETY: a system call on an open descriptor, without memory. It is a hint: an error
    // here shows again, and counts, at the sync.
    let _ = unsafe { libc::sync_file_range(file.as_raw_fd(), offset, length, libc::SYNC_FILE_RANGE_WRITE) };
}

#[cfg(not(target_os = "linux"))]
fn start_writing(_file: &File, _offset: u64, _length: u64) {}

impl Drop for Unfinished {
    fn drop(&mut self) {
        // After `finish` the name is gone already.
        let _ = std::fs::remove_file(&self.path);
    }
}

impl Fresh {
    /// The id.
    pub fn id(&self) -> ContentId {
        self.id
    }

    /// From now on a row names it, and the index takes the file back if that row's commit fails.
    /// Who cannot tell leaves it as an orphan that the next start collects; the other way round
    /// a committed object could lose its content.
    pub fn keep(&mut self) {
        self.kept = true;
    }
}

impl Drop for Fresh {
    fn drop(&mut self) {
        if !self.kept {
            self.contents.discard(self.id);
        }
    }
}

impl Drop for Pin {
    fn drop(&mut self) {
        let mut gone = Vec::new();
        let mut pins = self.contents.pins.lock();
        for id in &self.ids {
            if let Some(pinned) = pins.get_mut(id) {
                pinned.readers -= 1;
                if pinned.readers == 0 {
                    if pinned.doomed {
                        gone.push(*id);
                    }
                    pins.remove(id);
                }
            }
        }
        drop(pins);
        for id in gone {
            self.contents.unlink(id);
        }
    }
}
