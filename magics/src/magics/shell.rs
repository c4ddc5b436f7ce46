//! `!command` and `%%bash`: bash in a process group of its own, its output as it comes, a failing exit an error. The
//! environment carries what `%env` set and, where the local service is in use, what AWS tools need to reach it, so
//! that `!aws s3 ls` sees what `%s3 ls` sees.

use std::io::Read;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command as Process, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::time::{Duration, Instant};

use ironsage_contract::{ClientEnvironment, LocalCredentials};
use ironsage_display::{Front, Stream};
use ironsage_exchange::GroupGuard;
use rustix::process::{Pid, Signal, kill_process_group, set_parent_process_death_signal};

use crate::error::{ErrorKind, MagicError};
use crate::language::insert::{self, Braces};
use crate::magic::{Call, Form, Group, Magic};
use crate::session::Session;

/// How often a running command is looked after.
const LOOK: Duration = Duration::from_millis(20);
/// How long an interrupted command may take to end by itself.
const GRACE: Duration = Duration::from_secs(2);
/// How long output is waited for after the command ended (a process in the background may hold the pipe).
const DRAIN: Duration = Duration::from_millis(300);

/// Run the rest of the cell in bash; it stops at the first command that fails
#[derive(clap::Args)]
pub(crate) struct Bash {
    /// A failing exit is no error
    #[arg(long)]
    ok: bool,
}

impl Magic for Bash {
    const NAME: &'static str = "bash";
    const FORM: Form = Form::Cell;
    const GROUP: Group = Group::Notebook;
    const EXAMPLES: &'static [(&'static str, &'static str)] = &[
        ("%%bash\nmkdir -p data\nls -l data", "two commands; `!ls data` does one"),
        ("%%bash --ok\ngrep rust notes.md", "goes on when nothing is found"),
    ];

    /// The shell's own braces stay; only what looks like a name of ours is put in.
    fn keeps_braces(&self) -> bool {
        true
    }

    fn run(self, call: &Call, session: &Session, front: &dyn Front) -> Result<(), MagicError> {
        let body = call.body.as_deref().unwrap_or_default();
        let script = format!("set -e\n{}", insert::insert(body, session, Braces::Expressions)?);
        run(
            &Command {
                script: &script,
                ok: self.ok,
                lone: false,
            },
            session,
            front,
        )
    }
}

/// A command to run.
pub(crate) struct Command<'a> {
    /// What bash gets.
    pub script: &'a str,
    /// A failing exit is no error.
    pub ok: bool,
    /// It came from a lone `!…`, which somebody may have meant as Rust's "not".
    pub lone: bool,
}

/// What a reading thread hands over; None at the end of its stream.
type Chunk = (Stream, Option<Vec<u8>>);

/// Runs a command to its end, or to the interrupt.
pub(crate) fn run(command: &Command<'_>, session: &Session, front: &dyn Front) -> Result<(), MagicError> {
    if command.script.trim().is_empty() {
        return Err(
            MagicError::usage("there is no command").with_hint("`!ls data`, or `%%bash` with a script below it")
        );
    }
    let mut child = start(command.script, session)?;
    let _guard = GroupGuard::over(&child).inspect_err(|error| tracing::warn!(%error, "no guard over a command"));
    let (sender, chunks) = mpsc::sync_channel(64);
    let readers = [
        child
            .stdout
            .take()
            .map(|pipe| read_on_thread(pipe, Stream::Stdout, sender.clone())),
        child
            .stderr
            .take()
            .map(|pipe| read_on_thread(pipe, Stream::Stderr, sender)),
    ];
    let open = readers.into_iter().flatten().filter(Result::is_ok).count();
    let mut output = Output {
        front,
        open,
        rest: [Vec::new(), Vec::new()],
        last_error: String::new(),
    };
    let status = attend(&mut child, &chunks, &mut output, front)?;
    output.flush();
    judge(status, command, &output.last_error)
}

fn start(script: &str, session: &Session) -> Result<Child, MagicError> {
    let mut process = Process::new("bash");
    process
        .args(["-o", "pipefail", "-c", script])
        .current_dir(session.folder())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0);
    if let Some(service) = service_environment(runs_aws(script), session) {
        for name in service.unset {
            process.env_remove(name);
        }
        process.envs(service.set);
    }
    process.envs(session.environment()).env_remove("BASH_ENV");
    if std::env::var_os("PYTHONUNBUFFERED").is_none() {
        // Python writes in blocks to a pipe; a person wants to see the lines as they come.
        process.env("PYTHONUNBUFFERED", "1");
    }
    // SAFETY: prctl alone between fork and exec; it allocates nothing and takes no lock.
    unsafe {
        // The magic waits for the command, so this thread lives as long: if the kernel is killed, so is bash.
        process.pre_exec(|| Ok(set_parent_process_death_signal(Some(Signal::KILL))?));
    }
    process.spawn().map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound if !session.folder().is_dir() => {
            MagicError::file(&session.folder(), "run a command in", &error).with_hint("`%cd` goes to another folder")
        }
        std::io::ErrorKind::NotFound => MagicError::new(ErrorKind::ShellError, "bash is not installed")
            .with_hint("install bash, then run the cell again"),
        _ => MagicError::new(ErrorKind::ShellError, format!("bash could not be started: {error}")),
    })
}

/// Whether a script runs the AWS CLI.
fn runs_aws(script: &str) -> bool {
    script
        .split(|c: char| c.is_whitespace() || ";|&($`".contains(c))
        .any(|word| word == "aws")
}

