//! What both sides of the AWS wing agree on, so that the client and the local service
//! can never drift apart: where things lie ([`home`]), how they are called ([`names`],
//! [`uri`]), which images are known ([`images`]), how the service is found
//! ([`service`]), and every environment variable that the product reads ([`mod@env`]).
//!
//! There is no network here and no state: everything is parsed once at the edge and
//! trusted inside.

pub mod env;
pub mod home;
pub mod images;
pub mod names;
pub mod service;
pub mod uri;

pub use home::{Home, HomeError};
pub use names::{BucketName, EndpointConfigName, EndpointName, ModelName, NameError, TrainingJobName, VariantName};
pub use service::{ClientEnvironment, LocalCredentials, ServiceInfo};
pub use uri::{S3Uri, Scheme, UriError};
