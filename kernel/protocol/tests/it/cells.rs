//! Cells: what they show, in which order, how they fail, what stops them.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::kernel;

#[tokio::test]
async fn a_cell_from_busy_to_idle() {
    let (kernel, mut front) = kernel().await;
    let code = "print a\neprint b\nprint c\nlive 0 %\nprint d\nupdate 100 %\nclear\nresult 42";
    let id = front.execute(code).await;
    front.begun(&id, code, 1).await;
    front.stream("stdout", "a\n", &id).await;
    front.stream("stderr", "b\n", &id).await;
    front.stream("stdout", "c\n", &id).await;
    let shown = front.expect("display_data", &id).await.content;
    assert_eq!(
        shown,
        json!({"data": {"text/plain": "0 %"}, "metadata": {}, "transient": {"display_id": "live"}})
    );
    front.stream("stdout", "d\n", &id).await;
    let updated = front.expect("update_display_data", &id).await.content;
    assert_eq!(updated["transient"], json!({"display_id": "live"}));
    assert_eq!(updated["data"]["text/plain"], "100 %");
    assert_eq!(front.expect("clear_output", &id).await.content, json!({"wait": true}));
    let result = front.expect("execute_result", &id).await.content;
    assert_eq!(
        result,
        json!({"execution_count": 1, "data": {"text/plain": "42"}, "metadata": {}, "transient": {}})
    );
    let reply = front.ended(&id, 1).await;
    assert_eq!(reply.content["payload"], json!([]));
    assert_eq!(reply.content["user_expressions"], json!({}));
    assert!(reply.metadata["started"].is_string());
    front.close(kernel).await;
}

