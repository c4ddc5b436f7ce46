//! The engine: a cell in, outputs out.
//!
//! It runs the segments of a cell in order (magics in this process, Rust in evcxr's child) over one
//! namespace, and knows no Jupyter message but through [`Outputs`]. evcxr is built on its own thread
//! when the kernel starts; only a cell with Rust in it ever waits for it.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::Result;
use ironsage_cells::{Whole, whole};
use ironsage_contract::home::Home;
use ironsage_display::{Bundle, Front, note};
use ironsage_magics::{PastCell, Session, SessionConfig};
use ironsage_protocol::{
    CellFailure, Completeness, Completions, Connection, Engine, EngineInfo, ExecuteRequest, MimeBundle, Outputs, Past,
};

use crate::{
    bridge::RustCells,
    cell::{self, Lexer, Segment, State},
    complete,
    failure::{failure, of_magic},
    front::{CellFront, mime},
    service,
};

/// `ironsage kernel`: serves one notebook until Jupyter says shutdown.
pub(crate) fn serve(connection_file: &Path) -> Result<ExitCode> {
    let connection = Connection::from_file(connection_file)?;
    let home = Home::from_env()?;
    let session = Session::new(SessionConfig {
        launcher: service::LocalLauncher::new(home.clone())?,
        home: home.clone(),
    });
    let kernel = Arc::new(Kernel::new(session));
    end_with_parent(&kernel, &home);
    std::thread::spawn(ironsage_magics::warm_up);
    let _exit = ironsage_protocol::run(connection, Arc::clone(&kernel) as Arc<dyn Engine>)?;
    kernel.session.forget_rust();
    drop(kernel);
    service::stop_if_ours(&home);
    Ok(ExitCode::SUCCESS)
}

/// Jupyter tells who it is when it starts a kernel. Where it was killed, and so said no shutdown, the kernel ends by
/// itself, with what it started.
fn end_with_parent(kernel: &Arc<Kernel>, home: &Home) {
    if std::env::var_os("JPY_PARENT_PID").is_none() {
        return;
    }
    let (kernel, home, parent) = (
        Arc::downgrade(kernel),
        home.clone(),
        std::os::unix::process::parent_id(),
    );
    let watch = move || {
        while std::os::unix::process::parent_id() == parent {
            std::thread::sleep(Duration::from_secs(1));
        }
        if let Some(kernel) = kernel.upgrade() {
            kernel.shutdown(false);
        }
        service::stop_if_ours(&home);
        #[expect(clippy::exit, reason = "nobody is left to say shutdown")]
        std::process::exit(1);
    };
    let watcher = std::thread::Builder::new().name("ironsage-parent".to_owned());
    if let Err(error) = watcher.spawn(watch) {
        tracing::warn!(%error, "nobody watches whether Jupyter lives");
    }
}

/// One notebook's kernel.
pub(crate) struct Kernel {
    session: Session,
    rust: RustCells,
    /// Jupyter has said shutdown.
    ending: AtomicBool,
}

impl Kernel {
    pub(crate) fn new(session: Session) -> Self {
        let rust = RustCells::start(session.clone());
        session.set_rust(rust.names());
        Kernel {
            session,
            rust,
            ending: AtomicBool::new(false),
        }
    }

    /// Runs a cell, or the body of a `%%time` cell.
    fn run(&self, code: &str, front: &CellFront<'_>) -> Result<(), CellFailure> {
        let segments = cell::split(code);
        // The pager is for a cell that asks for help and nothing else: it opens after all outputs, with one page, and not
        // at all where the cell fails.
        if let [Segment::Help { name }] = segments.as_slice() {
            return self.help(name).map(|bundle| front.outputs().page(&mime(&bundle)));
        }
        let count = segments.len();
        for (index, segment) in segments.into_iter().enumerate() {
            if front.interrupted() {
                return Err(failure("Interrupted", "stopped before the rest of the cell", None));
            }
            self.segment(&segment, index + 1 == count, front)?;
        }
        Ok(())
    }

    fn segment(&self, segment: &Segment<'_>, last: bool, front: &CellFront<'_>) -> Result<(), CellFailure> {
        match segment {
            Segment::Rust { code, .. } if cell::is_blank(code) => Ok(()),
            // Blank lines before it, so that errors name lines of the cell.
            Segment::Rust { code, line } => self.rust.run(&format!("{}{code}", "\n".repeat(*line)), last, front),
            Segment::Line { command, target } => match timed(command) {
                Some(rest) if target.is_empty() => self.time(&as_statement(rest), front),
                _ => ironsage_magics::run_line_bound(target, command, &self.session, front)
                    .map_err(|error| of_magic(&error)),
            },
            Segment::Cell { command, body, above } if command == "time" => {
                self.time(&format!("{}{body}", "\n".repeat(*above)), front)
            }
            Segment::Cell { command, body, above } => {
                ironsage_magics::run_cell(command, body, *above, &self.session, front).map_err(|error| of_magic(&error))
            }
            Segment::Shell { command } => {
                ironsage_magics::run_shell(command, &self.session, front).map_err(|error| of_magic(&error))
            }
            Segment::Help { name } => self.help(name).map(|bundle| front.display(&bundle)),
            Segment::Misplaced { name } => Err(failure(
                "UsageError",
                &format!("`{name}` takes the rest of its cell, so it must be the first line"),
                Some("move it to the top of a cell of its own"),
            )),
        }
    }

    /// The page that `%name?` and `?name` ask for; `?` alone asks for that of `%help`.
    fn help(&self, name: &str) -> Result<Bundle, CellFailure> {
        let name = if name.is_empty() { "help" } else { name };
        ironsage_magics::help_with(name, &self.session).map_err(|error| of_magic(&error))
    }

