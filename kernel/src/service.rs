//! The local service as the kernel starts it, and where the executable's own things lie.

use std::{path::PathBuf, process::ExitCode, sync::Arc};

use anyhow::{Context, Result};
use ironsage_client::{ClientError, Launcher, Place};
use ironsage_contract::home::Home;

/// This executable, by a path that can be run again.
pub(crate) fn executable() -> Result<PathBuf> {
    std::env::current_exe().context("can't find the path of this executable")
}

/// The folder of ready-made preludes: of the user, shared by all homes, since it depends on the toolchain alone.
pub(crate) fn preludes() -> Result<PathBuf> {
    ironsage_cells::warm::default_folder().context("the user has no data folder: set HOME")
}

/// `ironsage local run`: the service itself, in the foreground.
pub(crate) fn run(port: Option<u16>) -> Result<ExitCode> {
    // Who starts it in the background says port and owner by the environment.
    let options = ironsage_local::ServeOptions::from_env(Home::from_env()?, executable()?, port)?;
    ironsage_local::serve(options)?;
    Ok(ExitCode::SUCCESS)
}

/// Ends the service when it belongs to this kernel alone: under `CI`, or in a home of its own.
pub(crate) fn stop_if_ours(home: &Home) {
    let ours = || {
        let info = ironsage_local::status(home).ok()??;
        (info.owner_pid == Some(std::process::id())).then_some(())
    };
    if ours().is_some()
        && let Err(error) = ironsage_local::stop(home)
    {
        tracing::warn!(%error, "the local service could not be stopped");
    }
}

/// Starts the local service when the first magic needs it.
pub(crate) struct LocalLauncher {
    home: Home,
    executable: PathBuf,
}

impl LocalLauncher {
    pub(crate) fn new(home: Home) -> Result<Arc<Self>> {
        Ok(Arc::new(LocalLauncher {
            home,
            executable: executable()?,
        }))
    }
}

impl Launcher for LocalLauncher {
    fn ensure(&self) -> Result<Place, ClientError> {
        let start = || {
            let info = ironsage_local::start(&self.home, &self.executable)?;
            let credentials = ironsage_local::credentials(&self.home)?;
            Ok::<_, ironsage_local::LocalError>(Place::local(&info, &credentials))
        };
        start().map_err(|error| ClientError::Launch {
            message: error.to_string(),
            hint: error.hint(),
        })
    }
}
