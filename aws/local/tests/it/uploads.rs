//! Multipart uploads.

use crate::client::{Client, Service, bytes, run};

const PART: usize = 5 * 1024 * 1024;

async fn begin(client: &Client, key: &str) -> String {
    client
        .s3(
            "POST",
            &format!("/shells/{key}?uploads"),
            &[("content-type", "text/csv")],
            b"",
        )
        .await
        .is(200)
        .one("UploadId")
}

async fn part(client: &Client, key: &str, id: &str, number: u32, body: &[u8]) -> String {
    let path = format!("/shells/{key}?partNumber={number}&uploadId={id}");
    client
        .s3("PUT", &path, &[], body)
        .await
        .is(200)
        .header("etag")
        .to_owned()
}

async fn complete(client: &Client, key: &str, id: &str, parts: &[(u32, &str)]) -> crate::client::Answer {
    let list: String = parts
        .iter()
        .map(|(number, etag)| format!("<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>"))
        .collect();
    let xml = format!("<CompleteMultipartUpload>{list}</CompleteMultipartUpload>");
    client
        .s3("POST", &format!("/shells/{key}?uploadId={id}"), &[], xml.as_bytes())
        .await
}

#[test]
fn parts_become_one_object_at_completion_and_not_before() {
    let service = Service::start();
    let client = service.client();
    run(async {
        client.put("/shells", b"").await;
        client.put("/shells/key", b"before").await;
        let id = begin(&client, "key").await;
        let (first, third) = (bytes(PART, 1), bytes(70_000, 3));
        // Out of order, with a gap, and one of them twice.
        let etag3 = part(&client, "key", &id, 3, &third).await;
        part(&client, "key", &id, 1, b"replaced").await;
        let etag1 = part(&client, "key", &id, 1, &first).await;
        part(&client, "key", &id, 7, b"not listed").await;
        assert_eq!(client.get("/shells/key").await.text(), "before");
        let listed = client
            .get(&format!("/shells/key?uploadId={id}&max-parts=2"))
            .await
            .is(200);
        assert_eq!(listed.all("PartNumber"), ["1", "3"]);
        assert_eq!(listed.one("NextPartNumberMarker"), "3");
        assert_eq!(client.get("/shells?uploads").await.is(200).one("UploadId"), id);

        let refused = complete(&client, "key", &id, &[(3, &etag3), (1, &etag1)]).await.is(400);
        assert_eq!(refused.one("Code"), "InvalidPartOrder");
        let refused = complete(&client, "key", &id, &[(1, &etag3), (3, &etag3)]).await.is(400);
        assert_eq!(refused.one("Code"), "InvalidPart");
        let refused = complete(&client, "key", &id, &[(1, &etag1), (2, &etag1)]).await.is(400);
        assert_eq!(refused.one("Code"), "InvalidPart");
        let done = complete(&client, "key", &id, &[(1, &etag1), (3, &etag3)]).await.is(200);
        assert!(done.one("ETag").contains("-2"), "{}", done.text());
        let again = complete(&client, "key", &id, &[(1, &etag1), (3, &etag3)]).await.is(200);
        assert_eq!(
            again.one("ETag"),
            done.one("ETag"),
            "a repeated completion finds its object"
        );

        let whole = [first.clone(), third.clone()].concat();
        let got = client.get("/shells/key").await.is(200);
        assert!(got.body == whole);
        assert_eq!(got.header("content-type"), "text/csv");
        let over_the_seam = format!("bytes={}-{}", PART - 10, PART + 9);
        let range = client
            .s3("GET", "/shells/key", &[("range", &over_the_seam)], b"")
            .await
            .is(206);
        assert!(range.body == whole[PART - 10..PART + 10]);
        let second = client.get("/shells/key?partNumber=2").await.is(206);
        assert!(second.body == third);
        assert_eq!(second.header("x-amz-mp-parts-count"), "2");
        assert_eq!(
            service.content_files(),
            2,
            "parts that were replaced or not listed are gone"
        );
        client.s3("DELETE", "/shells/key", &[], b"").await.is(204);
        assert_eq!(service.content_files(), 0);
    });
}

#[test]
fn small_parts_aborted_and_unknown_uploads_are_refused() {
    let service = Service::start();
    let client = service.client();
    run(async {
        client.put("/shells", b"").await;
        let id = begin(&client, "key").await;
        let etag = part(&client, "key", &id, 1, &bytes(100_000, 1)).await;
        let last = part(&client, "key", &id, 2, b"x").await;
        let refused = complete(&client, "key", &id, &[(1, &etag), (2, &last)]).await.is(400);
        assert_eq!(refused.one("Code"), "EntityTooSmall");
        let path = format!("/shells/key?partNumber=10001&uploadId={id}");
        assert_eq!(
            client.s3("PUT", &path, &[], b"x").await.is(400).one("Code"),
            "InvalidArgument"
        );
        let path = format!("/shells/other?partNumber=1&uploadId={id}");
        assert_eq!(
            client.s3("PUT", &path, &[], b"x").await.is(404).one("Code"),
            "NoSuchUpload"
        );
        client
            .s3("DELETE", &format!("/shells/key?uploadId={id}"), &[], b"")
            .await
            .is(204);
        assert_eq!(
            complete(&client, "key", &id, &[(1, &etag)]).await.is(404).one("Code"),
            "NoSuchUpload"
        );
        assert_eq!(service.content_files(), 0, "an aborted upload left its parts behind");
        assert!(client.get("/shells?uploads").await.is(200).all("UploadId").is_empty());
        // A bucket that holds only an unfinished upload can go, and the upload with it.
        let id = begin(&client, "key").await;
        part(&client, "key", &id, 1, &bytes(100_000, 1)).await;
        client.s3("DELETE", "/shells", &[], b"").await.is(204);
        assert_eq!(service.content_files(), 0);
    });
}

#[test]
fn a_part_can_be_copied_from_an_object() {
    let service = Service::start();
    let client = service.client();
    run(async {
        client.put("/shells", b"").await;
        let body = bytes(PART + 1000, 9);
        client.put("/shells/from", &body).await;
        let id = begin(&client, "to").await;
        let path = format!("/shells/to?partNumber=1&uploadId={id}");
        let range = format!("bytes=1000-{}", PART + 999);
        let headers = [
            ("x-amz-copy-source", "shells/from"),
            ("x-amz-copy-source-range", range.as_str()),
        ];
        let copied = client.s3("PUT", &path, &headers, b"").await.is(200);
        let etag = copied.one("ETag").replace("&quot;", "\"");
        complete(&client, "to", &id, &[(1, &etag)]).await.is(200);
        assert!(client.get("/shells/to").await.body == body[1000..]);
    });
}
