//! The learning rate's fall: MXNet's `FactorScheduler`, one for each model.

use super::grid::Candidate;

/// A model's learning rate over its updates.
#[derive(Debug, Clone, Copy)]
pub(super) struct Schedule {
    rate: f64,
    count: u64,
    step: u64,
    factor: f64,
    minimum: f64,
    constant: bool,
}

impl Schedule {
    pub(super) fn new(candidate: &Candidate, scheduled: bool) -> Self {
        Schedule {
            rate: candidate.learning_rate,
            count: 0,
            step: candidate.step,
            factor: candidate.factor,
            minimum: candidate.minimum,
            constant: !scheduled,
        }
    }

    /// The rate of update `update`, counted from 1 and asked for in order; whether it just arrived at the floor.
    pub(super) fn rate(&mut self, update: u64) -> (f64, bool) {
        let mut floor = false;
        while !self.constant && update > self.count.saturating_add(self.step) {
            self.count += self.step;
            self.rate *= self.factor;
            if self.rate < self.minimum {
                self.rate = self.minimum;
                floor = true;
            }
        }
        (self.rate, floor)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    const CANDIDATE: Candidate = Candidate {
        learning_rate: 0.1,
        wd: 0.0,
        l1: 0.0,
        step: 10,
        factor: 0.5,
        minimum: 0.03,
    };

    #[test]
    fn falls_after_each_step_down_to_the_floor() {
        let mut schedule = Schedule::new(&CANDIDATE, true);
        let rates: Vec<(f64, bool)> = (1..=41).map(|update| schedule.rate(update)).collect();
        assert!(rates[..10].iter().all(|rate| *rate == (0.1, false)));
        assert!(rates[10..20].iter().all(|rate| *rate == (0.05, false)));
        assert_eq!(rates[20], (0.03, true));
        assert_eq!(rates[21], (0.03, false));
        assert_eq!((rates[30], rates[40]), ((0.03, true), (0.03, true)));
        let mut constant = Schedule::new(&CANDIDATE, false);
        assert_eq!(constant.rate(1000), (0.1, false));
    }
}
