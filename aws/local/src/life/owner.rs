//! Ends the service with the kernel that started it, where that is wanted (CI, a home of its
//! own). The owner is watched through a descriptor of the process, not its number, which may
//! be given to another process a moment later.

use tokio::sync::watch;

/// Watches a process on a thread of its own and says when it has gone.
pub fn watch_owner(pid: u32, gone: watch::Sender<bool>) -> std::io::Result<()> {
    std::thread::Builder::new().name("owner".to_owned()).spawn(move || {
        wait_for_end(pid);
        tracing::info!("process {pid}, which started this service, has ended");
        let _ = gone.send(true);
    })?;
    Ok(())
}

#[cfg(target_os = "linux")]
fn wait_for_end(pid: u32) {
    use rustix::event::{PollFd, PollFlags, poll};
    use rustix::process::{Pid, PidfdFlags, pidfd_open};
    let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) else {
        return;
    };
    match pidfd_open(pid, PidfdFlags::empty()) {
        Ok(process) => {
            let mut waits = [PollFd::new(&process, PollFlags::IN)];
            while let Err(rustix::io::Errno::INTR) = poll(&mut waits, None) {}
        }
        Err(rustix::io::Errno::SRCH) => {}
        // A kernel without descriptors of processes.
        Err(_) => ask_again_and_again(pid),
    }
}

#[cfg(not(target_os = "linux"))]
fn wait_for_end(pid: u32) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw) {
        ask_again_and_again(pid);
    }
}

fn ask_again_and_again(pid: rustix::process::Pid) {
    while rustix::process::test_kill_process(pid) != Err(rustix::io::Errno::SRCH) {
        std::thread::sleep(std::time::Duration::from_secs(1));
    }
}
