//! Questions to the person in front of the cell.

use std::io::{Error, ErrorKind};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;

use ironsage_exchange::wire::{Reply, Request, receive};

use crate::link;

/// Nobody answered.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InputError {
    /// Stop was pressed instead.
    #[error("interrupted while waiting for input")]
    Interrupted,
    /// Nobody can be asked: a headless run, or a front end that has gone.
    #[error("{reason}")]
    Refused {
        /// Why, and what to do.
        reason: String,
    },
    /// The kernel could not be asked.
    #[error("the kernel does not answer: {0}")]
    Kernel(#[from] Error),
}

/// Asks the person in front of the notebook, and waits for the answer.
///
/// ```no_run
/// use ironsage_prelude::cell::input;
/// let rings: u32 = input("How many rings? ")?.trim().parse()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Stop was pressed, or nobody can be asked: a headless run gives such values by `%param`.
pub fn input(prompt: &str) -> Result<String, InputError> {
    question(prompt, false)
}

/// Asks for something that must not be seen: no front end shows or keeps the answer.
///
/// ```no_run
/// use ironsage_prelude::cell::password;
/// let token = password("Token: ")?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// As [`input`].
pub fn password(prompt: &str) -> Result<String, InputError> {
    question(prompt, true)
}

fn question(prompt: &str, password: bool) -> Result<String, InputError> {
    let _ = std::io::Write::flush(&mut std::io::stdout());
    // The answer has a socket of its own: other threads may print and show meanwhile.
    let (ours, theirs) = UnixStream::pair()?;
    let request = Request::Input {
        prompt: prompt.to_owned(),
        password,
    };
    if let Reply::Refused { reason } = link::ask(&request, &[theirs.as_fd()])?.0 {
        return Err(InputError::Refused { reason });
    }
    // Else the end of the kernel's side would not be seen.
    drop(theirs);
    match receive::<Reply>(&ours)? {
        Some((Reply::Answer { text }, _)) => Ok(text),
        Some((Reply::Refused { .. }, _)) if link::interrupted() => Err(InputError::Interrupted),
        Some((Reply::Refused { reason }, _)) => Err(InputError::Refused { reason }),
        // The cell that asked has ended, and this is a thread that it left behind.
        _ => Err(Error::from(ErrorKind::UnexpectedEof).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outside_a_kernel_the_error_says_so() {
        let error = input("Rings? ").err().map(|error| error.to_string());
        assert_eq!(
            error.as_deref(),
            Some("the kernel does not answer: this program was not started by the Ironsage kernel")
        );
    }
}
