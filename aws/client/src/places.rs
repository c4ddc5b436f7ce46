//! Which place an address means.
//!
//! `local://` is always the local store. `s3://` is the connected account's S3 when one is
//! connected, and the local store when none is. Nothing here starts the local service by
//! itself: the kernel hands in a [`Launcher`] that does.

use std::sync::{Arc, Mutex, PoisonError};

use ironsage_contract::{S3Uri, Scheme};

use crate::{Client, ClientError, Place};

/// Gets the local service going. The kernel hands one in.
pub trait Launcher: Send + Sync {
    /// The local service's place, started if it wasn't running.
    fn ensure(&self) -> Result<Place, ClientError>;
}

/// The places of a session: the local service, and AWS once connected.
pub struct Places {
    launcher: Arc<dyn Launcher>,
    local: Mutex<Option<Client>>,
    aws: Mutex<Option<Client>>,
}

impl Places {
    /// Only the local service, and that not yet started.
    pub fn new(launcher: Arc<dyn Launcher>) -> Places {
        Places {
            launcher,
            local: Mutex::new(None),
            aws: Mutex::new(None),
        }
    }

    /// The local service, started if it wasn't running. A service that came back elsewhere
    /// (another port, another key) gets a new client.
    pub fn local(&self) -> Result<Client, ClientError> {
        let place = self.launcher.ensure()?;
        let mut known = self.local.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = known.as_ref().filter(|client| client.place().is_same(&place)) {
            return Ok(client.clone());
        }
        let client = Client::new(place)?;
        *known = Some(client.clone());
        Ok(client)
    }

    /// The connected account.
    pub fn aws(&self) -> Option<Client> {
        self.aws.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// From now on `s3://` means this account's S3.
    pub fn connect(&self, client: Client) {
        *self.aws.lock().unwrap_or_else(PoisonError::into_inner) = Some(client);
    }

    /// From now on `s3://` means the local store again. Gives back what was connected.
    pub fn disconnect(&self) -> Option<Client> {
        self.aws.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// The place that holds `uri`.
    pub fn for_uri(&self, uri: &S3Uri) -> Result<Client, ClientError> {
        match (uri.scheme(), self.aws()) {
            (Scheme::S3, Some(client)) => Ok(client),
            (Scheme::S3, None) | (Scheme::Local, _) => self.local(),
        }
    }
}

impl std::fmt::Debug for Places {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Places")
            .field("aws", &self.aws())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::atomic::{AtomicU16, Ordering};

    use super::*;

    /// A service that answers at whatever port it is said to have.
    struct At(AtomicU16);

    impl Launcher for At {
        fn ensure(&self) -> Result<Place, ClientError> {
            let url = format!("http://127.0.0.1:{}", self.0.load(Ordering::SeqCst));
            Ok(Place::with_keys("local", Some(&url), "us-east-1", "id", "secret"))
        }
    }

    #[test]
    fn schemes_find_their_place() {
        let places = Places::new(Arc::new(At(AtomicU16::new(1))));
        let here: S3Uri = "local://shells/a".parse().unwrap();
        let there: S3Uri = "s3://shells/a".parse().unwrap();
        let name = |uri: &S3Uri| places.for_uri(uri).unwrap().place().name.clone();
        assert_eq!((name(&here), name(&there)), ("local".to_owned(), "local".to_owned()));

        let account = Place::with_keys("aws", None, "eu-west-1", "id", "secret");
        places.connect(Client::new(account).unwrap());
        assert_eq!((name(&here), name(&there)), ("local".to_owned(), "aws".to_owned()));

        assert!(places.disconnect().is_some());
        assert_eq!(name(&there), "local");
    }

    #[test]
    fn a_client_is_kept_until_the_service_moves() {
        let launcher = Arc::new(At(AtomicU16::new(1)));
        let places = Places::new(launcher.clone());
        let first = places.local().unwrap();
        assert!(Arc::ptr_eq(&first.inner, &places.local().unwrap().inner));
        launcher.0.store(2, Ordering::SeqCst);
        let moved = places.local().unwrap();
        assert_eq!(moved.place().endpoint.as_deref(), Some("http://127.0.0.1:2"));
    }
}
