//! The kernel's end of the streams of the process that runs cells.
//!
//! One thread reads the user's standard output and error, takes evcxr's marks out, answers the
//! process's records, and tells evcxr that a cell is complete only when all its output has been
//! handed on. Because that thread is the only one that reads, order is a matter of reading in the
//! right order:
//!
//! - A record (a display, a panic, the end of the cell) is handled after everything that is in the
//!   pipes: it was printed before.
//! - Standard error is read before standard output: a cell's `eprintln!` waits until the output
//!   before it has been read (see the prelude's `output.rs`), so what is in both pipes at once was
//!   written to standard error first.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crossbeam_channel::Sender;
use ironsage_exchange::map_file;
use ironsage_exchange::wire::{Reply, Request, Surroundings, receive, send};
use polars::prelude::DataFrame;
use rustix::event::{PollFd, PollFlags, poll};

use crate::event::Event;
use crate::frames::Exports;
use crate::host::Host;
use crate::interrupt::Interrupt;
use crate::question::Question;
use crate::streams::{COMPLETE, PANIC, Streams};

/// As much as is read at once; also asked for as the size of the pipes.
const CHUNK: usize = 1 << 18;

/// What a record is answered with: a reply, and the frame that rides along.
type Answered = (Reply, Option<Arc<ironsage_exchange::Shared>>);

/// The thread and the way to end it.
pub(crate) struct Relay {
    thread: Option<std::thread::JoinHandle<()>>,
    quit: UnixStream,
}

