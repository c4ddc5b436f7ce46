//! What the formats promise to their users.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod archives;
mod hostile;
mod records;
