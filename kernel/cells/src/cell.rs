//! One cell on its way through evcxr, on the evaluator's thread: names bound, types found,
//! compiled, run, and its end described.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashSet};
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crossbeam_channel::Sender;
use evcxr::{CommandContext, EvalContext, EvalOutputs};

use crate::MimeBundle;
use crate::assist::{Docs, Scope};
use crate::child;
use crate::commands::{RESTART, has_command, only_adds_crates, refuse_commands, rust_start};
use crate::compiler::CellCompiler;
use crate::crates;
use crate::error::CellError;
use crate::event::{Ended, Event};
use crate::folder::evcxr_folder;
use crate::frames::{Bound, Exports, FRAME};
use crate::interrupt::{Interrupt, Phase};
use crate::known::Context;
use crate::prelude::Prelude;
use crate::relay::Relay;
use crate::report::{cargo_error, compile_error, nameless};
use crate::source::{Edit, Edited};
use crate::speed::Level;
use crate::syntax::Cell;
use crate::toolchain::Toolchain;
use crate::types;

/// What every cell may use without a `use`. The last line makes evcxr expect `?`, which would
/// otherwise cost the first cell with a `?` a second compile.
const SETUP: &str = "\
use ironsage_prelude as _;
use ironsage_prelude::{CellDisplay as _, PlanDisplay as _};
use ironsage_prelude::eprintln;
use ironsage_prelude::cell::{block_on, clear_output, figure, frame, frames, input, interrupted};
use ironsage_prelude::cell::{matrix, model, plot, progress, put_frame, show, show_live};
Ok::<(), String>(())?;";

/// evcxr, ready for cells, with all that belongs to it.
pub(crate) struct Session {
    // Dropped in this order: evcxr waits for its process, whose streams the relay reads.
    context: CommandContext,
    early_stderr: crossbeam_channel::Receiver<String>,
    _relay: Relay,
    toolchain: Toolchain,
    prelude: Prelude,
    folder: PathBuf,
    compiler: CellCompiler,
    /// Whether `:opt` has said how cells are optimised.
    level_typed: bool,
    /// Crates that the types of variables have named beside those that cells are given.
    beneath: BTreeMap<String, PathBuf>,
    events: Sender<Event>,
    known: Context,
    answers: RefCell<types::Answers>,
    bound: Bound,
    exports: Arc<Exports>,
    interrupt: Interrupt,
}

/// A name of the session that a cell is given before its own code.
struct Mention {
    name: String,
    rust_type: String,
}

/// What a session is made of.
pub(crate) struct Parts {
    pub(crate) relay: Relay,
    pub(crate) toolchain: Toolchain,
    pub(crate) prelude: Prelude,
    pub(crate) executable: PathBuf,
    pub(crate) socket: PathBuf,
    /// The session's folder.
    pub(crate) folder: PathBuf,
    pub(crate) events: Sender<Event>,
    pub(crate) exports: Arc<Exports>,
    pub(crate) interrupt: Interrupt,
}

impl Session {
    /// Builds evcxr's context: about a second.
    pub(crate) fn start(parts: Parts) -> Result<Session, CellError> {
        let mut command = std::process::Command::new(&parts.executable);
        command
            .env(child::SOCKET, &parts.socket)
            .env(child::PRELUDE, parts.prelude.dylib())
            .env(child::LIBSTD, &parts.toolchain.libstd)
            .env(child::KERNEL, std::process::id().to_string());
        if let Some(wanted) = std::env::var_os("RUST_BACKTRACE") {
            command.env(child::BACKTRACE, wanted);
        }
        let (mut context, outputs) = EvalContext::with_subprocess_command(command).map_err(cannot_start)?;
        let mut state = context.state();
        let compiler = CellCompiler::create(&parts.folder, &parts.toolchain.rustc, &parts.prelude);
        let compiler = compiler.map_err(|error| cannot_write(&parts.folder, &error))?;
        state.set_build_env("RUSTC", &compiler.script().to_string_lossy());
        state.set_build_env("CARGO_INCREMENTAL", "0");
        context.eval_with_state(SETUP, state).map_err(cannot_start)?;
        let mut known = Context::default();
        known.set_items(&context.last_source().unwrap_or_default());
        Ok(Session {
            context: CommandContext::with_eval_context(context),
            early_stderr: outputs.stderr,
            _relay: parts.relay,
            toolchain: parts.toolchain,
            prelude: parts.prelude,
            folder: parts.folder,
            compiler,
            level_typed: false,
            beneath: BTreeMap::new(),
            events: parts.events,
            known,
            answers: RefCell::default(),
            bound: Bound::default(),
            exports: parts.exports,
            interrupt: parts.interrupt,
        })
    }

