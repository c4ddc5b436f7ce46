//! From frames to models and back: what `%train`, `%evaluate`, `%predict` and `%deploy` share.
//!
//! [`Label`] says what is predicted and which [`Task`] that is; [`Inputs`] turns a raw frame into the
//! learner's matrix, with the recipe fitted on the training rows and applied exactly once; [`Live`] shows a
//! training while it runs; [`report`] what came of it; [`score`] predicts and measures on raw frames.

pub(crate) mod deploy;
mod inputs;
mod label;
mod live;
pub(crate) mod report;
pub(crate) mod score;

pub(crate) use inputs::{Choice, Inputs};
pub(crate) use label::{Label, Task};
pub(crate) use live::Live;
