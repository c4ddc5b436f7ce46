//! `%%python`: cells of the user's own Python, in one process a session that keeps its variables. Frames go there and
//! come back as Arrow files in memory; what the cell shows, its errors and its pictures are the cell's. Python's half is
//! `python/helper.py`; what passes between the two is in [`link`].
//!
//! Nothing is put into the body: `{{…}}` is Python's own. A stop is a `KeyboardInterrupt`. Where Python is in a call that
//! does not end at one, the cell ends without it, the variables stay, and a second stop ends the process.

mod link;
mod process;

use std::fs::File;
use std::path::PathBuf;

use ironsage_contract::env::ENV_PYTHON;
use ironsage_display::{Front, note};
use ironsage_exchange::Shared;
use polars::prelude::*;
use rustix::fs::{MemfdFlags, memfd_create};
use serde_json::{Map, Value as Json, json};

pub(crate) use self::process::Python;
use crate::error::{ErrorKind, MagicError};
use crate::language::name::Name;
use crate::language::scalar::Scalar;
use crate::magic::{Call, Form, Group, Magic, Out};
use crate::magics::shell;
use crate::session::{Session, Value};
use crate::{frames, guard, text};

/// As what Python gets frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Library {
    /// Polars frames
    Polars,
    /// pandas frames
    Pandas,
    /// pyarrow tables
    Pyarrow,
}

impl Library {
    fn name(self) -> &'static str {
        match self {
            Library::Polars => "polars",
            Library::Pandas => "pandas",
            Library::Pyarrow => "pyarrow",
        }
    }
}

/// Run the rest of the cell in your own Python; its variables stay for the next such cell
#[derive(clap::Args)]
pub(crate) struct RunPython {
    /// Hand these frames (or values of %param) over, as variables of the same names
    #[arg(short = 'i', long = "in", value_name = "FRAME", value_delimiter = ',')]
    inputs: Vec<Name>,
    /// As what frames come; without it as Polars frames, or pandas where Polars is not installed
    #[arg(long = "as", value_name = "LIBRARY")]
    library: Option<Library>,
    /// The Python to run; without it the one that IRONSAGE_PYTHON names, or python3
    #[arg(long, value_name = "PATH")]
    python: Option<String>,
    /// Start anew: all variables of earlier %%python cells are gone
    #[arg(long)]
    reset: bool,
    #[command(flatten)]
    out: Out,
}

impl Magic for RunPython {
    const NAME: &'static str = "python";
    const FORM: Form = Form::Cell;
    const GROUP: Group = Group::Notebook;
    const EXAMPLES: &'static [(&'static str, &'static str)] = &[
        (
            "%%python -i train,test -o sk\nfrom sklearn.linear_model import LinearRegression\nX = ['length', 'height']\n\
             sk = test.with_columns(score=LinearRegression().fit(train[X], train['rings']).predict(test[X]))",
            "two frames as Polars frames, and one back, bound as `sk`",
        ),
        (
            "%%python -i train --as pandas\ntrain.groupby('sex').rings.mean()",
            "the same frame for pandas; the last expression is shown",
        ),
        (
            "%%python --reset --python .venv/bin/python\nimport polars",
            "another Python, which begins without variables",
        ),
    ];

    /// Python's f-strings and dicts have braces of their own.
    fn keeps_braces(&self) -> bool {
        true
    }

    fn run(self, call: &Call, session: &Session, front: &dyn Front) -> Result<(), MagicError> {
        let body = call.body.as_deref().unwrap_or_default();
        // As many empty lines as stand above it, so that errors name lines of the cell.
        let code = format!("{}{body}", "\n".repeat(call.above));
        let handed = self.handed(session, front)?;
        let returned = self.returned()?;
        let mut python = self.process(session, front)?;
        if !(body.trim().is_empty() && handed.is_empty() && returned.is_empty()) {
            let request = self.request(&code, &handed, &returned, session);
            let outcome = python.run(request, front);
            // A cell that was left behind still has their paths.
            let returned = match outcome.is_err() && python.is_busy() {
                true => {
                    python.hold(Box::new((handed, returned)));
                    Vec::new()
                }
                false => returned,
            };
            // A process that has ended is no longer there for the next cell.
            if python.lives() {
                session.python().replace(python);
            }
            outcome?;
            bind(returned, session, front)
        } else {
            session.python().replace(python);
            Ok(())
        }
    }
}

/// What a cell is given.
enum Handed {
    /// A frame, in a memory file that lives until the cell has ended.
    Frame(Shared),
    /// A value of `%param`.
    Value(Json),
}

impl RunPython {
    fn handed(&self, session: &Session, front: &dyn Front) -> Result<Vec<(Name, Handed)>, MagicError> {
        let mut handed = Vec::new();
        for name in &self.inputs {
            let given = match session.value(name.as_str()) {
                Some(Value::Scalar(value)) => Handed::Value(json_of(name, &value)?),
                _ => {
                    let frame = frames::collect(name.as_str(), session, front)?;
                    let what = format!("handing {name} to Python");
                    Handed::Frame(guard::on_worker(front, &what, move || {
                        ironsage_exchange::share(&frame)
                            .map_err(|error| MagicError::data(error.to_string()).with_hint_from(error.hint()))
                    })?)
                }
            };
            handed.push((name.clone(), given));
        }
        Ok(handed)
    }

