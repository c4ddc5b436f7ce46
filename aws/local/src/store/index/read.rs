//! Reading: a consistent state of the index, while others write.

use std::path::PathBuf;

use redb::ReadTransaction;

use super::tables::{
    BUCKETS, CONTENTS, INLINE, OBJECTS, PARTS, RESOURCES, UPLOADS, decode_parts, index_error, object_key, object_row,
    part_rows, resource_key, row, rows,
};
use crate::store::StoreError;
use crate::store::rows::{ContentId, ObjectRow, PartRow, decode};

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
    pub(super) txn: ReadTransaction,
    pub(super) path: PathBuf,
}

impl Rx {
    fn failed(&self, error: impl Into<redb::Error>) -> StoreError {
        index_error(error.into(), &self.path)
    }

    /// A bucket's row.
    pub fn bucket(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let table = self.txn.open_table(BUCKETS).map_err(|e| self.failed(e))?;
        row(&table, name).map_err(|e| self.failed(e))
    }

    /// All buckets, by name.
    pub fn buckets(&self) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        let table = self.txn.open_table(BUCKETS).map_err(|e| self.failed(e))?;
        rows(&table).map_err(|e| self.failed(e))
    }

    /// An object's row.
    pub fn object(&self, bucket: &str, key: &str) -> Result<Option<ObjectRow>, StoreError> {
        let table = self.txn.open_table(OBJECTS).map_err(|e| self.failed(e))?;
        let row = object_row(&table, bucket, key).map_err(|e| self.failed(e))?;
        row.map(|row| decode(key, &row)).transpose()
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
        row(&table, id).map_err(|e| self.failed(e))
    }

    /// All uploads in progress.
    pub fn uploads(&self) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        let table = self.txn.open_table(UPLOADS).map_err(|e| self.failed(e))?;
        rows(&table).map_err(|e| self.failed(e))
    }

    /// An upload's parts after a number, in order.
    pub fn parts(&self, upload: &str, after: u32) -> Result<Vec<(u32, PartRow)>, StoreError> {
        let table = self.txn.open_table(PARTS).map_err(|e| self.failed(e))?;
        part_rows(&table, upload, after.saturating_add(1))
            .map_err(|e| self.failed(e))
            .and_then(decode_parts)
    }

    /// A SageMaker resource.
    pub fn resource(&self, kind: &str, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let table = self.txn.open_table(RESOURCES).map_err(|e| self.failed(e))?;
        row(&table, &resource_key(kind, name)).map_err(|e| self.failed(e))
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
