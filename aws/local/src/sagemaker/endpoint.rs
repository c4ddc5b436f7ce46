//! An endpoint as it is kept: its status, and the deployments that it names.

use ironsage_contract::S3Uri;
use serde::{Deserialize, Serialize};

/// The longest failure reason.
const MAX_REASON: usize = 1024;

/// An endpoint's status, by SageMaker's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Status {
    /// Its first deployment is on its way.
    Creating,
    /// Another deployment is on its way; the old one answers.
    Updating,
    /// It answers.
    InService,
    /// It is being removed.
    Deleting,
    /// It does not answer; only delete is allowed.
    Failed,
}

impl Status {
    /// As the wire has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Creating => "Creating",
            Status::Updating => "Updating",
            Status::InService => "InService",
            Status::Deleting => "Deleting",
            Status::Failed => "Failed",
        }
    }
}

/// All that is needed to start an endpoint's processes, even after its configuration and its
/// model were deleted.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Deployment {
    /// The name of its folder.
    pub id: String,
    /// The endpoint configuration's name.
    pub config: String,
    /// The variant's name.
    pub variant: String,
    /// The variant's weight.
    pub weight: f64,
    /// How many processes.
    pub count: usize,
    /// How long a container may take to answer pings.
    pub startup_seconds: u64,
    /// The image.
    pub image: String,
    /// The algorithm that it stands for.
    pub algorithm: String,
    /// The artifact.
    pub data: Option<S3Uri>,
    /// The model's variables.
    pub environment: Vec<(String, String)>,
    /// Milliseconds since 1970.
    pub started: i64,
}

/// An endpoint as it is kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Endpoint {
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// Its status.
    pub status: Status,
    /// Why it, or its last update, failed.
    pub failure: Option<String>,
    /// Milliseconds since 1970.
    pub created: i64,
    /// Milliseconds since 1970.
    pub modified: i64,
    /// What answers.
    pub current: Option<Deployment>,
    /// What is on its way.
    pub pending: Option<Deployment>,
}

impl Endpoint {
    /// What it names: what answers, and what is on its way.
    pub fn deployments(&self) -> impl Iterator<Item = &Deployment> {
        self.current.iter().chain(&self.pending)
    }

    /// Whether this deployment is the one that is on its way.
    pub fn is_deploying(&self, deployment: &str) -> bool {
        matches!(self.status, Status::Creating | Status::Updating)
            && self.pending.as_ref().is_some_and(|pending| pending.id == deployment)
    }

    /// Whether this deployment is the one that answers.
    pub fn answers_with(&self, deployment: &str) -> bool {
        matches!(self.status, Status::InService | Status::Updating)
            && self.current.as_ref().is_some_and(|current| current.id == deployment)
    }

    /// Whether this deployment's files are needed, be it after the next start of the service.
    pub fn needs(&self, deployment: &str) -> bool {
        self.status != Status::Deleting && self.deployments().any(|named| named.id == deployment)
    }
}

/// A reason no longer than SageMaker's, cut between characters.
pub(super) fn cut(reason: &str) -> String {
    if reason.chars().count() <= MAX_REASON {
        return reason.to_owned();
    }
    // The end says most: it is the server's last lines.
    let head: String = reason.chars().take(400).collect();
    let tail: Vec<char> = reason.chars().rev().take(MAX_REASON - 405).collect();
    format!("{head} … {}", tail.into_iter().rev().collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_reasons_keep_their_end() {
        let long = format!("{}the end é", "é".repeat(5000));
        let short = cut(&long);
        assert!(short.chars().count() <= MAX_REASON && short.ends_with("the end é"));
        assert_eq!(cut("short"), "short");
    }
}