/// What AWS tools need to reach the local service: given where the service is in use already, or where what is to
/// run `uses_aws`; never where an account is connected.
pub(crate) fn service_environment(uses_aws: bool, session: &Session) -> Option<ClientEnvironment> {
    if session.places().aws().is_some() {
        return None;
    }
    let client = match session.places().local_if_used() {
        Some(client) => client,
        None if uses_aws => session.places().local().ok()?,
        None => return None,
    };
    let text = std::fs::read(session.home().credentials_file()).ok()?;
    let credentials: LocalCredentials = serde_json::from_slice(&text).ok()?;
    let place = client.place();
    Some(credentials.client_environment(place.endpoint.as_deref()?, &place.region))
}

fn read_on_thread(
    mut pipe: impl Read + Send + 'static,
    stream: Stream,
    sender: SyncSender<Chunk>,
) -> std::io::Result<std::thread::JoinHandle<()>> {
    std::thread::Builder::new()
        .name("ironsage-shell".to_owned())
        .spawn(move || {
            let mut buffer = [0; 8192];
            loop {
                let chunk = match pipe.read(&mut buffer) {
                    Ok(0) | Err(_) => None,
                    Ok(count) => Some(buffer[..count].to_vec()),
                };
                let end = chunk.is_none();
                if sender.send((stream, chunk)).is_err() || end {
                    return;
                }
            }
        })
}

/// Hands output on until the command has ended; at an interrupt the whole group is told to stop, and made to.
fn attend(
    child: &mut Child,
    chunks: &Receiver<Chunk>,
    output: &mut Output<'_>,
    front: &dyn Front,
) -> Result<ExitStatus, MagicError> {
    let group = Pid::from_child(child);
    let mut stopped: Option<Instant> = None;
    let mut ended: Option<(ExitStatus, Instant)> = None;
    loop {
        match chunks.recv_timeout(LOOK) {
            Ok(chunk) => output.take(chunk),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => std::thread::sleep(LOOK),
        }
        if ended.is_none() {
            let status = child.try_wait();
            let status =
                status.map_err(|error| MagicError::new(ErrorKind::ShellError, format!("bash is lost: {error}")))?;
            ended = status.map(|status| (status, Instant::now()));
        }
        match stopped {
            None if front.interrupted() => {
                let _ = kill_process_group(group, Signal::INT);
                stopped = Some(Instant::now());
            }
            Some(since) if ended.is_none() && since.elapsed() > GRACE => {
                let _ = kill_process_group(group, Signal::KILL);
            }
            _ => {}
        }
        let Some((status, since)) = ended else { continue };
        if output.open > 0 && since.elapsed() <= DRAIN {
            continue;
        }
        if stopped.is_none() {
            return Ok(status);
        }
        // What the script left in the background belongs to it.
        let _ = kill_process_group(group, Signal::KILL);
        output.flush();
        return Err(MagicError::interrupted("the command was stopped"));
    }
}

/// Output on its way to the front: cut at characters, not in the middle of one.
struct Output<'a> {
    front: &'a dyn Front,
    open: usize,
    rest: [Vec<u8>; 2],
    /// The end of what came on stderr.
    last_error: String,
}

impl Output<'_> {
    fn take(&mut self, (stream, chunk): Chunk) {
        let Some(chunk) = chunk else {
            self.open -= 1;
            return;
        };
        let rest = &mut self.rest[stream as usize];
        rest.extend_from_slice(&chunk);
        let whole = match std::str::from_utf8(rest) {
            Ok(_) => rest.len(),
            // An error at the very end may be the first half of a character.
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            Err(_) => rest.len(),
        };
        let bytes: Vec<u8> = rest.drain(..whole).collect();
        self.show(stream, &bytes);
    }

    fn show(&mut self, stream: Stream, bytes: &[u8]) {
        let text = String::from_utf8_lossy(bytes);
        if text.is_empty() {
            return;
        }
        if stream == Stream::Stderr {
            self.last_error.push_str(&text);
            let keep = self.last_error.len().saturating_sub(2000);
            let keep = (keep..=self.last_error.len())
                .find(|&at| self.last_error.is_char_boundary(at))
                .unwrap_or(0);
            self.last_error.drain(..keep);
        }
        self.front.stream(stream, &text);
    }

    fn flush(&mut self) {
        for stream in [Stream::Stdout, Stream::Stderr] {
            let rest = std::mem::take(&mut self.rest[stream as usize]);
            self.show(stream, &rest);
        }
    }
}

fn judge(status: ExitStatus, command: &Command<'_>, errors: &str) -> Result<(), MagicError> {
    if status.success() || command.ok {
        return Ok(());
    }
    let script = command.script.strip_prefix("set -e\n").unwrap_or(command.script);
    let first = script.trim().lines().next().unwrap_or_default();
    let shown = ironsage_display::text::cut(first, 60);
    let how = match (status.code(), status.signal()) {
        (Some(code), _) => format!("ended with exit status {code}"),
        (None, Some(signal)) => format!("was ended by signal {signal}"),
        (None, None) => "failed".to_owned(),
    };
    let error = MagicError::new(ErrorKind::ShellError, format!("`{shown}` {how}"));
    let not_found = status.code() == Some(127) && errors.contains("command not found");
    Err(match (not_found, command.lone) {
        (true, true) => error.with_hint(format!(
            "a line that begins with `!` is a shell command; Rust's \"not\" goes in brackets there: `(!{first})`"
        )),
        (true, false) => error.with_hint("a command of the script is not installed, or not on the PATH (`%env PATH`)"),
        (false, true) => error.with_hint(format!("`!--ok {first}` goes on whatever the exit status is")),
        (false, false) => error.with_hint("`%%bash --ok` goes on whatever the exit status is"),
    })
}
