//! A kernel's life: five sockets bound, requests served, everything said, an end.
//!
//! Two threads serve the sockets and the gates before them, one runs cells, and a
//! few more answer completions and the like. The end comes with a `shutdown_request`:
//! it is answered at once; a cell that still runs has a second to stop, the engine
//! two to put things away; what is queued for front ends is written before the
//! process may exit.

use std::io;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::{Map, Value};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use zeromq::{RouterSocket, Socket, XPubSocket};

use crate::connection::{Channel, Connection};
use crate::engine::{Engine, EngineInfo};
use crate::execution::{self, Queue};
use crate::gate::{BEHIND, Gate};
use crate::history::History;
use crate::iopub::{self, Iopub};
use crate::outbox::{self, Outbox};
use crate::past::Past;
use crate::stdin::{InputError, Stdin};
use crate::wire::{Request, Session};
use crate::{heartbeat, shell};

/// How long a running cell may take to stop when the kernel ends. Jupyter sends
/// SIGTERM after 2.5 s and SIGKILL after 5 s.
const CELL_STOPS: Duration = Duration::from_secs(1);
/// How long the engine may take to put things away.
const ENGINE_STOPS: Duration = Duration::from_secs(2);
/// How long queued messages may take to be written at the end.
const LINGER: Duration = Duration::from_secs(1);

/// What is shared by everything that serves a kernel.
pub(crate) struct Kernel {
    pub(crate) connection: Connection,
    pub(crate) session: Arc<Session>,
    pub(crate) engine: Arc<dyn Engine>,
    pub(crate) info: EngineInfo,
    pub(crate) iopub: Iopub,
    pub(crate) stdin: Arc<Stdin>,
    pub(crate) queue: Queue,
    pub(crate) history: Arc<History>,
    pub(crate) runtime: Handle,
    shell: Outbox,
    control: Outbox,
    exit: watch::Sender<Option<Exit>>,
}

/// How a kernel ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exit {
    /// The front end will start another one in its place.
    pub restart: bool,
}

/// Why a kernel could not be served.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProtocolError {
    /// A socket could not be opened.
    #[error("can't listen on {endpoint} ({channel}): {source}")]
    Bind {
        /// Which socket.
        channel: Channel,
        /// Where.
        endpoint: String,
        /// What the system said.
        source: io::Error,
    },
    /// A thread could not be started.
    #[error("can't start the kernel's threads")]
    Threads(#[from] io::Error),
}

impl ProtocolError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Bind { .. } => Some(
                "another process took the port since the connection file was written: start the kernel again"
                    .to_owned(),
            ),
            Self::Threads(_) => Some("free memory or raise the limit of processes".to_owned()),
        }
    }
}

impl Kernel {
    /// Replies on the socket that the request came on; what is no request has no reply.
    pub(crate) fn reply(&self, request: &Request, content: &impl Serialize) {
        self.reply_with(request, &Map::new(), content);
    }

    /// The same with metadata.
    pub(crate) fn reply_with(&self, request: &Request, metadata: &Map<String, Value>, content: &impl Serialize) {
        let Some(msg_type) = request.reply_type() else {
            return;
        };
        let (_, message) = self
            .session
            .encode(&request.identities, &msg_type, Some(request), metadata, content);
        match request.channel {
            Channel::Control => self.control.send(message),
            _ => self.shell.send(message),
        }
    }

    /// The first to say so ends the kernel.
    pub(crate) fn leave(&self, exit: Exit) {
        self.exit.send_if_modified(|decided| {
            let first = decided.is_none();
            decided.get_or_insert(exit);
            first
        });
    }
}

/// Serves a kernel until a front end shuts it down; blocks until then. Call it
/// on a plain thread, outside any asynchronous runtime.
pub fn run(connection: Connection, engine: Arc<dyn Engine>) -> Result<Exit, ProtocolError> {
    let runtime = Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(16)
        .thread_name("jupyter")
        .enable_all()
        .build()?;
    let exit = runtime.block_on(serve(connection, engine))?;
    linger(&runtime);
    // Whatever still thinks about a completion is left to the end of the process.
    runtime.shutdown_background();
    Ok(exit)
}

/// With the sockets closed, the library's writers end once all is written, and each
/// connection through a gate once the front end has it.
fn linger(runtime: &Runtime) {
    let limit = Instant::now() + LINGER;
    while runtime.metrics().num_alive_tasks() > 0 && Instant::now() < limit {
        thread::sleep(Duration::from_millis(1));
    }
}

