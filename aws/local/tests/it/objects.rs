//! Buckets and objects.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use http_body_util::BodyExt;
use s3s::crypto::{Checksum, Crc32, Md5};

use crate::client::{Service, bytes, encoded, run};

#[test]
fn what_is_put_comes_back_with_all_that_was_said_about_it() {
    let service = Service::start();
    let client = service.client();
    run(async {
        client.put("/shells", b"").await;
        for (key, size) in [
            ("small", 10),
            ("edge", 16 * 1024),
            ("over", 16 * 1024 + 1),
            ("large", 3_000_000),
            ("empty", 0),
        ] {
            let body = bytes(size, 7);
            let headers = [
                ("content-type", "text/csv"),
                ("x-amz-meta-origin", "abalone"),
                ("cache-control", "no-store"),
                ("content-encoding", "aws-chunked,identity"),
            ];
            let put = client
                .s3("PUT", &format!("/shells/{key}"), &headers, &body)
                .await
                .is(200);
            let etag = format!("\"{}\"", hex::encode(Md5::checksum(&body)));
            assert_eq!(put.header("etag"), etag, "{key}");
            let got = client.get(&format!("/shells/{key}")).await.is(200);
            assert!(got.body == body, "{key} differs");
            for answer in [
                got,
                client.s3("HEAD", &format!("/shells/{key}"), &[], b"").await.is(200),
            ] {
                assert_eq!(answer.header("etag"), etag);
                assert_eq!(answer.header("content-type"), "text/csv");
                assert_eq!(answer.header("content-encoding"), "identity");
                assert_eq!(answer.header("cache-control"), "no-store");
                assert_eq!(answer.header("x-amz-meta-origin"), "abalone");
                assert_eq!(answer.header("content-length"), size.to_string());
                assert!(!answer.header("x-amz-request-id").is_empty());
            }
        }
        assert_eq!(service.content_files(), 2, "small bodies live in the index");
        client.s3("DELETE", "/shells/large", &[], b"").await.is(204);
        client.s3("DELETE", "/shells/large", &[], b"").await.is(204);
        assert_eq!(client.get("/shells/large").await.is(404).one("Code"), "NoSuchKey");
        client.s3("HEAD", "/shells/large", &[], b"").await.is(404);
        assert_eq!(service.content_files(), 1);
    });
}

#[test]
fn buckets_are_made_once_and_removed_only_when_empty() {
    let service = Service::start();
    let client = service.client();
    run(async {
        client.put("/shells", b"").await;
        assert_eq!(
            client.s3("PUT", "/shells", &[], b"").await.is(409).one("Code"),
            "BucketAlreadyOwnedByYou"
        );
        client.s3("HEAD", "/shells", &[], b"").await.is(200);
        client.s3("HEAD", "/other", &[], b"").await.is(404);
        assert_eq!(client.get("/other/key").await.is(404).one("Code"), "NoSuchBucket");
        assert_eq!(
            client.s3("PUT", "/other/key", &[], b"x").await.is(404).one("Code"),
            "NoSuchBucket"
        );
        assert_eq!(
            client.s3("PUT", "/No_Bucket", &[], b"").await.is(400).one("Code"),
            "InvalidBucketName"
        );
        client.get("/shells?location").await.is(200);
        client.put("/alpha", b"").await;
        assert_eq!(client.get("/").await.is(200).all("Name"), ["alpha", "shells"]);
        client.put("/shells/key", b"x").await;
        assert_eq!(
            client.s3("DELETE", "/shells", &[], b"").await.is(409).one("Code"),
            "BucketNotEmpty"
        );
        client.s3("DELETE", "/shells/key", &[], b"").await.is(204);
        client.s3("DELETE", "/shells", &[], b"").await.is(204);
        client.s3("DELETE", "/shells", &[], b"").await.is(404);
        assert_eq!(client.get("/alpha?policy").await.is(501).one("Code"), "NotImplemented");
        assert_eq!(
            client
                .s3("PUT", "/alpha/key", &[("x-amz-tagging", "a=b")], b"x")
                .await
                .is(501)
                .one("Code"),
            "NotImplemented"
        );
    });
}