impl Relay {
    /// Listens at `socket` and passes on what comes.
    pub(crate) fn start(
        socket: &Path,
        events: Sender<Event>,
        exports: Arc<Exports>,
        interrupt: Interrupt,
    ) -> io::Result<Relay> {
        let listener = UnixListener::bind(socket)?;
        let (quit, quitting) = UnixStream::pair()?;
        let mut work = Work {
            folder: socket.parent().unwrap_or(Path::new("/")).to_owned(),
            listener,
            quitting,
            processes: Vec::new(),
            events,
            exports,
            interrupt,
            buffer: vec![0; CHUNK],
        };
        let thread = std::thread::Builder::new()
            .name("ironsage-relay".to_owned())
            .spawn(move || {
                if let Err(error) = work.run() {
                    tracing::error!(%error, "the relay of cell output has ended");
                }
            })?;
        Ok(Relay {
            thread: Some(thread),
            quit,
        })
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        let _ = self.quit.write_all(b"q");
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct Work {
    /// The session's folder.
    folder: PathBuf,
    listener: UnixListener,
    quitting: UnixStream,
    processes: Vec<Process>,
    events: Sender<Event>,
    exports: Arc<Exports>,
    interrupt: Interrupt,
    buffer: Vec<u8>,
}

/// One process that runs cells; after a restart there can be two for a moment.
struct Process {
    socket: UnixStream,
    streams: Streams,
    id: u32,
}

impl Work {
    fn run(&mut self) -> io::Result<()> {
        loop {
            let mut watched = vec![
                PollFd::new(&self.quitting, PollFlags::IN),
                PollFd::new(&self.listener, PollFlags::IN),
            ];
            // Per process: which of its descriptors is watched at which place.
            let mut places = Vec::new();
            for process in &self.processes {
                let mut ends = [None, None];
                let files = [&process.streams.stderr, &process.streams.stdout];
                for (end, file) in ends.iter_mut().zip(files) {
                    if let Some(file) = file {
                        *end = Some(watched.len());
                        watched.push(PollFd::new(file, PollFlags::IN));
                    }
                }
                watched.push(PollFd::new(&process.socket, PollFlags::IN));
                places.push((ends, watched.len() - 1));
            }
            match poll(&mut watched, None) {
                Err(rustix::io::Errno::INTR) => continue,
                other => other?,
            };
            let ready: Vec<bool> = watched.iter().map(|fd| !fd.revents().is_empty()).collect();
            if ready[0] {
                return Ok(());
            }
            let mut gone = Vec::new();
            for (number, (ends, socket)) in places.into_iter().enumerate() {
                let output = ends.into_iter().flatten().any(|at| ready[at]);
                if (output || ready[socket]) && !self.serve(number, ready[socket]) {
                    gone.push(number);
                }
            }
            for number in gone.into_iter().rev() {
                self.bury(number);
            }
            if ready[1] {
                self.accept();
            }
        }
    }

    fn accept(&mut self) {
        let welcomed = self.listener.accept().and_then(|(socket, _)| {
            let id = rustix::net::sockopt::socket_peercred(&socket)?.pid;
            let Some((Request::Hello, ends)) = receive(&socket)? else {
                return Err(io::Error::other("it did not say hello"));
            };
            let Ok([control, stdout, stderr]) = <[OwnedFd; 3]>::try_from(ends) else {
                return Err(io::Error::other("it did not give its streams"));
            };
            for end in [&stdout, &stderr] {
                rustix::io::ioctl_fionbio(end, true)?;
                // The default of 64 KiB works as well, with more waiting.
                let _ = rustix::pipe::fcntl_setpipe_size(end, CHUNK);
            }
            send(&socket, &Reply::Done, &[])?;
            Ok(Process {
                socket,
                streams: Streams::new(control, stdout, stderr),
                id: id.as_raw_nonzero().get().unsigned_abs(),
            })
        });
        match welcomed {
            Ok(process) => {
                self.interrupt.set_child(process.id);
                self.processes.push(process);
            }
            Err(error) => tracing::warn!(%error, "a process for cells was not accepted"),
        }
    }

    /// Reads what one process wrote and answers its record; false when it is gone.
    fn serve(&mut self, number: usize, asked: bool) -> bool {
        let Work {
            folder,
            processes,
            events,
            exports,
            interrupt,
            buffer,
            ..
        } = self;
        let process = &mut processes[number];
        process.streams.read(buffer, events);
        if !asked {
            return true;
        }
        match receive::<Request>(&process.socket) {
            Ok(Some((request, files))) => {
                // What was printed before the record may have come since.
                process.streams.read(buffer, events);
                let (reply, shared) = process.answer(request, files, events, exports, interrupt, folder);
                let descriptors: Vec<_> = shared.iter().map(|shared| shared.as_fd()).collect();
                send(&process.socket, &reply, &descriptors).is_ok()
            }
            Ok(None) => false,
            Err(error) => {
                tracing::warn!(%error, "the process for cells broke off");
                false
            }
        }
    }

    /// The process has ended: its last words, then the end of evcxr's pipe.
    fn bury(&mut self, number: usize) {
        let mut process = self.processes.remove(number);
        process.streams.read(&mut self.buffer, &self.events);
        process.streams.finish_text(&self.events);
        if self.processes.is_empty() {
            self.interrupt.set_child(0);
        }
        drop(process);
    }
}

impl Process {
    fn answer(
        &mut self,
        request: Request,
        files: Vec<OwnedFd>,
        events: &Sender<Event>,
        exports: &Exports,
        interrupt: &Interrupt,
        folder: &Path,
    ) -> Answered {
        let done = (Reply::Done, None);
        let refused = |reason: String| (Reply::Refused { reason }, None);
        if !matches!(request, Request::Enter | Request::Sync | Request::Frame { .. }) {
            self.streams.finish_text(events);
        }
        match request {
            Request::Hello => refused("said already".to_owned()),
            Request::Enter => {
                interrupt.begin_run();
                if interrupt.pressed() {
                    return (Reply::Stop, None);
                }
                let host = exports.host();
                let folder = host.folder().and_then(|folder| folder.to_str().map(str::to_owned));
                let told = Surroundings {
                    folder,
                    environment: host.environment(),
                    quiet: host.quiet(),
                };
                (Reply::Go(told), None)
            }
            Request::Sync => done,
            Request::Leave { ran } => {
                // The last block is the value of the last expression, shown by evcxr's own means.
                if let Some(block) = self.streams.block.take() {
                    let _ = events.send(Event::Result(block));
                }
                if !ran {
                    // For evcxr it panicked: what it was to define does not exist.
                    self.streams.tell_evcxr(PANIC);
                    let _ = events.send(Event::NotRun);
                }
                interrupt.end_run();
                self.streams.tell_evcxr(COMPLETE);
                done
            }
            Request::Frame { name } => match exports.get(&name) {
                Ok(Some(shared)) => (Reply::Done, Some(shared)),
                Ok(None) => {
                    let known = exports.host().names();
                    (Reply::Missing { known }, None)
                }
                Err(error) => refused(error.to_string()),
            },
            Request::Plan { name } => match exports.host().plan(&name) {
                Some(scan) => (Reply::Plan(scan), None),
                None => {
                    let known = exports.host().names();
                    (Reply::Missing { known }, None)
                }
            },
            Request::Put { name } => match frame_of(files) {
                Ok(frame) => {
                    exports.host().put(&name, frame);
                    done
                }
                Err(reason) => refused(reason),
            },
            Request::Hand => match frame_of(files) {
                Ok(frame) => {
                    let _ = events.send(Event::Handed(frame));
                    done
                }
                Err(reason) => refused(reason),
            },
            Request::Display { picture, id } => self.show(Event::Display(picture, id), events),
            Request::Update { picture, id } => self.show(Event::Update(picture, id), events),
            Request::Clear { wait } => self.show(Event::Clear(wait), events),
            Request::Input { prompt, password } => match files.into_iter().next() {
                Some(socket) => {
                    let question = Question {
                        prompt,
                        password,
                        answer: UnixStream::from(socket),
                    };
                    self.show(Event::Input(question), events)
                }
                None => refused("no socket for the answer came with the question".to_owned()),
            },
            Request::Model { name } => match save_model(&name, folder, exports.host()) {
                Ok(folder) => (Reply::Model { folder }, None),
                Err(reason) => refused(reason),
            },
            Request::Result(picture) => self.show(Event::Result(picture), events),
            Request::Panic(panic) => {
                let _ = events.send(Event::Panic(panic));
                done
            }
            Request::Failure(failure) => {
                let _ = events.send(Event::Failure(failure));
                done
            }
        }
    }

    /// Passes on something to see, after what was shown by evcxr's own means before it.
    fn show(&mut self, event: Event, events: &Sender<Event>) -> Answered {
        self.streams.show_block(events);
        let _ = events.send(event);
        (Reply::Done, None)
    }
}

/// Saves a model where the process that runs cells finds it. It removes the folder when it has read it; whatever is left
/// goes with the session's folder.
fn save_model(name: &str, folder: &Path, host: &dyn Host) -> Result<String, String> {
    let place = tempfile::Builder::new().prefix("model-").tempdir_in(folder);
    let place = place.map_err(|error| format!("no folder can be made in {}: {error}", folder.display()))?;
    host.save_model(name, place.path())?;
    Ok(place.keep().to_string_lossy().into_owned())
}

fn frame_of(files: Vec<OwnedFd>) -> Result<DataFrame, String> {
    let file = files
        .into_iter()
        .next()
        .ok_or_else(|| "no frame came with the record".to_owned())?;
    map_file(File::from(file)).map_err(|error| error.to_string())
}
