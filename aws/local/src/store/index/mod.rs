//! The index: one redb file, many readers, one thread that writes.
//!
//! - `tables`: what it holds.
//! - `read`: what a reading transaction gives.
//! - `write`: what a writing one does.
//!
//! A write is a closure that gets a [`Tx`]: it checks first and writes then, so that a
//! refusal (a failed condition) leaves nothing behind. The writing thread runs all closures
//! that wait into one transaction and answers them after its durable commit: concurrent
//! requests share the price of a sync. Conditions are checked inside the transaction, so two
//! writers cannot both win.
//!
//! After a failed write (a full disk) redb wants to be opened anew; that happens here, so
//! that old data stays readable and new data is taken as soon as there is space.

mod read;
mod tables;
mod write;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc;

use parking_lot::RwLock;
use redb::{Database, ReadableDatabase};

pub use read::{Rx, Walk};
use tables::{index_error, open_database};
pub use write::Tx;

use super::StoreError;
use super::content::Contents;
use super::rows::ContentId;

/// How many waiting writes are put into one transaction at most.
const GROUP: usize = 256;

type Deliver = Box<dyn FnOnce(Result<(), StoreError>) + Send>;
/// A write. In place of a transaction it may get the reason why there is none.
type Job = Box<dyn FnOnce(Result<&Tx<'_>, StoreError>) -> Deliver + Send>;

/// The index, open. Dropped, it ends its writing thread and closes the file.
pub struct Index {
    shared: Arc<Shared>,
    /// Taken only by the drop.
    jobs: Option<mpsc::Sender<Job>>,
    writer: Option<std::thread::JoinHandle<()>>,
}

struct Shared {
    path: PathBuf,
    /// The error is why it is closed: it could not be opened anew after that.
    database: RwLock<Result<Database, StoreError>>,
    contents: Arc<Contents>,
}

impl Index {
    /// Opens the index, making it where there is none, and starts its writing thread.
    pub fn open(path: &Path, contents: Arc<Contents>) -> Result<Index, StoreError> {
        let database = open_database(path)?;
        let shared = Arc::new(Shared {
            path: path.to_owned(),
            database: RwLock::new(Ok(database)),
            contents,
        });
        let (jobs, waiting) = mpsc::channel();
        let writing = shared.clone();
        let writer = std::thread::Builder::new()
            .name("index-writer".to_owned())
            .spawn(move || writing.write_all(&waiting))
            .map_err(|source| StoreError::io(path, &source))?;
        Ok(Index {
            shared,
            jobs: Some(jobs),
            writer: Some(writer),
        })
    }

    /// Reads a consistent state of the index.
    pub fn read<T>(&self, read: impl FnOnce(&Rx) -> Result<T, StoreError>) -> Result<T, StoreError> {
        self.shared.read(read)
    }

    /// Does one write, durable when it returns.
    pub async fn write<T, E>(&self, work: impl FnOnce(&Tx<'_>) -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (answer, answered) = tokio::sync::oneshot::channel();
        let job: Job = Box::new(move |tx: Result<&Tx<'_>, StoreError>| {
            let result = match tx {
                Ok(tx) => work(tx),
                Err(closed) => Err(closed.into()),
            };
            let deliver: Deliver = Box::new(move |committed| {
                // The request may be gone; the write is done all the same.
                let _ = answer.send(match committed {
                    Ok(()) => result,
                    Err(error) => Err(error.into()),
                });
            });
            deliver
        });
        let gone = || StoreError::Index {
            message: "its writing thread has ended".to_owned(),
        };
        let jobs = self.jobs.as_ref().ok_or_else(gone)?;
        jobs.send(job).map_err(|_| gone())?;
        answered.await.map_err(|_| gone())?
    }
}

impl Drop for Index {
    fn drop(&mut self) {
        // Without a sender the thread ends after what waits. The database, which only it and this
        // share, is closed then, so that the next start has nothing to repair.
        drop(self.jobs.take());
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
    }
}

impl Shared {
    fn read<T>(&self, read: impl FnOnce(&Rx) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let first = {
            let database = self.database.read();
            match database.as_ref() {
                Ok(database) => match database.begin_read() {
                    Ok(txn) => {
                        return read(&Rx {
                            txn,
                            path: self.path.clone(),
                        });
                    }
                    Err(error) => index_error(error.into(), &self.path),
                },
                Err(closed) => closed.clone(),
            }
        };
        // Reads fail only after an earlier write error; open it anew and try once more.
        self.reopen(&first)?;
        let database = self.database.read();
        let database = database.as_ref().map_err(StoreError::clone)?;
        let txn = database
            .begin_read()
            .map_err(|error| index_error(error.into(), &self.path))?;
        read(&Rx {
            txn,
            path: self.path.clone(),
        })
    }

    /// Opens the index anew. Where that fails, too, the first reason is the one to tell.
    fn reopen(&self, why: &StoreError) -> Result<(), StoreError> {
        tracing::warn!("opening the index anew after: {why}");
        let mut database = self.database.write();
        // Closed first: redb locks its file.
        *database = Err(why.clone());
        *database = Ok(open_database(&self.path).inspect_err(|error| {
            tracing::error!("the index could not be opened anew: {error}");
        })?);
        Ok(())
    }

    fn write_all(&self, waiting: &mpsc::Receiver<Job>) {
        while let Ok(first) = waiting.recv() {
            let mut jobs = vec![first];
            while jobs.len() < GROUP
                && let Ok(job) = waiting.try_recv()
            {
                jobs.push(job);
            }
            self.write_group(jobs);
        }
    }

    fn write_group(&self, mut jobs: Vec<Job>) {
        let Err(error) = self.try_group(&mut jobs) else {
            return;
        };
        // Not even begun: tried once more with the index opened anew.
        let _ = self.reopen(&error);
        if let Err(error) = self.try_group(&mut jobs) {
            for job in jobs {
                job(Err(error.clone()))(Err(error.clone()));
            }
        }
    }

    /// Runs the jobs in one transaction and answers them. Where none can be begun, that is the
    /// error, and the jobs are still there.
    fn try_group(&self, jobs: &mut Vec<Job>) -> Result<(), StoreError> {
        let (delivers, outcome) = {
            let database = self.database.read();
            let database = database.as_ref().map_err(StoreError::clone)?;
            let txn = database
                .begin_write()
                .map_err(|error| index_error(error.into(), &self.path))?;
            let tx = Tx::new(&txn, &self.path);
            let mut delivers = Vec::new();
            for job in jobs.drain(..) {
                delivers.push(job(Ok(&tx)));
            }
            let (broken, doomed, kept) = (tx.broken.take(), tx.doomed.take(), tx.kept.take());
            drop(tx);
            let committed = match broken {
                Some(error) => {
                    let _ = txn.abort();
                    Err(error)
                }
                None => txn.commit().map_err(|error| index_error(error.into(), &self.path)),
            };
            (delivers, committed.map(|()| doomed).map_err(|error| (error, kept)))
        };
        let result = match outcome {
            Ok(doomed) => {
                for id in doomed {
                    self.contents.discard(id);
                }
                Ok(())
            }
            Err((error, kept)) => {
                tracing::error!("a commit of the index failed: {error}");
                let _ = self.reopen(&error);
                self.take_back(kept);
                Err(error)
            }
        };
        for deliver in delivers {
            deliver(result.clone());
        }
        Ok(())
    }

    /// Discards the content of a commit that failed, unless it shows that rows do name it. What
    /// cannot be looked up now is collected at the next start.
    fn take_back(&self, kept: Vec<ContentId>) {
        for id in kept {
            if let Ok(false) = self.read(|rx| rx.has_content(id)) {
                self.contents.discard(id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    fn index(folder: &Path) -> (PathBuf, Index) {
        let path = folder.join("index.redb");
        let contents = Arc::new(Contents::open(folder).unwrap());
        let index = Index::open(&path, contents).unwrap();
        (path, index)
    }

    fn put_bucket(index: &Index) -> Result<(), StoreError> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(index.write(|tx: &Tx<'_>| tx.put_bucket("shells", b"{}")))
    }

    #[test]
    fn a_dropped_index_is_closed_cleanly() {
        let folder = tempfile::tempdir().unwrap();
        let (path, index) = index(folder.path());
        put_bucket(&index).unwrap();
        drop(index);
        let repaired = Arc::new(AtomicBool::new(false));
        let seen = repaired.clone();
        Database::builder()
            .set_repair_callback(move |_| seen.store(true, Ordering::SeqCst))
            .open(&path)
            .unwrap();
        assert!(!repaired.load(Ordering::SeqCst));
    }

    #[test]
    fn an_index_that_stays_closed_says_why() {
        let folder = tempfile::tempdir().unwrap();
        let (path, index) = index(folder.path());
        *index.shared.database.write() = Err(StoreError::Full {
            path: "index.redb".to_owned(),
            message: "no space left".to_owned(),
        });
        std::fs::remove_file(&path).unwrap();
        std::fs::create_dir(&path).unwrap();
        for _ in 0..2 {
            let error = put_bucket(&index).unwrap_err();
            assert!(matches!(error, StoreError::Full { .. }), "{error}");
        }
    }
}
