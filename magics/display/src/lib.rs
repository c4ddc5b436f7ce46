//! What a person sees: tables, plots, progress and one-line notes as MIME bundles.
//!
//! Every display carries a `text/plain` twin that reads well in a terminal, in a log and in a
//! saved notebook, because that is what survives headless runs. Rich forms are script-free
//! (HTML with `style=` attributes only, PNG for pictures), so they survive an untrusted
//! reopening, nbconvert and e-mail. Nothing here knows Jupyter's wire protocol: a magic writes
//! to a [`Front`], the kernel implements it over IOPub, and tests use [`testing::Recorder`].

mod bundle;
mod cells;
mod describe;
mod front;
mod grid;
mod html;
mod note;
pub mod plot;
mod progress;
mod spark;
mod table;
pub mod testing;
pub mod text;

pub use bundle::Bundle;
pub use cells::value_text;
pub use describe::describe;
pub use front::{DisplayId, Front, Stream};
pub use grid::grid;
pub use note::note;
pub use progress::Progress;
pub use spark::sparkline;
pub use table::{Drawn, TableOptions, shape, table};
