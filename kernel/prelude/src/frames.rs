//! Frames of the session, by name, from a Rust cell.

use std::fs::File;
use std::os::fd::AsFd;

use ironsage_exchange::wire::{Reply, Request};
use ironsage_exchange::{ExchangeError, map_file, share};
use polars::prelude::{Column, DataFrame, LazyFrame, PolarsError, PolarsResult};

use crate::link::ask;

/// A frame did not come, or did not go, by its name.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// No frame of this name.
    #[error("no frame is called `{name}`; there is {}", list(known))]
    Unknown {
        /// The name that was asked for.
        name: String,
        /// The names there are.
        known: Vec<String>,
    },
    /// The kernel could not do it.
    #[error("`{name}`: {reason}")]
    Refused {
        /// The frame's name.
        name: String,
        /// Why.
        reason: String,
    },
    /// The kernel could not be asked.
    #[error("the kernel does not answer: {0}")]
    Kernel(#[from] std::io::Error),
    /// The frame could not be shared.
    #[error(transparent)]
    Exchange(#[from] ExchangeError),
    /// A plan could not be collected.
    #[error(transparent)]
    Polars(#[from] PolarsError),
}

fn list(names: &[String]) -> String {
    if names.is_empty() {
        return "none yet".to_owned();
    }
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}

/// A frame of the session by its name, mapped and not copied.
///
/// A cell that mentions the frame's name as a variable has it already; this is for names that are
/// computed.
pub fn frame(name: &str) -> Result<DataFrame, FrameError> {
    let request = Request::Frame { name: name.to_owned() };
    let (reply, descriptors) = ask(&request, &[])?;
    match reply {
        Reply::Missing { known } => Err(FrameError::Unknown {
            name: name.to_owned(),
            known,
        }),
        Reply::Refused { reason } => Err(FrameError::Refused {
            name: name.to_owned(),
            reason,
        }),
        _ => {
            let descriptor = descriptors
                .into_iter()
                .next()
                .ok_or_else(|| std::io::Error::from(std::io::ErrorKind::UnexpectedEof))?;
            Ok(map_file(File::from(descriptor))?)
        }
    }
}

/// The plan of a name of the session that a generated `let` binds before the cell's own code; another version of it is
/// another expression.
#[doc(hidden)]
pub fn planned(name: &str, _version: u64) -> LazyFrame {
    match plan(name) {
        Ok(plan) => plan,
        Err(error) => panic!("{error}"),
    }
}

fn plan(name: &str) -> Result<LazyFrame, FrameError> {
    match ask(&Request::Plan { name: name.to_owned() }, &[])?.0 {
        Reply::Plan(scan) => Ok(scan.plan()?),
        Reply::Missing { known } => Err(FrameError::Unknown {
            name: name.to_owned(),
            known,
        }),
        _ => Err(std::io::Error::from(std::io::ErrorKind::InvalidData).into()),
    }
}

/// The names of the session's frames.
pub fn frames() -> Result<Vec<String>, FrameError> {
    // No frame can have this name, so the answer is the list of those there are.
    match frame("") {
        Err(FrameError::Unknown { known, .. }) => Ok(known),
        Err(error) => Err(error),
        Ok(_) => Ok(Vec::new()),
    }
}

/// Binds a frame in the session under a name, for magics and later cells.
pub fn put_frame(name: &str, frame: &DataFrame) -> Result<(), FrameError> {
    let shared = share(frame)?;
    let request = Request::Put { name: name.to_owned() };
    answer(name, &request, &shared)
}

/// What a magic can take over from a Rust variable.
#[doc(hidden)]
pub trait Handed {
    /// The rows to hand over.
    fn rows(&self) -> PolarsResult<DataFrame>;
}

impl Handed for DataFrame {
    fn rows(&self) -> PolarsResult<DataFrame> {
        Ok(self.clone())
    }
}

impl Handed for LazyFrame {
    fn rows(&self) -> PolarsResult<DataFrame> {
        self.clone().collect()
    }
}

/// A number, a truth value or a text goes as a table of one: its text.
macro_rules! handed_as_text {
    ($($type:ty)*) => {
        $(impl Handed for $type {
            fn rows(&self) -> PolarsResult<DataFrame> {
                DataFrame::new(1, vec![Column::new("value".into(), [self.to_string()])])
            }
        })*
    };
}

handed_as_text!(bool char String &str i8 i16 i32 i64 i128 isize u8 u16 u32 u64 u128 usize f32 f64);

/// Hands a variable to the kernel, which asked for it through a generated cell.
#[doc(hidden)]
pub fn hand(name: &str, value: &impl Handed) -> Result<(), FrameError> {
    let shared = share(&value.rows()?)?;
    answer(name, &Request::Hand, &shared)
}

fn answer(name: &str, request: &Request, shared: &ironsage_exchange::Shared) -> Result<(), FrameError> {
    match ask(request, &[shared.as_fd()])?.0 {
        Reply::Refused { reason } => Err(FrameError::Refused {
            name: name.to_owned(),
            reason,
        }),
        _ => Ok(()),
    }
}

/// The frame that a generated `let` binds before the cell's own code.
#[doc(hidden)]
pub fn bound(name: &str) -> DataFrame {
    match frame(name) {
        Ok(frame) => frame,
        Err(error) => panic!("{error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_name_lists_the_known_ones() {
        let error = FrameError::Unknown {
            name: "gues".to_owned(),
            known: vec!["guess".to_owned(), "train".to_owned()],
        };
        assert_eq!(
            error.to_string(),
            "no frame is called `gues`; there is `guess`, `train`"
        );
    }

    #[test]
    fn outside_a_kernel_the_error_says_so() {
        let error = frame("x").err().map(|error| error.to_string());
        assert_eq!(
            error.as_deref(),
            Some("the kernel does not answer: this program was not started by the Ironsage kernel")
        );
    }
}
