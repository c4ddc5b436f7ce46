//! What is heard from Python: records as lines of JSON over a socket, and over two pipes what subprocesses and C
//! libraries write. All of it comes into one queue. Between cells a thread reads on, so that what writes in the
//! background never waits for the next cell, which shows it; where that is much, the newest [`KEPT`] bytes of it.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

use ironsage_display::Stream;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, kill_process_group};
use serde::Deserialize;
use serde_json::{Map, Value as Json};

use crate::error::MagicError;

/// How much of what comes between two cells is kept.
const KEPT: usize = 1 << 20;
/// A text of this length is not made longer.
const LONG: usize = 1 << 16;
/// What a record takes besides its content.
const ROOM: usize = 64;
/// Does not wait.
pub(super) const NOW: Timespec = Timespec { tv_sec: 0, tv_nsec: 0 };

/// What Python tells.
#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum Record {
    Ready {
        version: String,
        executable: String,
    },
    /// From now on an interrupt reaches the cell.
    Begun {
        cell: u64,
    },
    Text {
        #[serde(with = "StreamName")]
        stream: Stream,
        text: String,
    },
    Display {
        data: Map<String, Json>,
    },
    Done {
        cell: u64,
        failure: Option<Failure>,
    },
}

/// A stream by its name.
#[derive(Deserialize)]
#[serde(remote = "Stream", rename_all = "snake_case")]
enum StreamName {
    Stdout,
    Stderr,
}

/// Why a cell failed.
#[derive(Deserialize)]
pub(super) struct Failure {
    pub(super) why: Why,
    pub(super) message: String,
    pub(super) hint: Option<String>,
    pub(super) line: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Why {
    /// The cell raised an exception.
    Raised,
    /// What was asked for can't be done.
    Refused,
    /// A `KeyboardInterrupt`.
    Stopped,
}

impl Record {
    /// The bytes of a text or a display; None of what tells how a cell goes.
    fn content(&self) -> Option<usize> {
        match self {
            Record::Text { text, .. } => Some(text.len()),
            Record::Display { data } => Some(data.values().filter_map(Json::as_str).map(str::len).sum()),
            Record::Ready { .. } | Record::Begun { .. } | Record::Done { .. } => None,
        }
    }
}

/// This end of the socket and the pipes.
pub(super) struct Link {
    socket: UnixStream,
    lines: Lines,
    pipes: [Pipe; 2],
    queue: Queue,
    /// Python and all that it has started.
    group: Pid,
    /// The last cell that has begun.
    begun: u64,
    /// The next cell is to be interrupted when it begins.
    interrupt: bool,
}

impl Link {
    /// To the process that leads `group`.
    pub(super) fn new(socket: UnixStream, stdout: Option<OwnedFd>, stderr: Option<OwnedFd>, group: Pid) -> Link {
        let pipe = |source, stream| Pipe {
            source,
            stream,
            rest: Vec::new(),
        };
        Link {
            socket,
            lines: Lines::default(),
            pipes: [pipe(stdout, Stream::Stdout), pipe(stderr, Stream::Stderr)],
            queue: Queue::default(),
            group,
            begun: 0,
            interrupt: false,
        }
    }

    /// Sends a request.
    pub(super) fn send(&mut self, request: &Json) -> std::io::Result<()> {
        self.socket.write_all(format!("{request}\n").as_bytes())
    }

    /// Interrupts the cell, or where it has not begun, as soon as it has: an interrupt before would be lost.
    pub(super) fn interrupt(&mut self, cell: u64) {
        self.interrupt = self.begun < cell;
        if !self.interrupt {
            let _ = kill_process_group(self.group, Signal::INT);
        }
    }

    /// The oldest of what has come.
    pub(super) fn next(&mut self) -> Option<Record> {
        self.queue.pop()
    }

    /// Whether nothing that has come waits.
    pub(super) fn is_empty(&self) -> bool {
        self.queue.records.is_empty()
    }

    /// How many bytes came between two cells and were not kept; told once.
    pub(super) fn left_out(&mut self) -> usize {
        std::mem::take(&mut self.queue.left_out)
    }

