//! The life of endpoints: what is deployed, what is being deployed, what is being removed.
//!
//! The truth is the row in the index; the processes follow it. A task that has finished its
//! work asks the row, in a transaction, whether the work is still wanted (it may have been
//! deleted meanwhile) and undoes it where it is not. After a restart of the service the rows
//! tell what to start again.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ironsage_contract::S3Uri;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::Identity;
use super::json::ApiError;
use crate::serving::{Fleet, Plan, Spawner, unpack::unpack};
use crate::store::rows::{decode, encode, now_ms};
use crate::store::{Store, private_folder};

/// The kind in the index and in ARNs.
pub const KIND: &str = "endpoint";
/// The longest failure reason.
const MAX_REASON: usize = 1024;

/// An endpoint's status, by SageMaker's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Status {
    /// Its first deployment is on its way.
    Creating,
    /// Another deployment is on its way; the old one answers.
    Updating,
    /// It answers.
    InService,
    /// It is being removed.
    Deleting,
    /// It does not answer; only delete is allowed.
    Failed,
}

impl Status {
    /// As the wire has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Creating => "Creating",
            Status::Updating => "Updating",
            Status::InService => "InService",
            Status::Deleting => "Deleting",
            Status::Failed => "Failed",
        }
    }
}

/// All that is needed to start an endpoint's processes, even after its configuration and its
/// model were deleted.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Deployment {
    /// The name of its folder.
    pub id: String,
    /// The endpoint configuration's name.
    pub config: String,
    /// The variant's name.
    pub variant: String,
    /// The variant's weight.
    pub weight: f64,
    /// How many processes.
    pub count: usize,
    /// How long a container may take to answer pings.
    pub startup_seconds: u64,
    /// The image.
    pub image: String,
    /// The algorithm that it stands for.
    pub algorithm: String,
    /// The artifact.
    pub data: Option<S3Uri>,
    /// The model's variables.
    pub environment: Vec<(String, String)>,
    /// Milliseconds since 1970.
    pub started: i64,
}

/// An endpoint as it is kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Endpoint {
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// Its status.
    pub status: Status,
    /// Why it, or its last update, failed.
    pub failure: Option<String>,
    /// Milliseconds since 1970.
    pub created: i64,
    /// Milliseconds since 1970.
    pub modified: i64,
    /// What answers.
    pub current: Option<Deployment>,
    /// What is on its way.
    pub pending: Option<Deployment>,
}

/// What runs for an endpoint.
#[derive(Default)]
struct Live {
    fleet: Option<(String, Arc<Fleet>)>,
    /// Ends the deployment that is on its way.
    cancel: Option<watch::Sender<bool>>,
}

/// Keeps endpoints as their rows say.
pub struct Manager {
    /// Where rows and artifacts are.
    pub store: Arc<Store>,
    /// In whose name.
    pub identity: Identity,
    spawner: Spawner,
    executable: PathBuf,
    deployments: PathBuf,
    logs: PathBuf,
    live: Mutex<HashMap<String, Live>>,
    closing: AtomicBool,
}

/// How an attempt to start processes ended.
enum Start {
    Ready(Arc<Fleet>),
    Failed(String),
    Cancelled,
}

