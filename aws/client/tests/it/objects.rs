//! Buckets and objects against the local service.

use std::cell::Cell;
use std::io::Write as _;

use bytes::Bytes;
use ironsage_client::{Client, ClientError, CredentialsProblem, Made, Place, Transfer};

use crate::service::{Recording, bucket, client, pattern, place, uri};

const MIB: usize = 1 << 20;

#[test]
fn a_bucket_is_made_once_and_deleted_once() {
    let client = client();
    let name = bucket(&client);
    assert_eq!(client.create_bucket(&name).unwrap(), Made::AlreadyThere);
    assert!(client.buckets().unwrap().contains(&name));

    client
        .put(&uri(&name, "a"), Bytes::from_static(b"x"), "text/plain", &())
        .unwrap();
    let error = client.delete_bucket(&name, &()).unwrap_err();
    assert!(matches!(error, ClientError::BucketNotEmpty { .. }), "{error}");
    assert_eq!(client.delete(&[uri(&name, "a")], &()).unwrap(), 1);
    assert!(client.delete_bucket(&name, &()).unwrap());
    assert!(!client.delete_bucket(&name, &()).unwrap());
    assert!(!client.buckets().unwrap().contains(&name));
}

/// Around every border of one request and of a part.
#[test]
fn what_is_put_is_got() {
    let client = client();
    let bucket = bucket(&client);
    for length in [0, 1, 16 * MIB - 1, 16 * MIB, 16 * MIB + 1, 24 * MIB, 41 * MIB + 7] {
        let target = uri(&bucket, &format!("objects/ä {length}+%2F.bin"));
        let body = Bytes::from(pattern(length));
        let (sent, got) = (Recording::default(), Recording::default());
        client
            .put(&target, body.clone(), "application/octet-stream", &sent)
            .unwrap();
        let back = client.get(&target, &got).unwrap();
        assert!(back == body, "{length} bytes came back as {}", back.len());
        sent.assert_complete(length as u64);
        got.assert_complete(length as u64);

        let object = client.head(&target).unwrap().unwrap();
        assert_eq!(object.size, length as u64);
        assert!(object.modified.is_some());
    }
}

#[test]
fn a_file_goes_and_comes_whole() {
    let client = client();
    let bucket = bucket(&client);
    let folder = tempfile::tempdir().unwrap();
    for length in [3 * MIB, 33 * MIB + 1] {
        let here = folder.path().join(format!("{length}.bin"));
        std::fs::write(&here, pattern(length)).unwrap();
        let target = uri(&bucket, &format!("{length}.bin"));
        assert_eq!(client.put_file(&here, &target, &()).unwrap(), Made::Created);
        assert_eq!(client.put_file(&here, &target, &()).unwrap(), Made::AlreadyThere);

        let back = folder.path().join("back.bin");
        let watch = Recording::default();
        assert_eq!(client.get_file(&target, &back, &watch).unwrap(), length as u64);
        watch.assert_complete(length as u64);
        assert!(std::fs::read(&back).unwrap() == pattern(length));

        // One byte differs, the size does not.
        let mut changed = pattern(length);
        changed[length - 1] ^= 1;
        std::fs::write(&here, changed).unwrap();
        assert_eq!(client.put_file(&here, &target, &()).unwrap(), Made::Created);
    }
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(left.len(), 3, "no temporary file is left: {left:?}");
}

#[test]
fn a_list_has_all_pages_and_folders() {
    let client = client();
    let bucket = bucket(&client);
    let count = 1003;
    std::thread::scope(|scope| {
        for lane in 0..4 {
            let (client, bucket) = (client.clone(), &bucket);
            scope.spawn(move || {
                for number in (lane..count).step_by(4) {
                    let target = uri(bucket, &format!("many/{number:04}"));
                    client
                        .put(&target, Bytes::from_static(b"x"), "text/plain", &())
                        .unwrap();
                }
            });
        }
    });
    client
        .put(&uri(&bucket, "top.csv"), Bytes::from_static(b"xyz"), "text/csv", &())
        .unwrap();

    let listed = client.list(&uri(&bucket, "many/")).unwrap();
    assert_eq!(listed.len(), count);
    assert!(listed.windows(2).all(|pair| pair[0].key < pair[1].key));

    let top = client.list_folder(&uri(&bucket, ""), &()).unwrap();
    assert_eq!(top.folders, ["many/"]);
    assert_eq!(top.objects.len(), 1);
    assert_eq!((top.objects[0].key.as_str(), top.objects[0].size), ("top.csv", 3));

    let all: Vec<_> = listed.iter().map(|object| uri(&bucket, &object.key)).collect();
    let watch = Recording::default();
    assert_eq!(client.delete(&all, &watch).unwrap(), count);
    watch.assert_complete(count as u64);
    assert!(client.list(&uri(&bucket, "many/")).unwrap().is_empty());
}

#[test]
fn a_copy_has_the_same_bytes() {
    let client = client();
    let bucket = bucket(&client);
    let (from, to) = (uri(&bucket, "from/a b+ü"), uri(&bucket, "to"));
    client
        .put(&from, Bytes::from_static(b"shell"), "text/plain", &())
        .unwrap();
    client.copy(&from, &to, &()).unwrap();
    assert_eq!(client.get(&to, &()).unwrap(), "shell");
    let error = client.copy(&uri(&bucket, "nothing"), &to, &()).unwrap_err();
    assert!(matches!(error, ClientError::NoSuchKey { .. }), "{error}");
}

