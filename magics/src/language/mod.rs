//! The grammar of a magic's line, in the order in which a line passes through it:
//!
//! 1. [`insert`]: `{{expression}}` becomes the value that it names, or the line fails;
//! 2. [`words`]: the line is cut into shell-like words;
//! 3. [`arguments`]: options, positional words and `name=value` parameters are told apart, and clap
//!    makes the magic's typed arguments of them;
//! 4. [`errors`]: whatever does not fit is told with what to type instead.
//!
//! [`name`] is what results are bound to, [`scalar`] what `%param` binds, [`suggest`] finds what was meant.

pub(crate) mod arguments;
pub(crate) mod errors;
pub(crate) mod insert;
pub mod name;
pub mod scalar;
pub mod suggest;
pub(crate) mod words;
