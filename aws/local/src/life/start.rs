//! Finds a living service or starts one. Starters take turns through a lock, so that of two
//! that race one starts the service and the other finds it. The service's own lock, which the
//! system releases when the process ends in whatever way, says whether it lives.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use ironsage_contract::{Home, LocalCredentials, ServiceInfo, env};
use rustix::process::{Pid, Signal};

use super::credentials::credentials;
use super::{Lock, log, probe};
use crate::error::LocalError;
use crate::store::private_folder;

/// How long a starting service may take.
const START_SECONDS: u64 = 20;
/// How long a stopping service may take: its endpoints have 30 seconds to end.
const STOP_PATIENCE: Duration = Duration::from_secs(45);
const STEP: Duration = Duration::from_millis(5);

/// The lock that a running service holds.
pub fn service_lock(home: &Home) -> std::path::PathBuf {
    home.service().join("service.lock")
}

/// The service that runs for this home, if one does.
pub fn status(home: &Home) -> Result<Option<ServiceInfo>, LocalError> {
    if !home.credentials_file().exists() {
        return Ok(None);
    }
    let key = credentials(home)?;
    Ok(alive(home, &key))
}

fn alive(home: &Home, key: &LocalCredentials) -> Option<ServiceInfo> {
    let said = ServiceInfo::read(&home.service_file())?;
    // The file may be old: the port may be a stranger's, the process id too.
    probe::identity(said.port, &said.region, key)
}

/// Finds a living service or starts one, and waits until it answers. In a private home
/// ([`Home::is_private`]) a service that is started here ends with this process.
pub fn start(home: &Home, executable: &Path) -> Result<ServiceInfo, LocalError> {
    start_for(home, executable, home.is_private().then(std::process::id))
}

/// The same, with the process that the service ends with, or none: for a person who starts the
/// service by hand.
pub fn start_for(home: &Home, executable: &Path, owner_pid: Option<u32>) -> Result<ServiceInfo, LocalError> {
    let key = credentials(home)?;
    if let Some(info) = alive(home, &key).filter(|info| !is_older(info)) {
        return Ok(info);
    }
    private_folder(&home.service())?;
    let _turn = Lock::take(&home.service().join("start.lock"))?;
    if let Some(info) = alive(home, &key) {
        if !is_older(&info) {
            return Ok(info);
        }
        stop(home)?;
    }
    // One that is still starting, or ending, is waited for.
    let until = Instant::now() + Duration::from_secs(START_SECONDS);
    loop {
        if Lock::try_take(&service_lock(home))?.is_some() {
            break;
        }
        if let Some(info) = alive(home, &key) {
            return Ok(info);
        }
        if Instant::now() > until {
            return Err(LocalError::Silent {
                seconds: START_SECONDS,
                log: home.log(),
            });
        }
        std::thread::sleep(STEP);
    }
    let mut child = spawn(home, executable, owner_pid)?;
    let until = Instant::now() + Duration::from_secs(START_SECONDS);
    loop {
        if let Some(info) = alive(home, &key) {
            // Somebody has to take the exit status of a service that ends before we do.
            let _ = std::thread::Builder::new()
                .name("local-service".to_owned())
                .spawn(move || child.wait());
            return Ok(info);
        }
        if let Ok(Some(status)) = child.try_wait() {
            let (tail, log) = (log::tail(&home.log()), home.log());
            return Err(LocalError::Ended {
                how: status.to_string(),
                tail,
                log,
            });
        }
        if Instant::now() > until {
            let _ = child.kill();
            let _ = child.wait();
            return Err(LocalError::Silent {
                seconds: START_SECONDS,
                log: home.log(),
            });
        }
        std::thread::sleep(STEP);
    }
}

/// Whether a running service is of an older version than this one.
fn is_older(info: &ServiceInfo) -> bool {
    let parts = |version: &str| -> Vec<u64> { version.split(['.', '-']).map_while(|part| part.parse().ok()).collect() };
    parts(&info.version) < parts(env!("CARGO_PKG_VERSION"))
}

fn spawn(home: &Home, executable: &Path, owner_pid: Option<u32>) -> Result<Child, LocalError> {
    use std::os::unix::process::CommandExt;
    let failed = |source| LocalError::File {
        path: home.log(),
        source,
    };
    let log = log::open(&home.log()).map_err(failed)?;
    let executable = std::path::absolute(executable).unwrap_or_else(|_| executable.to_owned());
    let mut command = Command::new(&executable);
    command
        .args(["local", "run"])
        .current_dir(home.service())
        .env(env::ENV_HOME, home.path())
        .stdin(Stdio::null())
        .stdout(log.try_clone().map_err(failed)?)
        .stderr(log);
    match owner_pid {
        Some(pid) => command.env(env::ENV_LOCAL_OWNER_PID, pid.to_string()),
        None => command.env_remove(env::ENV_LOCAL_OWNER_PID),
    };
    // SAFETY: only system calls between fork and exec, no allocation, no lock.
    unsafe {
        command.pre_exec(|| {
            // A session of its own: Jupyter ends a kernel by killing its process group.
            rustix::process::setsid()?;
            close_inherited();
            Ok(())
        });
    }
    command
        .spawn()
        .map_err(|source| LocalError::Start { executable, source })
}

/// An inherited pipe keeps its reader waiting for as long as the service lives (it makes
/// nbconvert hang). Marked, not closed: std's own pipe reports a failed exec.
fn close_inherited() {
    #[cfg(target_os = "linux")]
    // SAFETY: a system call with numbers only.
    if unsafe { libc::syscall(libc::SYS_close_range, 3_u32, u32::MAX, libc::CLOSE_RANGE_CLOEXEC) } == 0 {
        return;
    }
    for descriptor in 3..4096 {
        // SAFETY: a system call with numbers only; one that is not open is an error without effect.
        unsafe { libc::fcntl(descriptor, libc::F_SETFD, libc::FD_CLOEXEC) };
    }
}

/// Stops the service and waits until it is gone; whether one ran.
pub fn stop(home: &Home) -> Result<bool, LocalError> {
    if !service_lock(home).exists() || Lock::try_take(&service_lock(home))?.is_some() {
        return Ok(false);
    }
    let key = credentials(home)?;
    let begun = Instant::now();
    let mut told = None;
    loop {
        if Lock::try_take(&service_lock(home))?.is_some() {
            return Ok(true);
        }
        if told.is_none()
            && let Some(info) = alive(home, &key)
            && probe::ask_to_stop(&info, &key)
        {
            told = Some(info);
        }
        if begun.elapsed() > STOP_PATIENCE {
            // It proved to be ours and it still holds the lock, so the process id is its own.
            if let Some(pid) = told
                .as_ref()
                .and_then(|info| i32::try_from(info.pid).ok())
                .and_then(Pid::from_raw)
            {
                let _ = rustix::process::kill_process(pid, Signal::KILL);
            }
            if begun.elapsed() > STOP_PATIENCE + Duration::from_secs(5) {
                return Err(LocalError::Silent {
                    seconds: begun.elapsed().as_secs(),
                    log: home.log(),
                });
            }
        }
        std::thread::sleep(STEP);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        let info = |version: &str| ServiceInfo {
            port: 1,
            pid: 1,
            version: version.to_owned(),
            region: String::new(),
            account: String::new(),
            owner_pid: None,
        };
        assert!(is_older(&info("0.0.9")));
        assert!(!is_older(&info(env!("CARGO_PKG_VERSION"))));
        assert!(!is_older(&info("10.0.0")));
    }
}
