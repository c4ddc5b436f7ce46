//! Records on the socket between the kernel and the process that runs cells.
//!
//! Each record is four bytes of length (little endian) and that many bytes of JSON; file
//! descriptors ride along with the length. The child asks, the kernel answers, one at a time: an
//! answer to a display means that everything printed before it has been published, so order needs
//! no further care on either side.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::panic::Location;

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags,
    recvmsg, sendmsg,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::Scan;

/// More than any record needs; a length above it means that the stream is out of step.
const LONGEST: usize = 1 << 30;
/// The most descriptors that ride on one record.
const MOST_DESCRIPTORS: usize = 3;

/// Something to show, in several forms.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Picture {
    /// MIME type → content.
    pub data: Map<String, Value>,
    /// MIME type → metadata.
    pub metadata: Map<String, Value>,
}

/// A panic, as its hook saw it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Panicked {
    /// The panic's message.
    pub message: String,
    /// Where it began.
    pub place: Place,
    /// The thread's name.
    pub thread: String,
    /// Whether it was the thread that runs the cell.
    pub cell_thread: bool,
    /// The stack, where `RUST_BACKTRACE` asked for one.
    pub backtrace: Option<String>,
}

/// An error that left a cell through `?`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failed {
    /// The error's type, in full.
    pub type_name: String,
    /// The error's text.
    pub message: String,
    /// Where the `?` stands.
    pub place: Place,
}

/// A place in a source file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The file, as the compiler knew it.
    pub file: String,
    /// Line in that file, from 1.
    pub line: u32,
    /// Column in that line, from 1.
    pub column: u32,
}

impl From<&Location<'_>> for Place {
    fn from(location: &Location<'_>) -> Place {
        Place {
            file: location.file().to_owned(),
            line: location.line(),
            column: location.column(),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// What the child asks or tells.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// First record of a child; carries its control pipe and the read ends of its output pipes.
    Hello,
    /// A cell is about to run. The answer is [`Reply::Go`], or [`Reply::Stop`]: don't.
    Enter,
    /// A cell has run, or was not allowed to (`ran` is false). Everything it printed is in the pipes.
    Leave {
        /// Whether the cell's code was called.
        ran: bool,
    },
    /// Publish what is in the pipes, then answer.
    Sync,
    /// The session's frame of this name. The answer carries it as a memory file.
    Frame {
        /// The frame's name.
        name: String,
    },
    /// Binds a frame in the session; the record carries its memory file.
    Put {
        /// The frame's name.
        name: String,
    },
    /// The frame that the kernel asked a cell to hand over; the record carries its memory file.
    Hand,
    /// Shows something; with an id it can be updated later.
    Display {
        /// What is shown.
        picture: Picture,
        /// Names the display, in all of a notebook's life.
        id: Option<String>,
    },
    /// Replaces what is shown under an id.
    Update {
        /// What is shown from now on.
        picture: Picture,
        /// The display.
        id: String,
    },
    /// Removes what the cell has shown so far.
    Clear {
        /// Not before something new is shown.
        wait: bool,
    },
    /// Shows the value of the cell's last expression.
    Result(Picture),
    /// Asks the person in front of the cell. The record carries one end of a socket: the answer to it comes there, as
    /// [`Reply::Answer`] or [`Reply::Refused`], so that nothing else has to wait for a person.
    Input {
        /// What is asked.
        prompt: String,
        /// Whether the answer must not be seen.
        password: bool,
    },
    /// Asks what the session's plan of this name reads.
    Plan {
        /// The plan's name.
        name: String,
    },
    /// Saves the session's model of this name in a folder that belongs to the one who asks.
    Model {
        /// The model's name.
        name: String,
    },
    /// A panic has begun.
    Panic(Panicked),
    /// An error left the cell through `?`.
    Failure(Failed),
}

/// Where a cell runs, as `%cd` and `%env` have it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Surroundings {
    /// The working directory; `None` leaves it as it is.
    pub folder: Option<String>,
    /// Variables of the environment that were set.
    pub environment: BTreeMap<String, String>,
    /// Whether nobody watches live: progress then says little.
    #[serde(default)]
    pub quiet: bool,
}