async fn serve(connection: Connection, engine: Arc<dyn Engine>) -> Result<Exit, ProtocolError> {
    // Every port of the file first: what is behind the gates takes any that is free.
    let (shell, control, stdin, heart, broadcast) = tokio::try_join!(
        open(&connection, Channel::Shell),
        open(&connection, Channel::Control),
        open(&connection, Channel::Stdin),
        open(&connection, Channel::Heartbeat),
        open(&connection, Channel::Iopub),
    )?;
    let mut gates = Vec::new();
    let shell: RouterSocket = behind(shell, &mut gates).await?;
    let control: RouterSocket = behind(control, &mut gates).await?;
    let stdin: RouterSocket = behind(stdin, &mut gates).await?;
    let heart: RouterSocket = behind(heart, &mut gates).await?;
    let broadcast: XPubSocket = behind(broadcast, &mut gates).await?;

    let session = Arc::new(Session::new(&connection.key));
    let (iopub, iopub_items) = Iopub::new(Arc::clone(&session));
    let (shell_box, shell_items) = Outbox::new();
    let (control_box, control_items) = Outbox::new();
    let (stdin_box, stdin_items) = Outbox::new();
    let (queue, jobs) = Queue::new();
    let (exit, mut exited) = watch::channel(None);
    let history = Arc::new(History::open(engine.history_file())?);
    engine.remember(Past::new(Arc::clone(&history)));
    let kernel = Arc::new(Kernel {
        info: engine.info(),
        history,
        connection,
        engine,
        iopub,
        stdin: Arc::new(Stdin::new(stdin_box, Arc::clone(&session))),
        queue,
        runtime: Handle::current(),
        shell: shell_box,
        control: control_box,
        exit,
        session: Arc::clone(&session),
    });

    let (shell_out, shell_in) = shell.split();
    let (control_out, control_in) = control.split();
    let (stdin_out, stdin_in) = stdin.split();
    let mut tasks: Vec<JoinHandle<()>> = vec![
        tokio::spawn(iopub::serve(broadcast, session, iopub_items)),
        tokio::spawn(outbox::serve(Channel::Shell, shell_out, shell_items, || ())),
        tokio::spawn(outbox::serve(Channel::Control, control_out, control_items, || ())),
        tokio::spawn(heartbeat::serve(heart)),
    ];
    let asking = Arc::clone(&kernel.stdin);
    tasks.push(tokio::spawn(outbox::serve(
        Channel::Stdin,
        stdin_out,
        stdin_items,
        move || asking.cancel(&InputError::Disconnected),
    )));
    for (channel, socket) in [
        (Channel::Shell, shell_in),
        (Channel::Control, control_in),
        (Channel::Stdin, stdin_in),
    ] {
        tasks.push(tokio::spawn(shell::serve(Arc::clone(&kernel), channel, socket)));
    }
    let cells = execution::start(Arc::clone(&kernel), jobs)?;
    tracing::info!(connection = ?kernel.connection, "serving");

    let exit = loop {
        if let Some(exit) = *exited.borrow_and_update() {
            break exit;
        }
        if exited.changed().await.is_err() {
            break Exit { restart: false };
        }
    };
    stop(&kernel, cells, exit).await;
    for task in &tasks {
        task.abort();
    }
    for task in tasks {
        // Only their end matters; they were told to.
        task.await.ok();
    }
    // After the sockets: what these had still to say has to get out.
    for gate in gates {
        gate.abort();
    }
    Ok(exit)
}

/// The gate where the connection file says that front ends come.
async fn open(connection: &Connection, channel: Channel) -> Result<Gate, ProtocolError> {
    let gate = Gate::open(channel, &connection.address(channel)).await;
    gate.map_err(|source| ProtocolError::Bind {
        channel,
        endpoint: connection.endpoint(channel),
        source,
    })
}

/// A socket of the library behind a gate, which serves from here on.
async fn behind<S: Socket>(gate: Gate, gates: &mut Vec<JoinHandle<()>>) -> Result<S, ProtocolError> {
    let failed = |source| ProtocolError::Bind {
        channel: gate.channel(),
        endpoint: "tcp://127.0.0.1:0".to_owned(),
        source,
    };
    let listener = std::net::TcpListener::bind(&BEHIND[..]).map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let mut socket = S::new();
    let bound = socket.bind_listener(listener).await;
    bound.map_err(|error| failed(io::Error::other(error)))?;
    gates.push(tokio::spawn(gate.serve(address)));
    Ok(socket)
}

/// The running cell, then the engine, then what is left to say.
async fn stop(kernel: &Arc<Kernel>, cells: thread::JoinHandle<()>, exit: Exit) {
    within(CELL_STOPS, "the running cell", move || {
        cells.join().ok();
    })
    .await;
    let engine = Arc::clone(&kernel.engine);
    within(ENGINE_STOPS, "the engine", move || {
        engine.shutdown(exit.restart);
    })
    .await;
    tokio::join!(
        kernel.iopub.settled(LINGER),
        kernel.shell.settled(LINGER),
        kernel.control.settled(LINGER),
    );
}

/// Runs something that may not end, on a thread that may be left behind.
async fn within(limit: Duration, what: &'static str, body: impl FnOnce() + Send + 'static) {
    let (done, ended) = oneshot::channel();
    let started = thread::Builder::new().name("stopping".to_owned()).spawn(move || {
        body();
        done.send(()).ok();
    });
    match started {
        Ok(_) => {
            if tokio::time::timeout(limit, ended).await.is_err() {
                tracing::warn!("{what} did not stop within {limit:?}");
            }
        }
        Err(error) => tracing::warn!(%error, "no thread to stop {what}"),
    }
}
