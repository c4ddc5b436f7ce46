//! The container contract, kept over real HTTP and by real processes.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod http;
mod invocations;
mod processes;
mod raw_rows;
mod support;
mod training;
