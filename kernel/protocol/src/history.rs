//! What was executed, in this session and in earlier ones, for `history_request`.
//!
//! A SQLite file that all kernels of a user share, as IPython has one: the arrow keys of a console and the
//! history search of a front end find what was typed last week. It is written by a thread of its own, so that no cell
//! waits for a disk. Results are kept for this session only, and so is a cell that the engine calls a secret. Where there
//! is no file, or it can't be used, this session is kept in memory.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::Deserialize;
use serde_json::{Value, json};

/// How long another kernel may hold the file.
const PATIENCE: Duration = Duration::from_secs(2);

/// `main` is the file, `temp` ends with the kernel. A secret cell is in `temp` alone.
const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS main.sessions (
        session INTEGER PRIMARY KEY AUTOINCREMENT,
        started TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
    );
    CREATE TABLE IF NOT EXISTS main.cells (
        session INTEGER NOT NULL,
        line INTEGER NOT NULL,
        input TEXT NOT NULL,
        PRIMARY KEY (session, line)
    );
    CREATE TABLE temp.secrets (session INTEGER NOT NULL, line INTEGER NOT NULL, input TEXT NOT NULL);
    CREATE TABLE temp.outputs (line INTEGER PRIMARY KEY, output TEXT NOT NULL);
    CREATE VIEW temp.history AS
        SELECT session, line, input FROM main.cells UNION ALL SELECT session, line, input FROM temp.secrets;
";

/// The cells that were executed.
#[derive(Debug)]
pub(crate) struct History {
    deeds: Sender<Deed>,
}

/// What the thread of the file is told.
enum Deed {
    Push { line: u64, input: String, secret: bool },
    Output { line: u64, output: String },
    Ask(HistoryRequest, Sender<Vec<Value>>),
}

/// The content of a `history_request`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct HistoryRequest {
    output: bool,
    hist_access_type: Access,
    session: i64,
    start: i64,
    stop: Option<i64>,
    n: Option<u32>,
    pattern: Option<String>,
    unique: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Access {
    #[default]
    Tail,
    Range,
    Search,
}

impl History {
    /// The history in this file, which is made where there is none.
    pub(crate) fn open(file: Option<PathBuf>) -> std::io::Result<History> {
        let (deeds, told) = mpsc::channel();
        thread::Builder::new().name("history".to_owned()).spawn(move || {
            if let Err(error) = Store::open(file.as_deref()).and_then(|store| store.serve(&told)) {
                tracing::warn!(%error, "no history");
            }
        })?;
        Ok(History { deeds })
    }

    /// A cell begins.
    pub(crate) fn push(&self, line: u64, input: &str, secret: bool) {
        let input = input.to_owned();
        self.tell(Deed::Push { line, input, secret });
    }

    /// A cell has shown its result.
    pub(crate) fn set_output(&self, line: u64, output: String) {
        self.tell(Deed::Output { line, output });
    }

    /// The `history` list of a reply: `[session, line, input]`, or with the
    /// output asked for, `[session, line, [input, output]]`.
    pub(crate) fn answer(&self, request: HistoryRequest) -> Vec<Value> {
        let (answer, answered) = mpsc::channel();
        self.tell(Deed::Ask(request, answer));
        answered.recv().unwrap_or_default()
    }

    fn tell(&self, deed: Deed) {
        // Without a database there is no history; that was logged.
        self.deeds.send(deed).ok();
    }
}

/// The database and the number of this session in it, once it has a cell.
struct Store {
    database: Connection,
    session: Option<i64>,
}

impl Store {
    fn open(file: Option<&Path>) -> rusqlite::Result<Store> {
        let kept = file.and_then(|file| {
            at(file)
                .inspect_err(|error| tracing::warn!(file = %file.display(), %error, "history of this session only"))
                .ok()
        });
        let database = match kept {
            Some(database) => database,
            None => prepared(Connection::open_in_memory()?)?,
        };
        Ok(Store {
            database,
            session: None,
        })
    }

    fn serve(mut self, told: &Receiver<Deed>) -> rusqlite::Result<()> {
        for deed in told {
            let done = match deed {
                Deed::Push { line, input, secret } => self.push(line, &input, secret),
                Deed::Output { line, output } => self.set_output(line, &output),
                Deed::Ask(request, answer) => self.answer(&request).map(|found| {
                    // Whoever asked may be gone.
                    answer.send(found).ok();
                }),
            };
            if let Err(error) = done {
                tracing::warn!(%error, "history");
            }
        }
        Ok(())
    }

    fn push(&mut self, line: u64, input: &str, secret: bool) -> rusqlite::Result<()> {
        let session = self.begun()?;
        let table = if secret { "temp.secrets" } else { "main.cells" };
        let mut insert = self.database.prepare_cached(&format!(
            "INSERT INTO {table} (session, line, input) VALUES (?1, ?2, ?3)"
        ))?;
        insert.execute(params![session, line as i64, input]).map(drop)
    }

