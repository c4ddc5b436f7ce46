//! The crate's promises: a recipe applied after it was saved gives the same bits, rows stay as
//! many as they were, and what was never seen does no harm.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod fitting;
mod newer_steps;
mod prediction;
mod same_bits;
mod texts;