    /// Takes what may be the first half of a character as it is.
    pub(super) fn flush(&mut self) {
        for pipe in &mut self.pipes {
            let rest = std::mem::take(&mut pipe.rest);
            self.queue.push_text(pipe.stream, &rest);
        }
    }

    /// Reads on, and keeps what is new, until the other end of `stop` is closed or Python's end of the socket is.
    pub(super) fn gather(&mut self, stop: &UnixStream) {
        loop {
            let sources = self.sources().into_iter().map(|(_, source)| source);
            let mut events: Vec<PollFd<'_>> = std::iter::once(stop.as_fd())
                .chain(sources)
                .map(|source| PollFd::from_borrowed_fd(source, PollFlags::IN))
                .collect();
            let heard = poll(&mut events, None);
            if !events[0].revents().is_empty() || heard.is_err_and(|error| error != rustix::io::Errno::INTR) {
                return;
            }
            match self.read(&NOW) {
                Ok(Some(_)) => self.queue.keep(KEPT),
                Ok(None) => return,
                Err(error) => {
                    tracing::warn!(error = error.message, "Python is not heard between cells");
                    return;
                }
            }
        }
    }

    /// What is open, by number. The socket last: at its end, what is still in the pipes is read first.
    fn sources(&self) -> Vec<(usize, BorrowedFd<'_>)> {
        let [stdout, stderr] = &self.pipes;
        let sources = [stdout.source(), stderr.source(), Some(self.socket.as_fd())];
        let numbered = sources.into_iter().enumerate();
        numbered.filter_map(|(at, source)| Some((at, source?))).collect()
    }

    /// Reads once what there is, waiting for `timeout` at most; gives how much. None at the socket's end.
    pub(super) fn read(&mut self, timeout: &Timespec) -> Result<Option<usize>, MagicError> {
        let broken = |error: std::io::Error| MagicError::internal(format!("Python can't be heard: {error}"));
        let sources = self.sources();
        let mut events: Vec<PollFd<'_>> = sources
            .iter()
            .map(|(_, source)| PollFd::from_borrowed_fd(*source, PollFlags::IN))
            .collect();
        match poll(&mut events, Some(timeout)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(broken(error.into())),
        }
        let ready: Vec<usize> = sources
            .iter()
            .zip(&events)
            .filter(|(_, event)| !event.revents().is_empty())
            .map(|((at, _), _)| *at)
            .collect();
        let mut buffer = [0; 65536];
        let mut total = 0;
        for at in ready {
            total += match at {
                2 => match self.socket.read(&mut buffer) {
                    Ok(0) => return Ok(None),
                    Ok(count) => {
                        self.take(&buffer[..count])?;
                        count
                    }
                    // What it had still to read is lost when it ends: a reset, which is an end too.
                    Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return Ok(None),
                    Err(error) => return Err(broken(error)),
                },
                pipe => self.pipes[pipe].read(&mut buffer, &mut self.queue),
            };
        }
        Ok(Some(total))
    }

    /// Takes what came over the socket.
    fn take(&mut self, bytes: &[u8]) -> Result<(), MagicError> {
        for line in self.lines.take(bytes) {
            let record = serde_json::from_slice(&line)
                .map_err(|error| MagicError::internal(format!("Python's helper sent what is no record: {error}")))?;
            match record {
                Record::Begun { cell } => {
                    self.begun = cell;
                    if self.interrupt {
                        self.interrupt(cell);
                    }
                }
                record => self.queue.push(record),
            }
        }
        Ok(())
    }
}

/// The first part of a line whose end is still to come.
#[derive(Default)]
struct Lines(Vec<u8>);

impl Lines {
    /// The lines that `bytes` complete. Only these are searched, however long a line has become.
    fn take(&mut self, bytes: &[u8]) -> Vec<Vec<u8>> {
        let mut whole = Vec::new();
        for piece in bytes.split_inclusive(|&byte| byte == b'\n') {
            self.0.extend_from_slice(piece);
            if piece.ends_with(b"\n") {
                whole.push(std::mem::take(&mut self.0));
            }
        }
        whole
    }
}

/// A pipe, until its end.
struct Pipe {
    source: Option<OwnedFd>,
    stream: Stream,
    /// The first bytes of a character whose rest is still to come.
    rest: Vec<u8>,
}

impl Pipe {
    fn source(&self) -> Option<BorrowedFd<'_>> {
        self.source.as_ref().map(AsFd::as_fd)
    }

