//! Panics and errors that leave a cell, told to the kernel as records instead of printed.
//!
//! Whether a panic ends the cell is known only later (the cell may catch it), so the kernel keeps
//! the record until then.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::fmt::Arguments;
use std::io::Write;
use std::panic::{Location, PanicHookInfo};

use ironsage_exchange::wire::{Failed, Panicked, Place, Request};

use crate::{link, output};

/// Replaces the panic hook that would print to standard error.
pub(crate) fn install() {
    std::panic::set_hook(Box::new(|info| {
        let record = describe(info);
        let _ = std::io::stdout().flush();
        if link::ask(&Request::Panic(record.clone()), &[]).is_err() {
            let mut stderr = std::io::stderr();
            let _ = writeln!(
                stderr,
                "thread '{}' panicked at {}: {}",
                record.thread, record.place, record.message
            );
        }
    }));
}

fn describe(info: &PanicHookInfo<'_>) -> Panicked {
    let payload = info.payload();
    let message = payload
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a value that is not text".to_owned());
    let backtrace = Backtrace::capture();
    Panicked {
        message,
        place: info.location().map(Place::from).unwrap_or_default(),
        thread: std::thread::current().name().unwrap_or("unnamed").to_owned(),
        cell_thread: output::on_cell_thread(),
        backtrace: (backtrace.status() == BacktraceStatus::Captured).then(|| backtrace.to_string()),
    }
}

/// The name that evcxr gives to the type which a failed `?` becomes.
const QUESTION_MARK: &str = "EvcxrUserCodeError";

/// Called by every `eprintln!` of a cell that prints one value. When the caller is evcxr's
/// conversion of an error that leaves the cell through `?` (`here` is the path of the calling
/// function), the error is told to the kernel with its `place`, and nothing is printed.
pub fn question(here: &str, type_name: &str, text: Arguments<'_>, place: &Location<'_>) -> bool {
    if !here.contains(QUESTION_MARK) {
        return false;
    }
    let _ = std::io::stdout().flush();
    let record = Failed {
        type_name: type_name.to_owned(),
        message: text.to_string(),
        place: place.into(),
    };
    link::ask(&Request::Failure(record), &[]).is_ok()
}
