//! SageMaker's own request and answer formats, against a real artifact's golden scores.

use ironsage_formats::recordio::{Features, Record, Writer};

use crate::support::{Running, save_adult, save_regressor};

/// Two requests to a real endpoint and its answers, captured in 2023.
const ROWS: [&str; 2] = [
    "28,2,133937,9,13,2,0,0,4,1,15024,0,55,37",
    "43,2,72338,12,14,2,12,0,1,1,0,0,40,37",
];
const ANSWER: &str = r#"{"predictions": [{"score": 0.9899773597717285, "predicted_label": 1}, {"score": 0.5041388273239136, "predicted_label": 1}]}"#;

fn adult() -> (tempfile::TempDir, Running) {
    let folder = tempfile::tempdir().unwrap();
    save_adult(folder.path());
    let running = Running::start(folder.path());
    (folder, running)
}

fn numbers(row: &str) -> Vec<f32> {
    row.split(',').map(|field| field.parse().unwrap()).collect()
}

#[test]
fn the_golden_scores_come_out_of_every_request_format() {
    let (_folder, server) = adult();
    let mut connection = server.connect();
    let csv = ROWS.join("\n");
    let dense = format!(
        r#"{{"instances": [{{"features": [{}]}}, {{"features": [{}]}}]}}"#,
        ROWS[0], ROWS[1]
    );
    let long = format!(
        r#"{{"instances": [{{"data": {{"features": {{"values": [{}]}}}}}}, {{"features": [{}]}}]}}"#,
        ROWS[0], ROWS[1]
    );
    let sparse = |row: &str| {
        let (keys, values): (Vec<_>, Vec<_>) = numbers(row)
            .into_iter()
            .enumerate()
            .filter(|(_, value)| *value != 0.0)
            .unzip();
        format!(r#"{{"data": {{"features": {{"keys": {keys:?}, "shape": [14], "values": {values:?}}}}}}}"#)
    };
    let mixed = format!(
        r#"{{"instances": [{{"features": [{}]}}, {}]}}"#,
        ROWS[0],
        sparse(ROWS[1])
    );
    let lines = format!("{}\n{{\"features\": [{}]}}\n", sparse(ROWS[0]), ROWS[1]);
    for (content_type, body) in [
        ("text/csv", csv.clone()),
        ("text/csv; label_size=0", format!("{csv}\r\n")),
        ("application/json", dense),
        ("application/json", long),
        ("application/json", mixed),
        ("application/jsonlines", lines),
    ] {
        let answer = connection.invoke(content_type, &body);
        assert_eq!(answer.text(), ANSWER, "{content_type}: {body}");
        assert_eq!((answer.status, answer.content_type.as_str()), (200, "application/json"));
    }
}

#[test]
fn records_in_records_out() {
    let (_folder, server) = adult();
    let mut writer = Writer::new(Vec::new());
    for (at, row) in ROWS.iter().enumerate() {
        let record = Record {
            features: Features::Dense(numbers(row)),
            uid: Some(format!("person-{at}")),
            ..Record::default()
        };
        writer.write(&record).unwrap();
    }
    let body = writer.finish().unwrap();
    let mut connection = server.connect();
    let kind = "application/x-recordio-protobuf";
    assert_eq!(connection.invoke(kind, &body).text(), ANSWER);

    let answer = connection.invoke_for(kind, kind, &body);
    assert_eq!((answer.status, answer.content_type.as_str()), (200, kind));
    let has = |needle: &[u8]| answer.body.windows(needle.len()).any(|window| window == needle);
    assert!(has(&0.989_977_36_f32.to_le_bytes()) && has(&0.504_138_8_f32.to_le_bytes()));
    assert!(has(b"person-0") && has(b"person-1") && has(b"predicted_label"));
}

#[test]
fn json_lines_are_answered_when_asked_for() {
    let (_folder, server) = adult();
    let answer = server
        .connect()
        .invoke_for("text/csv", "application/jsonlines", ROWS.join("\n"));
    assert_eq!(
        answer.text(),
        "{\"score\": 0.9899773597717285, \"predicted_label\": 1}\n{\"score\": 0.5041388273239136, \"predicted_label\": 1}\n"
    );
    assert_eq!(answer.content_type, "application/jsonlines");
}

#[test]
fn a_regressor_answers_scores_alone() {
    let folder = tempfile::tempdir().unwrap();
    save_regressor(folder.path(), &[2.0, -1.0], 0.5);
    let server = Running::start(folder.path());
    let answer = server.connect().invoke("text/csv", "1,2\n0,0\n");
    assert_eq!(answer.text(), r#"{"predictions": [{"score": 0.5}, {"score": 0.5}]}"#);
}

#[test]
fn ping_and_parameters() {
    let (_folder, server) = adult();
    let mut connection = server.connect();
    let ping = connection.get("/ping");
    assert_eq!((ping.status, ping.body.len()), (200, 0));
    let parameters = connection.get("/execution-parameters");
    let value: serde_json::Value = serde_json::from_slice(&parameters.body).unwrap();
    assert_eq!(value["BatchStrategy"], "MULTI_RECORD");
    assert!(value["MaxConcurrentTransforms"].as_u64().unwrap() >= 1);
    assert_eq!(connection.get("/nothing").status, 404);
    assert_eq!(connection.get("/invocations").status, 405);
}

/// What a caller can send wrong: status, what the message says, what the hint says.
#[test]
fn what_is_wrong_is_said() {
    let (_folder, server) = adult();
    let mut connection = server.connect();
    let short = "1,2,3";
    let text = format!("{}\n{}", ROWS[0], ROWS[1].replace("72338", "much"));
    let nan = format!("{}\n{}", ROWS[0], ROWS[1].replace("72338", "nan"));
    // More than float32 holds.
    let infinite = format!(
        r#"{{"instances": [{{"features": [{}]}}]}}"#,
        ROWS[1].replace("72338", "1e300")
    );
    let infinite_sparse =
        r#"{"instances": [{"data": {"features": {"keys": [2, 13], "shape": [14], "values": [1, -1e300]}}}]}"#;
    let sparse = r#"{"instances": [{"data": {"features": {"keys": [14], "shape": [14], "values": [1]}}}]}"#;
    for (content_type, accept, body, status, message, hint) in [
        (
            "text/plain",
            "*/*",
            "x",
            415,
            "content type text/plain is not read here",
            "send text/csv",
        ),
        ("csv", "*/*", ROWS[0], 415, "content type csv", "text/csv"),
        (
            "text/csv",
            "text/csv",
            ROWS[0],
            406,
            "no answer can be given as text/csv",
            "application/json",
        ),
        ("text/csv", "*/*", "", 400, "no rows", "at least one row"),
        (
            "text/csv",
            "*/*",
            short,
            400,
            "row 1 has 3 features, the model takes 14",
            "",
        ),
        (
            "text/csv",
            "*/*",
            &text,
            400,
            "row 2, field 3: \"much\" is not a number",
            "rows of numbers",
        ),
        (
            "text/csv",
            "*/*",
            &nan,
            400,
            "row 2, field 3: \"NaN\" is not a number",
            "rows of numbers",
        ),
        (
            "application/json",
            "*/*",
            &infinite,
            400,
            "row 1, field 3: \"inf\" is not a number",
            "rows of numbers",
        ),
        (
            "application/json",
            "*/*",
            infinite_sparse,
            400,
            "row 1, field 14: \"-inf\" is not a number",
            "rows of numbers",
        ),
        (
            "text/csv",
            "*/*",
            "age,job\n1,2",
            400,
            "has no column names: it takes rows of 14 numbers",
            "without a header",
        ),
        ("application/json", "*/*", "{", 400, "no JSON: EOF", "instances"),
        (
            "application/json",
            "*/*",
            "[1]",
            400,
            "no object with a list of \"instances\"",
            "features",
        ),
        (
            "application/json",
            "*/*",
            r#"{"instances": [{"features": [1, null]}]}"#,
            400,
            "instance 0: feature 2 is null",
            "",
        ),
        (
            "application/json",
            "*/*",
            r#"{"instances": [{"age": 3}]}"#,
            400,
            "instance 0: has no \"features\"",
            "features",
        ),
        (
            "application/json",
            "*/*",
            r#"{"instances": [[1, 2]]}"#,
            400,
            "instance 0: is not of a form",
            "features",
        ),
        (
            "application/json",
            "*/*",
            sparse,
            400,
            "instance 0: a key is not below the shape",
            "",
        ),
        ("application/jsonlines", "*/*", "{}\n{", 400, "line 2", ""),
        ("application/x-recordio-protobuf", "*/*", "nonsense", 400, "magic", ""),
    ] {
        let answer = connection.invoke_for(content_type, accept, body);
        let (said, hinted) = answer.refusal();
        assert_eq!(answer.status, status, "{body}: {said}");
        assert!(said.contains(message), "{body}: {said:?} lacks {message:?}");
        assert!(hinted.contains(hint), "{body}: {hinted:?} lacks {hint:?}");
        assert_eq!(answer.content_type, "application/json");
    }
    // And the server is as good as before.
    assert_eq!(connection.invoke("text/csv", ROWS.join("\n")).text(), ANSWER);
}

#[test]
fn a_body_beyond_the_limit_is_refused_before_it_is_held() {
    use std::io::{Read as _, Write as _};
    let (_folder, server) = adult();
    let mut stream = std::net::TcpStream::connect(server.address).unwrap();
    let head = format!(
        "POST /invocations HTTP/1.1\r\nhost: model\r\ncontent-type: text/csv\r\ncontent-length: {}\r\n\r\n",
        ironsage_container::MAX_BODY + 1
    );
    stream.write_all(head.as_bytes()).unwrap();
    // Not a byte of the body is sent: the answer comes all the same.
    let mut start = [0; 12];
    stream.read_exact(&mut start).unwrap();
    assert_eq!(&start, b"HTTP/1.1 413");
}

#[test]
fn many_connections_at_once_get_their_own_answers() {
    let folder = tempfile::tempdir().unwrap();
    save_regressor(folder.path(), &[1.0], 0.0);
    let server = Running::start(folder.path());
    std::thread::scope(|scope| {
        for lane in 0..8 {
            let server = &server;
            scope.spawn(move || {
                let mut connection = server.connect();
                for number in 0..50 {
                    let value = f64::from(lane * 1000 + number);
                    assert_eq!(connection.invoke("text/csv", format!("{value}")).scores(), [value]);
                }
            });
        }
    });
}
