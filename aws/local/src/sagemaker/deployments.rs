//! A deployment on this machine: a folder with the unpacked model, and the processes that serve
//! it.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ironsage_contract::S3Uri;
use tokio::sync::watch;

use super::endpoint::Deployment;
use crate::serving::{Fleet, Plan, Spawner, unpack::unpack};
use crate::store::{Store, StoreError, private_folder};

/// Starts deployments and keeps their folders.
pub(super) struct Deployments {
    store: Arc<Store>,
    region: String,
    spawner: Spawner,
    executable: PathBuf,
    folders: PathBuf,
    logs: PathBuf,
}

/// How an attempt to start processes ended.
pub(super) enum Start {
    Ready(Arc<Fleet>),
    Failed(String),
    Cancelled,
}

impl Deployments {
    pub(super) fn new(
        store: Arc<Store>,
        region: String,
        spawner: Spawner,
        executable: PathBuf,
        folder: &Path,
    ) -> Result<Deployments, StoreError> {
        let (folders, logs) = (folder.join("deployments"), folder.join("logs"));
        private_folder(&folders)?;
        private_folder(&logs)?;
        Ok(Deployments {
            store,
            region,
            spawner,
            executable,
            folders,
            logs,
        })
    }

    /// Unpacks the model and starts the processes.
    pub(super) async fn start(
        &self,
        name: &str,
        deployment: &Deployment,
        mut cancelled: watch::Receiver<bool>,
    ) -> Start {
        let base = self.folders.join(&deployment.id);
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
            region: self.region.clone(),
            count: deployment.count,
            patience: Duration::from_secs(deployment.startup_seconds),
        };
        if *cancelled.borrow() {
            return Start::Cancelled;
        }
        let fleet = Fleet::launch(&self.spawner, &plan);
        let ready = tokio::select! {
            ready = fleet.wait_ready() => Some(ready),
            _ = cancelled.wait_for(|cancelled| *cancelled) => None,
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

    /// Removes a deployment's files, unpacked or half unpacked.
    pub(super) fn forget(&self, deployment: &str) {
        let folder = self.folders.join(deployment);
        let _ = std::fs::remove_dir_all(unfinished(&folder));
        let _ = std::fs::remove_dir_all(folder);
    }

    /// Removes the files of all deployments but these.
    pub(super) fn sweep(&self, kept: &HashSet<&str>) {
        let Ok(folders) = std::fs::read_dir(&self.folders) else {
            return;
        };
        for folder in folders.flatten() {
            if folder.file_name().to_str().is_some_and(|name| !kept.contains(name)) {
                let _ = std::fs::remove_dir_all(folder.path());
            }
        }
    }
}

/// Where a model is unpacked before its folder has its name.
fn unfinished(folder: &Path) -> PathBuf {
    let mut name = folder.file_name().unwrap_or_default().to_os_string();
    name.push(".new");
    folder.with_file_name(name)
}

/// Puts the model's files in place, once. What lies under the final name is whole.
fn prepare(store: &Arc<Store>, data: Option<&S3Uri>, folder: &Path) -> Result<(), String> {
    if folder.join("model").is_dir() {
        return Ok(());
    }
    let new = unfinished(folder);
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[tokio::test]
    async fn nothing_remains_of_what_is_forgotten() {
        let home = tempfile::tempdir().unwrap();
        let store = Arc::new(Store::open(&home.path().join("store")).await.unwrap());
        let (spawner, region) = (Spawner::new().unwrap(), "us-east-1".to_owned());
        let deployments = Deployments::new(store, region, spawner, "/bin/true".into(), home.path()).unwrap();
        for name in ["one", "one.new", "two", "three", "three.new"] {
            std::fs::create_dir(deployments.folders.join(name)).unwrap();
        }
        deployments.forget("one");
        assert!(!deployments.folders.join("one").exists() && !deployments.folders.join("one.new").exists());
        deployments.sweep(&HashSet::from(["two"]));
        let left: Vec<_> = std::fs::read_dir(&deployments.folders)
            .unwrap()
            .map(|folder| folder.unwrap().file_name())
            .collect();
        assert_eq!(left, ["two"]);
    }
}
