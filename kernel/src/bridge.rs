//! Rust cells and the session's namespace, each as the other sees it.
//!
//! A frame that a magic made is a variable in Rust cells ([`SessionHost`]); a `DataFrame` or `LazyFrame` that a
//! cell made is a frame for magics ([`RustVariables`]), handed over when a magic names it and kept until the next
//! cell runs. The latest binding of a name wins: a `let` of a name takes it from the session.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ironsage_cells::{
    CellError, Config, Docs, Evaluator, EvcxrEvaluator, Host, HostValue, MimeBundle as CellBundle,
    Outputs as CellOutputs, Scan, Variable,
};
use ironsage_display::Front as _;
use ironsage_magics::{ErrorKind, MagicError, RustNames, Scalar, Session, Value as Bound};
use ironsage_protocol::{CellFailure, Completions, Match, MimeBundle, Outputs};
use parking_lot::Mutex;
use polars::prelude::DataFrame;
use serde_json::{Map, Value};

use crate::carried;
use crate::failure::of_cell;
use crate::front::CellFront;

/// The Rust side of a kernel.
pub(crate) struct RustCells {
    evaluator: Mutex<EvcxrEvaluator>,
    interrupt: ironsage_cells::Interrupt,
    session: Session,
    names: Arc<RustVariables>,
    /// Whether nobody watches the cell that runs.
    quiet: Arc<AtomicBool>,
}

impl RustCells {
    /// Starts evcxr on its own thread and returns at once.
    pub(crate) fn start(session: Session) -> RustCells {
        let quiet = Arc::new(AtomicBool::new(false));
        let host = SessionHost {
            session: session.clone(),
            quiet: Arc::clone(&quiet),
        };
        let evaluator = EvcxrEvaluator::start(Config {
            sources: Some(carried::SOURCES),
            ..Config::new(Arc::new(host))
        });
        RustCells {
            quiet,
            interrupt: evaluator.interrupt(),
            names: Arc::new(RustVariables {
                evaluator: evaluator.clone(),
                fetched: Mutex::default(),
            }),
            evaluator: Mutex::new(evaluator),
            session,
        }
    }

    /// The variables of Rust cells, for magics.
    pub(crate) fn names(&self) -> Arc<dyn RustNames> {
        Arc::clone(&self.names) as Arc<dyn RustNames>
    }

    /// Runs a piece of Rust. The value of its last expression is the cell's result where it ends the cell.
    pub(crate) fn run(&self, code: &str, last: bool, front: &CellFront<'_>) -> Result<(), CellFailure> {
        self.names.fetched.lock().clear();
        self.quiet.store(front.quiet(), Ordering::SeqCst);
        let outputs = front.outputs();
        let done = self.evaluator.lock().eval(code, &CellWriter(outputs));
        let evaluated = done.map_err(|error| of_cell(&error))?;
        self.take_over(&evaluated.defined);
        if let Some(result) = evaluated.result {
            let bundle = bundle(result, evaluated.metadata);
            if last {
                outputs.result(&bundle);
            } else {
                outputs.display(&bundle, None);
            }
        }
        Ok(())
    }

    /// Names that a cell has just defined are Rust's from now on; but `let age = model("age")?` leaves the session its
    /// model.
    fn take_over(&self, defined: &[String]) {
        let is_model = |variable: &Variable| {
            variable.rust_type == "ironsage_prelude::Model"
                && matches!(self.session.value(&variable.name), Some(Bound::Model(_)))
        };
        for variable in self.names.evaluator.variables() {
            if !variable.from_session && defined.contains(&variable.name) && !is_model(&variable) {
                self.session.unbind(&variable.name);
            }
        }
    }

    /// Stops the Rust that runs; takes no lock.
    pub(crate) fn interrupt(&self) {
        self.interrupt.interrupt();
    }

    /// What could stand at the cursor, a byte offset.
    pub(crate) fn complete(&self, code: &str, cursor: usize) -> Completions {
        let found = self.names.evaluator.completions(code, cursor);
        Completions {
            matches: found
                .items
                .into_iter()
                .map(|item| Match {
                    text: item.text,
                    kind: Some(item.kind.to_owned()),
                    signature: item.signature,
                })
                .collect(),
            start: found.start,
            end: found.end,
        }
    }

    /// What stands at the cursor, a byte offset.
    pub(crate) fn inspect(&self, code: &str, cursor: usize) -> Option<Docs> {
        self.names.evaluator.inspect(code, cursor)
    }
}

/// The session, for Rust cells.
struct SessionHost {
    session: Session,
    quiet: Arc<AtomicBool>,
}

impl Host for SessionHost {
    fn frame(&self, name: &str) -> Option<DataFrame> {
        match self.session.value(name)? {
            Bound::Frame(frame) => Some(frame),
            _ => None,
        }
    }

    fn plan(&self, name: &str) -> Option<Scan> {
        match self.session.value(name)? {
            Bound::Plan(plan) => plan.scan().cloned(),
            _ => None,
        }
    }

    fn names(&self) -> Vec<String> {
        self.session.frames().into_iter().map(|(name, ..)| name).collect()
    }

    fn put(&self, name: &str, frame: DataFrame) {
        self.session.bind_frame(name, frame);
    }

    fn exchange(&self, name: &str, frame: &DataFrame, copy: &DataFrame) -> bool {
        self.session
            .exchange_frame(name, copy, |current| ironsage_cells::same_frame(current, frame))
    }

