//! Endpoints and their configurations: make, update, look at, wait for, delete.

use std::time::{Duration, SystemTime};

use aws_sdk_sagemaker::types::{ProductionVariant, ProductionVariantInstanceType};
use futures::StreamExt as _;

use crate::failure::Target;
use crate::models::unless_missing;
use crate::nearest::nearest;
use crate::{Client, ClientError, Resource, Transfer};

/// The variant's name that AWS's own SDKs use.
const VARIANT: &str = "AllTraffic";
/// How many endpoints are described at once.
const DESCRIBED_AT_ONCE: usize = 4;
/// A create may name a parent that AWS doesn't see yet (it was made a moment ago).
const SETTLE_ATTEMPTS: u32 = 3;
/// Polling slows down to this many times the place's interval.
const SLOWEST_POLL: u32 = 6;

/// What an endpoint is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EndpointStatus {
    /// Being made.
    Creating,
    /// Being updated; the old fleet answers.
    Updating,
    /// Under AWS's maintenance.
    SystemUpdating,
    /// A failed change is being undone.
    RollingBack,
    /// It answers.
    InService,
    /// Not available.
    OutOfService,
    /// Being deleted.
    Deleting,
    /// It never came up; only deleting helps.
    Failed,
    /// An update and its undoing both failed.
    UpdateRollbackFailed,
    /// One that this version doesn't know.
    Other(String),
}

impl EndpointStatus {
    /// As AWS writes it.
    pub fn as_str(&self) -> &str {
        match self {
            EndpointStatus::Creating => "Creating",
            EndpointStatus::Updating => "Updating",
            EndpointStatus::SystemUpdating => "SystemUpdating",
            EndpointStatus::RollingBack => "RollingBack",
            EndpointStatus::InService => "InService",
            EndpointStatus::OutOfService => "OutOfService",
            EndpointStatus::Deleting => "Deleting",
            EndpointStatus::Failed => "Failed",
            EndpointStatus::UpdateRollbackFailed => "UpdateRollbackFailed",
            EndpointStatus::Other(text) => text,
        }
    }

    /// Whether it will change by itself.
    pub fn is_moving(&self) -> bool {
        matches!(
            self,
            EndpointStatus::Creating
                | EndpointStatus::Updating
                | EndpointStatus::SystemUpdating
                | EndpointStatus::RollingBack
        )
    }
}

impl From<&str> for EndpointStatus {
    fn from(text: &str) -> EndpointStatus {
        match text {
            "Creating" => EndpointStatus::Creating,
            "Updating" => EndpointStatus::Updating,
            "SystemUpdating" => EndpointStatus::SystemUpdating,
            "RollingBack" => EndpointStatus::RollingBack,
            "InService" => EndpointStatus::InService,
            "OutOfService" => EndpointStatus::OutOfService,
            "Deleting" => EndpointStatus::Deleting,
            "Failed" => EndpointStatus::Failed,
            "UpdateRollbackFailed" => EndpointStatus::UpdateRollbackFailed,
            other => EndpointStatus::Other(other.to_owned()),
        }
    }
}

impl std::fmt::Display for EndpointStatus {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.pad(self.as_str())
    }
}

impl PartialEq<str> for EndpointStatus {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for EndpointStatus {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

/// An endpoint.
#[derive(Clone, Debug, PartialEq)]
pub struct Endpoint {
    /// Its name.
    pub name: String,
    /// What it is doing.
    pub status: EndpointStatus,
    /// The name of its configuration.
    pub config: String,
    /// Why it failed, or why its last update did.
    pub failure_reason: Option<String>,
    /// When it was made.
    pub created: Option<SystemTime>,
    /// When it last changed.
    pub modified: Option<SystemTime>,
}

/// An endpoint's configuration, of one variant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointConfig {
    /// Its name.
    pub name: String,
    /// The model of its first variant.
    pub model: String,
    /// The instance type of its first variant; empty for a serverless one.
    pub instance_type: String,
    /// The number of instances of its first variant.
    pub count: u32,
}

impl Client {
    /// Makes a configuration with one variant that takes all traffic.
    pub fn create_endpoint_config(
        &self,
        name: &str,
        model: &str,
        instance_type: &str,
        count: u32,
    ) -> Result<(), ClientError> {
        let variant = ProductionVariant::builder()
            .variant_name(VARIANT)
            .model_name(model)
            .instance_type(ProductionVariantInstanceType::from(instance_type))
            .initial_instance_count(i32::try_from(count).unwrap_or(i32::MAX))
            .initial_variant_weight(1.0)
            .build();
        let request = self
            .sagemaker()
            .create_endpoint_config()
            .endpoint_config_name(name)
            .production_variants(variant);
        self.run(
            &(),
            self.settle(async || {
                let made = request.clone().send().await;
                made.map_err(|error| self.doing("making", config(name)).failed(error))?;
                Ok(())
            }),
        )
    }

