//! What must not hurt: forgeries, damage, floods, questions nobody answers, readers who stop.

use std::time::{Duration, Instant};

use bytes::Bytes;
use serde_json::{Value, json};
use zeromq::{SocketRecv, SocketSend};

use crate::front::{Front, sign};
use crate::kernel;

#[tokio::test]
async fn forged_and_damaged_messages_are_dropped() {
    let (kernel, mut front) = kernel().await;
    let content = json!({"code": "print stolen"});
    let (_, good) = front.frames("execute_request", &json!({}), &content);
    let mut bad: Vec<Vec<Bytes>> = Vec::new();
    let mut with = |at: usize, frame: Bytes| {
        let mut frames = good.clone();
        frames[at] = frame;
        bad.push(frames);
    };
    with(0, Bytes::from_static(b"<IDS|NOPE>"));
    with(1, sign("another key", &good[2..]));
    with(1, Bytes::new());
    with(1, Bytes::from_static(b"zz"));
    with(5, Bytes::from_static(b"{\"code\": \"print other\"}"));
    bad.push(good[..3].to_vec());
    bad.push(good[..1].to_vec());
    bad.push(vec![Bytes::new()]);
    bad.push(vec![Bytes::from_static(b"\xff\xfe\x00"); 12]);
    // Signed, but not what was agreed.
    for (at, frame) in [(2, "[]"), (2, "{}"), (2, "{\"msg_id\""), (3, "7"), (4, "null")] {
        let mut frames = good.clone();
        frames[at] = Bytes::from_static(frame.as_bytes());
        frames[1] = sign(crate::front::KEY, &frames[2..6]);
        bad.push(frames);
    }
    for frames in bad {
        for socket in [&mut front.shell, &mut front.control, &mut front.stdin] {
            socket.send(frames.clone().try_into().unwrap()).await.unwrap();
        }
    }
    front.nothing().await;
    let mut buffered = good;
    buffered.push(Bytes::from_static(b"an unsigned buffer"));
    front.shell.send(buffered.try_into().unwrap()).await.unwrap();
    let id = format!("{}-1", front.session);
    front.begun(&id, "print stolen", 1).await;
    front.stream("stdout", "stolen\n", &id).await;
    front.ended(&id, 1).await;
    front.close(kernel).await;
}

#[tokio::test]
async fn the_heart_beats_while_a_cell_runs() {
    let (kernel, mut front) = kernel().await;
    let id = front.execute("sleep 60000").await;
    front.begun(&id, "sleep 60000", 1).await;
    let start = Instant::now();
    for beat in 0..20_u8 {
        front.heart.send(vec![beat, 1, 2].into()).await.unwrap();
        let echo = front.heart.recv().await.unwrap();
        assert_eq!(echo.get(0).unwrap().as_ref(), [beat, 1, 2]);
    }
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    front.stop(&id).await;
    front.close(kernel).await;
}

#[tokio::test]
async fn a_question_and_its_answer() {
    let (kernel, mut front) = kernel().await;
    for (count, code, password) in [(1, "ask name?", false), (2, "password name?", true)] {
        let id = front.execute(code).await;
        front.begun(&id, code, count).await;
        let question = front.question().await;
        assert_eq!((question.kind(), question.parent_id()), ("input_request", id.as_str()));
        assert_eq!(question.content, json!({"prompt": "name?", "password": password}));
        // JupyterLab names the question as the parent; jupyter_client leaves it empty.
        let parent = if password { json!({}) } else { question.header };
        let content = json!({"status": "ok", "value": "Zoë"});
        let (_, frames) = front.frames("input_reply", &parent, &content);
        front.stdin.send(frames.try_into().unwrap()).await.unwrap();
        front.stream("stdout", "Zoë\n", &id).await;
        front.ended(&id, count).await;
    }
    front.close(kernel).await;
}

#[tokio::test]
async fn forged_and_stale_answers_are_ignored() {
    let (kernel, mut front) = kernel().await;
    let mut other = Front::connect(&kernel.connection, "other").await;
    // Everyone who listens to all topics hears the greeting of each newcomer.
    assert_eq!(front.iopub().await.kind(), "iopub_welcome");
    let content = json!({"value": "forged"});
    let (_, early) = front.frames("input_reply", &json!({}), &content);
    front.stdin.send(early.try_into().unwrap()).await.unwrap();
    front.nothing().await;

    let id = front.execute("ask name?").await;
    front.begun(&id, "ask name?", 1).await;
    let question = front.question().await;
    let stale = json!({"msg_id": "an older question", "msg_type": "input_request"});
    let (_, frames) = front.frames("input_reply", &stale, &content);
    front.stdin.send(frames.try_into().unwrap()).await.unwrap();
    let (_, frames) = front.frames("input_reply", &json!({}), &json!({"no": "value"}));
    front.stdin.send(frames.try_into().unwrap()).await.unwrap();
    let (_, frames) = front.frames("something_else", &question.header, &content);
    front.stdin.send(frames.try_into().unwrap()).await.unwrap();
    let (_, frames) = other.frames("input_reply", &question.header, &content);
    other.stdin.send(frames.try_into().unwrap()).await.unwrap();
    front.nothing().await;

    let (_, frames) = front.frames("input_reply", &question.header, &json!({"value": "true"}));
    front.stdin.send(frames.try_into().unwrap()).await.unwrap();
    front.stream("stdout", "true\n", &id).await;
    front.ended(&id, 1).await;
    front.close(kernel).await;
}

