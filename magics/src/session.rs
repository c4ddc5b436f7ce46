//! The session: one namespace of frames, plans, recipes, models and values, shared by all magics and by
//! the kernel. It hands out snapshots (a frame is a handful of reference-counted columns), so that no lock
//! is held while a magic runs and a failed magic has changed nothing. The latest binding of a name wins,
//! whatever its kind.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ironsage_client::Launcher;
use ironsage_contract::home::Home;
use ironsage_prep::Recipe;
use parking_lot::{Mutex, MutexGuard, RwLock};
use polars::prelude::*;

use crate::error::MagicError;
use crate::frames::Rows;
use crate::language::name::Name;
use crate::language::scalar::Scalar;
use crate::language::suggest;
use crate::magics::python::Python;
use crate::magics::sql::query::{Query, Ready};
use crate::model_store::SavedModel;
use crate::places::Places;
use crate::plan::Plan;

/// What a session is made of.
pub struct SessionConfig {
    /// Where models and the local service's state live.
    pub home: Home,
    /// Starts the local service when a magic needs it.
    pub launcher: Arc<dyn Launcher>,
}

/// What a name is bound to.
#[derive(Clone)]
pub enum Value {
    /// A frame in memory.
    Frame(DataFrame),
    /// A plan that runs when it is asked for.
    Plan(Box<Plan>),
    /// A saved query, which runs when it is named.
    Query(Arc<Query>),
    /// A recipe, defined and not yet fitted.
    Recipe(Arc<Recipe>),
    /// A trained model.
    Model(Arc<SavedModel>),
    /// A typed value, from `%param`.
    Scalar(Scalar),
}

impl Value {
    /// The kind in one word.
    pub fn kind(&self) -> &'static str {
        match self {
            Value::Frame(_) => "frame",
            Value::Plan(_) => "plan",
            Value::Query(_) => "query",
            Value::Recipe(_) => "recipe",
            Value::Model(_) => "model",
            Value::Scalar(_) => "value",
        }
    }
}

impl std::fmt::Debug for Value {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Value::Frame(frame) => write!(formatter, "Frame({})", crate::text::shape(frame)),
            Value::Plan(plan) => write!(formatter, "{plan:?}"),
            Value::Query(query) => write!(formatter, "Query({})", query.text()),
            Value::Recipe(recipe) => write!(formatter, "Recipe({} steps)", recipe.steps().len()),
            Value::Model(model) => write!(formatter, "Model({})", model.summary()),
            Value::Scalar(value) => write!(formatter, "Scalar({value:?})"),
        }
    }
}

/// A name's value, and when it was bound: a higher version is later.
#[derive(Clone, Debug)]
pub struct Binding {
    /// What the name stands for.
    pub value: Value,
    /// Grows with each binding in the session.
    pub version: u64,
    /// How many features its sparse rows (columns `keys` and `values`) have, where their file told: no column does.
    pub width: Option<u64>,
}

/// Rust's side of the namespace: asked only when a magic names something that is not bound here, and by `%who`.
pub trait RustNames: Send + Sync {
    /// The variables of the Rust cells with their types.
    fn names(&self) -> Vec<(String, String)>;
    /// A variable of type `DataFrame`, or a `LazyFrame` collected, which may fail. None where no variable of this name
    /// is one of these.
    fn frame(&self, name: &str) -> Option<Result<DataFrame, MagicError>>;
    /// A variable that is a number, a truth value or a text, for `{{name}}`.
    fn scalar(&self, name: &str) -> Option<Scalar>;
    /// Forgets all that Rust cells have defined: variables, items, crates. Gives the names of the variables that were lost.
    fn clear(&self) -> Result<Vec<String>, MagicError>;
    /// Ends the process that runs Rust cells and starts another; items and crates stay. Gives the names of the variables
    /// that were lost.
    fn restart(&self) -> Result<Vec<String>, MagicError>;
}