impl Manager {
    /// A manager that keeps its files in this folder and starts this executable.
    pub fn new(
        store: Arc<Store>,
        identity: Identity,
        spawner: Spawner,
        executable: PathBuf,
        folder: PathBuf,
    ) -> Result<Arc<Manager>, crate::store::StoreError> {
        let (deployments, logs) = (folder.join("deployments"), folder.join("logs"));
        private_folder(&deployments)?;
        private_folder(&logs)?;
        Ok(Arc::new(Manager {
            store,
            identity,
            spawner,
            executable,
            deployments,
            logs,
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

    fn cancellation(&self, name: &str) -> watch::Receiver<bool> {
        let (cancel, cancelled) = watch::channel(false);
        self.live.lock().entry(name.to_owned()).or_default().cancel = Some(cancel);
        cancelled
    }

    async fn deploy(self: Arc<Self>, name: &str, deployment: Deployment, cancelled: watch::Receiver<bool>) {
        let id = deployment.id.clone();
        match self.start(name, &deployment, cancelled).await {
            Start::Cancelled => {}
            Start::Ready(fleet) => {
                let wanted = id.clone();
                let changed = self
                    .change(name, move |endpoint| {
                        let fits = endpoint.pending.as_ref().is_some_and(|pending| pending.id == wanted);
                        if !fits || !matches!(endpoint.status, Status::Creating | Status::Updating) {
                            return Ok(false);
                        }
                        endpoint.current = endpoint.pending.take();
                        endpoint.status = Status::InService;
                        endpoint.modified = now_ms();
                        Ok(true)
                    })
                    .await;
                if !matches!(changed, Ok(true)) || self.closing.load(Ordering::SeqCst) {
                    fleet.stop().await;
                    return;
                }
                tracing::info!("endpoint {name} is in service");
                // Requests go to the new processes from here on; the old ones finish theirs.
                let old = self
                    .live
                    .lock()
                    .entry(name.to_owned())
                    .or_default()
                    .fleet
                    .replace((id, fleet.clone()));
                self.watch(name, fleet);
                if let Some((old_id, old)) = old {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    old.stop().await;
                    self.forget(&old_id);
                }
            }
            Start::Failed(reason) => {
                tracing::warn!("endpoint {name} could not be deployed: {reason}");
                let wanted = id.clone();
                let reason = cut(&reason);
                let _ = self
                    .change(name, move |endpoint| {
                        let fits = endpoint.pending.as_ref().is_some_and(|pending| pending.id == wanted);
                        if fits && matches!(endpoint.status, Status::Creating | Status::Updating) {
                            endpoint.pending = None;
                            endpoint.failure = Some(reason);
                            endpoint.modified = now_ms();
                            // A failed update leaves the old deployment answering.
                            endpoint.status = if endpoint.current.is_some() {
                                Status::InService
                            } else {
                                Status::Failed
                            };
                        }
                        Ok(())
                    })
                    .await;
                self.forget(&id);
            }
        }
    }

    /// Starts what answered before the service was restarted.
    async fn revive(self: Arc<Self>, name: &str, deployment: Deployment) {
        let cancelled = self.cancellation(name);
        let id = deployment.id.clone();
        match self.start(name, &deployment, cancelled).await {
            Start::Cancelled => {}
            Start::Ready(fleet) => {
                tracing::info!("endpoint {name} answers again");
                self.live.lock().entry(name.to_owned()).or_default().fleet = Some((id, fleet.clone()));
                self.watch(name, fleet);
            }
            Start::Failed(reason) => self.fail(name, &id, reason).await,
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
        let (wanted, reason) = (deployment.to_owned(), cut(&reason));
        let _ = self
            .change(name, move |endpoint| {
                let fits = endpoint.current.as_ref().is_some_and(|current| current.id == wanted);
                if fits && endpoint.status == Status::InService {
                    endpoint.status = Status::Failed;
                    endpoint.failure = Some(reason);
                    endpoint.modified = now_ms();
                }
                Ok(())
            })
            .await;
    }

    /// Unpacks the model and starts the processes.
    async fn start(&self, name: &str, deployment: &Deployment, mut cancelled: watch::Receiver<bool>) -> Start {
        let base = self.deployments.join(&deployment.id);
        let (store, data, folder) = (self.store.clone(), deployment.data.clone(), base.clone());
        let prepared = tokio::task::spawn_blocking(move || prepare(&store, data.as_ref(), &folder)).await;
        match prepared {
            Ok(Ok(())) => {}
            Ok(Err(reason)) => return Start::Failed(reason),
            Err(error) => return Start::Failed(format!("The model could not be unpacked: {error}")),
        }
        let plan = Plan {
            executable: self.executable.clone(),
            base,
            log: self.logs.join(format!("{name}.log")),
            environment: deployment.environment.clone(),
            algorithm: deployment.algorithm.clone(),
            region: self.identity.region.clone(),
            count: deployment.count,
            patience: Duration::from_secs(deployment.startup_seconds),
        };
        if *cancelled.borrow() || self.closing.load(Ordering::SeqCst) {
            return Start::Cancelled;
        }
        let fleet = Fleet::launch(&self.spawner, &plan);
        let ready = tokio::select! {
            ready = fleet.wait_ready() => Some(ready),
            () = async { let _ = cancelled.wait_for(|cancelled| *cancelled).await.map(drop); } => None,
        };
        match ready {
            Some(Ok(())) => Start::Ready(fleet),
            Some(Err(reason)) => {
                fleet.stop().await;
                Start::Failed(format!(
                    "The primary container for production variant {} did not pass the ping health check. {reason}",
                    deployment.variant
                ))
            }
            None => {
                fleet.stop().await;
                Start::Cancelled
            }
        }
    }

    fn spawn_remove(self: &Arc<Self>, name: &str) {
        let (manager, name) = (self.clone(), name.to_owned());
        tokio::spawn(async move {
            let live = manager.live.lock().remove(&name);
            if let Some(live) = live {
                if let Some(cancel) = live.cancel {
                    let _ = cancel.send(true);
                }
                if let Some((_, fleet)) = live.fleet {
                    fleet.stop().await;
                }
            }
            let key = name.clone();
            let gone = manager
                .store
                .index
                .write(move |tx| -> Result<Option<Endpoint>, ApiError> {
                    let Some(row) = tx.resource(KIND, &key)? else {
                        return Ok(None);
                    };
                    let endpoint: Endpoint = decode(&key, &row)?;
                    tx.remove_resource(KIND, &key)?;
                    Ok(Some(endpoint))
                })
                .await;
            if let Ok(Some(endpoint)) = gone {
                for deployment in endpoint.current.iter().chain(&endpoint.pending) {
                    manager.forget(&deployment.id);
                }
                tracing::info!("endpoint {name} is deleted");
            }
        });
    }

    fn forget(&self, deployment: &str) {
        let _ = std::fs::remove_dir_all(self.deployments.join(deployment));
    }

    /// Takes up, after a start of the service, what its rows say.
    pub fn restore(self: &Arc<Self>) -> Result<(), ApiError> {
        let mut kept = HashSet::new();
        for endpoint in self.all()? {
            for deployment in endpoint.current.iter().chain(&endpoint.pending) {
                kept.insert(deployment.id.clone());
            }
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
        let Ok(folders) = std::fs::read_dir(&self.deployments) else {
            return Ok(());
        };
        for folder in folders.flatten() {
            if folder.file_name().to_str().is_some_and(|name| !kept.contains(name)) {
                let _ = std::fs::remove_dir_all(folder.path());
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
        let ends = all.into_iter().map(|live| async move {
            if let Some(cancel) = live.cancel {
                let _ = cancel.send(true);
            }
            if let Some((_, fleet)) = live.fleet {
                fleet.stop().await;
            }
        });
        futures::future::join_all(ends).await;
    }
}

/// Puts the model's files in place, once. What lies under the final name is whole.
fn prepare(store: &Arc<Store>, data: Option<&S3Uri>, folder: &std::path::Path) -> Result<(), String> {
    if folder.join("model").is_dir() {
        return Ok(());
    }
    let mut name = folder.file_name().unwrap_or_default().to_os_string();
    name.push(".new");
    let new = folder.with_file_name(name);
    let _ = std::fs::remove_dir_all(&new);
    let model = new.join("model");
    private_folder(&model).map_err(|error| error.to_string())?;
    if let Some(data) = data {
        let held = crate::s3::hold(store, data.bucket(), data.key()).map_err(|error| {
            format!(
                "Could not read model data at {data}: {}",
                error.message().unwrap_or("not found")
            )
        })?;
        unpack(held.reader(&store.contents), &model).map_err(|error| format!("Could not unpack {data}: {error}"))?;
    }
    let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
    std::fs::rename(&new, folder).map_err(failed)
}

/// A reason no longer than SageMaker's, cut between characters.
fn cut(reason: &str) -> String {
    if reason.chars().count() <= MAX_REASON {
        return reason.to_owned();
    }
    // The end says most: it is the server's last lines.
    let head: String = reason.chars().take(400).collect();
    let tail: Vec<char> = reason.chars().rev().take(MAX_REASON - 405).collect();
    format!("{head} … {}", tail.into_iter().rev().collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_reasons_keep_their_end() {
        let long = format!("{}the end é", "é".repeat(5000));
        let short = cut(&long);
        assert!(short.chars().count() <= MAX_REASON && short.ends_with("the end é"));
        assert_eq!(cut("short"), "short");
    }
}
