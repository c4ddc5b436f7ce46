//! A saved model behind an endpoint: its artifact in the store, a model, a configuration, the endpoint.
//!
//! Model and configuration are named after the artifact's bytes, so that the same model under the same name
//! is recognised and left alone, and another one is an update under which the old one goes on answering.

use std::time::{Duration, Instant};

use ironsage_client::{Client, Endpoint, EndpointStatus, Transfer};
use ironsage_contract::images;
use ironsage_contract::uri::S3Uri;
use ironsage_display::{Front, Progress};
use sha2::{Digest, Sha256};

use crate::error::{ErrorKind, MagicError};
use crate::model_store::SavedModel;

/// The model's own name, in the environment of its serving process: what `%endpoint ls` shows.
pub(crate) const ENV_MODEL: &str = "IRONSAGE_MODEL";
/// The recipe's name there, where the endpoint applies one.
pub(crate) const ENV_RECIPE: &str = "IRONSAGE_RECIPE";

/// What deploying did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deployed {
    /// There was no endpoint of this name.
    Created(Duration),
    /// Another model was there, and went on answering until this one did.
    Updated(Duration),
    /// This very model was there.
    Unchanged,
}

/// Puts a model behind an endpoint and waits until it answers.
pub(crate) fn deploy(
    client: &Client,
    endpoint: &str,
    model: &SavedModel,
    instance_type: &str,
    front: &dyn Front,
) -> Result<Deployed, MagicError> {
    let started = Instant::now();
    let archive = pack(model)?;
    let name = versioned_name(endpoint, &archive);
    let existing = client.describe_endpoint(endpoint)?;
    let unchanged = existing.as_ref().is_some_and(|there| there.config == name);
    match &existing {
        Some(there) if unchanged && there.status == EndpointStatus::InService => return Ok(Deployed::Unchanged),
        Some(there) if there.status.is_moving() => {
            client.wait_endpoint(endpoint, &Stop(front))?;
        }
        Some(there) if there.status == EndpointStatus::Failed => {
            client.delete_endpoint(endpoint)?;
            client.wait_endpoint_gone(endpoint, &Stop(front))?;
        }
        _ => {}
    }

    let progress = Progress::start(front, &format!("deploying {endpoint}"));
    progress.set(None, "uploading the model");
    let artifact = upload(client, &name, archive, front)?;
    register(client, &name, model, &artifact, instance_type)?;
    progress.set(None, "starting");
    let there = client.describe_endpoint(endpoint)?;
    let previous = there.as_ref().map(|there| there.config.clone());
    match there {
        Some(_) if !unchanged => client.update_endpoint(endpoint, &name)?,
        Some(_) => {}
        None => client.create_endpoint(endpoint, &name)?,
    }
    let answering = client.wait_endpoint(endpoint, &Stop(front));
    let endpoint_now = answering
        .map_err(|error| MagicError::from(error).with_hint(format!("`%undeploy {endpoint}` takes it away")))?;
    rolled_back(&endpoint_now, &name)?;
    progress.finish("InService");
    match previous {
        Some(old) if old != name => {
            forget(client, &old);
            Ok(Deployed::Updated(started.elapsed()))
        }
        Some(_) => Ok(Deployed::Updated(started.elapsed())),
        None => Ok(Deployed::Created(started.elapsed())),
    }
}

/// The stop button, for waits and transfers.
pub(crate) struct Stop<'a>(pub &'a dyn Front);

impl Transfer for Stop<'_> {
    fn stop(&self) -> bool {
        self.0.interrupted()
    }
}

/// Removes a configuration and the model of the same name; what is gone already is fine, and one that stays
/// does no harm, so that nothing here fails a deployment that succeeded.
pub(crate) fn forget(client: &Client, name: &str) {
    for removed in [client.delete_endpoint_config(name), client.delete_model(name)] {
        if let Err(error) = removed {
            tracing::warn!(name, %error, "an old model or configuration was left behind");
        }
    }
}

fn pack(model: &SavedModel) -> Result<Vec<u8>, MagicError> {
    let mut archive = Vec::new();
    ironsage_formats::artifact::pack(&model.artifact(), &mut archive)?;
    Ok(archive)
}

/// The endpoint's name and eight digits of the artifact's hash, within AWS's 63 characters.
fn versioned_name(endpoint: &str, archive: &[u8]) -> String {
    let hash: String = Sha256::digest(archive)
        .iter()
        .take(4)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let stem: String = endpoint.chars().take(54).collect();
    format!("{}-{hash}", stem.trim_end_matches('-'))
}

/// Uploads to the bucket that SageMaker's own SDKs use by default.
fn upload(client: &Client, name: &str, archive: Vec<u8>, front: &dyn Front) -> Result<S3Uri, MagicError> {
    let place = client.place();
    let account = place.account.as_deref().ok_or_else(|| {
        MagicError::new(
            ErrorKind::ServiceError,
            format!("the account behind {} is not known", place.name),
        )
    })?;
    let bucket = format!("sagemaker-{}-{account}", place.region);
    client.create_bucket(&bucket)?;
    let uri: S3Uri = format!("s3://{bucket}/ironsage/{name}/model.tar.gz")
        .parse()
        .map_err(|error| MagicError::internal(format!("{error}")))?;
    client.put(&uri, archive.into(), "application/gzip", &Stop(front))?;
    Ok(uri)
}

fn register(
    client: &Client,
    name: &str,
    model: &SavedModel,
    artifact: &S3Uri,
    instance_type: &str,
) -> Result<(), MagicError> {
    let region = &client.place().region;
    let image = images::image_uri(&model.card.algorithm, region).ok_or_else(|| {
        MagicError::new(
            ErrorKind::ServiceError,
            format!("there is no image of {} in {region}", model.card.algorithm),
        )
    })?;
    let mut environment = vec![(ENV_MODEL.to_owned(), model.name.clone())];
    if let Some(recipe) = &model.record.recipe {
        environment.push((ENV_RECIPE.to_owned(), recipe.clone()));
    }
    if client.describe_model(name)?.is_none() {
        client.create_model(name, &image, artifact, &environment)?;
    }
    if client.describe_endpoint_config(name)?.is_none() {
        client.create_endpoint_config(name, name, instance_type, 1)?;
    }
    Ok(())
}

/// An update that failed leaves the old model answering, which is not what was asked for.
fn rolled_back(endpoint: &Endpoint, wanted: &str) -> Result<(), MagicError> {
    if endpoint.config == wanted {
        return Ok(());
    }
    let reason = endpoint
        .failure_reason
        .as_deref()
        .unwrap_or("the service gives no reason");
    Err(MagicError::new(
        ErrorKind::ServiceError,
        format!(
            "the update of `{}` failed, and the model before goes on answering: {reason}",
            endpoint.name
        ),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_bytes_and_fit() {
        let name = versioned_name("shell-age", b"one");
        assert_eq!(name, versioned_name("shell-age", b"one"));
        assert_ne!(name, versioned_name("shell-age", b"two"));
        assert!(versioned_name(&"x".repeat(63), b"one").len() <= 63);
    }
}
