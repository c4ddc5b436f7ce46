//! Endpoints as requests see them.

use std::sync::Arc;

use ironsage_contract::{EndpointConfigName, EndpointName};
use serde_json::{Value, json};

use super::endpoint::{Deployment, Endpoint, Status};
use super::json::{ApiError, Members, object, seconds};
use super::list::{Item, page};
use super::manager::Manager;
use super::{configs, models};
use crate::store::rows::now_ms;

const STATUSES: &[&str] = &[
    "OutOfService",
    "Creating",
    "Updating",
    "SystemUpdating",
    "RollingBack",
    "InService",
    "Deleting",
    "Failed",
    "UpdateRollbackFailed",
];

fn deployment(manager: &Manager, config: &str) -> Result<Deployment, ApiError> {
    let config = configs::find(&manager.store, &manager.identity, config)?;
    let model = models::find(&manager.store, &manager.identity, &config.variant.model)?;
    Ok(Deployment {
        id: uuid::Uuid::new_v4().simple().to_string(),
        config: config.name,
        variant: config.variant.name,
        weight: config.variant.weight,
        count: config.variant.count,
        startup_seconds: config.variant.startup_seconds,
        image: model.image,
        algorithm: model.algorithm,
        data: model.data,
        environment: model.environment,
        started: now_ms(),
    })
}

/// All-at-once blue/green is what is done; anything else asked for is refused.
fn check_policy(request: &Members<'_>) -> Result<(), ApiError> {
    let Some(config) = request.inner("DeploymentConfig")? else {
        return Ok(());
    };
    config.only(&["BlueGreenUpdatePolicy"])?;
    let Some(policy) = config.inner("BlueGreenUpdatePolicy")? else {
        return Ok(());
    };
    policy.only(&[
        "TrafficRoutingConfiguration",
        "TerminationWaitInSeconds",
        "MaximumExecutionTimeoutInSeconds",
    ])?;
    if policy.integer("TerminationWaitInSeconds", 0, 3600)?.unwrap_or(0) > 0 {
        return Err(ApiError::unsupported("TerminationWaitInSeconds"));
    }
    if let Some(routing) = policy.inner("TrafficRoutingConfiguration")?
        && routing.choice("Type", &["ALL_AT_ONCE", "CANARY", "LINEAR"])? != Some("ALL_AT_ONCE")
    {
        return Err(ApiError::unsupported("traffic routing other than ALL_AT_ONCE"));
    }
    Ok(())
}

/// `CreateEndpoint`.
pub async fn create(manager: &Arc<Manager>, request: &Members<'_>) -> Result<Value, ApiError> {
    let name = request.need_name("EndpointName", EndpointName::new)?;
    let config = request.need_name("EndpointConfigName", EndpointConfigName::new)?;
    request.only(&["EndpointName", "EndpointConfigName", "Tags", "DeploymentConfig"])?;
    request.tags()?;
    check_policy(request)?;
    let deployment = deployment(manager, config.as_str())?;
    manager.create(name.as_str(), deployment).await?;
    Ok(json!({ "EndpointArn": manager.identity.arn(super::manager::KIND, name.as_str()) }))
}

/// `UpdateEndpoint`.
pub async fn update(manager: &Arc<Manager>, request: &Members<'_>) -> Result<Value, ApiError> {
    let name = request.need_name("EndpointName", EndpointName::new)?;
    let config = request.need_name("EndpointConfigName", EndpointConfigName::new)?;
    request.only(&["EndpointName", "EndpointConfigName", "DeploymentConfig"])?;
    check_policy(request)?;
    manager.find(name.as_str())?;
    let deployment = deployment(manager, config.as_str())?;
    manager.update(name.as_str(), deployment).await?;
    Ok(json!({ "EndpointArn": manager.identity.arn(super::manager::KIND, name.as_str()) }))
}

/// `DeleteEndpoint`.
pub async fn delete(manager: &Arc<Manager>, request: &Members<'_>) -> Result<Value, ApiError> {
    let name = request.need_name("EndpointName", EndpointName::new)?;
    request.only(&["EndpointName"])?;
    manager.delete(name.as_str()).await?;
    Ok(Value::Null)
}

fn variant(deployment: &Deployment, running: usize, status: Option<&str>) -> Value {
    json!([{
        "VariantName": deployment.variant,
        "DeployedImages": [{
            "SpecifiedImage": deployment.image,
            "ResolvedImage": deployment.image,
            "ResolutionTime": seconds(deployment.started),
        }],
        "CurrentWeight": deployment.weight,
        "DesiredWeight": deployment.weight,
        "CurrentInstanceCount": running,
        "DesiredInstanceCount": deployment.count,
        "VariantStatus": status.map(|status| json!([{ "Status": status, "StartTime": seconds(deployment.started) }])).unwrap_or(json!([])),
    }])
}

fn describe_row(endpoint: &Endpoint) -> Value {
    let shown = endpoint.current.as_ref().or(endpoint.pending.as_ref());
    let (running, status) = match (endpoint.status, &endpoint.current) {
        (Status::Creating, _) | (_, None) => (0, (endpoint.status == Status::Creating).then_some("Creating")),
        (Status::Failed, Some(_)) => (0, None),
        (Status::Deleting, Some(current)) => (current.count, Some("Deleting")),
        (_, Some(current)) => (current.count, None),
    };
    let pending = endpoint
        .pending
        .as_ref()
        .filter(|_| endpoint.status == Status::Updating)
        .map(|pending| {
            json!({
                "EndpointConfigName": pending.config,
                "ProductionVariants": variant(pending, 0, Some("Creating")),
                "StartTime": seconds(pending.started),
            })
        });
    object([
        ("EndpointName", Some(json!(endpoint.name))),
        ("EndpointArn", Some(json!(endpoint.arn))),
        ("EndpointConfigName", shown.map(|shown| json!(shown.config))),
        ("ProductionVariants", shown.map(|shown| variant(shown, running, status))),
        ("EndpointStatus", Some(json!(endpoint.status.as_str()))),
        ("FailureReason", endpoint.failure.as_ref().map(|reason| json!(reason))),
        ("CreationTime", Some(seconds(endpoint.created))),
        ("LastModifiedTime", Some(seconds(endpoint.modified))),
        ("PendingDeploymentSummary", pending),
    ])
}

/// `DescribeEndpoint`.
pub fn describe(manager: &Manager, request: &Members<'_>) -> Result<Value, ApiError> {
    let name = request.need_name("EndpointName", EndpointName::new)?;
    request.only(&["EndpointName"])?;
    Ok(describe_row(&manager.find(name.as_str())?))
}

/// `ListEndpoints`.
pub fn list(manager: &Manager, request: &Members<'_>) -> Result<Value, ApiError> {
    let items = manager
        .all()?
        .into_iter()
        .map(|endpoint| {
            let shown = json!({
                "EndpointName": endpoint.name,
                "EndpointArn": endpoint.arn,
                "CreationTime": seconds(endpoint.created),
                "LastModifiedTime": seconds(endpoint.modified),
                "EndpointStatus": endpoint.status.as_str(),
            });
            Item {
                name: endpoint.name,
                created: endpoint.created,
                modified: endpoint.modified,
                status: Some(endpoint.status.as_str().to_owned()),
                shown,
            }
        })
        .collect();
    let (shown, token) = page(request, &["Name", "CreationTime", "Status"], STATUSES, items)?;
    Ok(object([
        ("Endpoints", Some(Value::Array(shown))),
        ("NextToken", token.map(Value::String)),
    ]))
}
