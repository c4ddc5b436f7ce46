//! The runtime: `POST /endpoints/{name}/invocations`, handed to the endpoint's processes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, HeaderName};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use s3s::Body;
use serde_json::{Value, json};

use super::endpoint::{Endpoint, Status};
use super::manager::Manager;
use crate::serving::fleet::NoAnswer;

/// The largest payload (the guide's 25 MB).
pub const MAX_PAYLOAD: usize = 25 * 1024 * 1024;
/// How long a request waits for processes that are being started again.
const PATIENCE: Duration = Duration::from_secs(30);
/// The longest custom attributes.
const MAX_ATTRIBUTES: usize = 1024;

const ATTRIBUTES: HeaderName = HeaderName::from_static("x-amzn-sagemaker-custom-attributes");
const INFERENCE_ID: HeaderName = HeaderName::from_static("x-amzn-sagemaker-inference-id");
const VARIANT: HeaderName = HeaderName::from_static("x-amzn-sagemaker-target-variant");
const INVOKED: HeaderName = HeaderName::from_static("x-amzn-invoked-production-variant");
const ERROR_TYPE: HeaderName = HeaderName::from_static("x-amzn-errortype");

/// An error in the runtime's form: the code in a header, the text in the body.
pub fn error(code: &'static str, status: StatusCode, body: Value) -> Response<Body> {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
        .headers_mut()
        .insert(ERROR_TYPE, HeaderValue::from_static(code));
    response
}

/// The runtime's error for what the caller did wrong.
pub fn validation(message: impl Into<String>) -> Response<Body> {
    error(
        "ValidationError",
        StatusCode::BAD_REQUEST,
        json!({ "Message": message.into() }),
    )
}

/// Answers a request for an endpoint.
pub async fn answer(manager: &Arc<Manager>, parts: &Parts, body: Bytes) -> Response<Body> {
    let path = parts.uri.path();
    let Some((name, operation)) = path.strip_prefix("/endpoints/").and_then(|rest| rest.split_once('/')) else {
        return error(
            "UnknownOperationException",
            StatusCode::NOT_FOUND,
            json!({ "Message": format!("The local service does not know {path}") }),
        );
    };
    match operation {
        "invocations" if parts.method == http::Method::POST => {}
        "async-invocations" => return validation("The local service does not support InvokeEndpointAsync."),
        "invocations-response-stream" => {
            return validation("The local service does not support InvokeEndpointWithResponseStream.");
        }
        _ => {
            return error(
                "UnknownOperationException",
                StatusCode::NOT_FOUND,
                json!({ "Message": format!("The local service does not know {} {path}", parts.method) }),
            );
        }
    }
    match invoke(manager, name, &parts.headers, body).await {
        Ok(response) | Err(response) => response,
    }
}

