//! Models: an image of a built-in algorithm, where its artifact lies, its variables.

use ironsage_contract::{ModelName, S3Uri, images};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Identity;
use super::json::{ApiError, Members, object, seconds};
use super::list::{Item, page};
use crate::store::Store;
use crate::store::rows::{decode, encode, now_ms};

/// The kind in the index and in ARNs.
pub const KIND: &str = "model";

/// A model as it is kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Model {
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// Milliseconds since 1970.
    pub created: i64,
    /// The image URI.
    pub image: String,
    /// The algorithm that the image stands for.
    pub algorithm: String,
    /// The artifact.
    pub data: Option<S3Uri>,
    /// Variables for the serving process.
    pub environment: Vec<(String, String)>,
    /// What Describe gives back as it was sent.
    pub echo: Value,
}

/// Reads a model.
pub fn find(store: &Store, identity: &Identity, name: &str) -> Result<Model, ApiError> {
    let row = store.index.read(|rx| rx.resource(KIND, name))?;
    let row =
        row.ok_or_else(|| ApiError::validation(format!("Could not find model \"{}\".", identity.arn(KIND, name))))?;
    Ok(decode(name, &row)?)
}

fn artifact(container: &Members<'_>) -> Result<Option<S3Uri>, ApiError> {
    let parse = |member: &str, text: &str| {
        if !text.starts_with("s3://") {
            return Err(ApiError::validation(format!(
                "1 validation error detected: Value '{text}' at '{member}' failed to satisfy constraint: Member must satisfy regular expression pattern: (https|s3)://([^/]+)/?(.*)"
            )));
        }
        let uri: S3Uri = text
            .parse()
            .map_err(|error| ApiError::validation(format!("{member}: {error}")))?;
        if uri.is_prefix() || !(uri.key().ends_with(".tar.gz") || uri.key().ends_with(".tgz")) {
            return Err(ApiError::validation(format!(
                "{member}: {text} is not a .tar.gz object"
            )));
        }
        Ok(uri)
    };
    if let Some(url) = container.text("ModelDataUrl")? {
        if container.get("ModelDataSource").is_some() {
            return Err(ApiError::validation(
                "Only one of ModelDataUrl and ModelDataSource can be given.",
            ));
        }
        return parse(&container.path("ModelDataUrl"), url).map(Some);
    }
    let Some(source) = container.inner("ModelDataSource")? else {
        return Ok(None);
    };
    source.only(&["S3DataSource"])?;
    let source = source
        .inner("S3DataSource")?
        .ok_or_else(|| source.missing("S3DataSource"))?;
    source.only(&["S3Uri", "S3DataType", "CompressionType"])?;
    let kind = source
        .choice("S3DataType", &["S3Prefix", "S3Object"])?
        .ok_or_else(|| source.missing("S3DataType"))?;
    let compression = source.choice("CompressionType", &["None", "Gzip"])?;
    if kind != "S3Object" || compression != Some("Gzip") {
        return Err(ApiError::unsupported(
            "a ModelDataSource other than one S3Object with CompressionType Gzip",
        ));
    }
    parse(&source.path("S3Uri"), source.need_text("S3Uri")?).map(Some)
}

