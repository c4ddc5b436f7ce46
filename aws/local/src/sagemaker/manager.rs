//! The life of endpoints: what is deployed, what is being deployed, what is being removed.
//!
//! The truth is the row in the index; the processes follow it. A task that has finished its
//! work asks the row, in a transaction, whether the work is still wanted (it may have been
//! deleted meanwhile) and undoes it where it is not. A write that says how something ended is
//! done again until it succeeds: clients wait for it. After a restart of the service the rows
//! tell what to start again.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::watch;

use super::Identity;
use super::deployments::{Deployments, Start};
use super::endpoint::{Deployment, Endpoint, Status, cut};
use super::json::ApiError;
use crate::serving::{Fleet, Spawner};
use crate::store::rows::{decode, encode, now_ms};
use crate::store::{Store, StoreError};

/// The kind in the index and in ARNs.
pub const KIND: &str = "endpoint";
/// How long a write that failed waits for the disk to have space again.
const RETRY: Duration = Duration::from_secs(1);

/// The processes of a deployment, by its id.
type Running = (String, Arc<Fleet>);

/// What runs for an endpoint.
struct Live {
    fleet: Option<Running>,
    /// Ends the deployments that are on their way.
    cancel: watch::Sender<bool>,
}

impl Live {
    async fn end(self) {
        self.cancel.send_replace(true);
        if let Some((_, fleet)) = self.fleet {
            fleet.stop().await;
        }
    }
}

/// The endpoint was deleted, or given another deployment, or the service closes.
struct NotWanted;

/// Keeps endpoints as their rows say.
pub struct Manager {
    /// Where rows and artifacts are.
    pub store: Arc<Store>,
    /// In whose name.
    pub identity: Identity,
    deployments: Deployments,
    live: Mutex<HashMap<String, Live>>,
    closing: AtomicBool,
}

impl Manager {
    /// A manager that keeps its files in this folder and starts this executable.
    pub fn new(
        store: Arc<Store>,
        identity: Identity,
        spawner: Spawner,
        executable: PathBuf,
        folder: PathBuf,
    ) -> Result<Arc<Manager>, StoreError> {
        let region = identity.region.clone();
        Ok(Arc::new(Manager {
            deployments: Deployments::new(store.clone(), region, spawner, executable, &folder)?,
            store,
            identity,
            live: Mutex::default(),
            closing: AtomicBool::new(false),
        }))
    }

    /// Reads an endpoint; SageMaker's error where there is none.
    pub fn find(&self, name: &str) -> Result<Endpoint, ApiError> {
        let row = self.store.index.read(|rx| rx.resource(KIND, name))?;
        let row = row.ok_or_else(|| self.missing(name))?;
        Ok(decode(name, &row)?)
    }

    /// All endpoints.
    pub fn all(&self) -> Result<Vec<Endpoint>, ApiError> {
        let rows = self.store.index.read(|rx| rx.resources(KIND))?;
        Ok(rows.iter().map(|row| decode(KIND, row)).collect::<Result<_, _>>()?)
    }

    /// SageMaker's error for an endpoint that is not there.
    pub fn missing(&self, name: &str) -> ApiError {
        ApiError::validation(format!(
            "Could not find endpoint \"{}\".",
            self.identity.arn(KIND, name)
        ))
    }

