//! Ends a service that nobody needs: without an owner it would live until the machine stops.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// How long a service without endpoints stays without a request.
pub const PATIENCE: Duration = Duration::from_secs(3600);

/// Which requests are in flight, and when the last one was.
pub struct Activity {
    state: Mutex<State>,
}

struct State {
    in_flight: usize,
    last: Instant,
}

/// A request in flight, until it is dropped.
pub struct InFlight<'a> {
    activity: &'a Activity,
}

impl Default for Activity {
    fn default() -> Activity {
        Activity {
            state: Mutex::new(State {
                in_flight: 0,
                last: Instant::now(),
            }),
        }
    }
}

impl Activity {
    /// A request begins.
    pub fn begin(&self) -> InFlight<'_> {
        self.state.lock().in_flight += 1;
        InFlight { activity: self }
    }

    /// How long there was no request.
    fn quiet(&self) -> Duration {
        let state = self.state.lock();
        if state.in_flight > 0 {
            Duration::ZERO
        } else {
            state.last.elapsed()
        }
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        let mut state = self.activity.state.lock();
        state.in_flight -= 1;
        state.last = Instant::now();
    }
}

/// Waits until there was no request for so long while nothing was deployed.
pub async fn unneeded(activity: &Activity, patience: Duration, deployed: impl Fn() -> bool) {
    loop {
        let left = patience.saturating_sub(activity.quiet());
        if !left.is_zero() {
            tokio::time::sleep(left).await;
        } else if deployed() {
            tokio::time::sleep(patience).await;
        } else {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    #[tokio::test]
    async fn a_request_or_an_endpoint_keeps_it() {
        let activity = Activity::default();
        let deployed = AtomicBool::new(true);
        let patience = Duration::from_millis(30);
        let end = unneeded(&activity, patience, || deployed.load(Ordering::SeqCst));
        tokio::pin!(end);
        assert!(tokio::time::timeout(patience * 4, &mut end).await.is_err());
        let request = activity.begin();
        deployed.store(false, Ordering::SeqCst);
        assert!(tokio::time::timeout(patience * 4, &mut end).await.is_err());
        drop(request);
        assert!(tokio::time::timeout(patience * 100, &mut end).await.is_ok());
    }
}
