//! One process of an endpoint: started so that it ends with the service, watched until it
//! exits, its output kept within bounds.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use parking_lot::Mutex;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions};

/// How much of the output is remembered for an error's text.
const TAIL_BYTES: usize = 4096;
/// How large a log file grows before it is put aside, once.
const LOG_BYTES: u64 = 10 * 1024 * 1024;

/// Starts processes from one thread that lives as long as the service: on Linux a child that
/// is to die with its parent dies with the *thread* that started it.
#[derive(Clone)]
pub struct Spawner {
    requests: mpsc::Sender<(Command, mpsc::SyncSender<std::io::Result<Child>>)>,
}

impl Spawner {
    /// Starts the thread.
    pub fn new() -> std::io::Result<Spawner> {
        let (requests, waiting) = mpsc::channel::<(Command, mpsc::SyncSender<std::io::Result<Child>>)>();
        std::thread::Builder::new().name("spawner".to_owned()).spawn(move || {
            while let Ok((mut command, answer)) = waiting.recv() {
                let _ = answer.send(command.spawn());
            }
        })?;
        Ok(Spawner { requests })
    }

    fn spawn(&self, command: Command) -> std::io::Result<Child> {
        let (answer, answered) = mpsc::sync_channel(1);
        let gone = || std::io::Error::other("the spawner has ended");
        self.requests.send((command, answer)).map_err(|_| gone())?;
        answered.recv().map_err(|_| gone())?
    }
}

/// A running process, or one that has ended.
pub struct Process {
    pid: Pid,
    /// True from the moment on when the id may belong to somebody else.
    reaped: Mutex<bool>,
    exited: tokio::sync::watch::Receiver<Option<String>>,
    tail: Arc<Mutex<VecDeque<u8>>>,
}

impl Process {
    /// Starts a command in a process group of its own, with its output going to a log file.
    pub fn start(spawner: &Spawner, mut command: Command, log: &Path) -> std::io::Result<Arc<Process>> {
        let (reader, writer) = std::io::pipe()?;
        command
            .stdin(Stdio::null())
            .stdout(writer.try_clone()?)
            .stderr(writer)
            .process_group(0);
        #[cfg(target_os = "linux")]
        {
            let service = rustix::process::getpid();
            // SAFETY: only system calls between fork and exec, no allocation, no lock.
            unsafe {
                command.pre_exec(move || {
                    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
                    // The service may have ended between the fork and the call above.
                    if rustix::process::getppid() != Some(service) {
                        return Err(std::io::Error::from(rustix::io::Errno::SRCH));
                    }
                    Ok(())
                });
            }
        }
        let child = spawner.spawn(command)?;
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        let pid = pid.ok_or_else(|| std::io::Error::other("a process without an id"))?;
        let tail = Arc::new(Mutex::new(VecDeque::with_capacity(TAIL_BYTES)));
        let (exit, exited) = tokio::sync::watch::channel(None);
        let process = Arc::new(Process {
            pid,
            reaped: Mutex::new(false),
            exited,
            tail: tail.clone(),
        });
        let log = log.to_owned();
        let drain = std::thread::Builder::new()
            .name("endpoint-log".to_owned())
            .spawn(move || keep_output(reader, &log, &tail))?;
        let watched = process.clone();
        std::thread::Builder::new()
            .name("endpoint-exit".to_owned())
            .spawn(move || {
                let status = watched.wait(child);
                // The log's end belongs to the reason. Something that got away with the pipe must
                // not hold this up.
                for _ in 0..50 {
                    if drain.is_finished() {
                        break;
                    }
                    std::thread::sleep(Duration::from_millis(2));
                }
                let _ = exit.send(Some(describe(status)));
            })?;
        Ok(process)
    }

    fn wait(&self, mut child: Child) -> std::io::Result<ExitStatus> {
        // First wait without reaping: as long as the zombie is there, its ids are its own.
        while let Err(error) =
            rustix::process::waitid(WaitId::Pid(self.pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT)
        {
            if error != rustix::io::Errno::INTR {
                break;
            }
        }
        let mut reaped = self.reaped.lock();
        // What it started ends with it.
        let _ = rustix::process::kill_process_group(self.pid, Signal::KILL);
        *reaped = true;
        child.wait()
    }

    fn signal(&self, signal: Signal) {
        let reaped = self.reaped.lock();
        if !*reaped {
            let _ = rustix::process::kill_process_group(self.pid, signal);
        }
    }

    /// Waits until it has ended; how it did.
    pub async fn ended(&self) -> String {
        let mut exited = self.exited.clone();
        match exited.wait_for(Option::is_some).await {
            Ok(how) => how.clone().unwrap_or_default(),
            Err(_) => "it could not be watched".to_owned(),
        }
    }

    /// Whether, and how, it has ended.
    pub fn has_ended(&self) -> Option<String> {
        self.exited.borrow().clone()
    }

    /// Asks it to end, and ends it when it does not.
    pub async fn stop(&self, grace: Duration) {
        self.signal(Signal::TERM);
        if tokio::time::timeout(grace, self.ended()).await.is_err() {
            self.signal(Signal::KILL);
            self.ended().await;
        }
    }

    /// The last lines of its output.
    pub fn last_lines(&self) -> String {
        let tail = self.tail.lock();
        let bytes: Vec<u8> = tail.iter().copied().collect();
        let text = String::from_utf8_lossy(&bytes);
        let lines: Vec<&str> = text
            .lines()
            .map(str::trim_end)
            .filter(|line| !line.is_empty())
            .collect();
        lines[lines.len().saturating_sub(8)..].join("\n")
    }
}

fn keep_output(mut reader: impl Read, log: &Path, tail: &Mutex<VecDeque<u8>>) {
    let open = || {
        use std::os::unix::fs::OpenOptionsExt;
        std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(log)
    };
    let mut file = open().ok();
    let mut size = file
        .as_ref()
        .and_then(|file| file.metadata().ok())
        .map_or(0, |metadata| metadata.len());
    let mut buffer = [0; 8192];
    loop {
        let read = match reader.read(&mut buffer) {
            Ok(0) => return,
            Ok(read) => read,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(_) => return,
        };
        let bytes = &buffer[..read];
        {
            let mut tail = tail.lock();
            tail.extend(bytes);
            let excess = tail.len().saturating_sub(TAIL_BYTES);
            tail.drain(..excess);
        }
        if size > LOG_BYTES {
            let aside: PathBuf = log.with_extension("log.1");
            let _ = std::fs::rename(log, aside);
            file = open().ok();
            size = 0;
        }
        // A full disk loses log lines and nothing else: the pipe is drained in any case.
        if let Some(file) = &mut file
            && file.write_all(bytes).is_ok()
        {
            size += bytes.len() as u64;
        }
    }
}

fn describe(status: std::io::Result<ExitStatus>) -> String {
    use std::os::unix::process::ExitStatusExt;
    let Ok(status) = status else {
        return "ended in an unknown way".to_owned();
    };
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exited with status {code}"),
        (None, Some(9)) => "was killed (signal 9; often for want of memory)".to_owned(),
        (None, Some(11)) => "crashed (signal 11, segmentation fault)".to_owned(),
        (None, Some(signal)) => format!("was ended by signal {signal}"),
        (None, None) => "ended".to_owned(),
    }
}
