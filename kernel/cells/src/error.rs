//! How a cell can fail, as types: the kernel turns them into Jupyter errors without reading text.

/// A cell that did not end well.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CellError {
    /// The cell does not compile. Nothing ran, nothing changed.
    #[error("{message}")]
    Compile {
        /// The first error's message, with how many more there are.
        message: String,
        /// All errors, each with the lines it is about.
        rendered: String,
    },
    /// The cell panicked. Variables of earlier cells are kept, but for those it had consumed.
    #[error("{message}")]
    Panic {
        /// The panic's message.
        message: String,
        /// Where: a line of the cell, or a place in a library.
        place: String,
        /// The stack, where `RUST_BACKTRACE` asked for one.
        backtrace: Option<String>,
        /// Variables that were consumed before the panic.
        lost: Vec<String>,
    },
    /// An error left the cell through `?`.
    #[error("{message}")]
    Question {
        /// The error's type, in full.
        type_name: String,
        /// The error's own text.
        message: String,
        /// Where: a line of the cell.
        place: Option<String>,
        /// Variables that were consumed before the error.
        lost: Vec<String>,
    },
    /// The process that runs cells ended: `exit`, a crash, out of memory.
    #[error("the process that runs Rust cells has ended: {reason}")]
    ChildDied {
        /// How it ended.
        reason: String,
        /// The variables that it held.
        lost: Vec<String>,
    },
    /// Someone pressed stop.
    #[error("interrupted{}", lost_text(lost))]
    Interrupted {
        /// Variables that were lost; none unless the process had to be ended.
        lost: Vec<String>,
    },
    /// Rust cells cannot run: the toolchain or the prelude is missing, or evcxr did not start.
    #[error("Rust cells are not available: {why}")]
    Unavailable {
        /// What is missing.
        why: String,
        /// What to type.
        hint: String,
    },
    /// A command that would hurt the kernel itself, or that nobody would obey.
    #[error("`{command}` is no command of this kernel")]
    Refused {
        /// The command.
        command: String,
        /// What to do instead.
        hint: String,
    },
    /// No variable of this name holds a frame.
    #[error("`{name}` is not a Rust variable that holds a frame")]
    NotAFrame {
        /// The name that was asked for.
        name: String,
    },
    /// Anything else that evcxr says, such as a variable that cannot be kept.
    #[error("{message}")]
    Other {
        /// Its words.
        message: String,
    },
}

fn lost_text(lost: &[String]) -> String {
    if lost.is_empty() {
        String::new()
    } else {
        format!("; lost: {}", lost.join(", "))
    }
}

impl CellError {
    /// The error's name, as Jupyter's `ename`.
    pub fn ename(&self) -> &str {
        match self {
            CellError::Compile { .. } => "CompileError",
            CellError::Panic { .. } => "Panic",
            CellError::Question { type_name, .. } => short_type(type_name),
            CellError::ChildDied { .. } => "ProcessEnded",
            CellError::Interrupted { .. } => "Interrupted",
            CellError::Unavailable { .. } => "Unavailable",
            CellError::Refused { .. } => "Refused",
            CellError::NotAFrame { .. } => "NotAFrame",
            CellError::Other { .. } => "Error",
        }
    }

    /// The variables that are gone because of it.
    pub fn lost(&self) -> &[String] {
        match self {
            CellError::Panic { lost, .. }
            | CellError::Question { lost, .. }
            | CellError::ChildDied { lost, .. }
            | CellError::Interrupted { lost } => lost,
            _ => &[],
        }
    }

    /// What to type instead, or what is still there.
    pub fn hint(&self) -> Option<String> {
        match self {
            CellError::Unavailable { hint, .. } | CellError::Refused { hint, .. } => Some(hint.clone()),
            CellError::Interrupted { lost } if lost.is_empty() => Some("all variables are kept".to_owned()),
            CellError::ChildDied { lost, .. } if lost.is_empty() => {
                Some("frames, models and Rust items are kept".to_owned())
            }
            _ if !self.lost().is_empty() => Some(format!(
                "these variables are gone: {}; run the cells that made them again (frames and models are kept)",
                self.lost().join(", ")
            )),
            CellError::Compile { rendered, .. } if rendered.contains("E0596") => {
                Some("a frame of the session arrives as an immutable variable: `let mut name = name;` first".to_owned())
            }
            _ => None,
        }
    }

    /// The lines of Jupyter's `traceback`.
    pub fn traceback(&self) -> Vec<String> {
        let mut lines = match self {
            CellError::Compile { rendered, .. } => rendered.trim_end().lines().map(str::to_owned).collect(),
            CellError::Panic {
                message,
                place,
                backtrace,
                ..
            } => {
                let mut lines = vec![format!("Panic: {message}"), format!("  at {place}")];
                lines.extend(backtrace.iter().flat_map(|text| text.lines().map(str::to_owned)));
                lines
            }
            CellError::Question { message, place, .. } => {
                let mut lines = vec![format!("{}: {message}", self.ename())];
                lines.extend(place.iter().map(|place| format!("  at {place}")));
                lines
            }
            other => vec![format!("{}: {other}", other.ename())],
        };
        if let Some(hint) = self.hint() {
            lines.push(format!("hint: {hint}"));
        }
        lines
    }
}

/// `alloc::boxed::Box<dyn core::error::Error>` → `Error`; `polars_error::PolarsError` → `PolarsError`.
fn short_type(type_name: &str) -> &str {
    let bare = match type_name.rfind("dyn ") {
        Some(at) => &type_name[at + 4..],
        None => type_name.split('<').next().unwrap_or(type_name),
    };
    let end = bare.find(['<', '>', ' ', '+', ',']).unwrap_or(bare.len());
    let last = bare[..end].rsplit("::").next().unwrap_or_default();
    match last.trim_start_matches('&') {
        "" | "str" | "String" => "Error",
        name => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_named_by_its_type() {
        assert_eq!(short_type("polars_error::PolarsError"), "PolarsError");
        assert_eq!(short_type("alloc::boxed::Box<dyn core::error::Error>"), "Error");
        assert_eq!(
            short_type("alloc::boxed::Box<dyn std::error::Error + core::marker::Send>"),
            "Error"
        );
        assert_eq!(short_type("std::sync::mpsc::SendError<i32>"), "SendError");
        assert_eq!(short_type("alloc::string::String"), "Error");
        assert_eq!(short_type("&str"), "Error");
    }

    #[test]
    fn what_was_lost_is_said_with_a_way_back() {
        let error = CellError::ChildDied {
            reason: "signal 9".to_owned(),
            lost: vec!["a".to_owned(), "b".to_owned()],
        };
        assert!(error.traceback().last().is_some_and(|line| line.contains("a, b")));
    }
}
