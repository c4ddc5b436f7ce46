//! The index: one redb file, many readers, one thread that writes.
//!
//! A write is a closure that gets a [`Tx`]: it checks first and writes then, so that a
//! refusal (a failed condition) leaves nothing behind. The writing thread runs all closures
//! that wait into one transaction and answers them after its durable commit: concurrent
//! requests share the price of a sync. Conditions are checked inside the transaction, so two
//! writers cannot both win.
//!
//! After a failed write (a full disk) redb wants to be opened anew; that happens here, so
//! that old data stays readable and new data is taken as soon as there is space.

use std::cell::{Cell, RefCell};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc;

use parking_lot::RwLock;
use redb::{Database, ReadTransaction, ReadableDatabase, ReadableTable, TableDefinition, WriteTransaction};

use super::StoreError;
use super::content::Contents;
use super::rows::{ContentId, ObjectRow, PartRow, Piece, decode, encode};

const BUCKETS: TableDefinition<&str, &[u8]> = TableDefinition::new("buckets");
/// Bucket, a NUL (no bucket has one), key: in the order of lists.
const OBJECTS: TableDefinition<&[u8], &[u8]> = TableDefinition::new("objects");
const UPLOADS: TableDefinition<&str, &[u8]> = TableDefinition::new("uploads");
const PARTS: TableDefinition<(&str, u32), &[u8]> = TableDefinition::new("parts");
/// How many rows name a piece of content: copies share it.
const CONTENTS: TableDefinition<u128, u64> = TableDefinition::new("contents");
const INLINE: TableDefinition<u128, &[u8]> = TableDefinition::new("inline");
/// SageMaker's resources, as `kind/name`.
const RESOURCES: TableDefinition<&str, &[u8]> = TableDefinition::new("resources");

/// How many waiting writes are put into one transaction at most.
const GROUP: usize = 256;
/// What redb may keep in memory.
const CACHE_BYTES: usize = 64 * 1024 * 1024;

