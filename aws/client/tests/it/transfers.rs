//! Reading by parts from a service that throttles, breaks off, stalls, or has another object half way.

use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ironsage_client::{Client, ClientError};

use crate::broken::{client_of, read_head};
use crate::service::{Recording, StopAfter, pattern, uri};

const MIB: usize = 1 << 20;

/// A request for a range, as the server got it.
#[derive(Clone, Debug)]
pub struct Request {
    pub from: usize,
    pub to: usize,
    pub if_match: Option<String>,
    pub if_none_match: Option<String>,
    /// How many requests up to the same end there were before.
    before: usize,
}

/// What the server does with a request.
pub enum Act {
    /// All that was asked for, of an object with this ETag.
    Send(&'static str),
    /// So many bytes, and then the connection is closed.
    CutAfter(usize),
    /// So many bytes, and then nothing more.
    StallAfter(usize),
    /// No object, but this status.
    Answer(&'static str),
}

/// A server of one object by ranges.
pub struct Server {
    listener: TcpListener,
    pub requests: Arc<Mutex<Vec<Request>>>,
    /// The most requests that were answered at one time.
    at_once: Arc<AtomicUsize>,
}

impl Server {
    pub fn of(body: Vec<u8>, act: impl Fn(&Request) -> Act + Send + Sync + 'static) -> Server {
        let server = Server {
            listener: TcpListener::bind("127.0.0.1:0").unwrap(),
            requests: Arc::default(),
            at_once: Arc::default(),
        };
        let (body, act, now) = (Arc::new(body), Arc::new(act), Arc::new(AtomicUsize::new(0)));
        let (requests, at_once) = (Arc::clone(&server.requests), Arc::clone(&server.at_once));
        let listener = server.listener.try_clone().unwrap();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let (body, act, now) = (Arc::clone(&body), Arc::clone(&act), Arc::clone(&now));
                let (requests, at_once) = (Arc::clone(&requests), Arc::clone(&at_once));
                std::thread::spawn(move || {
                    while let Some(head) = read_head(&mut stream) {
                        let request = note(&head, body.len(), &requests);
                        at_once.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                        let goes_on = answer(&mut stream, &request, &body, act(&request));
                        now.fetch_sub(1, Ordering::SeqCst);
                        if !goes_on {
                            return;
                        }
                    }
                });
            }
        });
        server
    }

    pub fn client(&self) -> Client {
        client_of(&self.listener)
    }

    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }
}

fn note(head: &str, size: usize, requests: &Mutex<Vec<Request>>) -> Request {
    let header = |name: &str| {
        let mut lines = head.lines().filter_map(|line| line.split_once(": "));
        lines
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.to_owned())
    };
    let range = header("range").unwrap();
    let (from, to) = range.strip_prefix("bytes=").unwrap().split_once('-').unwrap();
    let to = to.parse::<usize>().unwrap().min(size - 1);
    let mut requests = requests.lock().unwrap();
    let request = Request {
        from: from.parse().unwrap(),
        to,
        if_match: header("if-match"),
        if_none_match: header("if-none-match"),
        before: requests.iter().filter(|other| other.to == to).count(),
    };
    requests.push(request.clone());
    request
}

/// Whether the connection goes on after this.
fn answer(stream: &mut TcpStream, request: &Request, body: &[u8], act: Act) -> bool {
    let Request { from, to, .. } = *request;
    let (etag, bytes) = match act {
        Act::Answer(status) => {
            let head = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n");
            return stream.write_all(head.as_bytes()).is_ok();
        }
        Act::Send(etag) => (etag, to - from + 1),
        Act::CutAfter(bytes) | Act::StallAfter(bytes) => ("one", bytes.min(to - from + 1)),
    };
    let head = format!(
        "HTTP/1.1 206 Partial Content\r\netag: \"{etag}\"\r\ncontent-length: {}\r\ncontent-range: bytes {from}-{to}/{}\r\n\r\n",
        to - from + 1,
        body.len()
    );
    // Who is interrupted hangs up.
    let sent = stream
        .write_all(head.as_bytes())
        .and_then(|()| stream.write_all(&body[from..from + bytes]));
    if matches!(act, Act::StallAfter(_)) {
        std::thread::sleep(Duration::from_secs(5));
    }
    sent.is_ok() && from + bytes > to
}

#[test]
fn a_body_that_breaks_off_goes_on_where_it_stopped() {
    let body = pattern(20 * MIB);
    let server = Server::of(body.clone(), |request| match request.from {
        0 => Act::CutAfter(5_000_000),
        _ => Act::Send("one"),
    });
    let back = server.client().get(&uri("shells", "big"), &()).unwrap();
    assert!(back == body);
    let requests = server.requests();
    let last = 16 * MIB - 1;
    assert_eq!((requests[0].from, requests[0].to), (0, last));
    let resumed: Vec<_> = requests[1..].iter().filter(|request| request.to == last).collect();
    assert_eq!(resumed.len(), 1, "{requests:?}");
    assert!(resumed[0].from > 0 && resumed[0].from <= 5_000_000, "{requests:?}");
}

