//! One port for everything: whose request this is, whether it may come in, and to which
//! service it goes.
//!
//! A request must name this place as its `Host` (a web page that reaches the port by a name
//! of its own is turned away), come from no web page of another place, and be signed with the
//! user's own key. The service name in its credential scope says who answers.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::{Bytes, BytesMut};
use futures::FutureExt;
use http::header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderName, ORIGIN, TRANSFER_ENCODING};
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use ironsage_contract::{LocalCredentials, ServiceInfo};
use s3s::Body;
use s3s::service::S3Service;
use serde_json::json;
use tokio::sync::watch;

use crate::life::idle::Activity;
use crate::life::proof::proof;
use crate::sagemaker::manager::Manager;
use crate::sagemaker::{control, runtime};
use crate::signature::{Denied, covers_host, query_value, scope_of, verify};
use crate::sts;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");
const S3_REQUEST_ID: HeaderName = HeaderName::from_static("x-amz-request-id");
/// The signing name of the service's own requests.
pub const CONTROL: &str = "ironsage";
/// What an identity request asks to be proved with.
pub const NONCE: &str = "x-ironsage-nonce";
/// The proof.
pub const PROOF: &str = "x-ironsage-proof";
/// The largest body of a control-plane request.
const MAX_JSON: usize = 1024 * 1024;
/// How much of a body that is too large is read for nothing.
const MAX_DRAIN: usize = 64 * 1024 * 1024;
/// How long a presigned URL may be good for: seven days.
const MAX_EXPIRES: u64 = 7 * 24 * 3600;
/// How long a body may take to come, where it is taken whole.
const BODY_PATIENCE: std::time::Duration = std::time::Duration::from_secs(120);

/// What all requests share.
pub struct Router {
    /// What the service says of itself.
    pub info: ServiceInfo,
    /// The one key.
    pub key: LocalCredentials,
    /// S3.
    pub s3: S3Service,
    /// SageMaker's endpoints, and all of its rows.
    pub manager: Arc<Manager>,
    /// Ends the service.
    pub stop: watch::Sender<bool>,
    /// Whether anybody asks.
    pub activity: Activity,
}

impl Router {
    /// Answers a request. Whatever goes wrong is an answer, never a panic.
    pub async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Result<Response<Body>, s3s::HttpError> {
        let _in_flight = self.activity.begin();
        let id = uuid::Uuid::new_v4().to_string();
        let is_head = request.method() == Method::HEAD;
        let has_body = request.headers().contains_key(TRANSFER_ENCODING)
            || request
                .headers()
                .get(CONTENT_LENGTH)
                .is_some_and(|length| length != "0");
        let mut response = match guarded(self.route(request, &id)).await {
            Some(response) => response?,
            None => json_error(
                StatusCode::INTERNAL_SERVER_ERROR,
                "InternalFailure",
                "A defect of the local service; its log says more.",
            ),
        };
        if response.status() == StatusCode::NOT_MODIFIED || (is_head && !response.status().is_success()) {
            // No body may follow, so none may be announced.
            response.headers_mut().remove(CONTENT_LENGTH);
            response.headers_mut().remove(CONTENT_TYPE);
            *response.body_mut() = Body::empty();
        }
        if has_body && !response.status().is_success() {
            // Part of the body may be unread; the connection cannot be used again, and a
            // client should not find that out with its next request.
            response
                .headers_mut()
                .insert(CONNECTION, HeaderValue::from_static("close"));
        }
        if let Ok(id) = HeaderValue::from_str(&id) {
            response.headers_mut().insert(REQUEST_ID, id.clone());
            response.headers_mut().insert(S3_REQUEST_ID, id);
        }
        Ok(response)
    }

    async fn route(&self, request: Request<Incoming>, id: &str) -> Result<Response<Body>, s3s::HttpError> {
        let (parts, body) = request.into_parts();
        if let Some(refused) = self.check_place(&parts) {
            return Ok(refused);
        }
        let scope = match scope_of(&parts) {
            Ok(scope) => scope,
            Err(denied) => return Ok(refuse(&parts, &denied)),
        };
        match scope.service.as_str() {
            "s3" => match check_s3(&parts) {
                None => self.s3.call(Request::from_parts(parts, Body::from(body))).await,
                Some(refused) => Ok(refused),
            },
            "sagemaker" | "sts" | CONTROL => {
                let is_runtime = !parts.headers.contains_key("x-amz-target");
                let limit = if scope.service == "sagemaker" && is_runtime {
                    runtime::MAX_PAYLOAD
                } else {
                    MAX_JSON
                };
                let body = match whole_body(body, limit).await {
                    Ok(body) => body,
                    Err(refused) => return Ok(refused),
                };
                if let Err(denied) = verify(&parts, &body, &self.key, SystemTime::now()) {
                    return Ok(refuse(&parts, &denied));
                }
                Ok(match scope.service.as_str() {
                    "sagemaker" if is_runtime => runtime::answer(&self.manager, &parts, body).await,
                    "sagemaker" => self.control_plane(&parts, &body).await,
                    "sts" => sts::answer(&self.manager.identity, &body, id),
                    _ => self.own(&parts),
                })
            }
            other => Ok(json_error(
                StatusCode::BAD_REQUEST,
                "UnknownOperationException",
                &format!(
                    "The local service answers s3, sagemaker and sts, not {}.",
                    other.chars().take(60).collect::<String>()
                ),
            )),
        }
    }

