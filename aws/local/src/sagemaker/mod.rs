//! SageMaker: the control plane ([`control`]) over JSON 1.1, its resources ([`models`],
//! [`configs`], [`endpoints`]) in the store's index, and the runtime ([`runtime`]).
//!
//! The texts and codes of errors are SageMaker's own where they are known, since tools match
//! on them; most often that is a `ValidationException` where one would expect "not found".
//! What the local service does not do is refused by name.

pub mod configs;
pub mod control;
mod deployments;
pub mod endpoint;
pub mod endpoints;
pub mod json;
pub mod list;
pub mod manager;
pub mod models;
pub mod runtime;

use ironsage_contract::service::ServiceInfo;

/// In whose name resources are made.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The region.
    pub region: String,
    /// The account, twelve digits.
    pub account: String,
}

impl Identity {
    /// From what the service says of itself.
    pub fn of(info: &ServiceInfo) -> Identity {
        Identity {
            region: info.region.clone(),
            account: info.account.clone(),
        }
    }

    /// A resource's ARN; the name is in lower case, as SageMaker writes it.
    pub fn arn(&self, kind: &str, name: &str) -> String {
        format!(
            "arn:aws:sagemaker:{}:{}:{kind}/{}",
            self.region,
            self.account,
            name.to_ascii_lowercase()
        )
    }
}
