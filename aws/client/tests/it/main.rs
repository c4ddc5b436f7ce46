//! The facade's promises, kept against the real local service and against misbehaving ones.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod broken;
mod cache;
mod endpoints;
mod environment;
mod objects;
mod service;
mod transfers;
