//! Files as frames: where they are ([`source`], [`glob`]), what they are ([`format`](mod@format), [`packing`]), how they
//! are read ([`read`], [`records`]), planned ([`files`]) and written ([`write`],
//! [`partitioned`]). For CSV: types that are told
//! ([`dtypes`]), text that is not UTF-8 ([`encoding`]), and lines that are not like the others ([`ragged`]).

pub(crate) mod dtypes;
pub(crate) mod encoding;
pub(crate) mod files;
pub(crate) mod format;
pub(crate) mod glob;
pub(crate) mod packing;
pub(crate) mod partitioned;
pub(crate) mod ragged;
pub(crate) mod read;
pub(crate) mod records;
pub(crate) mod source;
pub(crate) mod write;
