//! Regressors: they find the line, on any number of threads, whatever the loss and optimizer.

use crate::data::{Recorder, asked, fit, noise, regression};
use ironsage_learners::linear_learner::LinearLearner;
use ironsage_learners::{Algorithm, Channels, DenseMatrix, FitOptions, Model, metrics};
use rand::SeedableRng;
use std::sync::atomic::Ordering;

#[test]
fn the_line_is_found_in_raw_units() {
    let model = fit(
        &asked("regressor", &[]),
        regression(2000, 0.5, 1),
        Some(regression(500, 0.5, 2)),
    );
    assert!((model.weights[0] - 3.0).abs() < 0.1, "{:?}", model.weights);
    assert!((model.weights[1] + 0.1).abs() < 0.01, "{:?}", model.weights);
    assert!((model.bias - 10.0).abs() < 0.5, "{}", model.bias);
    let test = regression(1000, 0.5, 3);
    let scores = model.scores(&test.rows()).unwrap();
    let rmse = metrics::rmse(&scores, &test.labels);
    assert!(rmse < 0.5 * 1.08, "{rmse}");

    let report = &model.report;
    assert_eq!(
        (report.models, report.width, report.rows, report.rows_per_epoch),
        (32, 3, 2000, 1984)
    );
    assert_eq!(
        (report.batches_per_epoch, report.rows_dropped(), report.scaler_rows),
        (62, 16, 1984)
    );
    assert_eq!(report.watched, "mse_objective");
    assert!(!report.labels_sorted && !report.interrupted && report.threshold_from.is_none());
    let kept = &report.history[report.epoch_kept];
    assert!(kept.improved && kept.model == report.model_kept);
    let validation = report.metric("validation:mse_objective").unwrap();
    assert!(
        (kept.validation[report.model_kept] / validation - 1.0).abs() < 1e-3,
        "what is served is what was chosen"
    );
    assert!((report.metric("validation:rmse").unwrap().powi(2) / validation - 1.0).abs() < 1e-9);
    assert!(report.metric("validation:r2").unwrap() > 0.98);
    assert_eq!(model.describe().task, "regressor");
}

#[test]
fn every_loss_and_optimizer_learns() {
    let losses = [
        ("squared_loss", "mse_objective"),
        ("absolute_loss", "absolute_loss_objective"),
        ("huber_loss", "huber_loss_objective"),
        ("eps_insensitive_squared_loss", "eps_insensitive_squared_loss_objective"),
        (
            "eps_insensitive_absolute_loss",
            "eps_insensitive_absolute_loss_objective",
        ),
        ("quantile_loss", "quantile_loss_objective"),
    ];
    let test = regression(500, 0.5, 3);
    for (loss, objective) in losses {
        for optimizer in ["adam", "sgd", "rmsprop", "adagrad"] {
            let asked = asked("regressor", &[("loss", loss), ("optimizer", optimizer)]);
            let model = fit(&asked, regression(2000, 0.5, 1), Some(regression(500, 0.5, 2)));
            let rmse = metrics::rmse(&model.scores(&test.rows()).unwrap(), &test.labels);
            // Labels deviate by 4; noise alone is 0.5.
            assert!(rmse < 0.6, "{loss} {optimizer}: {rmse}");
            assert_eq!(model.report.objective, objective);
            assert_eq!(model.report.winner[0], ("optimizer".to_owned(), optimizer.to_owned()));
        }
    }
}

#[test]
fn quantiles_lie_where_they_should() {
    // Labels that are noise alone: the 0.9 quantile of a normal is 1.2816.
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(9);
    let labels: Vec<f32> = (0..20_000).map(|_| noise(&mut rng)).collect();
    let features: Vec<f32> = (0..20_000).map(|_| noise(&mut rng)).collect();
    let asked = asked("regressor", &[("loss", "quantile_loss"), ("quantile", "0.9")]);
    let model = fit(&asked, DenseMatrix::new(1, features, labels.clone()).unwrap(), None);
    let below = labels.iter().filter(|&&label| label < model.bias).count() as f64 / labels.len() as f64;
    assert!((below - 0.9).abs() < 0.02, "{below} of the labels lie below");
}

