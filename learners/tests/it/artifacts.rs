//! Saved models: the real service's numbers, and our own back again.

use crate::data::{asked, classes, fit, regression};
use ironsage_formats::model_algo::{AdditionalParams, Coefficients, MetricsParams, ModelAlgo};
use ironsage_formats::mxnet::{self, Values};
use ironsage_learners::linear_learner::{self, LinearModel};
use ironsage_learners::{LearnError, Model, Rows};

/// `mx-mod-0000.params` of a real binary classifier of 14 features, of AWS's own examples (2023).
const REAL_PARAMS: &str = "120100000000000000000000000000000200000000000000c9fa93f900000000\
    020000000e000000000000000100000000000000010000000000000000000000\
    9a53213dd61503be026f58b281170f3d79f1b43e161c85be3f2378bb31dae7bd\
    a759cc3d73cb643f239ea639dcc12d3ae75b0a3dcfdb653cc9fa93f900000000\
    0200000001000000000000000100000000000000010000000000000000000000\
    ac5d11c102000000000000000e000000000000006172673a6663305f77656967\
    68740c000000000000006172673a6663305f62696173";

#[test]
fn a_real_model_answers_as_its_endpoint_did() {
    let arrays = mxnet::read(&hex::decode(REAL_PARAMS).unwrap()).unwrap();
    let floats = |at: usize| match &arrays[at].values {
        Values::Float32(values) => values.clone(),
        other => panic!("{other:?}"),
    };
    let parts = ModelAlgo {
        coefficients: Coefficients {
            features: 14,
            outputs: 1,
            weight: floats(0),
            bias: floats(1),
        },
        params: AdditionalParams {
            threshold: 0.463_018_596_172_332_76,
            loss_type: "logistic".to_owned(),
            predictor_type: "binary_classifier".to_owned(),
            metrics_params: MetricsParams::default(),
        },
        counter: 57,
        bias_lr_mult: 10.0,
    };
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("model_algo-1"), parts.to_bytes()).unwrap();
    let model = ironsage_learners::load(folder.path()).unwrap();
    let rows = [
        [
            28.0, 2.0, 133_937.0, 9.0, 13.0, 2.0, 0.0, 0.0, 4.0, 1.0, 15_024.0, 0.0, 55.0, 37.0,
        ],
        [
            43.0, 2.0, 72_338.0, 12.0, 14.0, 2.0, 12.0, 0.0, 1.0, 1.0, 0.0, 0.0, 40.0, 37.0,
        ],
    ];
    let answers = model.predict(&Rows::dense(14, rows.as_flattened())).unwrap();
    // What the service answered, printed as it prints: float32 widened to double.
    assert_eq!(f64::from(answers[0].score).to_string(), "0.9899773597717285");
    assert_eq!(f64::from(answers[1].score).to_string(), "0.5041388273239136");
    assert!(answers.iter().all(|answer| answer.predicted_label == Some(1.0)));
    // A row's answer must not depend on the rows beside it.
    let many: Vec<f32> = rows.as_flattened().repeat(11);
    let again = model.predict(&Rows::dense(14, &many)).unwrap();
    assert!(again.chunks_exact(2).all(|pair| pair == answers));
}

fn back(model: &LinearModel) -> LinearModel {
    let folder = tempfile::tempdir().unwrap();
    model.save(folder.path()).unwrap();
    linear_learner::load(folder.path()).unwrap()
}

#[test]
fn models_come_back() {
    let regressor = fit(
        &asked("regressor", &[("loss", "huber_loss"), ("huber_delta", "0.1")]),
        regression(640, 0.5, 1),
        None,
    );
    let classifier = fit(&asked("binary_classifier", &[]), classes(640, 1), Some(classes(200, 2)));
    // Much of the default grid diverges with sgd: its losses are no numbers that JSON has.
    let mut diverged = fit(
        &asked("regressor", &[("optimizer", "sgd")]),
        regression(640, 0.5, 1),
        None,
    );
    diverged.report.metrics.push(("test:mse".to_owned(), f64::INFINITY));
    let finite = |model: &LinearModel| -> Vec<bool> {
        let losses = model.report.history.iter().flat_map(|epoch| &epoch.train);
        losses.map(|loss| loss.is_finite()).collect()
    };
    assert!(finite(&diverged).contains(&false));
    assert_eq!(finite(&back(&diverged)), finite(&diverged));
    for model in [regressor, classifier, diverged] {
        let read = back(&model);
        assert_eq!(
            (&read.weights, read.bias, read.threshold),
            (&model.weights, model.bias, model.threshold)
        );
        assert_eq!((&read.loss, &read.predictor_type), (&model.loss, &model.predictor_type));
        assert_eq!(read.metrics_params, model.metrics_params);
        assert_eq!(read.report.history.len(), model.report.history.len());
        assert_eq!(read.report.winner, model.report.winner);
        assert_eq!(read.report.metrics.len(), model.report.metrics.len());
    }
}

#[test]
fn the_same_training_writes_the_same_bytes() {
    let bytes = || {
        let folder = tempfile::tempdir().unwrap();
        fit(&asked("binary_classifier", &[]), classes(640, 1), Some(classes(200, 2)))
            .save(folder.path())
            .unwrap();
        let mut archive = Vec::new();
        ironsage_formats::artifact::pack(folder.path(), &mut archive).unwrap();
        archive
    };
    assert_eq!(bytes(), bytes());
}

#[test]
fn what_is_no_model_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let error = ironsage_learners::load(folder.path()).map(|_| ()).unwrap_err();
    assert!(matches!(error, LearnError::NoModel { .. }) && error.hint().unwrap().contains("model_algo-1"));
    std::fs::write(folder.path().join("model_algo-1"), "nonsense").unwrap();
    let error = ironsage_learners::load(folder.path()).map(|_| ()).unwrap_err();
    assert!(error.to_string().contains("model_algo-1"), "{error}");
}
