//! What the client does when the other side misbehaves: silent, gone, or cut off in the middle.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use ironsage_client::{Client, ClientError, Place};

use crate::service::{StopAfter, uri};

pub fn client_of(listener: &TcpListener) -> Client {
    let url = format!("http://{}", listener.local_addr().unwrap());
    Client::new(Place::with_keys("local", Some(&url), "us-east-1", "id", "secret")).unwrap()
}

#[test]
fn a_silent_service_can_be_interrupted_at_once() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = client_of(&listener);
    let watch = StopAfter::new(Duration::from_millis(150));
    let started = Instant::now();
    let error = client.get(&uri("shells", "a"), &watch).unwrap_err();
    let took = started.elapsed();
    assert!(matches!(error, ClientError::Interrupted), "{error}");
    assert!(took < Duration::from_millis(450), "{took:?}");
    assert!(watch.asked.get() >= 3, "asked {} times", watch.asked.get());
}

#[test]
fn every_other_call_can_be_interrupted_too() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = client_of(&listener);
    let watch = || StopAfter::new(Duration::from_millis(100));
    let (from, to) = (uri("shells", "a"), uri("shells", "b"));
    for error in [
        client.delete(std::slice::from_ref(&from), &watch()).unwrap_err(),
        client.copy(&from, &to, &watch()).unwrap_err(),
        client.delete_bucket("shells", &watch()).unwrap_err(),
        client.create_bucket_watched("shells", &watch()).unwrap_err(),
        client.buckets_watched(&watch()).unwrap_err(),
        client.head_watched(&from, &watch()).unwrap_err(),
    ] {
        assert!(matches!(error, ClientError::Interrupted), "{error}");
    }
}

#[test]
fn a_service_that_is_gone_is_said_with_its_address() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let client = client_of(&listener);
    drop(listener);
    let error = client.get(&uri("shells", "a"), &()).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("the local service can't be reached at http://{address}: connection refused")
    );
    assert!(error.hint().unwrap().contains("ironsage local start"));
}

#[test]
fn an_answer_that_is_no_s3_is_no_panic() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = client_of(&listener);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = read_head(&mut stream);
            let _ = stream.write_all(b"HTTP/1.1 404 Not Found\r\ncontent-length: 5\r\n\r\nhello");
        }
    });
    let error = client.list(&uri("shells", "a")).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("s3://shells/a") && !text.contains('{'), "{text}");
}

/// The lines of a request before its body; none when the connection is over.
pub fn read_head(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(1) => head.push(byte[0]),
            _ => return None,
        }
    }
    Some(String::from_utf8(head).unwrap())
}
