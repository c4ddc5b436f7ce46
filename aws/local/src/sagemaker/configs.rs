//! Endpoint configurations: which model runs on how many instances.

use ironsage_contract::{EndpointConfigName, ModelName, VariantName};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::json::{ApiError, Members, object, seconds};
use super::list::{Item, page};
use super::{Identity, models};
use crate::store::Store;
use crate::store::rows::{decode, encode, now_ms};

/// The kind in the index and in ARNs.
pub const KIND: &str = "endpoint-config";
/// As many processes as one variant may have here.
const MAX_INSTANCES: i64 = 16;
/// How long a container may take to answer pings, by default.
const STARTUP_SECONDS: i64 = 240;

/// A production variant.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Variant {
    /// Its name.
    pub name: String,
    /// The model it runs.
    pub model: String,
    /// On how many instances.
    pub count: usize,
    /// Of which type.
    pub instance_type: String,
    /// Its share of the requests.
    pub weight: f64,
    /// How long a container may take to answer pings.
    pub startup_seconds: u64,
}

/// An endpoint configuration as it is kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Config {
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// Milliseconds since 1970.
    pub created: i64,
    /// Its one variant.
    pub variant: Variant,
    /// What Describe gives back as it was sent.
    pub echo: Value,
}

/// Reads a configuration.
pub fn find(store: &Store, identity: &Identity, name: &str) -> Result<Config, ApiError> {
    let row = store.index.read(|rx| rx.resource(KIND, name))?;
    let row = row.ok_or_else(|| missing(identity, name))?;
    Ok(decode(name, &row)?)
}

fn missing(identity: &Identity, name: &str) -> ApiError {
    ApiError::validation(format!(
        "Could not find endpoint configuration \"{}\".",
        identity.arn(KIND, name)
    ))
}

fn variant(variant: &Members<'_>) -> Result<Variant, ApiError> {
    variant.only(&[
        "VariantName",
        "ModelName",
        "InitialInstanceCount",
        "InstanceType",
        "InitialVariantWeight",
        "VolumeSizeInGB",
        "ModelDataDownloadTimeoutInSeconds",
        "ContainerStartupHealthCheckTimeoutInSeconds",
        "RoutingConfig",
    ])?;
    let name = variant.need_name("VariantName", VariantName::new)?.into_string();
    let model = variant.need_name("ModelName", ModelName::new)?.into_string();
    let instance_type = variant.need_text("InstanceType")?;
    let kind = instance_type.strip_prefix("ml.").and_then(|rest| rest.split_once('.'));
    let right = kind.is_some_and(|(family, size)| {
        let plain = |text: &str| {
            !text.is_empty()
                && text
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        };
        plain(family) && plain(size)
    });
    if !right {
        return Err(variant.broken(
            "InstanceType",
            "Member must satisfy enum value set: [ml.t2.medium, ml.m5.large, ml.m5.xlarge, …]",
        ));
    }
    let count = variant
        .integer("InitialInstanceCount", 1, i64::MAX)?
        .ok_or_else(|| variant.missing("InitialInstanceCount"))?;
    if count > MAX_INSTANCES {
        return Err(ApiError {
            code: "ResourceLimitExceeded",
            status: 400,
            message: format!("The local service runs at most {MAX_INSTANCES} processes for a variant, not {count}."),
        });
    }
    let weight = variant.number("InitialVariantWeight")?.unwrap_or(1.0);
    if weight < 0.0 {
        return Err(variant.broken(
            "InitialVariantWeight",
            "Member must have value greater than or equal to 0",
        ));
    }
    variant.integer("VolumeSizeInGB", 1, 512)?;
    variant.integer("ModelDataDownloadTimeoutInSeconds", 60, 3600)?;
    let startup = variant
        .integer("ContainerStartupHealthCheckTimeoutInSeconds", 60, 3600)?
        .unwrap_or(STARTUP_SECONDS);
    Ok(Variant {
        name,
        model,
        count: usize::try_from(count).unwrap_or(1),
        instance_type: instance_type.to_owned(),
        weight,
        startup_seconds: u64::try_from(startup).unwrap_or(240),
    })
}