    /// Reads what there is; gives how much.
    fn read(&mut self, buffer: &mut [u8], queue: &mut Queue) -> usize {
        let count = match &self.source {
            Some(source) => rustix::io::read(source, &mut *buffer).unwrap_or(0),
            None => 0,
        };
        if count == 0 {
            self.source = None;
        }
        self.rest.extend_from_slice(&buffer[..count]);
        let whole = match std::str::from_utf8(&self.rest) {
            // An error at the very end may be the first half of a character.
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            _ => self.rest.len(),
        };
        queue.push_text(self.stream, &self.rest[..whole]);
        self.rest.drain(..whole);
        count
    }
}

/// What has come and was not taken, oldest first.
#[derive(Default)]
struct Queue {
    records: VecDeque<Record>,
    /// What the texts and displays among them take.
    size: usize,
    left_out: usize,
}

impl Queue {
    fn push_text(&mut self, stream: Stream, bytes: &[u8]) {
        if !bytes.is_empty() {
            let text = String::from_utf8_lossy(bytes).into_owned();
            self.push(Record::Text { stream, text });
        }
    }

    fn push(&mut self, record: Record) {
        if let Record::Text { stream, text: more } = &record
            && let Some(Record::Text { stream: last, text }) = self.records.back_mut()
            && last == stream
            && text.len() < LONG
        {
            text.push_str(more);
            self.size += more.len();
            return;
        }
        self.size += record.content().map_or(0, |content| content + ROOM);
        self.records.push_back(record);
    }

    fn pop(&mut self) -> Option<Record> {
        self.remove(0)
    }

    /// Lets the oldest texts and displays go until the others take no more than `most`.
    fn keep(&mut self, most: usize) {
        while self.size > most {
            let oldest = self.records.iter().position(|record| record.content().is_some());
            let Some(gone) = oldest.and_then(|at| self.remove(at)) else {
                return;
            };
            self.left_out += gone.content().unwrap_or(0);
        }
    }

    fn remove(&mut self, at: usize) -> Option<Record> {
        let record = self.records.remove(at)?;
        self.size -= record.content().map_or(0, |content| content + ROOM);
        Some(record)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// Were all that came searched again for each piece, this would be 10^13 comparisons, and last hours.
    #[test]
    fn a_long_line_in_many_pieces_is_searched_once() {
        let mut lines = Lines::default();
        assert_eq!(lines.take(b"one\ntwo\nthr"), [b"one\n", b"two\n"]);
        assert_eq!(lines.take(b"ee\n"), [b"three\n"]);
        for _ in 0..4_000_000 {
            assert!(lines.take(b"x").is_empty());
        }
        assert_eq!(lines.take(b"\n")[0].len(), 4_000_001);
        assert!(lines.take(b"").is_empty());
    }

    #[test]
    fn the_oldest_texts_go_and_the_end_of_a_cell_stays() {
        let mut queue = Queue::default();
        let done = |cell| Record::Done { cell, failure: None };
        queue.push_text(Stream::Stdout, b"one ");
        queue.push_text(Stream::Stdout, b"line");
        queue.push(done(1));
        queue.push_text(Stream::Stderr, &[b'x'; 100]);
        queue.keep(108 + 2 * ROOM);
        assert_eq!(queue.left_out, 0);
        queue.keep(107 + 2 * ROOM);
        assert_eq!(queue.left_out, 8);
        assert!(matches!(queue.pop(), Some(Record::Done { cell: 1, .. })));
        assert!(matches!(queue.pop(), Some(Record::Text { stream: Stream::Stderr, text }) if text.len() == 100));
        assert!(queue.pop().is_none());
        assert_eq!(queue.size, 0);
        // What is written in small pieces to both streams is bounded too.
        for _ in 0..100_000 {
            queue.push_text(Stream::Stdout, b"o");
            queue.push_text(Stream::Stderr, b"e");
            queue.keep(1000);
        }
        assert!(queue.records.len() < 20);
        assert!(queue.left_out > 199_000);
    }
}
