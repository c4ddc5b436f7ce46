//! Many transfers at once: small files spend their time waiting for answers, so eight of them wait together. A large file
//! is sent in parts at once already; one goes at a time, which bounds the memory.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use ironsage_client::Transfer;
use ironsage_display::Front;
use parking_lot::Mutex;

use crate::data::source::Watch;
use crate::error::{ErrorKind, MagicError};

/// How many go at once.
const LANES: usize = 8;
/// What is larger goes in parts.
const LARGE: u64 = 16 << 20;
/// How often progress is told, and the wish to stop looked at.
const LOOK: Duration = Duration::from_millis(50);

/// What all lanes share.
struct Road {
    next: AtomicUsize,
    /// Bytes of what is done.
    done: AtomicU64,
    stop: AtomicBool,
    /// The turn of a large one.
    large: Mutex<()>,
}

/// One lane, as its transfer sees it.
struct Lane<'a> {
    road: &'a Road,
    /// Bytes of what is under way.
    moved: &'a AtomicU64,
}

impl Transfer for Lane<'_> {
    fn moved(&self, done: u64, _total: u64) {
        self.moved.store(done, Ordering::Relaxed);
    }

    fn stop(&self) -> bool {
        self.road.stop.load(Ordering::Relaxed)
    }
}

/// Runs a job for each of `sizes`, several at once, and gives their results in order. The first that fails ends all; its
/// error comes with the number of jobs that were done by then.
pub(super) fn run<T: Send>(
    sizes: &[u64],
    front: &dyn Front,
    watch: &Watch<'_>,
    job: impl Fn(usize, &dyn Transfer) -> Result<T, MagicError> + Sync,
) -> Result<Vec<T>, (MagicError, usize)> {
    let road = Road {
        next: AtomicUsize::new(0),
        done: AtomicU64::new(0),
        stop: AtomicBool::new(front.interrupted()),
        large: Mutex::new(()),
    };
    let moved: [AtomicU64; LANES] = Default::default();
    let mut results: Vec<Option<T>> = sizes.iter().map(|_| None).collect();
    let mut failed = None;
    std::thread::scope(|scope| {
        let (tell, told) = mpsc::channel();
        for moved in moved.iter().take(sizes.len()) {
            let (tell, job, lane) = (tell.clone(), &job, Lane { road: &road, moved });
            scope.spawn(move || {
                while let Some(index) = lane.road.next_of(sizes.len()) {
                    let turn = (sizes[index] > LARGE).then(|| lane.road.large.lock());
                    let result = job(index, &lane);
                    drop(turn);
                    lane.moved.store(0, Ordering::Relaxed);
                    match &result {
                        Ok(_) => lane.road.done.fetch_add(sizes[index], Ordering::Relaxed),
                        // Set before the error is told, so that no other lane begins anew.
                        Err(_) => u64::from(lane.road.stop.swap(true, Ordering::Relaxed)),
                    };
                    // The other end waits for all lanes.
                    let _ = tell.send((index, result));
                }
            });
        }
        drop(tell);
        loop {
            match told.recv_timeout(LOOK) {
                Ok((index, Ok(result))) => results[index] = Some(result),
                // Others were only told to stop, and may have said so first.
                Ok((_, Err(error))) => {
                    let reason = failed.take_if(|known: &mut MagicError| known.kind != ErrorKind::Interrupted);
                    failed = reason.or(Some(error));
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if front.interrupted() {
                road.stop.store(true, Ordering::Relaxed);
            }
            let under_way: u64 = moved.iter().map(|moved| moved.load(Ordering::Relaxed)).sum();
            watch.moved(road.done.load(Ordering::Relaxed) + under_way, 0);
        }
    });
    let done = results.iter().flatten().count();
    match failed {
        Some(error) => Err((error, done)),
        None if done < sizes.len() => Err((ironsage_client::ClientError::Interrupted.into(), done)),
        None => Ok(results.into_iter().flatten().collect()),
    }
}

impl Road {
    /// The next job, unless all are taken or the road is closed.
    fn next_of(&self, count: usize) -> Option<usize> {
        if self.stop.load(Ordering::Relaxed) {
            return None;
        }
        let next = self.next.fetch_add(1, Ordering::Relaxed);
        (next < count).then_some(next)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::time::Instant;

    use ironsage_display::testing::Recorder;

    use super::*;

    fn run_over<T: Send>(
        sizes: &[u64],
        front: &Recorder,
        job: impl Fn(usize, &dyn Transfer) -> Result<T, MagicError> + Sync,
    ) -> Result<Vec<T>, (MagicError, usize)> {
        run(sizes, front, &Watch::new(front, "", 0), job)
    }

    #[test]
    fn small_ones_wait_together_and_keep_their_order() {
        let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let started = Instant::now();
        let results = run_over(&[1; 40], &Recorder::new(), |index, _| {
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            std::thread::sleep(Duration::from_millis(20));
            now.fetch_sub(1, Ordering::SeqCst);
            Ok(index)
        });
        assert_eq!(
            results.map_err(|(error, _)| error).unwrap(),
            (0..40).collect::<Vec<_>>()
        );
        assert!(
            started.elapsed() < Duration::from_millis(600),
            "{:?}",
            started.elapsed()
        );
        assert!((2..=LANES).contains(&most.load(Ordering::SeqCst)));
    }

    #[test]
    fn large_ones_go_one_at_a_time() {
        let now = AtomicUsize::new(0);
        let results = run_over(&[LARGE + 1; 6], &Recorder::new(), |_, _| {
            let others = now.fetch_add(1, Ordering::SeqCst);
            std::thread::sleep(Duration::from_millis(5));
            now.fetch_sub(1, Ordering::SeqCst);
            Ok(others)
        });
        assert_eq!(results.map_err(|(error, _)| error).unwrap(), [0; 6]);
    }

    #[test]
    fn the_first_failure_ends_all_and_is_the_one_told() {
        let outcome = run_over(&[1; 1000], &Recorder::new(), |index, lane| match index {
            3 => Err(MagicError::data("the third")),
            _ if lane.stop() => Err(MagicError::interrupted("told to")),
            _ => {
                std::thread::sleep(Duration::from_millis(1));
                Ok(())
            }
        });
        let (error, done) = outcome.unwrap_err();
        assert_eq!(error.message, "the third");
        assert!(done < 1000);
    }

    #[test]
    fn an_interrupt_is_heard_by_all_lanes() {
        let front = Recorder::new();
        let started = Instant::now();
        let outcome = std::thread::scope(|scope| {
            scope.spawn(|| {
                std::thread::sleep(Duration::from_millis(50));
                front.set_interrupted(true);
            });
            run_over(&[1; 100], &front, |_, lane| -> Result<(), MagicError> {
                while !lane.stop() {
                    std::thread::sleep(Duration::from_millis(5));
                }
                Err(ironsage_client::ClientError::Interrupted.into())
            })
        });
        let (error, done) = outcome.unwrap_err();
        assert_eq!((error.kind, done), (ErrorKind::Interrupted, 0));
        assert!(started.elapsed() < Duration::from_millis(400));
    }
}
