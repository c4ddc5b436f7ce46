//! Checksums: what a client promises, in headers or in the trailer of a chunked upload, is
//! compared with what arrived; checksums of parts are joined into one of the whole.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::HeaderMap;
use s3s::crypto::{Checksum as _, Crc32, Crc32c, Crc64Nvme, Sha1, Sha256};
use s3s::{S3Error, TrailingHeaders, s3_error};

use crate::store::content::Algorithms;
use crate::store::rows::Sums;

/// What a client says about a body before (or, in a trailer, after) it comes.
#[derive(Debug, Default)]
pub struct Promise {
    /// Its length, where it is known.
    pub length: Option<u64>,
    /// `Content-MD5`, Base64.
    pub md5: Option<String>,
    /// Checksums in headers.
    pub sums: Sums,
    /// What it is to be hashed with.
    pub algorithms: Algorithms,
    /// Checksums announced for the trailer, by S3's names.
    pub trailer: Vec<String>,
}

const PREFIX: &str = "x-amz-checksum-";

impl Promise {
    /// Puts together what the headers say.
    pub fn new(
        length: Option<i64>,
        md5: Option<String>,
        sums: Sums,
        algorithm: Option<&str>,
        headers: &HeaderMap,
    ) -> Result<Promise, S3Error> {
        let mut promise = Promise {
            md5,
            sums,
            ..Promise::default()
        };
        promise.length = length.and_then(|length| u64::try_from(length).ok());
        let given: Vec<_> = promise.sums.algorithms();
        for name in given {
            promise.algorithms.add(name);
        }
        if let Some(name) = algorithm
            && !promise.algorithms.add(name)
        {
            return Err(s3_error!(
                InvalidRequest,
                "Checksum algorithm provided is unsupported: {}",
                name
            ));
        }
        for announced in headers.get_all("x-amz-trailer") {
            let announced = announced.to_str().unwrap_or_default().to_ascii_lowercase();
            for name in announced
                .split(',')
                .map(str::trim)
                .filter_map(|name| name.strip_prefix(PREFIX))
            {
                if !promise.algorithms.add(name) {
                    return Err(s3_error!(
                        InvalidRequest,
                        "The value specified in the x-amz-trailer header is not supported: {}",
                        name
                    ));
                }
                promise.trailer.push(name.to_ascii_uppercase());
            }
        }
        Ok(promise)
    }

    /// Compares the promise with what arrived.
    pub fn check(
        &self,
        size: u64,
        md5: &[u8; 16],
        found: &Sums,
        trailer: Option<&TrailingHeaders>,
    ) -> Result<(), S3Error> {
        if self.length.is_some_and(|promised| promised != size) {
            return Err(s3_error!(
                IncompleteBody,
                "You did not provide the number of bytes specified by the Content-Length HTTP header"
            ));
        }
        if let Some(promised) = &self.md5 {
            match BASE64.decode(promised) {
                Ok(promised) if promised.len() == 16 => {
                    if promised != md5 {
                        return Err(s3_error!(
                            BadDigest,
                            "The Content-MD5 you specified did not match what we received."
                        ));
                    }
                }
                _ => return Err(s3_error!(InvalidDigest, "The Content-MD5 you specified was invalid.")),
            }
        }
        let mut promised = self.sums.clone();
        if !self.trailer.is_empty() {
            let sent = trailer.and_then(TrailingHeaders::take).unwrap_or_default();
            for name in &self.trailer {
                let header = format!("{PREFIX}{}", name.to_ascii_lowercase());
                let value = sent.get(header.as_str()).and_then(|value| value.to_str().ok());
                let Some(value) = value else {
                    return Err(s3_error!(
                        InvalidRequest,
                        "The announced trailer {} did not come",
                        header
                    ));
                };
                promised.set(name, value.trim().to_owned());
            }
        }
        for name in promised.algorithms() {
            if promised.of(name) != found.of(name) {
                return Err(s3_error!(
                    BadDigest,
                    "The {} you specified did not match the calculated checksum.",
                    name
                ));
            }
        }
        Ok(())
    }
}

