//! Requests that act on the kernel itself: interrupt, shutdown, debugging.
//!
//! They have a socket of their own so that they are answered while a cell runs,
//! and nothing here ever waits for one. Front ends that know no control socket
//! send them on shell, where they are answered just the same.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::Exit;
use crate::engine::CellFailure;
use crate::execution::caught;
use crate::iopub::State;
use crate::kernel::Kernel;
use crate::messages::{self, Shutdown};
use crate::stdin::InputError;
use crate::wire::Request;

/// Answers the request if it is one of these.
pub(crate) fn answer(kernel: &Arc<Kernel>, request: &Arc<Request>) -> bool {
    match request.header.msg_type.as_str() {
        "interrupt_request" => interrupt(kernel, request),
        "shutdown_request" => shutdown(kernel, request),
        "debug_request" => debug(kernel, request),
        _ => return false,
    }
    true
}

fn interrupt(kernel: &Kernel, request: &Request) {
    kernel.iopub.status(State::Busy, request);
    kernel.reply(request, &json!({"status": "ok"}));
    stop_running(kernel);
    kernel.queue.idle_beside(kernel, request);
}

/// The engine before the question: a cell whose `input` returns must already
/// see that it was interrupted.
fn stop_running(kernel: &Kernel) {
    kernel.queue.interrupt(|| {
        let asked = caught(|| {
            kernel.engine.interrupt();
            Ok(())
        });
        if let Err(failure) = asked {
            tracing::error!(%failure, "the engine could not be interrupted");
        }
        kernel.stdin.cancel(&InputError::Interrupted);
    });
}

/// The reply goes out before anything is taken down; see `kernel::serve` for the rest.
fn shutdown(kernel: &Kernel, request: &Request) {
    kernel.iopub.status(State::Busy, request);
    let restart = match request.content::<Shutdown>() {
        Ok(content) => content.restart,
        Err(error) => {
            tracing::warn!(%error, "malformed shutdown request taken as a plain one");
            false
        }
    };
    let content = json!({"status": "ok", "restart": restart});
    kernel.reply(request, &content);
    // Other front ends of this kernel learn of it here.
    kernel.iopub.publish("shutdown_reply", request, &content);
    kernel.iopub.status(State::Idle, request);
    kernel.queue.close();
    stop_running(kernel);
    kernel.leave(Exit { restart });
}

fn debug(kernel: &Kernel, request: &Request) {
    kernel.iopub.status(State::Busy, request);
    let content: Value = request.content().unwrap_or_default();
    let failure = CellFailure::new("UnsupportedError", "this kernel has no debugger");
    kernel.reply(request, &messages::debug_reply(&content, &failure));
    kernel.queue.idle_beside(kernel, request);
}
