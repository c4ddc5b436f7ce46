//! What protects the kernel from a single cell: an estimate before memory is taken, and a thread of its own
//! for what cannot be stopped half way (a Polars query), which is left behind when the person says stop. Meanwhile it shows
//! what the thread has read.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use ironsage_client::available_memory;
use ironsage_display::{Front, Progress, text};

use crate::error::{ErrorKind, MagicError};
use crate::reading::Reading;
use crate::run::broken;

/// How often a waiting magic looks whether it was told to stop.
const LOOK: Duration = Duration::from_millis(20);
/// What is done sooner shows nothing on its way.
const SHOW_AFTER: Duration = Duration::from_secs(1);

/// Runs `work` on a thread of its own and waits for it, unless the person stops it: then its result is thrown
/// away when it comes. What its plans read of a store is shown. `what` names it there and in errors.
pub(crate) fn on_worker<T: Send + 'static>(
    front: &dyn Front,
    what: &str,
    work: impl FnOnce() -> Result<T, MagicError> + Send + 'static,
) -> Result<T, MagicError> {
    let (sender, receiver) = mpsc::sync_channel(1);
    let name = what.to_owned();
    let reading = Arc::new(Reading::default());
    let counted = Arc::clone(&reading);
    std::thread::Builder::new()
        .name("ironsage-worker".to_owned())
        .spawn(move || {
            counted.enter();
            let outcome =
                catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| Err(broken(&name, panic.as_ref())));
            // Nobody may be waiting any more; then the outcome is not wanted.
            let _ = sender.send(outcome);
        })
        .map_err(|error| {
            MagicError::new(
                ErrorKind::MemoryError,
                format!("no thread could be started for {what}: {error}"),
            )
        })?;
    let (began, mut progress) = (Instant::now(), None);
    loop {
        match receiver.recv_timeout(LOOK) {
            Ok(outcome) => {
                if let (Ok(_), Some(progress)) = (&outcome, progress) {
                    Progress::finish(progress, &format!("{} read", text::bytes(reading.bytes())));
                }
                return outcome;
            }
            Err(RecvTimeoutError::Timeout) if front.interrupted() => {
                return Err(MagicError::interrupted(format!(
                    "{what} was stopped; nothing was bound"
                )));
            }
            Err(RecvTimeoutError::Timeout) if began.elapsed() > SHOW_AFTER && reading.bytes() > 0 => {
                let progress = progress.get_or_insert_with(|| Progress::since(began, front, what));
                progress.set_moved(reading.bytes());
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Err(MagicError::internal(format!("{what} gave no answer"))),
        }
    }
}

/// An error if `needed` bytes would take more than there is; `force` lets it pass.
pub(crate) fn check_memory(needed: u64, what: &str, force: bool) -> Result<(), MagicError> {
    match available_memory() {
        Some(available) if !force => enough(needed, available, what),
        _ => Ok(()),
    }
}

fn enough(needed: u64, available: u64, what: &str) -> Result<(), MagicError> {
    // A tenth stays free, for the notebook server and the browser.
    if needed <= available - available / 10 {
        return Ok(());
    }
    let message = format!(
        "{what} would take about {}, and {} of memory are free",
        text::bytes(needed),
        text::bytes(available)
    );
    Err(MagicError::new(ErrorKind::MemoryError, message)
        .with_hint("name the columns you need (`--columns a,b`), free frames with `%rm name`, or say `--force`"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use ironsage_display::testing::Recorder;

    #[test]
    fn what_does_not_fit_is_refused_with_both_numbers() {
        assert!(enough(800, 1000, "x").is_ok());
        let error = enough(40_000_000_000, 8_000_000_000, "s3://b/big.csv").unwrap_err();
        assert_eq!(
            error.message,
            "s3://b/big.csv would take about 40.0 GB, and 8.0 GB of memory are free"
        );
        assert!(check_memory(u64::MAX, "x", true).is_ok());
        assert!(check_memory(u64::MAX, "x", false).is_err());
    }

    #[test]
    fn an_interrupt_abandons_the_work_and_a_panic_is_an_error() {
        let front = Recorder::new();
        assert_eq!(on_worker(&front, "two", || Ok(2)).unwrap(), 2);
        let error = on_worker(&front, "the query", || -> Result<(), MagicError> { panic!("boom") }).unwrap_err();
        assert_eq!(error.kind, ErrorKind::InternalError);
        assert!(error.message.contains("boom"));
        front.set_interrupted(true);
        let (done, wait) = mpsc::channel::<()>();
        let error = on_worker(&front, "the query", move || {
            let _ = wait.recv();
            Ok(())
        })
        .unwrap_err();
        assert_eq!(error.kind, ErrorKind::Interrupted);
        drop(done);
    }
}
