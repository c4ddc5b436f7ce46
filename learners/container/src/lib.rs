//! Both sides of SageMaker's container contract, usable as an image's entry point.
//!
//! - [`train`] is `ironsage train`: configuration and channels under `/opt/ml/input` in, the
//!   container's log lines on stdout, the model in `/opt/ml/model`, the reason of a failure in
//!   `/opt/ml/output/failure`.
//! - [`serve`] is `ironsage serve`: `GET /ping` and `POST /invocations` over a model folder, in
//!   Linear Learner's own request and answer formats, and beyond them raw rows by column name, to
//!   which the recipe in the artifact is applied.
//! - [`predict_frame`] is the same prediction on a frame, for a notebook's `%predict`.
//!
//! A job or an endpoint of the local service is one of these processes and nothing else: no docker.

mod channels;
mod error;
mod instances;
mod negotiate;
mod pipe;
mod predictor;
mod request;
mod response;
mod server;
mod signals;
mod train;

pub use error::ContainerError;
pub use predictor::{Predictor, predict_frame};
pub use server::{MAX_BODY, ServeOptions, Server, serve};
pub use train::{TrainOptions, train};
