//! A place: where calls go, with which credentials, and how often to ask for progress.
//!
//! The local service and an AWS account are both places and differ in these fields alone.

use std::fmt;
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use ironsage_contract::{LocalCredentials, ServiceInfo};

use crate::runtime::Runtime;
use crate::{ClientError, failure};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// From the last byte sent to the first byte of the answer. A transfer as a whole has no
/// limit; one that stalls is ended by [`STALL_GRACE`].
pub(crate) const READ_TIMEOUT_S3: Duration = Duration::from_secs(60);
pub(crate) const READ_TIMEOUT_CONTROL: Duration = Duration::from_secs(60);
/// SageMaker ends a real-time invocation after 60 s; its own SDK waits 80.
pub(crate) const READ_TIMEOUT_INVOKE: Duration = Duration::from_secs(80);
/// How long a body may move nothing at all.
const STALL_GRACE: Duration = Duration::from_secs(20);

const POLL_LOCAL: Duration = Duration::from_millis(50);
const POLL_AWS: Duration = Duration::from_secs(5);

/// Where calls go. `Debug` shows no secret.
#[derive(Clone)]
pub struct Place {
    /// `local` or `aws`.
    pub name: String,
    /// One URL for all services, or none for AWS's own.
    pub endpoint: Option<String>,
    /// The region of all requests.
    pub region: String,
    /// The account, where it is known without asking.
    pub account: Option<String>,
    /// The role that jobs and models run under.
    pub role: Option<String>,
    /// How often to ask a resource for its state; the longer it lasts, the rarer.
    pub poll: Duration,
    source: Source,
}

/// Where the credentials come from.
#[derive(Clone)]
enum Source {
    Keys(Credentials),
    /// None: requests are not signed.
    Nobody,
    /// The whole aws-config chain, already loaded. It may own connections of the runtime.
    Chain {
        config: Box<SdkConfig>,
        runtime: std::sync::Arc<Runtime>,
    },
}

impl Place {
    /// The local service.
    pub fn local(info: &ServiceInfo, credentials: &LocalCredentials) -> Place {
        Place {
            name: "local".to_owned(),
            endpoint: Some(info.endpoint()),
            region: info.region.clone(),
            account: Some(info.account.clone()),
            role: Some(format!("arn:aws:iam::{}:role/ironsage", info.account)),
            poll: POLL_LOCAL,
            source: Source::Keys(Credentials::new(
                &credentials.access_key_id,
                &credentials.secret_access_key,
                None,
                None,
                "ironsage-local",
            )),
        }
    }

    /// Any service that speaks the AWS protocols at one URL, with a fixed key pair.
    pub fn with_keys(
        name: &str,
        endpoint: Option<&str>,
        region: &str,
        access_key_id: &str,
        secret_access_key: &str,
    ) -> Place {
        Place {
            name: name.to_owned(),
            endpoint: endpoint.map(str::to_owned),
            region: region.to_owned(),
            account: None,
            role: None,
            poll: if endpoint.is_some() { POLL_LOCAL } else { POLL_AWS },
            source: Source::Keys(Credentials::from_keys(access_key_id, secret_access_key, None)),
        }
    }

    /// AWS as anybody sees it: requests are not signed, which public buckets allow.
    pub fn anonymous(region: &str) -> Place {
        Place {
            name: "aws".to_owned(),
            endpoint: None,
            region: region.to_owned(),
            account: None,
            role: None,
            poll: POLL_AWS,
            source: Source::Nobody,
        }
    }

    /// Whether requests are not signed.
    pub(crate) fn is_anonymous(&self) -> bool {
        matches!(self.source, Source::Nobody)
    }

