//! Numbers that JSON cannot write: it has neither NaN nor infinity, so both are written as null and read back as NaN.
//! For serde's `deserialize_with`, wherever losses and metrics are kept.

use serde::{Deserialize, Deserializer};

/// Reads numbers, such as the losses of models of which some diverged.
///
/// # Errors
/// What the deserializer meets.
pub fn numbers<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<f64>, D::Error> {
    let values = Vec::<Option<f64>>::deserialize(from)?;
    Ok(values.into_iter().map(|value| value.unwrap_or(f64::NAN)).collect())
}

/// Reads metrics with their names: a test channel's scores may be infinite.
///
/// # Errors
/// What the deserializer meets.
pub fn metrics<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<(String, f64)>, D::Error> {
    let values = Vec::<(String, Option<f64>)>::deserialize(from)?;
    let number = |(name, value): (String, Option<f64>)| (name, value.unwrap_or(f64::NAN));
    Ok(values.into_iter().map(number).collect())
}
