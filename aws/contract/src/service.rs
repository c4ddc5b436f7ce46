//! How the local service is found and opened: the two small files that it writes and its
//! clients read.

use std::fmt;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::env;

/// The region that the local service stands for unless told otherwise.
pub const DEFAULT_REGION: &str = "us-east-1";

/// The account that the local service stands for: twelve digits that AWS never gives out.
pub const LOCAL_ACCOUNT: &str = "000000000000";

/// What a running service says of itself in [`crate::home::Home::service_file`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceInfo {
    /// The port on 127.0.0.1.
    pub port: u16,
    /// The service's process.
    pub pid: u32,
    /// The version of the executable that runs it.
    pub version: String,
    /// The region in its ARNs.
    pub region: String,
    /// The account in its ARNs, twelve digits.
    pub account: String,
    /// The process that the service ends with, if there is one.
    pub owner_pid: Option<u32>,
}

impl ServiceInfo {
    /// The endpoint URL for all services: an address, not a name, so that S3 clients use
    /// path style.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// What the file says; `None` when there is none or it is not readable as such (a
    /// half-written or foreign file tells nothing about a service).
    pub fn read(path: &Path) -> Option<ServiceInfo> {
        serde_json::from_slice(&std::fs::read(path).ok()?).ok()
    }
}

/// The user's own key to the local service. Its `Debug` never shows the secret.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LocalCredentials {
    /// The access key id.
    pub access_key_id: String,
    /// The secret access key.
    pub secret_access_key: String,
}

/// What makes any AWS client speak to the local service, in the variables of the standard chain.
#[derive(Clone, PartialEq, Eq)]
pub struct ClientEnvironment {
    /// Variables and their values.
    pub set: [(&'static str, String); 5],
    /// Variables that would lead a client elsewhere: they must not be there.
    pub unset: [&'static str; 2],
}

impl LocalCredentials {
    /// The environment of a client that opens the service at `endpoint` with this key.
    pub fn client_environment(&self, endpoint: &str, region: &str) -> ClientEnvironment {
        ClientEnvironment {
            set: [
                (env::ENV_AWS_ENDPOINT_URL, endpoint.to_owned()),
                (env::ENV_AWS_REGION, region.to_owned()),
                (env::ENV_AWS_DEFAULT_REGION, region.to_owned()),
                (env::ENV_AWS_ACCESS_KEY_ID, self.access_key_id.clone()),
                (env::ENV_AWS_SECRET_ACCESS_KEY, self.secret_access_key.clone()),
            ],
            unset: [env::ENV_AWS_SESSION_TOKEN, env::ENV_AWS_PROFILE],
        }
    }
}

impl fmt::Debug for LocalCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalCredentials")
            .field("access_key_id", &self.access_key_id)
            .field("secret_access_key", &"** redacted **")
            .finish()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn debug_never_shows_the_secret() {
        let key = LocalCredentials {
            access_key_id: "AKIAX".into(),
            secret_access_key: "very-secret".into(),
        };
        let shown = format!("{key:?} {key:#?}");
        assert!(shown.contains("AKIAX") && !shown.contains("very-secret"));
    }

    #[test]
    fn the_file_reads_back() {
        let info = ServiceInfo {
            port: 4711,
            pid: 12,
            version: "0.1.0".into(),
            region: DEFAULT_REGION.into(),
            account: LOCAL_ACCOUNT.into(),
            owner_pid: None,
        };
        let text = serde_json::to_string(&info).unwrap();
        assert_eq!(serde_json::from_str::<ServiceInfo>(&text).unwrap(), info);
        assert_eq!(info.endpoint(), "http://127.0.0.1:4711");
        assert_eq!(LOCAL_ACCOUNT.len(), 12);
    }
}
