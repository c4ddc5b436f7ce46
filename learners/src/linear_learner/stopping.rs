//! Early stopping, as replays of five real jobs have it.
//!
//! An epoch counts as an improvement when its value is better than the best of *all* earlier epochs by more than the
//! tolerance, relative to that best; training stops when more epochs than the patience have gone since one counted. The
//! weights of the last counted epoch are kept, even if a later one is a little better.

/// Decides which epochs count and when to stop.
#[derive(Debug, Clone)]
pub(super) struct Stopping {
    patience: usize,
    tolerance: f64,
    maximize: bool,
    best: Option<f64>,
    counted: usize,
}

impl Stopping {
    pub(super) fn new(patience: usize, tolerance: f64, maximize: bool) -> Self {
        Stopping {
            patience,
            tolerance,
            maximize,
            best: None,
            counted: 0,
        }
    }

    /// Takes an epoch's value: whether it counts as an improvement. NaN never does.
    pub(super) fn improves(&mut self, epoch: usize, value: f64) -> bool {
        let Some(best) = self.best else {
            if value.is_nan() {
                return false;
            }
            self.best = Some(value);
            self.counted = epoch;
            return true;
        };
        let gain = if self.maximize { value - best } else { best - value };
        if gain > 0.0 {
            self.best = Some(value);
        }
        let counts = gain / best.abs() > self.tolerance;
        if counts {
            self.counted = epoch;
        }
        counts
    }

    /// Whether training stops after this epoch.
    pub(super) fn stops(&self, epoch: usize) -> bool {
        epoch - self.counted > self.patience
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn a_real_jobs_epochs() {
        // A public multiclass job: improvements at 0, 1, 4 and 5, stopped after epoch 9.
        let values = [
            0.210175, 0.196081, 0.197653, 0.196610, 0.195516, 0.194434, 0.194525, 0.194360, 0.194181, 0.194051,
        ];
        let mut stopping = Stopping::new(3, 0.001, false);
        let mut counted = Vec::new();
        for (epoch, &value) in values.iter().enumerate() {
            if stopping.improves(epoch, value) {
                counted.push(epoch);
            }
            assert_eq!(stopping.stops(epoch), epoch == 9, "epoch {epoch}");
        }
        assert_eq!(counted, [0, 1, 4, 5]);
    }

    #[test]
    fn scores_are_maximised_and_zero_is_no_trap() {
        let mut stopping = Stopping::new(1, 0.01, true);
        let counted: Vec<bool> = [f64::NAN, 0.0, 0.5, 0.503, 0.51]
            .iter()
            .enumerate()
            .map(|(at, &value)| stopping.improves(at, value))
            .collect();
        assert_eq!(counted, [false, true, true, false, true]);
        assert!(!stopping.improves(5, f64::NAN) && !stopping.stops(5) && stopping.stops(6));
    }
}
