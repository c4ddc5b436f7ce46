//! The working directory and the environment, as `%cd` and `%env` have them.

use std::sync::{Mutex, PoisonError};

use ironsage_exchange::wire::Surroundings;

/// What the kernel told last. What a cell changes by itself stays, until a magic changes it again.
static LAST: Mutex<Option<Surroundings>> = Mutex::new(None);

/// Makes this process's surroundings those that the kernel tells of, before a cell runs.
#[expect(
    clippy::disallowed_methods,
    reason = "a cell's own process has no other way; see the safety comment"
)]
pub(crate) fn follow(told: Surroundings) {
    let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
    let before = last.take().unwrap_or_default();
    if let (Some(folder), true) = (&told.folder, told.folder != before.folder)
        && let Err(error) = std::env::set_current_dir(folder)
    {
        tell(&format!("cannot work in {folder}: {error}"));
    }
    for (name, value) in &told.environment {
        if before.environment.get(name) != Some(value) {
            // SAFETY: Rust's readers and writers take the standard library's lock. Code of another language that
            // reads the environment in a thread of an earlier cell at this very moment is the one who could be hurt.
            unsafe { std::env::set_var(name, value) };
        }
    }
    *last = Some(told);
}

/// Whether nobody watches the cell that runs.
pub(crate) fn quiet() -> bool {
    let last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
    last.as_ref().is_some_and(|told| told.quiet)
}

fn tell(problem: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "{problem}");
}