    /// An empty memory file for each frame that the cell gives back.
    fn returned(&self) -> Result<Vec<(Name, File)>, MagicError> {
        let file = || memfd_create("ironsage-python", MemfdFlags::CLOEXEC).map(File::from);
        let files = self.out.names.iter().map(|name| Ok((name.clone(), file()?)));
        files.collect::<std::io::Result<_>>().map_err(|error| {
            MagicError::new(
                ErrorKind::MemoryError,
                format!("no memory file for a frame of Python: {error}"),
            )
        })
    }

    /// The session's Python: the one that runs, or a new one.
    fn process(&self, session: &Session, front: &dyn Front) -> Result<Python, MagicError> {
        let asked = self.python.clone().map(|typed| match typed.contains('/') {
            true => session.path(&typed).display().to_string(),
            false => typed,
        });
        let running = session.python().take();
        if let Some(running) = running
            && !self.reset
            && running.lives()
        {
            match asked {
                Some(asked) if asked != running.program() => {
                    let program = running.program().to_owned();
                    session.python().replace(running);
                    return Err(MagicError::usage(format!(
                        "this session's Python is `{program}`, and has variables of earlier cells"
                    ))
                    .with_hint(format!(
                        "`%%python --reset --python {}` forgets them and starts the other one",
                        self.python.as_deref().unwrap_or_default()
                    )));
                }
                _ => return Ok(running),
            }
        }
        let named = || {
            session
                .environment()
                .remove(ENV_PYTHON)
                .or_else(|| std::env::var(ENV_PYTHON).ok())
        };
        let program = asked
            .or_else(|| named().filter(|path| !path.is_empty()))
            .unwrap_or_else(|| "python3".to_owned());
        let python = Python::start(&program, session, front)?;
        front.display(&note(python.told()));
        Ok(python)
    }

    fn request(
        &self,
        code: &str,
        handed: &[(Name, Handed)],
        returned: &[(Name, File)],
        session: &Session,
    ) -> Map<String, Json> {
        let inputs: Vec<Json> = handed
            .iter()
            .map(|(name, given)| match given {
                Handed::Frame(shared) => json!({ "name": name.as_str(), "path": shared.path() }),
                Handed::Value(value) => json!({ "name": name.as_str(), "value": value }),
            })
            .collect();
        let outputs: Vec<Json> = returned
            .iter()
            .map(|(name, file)| json!({ "name": name.as_str(), "path": path_of(file) }))
            .collect();
        let mut request = Map::new();
        request.insert("code".to_owned(), code.into());
        request.insert("folder".to_owned(), json!(session.folder()));
        request.insert("environment".to_owned(), environment(code, session));
        request.insert("library".to_owned(), json!(self.library.map(Library::name)));
        request.insert("inputs".to_owned(), inputs.into());
        request.insert("outputs".to_owned(), outputs.into());
        request
    }
}

fn json_of(name: &Name, value: &Scalar) -> Result<Json, MagicError> {
    match value {
        Scalar::Bool(value) => Ok((*value).into()),
        Scalar::Integer(value) => Ok((*value).into()),
        Scalar::Float(value) if value.is_finite() => Ok((*value).into()),
        Scalar::Float(value) => Err(MagicError::data(format!(
            "`{name}` is {value}, which is not handed over as a value"
        ))
        .with_hint(format!("`float(\"{value}\")` in the cell makes one"))),
        Scalar::Text(value) => Ok(value.as_str().into()),
    }
}

/// A path by which the Python process opens a memory file of this one.
fn path_of(file: &File) -> PathBuf {
    use std::os::fd::AsRawFd;
    PathBuf::from(format!("/proc/{}/fd/{}", std::process::id(), file.as_raw_fd()))
}

/// What `%env` set, and what AWS's libraries need to reach the local service, as shells have it; null takes a variable away.
fn environment(code: &str, session: &Session) -> Json {
    const AWS_LIBRARIES: [&str; 7] = [
        "boto3",
        "botocore",
        "s3fs",
        "sagemaker",
        "awswrangler",
        "s3://",
        "S3FileSystem",
    ];
    let uses_aws = AWS_LIBRARIES.iter().any(|library| code.contains(library));
    let mut variables = Map::new();
    if let Some(service) = shell::service_environment(uses_aws, session) {
        variables.extend(service.unset.map(|name| (name.to_owned(), Json::Null)));
        variables.extend(service.set.map(|(name, value)| (name.to_owned(), value.into())));
    }
    variables.extend(
        session
            .environment()
            .into_iter()
            .map(|(name, value)| (name, value.into())),
    );
    variables.into()
}

/// Reads all frames that the cell gave back, then binds them.
fn bind(returned: Vec<(Name, File)>, session: &Session, front: &dyn Front) -> Result<(), MagicError> {
    let mut read = Vec::new();
    for (name, file) in returned {
        let what = format!("taking {name} from Python");
        // Copied and checked, not mapped: the file was written by a program that is not ours.
        let frame = guard::on_worker(front, &what, move || Ok(IpcReader::new(file).finish()?))
            .map_err(|error| error.in_frame(name.as_str()))?;
        read.push((name, frame));
    }
    if read.is_empty() {
        return Ok(());
    }
    let told: Vec<String> = read
        .iter()
        .map(|(name, frame)| format!("{name}: {}", text::shape(frame)))
        .collect();
    for (name, frame) in read {
        session.bind_frame(name.as_str(), frame);
    }
    front.display(&note(told.join(" · ")));
    Ok(())
}