    /// Has the files read that rustc and rust-analyzer need for every cell, before the first cell needs them: half a second.
    pub(crate) fn warm_up(&mut self) {
        let code = "let ironsage = polars::prelude::DataFrame::empty();";
        let _ = self.annotations(code, &Cell::parse(code), &[]);
        let _ = self.completions("iron", 4);
    }

    /// Names and types of all variables.
    pub(crate) fn variables(&self) -> impl Iterator<Item = (&str, &str)> {
        self.context.variables_and_types()
    }

    /// What completion and inspection need to know of the session, for use beside it.
    pub(crate) fn scope(&self) -> Scope {
        let mut known = self.known.clone();
        known.variables = self
            .variables()
            .map(|(name, rust_type)| (name.to_owned(), rust_type.to_owned()))
            .collect();
        let host = self.exports.host();
        let held = known.variables.keys().filter_map(|name| {
            let current = host.frame(name)?;
            (!self.bound.needed(name, &current, true)).then(|| (name.clone(), current))
        });
        let held = held.collect();
        let (flags, names) = crates::arguments(&self.prelude, &self.toolchain, &self.beneath);
        Scope {
            known,
            held,
            rustc: self.toolchain.rustc.clone(),
            flags,
            crates: names,
            folder: self.folder.clone(),
            index: self.prelude.folder().join(crate::index::FILE),
        }
    }

    /// Whether a variable is a frame of the session that a cell mentioned.
    pub(crate) fn is_from_session(&self, name: &str) -> bool {
        self.bound.is_from_session(name)
    }

    /// Completions by rust-analyzer, in bytes.
    pub(crate) fn completions(&mut self, code: &str, offset: usize) -> Option<evcxr::Completions> {
        let guarded = AssertUnwindSafe(|| self.context.completions(code, offset));
        std::panic::catch_unwind(guarded).ok()?.ok()
    }

    /// What rust-analyzer says of the end of the code.
    pub(crate) fn hover(&mut self, code: &str) -> Option<Docs> {
        let guarded = AssertUnwindSafe(|| self.context.hover_at(code, code.len()));
        let (plain, html) = std::panic::catch_unwind(guarded).ok()?.ok()?;
        Docs::of_analyzer(plain, html)
    }

    /// Runs a generated cell as it is.
    pub(crate) fn run_plain(&mut self, code: &str) -> Result<Ended, Broken> {
        self.run(&Cell::parse(code), Edited::new(code, Vec::new()), &[])
    }

    /// Runs a cell of the user's.
    pub(crate) fn run_cell(&mut self, code: &str) -> Result<Ended, Broken> {
        if let Err(error) = refuse_commands(code) {
            return Ok(Ended::failed(code, error));
        }
        self.interrupt.set_phase(Phase::Compiling);
        self.exports.prune();
        self.bound.prune(self.exports.host());
        let mut edits = Vec::new();
        if has_command(code, RESTART) {
            if let Err(error) = self.restart() {
                return Ok(Ended::failed(code, error));
            }
            // Done, so evcxr need not see it.
            edits.extend(code.find(RESTART).map(|at| Edit {
                start: at,
                end: at + RESTART.len(),
                text: String::new(),
            }));
        }
        let cell = Cell::parse(code);
        if only_adds_crates(code) && !cell.lets().is_empty() {
            // The types of its variables can come from them, so they have to be there before these are asked for.
            let start = rust_start(code);
            let first = format!("{}();", &code[..start]);
            let adding = Cell::parse(&first);
            if let Err(error) = self.prepare_compiler(&first, &adding) {
                return Ok(Ended::failed(code, cannot_write(&self.folder, &error)));
            }
            let added = self.run(&adding, Edited::new(&first, Vec::new()), &[])?;
            if added.outcome.is_err() {
                return Ok(added);
            }
            edits.push(Edit {
                start: 0,
                end: start,
                text: "\n".repeat(code[..start].matches('\n').count()),
            });
            self.interrupt.set_phase(Phase::Compiling);
        }
        let (binding, mentioned) = self.bindings(&cell);
        if let (Some(at), false) = (cell.insertion_point(), binding.is_empty()) {
            edits.push(Edit::insert(at, binding));
        }
        let found = self.annotations(code, &cell, &mentioned);
        if let Some(variable) = found.nameless {
            return Ok(Ended::failed(code, nameless(&variable, code)));
        }
        edits.extend(found.edits);
        for (name, file) in found.crates {
            if let Err(error) = self.compiler.offer(&name, &file) {
                return Ok(Ended::failed(code, cannot_write(&self.folder, &error)));
            }
            self.beneath.insert(name, file);
        }
        if self.interrupt.pressed() {
            let lost = Vec::new();
            return Ok(Ended::failed(code, CellError::Interrupted { lost }));
        }
        if let Err(error) = self.prepare_compiler(code, &cell) {
            return Ok(Ended::failed(code, cannot_write(&self.folder, &error)));
        }
        self.run(&cell, Edited::new(code, edits), &mentioned)
    }