type Deliver = Box<dyn FnOnce(Result<(), StoreError>) + Send>;
type Job = Box<dyn FnOnce(&Tx<'_>) -> Deliver + Send>;

/// The index, open.
pub struct Index {
    shared: Arc<Shared>,
    jobs: mpsc::Sender<Job>,
}

struct Shared {
    path: PathBuf,
    /// `None` only while it is being opened anew, or after that failed.
    database: RwLock<Option<Database>>,
    contents: Arc<Contents>,
}

/// The key of an object's row.
pub fn object_key(bucket: &str, key: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(bucket.len() + 1 + key.len());
    bytes.extend_from_slice(bucket.as_bytes());
    bytes.push(0);
    bytes.extend_from_slice(key.as_bytes());
    bytes
}

fn open_database(path: &Path) -> Result<Database, StoreError> {
    let database = Database::builder()
        .set_cache_size(CACHE_BYTES)
        .create(path)
        .map_err(|e| index_error(e.into(), path))?;
    let make = || -> Result<(), redb::Error> {
        // Only a new file is written to: opening needs no space.
        let read = database.begin_read()?;
        if read.list_tables()?.count() == 7 {
            return Ok(());
        }
        let write = database.begin_write()?;
        write.open_table(BUCKETS)?;
        write.open_table(OBJECTS)?;
        write.open_table(UPLOADS)?;
        write.open_table(PARTS)?;
        write.open_table(CONTENTS)?;
        write.open_table(INLINE)?;
        write.open_table(RESOURCES)?;
        write.commit()?;
        Ok(())
    };
    make().map_err(|error| index_error(error, path))?;
    Ok(database)
}

fn index_error(error: redb::Error, path: &Path) -> StoreError {
    match error {
        redb::Error::Io(source) => StoreError::io(path, &source),
        other => StoreError::Index {
            message: other.to_string(),
        },
    }
}

impl Index {
    /// Opens the index, making it where there is none, and starts its writing thread.
    pub fn open(path: &Path, contents: Arc<Contents>) -> Result<Index, StoreError> {
        let database = open_database(path)?;
        let shared = Arc::new(Shared {
            path: path.to_owned(),
            database: RwLock::new(Some(database)),
            contents,
        });
        let (jobs, waiting) = mpsc::channel();
        let writer = shared.clone();
        std::thread::Builder::new()
            .name("index-writer".to_owned())
            .spawn(move || writer.write_all(&waiting))
            .map_err(|source| StoreError::io(path, &source))?;
        Ok(Index { shared, jobs })
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
        let job: Job = Box::new(move |tx| {
            let result = work(tx);
            Box::new(move |committed| {
                // The request may be gone; the write is done all the same.
                let _ = answer.send(match committed {
                    Ok(()) => result,
                    Err(error) => Err(error.into()),
                });
            })
        });
        let gone = || StoreError::Index {
            message: "its writing thread has ended".to_owned(),
        };
        self.jobs.send(job).map_err(|_| gone())?;
        answered.await.map_err(|_| gone())?
    }
}

impl Shared {
    fn read<T>(&self, read: impl FnOnce(&Rx) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let first = {
            let database = self.database.read();
            match database.as_ref() {
                Some(database) => match database.begin_read() {
                    Ok(txn) => {
                        return read(&Rx {
                            txn,
                            path: self.path.clone(),
                        });
                    }
                    Err(error) => index_error(error.into(), &self.path),
                },
                None => StoreError::Index {
                    message: "it is closed after an error".to_owned(),
                },
            }
        };
        // Reads fail only after an earlier write error; open it anew and try once more.
        self.reopen(&first)?;
        let database = self.database.read();
        let database = database.as_ref().ok_or(first)?;
        let txn = database
            .begin_read()
            .map_err(|error| index_error(error.into(), &self.path))?;
        read(&Rx {
            txn,
            path: self.path.clone(),
        })
    }

    fn reopen(&self, why: &StoreError) -> Result<(), StoreError> {
        tracing::warn!("opening the index anew after: {why}");
        let mut database = self.database.write();
        drop(database.take());
        *database = Some(open_database(&self.path)?);
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

    fn write_group(&self, jobs: Vec<Job>) {
        let mut jobs = Some(jobs);
        let outcome = self.try_group(&mut jobs);
        let (delivers, result) = match outcome {
            Ok(delivers) => (delivers, Ok(())),
            Err((delivers, error)) => {
                tracing::error!("a commit of the index failed: {error}");
                if let Err(error) = self.reopen(&error) {
                    tracing::error!("the index could not be opened anew: {error}");
                }
                (delivers, Err(error))
            }
        };
        for deliver in delivers {
            deliver(result.clone());
        }
        // What was not even begun (no transaction could be started) is tried once more, now
        // that the index was opened anew.
        if let Some(jobs) = jobs.take() {
            let mut jobs = Some(jobs);
            match self.try_group(&mut jobs) {
                Ok(delivers) => delivers.into_iter().for_each(|deliver| deliver(Ok(()))),
                Err((delivers, error)) => delivers.into_iter().for_each(|deliver| deliver(Err(error.clone()))),
            }
            // Still no transaction: dropping the jobs answers their requests with an error.
        }
    }

    /// Takes the jobs only when a transaction could be begun.
    fn try_group(&self, jobs: &mut Option<Vec<Job>>) -> Result<Vec<Deliver>, (Vec<Deliver>, StoreError)> {
        let database = self.database.read();
        let Some(open) = database.as_ref() else {
            return Err((
                Vec::new(),
                StoreError::Index {
                    message: "it is closed after an error".to_owned(),
                },
            ));
        };
        let txn = open
            .begin_write()
            .map_err(|error| (Vec::new(), index_error(error.into(), &self.path)))?;
        let tx = Tx {
            txn: &txn,
            path: &self.path,
            broken: Cell::new(None),
            doomed: RefCell::new(Vec::new()),
        };
        let mut delivers = Vec::new();
        for job in jobs.take().unwrap_or_default() {
            delivers.push(job(&tx));
        }
        let doomed = tx.doomed.take();
        if let Some(error) = tx.broken.take() {
            drop(tx);
            let _ = txn.abort();
            return Err((delivers, error));
        }
        drop(tx);
        if let Err(error) = txn.commit() {
            return Err((delivers, index_error(error.into(), &self.path)));
        }
        for id in doomed {
            self.contents.discard(id);
        }
        Ok(delivers)
    }
}

/// One bounded look at an ordered table.
pub enum Walk {
    /// Go on with the next row.
    Next,
    /// Go on with the first row at or after this key.
    Seek(Vec<u8>),
    /// Enough.
    Stop,
}

/// A reading transaction.
pub struct Rx {
    txn: ReadTransaction,
    path: PathBuf,
}

impl Rx {
    fn failed(&self, error: impl Into<redb::Error>) -> StoreError {
        index_error(error.into(), &self.path)
    }

    /// A bucket's row.
    pub fn bucket(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let table = self.txn.open_table(BUCKETS).map_err(|e| self.failed(e))?;
        Ok(table
            .get(name)
            .map_err(|e| self.failed(e))?
            .map(|row| row.value().to_vec()))
    }

    /// All buckets, by name.
    pub fn buckets(&self) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        let table = self.txn.open_table(BUCKETS).map_err(|e| self.failed(e))?;
        let rows = table.iter().map_err(|e| self.failed(e))?;
        rows.map(|row| {
            row.map(|(name, row)| (name.value().to_owned(), row.value().to_vec()))
                .map_err(|e| self.failed(e))
        })
        .collect()
    }

    /// An object's row.
    pub fn object(&self, bucket: &str, key: &str) -> Result<Option<ObjectRow>, StoreError> {
        let table = self.txn.open_table(OBJECTS).map_err(|e| self.failed(e))?;
        let row = table
            .get(object_key(bucket, key).as_slice())
            .map_err(|e| self.failed(e))?;
        row.map(|row| decode(key, row.value())).transpose()
    }

    /// Walks over a bucket's objects in key order, from the first key at or after `from`.
    pub fn walk(
        &self,
        bucket: &str,
        from: &[u8],
        mut visit: impl FnMut(&[u8], &[u8]) -> Result<Walk, StoreError>,
    ) -> Result<(), StoreError> {
        let table = self.txn.open_table(OBJECTS).map_err(|e| self.failed(e))?;
        let prefix = object_key(bucket, "");
        let mut start = [prefix.as_slice(), from].concat();
        'seek: loop {
            let rows = table.range(start.as_slice()..).map_err(|e| self.failed(e))?;
            for row in rows {
                let (key, row) = row.map_err(|e| self.failed(e))?;
                let Some(key) = key.value().strip_prefix(prefix.as_slice()) else {
                    return Ok(());
                };
                match visit(key, row.value())? {
                    Walk::Next => {}
                    Walk::Stop => return Ok(()),
                    Walk::Seek(key) => {
                        start = [prefix.as_slice(), &key].concat();
                        continue 'seek;
                    }
                }
            }
            return Ok(());
        }
    }

    /// Bytes that lie in the index.
    pub fn inline(&self, id: ContentId) -> Result<Option<Vec<u8>>, StoreError> {
        let table = self.txn.open_table(INLINE).map_err(|e| self.failed(e))?;
        Ok(table
            .get(id.0)
            .map_err(|e| self.failed(e))?
            .map(|bytes| bytes.value().to_vec()))
    }

    /// Whether any row names this content.
    pub fn has_content(&self, id: ContentId) -> Result<bool, StoreError> {
        let table = self.txn.open_table(CONTENTS).map_err(|e| self.failed(e))?;
        Ok(table.get(id.0).map_err(|e| self.failed(e))?.is_some())
    }

    /// An upload's row.
    pub fn upload(&self, id: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let table = self.txn.open_table(UPLOADS).map_err(|e| self.failed(e))?;
        Ok(table
            .get(id)
            .map_err(|e| self.failed(e))?
            .map(|row| row.value().to_vec()))
    }

    /// All uploads in progress.
    pub fn uploads(&self) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        let table = self.txn.open_table(UPLOADS).map_err(|e| self.failed(e))?;
        let rows = table.iter().map_err(|e| self.failed(e))?;
        rows.map(|row| {
            row.map(|(id, row)| (id.value().to_owned(), row.value().to_vec()))
                .map_err(|e| self.failed(e))
        })
        .collect()
    }

    /// An upload's parts after a number, in order.
    pub fn parts(&self, upload: &str, after: u32) -> Result<Vec<(u32, PartRow)>, StoreError> {
        let table = self.txn.open_table(PARTS).map_err(|e| self.failed(e))?;
        let rows = table
            .range((upload, after.saturating_add(1))..=(upload, u32::MAX))
            .map_err(|e| self.failed(e))?;
        rows.map(|row| {
            let (key, row) = row.map_err(|e| self.failed(e))?;
            Ok((key.value().1, decode("part", row.value())?))
        })
        .collect()
    }

    /// A SageMaker resource.
    pub fn resource(&self, kind: &str, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let table = self.txn.open_table(RESOURCES).map_err(|e| self.failed(e))?;
        let key = format!("{kind}/{name}");
        Ok(table
            .get(key.as_str())
            .map_err(|e| self.failed(e))?
            .map(|row| row.value().to_vec()))
    }

    /// All SageMaker resources of a kind, by name.
    pub fn resources(&self, kind: &str) -> Result<Vec<Vec<u8>>, StoreError> {
        let table = self.txn.open_table(RESOURCES).map_err(|e| self.failed(e))?;
        // '0' follows '/' in ASCII.
        let (from, to) = (format!("{kind}/"), format!("{kind}0"));
        let rows = table.range(from.as_str()..to.as_str()).map_err(|e| self.failed(e))?;
        rows.map(|row| row.map(|(_, row)| row.value().to_vec()).map_err(|e| self.failed(e)))
            .collect()
    }
}