    /// Makes an endpoint. It is `Creating` then: see [`Client::wait_endpoint`].
    pub fn create_endpoint(&self, name: &str, config: &str) -> Result<(), ClientError> {
        let request = self
            .sagemaker()
            .create_endpoint()
            .endpoint_name(name)
            .endpoint_config_name(config);
        self.run(
            &(),
            self.settle(async || {
                let made = request.clone().send().await;
                made.map_err(|error| self.doing("making", endpoint(name)).failed(error))?;
                Ok(())
            }),
        )
    }

    /// Moves an endpoint to another configuration; the old one answers meanwhile, and goes on
    /// answering when the update fails ([`Endpoint::failure_reason`] then says why).
    pub fn update_endpoint(&self, name: &str, config: &str) -> Result<(), ClientError> {
        let request = self
            .sagemaker()
            .update_endpoint()
            .endpoint_name(name)
            .endpoint_config_name(config);
        self.run(
            &(),
            self.settle(async || {
                let updated = request.clone().send().await;
                updated.map_err(|error| self.doing("updating", endpoint(name)).failed(error))?;
                Ok(())
            }),
        )
    }

    /// An endpoint, or `None`.
    pub fn describe_endpoint(&self, name: &str) -> Result<Option<Endpoint>, ClientError> {
        self.run(&(), self.describe(name))
    }

    /// A configuration, or `None`.
    pub fn describe_endpoint_config(&self, name: &str) -> Result<Option<EndpointConfig>, ClientError> {
        self.run(&(), async {
            let answer = self
                .sagemaker()
                .describe_endpoint_config()
                .endpoint_config_name(name)
                .send()
                .await;
            let answer = answer.map_err(|error| self.doing("reading", config(name)).failed(error));
            let Some(answer) = unless_missing(answer)? else {
                return Ok(None);
            };
            let variant = answer.production_variants().first();
            Ok(Some(EndpointConfig {
                name: answer.endpoint_config_name().unwrap_or(name).to_owned(),
                model: variant.and_then(|v| v.model_name()).unwrap_or("").to_owned(),
                instance_type: variant
                    .and_then(|v| v.instance_type())
                    .map(|kind| kind.as_str().to_owned())
                    .unwrap_or_default(),
                count: variant
                    .and_then(|v| v.initial_instance_count())
                    .map_or(0, i32::unsigned_abs),
            }))
        })
    }

    /// Deletes an endpoint; one that is being deleted already is as good as deleted. `false` when
    /// there was none.
    pub fn delete_endpoint(&self, name: &str) -> Result<bool, ClientError> {
        self.run(&(), async {
            let deleted = self.sagemaker().delete_endpoint().endpoint_name(name).send().await;
            let deleted = deleted.map_err(|error| self.doing("deleting", endpoint(name)).failed(error));
            match unless_missing(deleted) {
                Err(ClientError::Refused { .. })
                    if self
                        .describe(name)
                        .await?
                        .is_some_and(|found| found.status == EndpointStatus::Deleting) =>
                {
                    Ok(true)
                }
                outcome => Ok(outcome?.is_some()),
            }
        })
    }

    /// Deletes a configuration. `false` when there was none.
    pub fn delete_endpoint_config(&self, name: &str) -> Result<bool, ClientError> {
        self.run(&(), async {
            let deleted = self
                .sagemaker()
                .delete_endpoint_config()
                .endpoint_config_name(name)
                .send()
                .await;
            let deleted = deleted.map_err(|error| self.doing("deleting", config(name)).failed(error));
            Ok(unless_missing(deleted)?.is_some())
        })
    }

    /// All endpoints, sorted by name.
    pub fn endpoints(&self) -> Result<Vec<Endpoint>, ClientError> {
        self.run(&(), async {
            let names = self.endpoint_names().await?;
            // The list says neither configuration nor reason; one that goes meanwhile is left out.
            let described: Vec<_> = futures::stream::iter(&names)
                .map(|name| self.describe(name))
                .buffered(DESCRIBED_AT_ONCE)
                .collect()
                .await;
            described.into_iter().filter_map(Result::transpose).collect()
        })
    }

