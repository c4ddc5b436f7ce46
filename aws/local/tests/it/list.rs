//! Lists.

use crate::client::{Service, encoded, run};

#[test]
fn pages_join_to_the_whole_with_and_without_delimiter() {
    let service = Service::start();
    let client = service.client();
    run(async {
        client.put("/shells", b"").await;
        client.put("/shellsz", b"").await;
        client.put("/shellsz/of-another-bucket", b"x").await;
        let mut keys: Vec<String> = Vec::new();
        for folder in ["a", "b", "b/c", "d é"] {
            keys.extend((0..7).map(|index| format!("{folder}/{index}")));
        }
        keys.extend(["b", "top", "a-", "a0"].map(str::to_owned));
        for key in &keys {
            client.put(&format!("/shells/{}", encoded(key)), b"x").await;
        }
        keys.sort();
        for size in [1, 3, 10, 1000] {
            let (mut seen, mut token) = (Vec::new(), String::new());
            loop {
                let path = format!("/shells?list-type=2&max-keys={size}{token}");
                let page = client.get(&path).await.is(200);
                let listed = page.all("Key");
                assert_eq!(page.one("KeyCount"), listed.len().to_string());
                assert!(listed.len() <= size);
                seen.extend(listed);
                if page.one("IsTruncated") == "false" {
                    break;
                }
                token = format!("&continuation-token={}", encoded(&page.one("NextContinuationToken")));
            }
            assert_eq!(seen, keys, "pages of {size}");
        }
        for size in [1, 2, 1000] {
            let (mut shown, mut prefixes, mut token) = (Vec::new(), Vec::new(), String::new());
            loop {
                let page = client
                    .get(&format!("/shells?list-type=2&delimiter=%2F&max-keys={size}{token}"))
                    .await
                    .is(200);
                shown.extend(page.all("Key"));
                let text = page.text();
                prefixes.extend(
                    text.split("<CommonPrefixes><Prefix>")
                        .skip(1)
                        .map(|rest| rest.split('<').next().unwrap().to_owned()),
                );
                if page.one("IsTruncated") == "false" {
                    break;
                }
                token = format!("&continuation-token={}", encoded(&page.one("NextContinuationToken")));
            }
            assert_eq!(shown, ["a-", "a0", "b", "top"], "pages of {size}");
            assert_eq!(prefixes, ["a/", "b/", "d é/"], "pages of {size}");
        }
        let inside = client
            .get("/shells?list-type=2&prefix=b%2F&delimiter=%2F")
            .await
            .is(200);
        assert_eq!(inside.all("Key").len(), 7);
        assert!(inside.text().contains("<CommonPrefixes><Prefix>b/c/</Prefix>"));
        let after = client
            .get("/shells?list-type=2&start-after=d%20%C3%A9%2F5")
            .await
            .is(200);
        assert_eq!(after.all("Key"), ["d é/6", "top"]);
        let url = client
            .get("/shells?list-type=2&prefix=d%20&max-keys=1&encoding-type=url")
            .await
            .is(200);
        assert_eq!(url.all("Key"), ["d%20%C3%A9/0"]);
        assert_eq!(url.one("EncodingType"), "url");
        assert_eq!(
            client
                .get("/shells?list-type=2&max-keys=0")
                .await
                .is(200)
                .one("KeyCount"),
            "0"
        );
        client.get("/shells?list-type=2&continuation-token=%21").await.is(400);
        client.get("/nothing?list-type=2").await.is(404);
    });
}

#[test]
fn the_first_version_pages_by_marker() {
    let service = Service::start();
    let client = service.client();
    run(async {
        client.put("/shells", b"").await;
        for key in ["a/1", "a/2", "b/1", "c", "d/1"] {
            client.put(&format!("/shells/{key}"), b"x").await;
        }
        let (mut seen, mut marker) = (Vec::new(), String::new());
        loop {
            let page = client
                .get(&format!("/shells?max-keys=2&marker={}", encoded(&marker)))
                .await
                .is(200);
            seen.extend(page.all("Key"));
            if page.one("IsTruncated") == "false" {
                break;
            }
            marker = page.all("Key").pop().unwrap();
        }
        assert_eq!(seen, ["a/1", "a/2", "b/1", "c", "d/1"]);
        let (mut count, mut marker) = (0, String::new());
        loop {
            let page = client
                .get(&format!("/shells?max-keys=1&delimiter=%2F&marker={}", encoded(&marker)))
                .await
                .is(200);
            count += 1;
            if page.one("IsTruncated") == "false" {
                break;
            }
            marker = page.one("NextMarker");
            assert!(count < 10, "the marker does not move");
        }
        assert_eq!(count, 4, "a/, b/, c, d/");
    });
}
