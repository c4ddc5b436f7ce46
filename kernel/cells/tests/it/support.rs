//! The evaluator that all tests share, a session's frames, and a front end that remembers.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use ironsage_cells::{
    CellError, Config, Evaluated, Evaluator, EvcxrEvaluator, Host, HostValue, MimeBundle, Outputs, same_frame, warm,
};
use ironsage_exchange::Scan;
use polars::prelude::DataFrame;
use serde_json::{Map, Value};

/// A test and its name.
pub type Test = (&'static str, fn(&mut Lab));

/// One thing that a front end was given.
#[derive(Debug, Clone, PartialEq)]
pub enum Shown {
    Out(String),
    Err(String),
    Display(MimeBundle),
    /// What can be updated, and its id.
    Live(MimeBundle, String),
    Update(MimeBundle, String),
    Clear(bool),
    /// A question, and whether its answer is secret.
    Asked(String, bool),
    /// Nobody waits for the answer any more.
    Withdrawn,
}

/// Everything that a cell showed, in order.
#[derive(Default)]
pub struct Seen(Mutex<Vec<Shown>>);

impl Seen {
    /// In order, with neighbouring texts of one stream joined.
    pub fn all(&self) -> Vec<Shown> {
        let mut joined: Vec<Shown> = Vec::new();
        for shown in self.0.lock().unwrap().iter().cloned() {
            match (joined.last_mut(), shown) {
                (Some(Shown::Out(text)), Shown::Out(more)) => text.push_str(&more),
                (Some(Shown::Err(text)), Shown::Err(more)) => text.push_str(&more),
                (_, shown) => joined.push(shown),
            }
        }
        joined
    }

    /// Standard output as one text.
    pub fn out(&self) -> String {
        let all = self.all();
        all.iter()
            .filter_map(|shown| match shown {
                Shown::Out(text) => Some(text.as_str()),
                _ => None,
            })
            .collect()
    }

    fn push(&self, shown: Shown) {
        self.0.lock().unwrap().push(shown);
    }

    /// How many calls there were.
    pub fn calls(&self) -> usize {
        self.0.lock().unwrap().len()
    }
}

impl Outputs for Seen {
    fn stdout(&self, text: &str) {
        self.push(Shown::Out(text.to_owned()));
    }
    fn stderr(&self, text: &str) {
        self.push(Shown::Err(text.to_owned()));
    }
    fn display(&self, mime: MimeBundle, _: Map<String, Value>, id: Option<&str>) {
        self.push(match id {
            Some(id) => Shown::Live(mime, id.to_owned()),
            None => Shown::Display(mime),
        });
    }
    fn update(&self, mime: MimeBundle, _: Map<String, Value>, id: &str) {
        self.push(Shown::Update(mime, id.to_owned()));
    }
    fn clear(&self, wait: bool) {
        self.push(Shown::Clear(wait));
    }
    fn input(&self, prompt: &str, password: bool) -> Result<String, String> {
        self.push(Shown::Asked(prompt.to_owned(), password));
        Err("nobody is there".to_owned())
    }
}

/// A front end that remembers what it is shown and does something about it; what it gives is the answer to a question.
pub struct Reacting<F> {
    pub seen: Seen,
    reaction: F,
}

impl<F: Fn(&Shown) -> Result<String, String> + Sync> Reacting<F> {
    pub fn new(reaction: F) -> Reacting<F> {
        let seen = Seen::default();
        Reacting { seen, reaction }
    }

    fn take(&self, shown: Shown) -> Result<String, String> {
        self.seen.push(shown.clone());
        (self.reaction)(&shown)
    }
}

impl<F: Fn(&Shown) -> Result<String, String> + Sync> Outputs for Reacting<F> {
    fn stdout(&self, text: &str) {
        let _ = self.take(Shown::Out(text.to_owned()));
    }
    fn stderr(&self, text: &str) {
        let _ = self.take(Shown::Err(text.to_owned()));
    }
    fn display(&self, mime: MimeBundle, _: Map<String, Value>, id: Option<&str>) {
        let _ = self.take(match id {
            Some(id) => Shown::Live(mime, id.to_owned()),
            None => Shown::Display(mime),
        });
    }
    fn update(&self, mime: MimeBundle, _: Map<String, Value>, id: &str) {
        let _ = self.take(Shown::Update(mime, id.to_owned()));
    }
    fn clear(&self, wait: bool) {
        let _ = self.take(Shown::Clear(wait));
    }
    fn input(&self, prompt: &str, password: bool) -> Result<String, String> {
        self.take(Shown::Asked(prompt.to_owned(), password))
    }
    fn withdraw(&self) {
        let _ = self.take(Shown::Withdrawn);
    }
}

/// A session: its frames and plans, and what `%param`, `%cd` and `%env` would have set.
#[derive(Default)]
pub struct Session {
    frames: Mutex<BTreeMap<String, DataFrame>>,
    pub plans: Mutex<BTreeMap<String, Scan>>,
    pub values: Mutex<Vec<HostValue>>,
    pub folder: Mutex<Option<PathBuf>>,
    pub environment: Mutex<BTreeMap<String, String>>,
}

impl Host for Session {
    fn frame(&self, name: &str) -> Option<DataFrame> {
        self.frames.lock().unwrap().get(name).cloned()
    }
    fn names(&self) -> Vec<String> {
        self.frames.lock().unwrap().keys().cloned().collect()
    }
    fn put(&self, name: &str, frame: DataFrame) {
        self.frames.lock().unwrap().insert(name.to_owned(), frame);
    }
    fn exchange(&self, name: &str, frame: &DataFrame, copy: &DataFrame) -> bool {
        let mut frames = self.frames.lock().unwrap();
        let known = frames.get_mut(name).filter(|known| same_frame(known, frame));
        known.map(|known| *known = copy.clone()).is_some()
    }
    fn plan(&self, name: &str) -> Option<Scan> {
        self.plans.lock().unwrap().get(name).cloned()
    }
    fn values(&self) -> Vec<HostValue> {
        self.values.lock().unwrap().clone()
    }
    fn folder(&self) -> Option<PathBuf> {
        self.folder.lock().unwrap().clone()
    }
    fn environment(&self) -> BTreeMap<String, String> {
        self.environment.lock().unwrap().clone()
    }
}

/// What a test works with.
pub struct Lab {
    pub evaluator: EvcxrEvaluator,
    pub session: Arc<Session>,
}

/// The prelude for tests lies beside the build that it was made from.
fn prelude_folder() -> PathBuf {
    let executable = std::env::current_exe().unwrap();
    executable.ancestors().nth(3).unwrap().join("prelude-for-tests")
}

impl Lab {
    pub fn start() -> Lab {
        let folder = prelude_folder();
        let workspace = Path::new(&std::env::var("CARGO_MANIFEST_DIR").unwrap()).join("../..");
        if std::env::var_os("IRONSAGE_TEST_PRELUDE_AS_IT_IS").is_none() {
            let begun = std::time::Instant::now();
            let say = |told: warm::Progress<'_>| {
                if let warm::Progress::Line(line) = told {
                    println!("  {line}");
                }
            };
            if let Err(error) = warm::install(&workspace, &folder, b"", &say) {
                panic!("cannot make the prelude: {error}");
            }
            println!("prelude in place after {:.1} s", begun.elapsed().as_secs_f64());
        }
        let ready = warm::ready(&folder, b"").expect("a prelude that is in place");
        for other in std::fs::read_dir(&folder).unwrap().map(Result::unwrap) {
            if other.path() != ready {
                std::fs::remove_dir_all(other.path()).unwrap();
            }
        }
        let session = Arc::new(Session::default());
        let mut config = Config::new(session.clone());
        config.prelude = Some(folder);
        let begun = std::time::Instant::now();
        let evaluator = EvcxrEvaluator::start(config);
        assert!(begun.elapsed().as_millis() < 50, "start must not wait");
        Lab { evaluator, session }
    }

    pub fn run(&mut self, code: &str) -> (Result<Evaluated, CellError>, Seen) {
        let seen = Seen::default();
        let result = self.evaluator.eval(code, &seen);
        (result, seen)
    }

    /// Runs a cell that must succeed.
    pub fn ok(&mut self, code: &str) -> (Evaluated, Seen) {
        let (result, seen) = self.run(code);
        match result {
            Ok(evaluated) => (evaluated, seen),
            Err(error) => panic!("{code:.300}\n{}\n{:?}", error.traceback().join("\n"), seen.all()),
        }
    }

    /// The plain text of a cell's result.
    pub fn value(&mut self, code: &str) -> String {
        let (evaluated, _) = self.ok(code);
        let result = evaluated.result.expect("a result");
        result["text/plain"].clone()
    }

    /// Runs a cell that must fail.
    pub fn error(&mut self, code: &str) -> (CellError, Seen) {
        let (result, seen) = self.run(code);
        match result {
            Ok(evaluated) => panic!("{code:.300}\nshould have failed, and gave {evaluated:?}"),
            Err(error) => (error, seen),
        }
    }

    /// Names of variables that a cell can use now.
    pub fn variables(&self) -> Vec<String> {
        let variables = self.evaluator.variables();
        variables.into_iter().map(|variable| variable.name).collect()
    }

    /// Ends the evaluator; nothing of it may be left.
    pub fn finish(self) {
        let folder = std::env::temp_dir().join(format!("ironsage-cells-{}", std::process::id()));
        assert!(folder.exists());
        drop(self.evaluator);
        assert!(!folder.exists(), "{} is left", folder.display());
        let threads = std::fs::read_dir("/proc/self/task").unwrap();
        for thread in threads.map(Result::unwrap) {
            let children = std::fs::read_to_string(thread.path().join("children")).unwrap_or_default();
            assert_eq!(children.trim(), "", "processes are left");
        }
    }
}
