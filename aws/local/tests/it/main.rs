//! The crate's public promises, kept by a real service in a process of its own, asked by a
//! raw client that AWS's own signer signs for, and by the official SDKs.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod client;
mod crash;
mod guard;
mod life;
mod list;
mod objects;
mod sagemaker;
mod sdk;
mod uploads;