    fn values(&self) -> Vec<HostValue> {
        let bindings = self.session.bindings().into_iter();
        bindings
            .filter_map(|(name, binding)| match binding.value {
                Bound::Scalar(value) => Some(HostValue {
                    name,
                    rust_type: value.rust_type().to_owned(),
                    expression: value.rust_expression(),
                }),
                Bound::Plan(plan) if plan.scan().is_some() => Some(HostValue {
                    rust_type: "polars::prelude::LazyFrame".to_owned(),
                    expression: format!("ironsage_prelude::planned(\"{name}\", {})", binding.version),
                    name,
                }),
                _ => None,
            })
            .collect()
    }

    fn folder(&self) -> Option<PathBuf> {
        Some(self.session.folder())
    }

    fn environment(&self) -> BTreeMap<String, String> {
        self.session.environment()
    }

    fn save_model(&self, name: &str, folder: &Path) -> Result<(), String> {
        let saved = self.session.model(name).and_then(|model| model.write_artifact(folder));
        saved.map_err(|error| match error.hint {
            Some(hint) => format!("{}; {hint}", error.message),
            None => error.message,
        })
    }

    fn quiet(&self) -> bool {
        self.quiet.load(Ordering::SeqCst)
    }
}

/// The variables of Rust cells, for magics.
struct RustVariables {
    evaluator: EvcxrEvaluator,
    /// What magics have asked for since the last cell.
    fetched: Mutex<HashMap<String, DataFrame>>,
}

impl RustNames for RustVariables {
    fn names(&self) -> Vec<(String, String)> {
        let own = self
            .evaluator
            .variables()
            .into_iter()
            .filter(|variable| !variable.from_session);
        own.map(|variable| (variable.name, variable.rust_type)).collect()
    }

    fn frame(&self, name: &str) -> Option<Result<DataFrame, MagicError>> {
        let fetched = self.fetch(name, Variable::is_frame)?;
        Some(fetched.map_err(|error| {
            let told = match &error {
                CellError::Interrupted { .. } => {
                    MagicError::interrupted(format!("stopped while Rust handed over `{name}`"))
                }
                _ => MagicError::data(format!("the Rust variable `{name}` gives no frame: {error}")),
            };
            told.with_hint_from(error.hint())
        }))
    }

    fn scalar(&self, name: &str) -> Option<Scalar> {
        let text = |frame: DataFrame| Some(frame.columns()[0].str().ok()?.get(0)?.to_owned());
        if let Some(value) = self.fetch(name, Variable::is_text) {
            return text(value.ok()?).map(Scalar::Text);
        }
        text(self.fetch(name, Variable::is_value)?.ok()?).map(|text| Scalar::parse(&text))
    }

    fn clear(&self) -> Result<Vec<String>, MagicError> {
        self.command(":clear")
    }

    fn restart(&self) -> Result<Vec<String>, MagicError> {
        self.command(":restart")
    }
}

impl RustVariables {
    /// A variable of the wanted kind that a cell made, asked of the process that runs cells once between two cells.
    fn fetch(&self, name: &str, wanted: fn(&Variable) -> bool) -> Option<Result<DataFrame, CellError>> {
        let variables = self.evaluator.variables();
        let variable = variables.iter().find(|variable| variable.name == name)?;
        if variable.from_session || !wanted(variable) {
            return None;
        }
        if let Some(frame) = self.fetched.lock().get(name) {
            return Some(Ok(frame.clone()));
        }
        let fetched = self.evaluator.clone().fetch(name);
        if let Ok(frame) = &fetched {
            self.fetched.lock().insert(name.to_owned(), frame.clone());
        }
        Some(fetched)
    }

    /// Runs a command of evcxr's; gives the variables of cells that are gone after it.
    fn command(&self, command: &str) -> Result<Vec<String>, MagicError> {
        let before = self.names();
        self.fetched.lock().clear();
        self.evaluator.command(command).map_err(|error| {
            let told = match &error {
                CellError::Interrupted { .. } => MagicError::interrupted(error.to_string()),
                _ => MagicError::new(ErrorKind::ServiceError, error.to_string()),
            };
            told.with_hint_from(error.hint())
        })?;
        let after = self.names();
        let lost = before.into_iter().filter(|variable| !after.contains(variable));
        Ok(lost.map(|(name, _)| name).collect())
    }
}

/// A running cell's output on its way to the front end.
struct CellWriter<'a>(&'a Outputs);

impl CellOutputs for CellWriter<'_> {
    fn stdout(&self, text: &str) {
        self.0.stdout(text);
    }

    fn stderr(&self, text: &str) {
        self.0.stderr(text);
    }

    fn display(&self, mime: CellBundle, metadata: Map<String, Value>, id: Option<&str>) {
        self.0.display(&bundle(mime, metadata), id);
    }

    fn update(&self, mime: CellBundle, metadata: Map<String, Value>, id: &str) {
        self.0.update(&bundle(mime, metadata), id);
    }

    fn clear(&self, wait: bool) {
        self.0.clear(wait);
    }

    fn input(&self, prompt: &str, password: bool) -> Result<String, String> {
        self.0.input(prompt, password).map_err(|error| match error.hint() {
            Some(hint) => format!("{error}; {hint}"),
            None => error.to_string(),
        })
    }

    fn withdraw(&self) {
        self.0.withdraw();
    }
}

/// A bundle of the evaluator as the protocol sends it: JSON types are JSON again.
fn bundle(mime: CellBundle, metadata: Map<String, Value>) -> MimeBundle {
    let data = mime
        .into_iter()
        .map(|(mime, content)| {
            let value = match mime.ends_with("json") {
                true => serde_json::from_str(&content).unwrap_or(Value::String(content)),
                false => Value::String(content),
            };
            (mime, value)
        })
        .collect();
    MimeBundle { data, metadata }
}
