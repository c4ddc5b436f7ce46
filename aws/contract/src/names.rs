//! Names with AWS's own rules, parsed once. A name that was parsed here is safe in an ARN
//! and in a file name of its own.
//!
//! A broken rule has two texts: [`NameError`]'s `Display` for the person in front of the
//! cell, and [`NameError::constraint`] in the words of the service ("1 validation error
//! detected: Value '…' at 'endpointName' failed to satisfy constraint: …"), on which users'
//! tools match.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What a name must look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// What the name names, for a person: "endpoint name".
    pub what: &'static str,
    /// The member that carries it on the wire, in camelCase: "endpointName".
    pub member: &'static str,
    /// The longest allowed, in characters.
    pub longest: usize,
    /// The pattern as the service prints it.
    pub pattern: &'static str,
}

/// `[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}`: jobs, endpoints, endpoint configs, variants.
const DASHED: &str = "[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}";
/// The pattern of model names (the same set of names, written differently by the service).
const MODEL: &str = "[a-zA-Z0-9]([\\-a-zA-Z0-9]*[a-zA-Z0-9])?";

/// Why a name is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameError {
    /// The rule that was broken.
    pub rule: &'static Rule,
    /// The name that was given.
    pub value: String,
    /// What is wrong, one entry a broken constraint, in the service's words.
    pub constraints: Vec<String>,
    /// A name near it that would be taken, if there is one.
    pub suggestion: Option<String>,
}

impl NameError {
    /// The service's own text for this error, with the member's path.
    pub fn constraint(&self, path: &str) -> String {
        let count = self.constraints.len();
        let each: Vec<String> = self
            .constraints
            .iter()
            .map(|constraint| {
                format!(
                    "Value '{}' at '{path}' failed to satisfy constraint: {constraint}",
                    self.value
                )
            })
            .collect();
        let s = if count == 1 { "" } else { "s" };
        format!("{count} validation error{s} detected: {}", each.join("; "))
    }

    /// What to type instead.
    pub fn hint(&self) -> Option<String> {
        self.suggestion.as_ref().map(|name| format!("try {name:?}"))
    }
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Rule { what, longest, .. } = *self.rule;
        let shown: String = self.value.chars().take(80).collect();
        if self.value.is_empty() {
            return write!(f, "the {what} is empty");
        }
        if self.rule.member == BUCKET.member {
            return write!(
                f,
                "{shown:?} is not a valid {what}: 3 to {longest} lower-case letters, digits, dots and hyphens, with a letter or digit at both ends"
            );
        }
        write!(
            f,
            "{shown:?} is not a valid {what}: 1 to {longest} letters, digits and hyphens, with a letter or digit at both ends"
        )
    }
}

impl std::error::Error for NameError {}

/// Whether the text is ASCII letters, digits and inner hyphens.
fn is_dashed(text: &str) -> bool {
    let bytes = text.as_bytes();
    let ends = |b: Option<&u8>| b.is_some_and(u8::is_ascii_alphanumeric);
    ends(bytes.first()) && ends(bytes.last()) && bytes.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'-')
}

fn check(rule: &'static Rule, text: &str) -> Result<(), NameError> {
    let mut constraints = Vec::new();
    if text.is_empty() {
        constraints.push("Member must have length greater than or equal to 1".to_owned());
    }
    if text.chars().count() > rule.longest {
        constraints.push(format!(
            "Member must have length less than or equal to {}",
            rule.longest
        ));
    }
    // The pattern's own count of 63 letters and digits is broken only by names that are too
    // long anyway, and the service reports only the length then.
    if !text.is_empty() && !is_dashed(text) {
        constraints.push(format!(
            "Member must satisfy regular expression pattern: {}",
            rule.pattern
        ));
    }
    if constraints.is_empty() {
        return Ok(());
    }
    let near: String = text
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .take(rule.longest)
        .collect();
    let near = near.trim_matches('-');
    let suggestion = (!near.is_empty()).then(|| near.to_owned());
    Err(NameError {
        rule,
        value: text.to_owned(),
        constraints,
        suggestion,
    })
}

fn check_bucket(rule: &'static Rule, text: &str) -> Result<(), NameError> {
    let bytes = text.as_bytes();
    let ends = |b: Option<&u8>| b.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let right = (3..=63).contains(&bytes.len())
        && ends(bytes.first())
        && ends(bytes.last())
        && bytes
            .iter()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'.'))
        && !text.contains("..")
        && text.parse::<std::net::Ipv4Addr>().is_err()
        && !["xn--", "sthree-", "amzn-s3-demo-"]
            .iter()
            .any(|reserved| text.starts_with(reserved))
        && !["-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"]
            .iter()
            .any(|reserved| text.ends_with(reserved));
    if right {
        return Ok(());
    }
    let near: String = text
        .to_lowercase()
        .chars()
        .map(|c| {
            if c.is_ascii_lowercase() || c.is_ascii_digit() {
                c
            } else {
                '-'
            }
        })
        .take(rule.longest)
        .collect();
    let near = near.trim_matches('-').to_owned();
    let suggestion = (near.len() >= 3 && near != text).then_some(near);
    let constraints = vec![format!(
        "Member must satisfy regular expression pattern: {}",
        rule.pattern
    )];
    Err(NameError {
        rule,
        value: text.to_owned(),
        constraints,
        suggestion,
    })
}