    /// `%time` and `%%time`: the wall clock and this process's processor time.
    fn time(&self, code: &str, front: &CellFront<'_>) -> Result<(), CellFailure> {
        let wall = Instant::now();
        let processor = processor_time();
        let done = self.run(code, front);
        front.display(&note(format!(
            "wall {} · processor {} (this process)",
            seconds(wall.elapsed()),
            seconds(processor_time().saturating_sub(processor))
        )));
        done
    }
}

impl Engine for Kernel {
    fn info(&self) -> EngineInfo {
        EngineInfo {
            implementation: "ironsage".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            banner: format!(
                "Ironsage {}: Rust and the SageMaker workflow in cells. %help lists what there is.",
                env!("CARGO_PKG_VERSION")
            ),
            language_version: env!("CARGO_PKG_RUST_VERSION").to_owned(),
            help_links: Vec::new(),
        }
    }

    fn execute(&self, request: &ExecuteRequest, outputs: &Outputs) -> Result<(), CellFailure> {
        // A front end that can't ask the user anything is a headless run: nbclient, papermill, CI.
        let quiet = !request.allow_stdin || ironsage_contract::env::is_ci();
        self.run(&request.code, &CellFront::new(outputs, &self.ending, quiet))
    }

    fn complete(&self, code: &str, cursor: usize) -> Completions {
        complete::complete(code, cursor, &self.session, &self.rust)
    }

    fn inspect(&self, code: &str, cursor: usize, _detail: u8) -> Option<MimeBundle> {
        complete::inspect(code, cursor, &self.session, &self.rust).map(|bundle| mime(&bundle))
    }

    fn is_complete(&self, code: &str) -> Completeness {
        completeness(code)
    }

    fn history_file(&self) -> Option<PathBuf> {
        Some(self.session.home().history_file())
    }

    fn remember(&self, past: Past) {
        self.session.set_past(Arc::new(Typed(past)));
    }

    fn is_secret(&self, code: &str) -> bool {
        code.lines().any(ironsage_magics::sets_a_secret)
    }

    fn interrupt(&self) {
        self.rust.interrupt();
    }

    fn shutdown(&self, _restart: bool) {
        self.ending.store(true, Ordering::SeqCst);
        self.rust.interrupt();
    }
}

/// What was typed, for `%history`.
struct Typed(Past);

impl ironsage_magics::Past for Typed {
    fn cells(&self, earlier: Option<u32>) -> Vec<PastCell> {
        let cells = self.0.cells(earlier).into_iter();
        cells
            .map(|cell| PastCell {
                session: cell.session,
                line: cell.line,
                input: cell.input,
            })
            .collect()
    }
}

/// Whether a console should run what was typed, or wait for more lines.
fn completeness(code: &str) -> Completeness {
    match cell::split(code).last() {
        None => Completeness::Complete,
        // A body has no end of its own: an empty line ends it, as in IPython.
        Some(Segment::Cell { .. }) if !code.ends_with("\n\n") => Completeness::Incomplete { indent: String::new() },
        Some(Segment::Rust { code, .. }) => {
            let mut lexer = Lexer::default();
            lexer.feed(code);
            if lexer.mismatched() {
                Completeness::Invalid
            } else if lexer.depth() > 0 || !matches!(lexer.state(), State::Code | State::LineComment) {
                Completeness::Incomplete {
                    indent: "    ".repeat(lexer.depth()),
                }
            } else {
                match whole(code) {
                    Whole::Yes => Completeness::Complete,
                    Whole::NotYet => Completeness::Incomplete { indent: String::new() },
                    Whole::Never => Completeness::Invalid,
                }
            }
        }
        Some(_) if code.trim_end_matches(['\n', '\r']).ends_with('\\') => Completeness::Incomplete {
            indent: "    ".to_owned(),
        },
        Some(_) => Completeness::Complete,
    }
}

/// The rest of a `%time …` line.
fn timed(command: &str) -> Option<&str> {
    let rest = command.strip_prefix("time")?;
    (rest.is_empty() || rest.starts_with(char::is_whitespace)).then(|| rest.trim())
}

/// What `%time` was given: a magic may stand with or without its `%`, anything else is Rust.
fn as_statement(rest: &str) -> String {
    let name = rest.split_whitespace().next().unwrap_or_default();
    if ironsage_magics::names().contains(&name) {
        format!("%{rest}")
    } else {
        rest.to_owned()
    }
}

fn processor_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is to a timespec of our own, which the call fills.
    unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut time) };
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

fn seconds(duration: Duration) -> String {
    if duration < Duration::from_secs(1) {
        format!("{} ms", duration.as_millis())
    } else {
        format!("{:.1} s", duration.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_console_waits_for_what_is_open() {
        let incomplete = |indent: &str| Completeness::Incomplete {
            indent: indent.to_owned(),
        };
        for (code, expected) in [
            ("let x = 1;", Completeness::Complete),
            ("fn f() {", incomplete("    ")),
            ("let s = \"a", incomplete("")),
            ("let x = (1];", Completeness::Invalid),
            ("%load a.csv", Completeness::Complete),
            ("%load a.csv \\", incomplete("    ")),
            ("%%sql -o x", incomplete("")),
            ("%%sql -o x\nSELECT 1", incomplete("")),
            ("%%sql -o x\nSELECT 1\n\n", Completeness::Complete),
            ("// only a comment", Completeness::Complete),
            ("let x =", incomplete("")),
            ("%who\nif true", incomplete("")),
            ("let x = 1 2;", Completeness::Invalid),
        ] {
            assert_eq!(completeness(code), expected, "{code}");
        }
    }
}
