//! Endpoints as plain processes under the container contract: unpack the model ([`unpack`]),
//! start `<executable> serve` ([`process`]), ping it, hand it requests, start it again when it
//! crashes ([`fleet`]).
//!
//! This is no sandbox: a serving process runs as the user and may do what the user may.

pub mod fleet;
pub mod process;
pub mod unpack;

pub use fleet::{Fleet, Invoked, Plan};
pub use process::Spawner;