#[test]
fn the_same_seed_gives_the_same_model_on_any_number_of_threads() {
    // Wide and long enough that batches are cut into chunks and updates into tasks.
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(11);
    let (rows, columns) = (1500, 1100);
    let values: Vec<f32> = (0..rows * columns).map(|_| rand::Rng::random(&mut rng)).collect();
    let labels: Vec<f32> = values.chunks_exact(columns).map(|row| row[0] - row[7]).collect();
    let matrix = DenseMatrix::new(columns, values, labels).unwrap();
    let asked = asked("regressor", &[("mini_batch_size", "500"), ("epochs", "2")]);
    let train = |threads: usize, seed: u64| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let mut channels = Channels::new(matrix.clone()).with_validation(matrix.clone());
        pool.install(|| LinearLearner.fit(&asked, &mut channels, &FitOptions::seeded(seed), &()))
            .unwrap()
    };
    let one = train(1, 7);
    for threads in [2, 3] {
        let other = train(threads, 7);
        assert_eq!(one.weights, other.weights);
        assert_eq!(one.report.history, other.report.history);
    }
    assert_ne!(one.weights, train(1, 8).weights);
}

#[test]
fn penalties_shrink_weights() {
    // Labels are almost b alone, so in normalised units its weight is 1 / (1 + wd).
    let table = || {
        let table = regression(2000, 0.0, 1);
        let labels: Vec<f32> = table
            .values
            .chunks_exact(3)
            .map(|row| 0.1 * row[0] - 2.0 * row[1])
            .collect();
        DenseMatrix {
            labels: labels.into(),
            ..table
        }
    };
    let ridge = |wd: &str| {
        let asked = asked(
            "regressor",
            &[("num_models", "1"), ("wd", wd), ("early_stopping_patience", "30")],
        );
        fit(&asked, table(), None)
    };
    let (weak, strong) = (ridge("0"), ridge("1"));
    assert!(
        (strong.weights[1] / weak.weights[1] - 0.5).abs() < 0.03,
        "{:?} {:?}",
        weak.weights,
        strong.weights
    );
    let lasso = |l1: &str| {
        let pairs = [
            ("num_models", "1"),
            ("wd", "0"),
            ("l1", l1),
            ("early_stopping_patience", "30"),
        ];
        fit(&asked("regressor", &pairs), table(), None)
    };
    // l1 / batch = 0.5 takes 0.5 of the normalised weight, which is 1.
    let sparse = lasso("16");
    assert!(
        (sparse.weights[1] / weak.weights[1] - 0.5).abs() < 0.03,
        "{:?}",
        sparse.weights
    );
}

#[test]
fn without_bias_the_line_goes_through_the_origin() {
    let asked = asked("regressor", &[("use_bias", "false")]);
    let model = fit(&asked, regression(2000, 0.5, 1), None);
    assert_eq!(model.bias, 0.0);
    assert!(model.report.metric("train:rmse").unwrap() < 4.0);
}

