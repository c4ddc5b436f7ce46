//! What the index holds: buckets, objects, uploads and their parts, as compact JSON rows
//! (readable in an emergency, and open to new members).

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::StoreError;

/// A piece of content: an immutable file, or bytes in the index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Piece {
    /// The random id, 32 hexadecimal digits.
    pub id: ContentId,
    /// Its length in bytes.
    pub size: u64,
    /// Whether it lies in the index.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub inline: bool,
}

/// The random id of a piece of content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ContentId(pub u128);

impl ContentId {
    /// A new id from the operating system's randomness (uuid v4 draws it there).
    pub fn random() -> ContentId {
        ContentId(uuid::Uuid::new_v4().as_u128())
    }

    /// As file name.
    pub fn hex(self) -> String {
        format!("{:032x}", self.0)
    }

    /// From a file name.
    pub fn from_hex(text: &str) -> Option<ContentId> {
        if text.len() != 32 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        u128::from_str_radix(text, 16).ok().map(ContentId)
    }
}

impl Serialize for ContentId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.hex())
    }
}

impl<'de> Deserialize<'de> for ContentId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<ContentId, D::Error> {
        let text = String::deserialize(deserializer)?;
        ContentId::from_hex(&text).ok_or_else(|| serde::de::Error::custom("not a content id"))
    }
}

/// Checksums as S3 writes them: Base64, with `-N` behind it where it is one over N parts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Sums {
    /// CRC-32.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crc32: Option<String>,
    /// CRC-32C.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crc32c: Option<String>,
    /// CRC-64/NVME.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crc64nvme: Option<String>,
    /// SHA-1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha1: Option<String>,
    /// SHA-256.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
}

impl Sums {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        *self == Sums::default()
    }

    /// The one of an algorithm, by S3's name.
    pub fn of(&self, algorithm: &str) -> Option<&str> {
        match algorithm {
            "CRC32" => self.crc32.as_deref(),
            "CRC32C" => self.crc32c.as_deref(),
            "CRC64NVME" => self.crc64nvme.as_deref(),
            "SHA1" => self.sha1.as_deref(),
            "SHA256" => self.sha256.as_deref(),
            _ => None,
        }
    }

    /// Sets the one of an algorithm, by S3's name.
    pub fn set(&mut self, algorithm: &str, value: String) {
        match algorithm {
            "CRC32" => self.crc32 = Some(value),
            "CRC32C" => self.crc32c = Some(value),
            "CRC64NVME" => self.crc64nvme = Some(value),
            "SHA1" => self.sha1 = Some(value),
            "SHA256" => self.sha256 = Some(value),
            _ => {}
        }
    }

    /// The algorithms that are there, by S3's names.
    pub fn algorithms(&self) -> Vec<&'static str> {
        ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"]
            .into_iter()
            .filter(|name| self.of(name).is_some())
            .collect()
    }
}

/// The headers that are kept with an object and given back with it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Headers {
    /// `Content-Type`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// `Content-Encoding`, without S3's own `aws-chunked`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_encoding: Option<String>,
    /// `Content-Disposition`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_disposition: Option<String>,
    /// `Content-Language`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_language: Option<String>,
    /// `Cache-Control`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_control: Option<String>,
    /// `Expires`, in milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<i64>,
    /// `x-amz-meta-…`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
}

/// A bucket.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BucketRow {
    /// Milliseconds since 1970.
    pub created: i64,
}

/// An object.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ObjectRow {
    /// Bytes in all.
    pub size: u64,
    /// Without quotes: the MD5, or MD5 of MD5s and `-N`.
    pub etag: String,
    /// Milliseconds since 1970.
    pub modified: i64,
    /// The content, in order.
    pub pieces: Vec<Piece>,
    /// Of the whole, as the client asked for.
    #[serde(default, skip_serializing_if = "Sums::is_empty")]
    pub sums: Sums,
    /// Whether the checksums are over the parts' checksums.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub composite: bool,
    /// What is given back with it.
    #[serde(default)]
    pub headers: Headers,
    /// The upload that made it, when it was a multipart one: a repeated completion finds it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upload: Option<String>,
}

/// A multipart upload in progress.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct UploadRow {
    /// Where it will go.
    pub bucket: String,
    /// As what.
    pub key: String,
    /// Milliseconds since 1970.
    pub initiated: i64,
    /// What will be given back with it.
    #[serde(default)]
    pub headers: Headers,
    /// The checksum that the client will send with the parts, by S3's name.
    #[serde(default)]
    pub algorithm: Option<String>,
    /// Whether the object's checksum shall be over its bytes and not over the parts'.
    #[serde(default)]
    pub full_object: bool,
}

/// A part of an upload.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PartRow {
    /// The content.
    pub piece: Piece,
    /// The MD5 in hexadecimal.
    pub etag: String,
    /// Milliseconds since 1970.
    pub modified: i64,
    /// As the client asked for.
    #[serde(default, skip_serializing_if = "Sums::is_empty")]
    pub sums: Sums,
}

/// Now, in milliseconds since 1970.
pub fn now_ms() -> i64 {
    let since = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// A row's bytes.
pub fn encode<T: Serialize>(row: &T) -> Result<Vec<u8>, StoreError> {
    serde_json::to_vec(row).map_err(|error| StoreError::Row {
        what: "writing".to_owned(),
        message: error.to_string(),
    })
}

/// A row from its bytes.
pub fn decode<T: DeserializeOwned>(what: &str, bytes: &[u8]) -> Result<T, StoreError> {
    serde_json::from_slice(bytes).map_err(|error| StoreError::Row {
        what: what.to_owned(),
        message: error.to_string(),
    })
}
