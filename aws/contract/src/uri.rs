//! Where an object is: `s3://bucket/key` and `local://bucket/key`.
//!
//! `s3://` is the connected account's S3, or the local store while none is connected;
//! `local://` is the local store always. Which of the two answers is decided by whoever
//! holds the places; here a URI is only parsed, joined and written. Keys are kept byte for
//! byte: no percent decoding, no `..` handling, since S3 knows neither.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Which store a URI speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scheme {
    /// `s3://`: the connected account's S3, else the local store.
    S3,
    /// `local://`: the local store always.
    Local,
}

impl Scheme {
    /// The scheme as written, without `://`.
    pub fn as_str(self) -> &'static str {
        match self {
            Scheme::S3 => "s3",
            Scheme::Local => "local",
        }
    }
}

/// A bucket, a prefix or an object.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct S3Uri {
    scheme: Scheme,
    bucket: String,
    key: String,
}

/// Why a text is no such URI.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UriError {
    /// It starts with neither scheme.
    #[error("{text:?} is not an S3 location: it starts with neither s3:// nor local://")]
    Scheme {
        /// What was given.
        text: String,
    },
    /// There is nothing between `://` and the first `/`.
    #[error("{text:?} names no bucket")]
    NoBucket {
        /// What was given.
        text: String,
    },
    /// The bucket has a character that no bucket has, or a wrong length.
    #[error("{text:?}: {bucket:?} is no bucket name")]
    Bucket {
        /// What was given.
        text: String,
        /// The part that should be a bucket.
        bucket: String,
    },
    /// The key is longer than S3 allows.
    #[error("the key of {text:?} has {length} bytes; S3 allows 1024")]
    KeyTooLong {
        /// What was given.
        text: String,
        /// The key's length.
        length: usize,
    },
}

impl UriError {
    /// What to type instead.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            UriError::Scheme { text } => {
                let name = text
                    .rsplit('/')
                    .next()
                    .filter(|name| !name.is_empty())
                    .unwrap_or("data.csv");
                format!("write s3://bucket/key, for example s3://my-bucket/{name}")
            }
            UriError::NoBucket { .. } => "write s3://bucket/key".to_owned(),
            UriError::Bucket { .. } => {
                "a bucket has 3 to 63 characters: lower-case letters, digits, dots and hyphens".to_owned()
            }
            UriError::KeyTooLong { .. } => "choose a shorter key".to_owned(),
        })
    }
}

/// The longest key that S3 takes, in bytes.
pub const MAX_KEY_BYTES: usize = 1024;

impl S3Uri {
    /// A URI from its parts. The bucket is checked as in parsing.
    pub fn new(scheme: Scheme, bucket: &str, key: &str) -> Result<S3Uri, UriError> {
        let text = || format!("{}://{bucket}/{key}", scheme.as_str());
        if bucket.is_empty() {
            return Err(UriError::NoBucket { text: text() });
        }
        // Looser than a new bucket's rules: buckets from before 2018 may have capitals,
        // underscores and up to 255 characters, and must stay readable.
        let plausible = (3..=255).contains(&bucket.len())
            && bucket
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'));
        if !plausible {
            return Err(UriError::Bucket {
                text: text(),
                bucket: bucket.to_owned(),
            });
        }
        if key.len() > MAX_KEY_BYTES {
            return Err(UriError::KeyTooLong {
                text: text(),
                length: key.len(),
            });
        }
        Ok(S3Uri {
            scheme,
            bucket: bucket.to_owned(),
            key: key.to_owned(),
        })
    }

    /// Whether the text looks like one of these URIs (so that a wrong one deserves this
    /// module's error and not "no such file").
    pub fn is_one(text: &str) -> bool {
        text.starts_with("s3://") || text.starts_with("local://")
    }

    /// Which store.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The bucket.
    pub fn bucket(&self) -> &str {
        &self.bucket
    }

    /// The key: empty for a bucket.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The part of the key after its last `/`: the file's name, empty for a prefix.
    pub fn file_name(&self) -> &str {
        self.key.rsplit('/').next().unwrap_or("")
    }

    /// Whether this is a bucket or a "folder" (a key that ends with `/`) and no single object.
    pub fn is_prefix(&self) -> bool {
        self.key.is_empty() || self.key.ends_with('/')
    }

