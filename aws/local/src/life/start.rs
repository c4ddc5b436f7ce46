//! Finds a living service or starts one. Starters take turns through a lock, so that of two
//! that race one starts the service and the other finds it. The service's own lock, which the
//! system releases when the process ends in whatever way, says whether it lives.

use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use ironsage_contract::{Home, LocalCredentials, ServiceInfo, env};
use rustix::process::{Pid, Signal};

use super::credentials::credentials;
use super::{Lock, holder, log, probe};
use crate::error::LocalError;
use crate::serve::asked_port;
use crate::store::{need_space, private_folder};

/// How long a service that starts or ends is waited for. An end in good order takes up to 35
/// seconds: 5 for the requests and 30 for the endpoints.
const PATIENCE: Duration = Duration::from_secs(45);
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
    let begun = Instant::now();
    loop {
        if Lock::try_take(&service_lock(home))?.is_some() {
            break;
        }
        if let Some(info) = alive(home, &key) {
            return Ok(info);
        }
        if begun.elapsed() > PATIENCE {
            return Err(silent(home, PATIENCE));
        }
        std::thread::sleep(STEP);
    }
    let port = asked_port()?;
    need_space(&home.service())?;
    let failed = |cause| LocalError::File {
        path: home.log(),
        cause,
    };
    let log = log::open(&home.log()).map_err(failed)?;
    let before = log.metadata().map_err(failed)?.len();
    let child = spawn(home, executable, owner_pid, log)?;
    let ended = |how| ended(how, log::tail(&home.log(), before), home.log(), port);
    wait_for(child, home, PATIENCE, || alive(home, &key), ended)
}

/// Waits until a service that was started answers. One that lives is never killed: it may be
/// checking its store after a crash, and the next call finds it.
fn wait_for(
    mut child: Child,
    home: &Home,
    patience: Duration,
    answers: impl Fn() -> Option<ServiceInfo>,
    ended: impl Fn(String) -> LocalError,
) -> Result<ServiceInfo, LocalError> {
    let begun = Instant::now();
    let outcome = loop {
        if let Some(info) = answers() {
            break Ok(info);
        }
        if let Ok(Some(status)) = child.try_wait() {
            return Err(ended(status.to_string()));
        }
        if begun.elapsed() > patience {
            break Err(silent(home, patience));
        }
        std::thread::sleep(STEP);
    };
    // Somebody has to take the exit status of a service that ends before we do.
    let _ = std::thread::Builder::new()
        .name("local-service".to_owned())
        .spawn(move || child.wait());
    outcome
}

/// Why a service ended that did not answer, from what it wrote.
fn ended(how: String, tail: String, log: std::path::PathBuf, port: Option<u16>) -> LocalError {
    match port.map(|port| LocalError::PortInUse { port }) {
        Some(in_use) if tail.contains(&in_use.to_string()) => in_use,
        _ => LocalError::Ended { how, tail, log },
    }
}

fn silent(home: &Home, waited: Duration) -> LocalError {
    LocalError::Silent {
        seconds: waited.as_secs(),
        log: home.log(),
    }
}

/// Whether a running service is of an older version than this one.
fn is_older(info: &ServiceInfo) -> bool {
    let parts = |version: &str| -> Vec<u64> { version.split(['.', '-']).map_while(|part| part.parse().ok()).collect() };
    parts(&info.version) < parts(env!("CARGO_PKG_VERSION"))
}

fn spawn(home: &Home, executable: &Path, owner_pid: Option<u32>, log: File) -> Result<Child, LocalError> {
    use std::os::unix::process::CommandExt;
    let executable = std::path::absolute(executable).unwrap_or_else(|_| executable.to_owned());
    let mut command = Command::new(&executable);
    command
        .args(["local", "run"])
        .current_dir(home.service())
        .env(env::ENV_HOME, home.path())
        .stdin(Stdio::null())
        .stdout(log.try_clone().map_err(|cause| LocalError::File {
            path: home.log(),
            cause,
        })?)
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
    command.spawn().map_err(|cause| LocalError::Start { executable, cause })
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
        if begun.elapsed() > PATIENCE {
            // It holds the lock still, so the process id is its own: told by itself, or, where it never answered, by
            // the lock.
            let pid = told
                .as_ref()
                .map(|info| info.pid)
                .or_else(|| holder(&service_lock(home)));
            if let Some(pid) = pid.and_then(|pid| i32::try_from(pid).ok()).and_then(Pid::from_raw) {
                let _ = rustix::process::kill_process(pid, Signal::KILL);
            }
            if begun.elapsed() > PATIENCE + Duration::from_secs(5) {
                return Err(silent(home, begun.elapsed()));
            }
        }
        std::thread::sleep(STEP);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_service_that_starts_slowly_is_left_alive() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path());
        let child = Command::new("sleep").arg("60").spawn().unwrap();
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw).unwrap();
        let error = wait_for(child, &home, Duration::from_millis(20), || None, |how| panic!("{how}")).unwrap_err();
        assert!(error.hint().unwrap().contains("run the cell again in a minute"));
        rustix::process::test_kill_process(pid).unwrap();
        rustix::process::kill_process(pid, Signal::KILL).unwrap();
        // Its exit status is taken.
        while rustix::process::test_kill_process(pid).is_ok() {
            std::thread::sleep(STEP);
        }
    }

    #[test]
    fn a_port_in_use_keeps_its_own_way_out() {
        let wrote = "error: port 8123 on 127.0.0.1 is in use by another program\nhint: …".to_owned();
        let why = |port| ended("exit status: 1".to_owned(), wrote.clone(), "service.log".into(), port);
        let hint = why(Some(8123)).hint().unwrap();
        assert!(hint.contains("IRONSAGE_LOCAL_PORT=") && hint.contains("8123"), "{hint}");
        assert!(matches!(why(None), LocalError::Ended { .. }));
        assert!(matches!(why(Some(8124)), LocalError::Ended { .. }));
    }

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