    fn begun(&mut self) -> rusqlite::Result<i64> {
        if let Some(session) = self.session {
            return Ok(session);
        }
        self.database.execute("INSERT INTO sessions DEFAULT VALUES", [])?;
        let session = self.database.last_insert_rowid();
        self.session = Some(session);
        Ok(session)
    }

    fn set_output(&self, line: u64, output: &str) -> rusqlite::Result<()> {
        let sql = "INSERT OR REPLACE INTO temp.outputs (line, output) VALUES (?1, ?2)";
        self.database.execute(sql, params![line as i64, output]).map(drop)
    }

    /// Oldest first, whatever was asked for.
    fn answer(&self, request: &HistoryRequest) -> rusqlite::Result<Vec<Value>> {
        // SQLite reads a negative limit as none.
        let n = request.n.map_or(-1, i64::from);
        match request.hist_access_type {
            Access::Tail => self.latest("SELECT session, line, input FROM history", "*", n, request.output),
            Access::Range => self.range(request),
            Access::Search => {
                let pattern = request.pattern.as_deref().unwrap_or("*");
                let sql = match request.unique {
                    // SQLite takes the other columns from the row that has the maximum.
                    true => {
                        "SELECT session, max(line) AS line, input FROM \
                         (SELECT max(session) AS newest, input AS text FROM history GROUP BY input) \
                         JOIN history ON session = newest AND input = text WHERE input GLOB ?1 GROUP BY input"
                    }
                    false => "SELECT session, line, input FROM history WHERE input GLOB ?1",
                };
                self.latest(sql, pattern, n, request.output)
            }
        }
    }

    /// The last `n` of a selection that has the pattern as its first parameter.
    fn latest(&self, sql: &str, pattern: &str, n: i64, output: bool) -> rusqlite::Result<Vec<Value>> {
        let sql = format!("SELECT * FROM ({sql}) WHERE input GLOB ?1 ORDER BY session DESC, line DESC LIMIT ?2");
        let mut select = self.database.prepare_cached(&sql)?;
        let rows = select.query_map(params![pattern, n], |row| self.entry(row, output))?;
        let mut found: Vec<Value> = rows.collect::<rusqlite::Result<_>>()?;
        found.reverse();
        Ok(found)
    }

    /// Lines `start..stop` of a session: 0 is this one, negative ones count back from it.
    fn range(&self, request: &HistoryRequest) -> rusqlite::Result<Vec<Value>> {
        let session = match request.session {
            past if past > 0 => past,
            back => self.current()? + back,
        };
        let newest = "SELECT max(line) FROM history WHERE session = ?1";
        let newest: i64 = self
            .database
            .query_row(newest, [session], |row| Ok(row.get::<_, Option<i64>>(0)?.unwrap_or(0)))?;
        // As IPython has it, negative bounds count from the end.
        let from_end = |bound: i64| if bound < 0 { newest + 1 + bound } else { bound };
        let sql =
            "SELECT session, line, input FROM history WHERE session = ?1 AND line >= ?2 AND line < ?3 ORDER BY line";
        let mut select = self.database.prepare_cached(sql)?;
        let rows = select.query_map(
            params![
                session,
                from_end(request.start),
                request.stop.map_or(i64::MAX, from_end)
            ],
            |row| self.entry(row, request.output),
        )?;
        rows.collect()
    }

    /// The number of this session, or the one that it will have.
    fn current(&self) -> rusqlite::Result<i64> {
        match self.session {
            Some(session) => Ok(session),
            None => self
                .database
                .query_row("SELECT coalesce(max(session), 0) + 1 FROM sessions", [], |row| {
                    row.get(0)
                }),
        }
    }

    fn entry(&self, row: &Row<'_>, output: bool) -> rusqlite::Result<Value> {
        let (session, line, input): (i64, i64, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        if !output {
            return Ok(json!([session, line, input]));
        }
        let shown: Option<String> = if self.session == Some(session) {
            let sql = "SELECT output FROM temp.outputs WHERE line = ?1";
            self.database.query_row(sql, [line], |row| row.get(0)).optional()?
        } else {
            None
        };
        Ok(json!([session, line, [input, shown]]))
    }
}

/// Nobody else may read what was typed.
fn at(file: &Path) -> Result<Connection, Box<dyn std::error::Error>> {
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder)?;
    }
    OpenOptions::new().append(true).create(true).mode(0o600).open(file)?;
    Ok(prepared(Connection::open(file)?)?)
}

