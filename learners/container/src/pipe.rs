//! Pipe mode: a channel as a row of FIFOs, one an epoch.
//!
//! The platform writes epoch n into `<channel>_n`, which may not exist yet when it is wanted; who
//! reads may stop early. All waiting here looks at the stop flag, so that SIGTERM ends it.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;

/// How often a wait looks at the flag.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// The reading end of a FIFO.
pub(crate) struct Pipe {
    file: File,
    stop: Arc<AtomicBool>,
    begun: bool,
}

impl Pipe {
    /// Opens the FIFO as soon as it exists. Waits for no writer: the first read does.
    pub(crate) fn open(path: &Path, stop: &Arc<AtomicBool>) -> io::Result<Pipe> {
        loop {
            let flags = OFlags::NONBLOCK.bits() as i32;
            match File::options().read(true).custom_flags(flags).open(path) {
                Ok(file) => {
                    return Ok(Pipe {
                        file,
                        stop: Arc::clone(stop),
                        begun: false,
                    });
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    if stop.load(Ordering::Relaxed) {
                        return Err(stopped());
                    }
                    std::thread::sleep(LOOK_EVERY);
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Waits until there is something to read or the writer has gone.
    fn wait(&self) -> io::Result<()> {
        let every = Timespec {
            tv_sec: 0,
            tv_nsec: LOOK_EVERY.as_nanos() as i64,
        };
        loop {
            let mut fds = [PollFd::from_borrowed_fd(self.file.as_fd(), PollFlags::IN)];
            match poll(&mut fds, Some(&every)) {
                Ok(0) | Err(rustix::io::Errno::INTR) => {}
                Ok(_) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
            if self.stop.load(Ordering::Relaxed) {
                return Err(stopped());
            }
        }
    }
}

impl Read for Pipe {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            // Without a writer a read says "end of file": only after a wait is that the truth.
            if !self.begun {
                self.wait()?;
                self.begun = true;
            }
            match self.file.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.wait()?,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => return other,
            }
        }
    }
}

fn stopped() -> io::Error {
    io::Error::other("stopped while waiting for the channel's data")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::io::Write as _;

    use rustix::fs::{CWD, FileType, Mode, mknodat};

    use super::*;

    fn fifo(path: &Path) {
        mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    }

    #[test]
    fn waits_for_the_fifo_and_its_writer_and_reads_to_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("train_0");
        let writer = {
            let path = path.clone();
            std::thread::spawn(move || {
                std::thread::sleep(Duration::from_millis(20));
                fifo(&path);
                std::thread::sleep(Duration::from_millis(20));
                let mut out = File::options().write(true).open(&path).unwrap();
                out.write_all(b"1,2\n").unwrap();
                std::thread::sleep(Duration::from_millis(20));
                out.write_all(b"3,4\n").unwrap();
            })
        };
        let stop = Arc::new(AtomicBool::new(false));
        let mut text = String::new();
        Pipe::open(&path, &stop).unwrap().read_to_string(&mut text).unwrap();
        writer.join().unwrap();
        assert_eq!(text, "1,2\n3,4\n");
    }

    #[test]
    fn stopping_ends_the_wait() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("train_0");
        fifo(&path);
        let stop = Arc::new(AtomicBool::new(false));
        let mut pipe = Pipe::open(&path, &stop).unwrap();
        stop.store(true, Ordering::Relaxed);
        assert!(pipe.read(&mut [0; 4]).is_err());
        assert!(Pipe::open(&folder.path().join("train_1"), &stop).is_err());
    }
}
