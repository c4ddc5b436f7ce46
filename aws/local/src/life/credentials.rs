//! The user's own key: made at first use from the operating system's randomness, readable by
//! the user alone, never logged.

use ironsage_contract::{Home, LocalCredentials};
use rand::TryRngCore;
use rand::rngs::OsRng;

use super::Lock;
use crate::error::LocalError;
use crate::store::{private_folder, write_private};

/// Reads the key, making it where there is none.
pub fn credentials(home: &Home) -> Result<LocalCredentials, LocalError> {
    if let Some(key) = read(home)? {
        return Ok(key);
    }
    private_folder(&home.service())?;
    // Two first starts at once must agree on one key.
    let _lock = Lock::take(&home.service().join("credentials.lock"))?;
    if let Some(key) = read(home)? {
        return Ok(key);
    }
    let key = LocalCredentials {
        access_key_id: format!("AKIAIRON{}", random(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 12)?),
        secret_access_key: random(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", 40)?,
    };
    let text = serde_json::to_vec_pretty(&key).map_err(|error| LocalError::Credentials {
        path: home.credentials_file(),
        why: error.to_string(),
    })?;
    write_private(&home.credentials_file(), &text)?;
    Ok(key)
}

fn read(home: &Home) -> Result<Option<LocalCredentials>, LocalError> {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    let path = home.credentials_file();
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(cause) => return Err(LocalError::File { path, cause }),
    };
    let failed = |cause| LocalError::File {
        path: path.clone(),
        cause,
    };
    let metadata = std::fs::metadata(&path).map_err(failed)?;
    if metadata.permissions().mode() & 0o077 != 0 || metadata.uid() != rustix::process::geteuid().as_raw() {
        let why = "others can read it, or it belongs to another user".to_owned();
        return Err(LocalError::Credentials { path, why });
    }
    let key = serde_json::from_slice::<LocalCredentials>(&bytes).map_err(|error| LocalError::Credentials {
        path: path.clone(),
        why: error.to_string(),
    })?;
    if key.access_key_id.is_empty() || key.secret_access_key.len() < 16 {
        return Err(LocalError::Credentials {
            path,
            why: "it is too short".to_owned(),
        });
    }
    Ok(Some(key))
}

/// Random letters; the alphabet has 32 or 64 of them, so that each is equally likely.
fn random(alphabet: &[u8], length: usize) -> Result<String, LocalError> {
    let mut bytes = vec![0; length];
    OsRng.try_fill_bytes(&mut bytes).map_err(|error| LocalError::System {
        what: "randomness",
        cause: std::io::Error::other(error),
    })?;
    Ok(bytes
        .iter()
        .map(|byte| char::from(alphabet[usize::from(*byte) % alphabet.len()]))
        .collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn one_key_for_all_who_ask_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path().join("home"));
        let keys: Vec<LocalCredentials> = std::thread::scope(|scope| {
            let asking: Vec<_> = (0..8).map(|_| scope.spawn(|| credentials(&home).unwrap())).collect();
            asking.into_iter().map(|asked| asked.join().unwrap()).collect()
        });
        assert!(keys.iter().all(|key| *key == keys[0]));
        assert_eq!(keys[0].secret_access_key.len(), 40);
        let mode = std::fs::metadata(home.credentials_file()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(
            std::fs::metadata(home.service()).unwrap().permissions().mode() & 0o777,
            0o700
        );
    }

    #[test]
    fn a_key_that_others_can_read_is_not_used() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path());
        credentials(&home).unwrap();
        std::fs::set_permissions(home.credentials_file(), std::fs::Permissions::from_mode(0o644)).unwrap();
        let error = credentials(&home).unwrap_err();
        assert!(error.to_string().contains("others can read it"), "{error}");
        assert!(error.hint().is_some());
    }
}