/// The checksum over the parts' checksums, with the number of parts behind it.
pub fn composite(algorithm: &str, parts: &[&str]) -> Option<String> {
    let mut joined = Vec::new();
    for part in parts {
        joined.extend(BASE64.decode(part).ok()?);
    }
    let sum = match algorithm {
        "CRC32" => BASE64.encode(Crc32::checksum(&joined)),
        "CRC32C" => BASE64.encode(Crc32c::checksum(&joined)),
        "CRC64NVME" => BASE64.encode(Crc64Nvme::checksum(&joined)),
        "SHA1" => BASE64.encode(Sha1::checksum(&joined)),
        "SHA256" => BASE64.encode(Sha256::checksum(&joined)),
        _ => return None,
    };
    Some(format!("{sum}-{}", parts.len()))
}

/// The CRC of the whole from the CRCs and lengths of its parts; `None` for hashes, which
/// cannot be joined so.
pub fn full_object(algorithm: &str, parts: &[(&str, u64)]) -> Option<String> {
    let (polynomial, width) = match algorithm {
        "CRC32" => (0xEDB8_8320, 32),
        "CRC32C" => (0x82F6_3B78, 32),
        "CRC64NVME" => (0x9A6C_9329_AC4B_C9B5, 64),
        _ => return None,
    };
    let mut whole = 0_u64;
    for (index, (part, length)) in parts.iter().enumerate() {
        let bytes = BASE64.decode(part).ok().filter(|bytes| bytes.len() * 8 == width)?;
        let part = bytes.iter().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
        whole = if index == 0 {
            part
        } else {
            combine(polynomial, whole, part, *length)
        };
    }
    let bytes = whole.to_be_bytes();
    Some(BASE64.encode(&bytes[8 - width / 8..]))
}

/// CRC(A ++ B) from CRC(A), CRC(B) and B's length: the state after A is pushed through as many
/// zero bytes as B has (a matrix over GF(2), squared as often as the length has bits), as
/// zlib's `crc32_combine` does it.
fn combine(polynomial: u64, first: u64, second: u64, length: u64) -> u64 {
    let times = |matrix: &[u64; 64], mut vector: u64| {
        let mut sum = 0;
        let mut row = 0;
        while vector != 0 {
            if vector & 1 == 1 {
                sum ^= matrix[row];
            }
            vector >>= 1;
            row += 1;
        }
        sum
    };
    // One zero bit: shift right, and the polynomial where a bit falls out.
    let mut matrix = [0_u64; 64];
    matrix[0] = polynomial;
    for (row, value) in matrix.iter_mut().enumerate().skip(1) {
        *value = 1 << (row - 1);
    }
    let square = |matrix: &[u64; 64]| {
        let mut squared = [0; 64];
        for (row, value) in squared.iter_mut().enumerate() {
            *value = times(matrix, matrix[row]);
        }
        squared
    };
    // Eight zero bits: one byte.
    for _ in 0..3 {
        matrix = square(&matrix);
    }
    let (mut state, mut left) = (first, length);
    while left != 0 {
        if left & 1 == 1 {
            state = times(&matrix, state);
        }
        left >>= 1;
        if left != 0 {
            matrix = square(&matrix);
        }
    }
    state ^ second
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn joined_crcs_are_those_of_the_whole(parts in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..300), 1..6)) {
            let whole: Vec<u8> = parts.concat();
            macro_rules! check { ($name:literal, $type:ty) => {
                let sums: Vec<String> = parts.iter().map(|part| BASE64.encode(<$type>::checksum(part))).collect();
                let with: Vec<(&str, u64)> = sums.iter().zip(&parts).map(|(sum, part)| (sum.as_str(), part.len() as u64)).collect();
                prop_assert_eq!(full_object($name, &with).unwrap(), BASE64.encode(<$type>::checksum(&whole)));
            } }
            check!("CRC32", Crc32);
            check!("CRC32C", Crc32c);
            check!("CRC64NVME", Crc64Nvme);
        }
    }

    #[test]
    fn hashes_cannot_be_joined() {
        assert_eq!(full_object("SHA256", &[("AAAA", 1)]), None);
        assert!(composite("SHA256", &["AAAA"]).unwrap().ends_with("-1"));
    }
}
