//! What a user asks of an algorithm: SageMaker's flat map from name to text, in the order given.
//!
//! The same map is what a cell's `name = value` lines become, what `hyperparameters.json` holds
//! and what a remote request carries, so it stays text until an algorithm's own settings parse it.
//! Values are checked against a [`crate::Schema`], never here.

use serde::de::{MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A flat map of hyperparameters, in the order in which they were set.
///
/// ```
/// use ironsage_learners::Hyperparameters;
/// let asked = Hyperparameters::new().with("predictor_type", "regressor").with("epochs", 50);
/// assert_eq!(asked.get("epochs"), Some("50"));
/// assert_eq!(serde_json::to_string(&asked).unwrap(), r#"{"predictor_type":"regressor","epochs":"50"}"#);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hyperparameters(Vec<(String, String)>);

impl Hyperparameters {
    /// An empty map.
    pub fn new() -> Self {
        Self::default()
    }

    /// The map with one more value; for building in one expression.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl ToString) -> Self {
        self.set(name, value.to_string());
        self
    }

    /// Sets a value; a name set before keeps its place and takes the new value.
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<String>) {
        let (name, value) = (name.into(), value.into());
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some(entry) => entry.1 = value,
            None => self.0.push((name, value)),
        }
    }

    /// The value of a name, as it was written.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// Takes a name out and gives its value.
    pub fn remove(&mut self, name: &str) -> Option<String> {
        let at = self.0.iter().position(|(known, _)| known == name)?;
        Some(self.0.remove(at).1)
    }

    /// Names and values in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// How many are set.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether none is set.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Hyperparameters {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        let mut map = Self::new();
        for (name, value) in pairs {
            map.set(name, value);
        }
        map
    }
}

impl Serialize for Hyperparameters {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Hyperparameters {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Flat;
        impl<'de> Visitor<'de> for Flat {
            type Value = Hyperparameters;

            fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                out.write_str("a flat map from hyperparameter to text")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut read = Hyperparameters::new();
                // Numbers and booleans occur in hand-written files: their JSON text is what the container would see.
                while let Some((name, value)) = map.next_entry::<String, serde_json::Value>()? {
                    let text = match value {
                        serde_json::Value::String(text) => text,
                        other => other.to_string(),
                    };
                    read.set(name, text);
                }
                Ok(read)
            }
        }
        deserializer.deserialize_map(Flat)
    }
}