#[test]
fn keys_are_never_paths() {
    let service = Service::start();
    let client = service.client();
    run(async {
        client.put("/shells", b"").await;
        let long = "k".repeat(1024);
        let keys = [
            "a",
            "a/b",
            "a/b/",
            "a/",
            "..",
            "../a",
            "./a",
            "/a",
            "//",
            "a b+c",
            "ü/ж/貝",
            "a%2Fb",
            "a\\b",
            "~",
            "a?b#c&d=e",
            "\u{1F41A}",
            "a\u{7f}b",
            "con.txt",
            &long,
        ];
        for (index, key) in keys.iter().enumerate() {
            client
                .put(
                    &format!("/shells/{}", encoded(key)),
                    format!("content {index}").as_bytes(),
                )
                .await;
        }
        for (index, key) in keys.iter().enumerate() {
            let got = client.get(&format!("/shells/{}", encoded(key))).await.is(200);
            assert_eq!(got.text(), format!("content {index}"), "{key}");
        }
        let listed = client
            .get("/shells?list-type=2&encoding-type=url")
            .await
            .is(200)
            .all("Key");
        let mut expected: Vec<&str> = keys.to_vec();
        expected.sort_by_key(|key| key.as_bytes().to_vec());
        let listed: Vec<String> = listed
            .iter()
            .map(|key| String::from_utf8(ironsage_local::signature::decode(key)).unwrap())
            .collect();
        assert_eq!(listed, expected);
        let longer = format!("/shells/{long}k");
        assert_eq!(
            client.s3("PUT", &longer, &[], b"x").await.is(400).one("Code"),
            "KeyTooLongError"
        );
    });
}

#[test]
fn ranges_and_conditions() {
    let service = Service::start();
    let client = service.client();
    run(async {
        client.put("/shells", b"").await;
        let body = bytes(2_000_000, 3);
        client.put("/shells/key", &body).await;
        let ranges: [(&str, std::ops::Range<usize>); 5] = [
            ("bytes=0-0", 0..1),
            ("bytes=100-1999", 100..2000),
            ("bytes=1999990-", 1_999_990..2_000_000),
            ("bytes=-10", 1_999_990..2_000_000),
            ("bytes=1000000-9999999", 1_000_000..2_000_000),
        ];
        for (header, range) in ranges {
            let part = client.s3("GET", "/shells/key", &[("range", header)], b"").await.is(206);
            assert!(part.body == body[range.clone()], "{header}");
            assert_eq!(
                part.header("content-range"),
                format!("bytes {}-{}/2000000", range.start, range.end - 1)
            );
        }
        let beyond = client
            .s3("GET", "/shells/key", &[("range", "bytes=2000000-")], b"")
            .await
            .is(416);
        assert_eq!(beyond.one("Code"), "InvalidRange");
        let head = client.s3("HEAD", "/shells/key", &[], b"").await.is(200);
        let (etag, modified) = (head.header("etag").to_owned(), head.header("last-modified").to_owned());
        let same = client
            .s3("GET", "/shells/key", &[("if-none-match", &etag)], b"")
            .await
            .is(304);
        assert!(same.body.is_empty() && same.header("etag") == etag);
        client
            .s3("GET", "/shells/key", &[("if-modified-since", &modified)], b"")
            .await
            .is(304);
        client
            .s3("GET", "/shells/key", &[("if-match", "\"other\"")], b"")
            .await
            .is(412);
        client
            .s3("GET", "/shells/key", &[("if-match", &etag)], b"")
            .await
            .is(200);
        client
            .s3("PUT", "/shells/key", &[("if-none-match", "*")], b"new")
            .await
            .is(412);
        client
            .s3("PUT", "/shells/key", &[("if-match", "\"other\"")], b"new")
            .await
            .is(412);
        assert!(
            client.get("/shells/key").await.body == body,
            "a refused write changed the object"
        );
        client
            .s3("PUT", "/shells/key", &[("if-match", &etag)], b"new")
            .await
            .is(200);
        assert_eq!(client.get("/shells/key").await.text(), "new");
    });
}