/// A writing transaction, shared by the writes of one group.
pub struct Tx<'a> {
    txn: &'a WriteTransaction,
    path: &'a Path,
    /// Set when the index itself failed: then the whole group is undone.
    broken: Cell<Option<StoreError>>,
    /// Content files that no row names any more; removed after the commit.
    doomed: RefCell<Vec<ContentId>>,
}

impl Tx<'_> {
    fn failed(&self, error: impl Into<redb::Error>) -> StoreError {
        let error = index_error(error.into(), self.path);
        self.broken.set(Some(error.clone()));
        error
    }

    /// A damaged row met in the middle of a write undoes the group, too.
    fn whole<T>(&self, row: Result<T, StoreError>) -> Result<T, StoreError> {
        row.inspect_err(|error| self.broken.set(Some(error.clone())))
    }

    /// Whether there is such a bucket.
    pub fn has_bucket(&self, name: &str) -> Result<bool, StoreError> {
        let table = self.txn.open_table(BUCKETS).map_err(|e| self.failed(e))?;
        let found = table.get(name).map_err(|e| self.failed(e))?.is_some();
        Ok(found)
    }

    /// Sets a bucket's row.
    pub fn put_bucket(&self, name: &str, row: &[u8]) -> Result<(), StoreError> {
        let mut table = self.txn.open_table(BUCKETS).map_err(|e| self.failed(e))?;
        table.insert(name, row).map_err(|e| self.failed(e))?;
        Ok(())
    }

    /// Removes a bucket's row.
    pub fn remove_bucket(&self, name: &str) -> Result<(), StoreError> {
        let mut table = self.txn.open_table(BUCKETS).map_err(|e| self.failed(e))?;
        table.remove(name).map_err(|e| self.failed(e))?;
        Ok(())
    }

    /// Whether a bucket has objects.
    pub fn is_empty(&self, bucket: &str) -> Result<bool, StoreError> {
        let table = self.txn.open_table(OBJECTS).map_err(|e| self.failed(e))?;
        let prefix = object_key(bucket, "");
        let mut rows = table.range(prefix.as_slice()..).map_err(|e| self.failed(e))?;
        Ok(match rows.next() {
            Some(row) => !row.map_err(|e| self.failed(e))?.0.value().starts_with(&prefix),
            None => true,
        })
    }

    /// An object's row.
    pub fn object(&self, bucket: &str, key: &str) -> Result<Option<ObjectRow>, StoreError> {
        let table = self.txn.open_table(OBJECTS).map_err(|e| self.failed(e))?;
        let row = table
            .get(object_key(bucket, key).as_slice())
            .map_err(|e| self.failed(e))?;
        row.map(|row| decode(key, row.value())).transpose()
    }

    /// Sets an object's row, in place of an older one.
    pub fn put_object(&self, bucket: &str, key: &str, row: &ObjectRow) -> Result<(), StoreError> {
        let bytes = encode(row)?;
        let old = {
            let mut table = self.txn.open_table(OBJECTS).map_err(|e| self.failed(e))?;
            table
                .insert(object_key(bucket, key).as_slice(), bytes.as_slice())
                .map_err(|e| self.failed(e))?
                .map(|old| decode::<ObjectRow>(key, old.value()))
        };
        for piece in &row.pieces {
            self.name(piece)?;
        }
        for piece in self.whole(old.transpose())?.into_iter().flat_map(|old| old.pieces) {
            self.unname(&piece)?;
        }
        Ok(())
    }

    /// Removes an object's row; whether there was one.
    pub fn remove_object(&self, bucket: &str, key: &str) -> Result<bool, StoreError> {
        let old = {
            let mut table = self.txn.open_table(OBJECTS).map_err(|e| self.failed(e))?;
            table
                .remove(object_key(bucket, key).as_slice())
                .map_err(|e| self.failed(e))?
                .map(|old| decode::<ObjectRow>(key, old.value()))
        };
        let Some(old) = self.whole(old.transpose())? else {
            return Ok(false);
        };
        for piece in &old.pieces {
            self.unname(piece)?;
        }
        Ok(true)
    }

    /// Keeps small content in the index.
    pub fn put_inline(&self, id: ContentId, bytes: &[u8]) -> Result<(), StoreError> {
        let mut table = self.txn.open_table(INLINE).map_err(|e| self.failed(e))?;
        table.insert(id.0, bytes).map_err(|e| self.failed(e))?;
        Ok(())
    }

    /// One more row names this content.
    pub fn name(&self, piece: &Piece) -> Result<(), StoreError> {
        let mut table = self.txn.open_table(CONTENTS).map_err(|e| self.failed(e))?;
        let count = table
            .get(piece.id.0)
            .map_err(|e| self.failed(e))?
            .map_or(0, |count| count.value());
        table.insert(piece.id.0, count + 1).map_err(|e| self.failed(e))?;
        Ok(())
    }

    /// One row less names this content; the last one takes it away.
    pub fn unname(&self, piece: &Piece) -> Result<(), StoreError> {
        let mut table = self.txn.open_table(CONTENTS).map_err(|e| self.failed(e))?;
        let count = table
            .get(piece.id.0)
            .map_err(|e| self.failed(e))?
            .map_or(0, |count| count.value());
        if count > 1 {
            table.insert(piece.id.0, count - 1).map_err(|e| self.failed(e))?;
            return Ok(());
        }
        table.remove(piece.id.0).map_err(|e| self.failed(e))?;
        if piece.inline {
            let mut inline = self.txn.open_table(INLINE).map_err(|e| self.failed(e))?;
            inline.remove(piece.id.0).map_err(|e| self.failed(e))?;
        } else {
            self.doomed.borrow_mut().push(piece.id);
        }
        Ok(())
    }

    /// An upload's row.
    pub fn upload(&self, id: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let table = self.txn.open_table(UPLOADS).map_err(|e| self.failed(e))?;
        let row = table
            .get(id)
            .map_err(|e| self.failed(e))?
            .map(|row| row.value().to_vec());
        Ok(row)
    }

    /// All uploads' ids and rows.
    pub fn uploads(&self) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        let table = self.txn.open_table(UPLOADS).map_err(|e| self.failed(e))?;
        let rows = table.iter().map_err(|e| self.failed(e))?;
        rows.map(|row| {
            row.map(|(id, row)| (id.value().to_owned(), row.value().to_vec()))
                .map_err(|e| self.failed(e))
        })
        .collect()
    }

    /// Sets an upload's row.
    pub fn put_upload(&self, id: &str, row: &[u8]) -> Result<(), StoreError> {
        let mut table = self.txn.open_table(UPLOADS).map_err(|e| self.failed(e))?;
        table.insert(id, row).map_err(|e| self.failed(e))?;
        Ok(())
    }

    /// Sets a part, in place of an older one of the same number.
    pub fn put_part(&self, upload: &str, number: u32, row: &PartRow) -> Result<(), StoreError> {
        let bytes = encode(row)?;
        let old = {
            let mut table = self.txn.open_table(PARTS).map_err(|e| self.failed(e))?;
            table
                .insert((upload, number), bytes.as_slice())
                .map_err(|e| self.failed(e))?
                .map(|old| decode::<PartRow>("part", old.value()))
        };
        self.name(&row.piece)?;
        if let Some(old) = self.whole(old.transpose())? {
            self.unname(&old.piece)?;
        }
        Ok(())
    }

    /// An upload's parts, in order.
    pub fn parts(&self, upload: &str) -> Result<Vec<(u32, PartRow)>, StoreError> {
        let table = self.txn.open_table(PARTS).map_err(|e| self.failed(e))?;
        let rows = table
            .range((upload, 0)..=(upload, u32::MAX))
            .map_err(|e| self.failed(e))?;
        rows.map(|row| {
            let (key, row) = row.map_err(|e| self.failed(e))?;
            Ok((key.value().1, decode("part", row.value())?))
        })
        .collect()
    }

    /// Removes an upload with its parts. Content that an object's row names by now stays.
    pub fn remove_upload(&self, id: &str) -> Result<(), StoreError> {
        for (number, part) in self.parts(id)? {
            {
                let mut table = self.txn.open_table(PARTS).map_err(|e| self.failed(e))?;
                table.remove((id, number)).map_err(|e| self.failed(e))?;
            }
            self.unname(&part.piece)?;
        }
        let mut table = self.txn.open_table(UPLOADS).map_err(|e| self.failed(e))?;
        table.remove(id).map_err(|e| self.failed(e))?;
        Ok(())
    }

    /// A SageMaker resource.
    pub fn resource(&self, kind: &str, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let table = self.txn.open_table(RESOURCES).map_err(|e| self.failed(e))?;
        let row = table
            .get(format!("{kind}/{name}").as_str())
            .map_err(|e| self.failed(e))?;
        Ok(row.map(|row| row.value().to_vec()))
    }

    /// Sets a SageMaker resource.
    pub fn put_resource(&self, kind: &str, name: &str, row: &[u8]) -> Result<(), StoreError> {
        let mut table = self.txn.open_table(RESOURCES).map_err(|e| self.failed(e))?;
        table
            .insert(format!("{kind}/{name}").as_str(), row)
            .map_err(|e| self.failed(e))?;
        Ok(())
    }

    /// Removes a SageMaker resource; whether there was one.
    pub fn remove_resource(&self, kind: &str, name: &str) -> Result<bool, StoreError> {
        let mut table = self.txn.open_table(RESOURCES).map_err(|e| self.failed(e))?;
        let found = table
            .remove(format!("{kind}/{name}").as_str())
            .map_err(|e| self.failed(e))?
            .is_some();
        Ok(found)
    }
}