async fn invoke(
    manager: &Arc<Manager>,
    name: &str,
    headers: &HeaderMap,
    body: Bytes,
) -> Result<Response<Body>, Response<Body>> {
    let account = &manager.identity.account;
    let missing = || validation(format!("Endpoint {name} of account {account} not found."));
    let mut endpoint = manager.find(name).map_err(|_| missing())?;
    refuse(headers).map_err(validation)?;
    if headers
        .get(&ATTRIBUTES)
        .is_some_and(|value| value.len() > MAX_ATTRIBUTES || value.to_str().is_err())
    {
        return Err(validation(
            "CustomAttributes must be at most 1024 visible US-ASCII characters.",
        ));
    }
    let until = Instant::now() + PATIENCE;
    let fleet = loop {
        match (endpoint.status, manager.fleet(name)) {
            (Status::InService | Status::Updating, Some(fleet)) => break fleet,
            // In service, but the service itself has just been started: its processes come.
            (Status::InService | Status::Updating, None) if Instant::now() < until => {
                tokio::time::sleep(Duration::from_millis(20)).await;
                endpoint = manager.find(name).map_err(|_| missing())?;
            }
            (status, _) => {
                let reason = endpoint.failure.map(|reason| format!(" {reason}")).unwrap_or_default();
                return Err(validation(format!(
                    "Endpoint {name} of account {account} is not in service: its status is {}.{reason}",
                    status.as_str()
                )));
            }
        }
    };
    let variant = endpoint
        .current
        .as_ref()
        .map(|current| current.variant.clone())
        .unwrap_or_default();
    if let Some(target) = headers.get(&VARIANT)
        && target.as_bytes() != variant.as_bytes()
    {
        let target = String::from_utf8_lossy(target.as_bytes()).into_owned();
        return Err(validation(format!(
            "Variant {target} not found for endpoint {name}; it has {variant}."
        )));
    }
    // Only the runtime's own headers reach the container.
    let mut passed = HeaderMap::new();
    for header in [CONTENT_TYPE, ACCEPT, ATTRIBUTES, INFERENCE_ID] {
        if let Some(value) = headers.get(&header) {
            passed.insert(header, value.clone());
        }
    }
    let answered = match fleet.invoke(&passed, body).await {
        Ok(answered) => answered,
        Err(failed) => return Err(no_answer(manager, &endpoint, &failed)),
    };
    if !answered.status.is_success() {
        let text = String::from_utf8_lossy(&answered.body).into_owned();
        return Err(model_error(manager, &endpoint, answered.status.as_u16(), &text));
    }
    let mut response = Response::new(Body::from(answered.body));
    for header in [CONTENT_TYPE, ATTRIBUTES] {
        if let Some(value) = answered.headers.get(&header) {
            response.headers_mut().insert(header, value.clone());
        }
    }
    if let Ok(variant) = HeaderValue::from_str(&variant) {
        response.headers_mut().insert(INVOKED, variant);
    }
    Ok(response)
}

fn refuse(headers: &HeaderMap) -> Result<(), String> {
    for (header, what) in [
        ("x-amzn-sagemaker-target-model", "TargetModel (multi-model endpoints)"),
        ("x-amzn-sagemaker-target-container-hostname", "TargetContainerHostname"),
        ("x-amzn-sagemaker-inference-component", "InferenceComponentName"),
        ("x-amzn-sagemaker-enable-explanations", "EnableExplanations"),
        ("x-amzn-sagemaker-session-id", "SessionId (stateful sessions)"),
    ] {
        if headers.contains_key(header) {
            return Err(format!("The local service does not support {what}."));
        }
    }
    Ok(())
}

fn no_answer(manager: &Manager, endpoint: &Endpoint, failed: &NoAnswer) -> Response<Body> {
    tracing::warn!("endpoint {}: {failed}", endpoint.name);
    model_error(
        manager,
        endpoint,
        if matches!(failed, NoAnswer::TimedOut) { 0 } else { 500 },
        &failed.to_string(),
    )
}

fn model_error(manager: &Manager, endpoint: &Endpoint, status: u16, text: &str) -> Response<Body> {
    let side = if (400..500).contains(&status) {
        "client"
    } else {
        "server"
    };
    // Long pages of HTML help nobody; the log has all of it.
    let shown: String = text.chars().take(4096).collect();
    let message = format!(
        "Received {side} error ({status}) from primary with message \"{shown}\". See the log of endpoint {} for more information.",
        endpoint.name
    );
    let log = format!(
        "arn:aws:logs:{}:{}:log-group:/aws/sagemaker/Endpoints/{}",
        manager.identity.region, manager.identity.account, endpoint.name
    );
    let body = json!({
        "ErrorCode": if side == "client" { "CLIENT_ERROR_FROM_MODEL" } else { "INTERNAL_FAILURE_FROM_MODEL" },
        "LogStreamArn": log,
        "Message": message,
        "OriginalMessage": shown,
        "OriginalStatusCode": status,
    });
    error("ModelError", StatusCode::FAILED_DEPENDENCY, body)
}
