//! Errors of magics and of Rust cells as Jupyter errors.
//!
//! A failing cell sends an `error` output and an `error` reply that both carry name, value and
//! traceback (`notebook-ux.md`, section 7: CI tools look at one or the other). The value says what and
//! where; the hint, on a line of its own, says what to type instead.

use ironsage_cells::CellError;
use ironsage_magics::MagicError;
use ironsage_protocol::CellFailure;

const BOLD_RED: &str = "\x1b[1;31m";
const CYAN: &str = "\x1b[36m";
const PLAIN: &str = "\x1b[0m";

/// A failure with a name, what happened, and where there is one, a hint.
pub(crate) fn failure(name: &str, message: &str, hint: Option<&str>) -> CellFailure {
    let mut traceback = vec![format!("{BOLD_RED}{name}{PLAIN}: {message}")];
    let mut value = message.to_owned();
    if let Some(hint) = hint {
        traceback.push(format!("{CYAN}hint{PLAIN}: {hint}"));
        value = format!("{message}\nhint: {hint}");
    }
    CellFailure {
        name: name.to_owned(),
        value,
        traceback,
    }
}

/// The failure of a magic.
pub(crate) fn of_magic(error: &MagicError) -> CellFailure {
    failure(&error.kind.to_string(), &error.message, error.hint.as_deref())
}

/// The failure of a Rust cell; a compile error shows the compiler's own picture of it.
pub(crate) fn of_cell(error: &CellError) -> CellFailure {
    let mut value = error.to_string();
    if let Some(hint) = error.hint() {
        value = format!("{value}\nhint: {hint}");
    }
    CellFailure {
        name: error.ename().to_owned(),
        value,
        traceback: error.traceback(),
    }
}
