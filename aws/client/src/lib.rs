//! S3 and SageMaker as a blocking facade over the official SDK crates.
//!
//! Magics run on plain threads and want plain calls: each method here blocks its caller,
//! asks the caller's [`Transfer`] at least every 50 ms whether to stop, and answers with a
//! [`ClientError`] that a person can read. A [`Client`] speaks to one [`Place`]: an endpoint,
//! credentials, and how often to ask. The local service and AWS differ in nothing else, so
//! there is one code path and no test for "local" in it; [`Places`] picks the place for an
//! `s3://` or `local://` address.
//!
//! Calls must come from a thread that isn't a worker of a tokio runtime (a magic's thread
//! and `spawn_blocking` are both fine).

mod cache;
mod download;
mod endpoints;
mod error;
mod failure;
mod invoke;
mod memory;
mod models;
mod nearest;
mod place;
mod places;
mod runtime;
mod s3;
mod transfer;
mod upload;

pub use bytes::Bytes;
pub use cache::Cache;
pub use download::Extent;
pub use endpoints::{Endpoint, EndpointConfig, EndpointStatus};
pub use error::{ClientError, CredentialsProblem, Resource};
pub use memory::available_memory;
pub use models::ModelRecord;
pub use place::Place;
pub use places::{Launcher, Places};
pub use s3::{Listing, Object};
pub use transfer::{Made, Transfer};

use std::sync::Arc;

/// A connection to one [`Place`]. Cheap to clone; clones share connections and the runtime.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

struct Inner {
    place: Place,
    runtime: Arc<runtime::Runtime>,
    s3: aws_sdk_s3::Client,
    sagemaker: aws_sdk_sagemaker::Client,
    inference: aws_sdk_sagemakerruntime::Client,
    cache: Option<Cache>,
}

impl Client {
    /// A client of a place. Opens no connection: the first call does. What it reads from afar is kept in the
    /// user's [`Cache`].
    pub fn new(place: Place) -> Result<Client, ClientError> {
        let cache = if place.is_near() { None } else { Cache::of_user() };
        Client::with_cache(place, cache)
    }

    /// [`Client::new`] with another cache than the user's, or none.
    pub fn with_cache(place: Place, cache: Option<Cache>) -> Result<Client, ClientError> {
        let runtime = runtime::Runtime::shared()?;
        let _inside = runtime.enter();
        let config = place.sdk_config();
        let mut s3 = aws_sdk_s3::config::Builder::from(&config)
            .force_path_style(place.endpoint.is_some())
            .timeout_config(place::timeouts(place::READ_TIMEOUT_S3));
        if place.is_anonymous() {
            s3 = s3.allow_no_auth();
        }
        let sagemaker = aws_sdk_sagemaker::config::Builder::from(&config)
            .timeout_config(place::timeouts(place::READ_TIMEOUT_CONTROL))
            .build();
        let inference = aws_sdk_sagemakerruntime::config::Builder::from(&config)
            .timeout_config(place::timeouts(place::READ_TIMEOUT_INVOKE))
            .build();
        Ok(Client {
            inner: Arc::new(Inner {
                s3: aws_sdk_s3::Client::from_conf(s3.build()),
                sagemaker: aws_sdk_sagemaker::Client::from_conf(sagemaker),
                inference: aws_sdk_sagemakerruntime::Client::from_conf(inference),
                place,
                cache,
                runtime: Arc::clone(&runtime),
            }),
        })
    }

    /// Where this client's calls go.
    pub fn place(&self) -> &Place {
        &self.inner.place
    }

    fn cache(&self) -> Option<&Cache> {
        self.inner.cache.as_ref()
    }

    fn s3(&self) -> &aws_sdk_s3::Client {
        &self.inner.s3
    }

    fn sagemaker(&self) -> &aws_sdk_sagemaker::Client {
        &self.inner.sagemaker
    }

    fn inference(&self) -> &aws_sdk_sagemakerruntime::Client {
        &self.inner.inference
    }

    /// Runs one call to its end on the caller's thread, or until `watch` says stop.
    fn run<T>(
        &self,
        watch: &dyn Transfer,
        call: impl Future<Output = Result<T, ClientError>>,
    ) -> Result<T, ClientError> {
        self.inner.runtime.run(watch, call)
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Client")
            .field("place", &self.inner.place)
            .finish_non_exhaustive()
    }
}
