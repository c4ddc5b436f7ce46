//! The tables of the index, and what reading and writing transactions read alike.

use std::path::Path;

use redb::{Database, ReadableDatabase, ReadableTable, StorageError, TableDefinition};

use crate::store::StoreError;
use crate::store::rows::{PartRow, decode};

pub(super) const BUCKETS: TableDefinition<&str, &[u8]> = TableDefinition::new("buckets");
/// Bucket, a NUL (no bucket has one), key: in the order of lists.
pub(super) const OBJECTS: TableDefinition<&[u8], &[u8]> = TableDefinition::new("objects");
pub(super) const UPLOADS: TableDefinition<&str, &[u8]> = TableDefinition::new("uploads");
pub(super) const PARTS: TableDefinition<(&str, u32), &[u8]> = TableDefinition::new("parts");
/// How many rows name a piece of content: copies share it.
pub(super) const CONTENTS: TableDefinition<u128, u64> = TableDefinition::new("contents");
pub(super) const INLINE: TableDefinition<u128, &[u8]> = TableDefinition::new("inline");
/// SageMaker's resources, as `kind/name`.
pub(super) const RESOURCES: TableDefinition<&str, &[u8]> = TableDefinition::new("resources");

/// What redb may keep in memory.
const CACHE_BYTES: usize = 64 * 1024 * 1024;

/// The key of an object's row.
pub(super) fn object_key(bucket: &str, key: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(bucket.len() + 1 + key.len());
    bytes.extend_from_slice(bucket.as_bytes());
    bytes.push(0);
    bytes.extend_from_slice(key.as_bytes());
    bytes
}

pub(super) fn open_database(path: &Path) -> Result<Database, StoreError> {
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

pub(super) fn index_error(error: redb::Error, path: &Path) -> StoreError {
    match error {
        redb::Error::Io(source) => StoreError::io(path, &source),
        other => StoreError::Index {
            message: other.to_string(),
        },
    }
}

/// The key of a SageMaker resource's row.
pub(super) fn resource_key(kind: &str, name: &str) -> String {
    format!("{kind}/{name}")
}

/// A row by its name.
pub(super) fn row(
    table: &impl ReadableTable<&'static str, &'static [u8]>,
    name: &str,
) -> Result<Option<Vec<u8>>, StorageError> {
    let row = table.get(name)?;
    Ok(row.map(|row| row.value().to_vec()))
}

/// All rows with their names.
pub(super) fn rows(
    table: &impl ReadableTable<&'static str, &'static [u8]>,
) -> Result<Vec<(String, Vec<u8>)>, StorageError> {
    table
        .iter()?
        .map(|entry| entry.map(|(name, row)| (name.value().to_owned(), row.value().to_vec())))
        .collect()
}

/// An object's row.
pub(super) fn object_row(
    table: &impl ReadableTable<&'static [u8], &'static [u8]>,
    bucket: &str,
    key: &str,
) -> Result<Option<Vec<u8>>, StorageError> {
    let row = table.get(object_key(bucket, key).as_slice())?;
    Ok(row.map(|row| row.value().to_vec()))
}

/// The rows of an upload's parts from a number on, in order.
pub(super) fn part_rows(
    table: &impl ReadableTable<(&'static str, u32), &'static [u8]>,
    upload: &str,
    from: u32,
) -> Result<Vec<(u32, Vec<u8>)>, StorageError> {
    table
        .range((upload, from)..=(upload, u32::MAX))?
        .map(|entry| entry.map(|(key, row)| (key.value().1, row.value().to_vec())))
        .collect()
}

/// Parts from their rows.
pub(super) fn decode_parts(rows: Vec<(u32, Vec<u8>)>) -> Result<Vec<(u32, PartRow)>, StoreError> {
    rows.into_iter()
        .map(|(number, row)| Ok((number, decode("part", &row)?)))
        .collect()
}
