//! A service on loopback that speaks the real AWS protocols, so that the same client, the same
//! cell and the same container contract work with no account, no docker and no network.
//!
//! - S3 ([`s3`]) through `s3s`, over a store of our own ([`store`]): what was acknowledged is
//!   there after `kill -9`, what was not is nowhere.
//! - SageMaker ([`sagemaker`]): models, endpoint configurations, endpoints, and the runtime.
//!   Endpoints are plain processes ([`serving`]) under the real container contract.
//! - One port on 127.0.0.1 ([`router`]), opened only by the user's own key ([`signature`]).
//! - A life of its own ([`life`]): [`start`] finds or starts it, all kernels of the user share
//!   it, [`stop`] ends it, and a restart takes its endpoints up again.
//!
//! `<executable> local run` is expected to call [`serve`] with [`ServeOptions::from_env`]; that
//! is what [`start`] executes.

pub mod error;
pub mod life;
pub mod router;
pub mod s3;
pub mod sagemaker;
mod serve;
pub mod serving;
pub mod signature;
pub mod store;
mod sts;

pub use error::LocalError;
pub use life::credentials::credentials;
pub use life::start::{start, start_for, status, stop};
pub use serve::{ServeOptions, serve};