    /// Changes a row in one transaction; `change` may refuse.
    async fn change<T: Send + 'static>(
        &self,
        name: &str,
        change: impl FnOnce(&mut Endpoint) -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        let (name, missing) = (name.to_owned(), self.missing(name));
        self.store
            .index
            .write(move |tx| -> Result<T, ApiError> {
                let row = tx.resource(KIND, &name)?.ok_or(missing)?;
                let mut endpoint: Endpoint = decode(&name, &row)?;
                let result = change(&mut endpoint)?;
                tx.put_resource(KIND, &name, &encode(&endpoint)?)?;
                Ok(result)
            })
            .await
    }

    /// [`Self::change`] that nothing may keep from being done: tried until it succeeds, the
    /// endpoint is gone or the service closes.
    async fn insist(&self, name: &str, change: impl Fn(&mut Endpoint) + Clone + Send + 'static) {
        loop {
            let change = change.clone();
            let changed = self.change(name, move |endpoint| {
                change(endpoint);
                Ok(())
            });
            match changed.await {
                Err(error) if self.may_succeed_yet(&error) => tokio::time::sleep(RETRY).await,
                _ => return,
            }
        }
    }

    fn may_succeed_yet(&self, error: &ApiError) -> bool {
        is_unknown(error) && !self.closing.load(Ordering::SeqCst)
    }

    /// Makes an endpoint and starts its first deployment.
    pub async fn create(self: &Arc<Self>, name: &str, deployment: Deployment) -> Result<(), ApiError> {
        let arn = self.identity.arn(KIND, name);
        let now = now_ms();
        let endpoint = Endpoint {
            name: name.to_owned(),
            arn: arn.clone(),
            status: Status::Creating,
            failure: None,
            created: now,
            modified: now,
            current: None,
            pending: Some(deployment.clone()),
        };
        let row = encode(&endpoint)?;
        let key = name.to_owned();
        self.store
            .index
            .write(move |tx| -> Result<(), ApiError> {
                if tx.resource(KIND, &key)?.is_some() {
                    return Err(ApiError::validation(format!(
                        "Cannot create already existing endpoint \"{arn}\"."
                    )));
                }
                Ok(tx.put_resource(KIND, &key, &row)?)
            })
            .await?;
        self.spawn_deploy(name, deployment);
        Ok(())
    }

    /// Starts another deployment beside the one that answers.
    pub async fn update(self: &Arc<Self>, name: &str, deployment: Deployment) -> Result<(), ApiError> {
        let pending = deployment.clone();
        self.change(name, move |endpoint| match endpoint.status {
            Status::InService => {
                endpoint.status = Status::Updating;
                endpoint.failure = None;
                endpoint.modified = now_ms();
                endpoint.pending = Some(pending);
                Ok(())
            }
            Status::Failed => Err(ApiError::validation(format!(
                "Cannot update endpoint \"{}\" in status Failed; delete it and create it anew.",
                endpoint.arn
            ))),
            _ => Err(ApiError::validation(format!(
                "Cannot update in-progress endpoint \"{}\".",
                endpoint.arn
            ))),
        })
        .await?;
        self.spawn_deploy(name, deployment);
        Ok(())
    }

    /// Removes an endpoint, in whatever state it is.
    pub async fn delete(self: &Arc<Self>, name: &str) -> Result<(), ApiError> {
        self.change(name, |endpoint| {
            if endpoint.status == Status::Deleting {
                let message = format!(
                    "Cannot delete endpoint \"{}\": it is being deleted already.",
                    endpoint.arn
                );
                return Err(ApiError::validation(message));
            }
            endpoint.status = Status::Deleting;
            endpoint.modified = now_ms();
            Ok(())
        })
        .await?;
        self.spawn_remove(name);
        Ok(())
    }

    fn spawn_deploy(self: &Arc<Self>, name: &str, deployment: Deployment) {
        let (manager, name) = (self.clone(), name.to_owned());
        let cancelled = self.cancellation(&name);
        tokio::spawn(async move { manager.deploy(&name, deployment, cancelled).await });
    }

    /// What runs for an endpoint, or the place for it.
    fn entry<'a>(&self, live: &'a mut HashMap<String, Live>, name: &str) -> &'a mut Live {
        let nothing = || Live {
            fleet: None,
            cancel: watch::Sender::new(self.closing.load(Ordering::SeqCst)),
        };
        live.entry(name.to_owned()).or_insert_with(nothing)
    }

    fn cancellation(&self, name: &str) -> watch::Receiver<bool> {
        self.entry(&mut self.live.lock(), name).cancel.subscribe()
    }

    async fn deploy(self: Arc<Self>, name: &str, deployment: Deployment, cancelled: watch::Receiver<bool>) {
        let id = deployment.id.clone();
        match self.deployments.start(name, &deployment, cancelled).await {
            Start::Cancelled => self.forget_unless_needed(name, &id),
            Start::Ready(fleet) => {
                let wanted = id.clone();
                self.insist(name, move |endpoint| {
                    if endpoint.is_deploying(&wanted) {
                        endpoint.current = endpoint.pending.take();
                        endpoint.status = Status::InService;
                        endpoint.modified = now_ms();
                    }
                })
                .await;
                let Ok(old) = self.install(name, &id, &fleet) else {
                    fleet.stop().await;
                    self.forget_unless_needed(name, &id);
                    return;
                };
                tracing::info!("endpoint {name} is in service");
                self.watch(name, fleet);
                // Requests go to the new processes from here on; the old ones finish theirs.
                if let Some((old_id, old)) = old {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    old.stop().await;
                    self.deployments.forget(&old_id);
                }
            }
            Start::Failed(reason) => {
                tracing::warn!("endpoint {name} could not be deployed: {reason}");
                // First of all: the row may need the space.
                self.deployments.forget(&id);
                let reason = cut(&reason);
                self.insist(name, move |endpoint| {
                    if endpoint.is_deploying(&id) {
                        endpoint.pending = None;
                        endpoint.failure = Some(reason.clone());
                        endpoint.modified = now_ms();
                        // A failed update leaves the old deployment answering.
                        endpoint.status = if endpoint.current.is_some() {
                            Status::InService
                        } else {
                            Status::Failed
                        };
                    }
                })
                .await;
            }
        }
    }

    /// Starts what answered before the service was restarted.
    async fn revive(self: Arc<Self>, name: &str, deployment: Deployment) {
        let cancelled = self.cancellation(name);
        let id = deployment.id.clone();
        match self.deployments.start(name, &deployment, cancelled).await {
            Start::Cancelled => self.forget_unless_needed(name, &id),
            Start::Ready(fleet) => {
                if self.install(name, &id, &fleet).is_err() {
                    fleet.stop().await;
                    self.forget_unless_needed(name, &id);
                    return;
                }
                tracing::info!("endpoint {name} answers again");
                self.watch(name, fleet);
            }
            Start::Failed(reason) => {
                self.fail(name, &id, reason).await;
                self.forget_unless_needed(name, &id);
            }
        }
    }

    /// Lets an endpoint answer with these processes and gives those that did before. Its row is
    /// asked under the lock: who deletes changes the row first and takes the processes after.
    fn install(&self, name: &str, deployment: &str, fleet: &Arc<Fleet>) -> Result<Option<Running>, NotWanted> {
        let mut live = self.live.lock();
        let wanted = match self.find(name) {
            Ok(endpoint) => endpoint.answers_with(deployment),
            Err(error) => is_unknown(&error),
        };
        if !wanted || self.closing.load(Ordering::SeqCst) {
            return Err(NotWanted);
        }
        let running = (deployment.to_owned(), fleet.clone());
        Ok(self.entry(&mut live, name).fleet.replace(running))
    }

    /// Removes the files of a deployment that has ended, unless its endpoint needs them.
    fn forget_unless_needed(&self, name: &str, deployment: &str) {
        let needed = match self.find(name) {
            Ok(endpoint) => endpoint.needs(deployment),
            Err(error) => is_unknown(&error),
        };
        if !needed {
            self.deployments.forget(deployment);
        }
    }

    /// Marks an endpoint as failed when its processes were given up.
    fn watch(self: &Arc<Self>, name: &str, fleet: Arc<Fleet>) {
        let (manager, name) = (self.clone(), name.to_owned());
        tokio::spawn(async move {
            let reason = fleet.died().await;
            let current = {
                let live = manager.live.lock();
                let entry = live.get(&name).and_then(|live| live.fleet.as_ref());
                entry
                    .filter(|(_, now)| Arc::ptr_eq(now, &fleet))
                    .map(|(id, _)| id.clone())
            };
            if let Some(id) = current {
                manager.fail(&name, &id, reason).await;
                fleet.stop().await;
            }
        });
    }

    async fn fail(&self, name: &str, deployment: &str, reason: String) {
        tracing::error!("endpoint {name} failed: {reason}");
        let (failed, reason) = (deployment.to_owned(), cut(&reason));
        self.insist(name, move |endpoint| {
            if endpoint.status == Status::InService && endpoint.answers_with(&failed) {
                endpoint.status = Status::Failed;
                endpoint.failure = Some(reason.clone());
                endpoint.modified = now_ms();
            }
        })
        .await;
    }

    fn spawn_remove(self: &Arc<Self>, name: &str) {
        let (manager, name) = (self.clone(), name.to_owned());
        tokio::spawn(async move {
            let live = manager.live.lock().remove(&name);
            if let Some(live) = live {
                live.end().await;
            }
            loop {
                match manager.remove(&name).await {
                    Ok(()) => tracing::info!("endpoint {name} is deleted"),
                    Err(error) if manager.may_succeed_yet(&error) => {
                        tokio::time::sleep(RETRY).await;
                        continue;
                    }
                    Err(_) => {}
                }
                return;
            }
        });
    }

    /// Removes an endpoint: its files, then its row, which may need their space.
    async fn remove(&self, name: &str) -> Result<(), ApiError> {
        let endpoint = self.find(name)?;
        for deployment in endpoint.deployments() {
            self.deployments.forget(&deployment.id);
        }
        let name = name.to_owned();
        self.store
            .index
            .write(move |tx| -> Result<(), ApiError> {
                tx.remove_resource(KIND, &name)?;
                Ok(())
            })
            .await
    }

    /// Takes up, after a start of the service, what its rows say.
    pub fn restore(self: &Arc<Self>) -> Result<(), ApiError> {
        let endpoints = self.all()?;
        let named = endpoints.iter().flat_map(Endpoint::deployments);
        // Before anything is started: what is being unpacked lies under another name.
        self.deployments
            .sweep(&named.map(|deployment| deployment.id.as_str()).collect());
        for endpoint in endpoints {
            let name = endpoint.name.clone();
            match endpoint.status {
                Status::Failed => {}
                Status::Deleting => self.spawn_remove(&name),
                Status::Creating | Status::Updating | Status::InService => {
                    let manager = self.clone();
                    tokio::spawn(async move {
                        if let Some(current) = endpoint.current {
                            manager.clone().revive(&name, current).await;
                        }
                        if let Some(pending) = endpoint.pending {
                            manager.spawn_deploy(&name, pending);
                        }
                    });
                }
            }
        }
        Ok(())
    }

    /// The processes of an endpoint, if they run.
    pub fn fleet(&self, name: &str) -> Option<Arc<Fleet>> {
        self.live
            .lock()
            .get(name)
            .and_then(|live| live.fleet.as_ref())
            .map(|(_, fleet)| fleet.clone())
    }

    /// Ends all processes; the rows stay, so that the next start takes them up again.
    pub async fn close(&self) {
        self.closing.store(true, Ordering::SeqCst);
        let all: Vec<Live> = self.live.lock().drain().map(|(_, live)| live).collect();
        futures::future::join_all(all.into_iter().map(Live::end)).await;
    }
}

/// Whether this tells nothing of the endpoint: it is the store that failed.
fn is_unknown(error: &ApiError) -> bool {
    error.status >= 500
}
