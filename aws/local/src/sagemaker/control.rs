//! The control plane's table of operations: `X-Amz-Target: SageMaker.<Operation>`, a JSON
//! body, a JSON answer or none.

use std::sync::Arc;

use serde_json::{Value, json};

use super::json::{ApiError, Members};
use super::manager::Manager;
use super::{configs, endpoints, models};

/// Answers one operation.
pub async fn answer(manager: &Arc<Manager>, target: &str, body: &[u8]) -> Result<Value, ApiError> {
    let Some(operation) = target.strip_prefix("SageMaker.") else {
        return Err(unknown(target));
    };
    // serde_json stops at 128 levels, so a deep body costs nothing.
    let value: Value = if body.is_empty() {
        json!({})
    } else {
        serde_json::from_slice(body).map_err(|error| ApiError {
            code: "SerializationException",
            status: 400,
            message: format!("The request is not JSON: {error}"),
        })?
    };
    let request = Members::new(&value)?;
    let (store, identity) = (&*manager.store, &manager.identity);
    match operation {
        "CreateModel" => models::create(store, identity, &request).await,
        "DescribeModel" => models::describe(store, identity, &request),
        "DeleteModel" => models::delete(store, identity, &request).await,
        "ListModels" => models::list(store, &request),
        "CreateEndpointConfig" => configs::create(store, identity, &request).await,
        "DescribeEndpointConfig" => configs::describe(store, identity, &request),
        "DeleteEndpointConfig" => configs::delete(store, identity, &request).await,
        "ListEndpointConfigs" => configs::list(store, &request),
        "CreateEndpoint" => endpoints::create(manager, &request).await,
        "UpdateEndpoint" => endpoints::update(manager, &request).await,
        "DescribeEndpoint" => endpoints::describe(manager, &request),
        "DeleteEndpoint" => endpoints::delete(manager, &request).await,
        "ListEndpoints" => endpoints::list(manager, &request),
        other => Err(unknown(other)),
    }
}

fn unknown(operation: &str) -> ApiError {
    let shown: String = operation.chars().take(100).collect();
    ApiError {
        code: "UnknownOperationException",
        status: 400,
        message: format!("The local service does not know the operation {shown}."),
    }
}