#[tokio::test]
async fn no_question_where_none_is_allowed_or_nobody_is_there() {
    let (kernel, mut front) = kernel().await;
    let request = json!({"code": "ask name?", "allow_stdin": false});
    let id = front.ask("execute_request", request).await;
    front.begun(&id, "ask name?", 1).await;
    assert_eq!(
        front.expect("error", &id).await.content["ename"],
        "StdinNotImplementedError"
    );
    front.answered("execute_reply", &id).await;
    front.status("idle", &id).await;
    // A front end whose stdin socket is gone.
    front.stdin = zeromq::Socket::new();
    let start = Instant::now();
    loop {
        let id = front.execute("ask name?").await;
        front.status("busy", &id).await;
        front.expect("execute_input", &id).await;
        // The kernel may not have seen the socket go yet; then the question is lost with it.
        let told = tokio::time::timeout(Duration::from_millis(300), front.iopub()).await;
        if told.is_err() {
            front.ask_control("interrupt_request", json!({})).await;
            front.reply_control().await;
            while front.iopub().await.content["execution_state"] != "idle" {}
        }
        let reply = front.answered("execute_reply", &id).await.content;
        let idle = |message: &Value| message["execution_state"] == "idle";
        while !idle(&front.iopub().await.content) {}
        if reply["ename"] == "InputError" {
            break;
        }
        assert!(start.elapsed() < Duration::from_secs(5), "{reply}");
    }
    front.nothing().await;
    front.close(kernel).await;
}

#[tokio::test]
async fn an_interrupt_ends_a_wait_for_input() {
    let (kernel, mut front) = kernel().await;
    let id = front.execute("ask name?").await;
    front.begun(&id, "ask name?", 1).await;
    front.question().await;
    let interrupt = front.ask("interrupt_request", json!({})).await;
    let answered = front.answered("interrupt_reply", &interrupt).await;
    assert_eq!(answered.content, json!({"status": "ok"}));
    let reply = front.answered("execute_reply", &id).await.content;
    assert_eq!(reply["ename"], "KeyboardInterrupt");
    let mut idle = 0;
    while idle < 2 {
        idle += usize::from(front.iopub().await.content["execution_state"] == "idle");
    }
    front.close(kernel).await;
}

#[tokio::test]
async fn a_front_end_that_comes_back_under_its_name_is_answered() {
    let (kernel, mut front) = kernel().await;
    for _ in 0..10 {
        front.reconnect(&kernel.connection).await;
        front.round("kernel_info_request", json!({})).await;
    }
    front.close(kernel).await;
}

#[tokio::test]
async fn twenty_megabytes_in_one_piece() {
    let (kernel, mut front) = kernel().await;
    let id = front.execute("large 20000000\nresult done").await;
    front.begun(&id, "large 20000000\nresult done", 1).await;
    let shown = front.expect("display_data", &id).await;
    assert_eq!(shown.content["data"]["text/html"].as_str().unwrap().len(), 20_000_000);
    assert_eq!(shown.content["transient"], json!({}));
    front.expect("execute_result", &id).await;
    front.ended(&id, 1).await;
    front.close(kernel).await;
}

#[tokio::test]
async fn fifty_thousand_lines_arrive_in_few_messages() {
    let (kernel, mut front) = kernel().await;
    let start = Instant::now();
    let id = front.execute("lines 50000\nresult end").await;
    front.begun(&id, "lines 50000\nresult end", 1).await;
    let (mut text, mut messages) = (String::new(), 0);
    loop {
        let message = front.iopub().await;
        assert_eq!(message.parent_id(), id);
        if message.kind() == "execute_result" {
            break;
        }
        assert_eq!(message.content["name"], "stdout");
        text.push_str(message.content["text"].as_str().unwrap());
        messages += 1;
    }
    assert!(text.lines().eq((0..50_000).map(|line| line.to_string())));
    front.ended(&id, 1).await;
    let took = start.elapsed();
    assert!(messages < 200, "{messages} messages");
    assert!(took < Duration::from_secs(3), "{took:?}");
    front.close(kernel).await;
}

#[tokio::test]
async fn a_burst_of_messages_to_a_reader_that_sleeps_is_not_lost() {
    let (kernel, mut front) = kernel().await;
    let start = Instant::now();
    let id = front.execute("displays 50000").await;
    // The cell ends although nobody reads what it shows.
    let reply = front.answered("execute_reply", &id).await;
    assert_eq!(reply.content["status"], "ok");
    let took = start.elapsed();
    assert!(took < Duration::from_secs(5), "{took:?}");
    front.begun(&id, "displays 50000", 1).await;
    for shown in 0..50_000 {
        let message = front.expect("display_data", &id).await;
        assert_eq!(message.content["data"]["text/plain"], shown.to_string());
    }
    front.status("idle", &id).await;
    front.close(kernel).await;
}

#[tokio::test]
async fn a_stalled_front_end_holds_up_no_cell() {
    let (kernel, mut front) = kernel().await;
    // Far more than the sockets' buffers hold, and not one message of it read.
    let start = Instant::now();
    for count in 1..=10 {
        let id = front.execute("large 8000000").await;
        let reply = front.answered("execute_reply", &id).await;
        assert_eq!(reply.content["execution_count"], count);
    }
    let took = start.elapsed();
    assert!(took < Duration::from_secs(5), "ten cells took {took:?}");
    let mut shown = 0;
    while shown < 10 {
        shown += usize::from(front.iopub().await.kind() == "display_data");
    }
    front.iopub().await;
    front.close(kernel).await;
}
