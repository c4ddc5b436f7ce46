//! Where a magic writes to: the only thing it knows of whoever is watching.
//!
//! The kernel implements [`Front`] over IOPub; tests implement it with
//! [`testing::Recorder`](crate::testing::Recorder). Calls come from any thread, in the order in
//! which they are to be seen, and never block for long.

use crate::Bundle;

/// Which of the two output streams a text belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stream {
    /// What a command says.
    Stdout,
    /// Warnings and diagnostics.
    Stderr,
}

/// Names a display that can be updated in place.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct DisplayId(pub String);

/// The front end, as a magic sees it.
pub trait Front: Send + Sync {
    /// Shows a bundle for good.
    fn display(&self, bundle: &Bundle);

    /// Shows a bundle that later [`update`](Front::update)s replace.
    fn display_live(&self, bundle: &Bundle) -> DisplayId;

    /// Replaces what a live display shows.
    fn update(&self, id: &DisplayId, bundle: &Bundle);

    /// Writes text to a stream; partial lines are fine.
    fn stream(&self, stream: Stream, text: &str);

    /// Whether the user asked to stop. Cheap enough for an inner loop's every batch.
    fn interrupted(&self) -> bool;

    /// Whether nobody watches live (CI, a headless run): progress then says little.
    fn quiet(&self) -> bool {
        false
    }
}