#[test]
fn the_log_has_what_the_services_regexes_look_for() {
    let watch = Recorder::default();
    let mut channels = Channels::new(regression(320, 0.5, 1)).with_validation(regression(90, 0.5, 2));
    channels = channels.with_test(regression(50, 0.5, 4));
    let options = FitOptions {
        log: true,
        ..FitOptions::default()
    };
    let asked = asked("regressor", &[("epochs", "4")]);
    let model = LinearLearner.fit(&asked, &mut channels, &options, &watch).unwrap();
    let lines = watch.lines();
    let has = |part: &str| lines.iter().any(|line| line.contains(part));
    let epochs = model.report.history.len();
    assert_eq!(watch.epochs.load(Ordering::Relaxed), epochs);
    for part in [
        "INFO ",
        "Final configuration: {'mini_batch_size': '32', 'epochs': '4', ",
        "'stdev_label': ",
        "#quality_metric: host=algo-1, epoch=0, train mse_objective <loss>=",
        "#quality_metric: host=algo-1, epoch=0, validation mse_objective <loss>=",
        "#early_stopping_criteria_metric: host=algo-1, epoch=0, criteria=mse_objective, value=",
        "Epoch 0: Loss improved. Updating best model",
        "#progress_metric: host=algo-1, completed 25.0 % of epochs",
        "#throughput_metric: host=algo-1, train throughput=",
        "#validation_score (algo-1) : ('mse_objective', ",
        "#test_score (algo-1) : ('rmse', ",
        "#quality_metric: host=algo-1, validation mse <loss>=",
        "#quality_metric: host=algo-1, test r2 <loss>=",
        "Best model found for hyperparameters: {\"optimizer\": \"adam\", \"learning_rate\": ",
        "\"Metrics\": {\"train_mse_objective\": {\"sum\": ",
        "\"epoch\": 0, \"model\": 31}",
        "\"Meta\": \"init_train_data_iter\"",
        "totaltime",
    ] {
        assert!(has(part), "no line has {part}\n{}", lines.join("\n"));
    }
    for line in lines.iter().filter_map(|line| line.strip_prefix("#metrics ")) {
        let parsed: serde_json::Value = serde_json::from_str(line).expect(line);
        assert_eq!(parsed["Dimensions"]["Algorithm"], "Linear Learner");
    }
    let loss = model.report.history[0].train[0];
    assert!(
        has(&format!("epoch=0, train mse_objective <loss>={loss}")),
        "the log tells model 0's loss"
    );
    let score = model.report.metric("test:rmse").unwrap();
    assert!(has(&format!("('rmse', {score})")), "the log's scores are the report's");
}

#[test]
fn stopping_keeps_the_best_model_so_far() {
    // Ten batches an epoch: the 25th question comes in the third epoch.
    let watch = Recorder {
        stop_after: Some(25),
        ..Recorder::default()
    };
    let mut channels = Channels::new(regression(320, 0.5, 1));
    let model = LinearLearner
        .fit(&asked("regressor", &[]), &mut channels, &FitOptions::default(), &watch)
        .unwrap();
    assert!(model.report.interrupted);
    assert_eq!(model.report.history.len(), 2);

    let watch = Recorder {
        stop_after: Some(3),
        ..Recorder::default()
    };
    let mut channels = Channels::new(regression(320, 0.5, 1));
    let model = LinearLearner
        .fit(&asked("regressor", &[]), &mut channels, &FitOptions::default(), &watch)
        .unwrap();
    assert_eq!(
        (
            model.report.interrupted,
            model.report.history.len(),
            model.report.rows_per_epoch
        ),
        (true, 1, 96)
    );

    let watch = Recorder {
        stop_after: Some(0),
        ..Recorder::default()
    };
    let error = LinearLearner
        .fit(&asked("regressor", &[]), &mut channels, &FitOptions::default(), &watch)
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "training was stopped before its first epoch was over: there is no model to keep"
    );
}

#[test]
fn early_stopping_keeps_the_counted_epoch() {
    let asked = asked("regressor", &[("epochs", "200")]);
    let model = fit(&asked, regression(2000, 0.5, 1), Some(regression(500, 0.5, 2)));
    let report = &model.report;
    assert!(report.stopped_early && report.history.len() < 200);
    assert_eq!(
        report.history.len() - 1 - report.epoch_kept,
        4,
        "patience 3: the fourth epoch after it is the last"
    );
    assert!(
        report.history[report.epoch_kept + 1..]
            .iter()
            .all(|epoch| !epoch.improved)
    );
}
