//! What was read from afar, kept on disk, so that Run All doesn't fetch the same data twice.
//!
//! A kept object is a file named by a hash of endpoint, bucket and key, by its ETag and its
//! size; nothing of an address can be read from a name. Whether it still counts is S3's word: the
//! read asks with `If-None-Match`, so that a changed object is never served, and one that
//! the caller may no longer read is refused as without a cache.
//!
//! Files appear by a rename and are never changed, so that several kernels can share the folder: one
//! that removes a file takes nothing from another that reads it. The folder is held
//! below a limit by removing what was not used for longest. Keeping is a favour: it happens behind
//! the caller's back, and where it fails (a full disk, say) the next read fetches again.
//!
//! Not kept: objects of this machine's own service, which are read as fast as a kept file (0.8 to 1.0 GB/s
//! and 0.9 to 1.2 GB/s of 512 MiB by `benches/transfers.rs`), so that the copy would cost disk and gain
//! nothing; and those below [`WORTH_KEEPING`], which arrive within the round trip that asking takes.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use ironsage_contract::env::{ENV_CACHE_GB, ENV_USER_HOME, ENV_XDG_CACHE_HOME};
use ironsage_contract::{Home, S3Uri};
use md5::{Digest as _, Md5};

use crate::Place;
use crate::s3::unquoted;

/// Smaller objects are as fast from S3: at 1 Gbit/s they take 8 ms, less than the round trip to most regions.
const WORTH_KEEPING: u64 = 1 << 20;
/// The limit when nothing else is said, in GB.
const DEFAULT_GB: f64 = 4.0;
/// How much memory may wait to be written; what would be more isn't kept.
const WAITING: u64 = 1 << 30;
/// Half-written files start with this.
const DRAFT: &str = ".draft-";
/// A half-written file this old was left behind by a kernel that ended.
const STALE: Duration = Duration::from_secs(3600);
/// How much is read between two looks at whether to stop.
const STEP: u64 = 8 << 20;

/// A folder of kept objects and its limit. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Cache {
    folder: Arc<Path>,
    limit: u64,
    waiting: Arc<AtomicU64>,
}

impl Cache {
    /// A cache in this folder, which is made when the first object is kept, of at most `limit` bytes.
    pub fn at(folder: impl AsRef<Path>, limit: u64) -> Cache {
        Cache {
            folder: folder.as_ref().into(),
            limit,
            waiting: Arc::default(),
        }
    }

    /// The user's cache: in the home where that is private, else in the user's folder for caches. None
    /// where `IRONSAGE_CACHE_GB` is 0 or no folder is known.
    pub(crate) fn of_user() -> Option<Cache> {
        let lookup = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let limit = limit_of(lookup(ENV_CACHE_GB).as_deref());
        let folder = match Home::from_env() {
            Ok(home) if home.is_private() => home.path().join("cache"),
            _ => folder_for_caches(lookup)?.join("ironsage"),
        };
        (limit > 0).then(|| Cache::at(folder.join("objects"), limit))
    }

    /// Where an object has its place.
    pub(crate) fn slot(&self, place: &Place, uri: &S3Uri) -> Slot {
        let endpoint = place.endpoint.as_deref().unwrap_or("aws");
        let address = format!("{endpoint}\n{}\n{}", uri.bucket(), uri.key());
        Slot {
            cache: self.clone(),
            name: hex::encode(Md5::digest(address)),
        }
    }

    /// Removes what was not used for longest until the rest is within the limit.
    fn shrink(&self) -> std::io::Result<()> {
        let mut files = Vec::new();
        for entry in std::fs::read_dir(&self.folder)?.flatten() {
            // Another kernel may have removed it just now.
            let Ok(about) = entry.metadata() else { continue };
            let used = about.modified().unwrap_or(SystemTime::UNIX_EPOCH);
            if !is_draft(&entry) {
                files.push((used, about.len(), entry.path()));
            } else if used.elapsed().is_ok_and(|age| age > STALE) {
                let _ = std::fs::remove_file(entry.path());
            }
        }
        files.sort();
        let mut total: u64 = files.iter().map(|(_, size, _)| size).sum();
        for (_, size, path) in files {
            if total <= self.limit {
                break;
            }
            let _ = std::fs::remove_file(path);
            total -= size;
        }
        Ok(())
    }
}

/// One object's place in the cache.
pub(crate) struct Slot {
    cache: Cache,
    name: String,
}