    /// The request must be meant for this place.
    fn check_place(&self, parts: &Parts) -> Option<Response<Body>> {
        let port = self.info.port;
        let own = [format!("127.0.0.1:{port}"), format!("localhost:{port}")];
        let mut hosts = parts.headers.get_all(HOST).iter();
        let host = hosts.next().and_then(|host| host.to_str().ok());
        let is_own = |text: &str| own.iter().any(|own| own.eq_ignore_ascii_case(text));
        let named = parts.uri.authority().is_none_or(|authority| is_own(authority.as_str()));
        if hosts.next().is_some() || !host.is_some_and(is_own) || !named {
            return Some(json_error(
                StatusCode::FORBIDDEN,
                "AccessDeniedException",
                &format!("The Host of a request to the local service is 127.0.0.1:{port} or localhost:{port}."),
            ));
        }
        let origin = parts.headers.get(ORIGIN)?;
        let from_own = origin
            .to_str()
            .ok()
            .and_then(|origin| origin.strip_prefix("http://"))
            .is_some_and(is_own);
        (!from_own).then(|| {
            json_error(
                StatusCode::FORBIDDEN,
                "AccessDeniedException",
                "The local service takes no requests from web pages.",
            )
        })
    }

    async fn control_plane(&self, parts: &Parts, body: &[u8]) -> Response<Body> {
        let target = parts
            .headers
            .get("x-amz-target")
            .and_then(|target| target.to_str().ok())
            .unwrap_or_default();
        let (status, text) = match control::answer(&self.manager, target, body).await {
            Ok(serde_json::Value::Null) => (StatusCode::OK, String::new()),
            Ok(answer) => (StatusCode::OK, answer.to_string()),
            Err(error) => (
                StatusCode::from_u16(error.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
                json!({ "__type": error.code, "message": error.message }).to_string(),
            ),
        };
        json_response(status, text)
    }

    /// The service's own requests.
    fn own(&self, parts: &Parts) -> Response<Body> {
        match (&parts.method, parts.uri.path()) {
            (&Method::GET, "/_ironsage/identity") => {
                let text = serde_json::to_string(&self.info).unwrap_or_default();
                let nonce = parts.headers.get(NONCE).map(HeaderValue::as_bytes).unwrap_or_default();
                let proof = proof(&self.key, &[nonce, text.as_bytes()].concat());
                let mut response = json_response(StatusCode::OK, text);
                if let Ok(proof) = HeaderValue::from_str(&proof) {
                    response.headers_mut().insert(PROOF, proof);
                }
                response
            }
            (&Method::POST, "/_ironsage/stop") => {
                tracing::info!("told to stop");
                let _ = self.stop.send(true);
                json_response(StatusCode::OK, "{}".to_owned())
            }
            _ => json_error(
                StatusCode::NOT_FOUND,
                "UnknownOperationException",
                "There is no such request.",
            ),
        }
    }
}

/// A panic inside costs this one request.
async fn guarded<T>(work: impl Future<Output = T>) -> Option<T> {
    match AssertUnwindSafe(work).catch_unwind().await {
        Ok(result) => Some(result),
        Err(panic) => {
            let text = panic
                .downcast_ref::<String>()
                .map(String::as_str)
                .or(panic.downcast_ref::<&str>().copied());
            tracing::error!("a request panicked: {}", text.unwrap_or("without a message"));
            None
        }
    }
}

/// What s3s 0.14 lets in and this service does not.
fn check_s3(parts: &Parts) -> Option<Response<Body>> {
    let query = parts.uri.query().unwrap_or_default();
    let form = parts
        .headers
        .get(CONTENT_TYPE)
        .is_some_and(|kind| is_form(kind.as_bytes()));
    if parts.method == Method::POST && form {
        return Some(xml_error(
            StatusCode::NOT_IMPLEMENTED,
            "NotImplemented",
            "The local store takes no POST forms.",
        ));
    }
    // The older signatures are compared in a way that leaks time.
    if query_value(query, "Signature").is_some() {
        return Some(xml_error(
            StatusCode::BAD_REQUEST,
            "InvalidRequest",
            &Denied::Mechanism.to_string(),
        ));
    }
    if !covers_host(parts) {
        return Some(xml_error(
            StatusCode::FORBIDDEN,
            "AccessDenied",
            "The host header must be signed.",
        ));
    }
    let expires = query_value(query, "X-Amz-Expires").map(|value| value.parse::<u64>());
    if expires.is_some_and(|seconds| !seconds.is_ok_and(|seconds| (1..=MAX_EXPIRES).contains(&seconds))) {
        return Some(xml_error(
            StatusCode::BAD_REQUEST,
            "AuthorizationQueryParametersError",
            "X-Amz-Expires must be between 1 and 604800 seconds",
        ));
    }
    None
}

/// Media types are compared in any case.
fn is_form(kind: &[u8]) -> bool {
    const FORM: &[u8] = b"multipart/form-data";
    kind.trim_ascii_start()
        .get(..FORM.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(FORM))
}

/// A body taken whole. The rest of one that is too large is read and thrown away, within
/// bounds, so that its sender hears why.
async fn whole_body(mut body: Incoming, limit: usize) -> Result<Bytes, Response<Body>> {
    let read = async {
        let mut taken = BytesMut::new();
        let mut size = 0_usize;
        while let Some(frame) = body.frame().await {
            let Ok(chunk) = frame?.into_data() else { continue };
            size += chunk.len();
            if size > limit + MAX_DRAIN {
                break;
            }
            if size <= limit {
                taken.extend_from_slice(&chunk);
            }
        }
        Ok::<_, hyper::Error>((taken, size))
    };
    match tokio::time::timeout(BODY_PATIENCE, read).await {
        Ok(Ok((taken, size))) if size <= limit => Ok(taken.freeze()),
        Ok(Ok(_)) => Err(if limit == runtime::MAX_PAYLOAD {
            let message = format!(
                "The request body is larger than {} MB; send fewer rows at once.",
                limit / 1024 / 1024
            );
            runtime::error(
                "ValidationError",
                StatusCode::BAD_REQUEST,
                json!({ "Message": message }),
            )
        } else {
            json_error(
                StatusCode::PAYLOAD_TOO_LARGE,
                "ValidationException",
                "The request is larger than 1 MB.",
            )
        }),
        Ok(Err(_)) => Err(json_error(
            StatusCode::BAD_REQUEST,
            "SerializationException",
            "The request's body broke off.",
        )),
        Err(_) => Err(json_error(
            StatusCode::REQUEST_TIMEOUT,
            "RequestTimeout",
            "The request's body did not come.",
        )),
    }
}

/// A refusal in the form that the client of this service reads.
fn refuse(parts: &Parts, denied: &Denied) -> Response<Body> {
    tracing::warn!("{} {} refused: {}", parts.method, parts.uri.path(), denied);
    let is_json = parts.headers.contains_key("x-amz-target") || parts.uri.path().starts_with("/endpoints/");
    if is_json {
        let status = if matches!(denied, Denied::Malformed(_)) {
            StatusCode::BAD_REQUEST
        } else {
            StatusCode::FORBIDDEN
        };
        return json_error(status, denied.code(), &denied.to_string());
    }
    let (status, code) = match denied {
        Denied::Unsigned => (StatusCode::FORBIDDEN, "AccessDenied"),
        Denied::Mechanism => (StatusCode::BAD_REQUEST, "InvalidRequest"),
        Denied::Malformed(_) => (StatusCode::BAD_REQUEST, "AuthorizationHeaderMalformed"),
        Denied::UnknownKey => (StatusCode::FORBIDDEN, "InvalidAccessKeyId"),
        Denied::Skewed => (StatusCode::FORBIDDEN, "RequestTimeTooSkewed"),
        Denied::Mismatch => (StatusCode::FORBIDDEN, "SignatureDoesNotMatch"),
    };
    xml_error(status, code, &denied.to_string())
}

fn json_response(status: StatusCode, text: String) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/x-amz-json-1.1"));
    response
}

fn json_error(status: StatusCode, code: &'static str, message: &str) -> Response<Body> {
    let mut response = json_response(
        status,
        json!({ "__type": code, "message": message, "Message": message }).to_string(),
    );
    response
        .headers_mut()
        .insert("x-amzn-errortype", HeaderValue::from_static(code));
    response
}

fn xml_error(status: StatusCode, code: &str, message: &str) -> Response<Body> {
    let message = message.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>{code}</Code><Message>{message}</Message></Error>"
    );
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/xml"));
    response
}
