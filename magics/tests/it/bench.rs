//! A session with a recorder, and a local service in this process for the tests that need one.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use ironsage_client::{ClientError, Launcher, Place};
use ironsage_contract::{Home, LocalCredentials, ServiceInfo};
use ironsage_display::testing::Recorder;
use ironsage_magics::{MagicError, Session, SessionConfig, run_cell, run_line, run_line_bound, run_shell};
use tempfile::TempDir;

/// What a test works with.
pub struct Bench {
    pub session: Session,
    pub front: Recorder,
    pub folder: TempDir,
}

/// A launcher for sessions that must not need the service.
struct Never;

impl Launcher for Never {
    fn ensure(&self) -> Result<Place, ClientError> {
        Err(ClientError::Launch {
            message: "this test needs no service".to_owned(),
            hint: None,
        })
    }
}

/// The service of all tests: served in this process, in a home of its own.
struct Served {
    home: Home,
    _folder: TempDir,
}

fn served() -> &'static Served {
    static SERVED: OnceLock<Served> = OnceLock::new();
    SERVED.get_or_init(|| {
        // A static is never dropped: what stays behind stays in the target folder.
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let home = Home::at(folder.path());
        let options = ironsage_local::ServeOptions {
            home: home.clone(),
            port: None,
            executable: PathBuf::from("/nonexistent/ironsage"),
            owner_pid: Some(std::process::id()),
        };
        std::thread::spawn(move || ironsage_local::serve(options).unwrap());
        let started = Instant::now();
        while ServiceInfo::read(&home.service_file()).is_none() {
            assert!(
                started.elapsed() < Duration::from_secs(20),
                "the service did not come up"
            );
            std::thread::sleep(Duration::from_millis(10));
        }
        Served { home, _folder: folder }
    })
}

struct InProcess;

impl Launcher for InProcess {
    fn ensure(&self) -> Result<Place, ClientError> {
        let home = &served().home;
        let info = ServiceInfo::read(&home.service_file()).expect("the service is up");
        let text = std::fs::read(home.credentials_file()).unwrap();
        let credentials: LocalCredentials = serde_json::from_slice(&text).unwrap();
        Ok(Place::local(&info, &credentials))
    }
}

impl Bench {
    /// A session of its own that reaches no service.
    pub fn new() -> Bench {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path().join("home"));
        Bench::of(
            SessionConfig {
                home,
                launcher: Arc::new(Never),
            },
            folder,
        )
    }

    /// A session of its own before the service that all tests share.
    pub fn with_service() -> Bench {
        let home = served().home.clone();
        Bench::of(
            SessionConfig {
                home,
                launcher: Arc::new(InProcess),
            },
            tempfile::tempdir().unwrap(),
        )
    }

    fn of(config: SessionConfig, folder: TempDir) -> Bench {
        let session = Session::new(config);
        session.set_folder(folder.path().to_owned());
        Bench {
            session,
            front: Recorder::new(),
            folder,
        }
    }

    /// Writes a file in the session's folder.
    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Runs a line as it is typed, `%` and all, and gives what it showed.
    pub fn line(&self, line: &str) -> Result<String, MagicError> {
        self.front.clear();
        run_line(line.strip_prefix('%').unwrap_or(line), None, &self.session, &self.front)?;
        Ok(self.shown())
    }

    /// Runs `name = %magic …`.
    pub fn bound(&self, name: &str, line: &str) -> Result<String, MagicError> {
        self.front.clear();
        run_line_bound(name, line.strip_prefix('%').unwrap_or(line), &self.session, &self.front)?;
        Ok(self.shown())
    }

    /// Runs a cell whose first line begins with `%%`.
    pub fn cell(&self, cell: &str) -> Result<String, MagicError> {
        self.cell_below(0, cell)
    }

    /// The same, where so many lines stand above that line.
    pub fn cell_below(&self, lines: usize, cell: &str) -> Result<String, MagicError> {
        self.front.clear();
        let (line, body) = cell.split_once('\n').unwrap_or((cell, ""));
        let line = line.strip_prefix("%%").unwrap();
        run_cell(line, body, lines + 1, &self.session, &self.front)?;
        Ok(self.shown())
    }

    /// Runs `!command`.
    pub fn shell(&self, command: &str) -> Result<(), MagicError> {
        self.front.clear();
        run_shell(command, &self.session, &self.front)
    }

    /// The plain text of all displays, times made equal.
    pub fn shown(&self) -> String {
        without_times(&self.front.plain())
    }

    /// The last line shown: what happened.
    pub fn told(&self) -> String {
        self.shown().lines().last().unwrap_or_default().to_owned()
    }

    /// A frame of ten small rows, bound as `small`.
    pub fn small(self) -> Bench {
        let rows: String = (0..10)
            .map(|row| format!("{},{},{}\n", row, ["a", "b"][row % 2], row as f64 / 2.0))
            .collect();
        self.file("small.csv", format!("number,letter,half\n{rows}"));
        self.line("%load small.csv -q -o small").unwrap();
        self
    }
}

/// Times differ from run to run: `31 ms` becomes `… ms`.
fn without_times(text: &str) -> String {
    let mut words: Vec<String> = text.split(' ').map(str::to_owned).collect();
    for at in 1..words.len() {
        let unit = words[at].split('\n').next().unwrap_or_default().to_owned();
        let number = words[at - 1].rsplit('\n').next().unwrap_or_default().to_owned();
        if ["ms", "s"].contains(&unit.as_str()) && number.parse::<f64>().is_ok() {
            let kept = words[at - 1].len() - number.len();
            words[at - 1].truncate(kept);
            words[at - 1].push('…');
            words[at] = words[at].replacen("s", "ms", usize::from(unit == "s"));
        }
    }
    words.join(" ")
}

/// Message and hint of an error as they stand in a traceback.
pub fn told(error: &MagicError) -> String {
    error.text()
}
