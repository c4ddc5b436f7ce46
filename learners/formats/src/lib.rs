//! SageMaker's data and model formats: readers and writers over `io::Read` and `io::Write`.
//!
//! - [`recordio`]: RecordIO frames holding protobuf records, as training channels and endpoints carry them
//! - [`csv`]: rows of numbers with the label first
//! - [`libsvm`]: sparse rows of text
//! - [`mxnet`]: MXNet's parameter files
//! - [`model_algo`]: Linear Learner's `model_algo-1`
//! - [`artifact`]: `model.tar.gz`, and the card that travels in it
//!
//! Nothing here trusts its input: lengths are checked before memory is taken, and no bytes make it panic.

pub mod artifact;
pub mod csv;
mod error;
pub mod libsvm;
mod lines;
pub mod model_algo;
pub mod mxnet;
mod protobuf;
pub mod recordio;

pub use error::FormatError;