/// An object that is there, open.
pub(crate) struct Kept {
    file: File,
    etag: String,
    size: u64,
}

impl Slot {
    /// What is kept of the object, if anything. Looking counts as use.
    pub(crate) fn find(&self) -> Option<Kept> {
        self.versions().into_iter().find_map(|path| {
            let name = path.file_name()?.to_str()?;
            let (etag, size) = name
                .strip_prefix(self.name.as_str())?
                .strip_prefix('.')?
                .split_once('.')?;
            let size = size.parse().ok()?;
            let file = File::open(&path).ok()?;
            // A machine that lost power may have kept the name and not the content.
            if file.metadata().ok()?.len() != size {
                return None;
            }
            let _ = file.set_modified(SystemTime::now());
            let etag = etag.to_owned();
            Some(Kept { file, etag, size })
        })
    }

    /// Keeps the object in the background, in place of an older version.
    pub(crate) fn keep(self, etag: &str, whole: Bytes) {
        let size = whole.len() as u64;
        let etag = unquoted(etag);
        let is_plain = etag.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if size < WORTH_KEEPING || size > self.cache.limit || etag.is_empty() || !is_plain {
            return;
        }
        let waiting = Arc::clone(&self.cache.waiting);
        let before = waiting.fetch_add(size, Ordering::Relaxed);
        let keep = move || {
            if (before == 0 || before + size <= WAITING)
                && let Err(error) = self.write(&etag, &whole)
            {
                tracing::debug!(%error, "an object could not be kept in the cache");
            }
            waiting.fetch_sub(size, Ordering::Relaxed);
        };
        // Not waited for: a caller who ends takes nothing with him but a draft.
        drop(tokio::task::spawn_blocking(keep));
    }

    fn write(&self, etag: &str, whole: &[u8]) -> std::io::Result<()> {
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.cache.folder)?;
        let mut draft = tempfile::Builder::new().prefix(DRAFT).tempfile_in(&self.cache.folder)?;
        draft.write_all(whole)?;
        let path = self.cache.folder.join(format!("{}.{etag}.{}", self.name, whole.len()));
        draft.persist(&path).map_err(|error| error.error)?;
        for older in self.versions().into_iter().filter(|older| *older != path) {
            let _ = std::fs::remove_file(older);
        }
        self.cache.shrink()
    }

    /// The files of this object: one, but for the moment in which a new version replaces an old one.
    fn versions(&self) -> Vec<PathBuf> {
        let Ok(entries) = std::fs::read_dir(&self.cache.folder) else {
            return Vec::new();
        };
        let of_this = |path: &PathBuf| {
            let name = path.file_name().and_then(|name| name.to_str());
            name.is_some_and(|name| name.starts_with(&self.name))
        };
        entries.flatten().map(|entry| entry.path()).filter(of_this).collect()
    }
}

impl Kept {
    /// Its ETag, without quotes.
    pub(crate) fn etag(&self) -> &str {
        &self.etag
    }

    /// Its size in bytes.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// All of it; none when it can't be read, or when stopped. `done` counts the bytes.
    pub(crate) fn read(mut self, done: &AtomicU64, stopped: &AtomicBool) -> Option<Bytes> {
        let mut whole = Vec::new();
        whole.try_reserve_exact(self.size as usize).ok()?;
        while !stopped.load(Ordering::Relaxed) {
            let step = STEP.min(self.size - whole.len() as u64);
            if step == 0 {
                return Some(whole.into());
            }
            let read = (&mut self.file).take(step).read_to_end(&mut whole).ok()?;
            if read == 0 {
                return None;
            }
            done.store(whole.len() as u64, Ordering::Relaxed);
        }
        None
    }
}

fn is_draft(entry: &std::fs::DirEntry) -> bool {
    entry.file_name().to_string_lossy().starts_with(DRAFT)
}

/// The limit in bytes, from GB as they are written.
fn limit_of(written: Option<&str>) -> u64 {
    let gigabytes = match written.map(|written| written.trim().parse::<f64>()) {
        None => DEFAULT_GB,
        Some(Ok(gigabytes)) if gigabytes >= 0.0 => gigabytes,
        Some(_) => {
            tracing::warn!("{ENV_CACHE_GB} is no number of GB: {DEFAULT_GB} it is");
            DEFAULT_GB
        }
    };
    (gigabytes * 1e9) as u64
}

