//! Which store and which service a magic speaks to, and what it is called in results. `local://` is always the local
//! store; `s3://` is the connected account's S3 once connected and the local store until then. The local service is
//! started by the first magic that needs it, never by merely looking at a session.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ironsage_client::{Client, Launcher};
use ironsage_contract::{S3Uri, Scheme};

use crate::error::MagicError;

/// The places of a session: the local service, and AWS once connected.
pub struct Places {
    places: ironsage_client::Places,
    used: AtomicBool,
}

impl Places {
    /// The local service alone; nothing is started.
    pub fn new(launcher: Arc<dyn Launcher>) -> Places {
        Places {
            places: ironsage_client::Places::new(launcher),
            used: AtomicBool::new(false),
        }
    }

    /// A client of the local service, which is started if it is not there.
    pub fn local(&self) -> Result<Client, MagicError> {
        let client = self.places.local()?;
        self.used.store(true, Ordering::Relaxed);
        Ok(client)
    }

    /// A client of the local service if some magic of this session has used it; nothing is started else.
    pub fn local_if_used(&self) -> Option<Client> {
        if !self.used.load(Ordering::Relaxed) {
            return None;
        }
        self.local().ok()
    }

    /// The connected account, if any.
    pub fn aws(&self) -> Option<Client> {
        self.places.aws()
    }

    /// Connects an account: from now on `s3://` is its S3.
    pub fn connect(&self, client: Client) {
        self.places.connect(client);
    }

    /// Back to the local store alone; true if an account was connected.
    pub fn disconnect(&self) -> bool {
        self.places.disconnect().is_some()
    }

    /// The client that a URI belongs to.
    pub fn store(&self, uri: &S3Uri) -> Result<Client, MagicError> {
        match (uri.scheme(), self.aws()) {
            (Scheme::S3, Some(client)) => Ok(client),
            _ => self.local(),
        }
    }

    /// Whether two URIs are in one store, so that an object can be copied without passing through this machine.
    pub fn same_store(&self, a: &S3Uri, b: &S3Uri) -> bool {
        a.scheme() == b.scheme() || self.aws().is_none()
    }

    /// What the store of a scheme is called in results.
    pub fn store_name(&self, scheme: Scheme) -> &'static str {
        match (scheme, self.aws().is_some()) {
            (Scheme::S3, true) => "S3",
            _ => "local store",
        }
    }
}
