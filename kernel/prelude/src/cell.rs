//! The functions that every cell may call without a `use` (but for `password`, which few need).
//!
//! | what | how |
//! | --- | --- |
//! | frames of the session | [`frame`], [`frames`], [`put_frame`] |
//! | numbers for models of one's own | [`matrix`] |
//! | models of the session | [`model`] |
//! | seeing | [`show`], [`show_live`], [`clear_output`], [`plot`], [`figure`], [`progress`] |
//! | asking | [`input`], [`password`] |
//! | waiting and stopping | [`block_on`], [`interrupted`] |

pub use crate::display::{clear_output, show, show_live};
pub use crate::drawing::{figure, plot};
pub use crate::frames::{frame, frames, put_frame};
pub use crate::input::{input, password};
pub use crate::link::interrupted;
pub use crate::matrix::matrix;
pub use crate::model::model;
pub use crate::progress::progress;

use std::future::Future;
use std::sync::OnceLock;
use std::time::Duration;

use tokio::runtime::Runtime;

use crate::link::leave_cell;

/// How often a wait looks whether stop was pressed.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Runs a future to its end on the session's one tokio runtime, so that async SDK calls work in
/// an ordinary cell. Stop ends the wait, and the cell with it; variables are kept.
///
/// ```
/// use ironsage_prelude::cell::block_on;
/// let answer = block_on(async {
///     ironsage_prelude::tokio::time::sleep(std::time::Duration::from_millis(5)).await;
///     42
/// });
/// assert_eq!(answer, 42);
/// ```
pub fn block_on<F: Future>(future: F) -> F::Output {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    #[expect(
        clippy::expect_used,
        reason = "without threads for a runtime no async cell can go on; the panic is the cell's error"
    )]
    let runtime = RUNTIME.get_or_init(|| Runtime::new().expect("cannot start threads for async code"));
    let output = runtime.block_on(async {
        tokio::select! {
            biased;
            output = future => Some(output),
            () = stop() => None,
        }
    });
    output.unwrap_or_else(|| leave_cell())
}

/// Ends when someone presses stop.
async fn stop() {
    while !interrupted() {
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
