//! Tables made for tests: the same for the same seed.

use ironsage_learners::linear_learner::{LinearLearner, LinearModel};
use ironsage_learners::{Algorithm, Channels, DenseMatrix, Event, FitOptions, Hyperparameters, Row, Watch};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

pub fn noise(rng: &mut ChaCha8Rng) -> f32 {
    (0..12).map(|_| rng.random::<f32>()).sum::<f32>() - 6.0
}

/// `y = 3 a − 0.1 b + 0·c + 10 + noise`, with features of very unlike sizes.
pub fn regression(rows: usize, sigma: f32, seed: u64) -> DenseMatrix {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let (mut values, mut labels) = (Vec::new(), Vec::new());
    for _ in 0..rows {
        let (a, b, c) = (noise(&mut rng), 100.0 + 30.0 * noise(&mut rng), 0.01 * noise(&mut rng));
        values.extend([a, b, c]);
        labels.push(3.0 * a - 0.1 * b + 10.0 + sigma * noise(&mut rng));
    }
    DenseMatrix::new(3, values, labels).unwrap().with_names(["a", "b", "c"])
}

/// Two classes whose log-odds are `2 a − b − 0.5`.
pub fn classes(rows: usize, seed: u64) -> DenseMatrix {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let (mut values, mut labels) = (Vec::new(), Vec::new());
    for _ in 0..rows {
        let (a, b) = (noise(&mut rng), noise(&mut rng));
        values.extend([a, b]);
        let odds = 2.0 * a - b - 0.5;
        labels.push(f32::from(rng.random::<f32>() < 1.0 / (1.0 + (-odds).exp())));
    }
    DenseMatrix::new(2, values, labels).unwrap().with_names(["a", "b"])
}

pub fn asked(predictor_type: &str, pairs: &[(&str, &str)]) -> Hyperparameters {
    let base = [
        ("predictor_type", predictor_type),
        ("mini_batch_size", "32"),
        ("epochs", "30"),
    ];
    base.iter().chain(pairs).copied().collect()
}

pub fn fit(asked: &Hyperparameters, train: DenseMatrix, validation: Option<DenseMatrix>) -> LinearModel {
    let mut channels: Channels<Row> = Channels::new(train);
    if let Some(validation) = validation {
        channels = channels.with_validation(validation);
    }
    LinearLearner
        .fit(asked, &mut channels, &FitOptions::default(), &())
        .unwrap()
}

/// Notes what happened; stops after so many batches.
#[derive(Default)]
pub struct Recorder {
    pub log: Mutex<Vec<String>>,
    pub epochs: AtomicUsize,
    pub asked: AtomicUsize,
    pub stop_after: Option<usize>,
}

impl Recorder {
    pub fn lines(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }
}

impl Watch for Recorder {
    fn event(&self, event: &Event<'_>) {
        match event {
            Event::Log(line) => self.log.lock().unwrap().push((*line).to_owned()),
            Event::EpochEnd(_) => {
                self.epochs.fetch_add(1, Ordering::Relaxed);
            }
            _ => {}
        }
    }

    fn stop(&self) -> bool {
        let before = self.asked.fetch_add(1, Ordering::Relaxed);
        self.stop_after.is_some_and(|after| before >= after)
    }
}