/// `CreateEndpointConfig`.
pub async fn create(store: &Store, identity: &Identity, request: &Members<'_>) -> Result<Value, ApiError> {
    let name = request
        .need_name("EndpointConfigName", EndpointConfigName::new)?
        .into_string();
    let known = [
        "EndpointConfigName",
        "ProductionVariants",
        "Tags",
        "ExecutionRoleArn",
        "KmsKeyId",
        "DataCaptureConfig",
    ];
    request.only(&known)?;
    // Switched off, it asks for nothing.
    if let Some(capture) = request.inner("DataCaptureConfig")?
        && capture.get("EnableCapture") != Some(&Value::Bool(false))
    {
        return Err(ApiError::unsupported("DataCaptureConfig"));
    }
    if request.get("KmsKeyId").is_some() {
        return Err(ApiError::unsupported("KmsKeyId"));
    }
    request.tags()?;
    let variants = request
        .list("ProductionVariants")?
        .ok_or_else(|| request.missing("ProductionVariants"))?;
    let variant = match variants.as_slice() {
        [] => {
            return Err(request.broken(
                "ProductionVariants",
                "Member must have length greater than or equal to 1",
            ));
        }
        [one] => variant(one)?,
        _ => return Err(ApiError::unsupported("several ProductionVariants")),
    };
    models::find(store, identity, &variant.model)?;
    let arn = identity.arn(KIND, &name);
    let echo = object([
        ("ProductionVariants", request.echo("ProductionVariants")),
        ("ExecutionRoleArn", request.echo("ExecutionRoleArn")),
    ]);
    let config = Config {
        name: name.clone(),
        arn: arn.clone(),
        created: now_ms(),
        variant,
        echo,
    };
    let row = encode(&config)?;
    let shown = arn.clone();
    store
        .index
        .write(move |tx| -> Result<(), ApiError> {
            if tx.resource(KIND, &name)?.is_some() {
                let message = format!("Cannot create already existing endpoint configuration \"{shown}\".");
                return Err(ApiError::validation(message));
            }
            Ok(tx.put_resource(KIND, &name, &row)?)
        })
        .await?;
    Ok(json!({ "EndpointConfigArn": arn }))
}

/// `DescribeEndpointConfig`.
pub fn describe(store: &Store, identity: &Identity, request: &Members<'_>) -> Result<Value, ApiError> {
    let name = request.need_name("EndpointConfigName", EndpointConfigName::new)?;
    request.only(&["EndpointConfigName"])?;
    let config = find(store, identity, name.as_str())?;
    let mut echo = config.echo;
    if let Some(variant) = echo.pointer_mut("/ProductionVariants/0").and_then(Value::as_object_mut) {
        variant
            .entry("InitialVariantWeight")
            .or_insert(json!(config.variant.weight));
    }
    let mut answer = object([
        ("EndpointConfigName", Some(json!(config.name))),
        ("EndpointConfigArn", Some(json!(config.arn))),
        ("CreationTime", Some(seconds(config.created))),
        ("EnableNetworkIsolation", Some(json!(false))),
    ]);
    if let (Value::Object(answer), Value::Object(echo)) = (&mut answer, echo) {
        answer.extend(echo);
    }
    Ok(answer)
}

/// `DeleteEndpointConfig`. A configuration in use may be deleted: endpoints keep their own copy.
pub async fn delete(store: &Store, identity: &Identity, request: &Members<'_>) -> Result<Value, ApiError> {
    let name = request
        .need_name("EndpointConfigName", EndpointConfigName::new)?
        .into_string();
    request.only(&["EndpointConfigName"])?;
    let missing = missing(identity, &name);
    let found = store
        .index
        .write(move |tx| -> Result<bool, ApiError> { Ok(tx.remove_resource(KIND, &name)?) })
        .await?;
    if found { Ok(Value::Null) } else { Err(missing) }
}

/// `ListEndpointConfigs`.
pub fn list(store: &Store, request: &Members<'_>) -> Result<Value, ApiError> {
    let rows = store.index.read(|rx| rx.resources(KIND))?;
    let mut items = Vec::with_capacity(rows.len());
    for row in rows {
        let config: Config = decode(KIND, &row)?;
        let shown = json!({
            "EndpointConfigName": config.name,
            "EndpointConfigArn": config.arn,
            "CreationTime": seconds(config.created),
        });
        items.push(Item {
            name: config.name,
            created: config.created,
            modified: config.created,
            status: None,
            shown,
        });
    }
    let (shown, token) = page(request, &["Name", "CreationTime"], &[], items)?;
    Ok(object([
        ("EndpointConfigs", Some(Value::Array(shown))),
        ("NextToken", token.map(Value::String)),
    ]))
}
