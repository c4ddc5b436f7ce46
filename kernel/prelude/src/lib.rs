//! What a Rust cell finds ready made.
//!
//! The kernel's build compiles this crate as an ordinary library; linking it once more as a dylib
//! (`ironsage warm`) gives every cell the same Polars, the same thread pools and the same tokio
//! runtime, already optimised. Cells name the crates by their own names (`use polars::prelude::*;`)
//! and the functions of [`cell`] without any `use`.
//!
//! The process that runs the cells loads the dylib once and talks to it through [`start`],
//! [`enter`] and [`leave`]; nothing else here is called from outside a cell.

pub use {ndarray, plotters, polars, serde_json, tokio};

mod arrays;
pub mod cell;
mod display;
mod drawing;
mod frames;
mod front;
mod hook;
mod input;
mod link;
mod matrix;
mod model;
mod output;
mod progress;
mod surroundings;
mod value;

pub use display::{ByPlan, ByType, CellDisplay, Live, PlanDisplay, Shown};
pub use drawing::Drawing;
pub use frames::{FrameError, Handed, bound, hand, planned};
pub use hook::question;
pub use input::InputError;
pub use matrix::MatrixError;
pub use model::{Model, ModelError};
pub use output::before_stderr;
pub use progress::Progress;

use std::ffi::c_int;
use std::os::fd::FromRawFd;
use std::os::unix::net::UnixStream;
use std::sync::atomic::AtomicBool;

/// Takes over the socket to the kernel, the interrupt flag and the panic hook. Called once, before
/// the first cell.
///
/// # Safety
/// `socket` must be a connected Unix socket that nobody else uses, and `interrupted` must point to
/// a flag that lives as long as the process.
#[unsafe(export_name = "ironsage_prelude_start")]
pub unsafe extern "C" fn start(socket: c_int, interrupted: *const AtomicBool) {
    // SAFETY: the caller gives the socket away.
    let socket = unsafe { UnixStream::from_raw_fd(socket) };
    // SAFETY: the caller promises that the flag lives as long as the process.
    let interrupted = unsafe { &*interrupted };
    link::open(socket, interrupted);
    output::start_flusher();
    hook::install();
}

/// A cell is about to run on this thread. Returns 0 when it was interrupted before it began.
#[unsafe(export_name = "ironsage_prelude_enter")]
pub extern "C" fn enter() -> c_int {
    c_int::from(output::enter())
}

/// A cell has ended (`ran` is 1) or was not begun (0): hands over what is left of its output.
#[unsafe(export_name = "ironsage_prelude_leave")]
pub extern "C" fn leave(ran: c_int) {
    output::leave(ran != 0);
}

/// `eprintln!` for cells: keeps standard error in step with standard output, and tells an error
/// that leaves the cell through `?` from an ordinary message.
#[doc(hidden)]
#[macro_export]
macro_rules! eprintln {
    ($format:literal, $value:ident) => {{
        fn here() {}
        if !$crate::question(
            ::std::any::type_name_of_val(&here),
            ::std::any::type_name_of_val(&$value),
            ::std::format_args!($format, $value),
            ::std::panic::Location::caller(),
        ) {
            $crate::before_stderr();
            ::std::eprintln!($format, $value)
        }
    }};
    ($($arg:tt)*) => {{
        $crate::before_stderr();
        ::std::eprintln!($($arg)*)
    }};
}