#[tokio::test]
async fn only_stored_cells_count_and_silence_shows_no_result() {
    let (kernel, mut front) = kernel().await;
    let request = json!({"code": "result 1\nprint x", "silent": true, "store_history": true});
    let id = front.ask("execute_request", request).await;
    front.status("busy", &id).await;
    front.stream("stdout", "x\n", &id).await;
    front.ended(&id, 1).await;
    let request = json!({"code": "print x", "store_history": false});
    let id = front.ask("execute_request", request).await;
    front.begun(&id, "print x", 1).await;
    front.stream("stdout", "x\n", &id).await;
    front.ended(&id, 1).await;
    for count in 1..=2 {
        let id = front.execute("tags").await;
        front.begun(&id, "tags", count).await;
        front.stream("stdout", r#"["a"] Some("c")"#, &id).await;
        front.ended(&id, count).await;
    }
    front.close(kernel).await;
}

#[tokio::test]
async fn expressions_and_pages_come_with_the_reply() {
    let (kernel, mut front) = kernel().await;
    let request = json!({"code": "page help", "user_expressions": {"x": "abc", "y": "bad"}});
    let id = front.ask("execute_request", request).await;
    front.begun(&id, "page help", 1).await;
    let reply = front.ended(&id, 1).await.content;
    assert_eq!(
        reply["payload"],
        json!([{"source": "page", "data": {"text/plain": "help"}, "start": 0}])
    );
    let values = &reply["user_expressions"];
    assert_eq!(
        values["x"],
        json!({"status": "ok", "data": {"text/plain": "ABC"}, "metadata": {}})
    );
    assert_eq!(
        (&values["y"]["status"], &values["y"]["ename"]),
        (&json!("error"), &json!("ToyError"))
    );
    let request = json!({"code": "page help", "allow_stdin": false});
    let id = front.ask("execute_request", request).await;
    front.begun(&id, "page help", 2).await;
    assert_eq!(
        front.expect("display_data", &id).await.content["data"]["text/plain"],
        "help"
    );
    assert_eq!(front.ended(&id, 2).await.content["payload"], json!([]));
    front.close(kernel).await;
}

#[tokio::test]
async fn a_failure_is_an_output_and_a_full_reply() {
    let (kernel, mut front) = kernel().await;
    for (count, code, name, value) in [
        (1, "print before\nfail oh no", "ToyError", "oh no"),
        (2, "print before\npanic at sea", "InternalError", "at sea"),
    ] {
        let id = front.execute(code).await;
        front.begun(&id, code, count).await;
        front.stream("stdout", "before\n", &id).await;
        let error = front.expect("error", &id).await.content;
        assert_eq!((&error["ename"], &error["evalue"]), (&json!(name), &json!(value)));
        assert_eq!(error["traceback"][0], format!("{name}: {value}"));
        let reply = front.answered("execute_reply", &id).await.content;
        assert_eq!(reply["status"], "error");
        assert_eq!(reply["execution_count"], count);
        for field in ["ename", "evalue", "traceback"] {
            assert_eq!(reply[field], error[field]);
        }
        front.status("idle", &id).await;
    }
    let id = front.execute("print alive").await;
    front.begun(&id, "print alive", 3).await;
    front.stream("stdout", "alive\n", &id).await;
    front.ended(&id, 3).await;
    front.close(kernel).await;
}

#[tokio::test]
async fn an_error_aborts_what_waits_and_nothing_later() {
    let (kernel, mut front) = kernel().await;
    let first = front.execute("fail first").await;
    let mut waiting = Vec::new();
    for _ in 0..20 {
        waiting.push(front.execute("print never").await);
    }
    front.begun(&first, "fail first", 1).await;
    front.expect("error", &first).await;
    assert_eq!(front.answered("execute_reply", &first).await.content["status"], "error");
    front.status("idle", &first).await;
    for id in &waiting {
        front.status("busy", id).await;
        let reply = front.answered("execute_reply", id).await;
        assert_eq!(reply.content, json!({"status": "aborted"}));
        front.status("idle", id).await;
    }
    let id = front.execute("print again").await;
    front.begun(&id, "print again", 2).await;
    front.stream("stdout", "again\n", &id).await;
    front.ended(&id, 2).await;
    front.close(kernel).await;
}

#[tokio::test]
async fn a_cell_that_may_fail_aborts_nothing() {
    let (kernel, mut front) = kernel().await;
    let request = json!({"code": "sleep 30\nfail expected", "stop_on_error": false});
    let first = front.ask("execute_request", request).await;
    let second = front.execute("print runs").await;
    front.begun(&first, "sleep 30\nfail expected", 1).await;
    front.expect("error", &first).await;
    assert_eq!(front.answered("execute_reply", &first).await.content["status"], "error");
    front.status("idle", &first).await;
    front.begun(&second, "print runs", 2).await;
    front.stream("stdout", "runs\n", &second).await;
    front.ended(&second, 2).await;
    front.close(kernel).await;
}

#[tokio::test]
async fn an_interrupt_stops_the_cell_and_those_behind_it() {
    let (kernel, mut front) = kernel().await;
    let running = front.execute("print begun\nsleep 20000").await;
    let waiting = front.execute("print never").await;
    front.begun(&running, "print begun\nsleep 20000", 1).await;
    front.stream("stdout", "begun\n", &running).await;
    let start = Instant::now();
    let interrupt = front.ask_control("interrupt_request", json!({})).await;
    let reply = front.reply_control().await;
    assert_eq!(
        (reply.kind(), reply.parent_id()),
        ("interrupt_reply", interrupt.as_str())
    );
    assert_eq!(reply.content, json!({"status": "ok"}));
    // The interrupt is answered on another thread than the cell ends on: each keeps its own order.
    let mut about: Vec<(String, String)> = Vec::new();
    while about.len() < 6 {
        let message = front.iopub().await;
        let kind = match message.content.get("execution_state").and_then(Value::as_str) {
            Some(state) => state.to_owned(),
            None => message.kind().to_owned(),
        };
        // `busy` of the running cell, said again after the interrupt's `idle` if it still ran.
        let again = kind == "busy" && message.parent_id() == running;
        if !again {
            about.push((message.parent_id().to_owned(), kind));
        }
    }
    let of = |id: &str| -> Vec<&str> {
        about
            .iter()
            .filter(|(about, _)| about == id)
            .map(|(_, kind)| kind.as_str())
            .collect()
    };
    assert_eq!(of(&interrupt), ["busy", "idle"]);
    assert_eq!(of(&running), ["error", "idle"]);
    assert_eq!(of(&waiting), ["busy", "idle"]);
    let failed = front.answered("execute_reply", &running).await.content;
    assert_eq!(failed["ename"], "KeyboardInterrupt");
    let aborted = front.answered("execute_reply", &waiting).await.content;
    assert_eq!(aborted, json!({"status": "aborted"}));
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    let id = front.execute("print again").await;
    front.begun(&id, "print again", 2).await;
    front.stream("stdout", "again\n", &id).await;
    front.ended(&id, 2).await;
    front.close(kernel).await;
}

#[tokio::test]
async fn an_interrupt_with_nothing_to_stop_stops_nothing() {
    let (kernel, mut front) = kernel().await;
    let interrupt = front.ask_control("interrupt_request", json!({})).await;
    front.status("busy", &interrupt).await;
    front.status("idle", &interrupt).await;
    assert_eq!(front.reply_control().await.content, json!({"status": "ok"}));
    let id = front.execute("sleep 1\nprint runs").await;
    front.begun(&id, "sleep 1\nprint runs", 1).await;
    front.stream("stdout", "runs\n", &id).await;
    front.ended(&id, 1).await;
    front.close(kernel).await;
}

#[tokio::test]
async fn questions_are_answered_while_a_cell_runs() {
    let (kernel, mut front) = kernel().await;
    // Far longer than the bound below: no answer can have waited for it.
    let cell = front.execute("sleep 60000").await;
    front.begun(&cell, "sleep 60000", 1).await;
    for (kind, content) in [
        ("kernel_info_request", json!({})),
        ("is_complete_request", json!({"code": "1"})),
        ("complete_request", json!({"code": "pr", "cursor_pos": 2})),
        ("inspect_request", json!({"code": "pr", "cursor_pos": 2})),
        ("history_request", json!({"hist_access_type": "tail", "n": 1})),
        ("comm_info_request", json!({})),
    ] {
        let start = Instant::now();
        let asked = front.round(kind, content).await;
        assert!(
            start.elapsed() < Duration::from_secs(2),
            "{kind}: {:?}",
            start.elapsed()
        );
        assert_ne!(asked["status"], "error", "{kind}");
        // The kernel is not idle: the last status that front ends see says so.
        front.status("busy", &cell).await;
    }
    front.stop(&cell).await;
    front.close(kernel).await;
}