#[test]
fn of_many_conditional_writers_one_wins() {
    let service = Service::start();
    let client = service.client();
    run(async {
        client.put("/shells", b"").await;
        for round in 0..5 {
            let path = format!("/shells/{round}");
            let writers = (0..12).map(|index| {
                let (client, path) = (client.clone(), path.clone());
                async move {
                    let body = bytes(if index % 2 == 0 { 10 } else { 40_000 }, index);
                    let answer = client.s3("PUT", &path, &[("if-none-match", "*")], &body).await;
                    (answer.status.as_u16(), body)
                }
            });
            let answers = futures::future::join_all(writers).await;
            let won: Vec<_> = answers.iter().filter(|(status, _)| *status == 200).collect();
            assert_eq!(won.len(), 1);
            assert!(client.get(&path).await.body == won[0].1);
        }
    });
}

#[test]
fn a_body_that_is_not_what_was_promised_changes_nothing() {
    let service = Service::start();
    let client = service.client();
    run(async {
        client.put("/shells", b"").await;
        client.put("/shells/key", b"good").await;
        for size in [20, 100_000] {
            let body = bytes(size, 1);
            let wrong_md5 = BASE64.encode(Md5::checksum(b"other"));
            let wrong_crc = BASE64.encode(Crc32::checksum(b"other"));
            for (name, value, code) in [
                ("content-md5", wrong_md5.as_str(), "BadDigest"),
                ("content-md5", "nonsense", "InvalidDigest"),
                ("x-amz-checksum-crc32", wrong_crc.as_str(), "BadDigest"),
            ] {
                let answer = client.s3("PUT", "/shells/key", &[(name, value)], &body).await.is(400);
                assert_eq!(answer.one("Code"), code);
            }
            // The signature promises another hash than the body has.
            let mut request = client.signed("s3", "PUT", "/shells/key", &[], &body, None);
            *request.body_mut() = http_body_util::Full::new(bytes::Bytes::from(bytes(size, 2)));
            let answer = client.send(request).await.is(400);
            assert_eq!(answer.one("Code"), "XAmzContentSHA256Mismatch");
        }
        assert_eq!(client.get("/shells/key").await.text(), "good");
        assert_eq!(service.content_files(), 0, "a refused body left its content behind");
        let right = BASE64.encode(Crc32::checksum(b"better"));
        client
            .s3("PUT", "/shells/key", &[("x-amz-checksum-crc32", &right)], b"better")
            .await
            .is(200);
        let got = client
            .s3("GET", "/shells/key", &[("x-amz-checksum-mode", "ENABLED")], b"")
            .await
            .is(200);
        assert_eq!(got.header("x-amz-checksum-crc32"), right);
    });
}

/// The usual break point of new servers: a chunked body whose checksum comes behind it.
#[test]
fn a_checksum_in_the_trailer_is_compared_like_any_other() {
    let service = Service::start();
    let client = service.client();
    run(async {
        client.put("/shells", b"").await;
        client.put("/shells/key", b"good").await;
        for size in [1000, 200_000] {
            let body = bytes(size, 8);
            let chunked = |trailer: &str| -> Vec<u8> {
                let mut framed = Vec::new();
                for chunk in body.chunks(65_536) {
                    framed.extend(format!("{:x}\r\n", chunk.len()).into_bytes());
                    framed.extend(chunk);
                    framed.extend(b"\r\n");
                }
                framed.extend(format!("0\r\n{trailer}\r\n").into_bytes());
                framed
            };
            let length = size.to_string();
            let headers = [
                ("content-encoding", "aws-chunked"),
                ("x-amz-trailer", "x-amz-checksum-crc32"),
                ("x-amz-decoded-content-length", length.as_str()),
            ];
            let wrong = chunked(&format!(
                "x-amz-checksum-crc32:{}\r\n",
                BASE64.encode(Crc32::checksum(b"other"))
            ));
            let refused = client.s3("PUT", "/shells/key", &headers, &wrong).await.is(400);
            assert_eq!(refused.one("Code"), "BadDigest");
            client.s3("PUT", "/shells/key", &headers, &chunked("")).await.is(400);
            let right = BASE64.encode(Crc32::checksum(&body));
            let cut = chunked(&format!("x-amz-checksum-crc32:{right}\r\n"));
            client
                .s3("PUT", "/shells/key", &headers, &cut[..cut.len() / 2])
                .await
                .is(400);
            assert_eq!(client.get("/shells/key").await.text(), "good");
            assert_eq!(service.content_files(), 0);
            let path = format!("/shells/{size}");
            let put = client.s3("PUT", &path, &headers, &cut).await.is(200);
            assert_eq!(put.header("x-amz-checksum-crc32"), right);
            let got = client
                .s3("GET", &path, &[("x-amz-checksum-mode", "ENABLED")], b"")
                .await
                .is(200);
            assert!(got.body == body, "the framing is in the object");
            assert_eq!(
                (got.header("x-amz-checksum-crc32"), got.header("content-encoding")),
                (right.as_str(), "")
            );
            client.s3("DELETE", &path, &[], b"").await.is(204);
        }
    });
}

