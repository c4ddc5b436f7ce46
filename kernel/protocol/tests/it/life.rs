//! Beginning and end: late listeners, several front ends, shutdown, ports in use.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ironsage_protocol::Channel;
use serde_json::json;
use zeromq::{Socket, SubSocket};

use crate::front::{Front, Running, connection};
use crate::kernel;
use crate::toy::Toy;

#[tokio::test]
async fn a_late_listener_is_greeted_and_hears_what_follows() {
    let (kernel, mut front) = kernel().await;
    let id = front.execute("print early").await;
    front.begun(&id, "print early", 1).await;
    front.stream("stdout", "early\n", &id).await;
    front.ended(&id, 1).await;
    // The greeting is its first message: `connect` insists. No second `starting`.
    let mut late = Front::connect(&kernel.connection, "late").await;
    assert_eq!(front.iopub().await.kind(), "iopub_welcome");
    let id = late.execute("print for all").await;
    for listener in [&mut front, &mut late] {
        listener.begun(&id, "print for all", 2).await;
        listener.stream("stdout", "for all\n", &id).await;
    }
    late.ended(&id, 2).await;
    front.status("idle", &id).await;
    front.close(kernel).await;
}

#[tokio::test]
async fn a_topic_is_greeted_under_its_own_name() {
    let (kernel, mut front) = kernel().await;
    let narrow = Front::connect(&kernel.connection, "narrow").await;
    assert_eq!(front.iopub().await.kind(), "iopub_welcome");
    drop(narrow);
    let mut socket = SubSocket::new();
    socket.subscribe("stream").await.unwrap();
    let address = kernel.connection.endpoint(Channel::Iopub);
    socket.connect(&address).await.unwrap();
    let greeting = zeromq::SocketRecv::recv(&mut socket).await.unwrap();
    assert_eq!(greeting.get(0).unwrap().as_ref(), b"stream");
    drop(socket);
    // A listener that left costs the others nothing.
    for count in 1..=5 {
        let id = front.execute("display x").await;
        let mut message = front.iopub().await;
        if message.kind() == "iopub_welcome" {
            message = front.iopub().await;
        }
        assert_eq!(message.content["execution_state"], "busy");
        front.expect("execute_input", &id).await;
        front.expect("display_data", &id).await;
        front.ended(&id, count).await;
    }
    front.close(kernel).await;
}

#[tokio::test]
async fn shutdown_stops_the_cell_answers_all_and_ends() {
    let (kernel, mut front) = kernel().await;
    let running = front.execute("print last words\nsleep 20000").await;
    let waiting = front.execute("print never").await;
    front.begun(&running, "print last words\nsleep 20000", 1).await;
    front.stream("stdout", "last words\n", &running).await;
    let start = Instant::now();
    let id = front.ask("shutdown_request", json!({"restart": true})).await;
    let exit = tokio::task::spawn_blocking(move || kernel.exit());
    let reply = front.answered("shutdown_reply", &id).await;
    assert_eq!(reply.content, json!({"status": "ok", "restart": true}));
    let failed = front.answered("execute_reply", &running).await;
    assert_eq!(failed.content["ename"], "KeyboardInterrupt");
    let aborted = front.answered("execute_reply", &waiting).await;
    assert_eq!(aborted.content, json!({"status": "aborted"}));
    assert!(exit.await.unwrap().restart);
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    // The last messages were delivered although the kernel is gone.
    let mut idle = 0;
    while idle < 3 {
        idle += usize::from(front.iopub().await.content["execution_state"] == "idle");
    }
}

#[tokio::test]
async fn a_cell_that_hears_nothing_does_not_hold_up_the_end() {
    let (kernel, mut front) = kernel().await;
    let id = front.execute("deaf 8000").await;
    front.begun(&id, "deaf 8000", 1).await;
    let start = Instant::now();
    front.close(kernel).await;
    // Jupyter kills after five seconds.
    assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
}

#[tokio::test]
async fn what_was_shown_last_outlives_the_kernel() {
    let (kernel, mut front) = kernel().await;
    let id = front.execute("large 15000000\ndisplays 2000").await;
    front.answered("execute_reply", &id).await;
    front.ask_control("shutdown_request", json!({"restart": false})).await;
    front.reply_control().await;
    // Reads only now, while the kernel lingers.
    front.begun(&id, "large 15000000\ndisplays 2000", 1).await;
    let mut shown = 0;
    while shown < 2_001 {
        shown += usize::from(front.expect("display_data", &id).await.kind() == "display_data");
    }
    tokio::task::spawn_blocking(move || kernel.exit()).await.unwrap();
}

#[test]
fn a_port_in_use_is_named() {
    let connection = connection();
    let taken = std::net::TcpListener::bind((connection.ip.as_str(), connection.hb_port)).unwrap();
    let error = ironsage_protocol::run(connection, Arc::new(Toy::default())).unwrap_err();
    let port = taken.local_addr().unwrap().port().to_string();
    assert!(error.to_string().contains(&port), "{error}");
    assert!(error.to_string().contains("heartbeat"), "{error}");
    assert!(error.hint().is_some());
}

#[tokio::test]
async fn the_first_answer_comes_at_once() {
    let start = Instant::now();
    let kernel = Running::start();
    let mut front = Front::connect(&kernel.connection, "front").await;
    front.iopub().await;
    front.round("kernel_info_request", json!({})).await;
    let took = start.elapsed();
    assert!(took < Duration::from_secs(2), "{took:?}");
    front.close(kernel).await;
}
