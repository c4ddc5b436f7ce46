//! The promises of the magics, each as a person would see it: lines go in as a kernel hands them over, and what is
//! shown is read from a recorder.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod bench;
mod completion;
mod frames;
mod grammar;
mod help;
mod hints;
mod hostile;
mod load;
mod look;
mod models;
mod prep;
mod python;
mod quickstart;
mod s3;
mod scan;
mod shell;
mod sql;
mod store;
