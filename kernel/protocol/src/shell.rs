//! Requests about code: execution, completion, inspection, history, comms.
//!
//! Execution goes to the engine's thread. Everything else is answered beside it,
//! whether a cell runs or not: a console that asks `is_complete`, or an editor
//! that completes, must not wait for a training. What asks the engine runs on a
//! thread of its own, and gets an error for an answer after [`PATIENCE`].

use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use zeromq::{RouterRecvHalf, SocketRecv};

use crate::connection::Channel;
use crate::control;
use crate::engine::{CellFailure, Engine};
use crate::execution::caught;
use crate::history::HistoryRequest;
use crate::iopub::State;
use crate::kernel::Kernel;
use crate::messages::{self, Comm, Complete, Execute, Inspect, IsComplete};
use crate::offsets;
use crate::wire::Request;

/// How long the engine may think about a completion.
const PATIENCE: Duration = Duration::from_secs(10);

/// Reads one ROUTER socket; what can't be read is logged and dropped.
pub(crate) async fn serve(kernel: Arc<Kernel>, channel: Channel, mut socket: RouterRecvHalf) {
    loop {
        let message = match socket.recv().await {
            Ok(message) => message,
            Err(error) => {
                tracing::debug!(%channel, %error, "a front end went away");
                tokio::task::yield_now().await;
                continue;
            }
        };
        match kernel.session.decode(channel, message) {
            Ok(reply) if channel == Channel::Stdin => kernel.stdin.answer(&reply),
            Ok(request) => guarded(&kernel, &request),
            Err(error) => tracing::warn!(%channel, %error, "message dropped"),
        }
    }
}

/// A mistake in here must not end the loop: it would take the kernel's ears with it.
fn guarded(kernel: &Arc<Kernel>, request: &Arc<Request>) {
    let answered = caught(|| {
        answer(kernel, request);
        Ok(())
    });
    if let Err(failure) = answered {
        kernel.reply(request, &messages::error_reply(&failure));
    }
}

fn answer(kernel: &Arc<Kernel>, request: &Arc<Request>) {
    tracing::trace!(channel = %request.channel, msg_type = request.header.msg_type, "request");
    if control::answer(kernel, request) {
        return;
    }
    match request.header.msg_type.as_str() {
        "execute_request" => execute(kernel, request),
        "kernel_info_request" => inline(kernel, request, || Ok(messages::kernel_info(&kernel.info))),
        "complete_request" => ask(kernel, request, complete),
        "inspect_request" => ask(kernel, request, inspect),
        "is_complete_request" => ask(kernel, request, is_complete),
        "history_request" => inline(kernel, request, || {
            let asked: HistoryRequest = content(request)?;
            let history = kernel.history.answer(asked);
            Ok(json!({"status": "ok", "history": history}))
        }),
        "comm_info_request" => inline(kernel, request, || Ok(json!({"status": "ok", "comms": {}}))),
        "connect_request" => inline(kernel, request, || Ok(connect(kernel))),
        "comm_open" | "comm_msg" | "comm_close" => comm(kernel, request),
        _ => unknown(kernel, request),
    }
}

/// An error reply says what was wrong with the request.
fn content<T: DeserializeOwned>(request: &Request) -> Result<T, CellFailure> {
    request.content().map_err(|error| {
        CellFailure::new(
            "MalformedRequest",
            format!("the content of this {} can't be read: {error}", request.header.msg_type),
        )
    })
}

fn execute(kernel: &Arc<Kernel>, request: &Arc<Request>) {
    let refused = if request.channel == Channel::Control {
        CellFailure::new("UnsupportedError", "cells run on the shell channel")
    } else {
        match content::<Execute>(request) {
            Err(failure) => failure,
            Ok(content) => match kernel.queue.submit(Arc::clone(request), content) {
                Ok(()) => return,
                Err(request) => {
                    kernel.iopub.status(State::Busy, &request);
                    kernel.reply(&request, &json!({"status": "aborted"}));
                    kernel.queue.idle_beside(kernel, &request);
                    return;
                }
            },
        }
    };
    inline(kernel, request, || Err(refused));
}

