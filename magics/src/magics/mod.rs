//! The magics, one file each. `registry.rs` lists them; a new one is a file here and a line there.

pub(crate) mod deploy;
pub(crate) mod describe;
pub(crate) mod endpoint;
pub(crate) mod environment;
pub(crate) mod evaluate;
pub(crate) mod help;
pub(crate) mod invoke;
pub(crate) mod load;
pub(crate) mod model;
pub(crate) mod param;
pub(crate) mod plot;
pub(crate) mod predict;
pub(crate) mod prep;
pub(crate) mod profile;
pub(crate) mod rm;
pub(crate) mod s3;
pub(crate) mod save;
pub(crate) mod schema;
pub(crate) mod shell;
pub(crate) mod show;
pub(crate) mod split;
pub(crate) mod sql;
pub(crate) mod time;
pub(crate) mod train;
pub(crate) mod who;
pub(crate) mod writefile;