#[test]
fn what_is_missing_is_named_with_what_is_near() {
    let client = client();
    let bucket = bucket(&client);
    let there = uri(&bucket, "raw/abalone.csv");
    client.put(&there, Bytes::from_static(b"1,2"), "text/csv", &()).unwrap();

    let typo = uri(&bucket, "raw/abalon.csv");
    let error = client.get(&typo, &()).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("there is no object {typo} in the local service")
    );
    assert_eq!(error.hint().unwrap(), format!("did you mean {there}?"));

    let elsewhere = client.get(&uri(&bucket, "abalone.csv"), &()).unwrap_err();
    assert_eq!(elsewhere.hint().unwrap(), format!("did you mean {there}?"));

    let wrong = format!("{bucket}x");
    for error in [
        client.get(&uri(&wrong, "a"), &()).unwrap_err(),
        client.list(&uri(&wrong, "")).unwrap_err(),
        client
            .put(&uri(&wrong, "a"), Bytes::new(), "text/plain", &())
            .unwrap_err(),
    ] {
        assert_eq!(
            error.to_string(),
            format!("there is no bucket '{wrong}' in the local service")
        );
        let hint = error.hint().unwrap();
        assert!(
            hint.contains(&bucket) && hint.contains(&format!("`%s3 mb {wrong}`")),
            "{hint}"
        );
        assert!(error.is_not_found());
    }

    assert_eq!(client.head(&typo).unwrap(), None);
    for folder in [uri(&bucket, ""), uri(&bucket, "raw/")] {
        let error = client.get(&folder, &()).unwrap_err();
        assert!(matches!(error, ClientError::NotAnObject { .. }), "{error}");
    }
}

#[test]
fn a_wrong_key_is_refused_and_shows_no_secret() {
    let good = place();
    let endpoint = good.endpoint.as_deref();
    let place = Place::with_keys("local", endpoint, &good.region, "AKIDUNKNOWN", "sesame-open");
    let client = Client::new(place).unwrap();
    let error = client.buckets().unwrap_err();
    match &error {
        ClientError::Credentials { problem, .. } => {
            assert_eq!(*problem, CredentialsProblem::Refused);
        }
        other => panic!("{other}"),
    }
    let shown = format!("{error} {error:?} {client:?}");
    assert!(!shown.contains("sesame-open"), "{shown}");
}

/// Overwrites the object as soon as its size is known, that is between the parts of the read.
struct Meddling<'a> {
    client: &'a Client,
    target: &'a ironsage_contract::S3Uri,
    done: Cell<bool>,
}

impl Transfer for Meddling<'_> {
    fn moved(&self, _done: u64, total: u64) {
        if !self.done.replace(true) {
            let body = Bytes::from(vec![b'z'; total as usize]);
            // A thread of its own: a call inside a call has no place on this one.
            std::thread::scope(|scope| {
                let (client, target) = (self.client.clone(), self.target);
                let put = scope.spawn(move || client.put(target, body, "text/plain", &()));
                put.join().unwrap().unwrap();
            });
        }
    }
}

#[test]
fn an_object_that_changes_meanwhile_is_an_error() {
    let client = client();
    let target = uri(&bucket(&client), "big");
    client
        .put(&target, Bytes::from(pattern(40 * MIB)), "text/plain", &())
        .unwrap();
    let watch = Meddling {
        client: &client,
        target: &target,
        done: Cell::new(false),
    };
    let error = client.get(&target, &watch).unwrap_err();
    assert!(matches!(error, ClientError::Changed { .. }), "{error}");
    assert!(watch.done.get());
}

/// Says stop once the transfer is under way.
#[derive(Default)]
struct StopOnceMoving(Cell<bool>);

impl Transfer for StopOnceMoving {
    fn moved(&self, _done: u64, _total: u64) {
        self.0.set(true);
    }

    fn stop(&self) -> bool {
        self.0.get()
    }
}

#[test]
fn an_interrupted_upload_leaves_nothing() {
    let client = client();
    let bucket = bucket(&client);
    let target = uri(&bucket, "big");
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(&pattern(8 * MIB)).unwrap();
    file.as_file().set_len(1 << 30).unwrap();
    let error = client
        .put_file(file.path(), &target, &StopOnceMoving::default())
        .unwrap_err();
    assert!(matches!(error, ClientError::Interrupted), "{error}");
    assert_eq!(client.head(&target).unwrap(), None);
    // A bucket with a half-sent upload in it could not be deleted.
    assert!(client.delete_bucket(&bucket, &()).unwrap());
}

#[test]
fn a_file_that_is_not_there_says_where_to_look() {
    let client = client();
    let missing = std::path::Path::new("no-such-folder/abalone.csv");
    let error = client.put_file(missing, &uri("any-bucket", "a"), &()).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("reading no-such-folder/abalone.csv failed"),
        "{error}"
    );
    assert_eq!(error.hint().unwrap(), "`!ls no-such-folder` shows what is there");
}