    /// The same with more key: `part` is set after the key, with one `/` between them.
    pub fn join(&self, part: &str) -> S3Uri {
        let between = if self.is_prefix() || part.starts_with('/') {
            ""
        } else {
            "/"
        };
        let part = if self.is_prefix() {
            part.trim_start_matches('/')
        } else {
            part
        };
        S3Uri {
            key: format!("{}{between}{part}", self.key),
            ..self.clone()
        }
    }

    /// The same bucket with another key.
    pub fn with_key(&self, key: &str) -> S3Uri {
        S3Uri {
            key: key.to_owned(),
            ..self.clone()
        }
    }

    /// The same object under another scheme (the wire knows only `s3://`).
    pub fn with_scheme(&self, scheme: Scheme) -> S3Uri {
        S3Uri { scheme, ..self.clone() }
    }
}

impl FromStr for S3Uri {
    type Err = UriError;

    fn from_str(text: &str) -> Result<S3Uri, UriError> {
        let (scheme, rest) = if let Some(rest) = text.strip_prefix("s3://") {
            (Scheme::S3, rest)
        } else if let Some(rest) = text.strip_prefix("local://") {
            (Scheme::Local, rest)
        } else {
            return Err(UriError::Scheme { text: text.to_owned() });
        };
        let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
        S3Uri::new(scheme, bucket, key)
    }
}

impl fmt::Display for S3Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme.as_str(), self.bucket)?;
        if !self.key.is_empty() {
            write!(f, "/{}", self.key)?;
        }
        Ok(())
    }
}

impl Serialize for S3Uri {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for S3Uri {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<S3Uri, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn parts_come_out_as_they_went_in() {
        let uri: S3Uri = "s3://shells/raw/../abalone 1%2F.csv".parse().unwrap();
        assert_eq!(
            (uri.scheme(), uri.bucket(), uri.key()),
            (Scheme::S3, "shells", "raw/../abalone 1%2F.csv")
        );
        assert_eq!(uri.file_name(), "abalone 1%2F.csv");
        let bucket: S3Uri = "local://shells".parse().unwrap();
        assert_eq!(
            (bucket.key(), bucket.is_prefix(), bucket.to_string().as_str()),
            ("", true, "local://shells")
        );
        assert_eq!("s3://shells/".parse::<S3Uri>().unwrap().to_string(), "s3://shells");
    }

    #[test]
    fn joining_sets_one_slash() {
        let join = |base: &str, part: &str| base.parse::<S3Uri>().unwrap().join(part).to_string();
        assert_eq!(join("s3://abc", "d.csv"), "s3://abc/d.csv");
        assert_eq!(join("s3://abc/raw/", "d.csv"), "s3://abc/raw/d.csv");
        assert_eq!(join("s3://abc/raw", "d.csv"), "s3://abc/raw/d.csv");
        assert_eq!(join("s3://abc/raw/", "/d.csv"), "s3://abc/raw/d.csv");
        assert_eq!(join("s3://abc/raw", "/d.csv"), "s3://abc/raw/d.csv");
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (text, part) in [
            ("data.csv", "neither s3:// nor local://"),
            ("http://abc/d", "neither s3:// nor local://"),
            ("s3://", "names no bucket"),
            ("s3:///key", "names no bucket"),
            ("s3://a b/key", "is no bucket name"),
            ("s3://ab/key", "is no bucket name"),
        ] {
            let error = text.parse::<S3Uri>().unwrap_err();
            assert!(error.to_string().contains(part), "{text}: {error}");
            assert!(error.hint().is_some());
        }
        let long = format!("s3://abc/{}", "k".repeat(1025));
        assert!(matches!(
            long.parse::<S3Uri>(),
            Err(UriError::KeyTooLong { length: 1025, .. })
        ));
        assert!(format!("s3://abc/{}", "k".repeat(1024)).parse::<S3Uri>().is_ok());
    }

    proptest! {
        #[test]
        fn display_parses_back(bucket in "[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", key in "\\PC{0,200}") {
            let uri = S3Uri::new(Scheme::S3, &bucket, &key).unwrap();
            prop_assert_eq!(uri.to_string().parse::<S3Uri>().unwrap(), uri);
        }

        #[test]
        fn nothing_panics(text in "\\PC{0,80}") {
            let _ = text.parse::<S3Uri>().map_err(|e| e.hint());
        }
    }
}
