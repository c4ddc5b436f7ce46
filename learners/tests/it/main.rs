//! What the learners promise to their users.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod artifacts;
mod classifying;
mod data;
mod errors;
mod regressing;
mod streams;