    /// AWS as the AWS tools would find it: environment, shared files and profiles, SSO,
    /// credential processes, container and instance roles. Fetches the credentials once, so
    /// that missing or expired ones are said here and not in the middle of a job.
    pub fn from_environment(profile: Option<&str>, region: Option<&str>) -> Result<Place, ClientError> {
        let runtime = Runtime::shared()?;
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .timeout_config(timeouts(READ_TIMEOUT_CONTROL))
            .retry_config(RetryConfig::standard());
        if let Some(profile) = profile {
            loader = loader.profile_name(profile);
        }
        if let Some(region) = region {
            loader = loader.region(Region::new(region.to_owned()));
        }
        let config = runtime.run(&(), async { Ok(loader.load().await) })?;
        let Some(region) = config.region().map(ToString::to_string) else {
            return Err(ClientError::NoRegion);
        };
        let Some(provider) = config.credentials_provider() else {
            return Err(ClientError::no_credentials("AWS", "no source of credentials is set up"));
        };
        let credentials = runtime.run(&(), async {
            provider
                .provide_credentials()
                .await
                .map_err(|error| failure::credentials("AWS", &error))
        })?;
        Ok(Place {
            name: "aws".to_owned(),
            endpoint: config.endpoint_url().map(str::to_owned),
            region,
            account: credentials.account_id().map(|id| id.as_str().to_owned()),
            role: None,
            poll: POLL_AWS,
            source: Source::Chain {
                config: Box::new(config),
                runtime,
            },
        })
    }

    /// How a result or an error calls this place.
    pub fn title(&self) -> String {
        match self.name.as_str() {
            "local" => "the local service".to_owned(),
            "aws" => format!("AWS {}", self.region),
            other => other.to_owned(),
        }
    }

    /// What the crate `object_store` has to know to read this place's S3: its keys and their values, secrets among them.
    pub fn object_store(&self) -> Result<Vec<(String, String)>, ClientError> {
        let keys = match &self.source {
            Source::Keys(keys) => Some(keys.clone()),
            Source::Nobody => None,
            Source::Chain { config, runtime } => {
                let Some(provider) = config.credentials_provider() else {
                    return Err(ClientError::no_credentials(
                        &self.name,
                        "no source of credentials is set up",
                    ));
                };
                Some(runtime.run(&(), async {
                    provider
                        .provide_credentials()
                        .await
                        .map_err(|error| failure::credentials(&self.name, &error))
                })?)
            }
        };
        let keys = keys.as_ref();
        let pairs = [
            ("aws_region", Some(self.region.as_str())),
            ("aws_endpoint_url", self.endpoint.as_deref()),
            ("aws_access_key_id", keys.map(Credentials::access_key_id)),
            ("aws_secret_access_key", keys.map(Credentials::secret_access_key)),
            ("aws_session_token", keys.and_then(Credentials::session_token)),
            ("aws_skip_signature", keys.is_none().then_some("true")),
            // Polars would wait for ever, and lets few requests be under way: those of queries that were stopped, too. The
            // time is that of a whole answer, which may be 64 MB on a slow line.
            ("connect_timeout", Some("10s")),
            ("timeout", Some("30m")),
        ];
        let known = pairs.into_iter().filter_map(|(key, value)| Some((key, value?)));
        Ok(known.map(|(key, value)| (key.to_owned(), value.to_owned())).collect())
    }

    /// The configuration that all three services start from.
    pub(crate) fn sdk_config(&self) -> SdkConfig {
        let builder = match &self.source {
            Source::Chain { config, .. } => config.to_builder(),
            Source::Keys(keys) => SdkConfig::builder()
                .behavior_version(BehaviorVersion::latest())
                .credentials_provider(SharedCredentialsProvider::new(keys.clone())),
            Source::Nobody => SdkConfig::builder().behavior_version(BehaviorVersion::latest()),
        };
        let mut builder = builder
            .region(Region::new(self.region.clone()))
            .retry_config(RetryConfig::standard())
            .stalled_stream_protection(
                StalledStreamProtectionConfig::enabled()
                    .grace_period(STALL_GRACE)
                    .build(),
            );
        builder.set_endpoint_url(self.endpoint.clone());
        if self.is_near() {
            // No TLS roots to load, and no HTTP_PROXY: a proxy can't reach this machine's loopback.
            builder = builder.http_client(aws_smithy_http_client::Builder::new().build_http());
        }
        builder.build()
    }

    /// Whether the place is this machine: reading from it is as fast as reading a file.
    pub(crate) fn is_near(&self) -> bool {
        self.endpoint.as_deref().is_some_and(is_loopback)
    }

