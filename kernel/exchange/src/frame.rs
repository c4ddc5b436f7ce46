//! Frames as sealed memory files.
//!
//! A memory file has no name, so nothing has to be cleaned up after a crash, and no size limit of
//! a mounted /dev/shm applies. It is sealed after writing: no holder can change or shrink it, which
//! is what makes mapping it sound for the reader.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::path::{Path, PathBuf};

use polars::prelude::{DataFrame, DataType, IpcReader, IpcWriter, PolarsError, PolarsResult, SerReader, SerWriter};
use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, fcntl_get_seals, memfd_create};

/// How much is handed to the memory file at once.
const WRITE_BUFFER: usize = 1 << 20;
/// Bytes of a record batch.
const BATCH: usize = 64 << 20;

/// A frame did not reach the other process.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExchangeError {
    /// The memory file could not be made, written or sealed.
    #[error("cannot write a frame of {rows} rows to shared memory: {source}")]
    Write {
        /// Rows of the frame.
        rows: usize,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file that should hold a frame could not be opened.
    #[error("cannot open the shared frame {}: {source}", path.display())]
    Open {
        /// Where the frame should have been.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is not a sealed memory file of ours.
    #[error("the shared frame is not sealed: its writer could change it while it is read")]
    NotSealed,
    /// The bytes are not Arrow IPC, or hold a type that Polars cannot exchange.
    #[error("cannot exchange the frame as Arrow: {0}")]
    Arrow(#[from] PolarsError),
}

impl ExchangeError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            ExchangeError::Write { .. } => Some(
                "a frame that is shared needs its size in memory once more: free some, or share fewer columns"
                    .to_owned(),
            ),
            ExchangeError::Open { .. } => Some("its process has ended or dropped it: share it again".to_owned()),
            ExchangeError::NotSealed | ExchangeError::Arrow(_) => None,
        }
    }
}

/// A frame in a sealed memory file, which lives until the last process lets go of it.
#[derive(Debug)]
pub struct Shared {
    file: File,
    length: u64,
    rows: usize,
}

impl Shared {
    /// A path by which another process of the same user can open the file while this value lives.
    pub fn path(&self) -> PathBuf {
        PathBuf::from(format!("/proc/{}/fd/{}", std::process::id(), self.file.as_raw_fd()))
    }

    /// Bytes in the file.
    pub fn len(&self) -> u64 {
        self.length
    }

    /// Whether the file holds no bytes; Arrow's header makes this always false.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Rows of the frame.
    pub fn rows(&self) -> usize {
        self.rows
    }
}

impl AsFd for Shared {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

/// Copies a frame into a new sealed memory file.
///
/// ```
/// use polars::prelude::*;
/// let frame = df!("rings" => [7, 15], "sex" => ["F", "M"])?;
/// let shared = ironsage_exchange::share(&frame)?;
/// let mapped = ironsage_exchange::map(&shared.path())?;
/// assert!(mapped.equals(&frame));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn share(frame: &DataFrame) -> Result<Shared, ExchangeError> {
    let rows = frame.height();
    let failed = |source: std::io::Error| ExchangeError::Write { rows, source };
    let file = memfd_create("ironsage-frame", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)
        .map(File::from)
        .map_err(|error| failed(error.into()))?;
    let mut writer = BufWriter::with_capacity(WRITE_BUFFER, &file);
    IpcWriter::new(&mut writer).finish(&mut in_batches(frame)?)?;
    writer.flush().map_err(failed)?;
    drop(writer);
    fcntl_add_seals(
        &file,
        SealFlags::WRITE | SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL,
    )
    .map_err(|error| failed(error.into()))?;
    let length = file.metadata().map_err(failed)?.len();
    Ok(Shared { file, length, rows })
}

/// The same columns, in chunks of which the writer makes one record batch each: it gathers a batch in memory before it
/// writes it, so that the whole frame as one batch would be in memory three times.
fn in_batches(frame: &DataFrame) -> PolarsResult<DataFrame> {
    let (rows, bytes) = (frame.height(), frame.estimated_size());
    // A part of a column of nested texts has all the texts, and each batch would be written with them.
    let nested = frame.columns().iter().any(|column| holds_texts(column.dtype()));
    if bytes <= BATCH || nested {
        return Ok(frame.clone());
    }
    let step = (rows / bytes.div_ceil(BATCH)).max(1);
    let mut batches = frame.slice(0, step);
    for start in (step..rows).step_by(step) {
        batches.vstack_mut(&frame.slice(start as i64, step))?;
    }
    Ok(batches)
}

/// Whether a nested type has texts or bytes within.
fn holds_texts(dtype: &DataType) -> bool {
    let within = |inner: &DataType| matches!(inner, DataType::String | DataType::Binary) || holds_texts(inner);
    match dtype {
        DataType::List(inner) | DataType::Array(inner, _) => within(inner),
        DataType::Struct(fields) => fields.iter().any(|field| within(&field.dtype)),
        _ => false,
    }
}

/// Maps a frame that another process shared, by its [`Shared::path`].
///
/// The columns point into the mapping where Arrow's layout allows it; the mapping lives as long as
/// the frame and anything that was cut from it.
pub fn map(path: &Path) -> Result<DataFrame, ExchangeError> {
    let file = File::open(path).map_err(|source| ExchangeError::Open {
        path: path.to_owned(),
        source,
    })?;
    map_file(file)
}

/// Maps a frame from the memory file itself, as received over a socket.
pub fn map_file(file: File) -> Result<DataFrame, ExchangeError> {
    let seals = fcntl_get_seals(&file).map_err(|_| ExchangeError::NotSealed)?;
    if !seals.contains(SealFlags::WRITE | SealFlags::SHRINK) {
        return Err(ExchangeError::NotSealed);
    }
    let reader = IpcReader::new(file).set_rechunk(false);
    // SAFETY: the file is sealed, so its contents and length stay as they are while mapped; it was
    // written by `share`, in this program or in its own child, as valid Arrow.
    let frame = unsafe { reader.memory_mapped(Some(PathBuf::new())) }.finish()?;
    Ok(frame)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use polars::prelude::*;

    use super::*;

    #[test]
    fn an_unsealed_file_is_refused() {
        let file = memfd_create("open", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING).unwrap();
        assert!(matches!(map_file(File::from(file)), Err(ExchangeError::NotSealed)));
    }

    #[test]
    fn the_mapping_outlives_the_writer() {
        let frame = df!("x" => [1i64, 2, 3]).unwrap();
        let shared = share(&frame).unwrap();
        let mapped = map(&shared.path()).unwrap();
        drop(shared);
        assert!(mapped.equals(&frame));
    }

    #[test]
    fn a_sealed_file_cannot_be_written() {
        let shared = share(&df!("x" => [1i64]).unwrap()).unwrap();
        let mut file = shared.file.try_clone().unwrap();
        assert!(file.write_all(b"no").is_err());
        assert!(shared.file.set_len(0).is_err());
    }
}
