//! A service on loopback that speaks S3's and SageMaker's protocols.
pub mod s3;
pub mod store;
