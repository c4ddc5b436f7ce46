//! A saved model behind an endpoint: its artifact in the store, a model, a configuration, the endpoint.
//!
//! Model and configuration are named after the artifact's bytes, so that the same model under the same name
//! is recognised and left alone, and another one is an update under which the old one goes on answering.

use std::time::{Duration, Instant};

use ironsage_client::{Client, Endpoint, EndpointStatus, Transfer};
use ironsage_contract::images;
use ironsage_contract::uri::S3Uri;
use ironsage_display::{Front, Progress};
use ironsage_formats::{artifact, model_algo};
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
    let Packed { archive, hash } = pack(model)?;
    let name = versioned_name(endpoint, &hash);
    let existing = client.describe_endpoint(endpoint)?;
    let unchanged = existing.as_ref().is_some_and(|there| there.config == name);
    match &existing {
        Some(there) if unchanged && there.status == EndpointStatus::InService => return Ok(Deployed::Unchanged),
        Some(there) if there.status.is_moving() => {
            let moving = format!("stopped waiting: `{endpoint}` is {} and was not changed", there.status);
            let settled = client.wait_endpoint(endpoint, &Stop(front));
            settled.map_err(|error| MagicError::from(error).when_stopped(moving))?;
        }
        Some(there) if there.status == EndpointStatus::Failed => {
            client.delete_endpoint(endpoint)?;
            let failed = format!("stopped: `{endpoint}`, which had failed, is being deleted, and nothing was deployed");
            let gone = client.wait_endpoint_gone(endpoint, &Stop(front));
            gone.map_err(|error| MagicError::from(error).when_stopped(failed))?;
        }
        _ => {}
    }

    let progress = Progress::start(front, &format!("deploying {endpoint}"));
    progress.set(None, "uploading the model");
    let artifact = upload(client, &name, archive, front)
        .map_err(|error| error.when_stopped("stopped while the model was sent; no endpoint was made or changed"))?;
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
    let going_on = format!("stopped waiting: `{endpoint}` goes on starting, `%endpoint ls` shows when it is InService");
    let endpoint_now = answering.map_err(|error| {
        MagicError::from(error)
            .when_stopped(going_on)
            .with_hint(format!("`%undeploy {endpoint}` takes it away"))
    })?;
    rolled_back(&endpoint_now, &name)?;
    progress.finish("InService");
    match previous {
        Some(old) if old != name => {
            forget(client, endpoint, &old);
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

/// Removes the configuration that `%deploy` made for an endpoint, and the model of the same name. Another's is left
/// alone; what is gone already is fine, and one that stays does no harm, so that nothing here fails a deployment
/// that succeeded.
pub(crate) fn forget(client: &Client, endpoint: &str, name: &str) {
    if !is_ours(endpoint, name) {
        return;
    }
    for removed in [client.delete_endpoint_config(name), client.delete_model(name)] {
        if let Err(error) = removed {
            tracing::warn!(name, %error, "an old model or configuration was left behind");
        }
    }
}

/// A model on its way to an endpoint.
struct Packed {
    archive: Vec<u8>,
    /// Eight digits of the hash of weights and card: what answers. (The training's report in the archive is no part
    /// of it, since its numbers are not read back to the last bit.)
    hash: String,
}

/// Packs the model that is bound. What is saved under its name may be another notebook's by now.
fn pack(model: &SavedModel) -> Result<Packed, MagicError> {
    let temporary = std::env::temp_dir();
    let failed = |error: std::io::Error| MagicError::file(&temporary, "pack the model in", &error);
    let folder = tempfile::tempdir().map_err(failed)?;
    model.write_artifact(folder.path())?;
    let mut hash = Sha256::new();
    for name in [model_algo::FILE_NAME, artifact::CARD_NAME] {
        hash.update(std::fs::read(folder.path().join(name)).map_err(failed)?);
    }
    let mut archive = Vec::new();
    artifact::pack(folder.path(), &mut archive)?;
    let hash = hash.finalize();
    Ok(Packed {
        archive,
        hash: hash.iter().take(4).map(|byte| format!("{byte:02x}")).collect(),
    })
}

/// The endpoint's name and the model's hash, within AWS's 63 characters.
fn versioned_name(endpoint: &str, hash: &str) -> String {
    format!("{}-{hash}", stem(endpoint))
}

fn stem(endpoint: &str) -> String {
    let stem: String = endpoint.chars().take(54).collect();
    stem.trim_end_matches('-').to_owned()
}

/// Whether a name is one that [`versioned_name`] gives.
fn is_ours(endpoint: &str, name: &str) -> bool {
    let hash = name
        .strip_prefix(&stem(endpoint))
        .and_then(|rest| rest.strip_prefix('-'));
    hash.is_some_and(|hash| hash.len() == 8 && hash.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')))
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
    #![allow(clippy::unwrap_used)]
    use ironsage_contract::home::Home;

    use super::*;
    use crate::model_store::{self, tests::line};

    #[test]
    fn names_follow_the_model_that_is_bound_and_fit() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path());
        let one = line(&home, 1.0);
        let hash = pack(&one).unwrap().hash;
        assert_eq!(
            pack(&model_store::open(&home, "line").unwrap()).unwrap().hash,
            hash,
            "opened again it is the same"
        );
        assert_ne!(pack(&line(&home, 2.0)).unwrap().hash, hash);
        model_store::remove(&home, "line").unwrap();
        assert_eq!(pack(&one).unwrap().hash, hash, "whatever is on disk by now");
        assert!(versioned_name(&"x".repeat(63), &hash).len() <= 63);
    }

    #[test]
    fn only_what_was_made_for_this_endpoint_is_forgotten() {
        let long = "x".repeat(63);
        assert!(is_ours("shell-age", "shell-age-0123abcd"));
        assert!(is_ours(&long, &versioned_name(&long, "0123abcd")));
        for other in [
            "prod-config",
            "shell-age",
            "shell-age-prod",
            "shell-age-0123ABCD",
            "shell-age-2-0123abcd",
        ] {
            assert!(!is_ours("shell-age", other), "{other}");
        }
    }
}
