//! What was read is kept, asked about, and fetched again when it changed.

use std::path::Path;
use std::time::{Duration, Instant};

use bytes::Bytes;
use ironsage_client::{Cache, Client, ClientError, Extent};

use crate::service::{Recording, StopAfter, bucket, client, pattern, uri};
use crate::transfers::{Act, Server};

const MIB: usize = 1 << 20;

fn cached(client: &Client, folder: &Path) -> Client {
    Client::with_cache(client.place().clone(), Some(Cache::at(folder, 1 << 30))).unwrap()
}

/// What is kept, once there are so many (keeping goes on behind the caller's back).
fn kept(folder: &Path, count: usize) -> Vec<String> {
    let started = Instant::now();
    loop {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let names: Vec<String> = entries
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect();
        let whole = names.iter().filter(|name| !name.starts_with('.')).count();
        if whole == count && whole == names.len() {
            return names;
        }
        assert!(started.elapsed() < Duration::from_secs(10), "{names:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn the_second_read_asks_and_fetches_nothing() {
    let body = pattern(20 * MIB);
    let server = Server::of(body.clone(), |request| match request.if_none_match.as_deref() {
        Some("\"one\"") => Act::Answer("304 Not Modified"),
        _ => Act::Send("one"),
    });
    let folder = tempfile::tempdir().unwrap();
    let client = cached(&server.client(), folder.path());
    let target = uri("shells", "big");
    assert!(client.get(&target, &()).unwrap() == body);
    kept(folder.path(), 1);
    let first = server.requests().len();
    let watch = Recording::default();
    assert!(client.get(&target, &watch).unwrap() == body);
    watch.assert_complete(body.len() as u64);
    assert_eq!(server.requests().len(), first + 1);
    // Another kernel of the same user.
    assert!(cached(&server.client(), folder.path()).get(&target, &()).unwrap() == body);
    assert_eq!(server.requests().len(), first + 2);
}

#[test]
fn a_stop_is_heard_while_the_service_is_asked() {
    let server = Server::of(pattern(2 * MIB), |request| match request.if_none_match {
        Some(_) => Act::StallAfter(0),
        None => Act::Send("one"),
    });
    let folder = tempfile::tempdir().unwrap();
    let client = cached(&server.client(), folder.path());
    let target = uri("shells", "big");
    client.get(&target, &()).unwrap();
    kept(folder.path(), 1);
    let error = client
        .get(&target, &StopAfter::new(Duration::from_millis(100)))
        .unwrap_err();
    assert!(matches!(error, ClientError::Interrupted), "{error}");
}

#[test]
fn a_permission_that_was_taken_away_is_asked_for_again() {
    let server = Server::of(pattern(2 * MIB), |request| match request.if_none_match {
        Some(_) => Act::Answer("403 Forbidden"),
        None => Act::Send("one"),
    });
    let folder = tempfile::tempdir().unwrap();
    let client = cached(&server.client(), folder.path());
    let target = uri("shells", "big");
    client.get(&target, &()).unwrap();
    kept(folder.path(), 1);
    let error = client.get(&target, &()).unwrap_err();
    assert!(matches!(error, ClientError::AccessDenied { .. }), "{error}");
}

#[test]
fn the_local_service_knows_the_question_too() {
    let folder = tempfile::tempdir().unwrap();
    let plain = client();
    let client = cached(&plain, folder.path());
    let bucket = bucket(&plain);
    let target = uri(&bucket, "very-secret.bin");
    let put = |body: &[u8]| {
        let body = Bytes::copy_from_slice(body);
        plain.put(&target, body, "text/plain", &()).unwrap();
    };
    put(&pattern(3 * MIB));
    client.get(&target, &()).unwrap();
    let before = kept(folder.path(), 1);
    assert!(
        !before[0].contains("secret") && !before[0].contains(&bucket),
        "{before:?}"
    );
    // What is kept is what is read: nobody else writes there.
    let file = folder.path().join(&before[0]);
    std::fs::write(&file, vec![7; 3 * MIB]).unwrap();
    assert!(client.get(&target, &()).unwrap().iter().all(|byte| *byte == 7));
    assert!(
        plain.get(&target, &()).unwrap() == pattern(3 * MIB),
        "no cache without one"
    );

    let changed: Vec<u8> = pattern(4 * MIB);
    put(&changed);
    assert!(client.get(&target, &()).unwrap() == changed);
    let started = Instant::now();
    while kept(folder.path(), 1) == before {
        assert!(started.elapsed() < Duration::from_secs(10));
    }

    // Gone from there is gone, kept or not.
    plain.delete(std::slice::from_ref(&target), &()).unwrap();
    let error = client.get(&target, &()).unwrap_err();
    assert!(matches!(error, ClientError::NoSuchKey { .. }), "{error}");
    // A small one isn't worth it.
    put(b"small");
    client.get(&target, &()).unwrap();
    assert_eq!(kept(folder.path(), 1).len(), 1);
}

#[test]
fn both_ends_of_an_object_can_be_read_alone() {
    let client = client();
    let bucket = bucket(&client);
    let target = uri(&bucket, "ends");
    client
        .put(&target, Bytes::from_static(b"0123456789"), "text/plain", &())
        .unwrap();
    for (extent, expected) in [
        (Extent::First(3), "012"),
        (Extent::First(100), "0123456789"),
        (Extent::Last(3), "789"),
        (Extent::Last(100), "0123456789"),
    ] {
        let (bytes, total) = client.get_extent(&target, extent, &()).unwrap();
        assert_eq!(
            (bytes, total),
            (Bytes::from_static(expected.as_bytes()), 10),
            "{extent:?}"
        );
    }
    let empty = uri(&bucket, "empty");
    client.put(&empty, Bytes::new(), "text/plain", &()).unwrap();
    for extent in [Extent::First(3), Extent::Last(3)] {
        assert_eq!(client.get_extent(&empty, extent, &()).unwrap(), (Bytes::new(), 0));
    }
    let error = client
        .get_extent(&uri(&bucket, "none"), Extent::Last(3), &())
        .unwrap_err();
    assert!(matches!(error, ClientError::NoSuchKey { .. }), "{error}");
}
