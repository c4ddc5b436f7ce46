//! Who is let in.

use std::io::{Read, Write};
use std::time::Duration;

use serde_json::json;

use crate::client::{Client, Service, run};

#[test]
fn only_the_user_s_own_key_opens_it() {
    let service = Service::start();
    let client = service.client();
    run(async {
        client.put("/shells", b"").await;
        client.put("/shells/key", b"secret").await;
        let mut stranger = client.clone();
        stranger.key.secret_access_key = "x".repeat(40);
        let refused = stranger.get("/shells/key").await.is(403);
        assert_eq!(refused.one("Code"), "SignatureDoesNotMatch");
        let refused = stranger.sagemaker("ListModels", json!({})).await.is(403).json();
        assert_eq!(refused["__type"], "InvalidSignatureException");
        let refused = stranger.invoke("x", b"1").await.is(403);
        assert_eq!(refused.header("x-amzn-errortype"), "InvalidSignatureException");
        stranger.key.access_key_id = "AKIASOMEBODY".to_owned();
        assert!(!stranger.get("/shells/key").await.status.is_success());
        assert_eq!(
            stranger.sagemaker("ListModels", json!({})).await.is(403).json()["__type"],
            "UnrecognizedClientException"
        );
        // Nobody at all.
        for (method, path) in [
            ("GET", "/shells/key"),
            ("GET", "/"),
            ("PUT", "/shells/new"),
            ("POST", "/"),
            ("GET", "/_ironsage/identity"),
        ] {
            let mut request = client.signed("s3", method, path, &[], b"", None);
            request.headers_mut().remove("authorization");
            assert_eq!(client.send(request).await.status.as_u16(), 403, "{method} {path}");
        }
        // A request of another time.
        for minutes in [-20_i64, 20] {
            let mut late = client.clone();
            let shift = Duration::from_secs(minutes.unsigned_abs() * 60);
            late.when = if minutes < 0 {
                client.when - shift
            } else {
                client.when + shift
            };
            late.get("/shells/key").await.is(403);
            assert_eq!(
                late.sagemaker("ListModels", json!({})).await.is(403).json()["__type"],
                "InvalidSignatureException"
            );
        }
        // A changed request.
        let mut request = client.signed("s3", "GET", "/shells/other", &[], b"", None);
        *request.uri_mut() = request.uri().to_string().replace("other", "key").parse().unwrap();
        client.send(request).await.is(403);
    });
}

#[test]
fn a_web_page_does_not_reach_it() {
    let service = Service::start();
    let client = service.client();
    run(async {
        client.put("/shells", b"").await;
        client.put("/shells/key", b"secret").await;
        for host in [
            "evil.example",
            "evil.example:80",
            "127.0.0.1",
            "localhost:1",
            "127.0.0.1.evil.example",
        ] {
            // Signed rightly, for a name that leads here by the page's own DNS.
            let mut rebound = client.clone();
            rebound.host = host.to_owned();
            let refused = rebound.get("/shells/key").await.is(403);
            assert!(refused.text().contains("Host"), "{host}: {}", refused.text());
            rebound.sagemaker("ListModels", json!({})).await.is(403);
        }
        let mut named = client.clone();
        named.host = format!("localhost:{}", client.port);
        named.get("/shells/key").await.is(200);
        let refused = client
            .s3("GET", "/shells/key", &[("origin", "https://evil.example")], b"")
            .await
            .is(403);
        assert!(refused.text().contains("web pages"));
        for kind in ["multipart/form-data; boundary=b", "Multipart/Form-Data; boundary=b"] {
            let refused = client
                .s3("POST", "/shells", &[("content-type", kind)], b"")
                .await
                .is(501);
            assert!(refused.text().contains("POST forms"), "{}", refused.text());
        }
    });
}