    /// Tells the compiler what is in the cell: work of its own, or crates that it adds.
    fn prepare_compiler(&mut self, code: &str, cell: &Cell) -> std::io::Result<()> {
        self.level_typed |= has_command(code, ":opt");
        let large = |name: &str| {
            let types = self.variables().filter(|(variable, _)| *variable == name);
            types.into_iter().any(|(_, rust_type)| self.prelude.holds(rust_type))
        };
        let level = match self.level_typed {
            true => Level::AsTyped,
            false => self.known.effort(cell).level(large),
        };
        self.compiler.optimise(level)?;
        match has_command(code, ":dep") {
            true => self.compiler.pin_versions(&evcxr_folder()),
            false => self.compiler.unpin_versions(&evcxr_folder()),
        }
    }

    /// The `let`s for frames and values of the session that the cell mentions, and what they bind. Writing frames to
    /// shared memory begins now, while the cell compiles.
    fn bindings(&self, cell: &Cell) -> (String, Vec<Mention>) {
        let host = self.exports.host();
        let values = host.values();
        let mut names = host.names();
        names.extend(values.iter().map(|value| value.name.clone()));
        let mut binding = String::new();
        let mut mentioned = Vec::new();
        for name in cell.mentions(&names) {
            // A function or a constant of that name is what the cell means.
            if self.known.item_names().any(|item| item == name) {
                continue;
            }
            let defined = self.variables().any(|(variable, _)| variable == name);
            let (rust_type, expression) = if let Some(current) = host.frame(&name) {
                if !self.bound.needed(&name, &current, defined) {
                    continue;
                }
                self.export_ahead(&name);
                (FRAME.to_owned(), format!("ironsage_prelude::bound(\"{name}\")"))
            } else if let Some(value) = values.iter().find(|value| value.name == name) {
                if !self.bound.value_needed(value, defined) {
                    continue;
                }
                (value.rust_type.clone(), value.expression.clone())
            } else {
                continue;
            };
            binding.push_str(&format!("let {name}: {rust_type} = {expression}; "));
            mentioned.push(Mention { name, rust_type });
        }
        (binding, mentioned)
    }

    fn export_ahead(&self, name: &str) {
        let (exports, name) = (Arc::clone(&self.exports), name.to_owned());
        std::thread::spawn(move || {
            if let Err(error) = exports.get(&name) {
                tracing::warn!(frame = name, %error, "cannot share a frame ahead of its cell");
            }
        });
    }

    fn annotations(&mut self, code: &str, cell: &Cell, mentioned: &[Mention]) -> types::Annotations {
        let mut known = self.known.clone();
        known.variables = self
            .variables()
            .map(|(name, rust_type)| (name.to_owned(), rust_type.to_owned()))
            .collect();
        for mention in mentioned {
            known.variables.insert(mention.name.clone(), mention.rust_type.clone());
        }
        let interrupt = self.interrupt.clone();
        let (flags, names) = crates::arguments(&self.prelude, &self.toolchain, &self.beneath);
        let compiler = types::Compiler {
            rustc: &self.toolchain.rustc,
            flags: &flags,
            crates: &names,
            beneath: &|name| crates::beneath(name, &self.prelude, &self.toolchain),
            folder: &self.folder.join("types"),
            answers: &self.answers,
            running: &|process| interrupt.set_compiler(process),
        };
        types::annotate(&known, code, cell, &compiler).unwrap_or_else(|error| {
            tracing::warn!(%error, "the type pass did not run");
            types::Annotations::default()
        })
    }

