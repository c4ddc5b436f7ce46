//! The protocol, tested by a toy engine behind it and a strict front end before it.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod cells;
mod front;
mod gate;
mod life;
mod raw;
mod requests;
mod robust;
mod toy;

use front::{Front, Running};

/// A kernel and the first front end, which hears `starting` once, right after the greeting.
async fn kernel() -> (Running, Front) {
    let kernel = Running::start();
    let mut front = Front::connect(&kernel.connection, "front").await;
    let starting = front.iopub().await;
    assert_eq!(starting.kind(), "status");
    assert_eq!(starting.content["execution_state"], "starting");
    assert_eq!(starting.parent, serde_json::json!({}));
    (kernel, front)
}
