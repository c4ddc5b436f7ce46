//! The one tokio runtime behind all clients, and the bridge from it to blocking callers.
//!
//! It has two workers: they move bytes and drive timers, the caller's thread waits. It lives
//! while any client does. Clean-up that must not hold up an interrupted caller (taking back
//! a half-sent upload) runs on it in the background.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::task::JoinSet;

use crate::{ClientError, Transfer};

/// How often a running call asks whether to stop.
pub(crate) const STOP_EVERY: Duration = Duration::from_millis(50);

/// How long an interrupted call waits for its clean-up before it leaves it to the background.
const CLEANUP_PATIENCE: Duration = Duration::from_millis(300);

pub(crate) struct Runtime {
    tokio: Option<tokio::runtime::Runtime>,
    cleanups: Mutex<JoinSet<()>>,
}

static SHARED: Mutex<Weak<Runtime>> = Mutex::new(Weak::new());

impl Runtime {
    /// The runtime that all living clients share; made at first use.
    pub(crate) fn shared() -> Result<Arc<Runtime>, ClientError> {
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(runtime) = shared.upgrade() {
            return Ok(runtime);
        }
        let tokio = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("ironsage-client")
            .enable_all()
            .build()
            .map_err(ClientError::Runtime)?;
        let runtime = Arc::new(Runtime {
            tokio: Some(tokio),
            cleanups: Mutex::new(JoinSet::new()),
        });
        *shared = Arc::downgrade(&runtime);
        Ok(runtime)
    }

    pub(crate) fn enter(&self) -> Option<tokio::runtime::EnterGuard<'_>> {
        self.tokio.as_ref().map(tokio::runtime::Runtime::enter)
    }

    /// Drives `call` on this thread until it ends or `watch` says stop. When stopped, the
    /// call's own tasks are aborted before this returns.
    pub(crate) fn run<T>(
        &self,
        watch: &dyn Transfer,
        call: impl Future<Output = Result<T, ClientError>>,
    ) -> Result<T, ClientError> {
        let Some(tokio) = &self.tokio else {
            return Err(ClientError::Interrupted);
        };
        let outcome = tokio.block_on(async {
            // The first tick may come after a call that takes less than a millisecond.
            if watch.stop() {
                return Err(ClientError::Interrupted);
            }
            tokio::pin!(call);
            let mut ask = tokio::time::interval(STOP_EVERY);
            ask.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                tokio::select! {
                    biased;
                    _ = ask.tick() => if watch.stop() {
                        return Err(ClientError::Interrupted);
                    },
                    outcome = &mut call => return outcome,
                }
            }
        });
        if matches!(outcome, Err(ClientError::Interrupted)) {
            self.finish_cleanups(tokio);
        }
        outcome
    }

    /// Runs `task` in the background, whatever becomes of the call that asked for it.
    pub(crate) fn clean_up(&self, task: impl Future<Output = ()> + Send + 'static) {
        if let Some(tokio) = &self.tokio {
            let mut cleanups = self.cleanups.lock().unwrap_or_else(PoisonError::into_inner);
            cleanups.spawn_on(task, tokio.handle());
        }
    }

    fn finish_cleanups(&self, tokio: &tokio::runtime::Runtime) {
        let mut tasks = std::mem::take(&mut *self.cleanups.lock().unwrap_or_else(PoisonError::into_inner));
        tokio.block_on(async {
            let all = async { while tasks.join_next().await.is_some() {} };
            let _ = tokio::time::timeout(CLEANUP_PATIENCE, all).await;
        });
        tasks.detach_all();
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        // A plain drop would block, and panics inside another runtime.
        if let Some(tokio) = self.tokio.take() {
            tokio.shutdown_background();
        }
    }
}

/// Tells a blocking thread to end when the call that waits for it is interrupted.
#[derive(Default)]
pub(crate) struct StopOnDrop(Arc<AtomicBool>);

impl StopOnDrop {
    /// What the thread looks at.
    pub(crate) fn flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.0)
    }
}

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
