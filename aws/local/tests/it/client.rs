//! A service for one test, and a raw client: hyper, and AWS's own signer.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SignatureLocation, SigningSettings,
    UriPathNormalizationMode,
};
use aws_sigv4::sign::v4;
use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client as Hyper;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use ironsage_contract::{Home, LocalCredentials, ServiceInfo};

/// The executable that the service and its endpoints run.
pub fn executable() -> PathBuf {
    let own = std::env::current_exe().unwrap();
    let path = own
        .parent()
        .unwrap()
        .parent()
        .unwrap()
        .join("examples/local-executable");
    assert!(
        path.is_file(),
        "{} is missing: run `cargo test` for the whole package",
        path.display()
    );
    path
}

/// A service in a home of its own; gone when dropped.
pub struct Service {
    pub folder: tempfile::TempDir,
    pub home: Home,
    pub info: ServiceInfo,
    pub key: LocalCredentials,
}

impl Service {
    pub fn start() -> Service {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path().join("home"));
        let info = ironsage_local::start(&home, &executable()).unwrap();
        let key = ironsage_local::credentials(&home).unwrap();
        Service {
            folder,
            home,
            info,
            key,
        }
    }

    pub fn client(&self) -> Client {
        Client::new(self.info.port, self.key.clone())
    }

    /// Ends the process as a power cut would, as far as a process can tell.
    pub fn kill(&self) {
        let pid = rustix::process::Pid::from_raw(i32::try_from(self.info.pid).unwrap()).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
        wait_until("the service is gone", || {
            ironsage_local::status(&self.home).unwrap().is_none()
        });
    }

    pub fn restart(&mut self) {
        self.info = ironsage_local::start(&self.home, &executable()).unwrap();
    }

    pub fn content_files(&self) -> usize {
        let folder = self.home.service().join("store/content");
        std::fs::read_dir(folder)
            .unwrap()
            .map(|shard| std::fs::read_dir(shard.unwrap().path()).unwrap().count())
            .sum()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = ironsage_local::stop(&self.home);
    }
}

pub fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let begun = std::time::Instant::now();
    while !done() {
        assert!(
            begun.elapsed() < Duration::from_secs(20),
            "{what}: not within 20 seconds"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
}

pub fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
        .block_on(work)
}

#[derive(Clone)]
pub struct Client {
    pub port: u16,
    pub key: LocalCredentials,
    pub host: String,
    pub when: SystemTime,
    hyper: Hyper<HttpConnector, Full<Bytes>>,
}

pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map(|value| value.to_str().unwrap())
            .unwrap_or_default()
    }

    /// The status is this one; else the whole answer is shown.
    #[track_caller]
    pub fn is(self, status: u16) -> Answer {
        assert_eq!(self.status.as_u16(), status, "{}", self.text());
        self
    }

    /// The texts between these tags.
    pub fn all(&self, tag: &str) -> Vec<String> {
        let text = self.text();
        text.split(&format!("<{tag}>"))
            .skip(1)
            .map(|rest| rest.split("</").next().unwrap().to_owned())
            .collect()
    }

    pub fn one(&self, tag: &str) -> String {
        self.all(tag).into_iter().next().unwrap_or_default()
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

impl Client {
    pub fn new(port: u16, key: LocalCredentials) -> Client {
        let hyper = Hyper::builder(TokioExecutor::new()).build(HttpConnector::new());
        Client {
            port,
            key,
            host: format!("127.0.0.1:{port}"),
            when: SystemTime::now(),
            hyper,
        }
    }

    /// A signed request that was not sent yet.
    pub fn signed(
        &self,
        service: &str,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
        expires: Option<Duration>,
    ) -> Request<Full<Bytes>> {
        let identity = aws_credential_types::Credentials::new(
            self.key.access_key_id.as_str(),
            self.key.secret_access_key.as_str(),
            None,
            None,
            "test",
        )
        .into();
        let mut settings = SigningSettings::default();
        if service == "s3" {
            settings.percent_encoding_mode = PercentEncodingMode::Single;
            settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
            settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        }
        let mut signable = SignableBody::Bytes(body);
        if headers.iter().any(|(name, _)| *name == "x-amz-trailer") {
            signable = SignableBody::StreamingUnsignedPayloadTrailer;
        }
        if let Some(expires) = expires {
            settings.signature_location = SignatureLocation::QueryParams;
            settings.expires_in = Some(expires);
            settings.payload_checksum_kind = PayloadChecksumKind::NoHeader;
            signable = SignableBody::UnsignedPayload;
        }
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region("us-east-1")
            .name(service)
            .time(self.when)
            .settings(settings)
            .build()
            .unwrap()
            .into();
        let mut all = vec![("host", self.host.as_str())];
        all.extend_from_slice(headers);
        let uri = format!("http://127.0.0.1:{}{path}", self.port);
        let request = SignableRequest::new(method, uri.as_str(), all.iter().copied(), signable).unwrap();
        let (instructions, _) = aws_sigv4::http_request::sign(request, &params).unwrap().into_parts();
        let mut builder = Request::builder().method(method).uri(&uri);
        for (name, value) in &all {
            builder = builder.header(*name, *value);
        }
        let mut request = builder.body(Full::new(Bytes::copy_from_slice(body))).unwrap();
        instructions.apply_to_request_http1x(&mut request);
        request
    }

    pub async fn open(&self, request: Request<Full<Bytes>>) -> Response<Incoming> {
        self.hyper.request(request).await.unwrap()
    }

    pub async fn send(&self, request: Request<Full<Bytes>>) -> Answer {
        self.try_send(request).await.unwrap()
    }

    /// `None` when the connection broke.
    pub async fn try_send(&self, request: Request<Full<Bytes>>) -> Option<Answer> {
        let (parts, body) = self.hyper.request(request).await.ok()?.into_parts();
        let body = body.collect().await.ok()?.to_bytes();
        Some(Answer {
            status: parts.status,
            headers: parts.headers,
            body,
        })
    }

    pub async fn s3(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        self.send(self.signed("s3", method, path, headers, body, None)).await
    }

    pub async fn put(&self, path: &str, body: &[u8]) -> Answer {
        self.s3("PUT", path, &[], body).await.is(200)
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.s3("GET", path, &[], b"").await
    }

    pub async fn sagemaker(&self, operation: &str, input: serde_json::Value) -> Answer {
        let target = format!("SageMaker.{operation}");
        let headers = [
            ("x-amz-target", target.as_str()),
            ("content-type", "application/x-amz-json-1.1"),
        ];
        self.send(self.signed("sagemaker", "POST", "/", &headers, input.to_string().as_bytes(), None))
            .await
    }

    pub async fn invoke(&self, endpoint: &str, body: &[u8]) -> Answer {
        let path = format!("/endpoints/{endpoint}/invocations");
        let headers = [("content-type", "text/csv"), ("accept", "application/json")];
        self.send(self.signed("sagemaker", "POST", &path, &headers, body, None))
            .await
    }
}

/// Bytes that differ from place to place.
pub fn bytes(length: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    (0..length)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state as u8
        })
        .collect()
}

/// As S3 clients write keys in paths.
pub fn encoded(key: &str) -> String {
    key.bytes()
        .map(|b| {
            if b.is_ascii_alphanumeric() || b"-_.~/".contains(&b) {
                char::from(b).to_string()
            } else {
                format!("%{b:02X}")
            }
        })
        .collect()
}
