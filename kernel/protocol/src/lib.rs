//! Jupyter messaging 5.5 around any engine that evaluates cells.
//!
//! This crate knows sockets, signatures, messages and their order. It knows
//! nothing of Rust cells or magics: what a cell means is said by an [`Engine`],
//! and what a cell shows goes through its [`Outputs`]. That is why all of it can
//! be tested with a toy engine and a front end that accepts no message it did
//! not expect (`tests/it`).
//!
//! What it promises:
//! - every request is answered, while a cell runs, too; nothing that anyone sends
//!   ends the kernel but a front end's shutdown;
//! - cells run one at a time, in order, on one plain thread; a failed cell
//!   aborts those that wait behind it;
//! - what a cell shows is sent in order and before its reply, and a front end
//!   that stopped reading holds up neither a cell nor another front end.
//!
//! What it does not have: a debugger, subshells, comm targets, encryption, and
//! the `ipc` transport.
//!
//! | module | concern |
//! | --- | --- |
//! | [`connection`] | the connection file |
//! | `signing`, `wire`, `messages` | signatures; frames and headers; contents |
//! | `gate`, `framing`, `backlog` | what stands before the sockets: what it lets through, and what it keeps |
//! | `outbox`, `iopub`, `heartbeat` | what is sent, and the sockets that only send |
//! | `shell`, `control`, `stdin` | what is asked, and by whom it is answered |
//! | `execution`, `outputs`, `pace` | cells, what they show, and how fast |
//! | `history`, `past`, [`offsets`] | earlier cells, and how an engine asks for them; code points and bytes |
//! | [`engine`] | what an engine must do |
//! | `kernel` | start, service and end |

mod backlog;
pub mod connection;
mod control;
pub mod engine;
mod execution;
mod framing;
mod gate;
mod heartbeat;
mod history;
mod iopub;
mod kernel;
mod messages;
pub mod offsets;
mod outbox;
mod outputs;
mod pace;
mod past;
mod shell;
mod signing;
mod stdin;
pub mod testing;
mod wire;

pub use connection::{Channel, Connection, ConnectionError};
pub use engine::{
    CellFailure, Completeness, Completions, Engine, EngineInfo, ExecuteRequest, HelpLink, Match, MimeBundle,
};
pub use kernel::{Exit, ProtocolError, run};
pub use outputs::Outputs;
pub use past::{Past, PastCell};
pub use stdin::InputError;
pub use wire::PROTOCOL_VERSION;
