//! The language of `%` and `%%`: load, query, plot, split, train and serve in a line each.
//!
//! The kernel cuts a cell into segments and hands each magic here as text ([`run_line`], [`run_shell`]); what
//! happens is shown on a [`ironsage_display::Front`], and bound in a [`Session`]. Nothing here knows a socket or a
//! Jupyter message. How a magic is declared is in `magic.rs`, the table of all of them in `registry.rs`, the
//! grammar of a line in `language/`, one file per magic in `magics/`.

mod complete;
mod data;
mod error;
mod frames;
mod guard;
mod language;
mod learning;
mod look;
mod magic;
mod magics;
pub mod model_store;
mod places;
mod plan;
mod reading;
mod registry;
mod run;
mod session;
mod text;
mod warm;

pub use complete::{Completion, Completions, complete, inspect};
pub use error::{ErrorKind, MagicError};
pub use language::name::{Name, NameError};
pub use language::scalar::Scalar;
pub use language::suggest;
pub use magic::{Form, Group};
pub use magics::environment::sets_a_secret;
pub use magics::help::{MagicInfo, help, help_with, names};
pub use magics::sql::query::Query;
pub use places::Places;
pub use plan::Plan;
pub use run::{run_cell, run_line, run_line_bound, run_shell};
pub use session::{Binding, Past, PastCell, RustNames, Session, SessionConfig, Value};
pub use warm::warm_up;
