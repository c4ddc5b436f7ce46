//! Models, configurations and endpoints against the local service. The process behind an
//! endpoint is this test binary again, as a tiny server that keeps the container contract.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::time::Duration;

use bytes::Bytes;
use ironsage_client::{Client, ClientError, Resource};
use ironsage_contract::{S3Uri, images};

use crate::service::{StopAfter, bucket, client, uri};

/// What the service starts for an endpoint (see `service::serving_executable`).
/// Echoes request bodies; a body "fail" is a 400 in the form of our own containers.
fn serve(port: &str) {
    let port: u16 = port.parse().unwrap();
    let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
    for stream in listener.incoming() {
        let mut stream = stream.unwrap();
        std::thread::spawn(move || {
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            loop {
                let mut line = String::new();
                let mut length = 0;
                let mut first = String::new();
                loop {
                    line.clear();
                    if reader.read_line(&mut line).unwrap_or(0) == 0 {
                        return;
                    }
                    if first.is_empty() {
                        first.clone_from(&line);
                    }
                    let lower = line.to_lowercase();
                    if let Some(value) = lower.strip_prefix("content-length:") {
                        length = value.trim().parse().unwrap();
                    }
                    if line == "\r\n" {
                        break;
                    }
                }
                let mut body = vec![0; length];
                reader.read_exact(&mut body).unwrap();
                let (status, answer) = match body.as_slice() {
                    _ if first.starts_with("GET /ping") => ("200 OK", Vec::new()),
                    b"fail" => (
                        "400 Bad Request",
                        br#"{"message": "column 'sex' is missing", "hint": "send sex"}"#.to_vec(),
                    ),
                    _ => ("200 OK", body),
                };
                let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n", answer.len());
                stream.write_all(head.as_bytes()).unwrap();
                stream.write_all(&answer).unwrap();
            }
        });
    }
}

/// An artifact that no one reads, under a key of the test's own.
fn artifact(client: &Client) -> S3Uri {
    let target = uri(&bucket(client), "model.tar.gz");
    // An empty tar: two blocks of zeros.
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&[0; 1024]).unwrap();
    client
        .put(&target, Bytes::from(gzip.finish().unwrap()), "application/gzip", &())
        .unwrap();
    target
}

#[test]
fn an_endpoint_lives_and_goes() {
    if let Ok(port) = std::env::var("SAGEMAKER_BIND_TO_PORT") {
        return serve(&port);
    }
    let client = client();
    let artifact = artifact(&client);
    let image = images::image_uri("linear-learner", &client.place().region).unwrap();
    let environment = vec![("B".to_owned(), "2".to_owned()), ("A".to_owned(), "1".to_owned())];
    let name = "client-lives";

    client.create_model(name, &image, &artifact, &environment).unwrap();
    let model = client.describe_model(name).unwrap().unwrap();
    assert_eq!((model.name.as_str(), model.image.as_str()), (name, image.as_str()));
    assert_eq!(model.model_data, artifact.to_string());
    assert_eq!(model.environment[0], ("A".to_owned(), "1".to_owned()));

    client.create_endpoint_config(name, name, "ml.t2.medium", 1).unwrap();
    let config = client.describe_endpoint_config(name).unwrap().unwrap();
    assert_eq!(
        (config.model.as_str(), config.instance_type.as_str(), config.count),
        (name, "ml.t2.medium", 1)
    );

    client.create_endpoint(name, name).unwrap();
    let again = client.create_endpoint(name, name).unwrap_err();
    assert!(
        matches!(
            again,
            ClientError::AlreadyExists {
                kind: Resource::Endpoint,
                ..
            }
        ),
        "{again}"
    );

    let endpoint = client.wait_endpoint(name, &()).unwrap();
    assert!(endpoint.status == "InService");
    assert_eq!(endpoint.config, name);
    assert!(endpoint.created.is_some());
    assert!(client.endpoints().unwrap().iter().any(|endpoint| endpoint.name == name));

    let answer = client
        .invoke(name, "text/csv", "application/json", Bytes::from_static(b"1,2,3"))
        .unwrap();
    assert_eq!(answer, "1,2,3");
    let error = client
        .invoke(name, "text/csv", "application/json", Bytes::from_static(b"fail"))
        .unwrap_err();
    match &error {
        ClientError::Model {
            status, message, hint, ..
        } => {
            assert_eq!((*status, message.as_str()), (400, "column 'sex' is missing"));
            assert_eq!(hint.as_deref(), Some("send sex"));
        }
        other => panic!("{other}"),
    }

    client
        .create_endpoint_config("client-lives-2", name, "ml.t2.medium", 1)
        .unwrap();
    client.update_endpoint(name, "client-lives-2").unwrap();
    assert_eq!(client.wait_endpoint(name, &()).unwrap().config, "client-lives-2");

    assert!(client.delete_endpoint(name).unwrap());
    client.wait_endpoint_gone(name, &()).unwrap();
    assert!(!client.delete_endpoint(name).unwrap());
    assert!(client.delete_endpoint_config(name).unwrap());
    assert!(!client.delete_endpoint_config(name).unwrap());
    assert!(client.delete_model(name).unwrap());
    assert!(!client.delete_model(name).unwrap());
    assert_eq!(client.describe_endpoint(name).unwrap(), None);
    assert_eq!(client.describe_endpoint_config(name).unwrap(), None);
    assert_eq!(client.describe_model(name).unwrap(), None);
}

#[test]
fn what_is_missing_is_named_by_kind() {
    let client = client();
    let error = client
        .invoke("no-such-thing", "text/csv", "*/*", Bytes::new())
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "there is no endpoint 'no-such-thing' in the local service"
    );
    assert!(error.hint().is_some());

    let error = client.create_endpoint("client-orphan", "no-such-config").unwrap_err();
    match &error {
        ClientError::NotFound { kind, name, .. } => {
            assert_eq!((*kind, name.as_str()), (Resource::EndpointConfig, "no-such-config"));
        }
        other => panic!("{other}"),
    }
    let error = client
        .create_endpoint_config("client-orphan", "no-such-model", "ml.t2.medium", 1)
        .unwrap_err();
    match &error {
        ClientError::NotFound { kind, name, .. } => {
            assert_eq!((*kind, name.as_str()), (Resource::Model, "no-such-model"));
        }
        other => panic!("{other}"),
    }
    let error = client.wait_endpoint("client-orphan", &()).unwrap_err();
    assert!(
        matches!(
            error,
            ClientError::NotFound {
                kind: Resource::Endpoint,
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn a_bad_name_is_refused_in_the_services_words() {
    let error = client().create_endpoint("not_a_name", "cfg").unwrap_err();
    assert!(matches!(error, ClientError::Refused { .. }), "{error}");
    assert!(error.to_string().contains("not_a_name"), "{error}");
}

#[test]
fn an_interrupted_wait_leaves_the_endpoint_alone() {
    let client = client();
    let name = "client-waits";
    let artifact = artifact(&client);
    let image = images::image_uri("linear-learner", &client.place().region).unwrap();
    client.create_model(name, &image, &artifact, &[]).unwrap();
    client.create_endpoint_config(name, name, "ml.t2.medium", 1).unwrap();
    client.create_endpoint(name, name).unwrap();
    let error = client.wait_endpoint(name, &StopAfter::new(Duration::ZERO)).unwrap_err();
    assert!(matches!(error, ClientError::Interrupted), "{error}");
    assert!(client.wait_endpoint(name, &()).unwrap().status == "InService");
    assert!(client.delete_endpoint(name).unwrap());
}
