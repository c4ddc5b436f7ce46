//! One call of a magic, from its text to its end: whatever happens inside comes back as a [`MagicError`],
//! a panic too, so that no cell can take the kernel (and everything bound in it) down.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use ironsage_display::Front;

use crate::error::MagicError;
use crate::language::arguments::{self, Parsed};
use crate::language::insert::{self, Braces};
use crate::magic::{Call, Entry, Form};
use crate::session::Session;
use crate::{magics, registry};

/// Runs a magic: `line` is the text after the percent signs, `body` what stands below a `%%` line.
///
/// ```no_run
/// # fn show(session: &ironsage_magics::Session, front: &dyn ironsage_display::Front) {
/// let done = ironsage_magics::run_line("load data/abalone.csv -o abalone", None, session, front);
/// # let _ = done;
/// # }
/// ```
pub fn run_line(line: &str, body: Option<&str>, session: &Session, front: &dyn Front) -> Result<(), MagicError> {
    guarded(&format!("%{}", name_of(line)), || {
        call("", line, body.map(|body| (body, 1)), session, front)
    })
}

/// The same for a `%%` cell, where `above` lines of the cell stand above the body: errors that name lines count them.
pub fn run_cell(line: &str, body: &str, above: usize, session: &Session, front: &dyn Front) -> Result<(), MagicError> {
    guarded(&format!("%{}", name_of(line)), || {
        call("", line, Some((body, above)), session, front)
    })
}

/// The same for `name = %magic …`; `bound` is what stands on the left: a name, or several with commas.
pub fn run_line_bound(bound: &str, line: &str, session: &Session, front: &dyn Front) -> Result<(), MagicError> {
    guarded(&format!("%{}", name_of(line)), || {
        call(bound, line, None, session, front)
    })
}

/// Runs a shell command (`!command`): streamed as it comes, and a failing exit is an error.
pub fn run_shell(command: &str, session: &Session, front: &dyn Front) -> Result<(), MagicError> {
    guarded("!", || {
        let (ok, command) = match command.trim_start().strip_prefix("--ok") {
            Some(rest) if rest.starts_with(char::is_whitespace) => (true, rest),
            _ => (false, command),
        };
        let command = insert::insert(command.trim(), session, Braces::Expressions)?;
        magics::shell::run(
            &magics::shell::Command {
                script: &command,
                ok,
                lone: true,
            },
            session,
            front,
        )
    })
}

/// The name that a line begins with.
pub(crate) fn name_of(line: &str) -> &str {
    let line = line.trim_start();
    let end = line
        .find(|letter: char| !(letter.is_alphanumeric() || "_-".contains(letter)))
        .unwrap_or(line.len());
    &line[..end]
}

/// `body` comes with how many lines stand above it.
fn call(
    bound: &str,
    line: &str,
    body: Option<(&str, usize)>,
    session: &Session,
    front: &dyn Front,
) -> Result<(), MagicError> {
    let line = joined(line);
    let name = name_of(&line);
    let rest = &line.trim_start()[name.len()..];
    if matches!(rest.trim(), "?" | "??") {
        front.display(&magics::help::help_with(name, session)?);
        return Ok(());
    }
    let entry = registry::find(name)?;
    let (body, above) = body.unzip();
    let mut call = Call {
        body: body.map(str::to_owned),
        above: above.unwrap_or_default(),
        ..Call::default()
    };
    let rest = insert::insert(rest, session, Braces::All)?;
    match arguments::parse(entry, &rest, bound, &mut call)? {
        Parsed::Help(text) => {
            front.display(&magics::help::page_of(entry, &text));
            Ok(())
        }
        Parsed::Arguments(matches) => {
            check_form(entry, body)?;
            entry.run(&matches, call, session, front)
        }
    }
}

/// A backslash at the end of a line continues it on the next.
fn joined(line: &str) -> String {
    line.replace("\\\r\n", " ").replace("\\\n", " ")
}

fn check_form(entry: &Entry, body: Option<&str>) -> Result<(), MagicError> {
    let name = entry.name;
    match (entry.form, body) {
        (Form::Cell, None) => Err(MagicError::usage(format!("%%{name} wants a body")).with_hint(format!(
            "write `%%{name} …` on the cell's first line, and the body below it"
        ))),
        (Form::Line, Some(body)) if body.trim().is_empty() => {
            Err(MagicError::usage(format!("%{name} stands on a line"))
                .with_hint(format!("`%{name} …` with one percent sign")))
        }
        (Form::Line, Some(_)) => Err(MagicError::usage(format!("%{name} takes no body")).with_hint(format!(
            "`%{name} …` with one percent sign; what stands below it are lines of their own"
        ))),
        _ => Ok(()),
    }
}

/// Runs something of ours and turns a panic into an error.
fn guarded(what: &str, body: impl FnOnce() -> Result<(), MagicError>) -> Result<(), MagicError> {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|panic| {
        tracing::error!(magic = what, panic = panic_text(panic.as_ref()), "a magic panicked");
        Err(broken(what, panic.as_ref()))
    })
}

/// The error of a panic in `what`.
pub(crate) fn broken(what: &str, panic: &(dyn Any + Send)) -> MagicError {
    MagicError::internal(format!(
        "{what} broke, which is a mistake in Ironsage: {}",
        panic_text(panic)
    ))
    .with_hint("nothing that was bound before is lost; please report it with the text of this cell")
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("(no message)")
}
