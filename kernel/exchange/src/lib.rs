//! What passes between the kernel and the process that runs Rust cells: frames and records.
//!
//! Frames travel as Arrow IPC in sealed memory files ([`share`], [`map`]): written once, mapped by
//! the other side without a copy, gone when the last process lets go of them, also after a crash.
//! A plan over files goes as what it reads ([`Scan`]), and each side makes its own of it.
//! Everything else (a display, a panic, "the cell ended") is a small record on a Unix socket
//! ([`wire`]). Neither half knows Jupyter or evcxr.
//!
//! Whatever the kernel starts must end with it, too: [`GroupGuard`].

mod frame;
mod group;
mod partitions;
mod scan;
pub mod wire;

pub use frame::{ExchangeError, Shared, map, map_file, share};
pub use group::GroupGuard;
pub use partitions::partitions;
pub use scan::{CsvScan, Scan, ScanFormat};