fn prepared(database: Connection) -> rusqlite::Result<Connection> {
    database.busy_timeout(PATIENCE)?;
    database.pragma_update(None, "synchronous", "OFF")?;
    database.execute_batch(SCHEMA)?;
    Ok(database)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const CELLS: [&str; 4] = ["let a = 1;", "a + 1", "let b = 2;", "a + 1"];

    fn session(file: Option<&Path>) -> History {
        let history = History::open(file.map(Path::to_owned)).unwrap();
        for (at, input) in CELLS.iter().enumerate() {
            history.push(at as u64 + 1, input, false);
        }
        history.set_output(2, "2".to_owned());
        history
    }

    fn ask(history: &History, request: Value) -> Value {
        Value::Array(history.answer(serde_json::from_value(request).unwrap()))
    }

    #[test]
    fn tail_gives_the_last_n() {
        assert_eq!(
            ask(
                &session(None),
                json!({"hist_access_type": "tail", "n": 2, "raw": true, "output": false})
            ),
            json!([[1, 3, "let b = 2;"], [1, 4, "a + 1"]])
        );
    }

    #[test]
    fn range_is_half_open_and_carries_outputs() {
        let history = session(None);
        assert_eq!(
            ask(
                &history,
                json!({"hist_access_type": "range", "session": 0, "start": 1, "stop": 3, "output": true})
            ),
            json!([[1, 1, ["let a = 1;", null]], [1, 2, ["a + 1", "2"]]])
        );
        assert_eq!(
            ask(
                &history,
                json!({"hist_access_type": "range", "session": -1, "start": 1, "stop": 3})
            ),
            json!([])
        );
        assert_eq!(
            ask(
                &history,
                json!({"hist_access_type": "range", "session": 1, "start": -1})
            ),
            json!([[1, 4, "a + 1"]])
        );
    }

    #[test]
    fn search_is_a_pattern_and_can_be_unique() {
        let history = session(None);
        assert_eq!(
            ask(
                &history,
                json!({"hist_access_type": "search", "pattern": "a *", "unique": true})
            ),
            json!([[1, 4, "a + 1"]])
        );
        assert_eq!(
            ask(
                &history,
                json!({"hist_access_type": "search", "pattern": "let ?*;", "n": 1})
            ),
            json!([[1, 3, "let b = 2;"]])
        );
        assert_eq!(
            ask(&history, json!({"hist_access_type": "search", "pattern": "[^a-k]*"})),
            json!([[1, 1, "let a = 1;"], [1, 3, "let b = 2;"]])
        );
    }

    #[test]
    fn other_sessions_of_the_file_are_found() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("of/its own/history.sqlite");
        let first = session(Some(&file));
        // The answer comes when all is written.
        assert_eq!(
            ask(&first, json!({"hist_access_type": "tail"}))
                .as_array()
                .unwrap()
                .len(),
            4
        );
        let second = session(Some(&file));
        let both = json!({"hist_access_type": "search", "pattern": "let b*"});
        let found = ask(&second, both);
        assert_eq!(found.as_array().unwrap().len(), 2, "{found}");
        assert_eq!(
            ask(
                &second,
                json!({"hist_access_type": "range", "session": -1, "start": 2, "stop": 3, "output": true})
            ),
            json!([[1, 2, ["a + 1", null]]]),
        );
        assert_eq!(
            ask(
                &second,
                json!({"hist_access_type": "search", "pattern": "a *", "unique": true})
            ),
            json!([[2, 4, "a + 1"]])
        );
        let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&file).unwrap().permissions());
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_secret_and_a_result_are_not_written_down() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("history.sqlite");
        let history = session(Some(&file));
        history.push(5, "%env NAME_KEY=hush-hush", true);
        history.set_output(4, "a result of mine".to_owned());
        let tail = ask(&history, json!({"hist_access_type": "tail", "n": 2, "output": true}));
        assert_eq!(
            tail,
            json!([
                [1, 4, ["a + 1", "a result of mine"]],
                [1, 5, ["%env NAME_KEY=hush-hush", null]]
            ])
        );
        for entry in std::fs::read_dir(folder.path()).unwrap() {
            let bytes = std::fs::read(entry.unwrap().path()).unwrap();
            let text = String::from_utf8_lossy(&bytes);
            assert!(text.contains("let b = 2;"));
            assert!(!text.contains("hush-hush") && !text.contains("a result of mine"));
        }
    }

    #[test]
    fn a_file_that_is_no_database_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("history.sqlite");
        let text = "somebody's own file, longer than the head of a database: ".repeat(9);
        std::fs::write(&file, &text).unwrap();
        let tail = ask(&session(Some(&file)), json!({"hist_access_type": "tail", "n": 1}));
        assert_eq!(tail, json!([[1, 4, "a + 1"]]));
        assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
    }
}
