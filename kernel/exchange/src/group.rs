//! A process group that does not outlive this process.
//!
//! The kernel ends what it has started when it is told to stop. When it is killed itself it cannot, and what its child
//! has started (compilers, a script's commands) knows nothing of it. So a shell in the group waits for the end of a pipe
//! that only this process holds, and then ends the group. The system's own signal at a parent's death reaches the child
//! alone.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

/// Waits for the end of its input; an interrupt of the group does not end the wait.
const WAIT: &str = "trap '' INT; read -r line; kill -KILL 0";

/// Ends a process group when this process is killed. Dropped, it leaves the group as it is: the child has ended then, and
/// what it left in the background stays.
#[derive(Debug)]
pub struct GroupGuard(Child);

impl GroupGuard {
    /// Over the group that `leader` leads (it was started with `process_group(0)`) and has not been waited for.
    ///
    /// # Errors
    /// The shell could not be started.
    pub fn over(leader: &Child) -> io::Result<GroupGuard> {
        let shell = Command::new("sh")
            .args(["-c", WAIT])
            // Files that a shell reads before it does anything.
            .env_remove("BASH_ENV")
            .env_remove("ENV")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(leader.id().cast_signed())
            .spawn()?;
        Ok(GroupGuard(shell))
    }
}

impl Drop for GroupGuard {
    fn drop(&mut self) {
        // Before its pipe closes. Where it fails, the shell has ended with the group.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::io::Read;
    use std::os::unix::process::ExitStatusExt;

    use super::*;

    /// A group of a shell and what it starts; its output ends when all of it has.
    fn group(script: &str) -> Child {
        let mut command = Command::new("sh");
        command.args(["-c", script]).stdout(Stdio::piped()).process_group(0);
        command.spawn().unwrap()
    }

    #[test]
    fn the_group_ends_with_the_pipe() {
        let mut leader = group("sleep 60 & sleep 60; true");
        let mut guard = GroupGuard::over(&leader).unwrap();
        assert!(leader.try_wait().unwrap().is_none());
        // As when this process is killed.
        drop(guard.0.stdin.take());
        let mut output = leader.stdout.take().unwrap();
        output.read_to_end(&mut Vec::new()).unwrap();
        assert_eq!(leader.wait().unwrap().signal(), Some(9));
    }

    #[test]
    fn a_guard_that_is_dropped_ends_nothing() {
        let mut leader = group("sleep 0.3; exit 3");
        drop(GroupGuard::over(&leader).unwrap());
        assert_eq!(leader.wait().unwrap().code(), Some(3));
    }
}
