//! Models as SageMaker knows them: an image, an artifact and an environment under a name.

use aws_sdk_sagemaker::types::ContainerDefinition;
use ironsage_contract::{S3Uri, Scheme};

use crate::failure::Target;
use crate::{Client, ClientError, Resource};

/// A model of SageMaker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelRecord {
    /// Its name.
    pub name: String,
    /// The image that serves it.
    pub image: String,
    /// Where its artifact lies, as an `s3://` address; empty for an image that brings its own.
    pub model_data: String,
    /// The serving process's environment, sorted by name.
    pub environment: Vec<(String, String)>,
}

impl Client {
    /// Makes a model of an image and an artifact.
    pub fn create_model(
        &self,
        name: &str,
        image: &str,
        model_data: &S3Uri,
        environment: &[(String, String)],
    ) -> Result<(), ClientError> {
        let Some(role) = &self.place().role else {
            return Err(ClientError::NoRole {
                place: self.place().title(),
            });
        };
        let container = ContainerDefinition::builder()
            .image(image)
            // On the wire there is one scheme: which store is meant is decided by the place.
            .model_data_url(model_data.with_scheme(Scheme::S3).to_string())
            .set_environment((!environment.is_empty()).then(|| environment.iter().cloned().collect()))
            .build();
        let request = self
            .sagemaker()
            .create_model()
            .model_name(name)
            .execution_role_arn(role)
            .primary_container(container);
        self.run(&(), async {
            let made = request.send().await;
            made.map_err(|error| self.doing("making", model(name)).failed(error))?;
            Ok(())
        })
    }

    /// A model, or `None`.
    pub fn describe_model(&self, name: &str) -> Result<Option<ModelRecord>, ClientError> {
        self.run(&(), async {
            let answer = self.sagemaker().describe_model().model_name(name).send().await;
            let answer = answer.map_err(|error| self.doing("reading", model(name)).failed(error));
            let Some(answer) = unless_missing(answer)? else {
                return Ok(None);
            };
            let container = answer.primary_container().or_else(|| answer.containers().first());
            let mut environment: Vec<(String, String)> = container
                .and_then(|container| container.environment())
                .map(|pairs| pairs.iter().map(|(k, v)| (k.clone(), v.clone())).collect())
                .unwrap_or_default();
            environment.sort();
            Ok(Some(ModelRecord {
                name: answer.model_name().unwrap_or(name).to_owned(),
                image: container.and_then(|c| c.image()).unwrap_or("").to_owned(),
                model_data: container.and_then(|c| c.model_data_url()).unwrap_or("").to_owned(),
                environment,
            }))
        })
    }

    /// Deletes a model; its artifact stays. `false` when there was none.
    pub fn delete_model(&self, name: &str) -> Result<bool, ClientError> {
        self.run(&(), async {
            let deleted = self.sagemaker().delete_model().model_name(name).send().await;
            let deleted = deleted.map_err(|error| self.doing("deleting", model(name)).failed(error));
            Ok(unless_missing(deleted)?.is_some())
        })
    }
}

fn model(name: &str) -> Target {
    Target::Resource(Resource::Model, name.to_owned())
}

/// A resource that isn't there is no error to who asks for it or removes it.
pub(crate) fn unless_missing<T>(answer: Result<T, ClientError>) -> Result<Option<T>, ClientError> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(ClientError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}