#[test]
fn every_part_survives_throttling_errors_and_a_cut() {
    let body = pattern(100 * MIB + 3);
    let server = Server::of(body.clone(), |request| match (request.from, request.before) {
        (0, _) => Act::Send("one"),
        (_, 0) => Act::Answer("503 Slow Down"),
        (_, 1) => Act::Answer("500 Internal Server Error"),
        (_, 2) => Act::CutAfter(MIB),
        _ => Act::Send("one"),
    });
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("big");
    let watch = Recording::default();
    let size = server.client().get_file(&uri("shells", "big"), &path, &watch).unwrap();
    assert_eq!(size, body.len() as u64);
    watch.assert_complete(size);
    assert!(std::fs::read(&path).unwrap() == body);

    let requests = server.requests();
    assert_eq!(requests[0].if_match, None);
    let others = &requests[1..];
    assert!(
        others
            .iter()
            .all(|request| request.if_match.as_deref() == Some("\"one\""))
    );
    assert!(others.iter().all(|request| request.to - request.from < 8 * MIB));
    // Eleven parts beyond the first request, each asked for four times.
    assert_eq!(others.len(), 44);
    let at_once = server.at_once.load(Ordering::SeqCst);
    assert!((2..=8).contains(&at_once), "{at_once} parts at once");
}

#[test]
fn parts_come_into_memory_in_their_order() {
    let body = pattern(70 * MIB + 1);
    let server = Server::of(body.clone(), |request| match request.before {
        0 if request.from % (16 * MIB) == 0 && request.from > 0 => Act::Answer("429 Too Many Requests"),
        _ => Act::Send("one"),
    });
    assert!(server.client().get(&uri("shells", "big"), &()).unwrap() == body);
}

/// Far more cuts than attempts: what counts is how often nothing came.
#[test]
fn a_connection_that_is_bad_and_not_dead_gets_there() {
    let body = pattern(900_000);
    let server = Server::of(body.clone(), |_| Act::CutAfter(90_000));
    assert!(server.client().get(&uri("shells", "small"), &()).unwrap() == body);
    assert!(server.requests().len() >= 10);
}

#[test]
fn trouble_without_end_is_an_error_that_says_how_often_it_was_tried() {
    let server = Server::of(pattern(20 * MIB), |request| match request.from {
        0 => Act::Send("one"),
        _ => Act::Answer("503 Slow Down"),
    });
    let error = server.client().get(&uri("shells", "big"), &()).unwrap_err();
    assert!(matches!(error, ClientError::Broken { attempts: 6, .. }), "{error}");
    let told = error.to_string();
    assert!(
        told.contains("s3://shells/big broke off after 6 attempts") && told.contains("503"),
        "{told}"
    );
    assert_eq!(server.requests().len(), 7);
}

#[test]
fn another_object_half_way_is_never_mixed_in() {
    let acts: [fn(&Request) -> Act; 3] = [
        |_| Act::Answer("412 Precondition Failed"),
        // Doesn't know If-Match.
        |_| Act::Send("two"),
        |_| Act::Answer("404 Not Found"),
    ];
    for act in acts {
        let server = Server::of(pattern(20 * MIB), move |request| match request.from {
            0 => Act::Send("one"),
            _ => act(request),
        });
        let folder = tempfile::tempdir().unwrap();
        let target = uri("shells", "big");
        let memory = server.client().get(&target, &()).unwrap_err();
        let file = server
            .client()
            .get_file(&target, &folder.path().join("big"), &())
            .unwrap_err();
        for error in [memory, file] {
            assert!(matches!(error, ClientError::Changed { .. }), "{error}");
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}

type Read<'a> = &'a dyn Fn(&StopAfter) -> Result<(), ClientError>;

#[test]
fn a_stop_is_heard_in_a_stalled_body_and_between_attempts() {
    let acts: [fn(&Request) -> Act; 2] = [|_| Act::StallAfter(MIB), |_| Act::Answer("503 Slow Down")];
    for act in acts {
        let server = Server::of(pattern(40 * MIB), move |request| match request.from {
            0 => Act::Send("one"),
            _ => act(request),
        });
        let folder = tempfile::tempdir().unwrap();
        let (client, target) = (server.client(), uri("shells", "big"));
        let into_file = folder.path().join("big");
        let reads: [Read; 2] = [&|watch| client.get(&target, watch).map(drop), &|watch| {
            client.get_file(&target, &into_file, watch).map(drop)
        }];
        for read in reads {
            let patience = Duration::from_millis(400);
            let started = Instant::now();
            let error = read(&StopAfter::new(patience)).unwrap_err();
            let took = started.elapsed();
            assert!(matches!(error, ClientError::Interrupted), "{error}");
            assert!(took < patience + Duration::from_millis(300), "{took:?}");
        }
        assert_eq!(
            std::fs::read_dir(folder.path()).unwrap().count(),
            0,
            "nothing half is left"
        );
    }
}