/// Answers at once.
fn inline(kernel: &Kernel, request: &Request, content: impl FnOnce() -> Result<Value, CellFailure>) {
    kernel.iopub.status(State::Busy, request);
    let content = content().unwrap_or_else(|failure| messages::error_reply(&failure));
    kernel.reply(request, &content);
    kernel.queue.idle_beside(kernel, request);
}

/// Answers when the engine has, on a thread of its own.
fn ask(
    kernel: &Arc<Kernel>,
    request: &Arc<Request>,
    question: fn(&dyn Engine, &Request) -> Result<Value, CellFailure>,
) {
    kernel.iopub.status(State::Busy, request);
    let (kernel, request) = (Arc::clone(kernel), Arc::clone(request));
    let runtime = kernel.runtime.clone();
    runtime.spawn(async move {
        let (engine, asked) = (Arc::clone(&kernel.engine), Arc::clone(&request));
        let thinking = tokio::task::spawn_blocking(move || caught(|| question(engine.as_ref(), &asked)));
        let answered = match tokio::time::timeout(PATIENCE, thinking).await {
            Ok(Ok(answered)) => answered,
            Ok(Err(_)) => Err(CellFailure::new("ShuttingDown", "the kernel is ending")),
            Err(_) => Err(CellFailure::new(
                "TimeoutError",
                format!("no answer within {} s", PATIENCE.as_secs()),
            )),
        };
        let content = answered.unwrap_or_else(|failure| messages::error_reply(&failure));
        kernel.reply(&request, &content);
        kernel.queue.idle_beside(&kernel, &request);
    });
}

fn complete(engine: &dyn Engine, request: &Request) -> Result<Value, CellFailure> {
    let Complete { code, cursor_pos } = content(request)?;
    let cursor = cursor_pos.map_or(code.len(), |at| offsets::to_byte(&code, at));
    let completions = engine.complete(&code, cursor);
    Ok(messages::complete_reply(&code, &completions))
}

fn inspect(engine: &dyn Engine, request: &Request) -> Result<Value, CellFailure> {
    let asked: Inspect = content(request)?;
    let code = &asked.code;
    let cursor = asked.cursor_pos.map_or(code.len(), |at| offsets::to_byte(code, at));
    let found = engine.inspect(code, cursor, asked.detail_level);
    Ok(messages::inspect_reply(found.as_ref()))
}

fn is_complete(engine: &dyn Engine, request: &Request) -> Result<Value, CellFailure> {
    let IsComplete { code } = content(request)?;
    Ok(messages::is_complete_reply(&engine.is_complete(&code)))
}

/// Deprecated since protocol 5.1, and easily answered.
fn connect(kernel: &Kernel) -> Value {
    let connection = &kernel.connection;
    json!({
        "status": "ok",
        "shell_port": connection.shell_port,
        "iopub_port": connection.iopub_port,
        "stdin_port": connection.stdin_port,
        "hb_port": connection.hb_port,
        "control_port": connection.control_port,
    })
}

/// No comm target is known here. As the protocol wants it, an attempt to open
/// one is answered by closing it; other comm messages have no answer.
fn comm(kernel: &Kernel, request: &Request) {
    kernel.iopub.status(State::Busy, request);
    if request.header.msg_type == "comm_open" {
        match request.content::<Comm>() {
            Ok(Comm { comm_id, target_name }) => {
                tracing::debug!(target = target_name, "comm to an unknown target closed");
                let content = json!({"comm_id": comm_id, "data": {}});
                kernel.iopub.publish("comm_close", request, &content);
            }
            Err(error) => tracing::warn!(%error, "malformed comm_open"),
        }
    }
    kernel.queue.idle_beside(kernel, request);
}

/// Every request is answered; a message that is no request has no reply type to answer with.
fn unknown(kernel: &Kernel, request: &Request) {
    let msg_type = &request.header.msg_type;
    if request.reply_type().is_none() {
        tracing::warn!(msg_type, "unknown message ignored");
    }
    inline(kernel, request, || {
        Err(CellFailure::new(
            "UnsupportedError",
            format!("this kernel does not know `{msg_type}`"),
        ))
    });
}