    /// Waits until an endpoint answers. Anything but `InService` in the end is an error with
    /// the service's reason; an interrupted wait leaves the endpoint alone.
    pub fn wait_endpoint(&self, name: &str, watch: &dyn Transfer) -> Result<Endpoint, ClientError> {
        self.run(watch, async {
            let fastest = self.place().poll;
            let mut pause = fastest;
            loop {
                let Some(found) = self.describe(name).await? else {
                    return Err(self.missing_endpoint(name).await);
                };
                match found.status {
                    EndpointStatus::InService => return Ok(found),
                    ref status if status.is_moving() => {}
                    ref status => {
                        return Err(ClientError::EndpointFailed {
                            endpoint: name.to_owned(),
                            status: status.to_string(),
                            reason: found
                                .failure_reason
                                .unwrap_or_else(|| "the service gives no reason".to_owned()),
                        });
                    }
                }
                tokio::time::sleep(pause).await;
                pause = (pause + pause / 5).min(fastest * SLOWEST_POLL);
            }
        })
    }

    /// Waits until an endpoint is gone.
    pub fn wait_endpoint_gone(&self, name: &str, watch: &dyn Transfer) -> Result<(), ClientError> {
        self.run(watch, async {
            let fastest: Duration = self.place().poll;
            let mut pause = fastest;
            while let Some(found) = self.describe(name).await? {
                if found.status != EndpointStatus::Deleting && !found.status.is_moving() {
                    return Err(ClientError::EndpointFailed {
                        endpoint: name.to_owned(),
                        status: found.status.to_string(),
                        reason: "it is not being deleted".to_owned(),
                    });
                }
                tokio::time::sleep(pause).await;
                pause = (pause + pause / 5).min(fastest * SLOWEST_POLL);
            }
            Ok(())
        })
    }

    /// The error for an endpoint that isn't there, with the names near to it.
    pub(crate) async fn missing_endpoint(&self, name: &str) -> ClientError {
        let names = self.endpoint_names().await.unwrap_or_default();
        ClientError::NotFound {
            kind: Resource::Endpoint,
            name: name.to_owned(),
            place: self.place().title(),
            near: nearest(name, names.iter().map(String::as_str)),
        }
    }

    async fn describe(&self, name: &str) -> Result<Option<Endpoint>, ClientError> {
        let answer = self.sagemaker().describe_endpoint().endpoint_name(name).send().await;
        let answer = answer.map_err(|error| self.doing("reading", endpoint(name)).failed(error));
        let Some(answer) = unless_missing(answer)? else {
            return Ok(None);
        };
        Ok(Some(Endpoint {
            name: answer.endpoint_name().unwrap_or(name).to_owned(),
            status: answer
                .endpoint_status()
                .map_or(EndpointStatus::Other(String::new()), |status| status.as_str().into()),
            config: answer.endpoint_config_name().unwrap_or("").to_owned(),
            failure_reason: answer.failure_reason().map(str::to_owned),
            created: answer.creation_time().and_then(|time| SystemTime::try_from(*time).ok()),
            modified: answer
                .last_modified_time()
                .and_then(|time| SystemTime::try_from(*time).ok()),
        }))
    }

    async fn endpoint_names(&self) -> Result<Vec<String>, ClientError> {
        let mut names = Vec::new();
        let mut pages = self
            .sagemaker()
            .list_endpoints()
            .max_results(100)
            .into_paginator()
            .send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| {
                self.doing("reading", Target::All("the list of endpoints"))
                    .failed(error)
            })?;
            names.extend(
                page.endpoints()
                    .iter()
                    .filter_map(|endpoint| endpoint.endpoint_name().map(str::to_owned)),
            );
        }
        names.sort();
        Ok(names)
    }

    /// Tries a create again when the parent that it names isn't seen yet.
    async fn settle(&self, create: impl AsyncFn() -> Result<(), ClientError>) -> Result<(), ClientError> {
        let mut attempt = 1;
        loop {
            match create().await {
                Err(ClientError::NotFound { kind, .. }) if attempt < SETTLE_ATTEMPTS && kind != Resource::Endpoint => {
                    attempt += 1;
                    tokio::time::sleep(self.place().poll).await;
                }
                outcome => return outcome,
            }
        }
    }
}

fn endpoint(name: &str) -> Target {
    Target::Resource(Resource::Endpoint, name.to_owned())
}

fn config(name: &str) -> Target {
    Target::Resource(Resource::EndpointConfig, name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::EndpointStatus;

    #[test]
    fn a_status_reads_back_as_it_is_written() {
        for text in ["Creating", "InService", "UpdateRollbackFailed", "SomethingNew"] {
            let status = EndpointStatus::from(text);
            assert_eq!(status.to_string(), text);
            assert!(status == text);
        }
        assert_eq!(
            EndpointStatus::from("SomethingNew"),
            EndpointStatus::Other("SomethingNew".to_owned())
        );
        assert!(EndpointStatus::RollingBack.is_moving() && !EndpointStatus::Failed.is_moving());
    }
}