    /// Whether a client of `other` can serve for this place.
    pub(crate) fn is_same(&self, other: &Place) -> bool {
        let key = |place: &Place| match &place.source {
            Source::Keys(keys) => Some((keys.access_key_id().to_owned(), keys.secret_access_key().to_owned())),
            Source::Chain { .. } | Source::Nobody => None,
        };
        self.endpoint == other.endpoint && self.region == other.region && key(self).is_some() && key(self) == key(other)
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let credentials = match &self.source {
            Source::Keys(keys) => keys.access_key_id().to_owned(),
            Source::Chain { .. } => "from the environment".to_owned(),
            Source::Nobody => "none".to_owned(),
        };
        out.debug_struct("Place")
            .field("name", &self.name)
            .field("endpoint", &self.endpoint)
            .field("region", &self.region)
            .field("account", &self.account)
            .field("role", &self.role)
            .field("poll", &self.poll)
            .field("credentials", &credentials)
            .finish()
    }
}

pub(crate) fn timeouts(read: Duration) -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(read)
        .build()
}

/// Whether a URL is plain HTTP to this machine.
fn is_loopback(url: &str) -> bool {
    let Ok(url) = url.parse::<http::Uri>() else {
        return false;
    };
    let host = url.host().unwrap_or("").trim_matches(['[', ']']);
    let loopback = host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
    url.scheme_str() == Some("http") && loopback
}

#[cfg(test)]
mod tests {
    #![allow(missing_docs, clippy::unwrap_used)]
    use super::*;

    fn local() -> Place {
        let info = ServiceInfo {
            port: 4711,
            pid: 1,
            version: "0.1.0".to_owned(),
            region: "us-east-1".to_owned(),
            account: "000000000000".to_owned(),
            owner_pid: None,
        };
        let credentials = LocalCredentials {
            access_key_id: "IRONKEY".to_owned(),
            secret_access_key: "hush-hush".to_owned(),
        };
        Place::local(&info, &credentials)
    }

    #[test]
    fn debug_shows_the_key_id_and_never_the_secret() {
        let shown = format!("{:?} {:#?}", local(), local());
        assert!(shown.contains("IRONKEY"));
        assert!(!shown.contains("hush-hush"));
    }

    #[test]
    fn nobodys_requests_are_not_signed() {
        use std::io::{Read, Write};
        let service = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let mut place = Place::anonymous("eu-west-1");
        place.endpoint = Some(format!("http://{}", service.local_addr().unwrap()));
        let asked = std::thread::spawn(move || {
            let (mut stream, _) = service.accept().unwrap();
            let mut request = vec![0; 4096];
            let count = stream.read(&mut request).unwrap();
            stream
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nhi")
                .unwrap();
            String::from_utf8_lossy(&request[..count]).to_lowercase()
        });
        let uri = "s3://public/a.csv".parse().unwrap();
        let object = crate::Client::new(place.clone()).unwrap().head(&uri).unwrap();
        assert_eq!(object.unwrap().size, 2);
        let asked = asked.join().unwrap();
        assert!(
            asked.starts_with("head /public/a.csv") && !asked.contains("authorization"),
            "{asked}"
        );
        let pairs = place.object_store().unwrap();
        assert!(pairs.contains(&("aws_skip_signature".to_owned(), "true".to_owned())));
        assert!(!pairs.iter().any(|(key, _)| key.contains("secret")));
        assert!(pairs.iter().any(|(key, _)| key == "timeout"));
    }

    #[test]
    fn same_endpoint_and_key_is_the_same_place() {
        assert!(local().is_same(&local()));
        let mut moved = local();
        moved.endpoint = Some("http://127.0.0.1:1".to_owned());
        assert!(!local().is_same(&moved));
    }

    #[test]
    fn only_plain_http_to_this_machine_is_loopback() {
        for url in ["http://127.0.0.1:9", "http://localhost:9/", "http://[::1]:9"] {
            assert!(is_loopback(url), "{url}");
        }
        for url in [
            "https://127.0.0.1:9",
            "http://10.0.0.1",
            "http://localhost.example.com",
            "x",
        ] {
            assert!(!is_loopback(url), "{url}");
        }
    }
}
