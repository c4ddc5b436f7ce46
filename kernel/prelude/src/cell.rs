//! The functions that every cell may call without a `use`.

pub use crate::display::show;
pub use crate::drawing::plot;
pub use crate::frames::{frame, frames, put_frame};
pub use crate::link::interrupted;

use std::future::Future;
use std::sync::OnceLock;

use tokio::runtime::Runtime;

/// Runs a future to its end on the session's one tokio runtime, so that async SDK calls work in
/// an ordinary cell.
pub fn block_on<F: Future>(future: F) -> F::Output {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    #[expect(
        clippy::expect_used,
        reason = "without threads for a runtime no async cell can go on; the panic is the cell's error"
    )]
    let runtime = RUNTIME.get_or_init(|| Runtime::new().expect("cannot start threads for async code"));
    runtime.block_on(future)
}
