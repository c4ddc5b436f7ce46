//! Signatures: which messages come from whoever holds the connection file.
//!
//! HMAC-SHA256 over the four JSON frames (header, parent header, metadata,
//! content) in hex; raw buffers behind them are not signed. An empty key turns
//! signing off, as Jupyter defines it. Verification takes constant time.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Signs and verifies messages with the key of the connection file.
#[derive(Clone)]
pub(crate) struct Signer {
    keyed: Option<Hmac<Sha256>>,
}

impl Signer {
    /// A signer for this key; an empty one signs nothing and accepts all.
    pub(crate) fn new(key: &str) -> Self {
        // HMAC takes keys of any length; the error of the trait can't occur for it.
        let keyed = (!key.is_empty()).then(|| Hmac::new_from_slice(key.as_bytes()).ok());
        Self { keyed: keyed.flatten() }
    }

    /// The signature frame for these frames.
    pub(crate) fn sign(&self, frames: [&[u8]; 4]) -> String {
        let Some(mut digest) = self.keyed.clone() else {
            return String::new();
        };
        for frame in frames {
            digest.update(frame);
        }
        hex::encode(digest.finalize().into_bytes())
    }

    /// Whether the signature is that of these frames.
    pub(crate) fn verify(&self, signature: &[u8], frames: [&[u8]; 4]) -> bool {
        let Some(mut digest) = self.keyed.clone() else {
            return true;
        };
        let Ok(signature) = hex::decode(signature) else {
            return false;
        };
        for frame in frames {
            digest.update(frame);
        }
        digest.verify_slice(&signature).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Computed with Python's `hmac.new(b"key", b"abcd", "sha256").hexdigest()`.
    const SIGNATURE: &str = "2a31ec0ee8d878c9eece9fb0df79b3b90b2256240163aa5ee50d176d3d1121f8";

    #[test]
    fn agrees_with_python() {
        let signer = Signer::new("key");
        assert_eq!(signer.sign([b"a", b"b", b"c", b"d"]), SIGNATURE);
        assert!(signer.verify(SIGNATURE.as_bytes(), [b"a", b"b", b"c", b"d"]));
    }

    #[test]
    fn refuses_what_it_did_not_sign() {
        let signer = Signer::new("key");
        let frames: [&[u8]; 4] = [b"a", b"b", b"c", b"e"];
        assert!(!signer.verify(SIGNATURE.as_bytes(), frames));
        assert!(!signer.verify(&SIGNATURE.as_bytes()[..32], frames));
        assert!(!signer.verify(b"", frames));
        assert!(!signer.verify(b"not hex at all", frames));
        assert!(!Signer::new("other").verify(SIGNATURE.as_bytes(), [b"a", b"b", b"c", b"d"]));
    }

    #[test]
    fn an_empty_key_turns_signing_off() {
        let signer = Signer::new("");
        assert_eq!(signer.sign([b"a", b"b", b"c", b"d"]), "");
        assert!(signer.verify(b"anything", [b"a", b"b", b"c", b"d"]));
    }
}