#[test]
fn copies_share_content_and_outlive_their_source() {
    let service = Service::start();
    let client = service.client();
    run(async {
        client.put("/shells", b"").await;
        let body = bytes(300_000, 5);
        client
            .s3("PUT", "/shells/a%20b", &[("x-amz-meta-from", "x")], &body)
            .await
            .is(200);
        client
            .s3("PUT", "/shells/copy", &[("x-amz-copy-source", "/shells/a%20b")], b"")
            .await
            .is(200);
        assert_eq!(service.content_files(), 1);
        client.s3("DELETE", "/shells/a%20b", &[], b"").await.is(204);
        let copy = client.get("/shells/copy").await.is(200);
        assert!(copy.body == body);
        assert_eq!(copy.header("x-amz-meta-from"), "x");
        let to_itself = client
            .s3("PUT", "/shells/copy", &[("x-amz-copy-source", "shells/copy")], b"")
            .await
            .is(400);
        assert_eq!(to_itself.one("Code"), "InvalidRequest");
        let replace = [
            ("x-amz-copy-source", "shells/copy"),
            ("x-amz-metadata-directive", "REPLACE"),
            ("content-type", "text/plain"),
        ];
        client.s3("PUT", "/shells/copy", &replace, b"").await.is(200);
        let copy = client.get("/shells/copy").await.is(200);
        assert_eq!(
            (copy.header("content-type"), copy.header("x-amz-meta-from")),
            ("text/plain", "")
        );
        client.s3("DELETE", "/shells/copy", &[], b"").await.is(204);
        assert_eq!(service.content_files(), 0);
        client
            .s3("PUT", "/shells/copy", &[("x-amz-copy-source", "shells/gone")], b"")
            .await
            .is(404);
    });
}

#[test]
fn a_reader_gets_the_object_it_began_with() {
    let service = Service::start();
    let client = service.client();
    run(async {
        client.put("/shells", b"").await;
        let old = bytes(24_000_000, 1);
        client.put("/shells/key", &old).await;
        let response = client
            .open(client.signed("s3", "GET", "/shells/key", &[], b"", None))
            .await;
        client.put("/shells/key", b"new").await;
        client.s3("DELETE", "/shells/key", &[], b"").await.is(204);
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert!(body == old, "the reader saw another object");
        crate::client::wait_until("the content is gone with its last reader", || {
            service.content_files() == 0
        });
    });
}

#[test]
fn many_are_deleted_at_once() {
    let service = Service::start();
    let client = service.client();
    run(async {
        client.put("/shells", b"").await;
        for index in 0..20 {
            client.put(&format!("/shells/{index}"), b"x").await;
        }
        let names: String = (0..18)
            .map(|index| format!("<Object><Key>{index}</Key></Object>"))
            .collect();
        let xml = format!("<Delete>{names}<Object><Key>not there</Key></Object></Delete>");
        let md5 = BASE64.encode(Md5::checksum(xml.as_bytes()));
        let answer = client
            .s3("POST", "/shells?delete", &[("content-md5", &md5)], xml.as_bytes())
            .await
            .is(200);
        assert_eq!(answer.all("Key").len(), 19);
        assert_eq!(client.get("/shells?list-type=2").await.all("Key"), ["18", "19"]);
    });
}