macro_rules! name {
    ($(#[$doc:meta])* $type:ident, $rule:ident = { $what:literal, $member:literal, $longest:literal, $pattern:expr }, $check:ident) => {
        static $rule: Rule = Rule { what: $what, member: $member, longest: $longest, pattern: $pattern };

        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $type(String);

        impl $type {
            /// What such a name must look like.
            pub const RULE: &'static Rule = &$rule;

            /// The name, checked.
            pub fn new(text: &str) -> Result<$type, NameError> {
                $check(&$rule, text)?;
                Ok($type(text.to_owned()))
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The name as text, given away.
            pub fn into_string(self) -> String {
                self.0
            }
        }

        impl FromStr for $type {
            type Err = NameError;
            fn from_str(text: &str) -> Result<$type, NameError> {
                $type::new(text)
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl AsRef<str> for $type {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<$type, D::Error> {
                $type::new(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
            }
        }
    };
}

name!(
    /// The name of an endpoint: up to 63 letters, digits and inner hyphens.
    EndpointName, ENDPOINT = { "endpoint name", "endpointName", 63, DASHED }, check
);
name!(
    /// The name of an endpoint configuration: the same rule as an endpoint's.
    EndpointConfigName, ENDPOINT_CONFIG = { "endpoint config name", "endpointConfigName", 63, DASHED }, check
);
name!(
    /// The name of a production variant: the same rule as an endpoint's.
    VariantName, VARIANT = { "variant name", "variantName", 63, DASHED }, check
);
name!(
    /// The name of a model as SageMaker keeps it.
    ModelName, MODEL_NAME = { "model name", "modelName", 63, MODEL }, check
);
name!(
    /// The name of a training job: the same rule as an endpoint's.
    TrainingJobName, TRAINING_JOB = { "training job name", "trainingJobName", 63, DASHED }, check
);
name!(
    /// The name of a new bucket: 3 to 63 lower-case letters, digits, dots and hyphens.
    BucketName, BUCKET = { "bucket name", "bucket", 63, "[a-z0-9][a-z0-9.\\-]{1,61}[a-z0-9]" }, check_bucket
);

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_traps_of_the_service() {
        assert!(EndpointName::new(&"a".repeat(63)).is_ok());
        assert!(EndpointName::new(&"a".repeat(64)).is_err());
        assert!(EndpointName::new("a--b").is_ok());
        for bad in ["", "-a", "a-", "a_b", "a b", "ä", "a/b", "..", "a\n"] {
            assert!(EndpointName::new(bad).is_err(), "{bad:?}");
            assert!(ModelName::new(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn the_service_s_words() {
        let error = EndpointName::new("a_b").unwrap_err();
        assert_eq!(
            error.constraint("endpointName"),
            "1 validation error detected: Value 'a_b' at 'endpointName' failed to satisfy constraint: \
             Member must satisfy regular expression pattern: [a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}"
        );
        let error = ModelName::new(&format!("{}_", "a".repeat(63))).unwrap_err();
        assert!(
            error
                .constraint("modelName")
                .starts_with("2 validation errors detected: Value 'aaa")
        );
        assert!(
            error
                .constraint("modelName")
                .contains("length less than or equal to 63; Value")
        );
    }

    #[test]
    fn a_person_s_words_and_a_name_that_works() {
        let error = EndpointName::new("shell age!").unwrap_err();
        assert!(error.to_string().contains("cannot be a endpoint name") || error.to_string().contains("endpoint name"));
        assert_eq!(error.hint().unwrap(), "try \"shell-age\"");
        assert!(EndpointName::new(error.suggestion.as_ref().unwrap()).is_ok());
        assert_eq!(
            BucketName::new("My_Bucket").unwrap_err().hint().unwrap(),
            "try \"my-bucket\""
        );
        assert_eq!(EndpointName::new("!").unwrap_err().hint(), None);
    }

    #[test]
    fn buckets() {
        for good in ["abc", "sagemaker-us-east-1-000000000000", "a.b", "0a0", &"a".repeat(63)] {
            assert!(BucketName::new(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "ab",
            "Abc",
            "a_b",
            "a..b",
            "-ab",
            "ab-",
            ".ab",
            "192.168.0.1",
            "xn--ab",
            "ab-s3alias",
            "äbc",
            &"a".repeat(64),
        ] {
            assert!(BucketName::new(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn a_suggestion_is_always_taken(text in "\\PC{0,90}") {
            if let Err(error) = EndpointName::new(&text)
                && let Some(near) = error.suggestion
            {
                prop_assert!(EndpointName::new(&near).is_ok(), "{near}");
            }
        }
    }
}
