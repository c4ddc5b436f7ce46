//! Every request has its answer.

use serde_json::json;

use crate::kernel;

#[tokio::test]
async fn kernel_info_on_both_channels() {
    let (kernel, mut front) = kernel().await;
    let info = front.round("kernel_info_request", json!({})).await;
    assert_eq!(info["status"], "ok");
    assert_eq!(info["protocol_version"], "5.5");
    assert_eq!(info["implementation"], "toy");
    assert_eq!(info["implementation_version"], "1.2.3");
    assert_eq!(info["banner"], "a toy");
    assert_eq!(info["help_links"][0]["url"], "https://example.org");
    assert_eq!(info["supported_features"], json!([]));
    assert_eq!(
        info["language_info"],
        json!({
            "name": "rust", "version": "1.95", "mimetype": "text/rust", "file_extension": ".rs",
            "pygments_lexer": "rust", "codemirror_mode": "rust", "nbconvert_exporter": "script",
        })
    );
    let id = front.ask_control("kernel_info_request", json!({})).await;
    front.status("busy", &id).await;
    let reply = front.reply_control().await;
    assert_eq!((reply.kind(), reply.parent_id()), ("kernel_info_reply", id.as_str()));
    assert_eq!(reply.content, info);
    front.status("idle", &id).await;
    front.close(kernel).await;
}

#[tokio::test]
async fn completion_speaks_code_points() {
    let (kernel, mut front) = kernel().await;
    // Before the cursor: four code points of emoji and accent, 12 bytes, then "pri".
    let code = "😀e\u{301} pri 😀";
    let reply = front
        .round("complete_request", json!({"code": code, "cursor_pos": 7}))
        .await;
    assert_eq!(reply["status"], "ok");
    assert_eq!(reply["matches"], json!(["pri!", "byte11"]));
    assert_eq!((&reply["cursor_start"], &reply["cursor_end"]), (&json!(4), &json!(7)));
    assert_eq!(
        reply["metadata"]["_jupyter_types_experimental"],
        json!([
            {"text": "pri!", "type": "keyword", "signature": "(now)", "start": 4, "end": 7},
            {"text": "byte11", "type": "<unknown>", "signature": "", "start": 4, "end": 7},
        ])
    );
    let beyond = front
        .round("complete_request", json!({"code": "ab", "cursor_pos": 99}))
        .await;
    assert_eq!(beyond["cursor_end"], 2);
    let broken = front
        .round("complete_request", json!({"code": "panic", "cursor_pos": 0}))
        .await;
    assert_eq!(
        (&broken["status"], &broken["ename"]),
        (&json!("error"), &json!("InternalError"))
    );
    front.close(kernel).await;
}

#[tokio::test]
async fn inspection_and_completeness() {
    let (kernel, mut front) = kernel().await;
    let asked = json!({"code": "ñandú", "cursor_pos": 2, "detail_level": 1});
    let reply = front.round("inspect_request", asked).await;
    assert_eq!(
        reply,
        json!({"status": "ok", "found": true, "data": {"text/plain": "ña 1"}, "metadata": {}})
    );
    let reply = front
        .round("inspect_request", json!({"code": "", "cursor_pos": 0}))
        .await;
    assert_eq!(
        reply,
        json!({"status": "ok", "found": false, "data": {}, "metadata": {}})
    );
    for (code, answer) in [
        ("1", json!({"status": "complete"})),
        ("{", json!({"status": "incomplete", "indent": "    "})),
        ("}", json!({"status": "invalid"})),
        ("?", json!({"status": "unknown"})),
    ] {
        assert_eq!(front.round("is_complete_request", json!({"code": code})).await, answer);
    }
    front.close(kernel).await;
}

#[tokio::test]
async fn history_of_this_session() {
    let (kernel, mut front) = kernel().await;
    for (count, code) in ["result 7", "clear", "result 8"].iter().enumerate() {
        let count = count as u64 + 1;
        let id = front.execute(code).await;
        front.begun(&id, code, count).await;
        front.iopub().await;
        front.ended(&id, count).await;
    }
    let tail = json!({"hist_access_type": "tail", "n": 2, "output": true, "raw": true});
    assert_eq!(
        front.round("history_request", tail).await,
        json!({"status": "ok", "history": [[1, 2, ["clear", null]], [1, 3, ["result 8", "8"]]]})
    );
    let range = json!({"hist_access_type": "range", "session": 0, "start": 1, "stop": 2, "output": false, "raw": true});
    assert_eq!(
        front.round("history_request", range).await["history"],
        json!([[1, 1, "result 7"]])
    );
    let search =
        json!({"hist_access_type": "search", "pattern": "res*", "n": 1, "output": false, "raw": true, "unique": true});
    assert_eq!(
        front.round("history_request", search).await["history"],
        json!([[1, 3, "result 8"]])
    );
    let odd = front.round("history_request", json!({"hist_access_type": "odd"})).await;
    assert_eq!(odd["ename"], "MalformedRequest");
    front.close(kernel).await;
}

#[tokio::test]
async fn comms_are_closed_and_listed_as_none() {
    let (kernel, mut front) = kernel().await;
    let none = front.round("comm_info_request", json!({})).await;
    assert_eq!(none, json!({"status": "ok", "comms": {}}));
    let id = front
        .ask(
            "comm_open",
            json!({"comm_id": "c1", "target_name": "jupyter.widget", "data": {}}),
        )
        .await;
    front.status("busy", &id).await;
    let closed = front.expect("comm_close", &id).await;
    assert_eq!(closed.content, json!({"comm_id": "c1", "data": {}}));
    front.status("idle", &id).await;
    let id = front.ask("comm_msg", json!({"comm_id": "c1", "data": {}})).await;
    front.status("busy", &id).await;
    front.status("idle", &id).await;
    front.close(kernel).await;
}

#[tokio::test]
async fn what_is_not_supported_is_said() {
    let (kernel, mut front) = kernel().await;
    let unknown = front.round("create_subshell_request", json!({})).await;
    assert_eq!(unknown["status"], "error");
    for field in ["ename", "evalue"] {
        assert!(unknown[field].is_string());
    }
    assert!(unknown["traceback"][0].is_string());
    let debug = front
        .round("debug_request", json!({"seq": 3, "command": "attach"}))
        .await;
    assert_eq!((&debug["status"], &debug["success"]), (&json!("error"), &json!(false)));
    assert_eq!(
        (&debug["request_seq"], &debug["command"]),
        (&json!(3), &json!("attach"))
    );
    let malformed = front.round("execute_request", json!({"cod": 1})).await;
    assert_eq!(malformed["ename"], "MalformedRequest");
    let ports = front.round("connect_request", json!({})).await;
    assert_eq!(ports["iopub_port"], kernel.connection.iopub_port);
    // Neither a request nor known: nothing to reply with, and the kernel goes on.
    let id = front.ask("whatever", json!({})).await;
    front.status("busy", &id).await;
    front.status("idle", &id).await;
    let id = front.ask_control("execute_request", json!({"code": "print a"})).await;
    front.status("busy", &id).await;
    assert_eq!(front.reply_control().await.content["status"], "error");
    front.status("idle", &id).await;
    front.close(kernel).await;
}