/// What the kernel answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// Done; for a frame, the memory file rides along.
    Done,
    /// The cell may run, in these surroundings.
    Go(Surroundings),
    /// The cell was interrupted before it ran.
    Stop,
    /// There is no such frame; these are the names there are.
    Missing {
        /// The session's frames.
        known: Vec<String>,
    },
    /// What a plan reads.
    Plan(Scan),
    /// What the person answered.
    Answer {
        /// Their words.
        text: String,
    },
    /// A model, saved.
    Model {
        /// The folder of its artifact.
        folder: String,
    },
    /// It did not work, and why.
    Refused {
        /// The reason.
        reason: String,
    },
}

/// Sends one record with the descriptors that belong to it.
pub fn send<T: Serialize>(stream: &UnixStream, record: &T, descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
    let body = serde_json::to_vec(record)?;
    if body.len() > LONGEST {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("a record of {} bytes is too long to send", body.len()),
        ));
    }
    let length = u32::try_from(body.len()).map_err(io::Error::other)?.to_le_bytes();
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_DESCRIPTORS))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !descriptors.is_empty() && !control.push(SendAncillaryMessage::ScmRights(descriptors)) {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "too many descriptors for one record",
        ));
    }
    let sent = loop {
        match sendmsg(stream, &[IoSlice::new(&length)], &mut control, SendFlags::NOSIGNAL) {
            Err(rustix::io::Errno::INTR) => continue,
            other => break other?,
        }
    };
    // The kernel takes four bytes whole or not at all, but says so nowhere.
    (&mut &*stream).write_all(&length[sent..])?;
    (&mut &*stream).write_all(&body)
}

/// Receives one record and its descriptors; `None` when the other side has closed.
pub fn receive<T: DeserializeOwned>(stream: &UnixStream) -> io::Result<Option<(T, Vec<OwnedFd>)>> {
    let mut length = [0u8; 4];
    let mut descriptors = Vec::new();
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_DESCRIPTORS))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let received = loop {
        match recvmsg(
            stream,
            &mut [IoSliceMut::new(&mut length)],
            &mut control,
            RecvFlags::CMSG_CLOEXEC,
        ) {
            Err(rustix::io::Errno::INTR) => continue,
            other => break other?.bytes,
        }
    };
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(rights) = message {
            descriptors.extend(rights);
        }
    }
    if received == 0 {
        return Ok(None);
    }
    (&mut &*stream).read_exact(&mut length[received..])?;
    let length = u32::from_le_bytes(length) as usize;
    if length > LONGEST {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("a record claims {length} bytes"),
        ));
    }
    let mut body = vec![0u8; length];
    (&mut &*stream).read_exact(&mut body)?;
    Ok(Some((serde_json::from_slice(&body)?, descriptors)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::fs::File;
    use std::os::fd::AsFd;

    use super::*;

    #[test]
    fn a_record_arrives_with_its_descriptor() {
        let (left, right) = UnixStream::pair().unwrap();
        let (reader, writer) = io::pipe().unwrap();
        let request = Request::Put {
            name: "größe".to_owned(),
        };
        send(&left, &request, &[writer.as_fd()]).unwrap();
        drop(writer);
        let (got, descriptors): (Request, _) = receive(&right).unwrap().unwrap();
        assert_eq!(got, request);
        assert_eq!(descriptors.len(), 1);
        for descriptor in descriptors {
            File::from(descriptor).write_all(b"through").unwrap();
        }
        let mut text = String::new();
        File::from(OwnedFd::from(reader)).read_to_string(&mut text).unwrap();
        assert_eq!(text, "through");
    }

    #[test]
    fn a_long_record_arrives_whole_and_a_closed_end_is_told() {
        let (left, right) = UnixStream::pair().unwrap();
        let mut data = Map::new();
        data.insert("text/html".to_owned(), Value::String("x".repeat(20_000_000)));
        let request = Request::Display {
            picture: Picture {
                data,
                metadata: Map::new(),
            },
            id: None,
        };
        let sender = std::thread::spawn({
            let request = request.clone();
            move || send(&left, &request, &[]).unwrap()
        });
        let (got, _): (Request, _) = receive(&right).unwrap().unwrap();
        assert_eq!(got, request);
        sender.join().unwrap();
        assert!(receive::<Request>(&right).unwrap().is_none());
    }

    #[test]
    fn nonsense_is_an_error_and_no_huge_allocation() {
        let (left, right) = UnixStream::pair().unwrap();
        (&left).write_all(&[0xff; 16]).unwrap();
        assert!(receive::<Request>(&right).is_err());
    }
}