fn folder_for_caches(lookup: impl Fn(&str) -> Option<String>) -> Option<PathBuf> {
    // XDG wants relative values to be ignored.
    let named = lookup(ENV_XDG_CACHE_HOME).map(PathBuf::from);
    if let Some(named) = named.filter(|named| named.is_absolute()) {
        return Some(named);
    }
    let user = PathBuf::from(lookup(ENV_USER_HOME)?);
    Some(user.join(if cfg!(target_os = "macos") {
        "Library/Caches"
    } else {
        ".cache"
    }))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn slot(cache: &Cache, key: &str) -> Slot {
        let place = Place::with_keys("aws", None, "eu-west-1", "id", "secret");
        cache.slot(&place, &format!("s3://shells/{key}").parse().unwrap())
    }

    fn read(slot: &Slot) -> Option<Bytes> {
        slot.find()?.read(&AtomicU64::new(0), &AtomicBool::new(false))
    }

    fn names(cache: &Cache) -> Vec<String> {
        let entries = std::fs::read_dir(&cache.folder).unwrap().flatten();
        entries
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect()
    }

    #[test]
    fn a_new_version_takes_the_place_of_the_old_one() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::at(folder.path().join("objects"), 1000);
        let secret = slot(&cache, "secret-name.csv");
        assert!(secret.find().is_none(), "nor is there a folder");
        secret.write("aa-1", b"old").unwrap();
        secret.write("bb-2", b"newer").unwrap();
        slot(&cache, "other.csv").write("aa-1", b"other").unwrap();
        assert_eq!(secret.find().unwrap().etag(), "bb-2");
        assert_eq!(read(&secret).unwrap(), "newer");
        assert_eq!(names(&cache).len(), 2);
        assert!(!names(&cache).concat().contains("secret"), "{:?}", names(&cache));
    }

    #[test]
    fn what_was_not_used_for_longest_goes_first() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::at(folder.path(), 10);
        let [a, b, c] = ["a", "b", "c"].map(|key| slot(&cache, key));
        for (slot, age) in [(&a, 300), (&b, 200)] {
            slot.write("e", b"12345").unwrap();
            let used = SystemTime::now() - Duration::from_secs(age);
            File::open(&slot.versions()[0]).unwrap().set_modified(used).unwrap();
        }
        assert!(a.find().is_some(), "looked at: now b is the older one");
        c.write("e", b"12345").unwrap();
        assert_eq!([&a, &b, &c].map(|slot| slot.find().is_some()), [true, false, true]);
    }

    #[test]
    fn drafts_that_were_left_behind_go_and_those_being_written_stay() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::at(folder.path(), 10);
        let [old, new] = ["old", "new"].map(|name| folder.path().join(format!("{DRAFT}{name}")));
        std::fs::write(&new, "much more than the limit").unwrap();
        let left = File::create(&old).unwrap();
        left.set_modified(SystemTime::now() - 2 * STALE).unwrap();
        slot(&cache, "a").write("e", b"1").unwrap();
        assert!(new.exists() && !old.exists());
    }

    #[test]
    fn a_file_that_lost_its_content_does_not_count() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::at(folder.path(), 10);
        let slot = slot(&cache, "a");
        slot.write("e", b"12345").unwrap();
        std::fs::write(&slot.versions()[0], b"").unwrap();
        assert!(slot.find().is_none());
    }

    #[test]
    fn the_limit_is_in_gigabytes() {
        assert_eq!(limit_of(None), 4_000_000_000);
        assert_eq!(limit_of(Some("0.5")), 500_000_000);
        assert_eq!(limit_of(Some("0")), 0);
        assert_eq!(limit_of(Some("plenty")), 4_000_000_000);
    }

    #[test]
    fn caches_lie_where_the_system_wants_them() {
        let with = |variables: &'static [(&str, &str)]| {
            folder_for_caches(|name| {
                let found = variables.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| (*value).to_owned())
            })
        };
        assert_eq!(
            with(&[(ENV_XDG_CACHE_HOME, "/c"), (ENV_USER_HOME, "/h")]),
            Some("/c".into())
        );
        let by_home = with(&[(ENV_XDG_CACHE_HOME, "relative"), (ENV_USER_HOME, "/h")]).unwrap();
        assert!(by_home.starts_with("/h"), "{by_home:?}");
        assert_eq!(with(&[]), None);
    }
}
