//! The streams of one process that runs cells: what it writes is read and passed on, and evcxr is told what it must know.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;

use crossbeam_channel::Sender;
use ironsage_exchange::wire::Picture;

use crate::event::Event;
use crate::scan::{Piece, Scanner, incomplete_character};

pub(crate) const COMPLETE: &str = "EVCXR_EXECUTION_COMPLETE";
pub(crate) const PANIC: &str = "EVCXR_PANIC_NOTIFICATION";
const FAILURE: &str = "EVCXR_ERROR_OCCURRED";

/// The kernel's ends of a process's streams.
pub(crate) struct Streams {
    /// evcxr's own pipe; evcxr takes its end for the end of the process.
    control: Option<File>,
    pub(crate) stdout: Option<File>,
    pub(crate) stderr: Option<File>,
    scanner: Scanner,
    /// The beginning of a character on standard error.
    stderr_rest: Vec<u8>,
    /// Content blocks that belong together so far.
    pub(crate) block: Option<Picture>,
}

impl Streams {
    pub(crate) fn new(control: OwnedFd, stdout: OwnedFd, stderr: OwnedFd) -> Streams {
        Streams {
            control: Some(File::from(control)),
            stdout: Some(File::from(stdout)),
            stderr: Some(File::from(stderr)),
            scanner: Scanner::default(),
            stderr_rest: Vec::new(),
            block: None,
        }
    }

    /// Reads what is in the pipes now, and no more: a thread that prints without end must not keep
    /// a record waiting.
    pub(crate) fn read(&mut self, buffer: &mut [u8], events: &Sender<Event>) {
        let mut read = |file: &mut Option<File>, take: &mut dyn FnMut(&[u8])| {
            let Some(open) = file else {
                return;
            };
            let mut left = rustix::io::ioctl_fionread(&*open).unwrap_or(0) as usize;
            loop {
                let most = left.clamp(1, buffer.len());
                match open.read(&mut buffer[..most]) {
                    // Nobody can write any more.
                    Ok(0) => {
                        *file = None;
                        return;
                    }
                    Ok(count) => {
                        take(&buffer[..count]);
                        left = left.saturating_sub(count);
                    }
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(_) => return,
                }
                if left == 0 {
                    return;
                }
            }
        };
        let rest = &mut self.stderr_rest;
        read(&mut self.stderr, &mut |bytes| {
            rest.extend_from_slice(bytes);
            let whole = rest.len() - incomplete_character(rest);
            let text: Vec<u8> = rest.drain(..whole).collect();
            if !text.is_empty() {
                let text = String::from_utf8_lossy(&text).into_owned();
                let _ = events.send(Event::Stderr(text));
            }
        });
        let (scanner, block, control) = (&mut self.scanner, &mut self.block, &mut self.control);
        read(&mut self.stdout, &mut |bytes| {
            scanner.feed(bytes, &mut |piece| pass(piece, block, control, events));
        });
    }

    /// Lets out what was held back because it could have been the beginning of a mark.
    pub(crate) fn finish_text(&mut self, events: &Sender<Event>) {
        let (block, control) = (&mut self.block, &mut self.control);
        self.scanner.finish(&mut |piece| pass(piece, block, control, events));
        if !self.stderr_rest.is_empty() {
            let rest = std::mem::take(&mut self.stderr_rest);
            let text = String::from_utf8_lossy(&rest).into_owned();
            let _ = events.send(Event::Stderr(text));
        }
    }

    pub(crate) fn show_block(&mut self, events: &Sender<Event>) {
        if let Some(block) = self.block.take() {
            let _ = events.send(Event::Display(block, None));
        }
    }

    pub(crate) fn tell_evcxr(&mut self, line: &str) {
        tell(&mut self.control, line);
    }
}

fn tell(control: &mut Option<File>, line: &str) {
    if let Some(control) = control
        && let Err(error) = control.write_all(format!("{line}\n").as_bytes())
    {
        tracing::warn!(%error, "evcxr does not listen");
    }
}

/// Passes on one piece of standard output.
fn pass(piece: Piece, block: &mut Option<Picture>, control: &mut Option<File>, events: &Sender<Event>) {
    // Forms of one display follow each other; anything else between, or a form that is there
    // already, begins another.
    let continues = matches!((&piece, &block), (Piece::Content(mime, _), Some(open)) if !open.data.contains_key(mime));
    if !continues && let Some(open) = block.take() {
        let _ = events.send(Event::Display(open, None));
    }
    match piece {
        Piece::Text(text) => {
            let _ = events.send(Event::Stdout(text));
        }
        Piece::Content(mime, content) => {
            let open = block.get_or_insert_with(|| Picture {
                data: serde_json::Map::new(),
                metadata: serde_json::Map::new(),
            });
            open.data.insert(mime, content.into());
        }
        Piece::Panic => {
            tell(control, PANIC);
            let _ = events.send(Event::Panicked);
        }
        Piece::Failure => {
            tell(control, FAILURE);
            let _ = events.send(Event::Failed);
        }
        Piece::Forward(line) => tell(control, &line),
    }
}