/// `CreateModel`.
pub async fn create(store: &Store, identity: &Identity, request: &Members<'_>) -> Result<Value, ApiError> {
    let name = request.need_name("ModelName", ModelName::new)?.into_string();
    request.only(&[
        "ModelName",
        "PrimaryContainer",
        "Containers",
        "ExecutionRoleArn",
        "Tags",
        "InferenceExecutionConfig",
    ])?;
    request.tags()?;
    let containers = request.list("Containers")?;
    let primary = request.inner("PrimaryContainer")?;
    let container = match (primary, containers) {
        (Some(primary), None) => primary,
        (None, Some(mut containers)) if containers.len() == 1 => containers.remove(0),
        (None, Some(containers)) if containers.len() > 1 => {
            return Err(ApiError::unsupported(
                "models of several Containers (inference pipelines)",
            ));
        }
        (Some(_), Some(_)) => {
            return Err(ApiError::validation(
                "Only one of PrimaryContainer and Containers can be given.",
            ));
        }
        _ => return Err(request.missing("PrimaryContainer")),
    };
    container.only(&[
        "Image",
        "ModelDataUrl",
        "ModelDataSource",
        "Environment",
        "ContainerHostname",
        "Mode",
        "ImageConfig",
    ])?;
    if container.choice("Mode", &["SingleModel", "MultiModel"])? == Some("MultiModel") {
        return Err(ApiError::unsupported("Mode MultiModel"));
    }
    let image = container.need_text("Image")?;
    if image.len() > 255 || image.chars().any(char::is_whitespace) {
        return Err(container.broken("Image", "Member must satisfy regular expression pattern: [\\S]+"));
    }
    let algorithm = match images::algorithm_of(image) {
        Some(algorithm) if images::BUILT.contains(&algorithm) => algorithm,
        Some(algorithm) => {
            return Err(ApiError::validation(format!(
                "The image {image} is {algorithm}, which this version of Ironsage does not run yet; it runs {}.",
                images::BUILT.join(", ")
            )));
        }
        None => {
            return Err(ApiError::validation(format!(
                "The image {image} is not one of a built-in algorithm. The local service runs {}, for example {}.",
                images::BUILT.join(", "),
                images::BUILT
                    .first()
                    .and_then(|name| images::image_uri(name, &identity.region))
                    .unwrap_or_default()
            )));
        }
    };
    let data = artifact(&container)?;
    if let Some(data) = &data {
        let found = store.index.read(|rx| rx.object(data.bucket(), data.key()))?;
        if found.is_none() {
            return Err(ApiError::validation(format!("Could not find model data at {data}.")));
        }
    }
    let environment = container.texts("Environment")?;
    check_environment(&environment, &container.path("Environment"))?;
    let echo = object([
        ("PrimaryContainer", request.echo("PrimaryContainer")),
        ("Containers", request.echo("Containers")),
        ("ExecutionRoleArn", request.echo("ExecutionRoleArn")),
        ("InferenceExecutionConfig", request.echo("InferenceExecutionConfig")),
    ]);
    let arn = identity.arn(KIND, &name);
    let model = Model {
        name: name.clone(),
        arn: arn.clone(),
        created: now_ms(),
        image: image.to_owned(),
        algorithm: algorithm.to_owned(),
        data,
        environment,
        echo,
    };
    let row = encode(&model)?;
    let shown = arn.clone();
    store
        .index
        .write(move |tx| -> Result<(), ApiError> {
            if tx.resource(KIND, &name)?.is_some() {
                return Err(ApiError::validation(format!(
                    "Cannot create already existing model \"{shown}\"."
                )));
            }
            Ok(tx.put_resource(KIND, &name, &row)?)
        })
        .await?;
    Ok(json!({ "ModelArn": arn }))
}

fn check_environment(environment: &[(String, String)], path: &str) -> Result<(), ApiError> {
    let refused = |constraint: String| {
        Err(ApiError::validation(format!(
            "1 validation error detected: Value at '{path}' failed to satisfy constraint: {constraint}"
        )))
    };
    if environment.len() > 100 {
        return refused("Map must have size less than or equal to 100".to_owned());
    }
    for (name, value) in environment {
        let first = name.bytes().next();
        let right = first.is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
            && name.len() <= 1024;
        if !right {
            return refused(format!(
                "Map keys must satisfy regular expression pattern: [a-zA-Z_][a-zA-Z0-9_]*, not '{name}'"
            ));
        }
        if value.chars().count() > 1024 || value.contains('\0') {
            return refused(format!(
                "Map value of '{name}' must have length less than or equal to 1024"
            ));
        }
    }
    Ok(())
}

/// `DescribeModel`.
pub fn describe(store: &Store, identity: &Identity, request: &Members<'_>) -> Result<Value, ApiError> {
    let name = request.need_name("ModelName", ModelName::new)?;
    request.only(&["ModelName"])?;
    let model = find(store, identity, name.as_str())?;
    let mut answer = object([
        ("ModelName", Some(json!(model.name))),
        ("ModelArn", Some(json!(model.arn))),
        ("CreationTime", Some(seconds(model.created))),
        ("EnableNetworkIsolation", Some(json!(false))),
    ]);
    if let (Value::Object(answer), Value::Object(echo)) = (&mut answer, model.echo) {
        answer.extend(echo);
    }
    Ok(answer)
}

/// `DeleteModel`.
pub async fn delete(store: &Store, identity: &Identity, request: &Members<'_>) -> Result<Value, ApiError> {
    let name = request.need_name("ModelName", ModelName::new)?.into_string();
    request.only(&["ModelName"])?;
    let missing = ApiError::validation(format!("Could not find model \"{}\".", identity.arn(KIND, &name)));
    let found = store
        .index
        .write(move |tx| -> Result<bool, ApiError> { Ok(tx.remove_resource(KIND, &name)?) })
        .await?;
    if found { Ok(Value::Null) } else { Err(missing) }
}

/// `ListModels`.
pub fn list(store: &Store, request: &Members<'_>) -> Result<Value, ApiError> {
    let rows = store.index.read(|rx| rx.resources(KIND))?;
    let mut items = Vec::with_capacity(rows.len());
    for row in rows {
        let model: Model = decode(KIND, &row)?;
        let shown = json!({ "ModelName": model.name, "ModelArn": model.arn, "CreationTime": seconds(model.created) });
        items.push(Item {
            name: model.name,
            created: model.created,
            modified: model.created,
            status: None,
            shown,
        });
    }
    let (shown, token) = page(request, &["Name", "CreationTime"], &[], items)?;
    Ok(object([
        ("Models", Some(Value::Array(shown))),
        ("NextToken", token.map(Value::String)),
    ]))
}
