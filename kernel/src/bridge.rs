//! Rust cells and the session's namespace, each as the other sees it.
//!
//! A frame that a magic made is a variable in Rust cells ([`SessionHost`]); a `DataFrame` or `LazyFrame` that a
//! cell made is a frame for magics ([`RustVariables`]), handed over when a magic names it and kept until the next
//! cell runs. The latest binding of a name wins: a `let` of a name takes it from the session.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;

use ironsage_cells::{
    CellError, Config, Evaluator, EvcxrEvaluator, Host, HostValue, MimeBundle as CellBundle, Outputs as CellOutputs,
    Variable,
};
use ironsage_magics::{MagicError, RustNames, Scalar, Session, Value as Bound};
use ironsage_protocol::{CellFailure, Completions, Match, MimeBundle, Outputs};
use parking_lot::Mutex;
use polars::prelude::DataFrame;
use serde_json::{Map, Value};

use crate::failure::of_cell;
use crate::front::CellFront;

/// The Rust side of a kernel.
pub(crate) struct RustCells {
    evaluator: Mutex<EvcxrEvaluator>,
    interrupt: ironsage_cells::Interrupt,
    session: Session,
    names: Arc<RustVariables>,
}

impl RustCells {
    /// Starts evcxr on its own thread and returns at once.
    pub(crate) fn start(session: Session) -> RustCells {
        let evaluator = EvcxrEvaluator::start(Config::new(Arc::new(SessionHost(session.clone()))));
        RustCells {
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

    /// Names that a cell has just defined are Rust's from now on.
    fn take_over(&self, defined: &[String]) {
        for variable in self.names.evaluator.variables() {
            if !variable.from_session && defined.contains(&variable.name) {
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
                    signature: None,
                })
                .collect(),
            start: found.start,
            end: found.end,
        }
    }
}

/// The session, for Rust cells.
struct SessionHost(Session);

impl Host for SessionHost {
    fn frame(&self, name: &str) -> Option<DataFrame> {
        match self.0.value(name)? {
            Bound::Frame(frame) => Some(frame),
            _ => None,
        }
    }

    fn names(&self) -> Vec<String> {
        self.0.frames().into_iter().map(|(name, ..)| name).collect()
    }

    fn put(&self, name: &str, frame: DataFrame) {
        self.0.bind_frame(name, frame);
    }

    fn values(&self) -> Vec<HostValue> {
        let bindings = self.0.bindings().into_iter();
        bindings
            .filter_map(|(name, binding)| match binding.value {
                Bound::Scalar(value) => Some(HostValue {
                    name,
                    rust_type: value.rust_type().to_owned(),
                    expression: value.rust_expression(),
                }),
                _ => None,
            })
            .collect()
    }

    fn folder(&self) -> Option<PathBuf> {
        Some(self.0.folder())
    }

    fn environment(&self) -> BTreeMap<String, String> {
        self.0.environment()
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

    fn display(&self, mime: CellBundle) {
        self.display_with(mime, Map::new());
    }

    fn display_with(&self, mime: CellBundle, metadata: Map<String, Value>) {
        self.0.display(&bundle(mime, metadata), None);
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
