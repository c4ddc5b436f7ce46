//! Rows a second that all models of the pack train on, shapes of public jobs of the real service.
//!
//! One epoch each, scaler and final scores included. The real container's own figures for these shapes (c4.xlarge, m5.large)
//! are 9,900 rows/s (MNIST), 32,400 (fraud), 1,045 (Boston) and 13,323 (text with 5000 features).

use divan::counter::ItemsCount;
use ironsage_learners::linear_learner::LinearLearner;
use ironsage_learners::{Algorithm, Channels, DenseMatrix, FitOptions, Hyperparameters};

fn main() {
    divan::main();
}

/// Name, rows, features, batch.
const SHAPES: [(&str, usize, usize, usize); 4] = [
    ("boston", 455, 12, 32),
    ("fraud", 199_364, 30, 1000),
    ("mnist", 50_000, 784, 200),
    ("text", 4_000, 5_000, 1000),
];

fn matrix(rows: usize, columns: usize, classes: bool) -> DenseMatrix {
    let mut state = 1_u64;
    let mut random = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1_u32 << 24) as f32 - 0.5
    };
    let values: Vec<f32> = (0..rows * columns).map(|_| random()).collect();
    let label = |row: &[f32]| row[0] - row[1] + row[2];
    let truth = values.chunks_exact(columns).map(label);
    let labels: Vec<f32> = truth
        .map(|truth| if classes { f32::from(truth > 0.0) } else { truth })
        .collect();
    #[expect(clippy::expect_used, reason = "a bench's own data")]
    DenseMatrix::new(columns, values, labels).expect("whole rows")
}

fn train(bencher: divan::Bencher<'_, '_>, shape: usize, predictor_type: &str, models: usize) {
    let (_, rows, columns, batch) = SHAPES[shape];
    let data = matrix(rows, columns, predictor_type == "binary_classifier");
    let asked = Hyperparameters::new()
        .with("predictor_type", predictor_type)
        .with("mini_batch_size", batch)
        .with("num_models", models)
        .with("epochs", 1);
    bencher.counter(ItemsCount::new(rows)).bench_local(|| {
        let fitted = LinearLearner.fit(&asked, &mut Channels::new(data.clone()), &FitOptions::default(), &());
        fitted.map(|model| model.bias)
    });
}

#[divan::bench(args = 0..SHAPES.len(), sample_count = 10)]
fn regressor_32_models(bencher: divan::Bencher<'_, '_>, shape: usize) {
    train(bencher, shape, "regressor", 32);
}

#[divan::bench(args = 0..SHAPES.len(), sample_count = 10)]
fn regressor_1_model(bencher: divan::Bencher<'_, '_>, shape: usize) {
    train(bencher, shape, "regressor", 1);
}

#[divan::bench(args = 0..SHAPES.len(), sample_count = 10)]
fn binary_classifier_32_models(bencher: divan::Bencher<'_, '_>, shape: usize) {
    train(bencher, shape, "binary_classifier", 32);
}