/// What was typed, as the kernel keeps it: asked by `%history`.
pub trait Past: Send + Sync {
    /// The cells of this session and of so many before it (none given: of all), oldest first. It may wait for a disk.
    fn cells(&self, earlier: Option<u32>) -> Vec<PastCell>;
}

/// A cell that was run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastCell {
    /// The number of its session; none for this one.
    pub session: Option<i64>,
    /// The cell's own number in its session.
    pub line: u64,
    /// What was typed.
    pub input: String,
}

/// The shared namespace and what magics need beside it; cheap to clone.
#[derive(Clone)]
pub struct Session {
    inner: Arc<Inner>,
}

struct Inner {
    names: RwLock<BTreeMap<String, Binding>>,
    last: RwLock<Option<Value>>,
    versions: AtomicU64,
    rust: RwLock<Option<Arc<dyn RustNames>>>,
    past: RwLock<Option<Arc<dyn Past>>>,
    places: Places,
    home: Home,
    folder: RwLock<PathBuf>,
    environment: RwLock<BTreeMap<String, String>>,
    python: Mutex<Option<Python>>,
}

impl Session {
    /// An empty session; relative paths start at this process's working directory.
    pub fn new(config: SessionConfig) -> Session {
        Session {
            inner: Arc::new(Inner {
                names: RwLock::default(),
                last: RwLock::default(),
                versions: AtomicU64::new(1),
                rust: RwLock::default(),
                past: RwLock::default(),
                places: Places::new(config.launcher),
                home: config.home,
                // The notebook's folder: Jupyter starts kernels there.
                folder: RwLock::new(std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/"))),
                environment: RwLock::default(),
                python: Mutex::default(),
            }),
        }
    }

    /// Where models and the service's state live.
    pub fn home(&self) -> &Home {
        &self.inner.home
    }

    /// The stores and services that magics speak to.
    pub fn places(&self) -> &Places {
        &self.inner.places
    }

    /// Tells the session where to ask for Rust's variables.
    pub fn set_rust(&self, rust: Arc<dyn RustNames>) {
        *self.inner.rust.write() = Some(rust);
    }

    /// Forgets Rust's side: it may hold this session, and neither would ever be dropped.
    pub fn forget_rust(&self) {
        *self.inner.rust.write() = None;
    }

    /// Rust's side of the namespace, where there is one.
    pub fn rust(&self) -> Option<Arc<dyn RustNames>> {
        self.inner.rust.read().clone()
    }

    /// Tells the session where to ask what was typed.
    pub fn set_past(&self, past: Arc<dyn Past>) {
        *self.inner.past.write() = Some(past);
    }

    /// What was typed, where a kernel keeps it.
    pub fn past(&self) -> Option<Arc<dyn Past>> {
        self.inner.past.read().clone()
    }

    // Binding

    /// Binds a value; what had the name before is gone, whatever it was.
    pub fn bind(&self, name: &str, value: Value) {
        let version = self.inner.versions.fetch_add(1, Ordering::Relaxed);
        *self.inner.last.write() = Some(value.clone());
        if name != "_" {
            let binding = Binding {
                value,
                version,
                width: None,
            };
            self.inner.names.write().insert(name.to_owned(), binding);
        }
    }

    /// Binds a frame.
    pub fn bind_frame(&self, name: &str, frame: DataFrame) {
        self.bind(name, Value::Frame(frame));
    }

    /// Keeps how many features the sparse rows have that a name stands for.
    pub(crate) fn set_width(&self, name: &str, width: Option<u64>) {
        if let Some(binding) = self.inner.names.write().get_mut(name) {
            binding.width = width;
        }
    }

    /// How many features the sparse rows have that a name stands for, where it is known.
    pub(crate) fn width(&self, name: &str) -> Option<u64> {
        self.inner.names.read().get(name).and_then(|binding| binding.width)
    }

    /// Binds a result to the name that was asked for; without one it is the last result and nothing more.
    pub(crate) fn keep(&self, name: Option<&Name>, frame: DataFrame) {
        match name {
            Some(name) => self.bind_frame(name.as_str(), frame),
            None => self.set_last(Value::Frame(frame)),
        }
    }

    /// Puts an equal frame, which is elsewhere in memory, in the place of the one that `is_it` knows; this is no new
    /// binding. False where the name stands for another by now.
    pub fn exchange_frame(&self, name: &str, copy: &DataFrame, is_it: impl Fn(&DataFrame) -> bool) -> bool {
        let exchange = |value: &mut Value| match value {
            Value::Frame(frame) if is_it(frame) => {
                *frame = copy.clone();
                true
            }
            _ => false,
        };
        if let Some(last) = self.inner.last.write().as_mut() {
            exchange(last);
        }
        let mut names = self.inner.names.write();
        names.get_mut(name).is_some_and(|binding| exchange(&mut binding.value))
    }

    /// Makes a value the last result, `_`, without giving it a name.
    pub fn set_last(&self, value: Value) {
        *self.inner.last.write() = Some(value);
    }

    /// Forgets a name (a Rust cell took it, or was told to); true if there was something.
    pub fn unbind(&self, name: &str) -> bool {
        if name == "_" {
            return self.inner.last.write().take().is_some();
        }
        self.inner.names.write().remove(name).is_some()
    }

    // Looking up

    /// What is bound to a name here; Rust is not asked.
    pub fn value(&self, name: &str) -> Option<Value> {
        if name == "_" {
            return self.inner.last.read().clone();
        }
        self.inner.names.read().get(name).map(|binding| binding.value.clone())
    }

    /// All bindings in the order of their names: a snapshot.
    pub fn bindings(&self) -> Vec<(String, Binding)> {
        self.inner
            .names
            .read()
            .iter()
            .map(|(name, binding)| (name.clone(), binding.clone()))
            .collect()
    }

    /// The names of all frames, plans and saved queries bound here.
    pub fn frame_names(&self) -> Vec<String> {
        self.names_of(|value| matches!(value, Value::Frame(_) | Value::Plan(_) | Value::Query(_)))
    }

    /// The names of the bindings whose value `wanted` accepts.
    pub fn names_of(&self, wanted: impl Fn(&Value) -> bool) -> Vec<String> {
        let names = self.inner.names.read();
        names
            .iter()
            .filter(|(_, binding)| wanted(&binding.value))
            .map(|(name, _)| name.clone())
            .collect()
    }

    /// All frames in memory with their versions: what Rust cells may see.
    pub fn frames(&self) -> Vec<(String, DataFrame, u64)> {
        let names = self.inner.names.read();
        names
            .iter()
            .filter_map(|(name, binding)| match &binding.value {
                Value::Frame(frame) => Some((name.clone(), frame.clone(), binding.version)),
                _ => None,
            })
            .collect()
    }

    /// What a name stands for where rows are wanted; no file is opened. Rust's variables are asked for what is not bound here.
    pub(crate) fn rows(&self, name: &str) -> Result<Rows, MagicError> {
        match self.value(name) {
            Some(Value::Frame(frame)) => Ok(Rows::Frame(frame)),
            Some(Value::Plan(plan)) => Ok(Rows::Plan(plan)),
            Some(Value::Query(query)) => Ok(Rows::Query(Ready::saved(&query, name, self)?)),
            Some(other) => Err(wrong_kind(name, &other, "frame")),
            None => match self.rust().and_then(|rust| rust.frame(name)) {
                Some(frame) => Ok(Rows::Frame(frame?)),
                None => Err(self.unknown(name, "frame", &self.frame_names())),
            },
        }
    }

    /// The columns of a frame or a plan with their types; a plan's files are not opened, those of a saved query are.
    pub fn schema(&self, name: &str) -> Result<SchemaRef, MagicError> {
        match self.value(name) {
            Some(Value::Plan(plan)) => Ok(plan.schema()),
            _ => Ok(self.rows(name)?.plan(self)?.collect_schema()?),
        }
    }

    /// A frame by name; a plan or a saved query is run.
    pub fn frame(&self, name: &str) -> Result<DataFrame, MagicError> {
        self.rows(name)?.collect(self)
    }

    /// A recipe by name.
    pub fn recipe(&self, name: &str) -> Result<Arc<Recipe>, MagicError> {
        match self.value(name) {
            Some(Value::Recipe(recipe)) => Ok(recipe),
            Some(other) => Err(wrong_kind(name, &other, "recipe")),
            None => Err(self.unknown(
                name,
                "recipe",
                &self.names_of(|value| matches!(value, Value::Recipe(_))),
            )),
        }
    }

    /// A model by name.
    pub fn model(&self, name: &str) -> Result<Arc<SavedModel>, MagicError> {
        match self.value(name) {
            Some(Value::Model(model)) => Ok(model),
            Some(other) => Err(wrong_kind(name, &other, "model")),
            None => Err(self.unknown(name, "model", &self.names_of(|value| matches!(value, Value::Model(_))))),
        }
    }

    /// The type of a variable that only Rust has.
    pub fn rust_type(&self, name: &str) -> Option<String> {
        if self.value(name).is_some() {
            return None;
        }
        let variables = self.rust()?.names();
        let found = variables.into_iter().find(|(known, _)| known == name);
        found.map(|(_, rust_type)| rust_type)
    }

    /// "There is no frame called …", with the nearest name or the list of what there is.
    pub fn unknown(&self, name: &str, kind: &str, candidates: &[String]) -> MagicError {
        if let Some(rust_type) = self.rust_type(name) {
            let message = format!("`{name}` is a Rust variable of type `{rust_type}`, not a {kind}");
            return MagicError::usage(message).with_hint("`%who` shows what each name is");
        }
        let message = if name == "_" {
            "there is no last result yet".to_owned()
        } else {
            format!("there is no {kind} called `{name}`")
        };
        let hint = suggest::nearest_or_list(name, &format!("{kind}s"), candidates).or_else(|| match kind {
            "frame" => Some("`%load data.csv -o name` makes one; `%who` lists what there is".to_owned()),
            "recipe" => Some("`%%prep name` with one step a line defines one".to_owned()),
            "model" => Some("`%train … -o name` makes one, `%model open name` opens a saved one".to_owned()),
            _ => None,
        });
        MagicError::not_found(message).with_hint_from(hint)
    }

    // The surroundings

    /// The folder that relative paths start from.
    pub fn folder(&self) -> PathBuf {
        self.inner.folder.read().clone()
    }

    /// Moves to another folder (`%cd`).
    pub fn set_folder(&self, folder: PathBuf) {
        *self.inner.folder.write() = folder;
    }

    /// A path as typed, made absolute: `~` is the user's home, relative paths start at [`Session::folder`].
    pub fn path(&self, typed: &str) -> PathBuf {
        let home = std::env::var_os("HOME").map(PathBuf::from);
        let path = match (typed.strip_prefix("~/"), home) {
            (Some(rest), Some(home)) => home.join(rest),
            (None, Some(home)) if typed == "~" => home,
            _ => Path::new(typed).to_owned(),
        };
        self.folder().join(path)
    }

    /// The environment that `%env` set, for shells and Rust cells.
    pub fn environment(&self) -> BTreeMap<String, String> {
        self.inner.environment.read().clone()
    }

    /// The process of `%%python` cells, where one was started; a running cell has taken it.
    pub(crate) fn python(&self) -> MutexGuard<'_, Option<Python>> {
        self.inner.python.lock()
    }

    /// Sets a variable for shells and Rust cells that start from now on.
    pub fn set_environment(&self, name: &str, value: &str) {
        self.inner.environment.write().insert(name.to_owned(), value.to_owned());
    }
}

fn wrong_kind(name: &str, value: &Value, wanted: &str) -> MagicError {
    MagicError::usage(format!("`{name}` is a {}, not a {wanted}", value.kind()))
        .with_hint("`%who` shows what each name is")
}