    fn run(&mut self, cell: &Cell, edited: Edited, mentioned: &[Mention]) -> Result<Ended, Broken> {
        self.interrupt.set_phase(Phase::Compiling);
        let before: Vec<String> = self.variables().map(|(name, _)| name.to_owned()).collect();
        while self.early_stderr.try_recv().is_ok() {}
        let context = &mut self.context;
        let executed = self.compiler.watched(&self.events, &self.interrupt, || {
            std::panic::catch_unwind(AssertUnwindSafe(|| context.execute(edited.text())))
        });
        let Ok(executed) = executed else {
            return Err(Broken { lost: before });
        };
        let generated = self.context.last_source().unwrap_or_default();
        let ran = executed.is_ok() && cell.insertion_point().is_some();
        if ran {
            self.known.set_items(&generated);
        }
        let restarted = matches!(executed, Err(evcxr::Error::SubprocessTerminated(_)));
        self.after_commands(edited.original(), restarted);
        let after: HashSet<String> = self.variables().map(|(name, _)| name.to_owned()).collect();
        let variables = cell.lets().into_iter().flat_map(|statement| statement.variables);
        let defined: Vec<String> = variables.map(|variable| variable.name).collect();
        if ran {
            self.remember(&defined, mentioned);
        }
        let lost: Vec<String> = before.into_iter().filter(|name| !after.contains(name)).collect();
        let pressed = self.interrupt.pressed();
        Ok(Ended {
            outcome: self.outcome(executed, &edited, &lost, pressed),
            lost,
            edited,
            generated,
            pressed,
            defined,
        })
    }

    /// A new process in the place of the one that runs cells. Items and crates stay.
    ///
    /// evcxr's own command commits the variables as they were before it, and the next cell would look for them in vain.
    /// A cell that fails commits nothing, so a command that there is not follows.
    fn restart(&mut self) -> Result<(), CellError> {
        const NONE: &str = ":no_such_command";
        let executed = self.context.execute(&format!("{RESTART}\n{NONE}"));
        let failed = match &executed {
            Err(evcxr::Error::CompilationErrors(errors)) => errors
                .iter()
                .map(evcxr::CompilationError::message)
                .find(|message| !message.contains(NONE)),
            Err(other) => Some(other.to_string()),
            Ok(_) => None,
        };
        self.bound.clear();
        match failed {
            Some(message) => Err(CellError::Other { message }),
            None => Ok(()),
        }
    }

    /// `:clear` takes our items away with the user's, and the variables.
    fn after_commands(&mut self, code: &str, restarted: bool) {
        let cleared = has_command(code, ":clear");
        if cleared {
            // Stop must not come between: cells would be without their prelude.
            self.interrupt.set_phase(Phase::Idle);
            self.known = Context::default();
            match self.context.execute(SETUP) {
                Ok(_) => self.known.set_items(&self.context.last_source().unwrap_or_default()),
                Err(error) => tracing::error!(%error, "cannot set up cells after `:clear`"),
            }
        }
        if restarted || cleared {
            self.bound.clear();
        }
    }

    fn remember(&mut self, defined: &[String], mentioned: &[Mention]) {
        let host = self.exports.host();
        let mut values = host.values();
        for Mention { name, .. } in mentioned {
            if let Some(current) = host.frame(name) {
                self.bound.bound(name, current);
            } else if let Some(at) = values.iter().position(|value| value.name == *name) {
                self.bound.value_bound(values.swap_remove(at));
            }
        }
        for name in defined {
            self.bound.defined_by_cell(name, host.frame(name));
        }
    }

    fn outcome(
        &self,
        executed: Result<EvalOutputs, evcxr::Error>,
        edited: &Edited,
        lost: &[String],
        pressed: bool,
    ) -> Result<MimeBundle, CellError> {
        let interrupted = |lost: &[String]| CellError::Interrupted { lost: lost.to_vec() };
        match executed {
            Ok(outputs) => Ok(outputs.content_by_mime_type.into_iter().collect()),
            Err(evcxr::Error::SubprocessTerminated(_)) if self.interrupt.killed() => Err(interrupted(lost)),
            Err(evcxr::Error::SubprocessTerminated(reason)) => {
                let mut words: Vec<String> = self.early_stderr.try_iter().collect();
                words.push(
                    reason
                        .trim_start_matches("Subprocess terminated with status: ")
                        .to_owned(),
                );
                Err(CellError::ChildDied {
                    reason: words.join("; "),
                    lost: lost.to_vec(),
                })
            }
            Err(_) if pressed => Err(interrupted(&[])),
            Err(evcxr::Error::CompilationErrors(errors)) => Err(compile_error(&errors, edited)),
            Err(other) => {
                let message = other.to_string();
                Err(cargo_error(&message).unwrap_or(CellError::Other { message }))
            }
        }
    }
}

/// evcxr itself panicked: its state is not to be trusted, and it is built anew.
pub(crate) struct Broken {
    pub(crate) lost: Vec<String>,
}

fn cannot_write(folder: &Path, error: &std::io::Error) -> CellError {
    CellError::Unavailable {
        why: format!("{}: {error}", folder.display()),
        hint: "set TMPDIR to a folder that can be written to".to_owned(),
    }
}

fn cannot_start(error: evcxr::Error) -> CellError {
    CellError::Unavailable {
        why: error.to_string(),
        hint: "`ironsage doctor` says what is missing".to_owned(),
    }
}
