//! Writing: what the closures of one group may do to the index.

use std::cell::{Cell, RefCell};
use std::path::Path;

use redb::{ReadableTable, WriteTransaction};

use super::tables::{
    BUCKETS, CONTENTS, INLINE, OBJECTS, PARTS, RESOURCES, UPLOADS, decode_parts, index_error, object_key, object_row,
    part_rows, resource_key, row, rows,
};
use crate::store::StoreError;
use crate::store::content::Fresh;
use crate::store::rows::{ContentId, ObjectRow, PartRow, Piece, decode, encode};

/// A writing transaction, shared by the writes of one group.
pub struct Tx<'a> {
    txn: &'a WriteTransaction,
    path: &'a Path,
    /// Set when the index itself failed: then the whole group is undone.
    pub(super) broken: Cell<Option<StoreError>>,
    /// Content files that no row names any more; removed after the commit.
    pub(super) doomed: RefCell<Vec<ContentId>>,
    /// Content files that rows of this group name; removed should its commit fail.
    pub(super) kept: RefCell<Vec<ContentId>>,
}

impl<'a> Tx<'a> {
    pub(super) fn new(txn: &'a WriteTransaction, path: &'a Path) -> Tx<'a> {
        Tx {
            txn,
            path,
            broken: Cell::new(None),
            doomed: RefCell::new(Vec::new()),
            kept: RefCell::new(Vec::new()),
        }
    }

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
        let row = object_row(&table, bucket, key).map_err(|e| self.failed(e))?;
        row.map(|row| decode(key, &row)).transpose()
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

    /// Takes a content file over, to be named by a row: from now on it stays as long as one does.
    pub fn keep(&self, fresh: &mut Fresh) {
        fresh.keep();
        self.kept.borrow_mut().push(fresh.id());
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
        row(&table, id).map_err(|e| self.failed(e))
    }

    /// All uploads' ids and rows.
    pub fn uploads(&self) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        let table = self.txn.open_table(UPLOADS).map_err(|e| self.failed(e))?;
        rows(&table).map_err(|e| self.failed(e))
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
        part_rows(&table, upload, 0)
            .map_err(|e| self.failed(e))
            .and_then(decode_parts)
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
        row(&table, &resource_key(kind, name)).map_err(|e| self.failed(e))
    }

    /// Sets a SageMaker resource.
    pub fn put_resource(&self, kind: &str, name: &str, row: &[u8]) -> Result<(), StoreError> {
        let mut table = self.txn.open_table(RESOURCES).map_err(|e| self.failed(e))?;
        table
            .insert(resource_key(kind, name).as_str(), row)
            .map_err(|e| self.failed(e))?;
        Ok(())
    }

    /// Removes a SageMaker resource; whether there was one.
    pub fn remove_resource(&self, kind: &str, name: &str) -> Result<bool, StoreError> {
        let mut table = self.txn.open_table(RESOURCES).map_err(|e| self.failed(e))?;
        let found = table
            .remove(resource_key(kind, name).as_str())
            .map_err(|e| self.failed(e))?
            .is_some();
        Ok(found)
    }
}
