//! What comes without the key, and who listens without reading: the kernel and its other front ends notice nothing.

use std::time::{Duration, Instant};

use serde_json::json;
use zeromq::{SocketRecv, SocketSend};

use crate::front::Front;
use crate::kernel;
use crate::raw::{CHANNELS, Chance, Raw, announced, greeting, ready};

/// All five sockets work.
async fn works(front: &mut Front) {
    front.round("kernel_info_request", json!({})).await;
    let asked = front.ask_control("kernel_info_request", json!({})).await;
    front.status("busy", &asked).await;
    assert_eq!(front.reply_control().await.parent_id(), asked);
    front.status("idle", &asked).await;
    front.heart.send("beat".into()).await.unwrap();
    assert_eq!(front.heart.recv().await.unwrap().get(0).unwrap().as_ref(), b"beat");
    let id = front.execute("ask name?").await;
    front.status("busy", &id).await;
    front.expect("execute_input", &id).await;
    front.question().await;
    let (_, frames) = front.frames("input_reply", &json!({}), &json!({"value": "Ada"}));
    front.stdin.send(frames.try_into().unwrap()).await.unwrap();
    front.stream("stdout", "Ada\n", &id).await;
    front.answered("execute_reply", &id).await;
    front.status("idle", &id).await;
}

#[tokio::test]
async fn a_length_that_no_memory_holds_ends_that_line_and_nothing_else() {
    let (kernel, mut front) = kernel().await;
    for channel in CHANNELS {
        for length in [300 << 20, 1 << 50, i64::MAX as u64, u64::MAX] {
            for flags in [0, 1, 4] {
                let mut line = Raw::call(&kernel.connection, channel).await;
                // 73 bytes in all, where it is the first frame.
                let seventy_three = [greeting(), announced(flags, length)].concat();
                line.say(&seventy_three).await.unwrap();
                line.hung_up().await;
                let mut line = Raw::call(&kernel.connection, channel).await;
                let agreed = [greeting(), ready(channel)].concat();
                line.say(&agreed).await.unwrap();
                line.take(64).await;
                line.frame().await;
                line.say(&announced(flags, length)).await.unwrap();
                line.hung_up().await;
            }
        }
        works(&mut front).await;
    }
    front.close(kernel).await;
}

#[tokio::test]
async fn what_is_not_zeromq_is_hung_up_on() {
    let (kernel, mut front) = kernel().await;
    let mut wrong = greeting();
    wrong[9] = 0x7e;
    let mut old = greeting();
    old[10] = 2;
    let mut encrypted = greeting();
    encrypted[12..17].copy_from_slice(b"MAGIC");
    for channel in CHANNELS {
        for begins in [b"GET / HTTP/1.1\r\n\r\n".as_slice(), &wrong, &old, &encrypted] {
            let mut line = Raw::call(&kernel.connection, channel).await;
            line.say(begins).await.unwrap();
            line.hung_up().await;
        }
    }
    works(&mut front).await;
    front.close(kernel).await;
}

#[tokio::test]
async fn random_bytes_harm_nobody() {
    let (kernel, mut front) = kernel().await;
    let mut chance = Chance(1);
    for channel in CHANNELS {
        let beginnings = [
            vec![],
            greeting()[..30].to_vec(),
            greeting(),
            [greeting(), ready(channel)].concat(),
        ];
        let mut lines = Vec::new();
        for round in 0..40 {
            let count = chance.next() % 3000;
            let random = chance.bytes(usize::try_from(count).unwrap());
            let mut line = Raw::call(&kernel.connection, channel).await;
            line.say(&beginnings[round % 4]).await.unwrap();
            // It may be refused before all of it is said.
            line.say(&random).await.ok();
            // Some hang up at once, some stay on the line.
            if chance.next().is_multiple_of(2) {
                lines.push(line);
            }
        }
        // Among random bytes are subscriptions, and each is greeted before everyone.
        let quiet = Duration::from_millis(200);
        while let Ok(message) = tokio::time::timeout(quiet, front.iopub()).await {
            assert_eq!(message.kind(), "iopub_welcome");
        }
        works(&mut front).await;
    }
    front.close(kernel).await;
}

#[tokio::test]
async fn who_listens_without_reading_keeps_nobody_waiting_and_loses_nothing() {
    let (kernel, mut front) = kernel().await;
    let mut deaf = Raw::listen(&kernel.connection).await;
    assert_eq!(front.iopub().await.kind(), "iopub_welcome");
    let code = "large 8000000\n".repeat(5);
    let start = Instant::now();
    let id = front.execute(&code).await;
    front.begun(&id, &code, 1).await;
    for _ in 0..5 {
        let shown = front.expect("display_data", &id).await;
        assert_eq!(shown.content["data"]["text/html"].as_str().unwrap().len(), 8_000_000);
    }
    front.ended(&id, 1).await;
    let took = start.elapsed();
    assert!(took < Duration::from_secs(10), "{took:?}");

    // Now it does read.
    let mut shown = 0;
    loop {
        let message = deaf.message().await;
        let text = String::from_utf8_lossy(&message[6]);
        if text.contains("\"idle\"") {
            break;
        }
        let large = message[6].len() > 8_000_000;
        assert_eq!(large, message[0].ends_with(b".display_data"));
        shown += usize::from(large);
    }
    assert_eq!(shown, 5);
    front.close(kernel).await;
}

#[tokio::test]
async fn a_slow_reader_gets_everything() {
    let (kernel, mut front) = kernel().await;
    let mut slow = Raw::listen(&kernel.connection).await;
    assert_eq!(front.iopub().await.kind(), "iopub_welcome");
    let id = front.execute("large 20000000\ndisplays 500").await;
    front.begun(&id, "large 20000000\ndisplays 500", 1).await;
    for _ in 0..501 {
        front.expect("display_data", &id).await;
    }
    front.ended(&id, 1).await;
    let marks = (0..500).map(|shown| format!("{{\"text/plain\":\"{shown}\"}}"));
    let mut marks = marks.peekable();
    let mut heard = 0;
    while marks.peek().is_some() {
        let message = slow.message().await;
        let text = String::from_utf8_lossy(&message[6]);
        if marks.next_if(|mark| text.contains(mark)).is_some() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        heard += message[6].len();
    }
    assert!(heard > 20_000_000);
    front.close(kernel).await;
}

#[tokio::test]
async fn twenty_megabytes_in_one_cell() {
    let (kernel, mut front) = kernel().await;
    let code = format!("result {}", "x".repeat(20_000_000));
    let id = front.execute(&code).await;
    front.begun(&id, &code, 1).await;
    let result = front.expect("execute_result", &id).await;
    assert_eq!(result.content["data"]["text/plain"].as_str().unwrap().len(), 20_000_000);
    front.ended(&id, 1).await;
    front.close(kernel).await;
}

#[tokio::test]
async fn lines_on_which_nothing_happens_do_not_hold_up_the_end() {
    let (kernel, mut front) = kernel().await;
    let mut lines = Vec::new();
    for channel in CHANNELS {
        for said in [
            vec![],
            greeting()[..10].to_vec(),
            greeting(),
            [greeting(), ready(channel)].concat(),
        ] {
            let mut line = Raw::call(&kernel.connection, channel).await;
            line.say(&said).await.unwrap();
            lines.push(line);
        }
    }
    works(&mut front).await;
    let start = Instant::now();
    front.close(kernel).await;
    // The kernel waits a second for who has not heard everything yet.
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
    for mut line in lines {
        line.hung_up().await;
    }
}
