//! Files as frames: where they are ([`source`]), what they are ([`format`](mod@format)), how they are read ([`read`]) and
//! written ([`write`]), and which line of a CSV file is not like the others ([`ragged`]).

pub(crate) mod format;
pub(crate) mod ragged;
pub(crate) mod read;
pub(crate) mod source;
pub(crate) mod write;