#[test]
fn presigned_urls_last_as_long_as_they_say() {
    let service = Service::start();
    let client = service.client();
    run(async {
        client.put("/shells", b"").await;
        client.put("/shells/key", b"shared").await;
        let hour = Some(Duration::from_secs(3600));
        let got = client
            .send(client.signed("s3", "GET", "/shells/key", &[], b"", hour))
            .await
            .is(200);
        assert_eq!(got.text(), "shared");
        client
            .send(client.signed("s3", "PUT", "/shells/new", &[], b"by url", hour))
            .await
            .is(200);
        assert_eq!(client.get("/shells/new").await.text(), "by url");
        let mut old = client.clone();
        old.when = client.when - Duration::from_secs(120);
        let short = old.signed("s3", "GET", "/shells/key", &[], b"", Some(Duration::from_secs(60)));
        assert_eq!(client.send(short).await.is(403).one("Code"), "AccessDenied");
        let long = client.signed(
            "s3",
            "GET",
            "/shells/key",
            &[],
            b"",
            Some(Duration::from_secs(8 * 24 * 3600)),
        );
        assert_eq!(
            client.send(long).await.is(400).one("Code"),
            "AuthorizationQueryParametersError"
        );
        // Signed in its header and in its query.
        let mut twice = client.signed("s3", "GET", "/shells/key", &[], b"", hour);
        let header = client.signed("s3", "GET", "/shells/key", &[], b"", None);
        for name in ["authorization", "x-amz-date", "x-amz-content-sha256"] {
            twice.headers_mut().insert(name, header.headers()[name].clone());
        }
        let refused = client.send(twice).await.is(400);
        assert_eq!(refused.one("Code"), "AuthorizationHeaderMalformed");
        let mut other = client.signed("s3", "GET", "/shells/key", &[], b"", hour);
        *other.uri_mut() = other.uri().to_string().replace("/key", "/new").parse().unwrap();
        client.send(other).await.is(403);
    });
}

#[test]
fn who_am_i_and_what_is_not_there() {
    let service = Service::start();
    let client = service.client();
    run(async {
        let form = [("content-type", "application/x-www-form-urlencoded")];
        let body = b"Action=GetCallerIdentity&Version=2011-06-15";
        let answer = client
            .send(client.signed("sts", "POST", "/", &form, body, None))
            .await
            .is(200);
        assert_eq!(answer.one("Account"), service.info.account);
        let answer = client
            .send(client.signed("sts", "POST", "/", &form, b"Action=AssumeRole", None))
            .await
            .is(400);
        assert_eq!(answer.one("Code"), "InvalidAction");
        let answer = client
            .send(client.signed("dynamodb", "POST", "/", &form, b"", None))
            .await
            .is(400)
            .json();
        assert_eq!(answer["__type"], "UnknownOperationException");
        let answer = client.sagemaker("CreateTrainingJob", json!({})).await.is(400).json();
        assert_eq!(answer["__type"], "UnknownOperationException");
    });
}

#[test]
fn garbage_gets_an_answer_or_a_closed_door_and_the_service_lives() {
    let service = Service::start();
    let host = format!("host: 127.0.0.1:{}\r\n", service.info.port);
    let deep = "[".repeat(100_000);
    let many: String = (0..10_000).map(|index| format!("x-{index}: y\r\n")).collect();
    for head in [
        "\0\0\0\0\r\n\r\n".to_owned(),
        "GET\r\n\r\n".to_owned(),
        format!("GET / HTTP/1.1\r\n{host}{many}\r\n"),
        format!("GET /%00%ff%zz?%%%&&=&X-Amz-Credential=%2F%2F HTTP/1.1\r\n{host}\r\n"),
        format!(
            "GET / HTTP/1.1\r\n{host}authorization: AWS4-HMAC-SHA256 Credential=////,SignedHeaders=,Signature=\r\n\r\n"
        ),
        format!(
            "GET / HTTP/1.1\r\n{host}authorization: AWS4-HMAC-SHA256 Credential=a/b/c/s3/aws4_request, SignedHeaders=host;;x, Signature=zz\r\n\r\n"
        ),
        format!("POST / HTTP/1.1\r\n{host}content-length: 99999999999999999999\r\n\r\n"),
        format!("PUT /shells/key HTTP/1.1\r\n{host}transfer-encoding: chunked\r\n\r\nzz\r\n"),
    ] {
        let mut stream = std::net::TcpStream::connect(("127.0.0.1", service.info.port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let _ = stream.write_all(head.as_bytes());
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        let answer = String::from_utf8_lossy(&answer).into_owned();
        assert!(
            answer.is_empty() || answer.starts_with("HTTP/1.1 4") || answer.starts_with("HTTP/1.1 5"),
            "{answer}"
        );
    }
    let client: Client = service.client();
    run(async {
        let target = [("x-amz-target", "SageMaker.CreateModel")];
        for body in [
            deep.as_bytes(),
            b"",
            b"[]",
            b"{\"ModelName\":7}",
            b"{\"ModelName\":null}",
            b"\xff",
        ] {
            let answer = client
                .send(client.signed("sagemaker", "POST", "/", &target, body, None))
                .await
                .is(400);
            assert!(answer.json()["__type"].is_string());
        }
        let large = vec![b' '; 2_000_000];
        client
            .send(client.signed("sagemaker", "POST", "/", &target, &large, None))
            .await
            .is(413);
        client.sagemaker("ListModels", json!({})).await.is(200);
    });
}
