//! The proof of who answers on a port: a keyed hash shows that one knows the user's key without
//! showing the key.

use hmac::Mac;
use ironsage_contract::LocalCredentials;

use crate::signature::mac;

/// The proof over a text.
pub fn proof(key: &LocalCredentials, text: &[u8]) -> String {
    hex::encode(
        mac(key.secret_access_key.as_bytes(), &purpose(text))
            .finalize()
            .into_bytes(),
    )
}

/// Whether a proof is right, in constant time.
pub fn is_proof(key: &LocalCredentials, text: &[u8], proof: &str) -> bool {
    hex::decode(proof).is_ok_and(|proof| {
        mac(key.secret_access_key.as_bytes(), &purpose(text))
            .verify_slice(&proof)
            .is_ok()
    })
}

/// What is hashed for this purpose can serve no other.
fn purpose(text: &[u8]) -> Vec<u8> {
    [b"ironsage-local-identity\n".as_slice(), text].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_key_and_text_prove_anything() {
        let key = |secret: &str| LocalCredentials {
            access_key_id: "AKIAEXAMPLE".to_owned(),
            secret_access_key: secret.to_owned(),
        };
        let given = proof(&key("secret"), b"text");
        assert!(is_proof(&key("secret"), b"text", &given));
        assert!(!is_proof(&key("other"), b"text", &given));
        assert!(!is_proof(&key("secret"), b"another", &given));
        assert!(!is_proof(&key("secret"), b"text", "no proof"));
    }
}
