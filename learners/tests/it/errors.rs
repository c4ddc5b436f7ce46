//! Bad input: what, where, and how to mend it.

use crate::data::{asked, classes, fit, regression};
use ironsage_learners::linear_learner::LinearLearner;
use ironsage_learners::{Algorithm, Channels, DenseMatrix, FitOptions, Hyperparameters, LearnError, Model, Rows};

fn fails(asked: &Hyperparameters, train: DenseMatrix, validation: Option<DenseMatrix>) -> (String, String) {
    let mut channels = Channels::new(train);
    if let Some(validation) = validation {
        channels = channels.with_validation(validation);
    }
    let error = LinearLearner
        .fit(asked, &mut channels, &FitOptions::default(), &())
        .unwrap_err();
    (error.to_string(), error.hint().unwrap_or_default())
}

fn with(matrix: &DenseMatrix, at: usize, value: f32) -> DenseMatrix {
    let mut values = matrix.values.to_vec();
    values[at] = value;
    DenseMatrix {
        values: values.into(),
        ..matrix.clone()
    }
}

fn labelled(matrix: &DenseMatrix, row: usize, label: f32) -> DenseMatrix {
    let mut labels = matrix.labels.to_vec();
    labels[row] = label;
    DenseMatrix {
        labels: labels.into(),
        ..matrix.clone()
    }
}

#[test]
fn features_that_are_no_numbers() {
    let matrix = regression(100, 0.5, 1);
    let (text, hint) = fails(&asked("regressor", &[]), with(&matrix, 3 * 40 + 1, f32::NAN), None);
    assert_eq!(text, "channel train, row 40, feature `b`: NaN is not a finite number");
    assert!(hint.contains("median"));
    let (text, _) = fails(
        &asked("regressor", &[]),
        matrix.clone(),
        Some(with(&matrix, 5, f32::INFINITY)),
    );
    assert_eq!(
        text,
        "channel validation, row 1, feature `c`: inf is not a finite number"
    );
    // Past the rows that the scaler looks at.
    let pairs = [("num_point_for_scaler", "10"), ("mini_batch_size", "10")];
    let (text, _) = fails(
        &asked("regressor", &pairs),
        with(&matrix, 3 * 95, f32::NEG_INFINITY),
        None,
    );
    assert_eq!(text, "channel train, row 95, feature `a`: -inf is not a finite number");
    let unnamed = DenseMatrix::new(1, [1.0, f32::NAN], [1.0, 2.0]).unwrap();
    let (text, _) = fails(&asked("regressor", &[("mini_batch_size", "1")]), unnamed, None);
    assert_eq!(
        text,
        "channel train, row 1, feature 1: NaN is not a finite number".replace("feature 1", "feature 0")
    );
}

#[test]
fn labels_that_do_not_fit() {
    let (text, hint) = fails(
        &asked("binary_classifier", &[]),
        labelled(&classes(64, 1), 7, 2.0),
        None,
    );
    assert_eq!(
        text,
        "channel train, row 7: label 2 is neither 0 nor 1, as predictor_type = binary_classifier needs"
    );
    assert!(hint.contains("regressor"));
    let (text, _) = fails(
        &asked("regressor", &[]),
        labelled(&regression(64, 0.5, 1), 9, f32::INFINITY),
        None,
    );
    assert_eq!(text, "channel train, row 9: label inf is not a finite number");
    let ones = DenseMatrix {
        labels: vec![1.0; 64].into(),
        ..classes(64, 1)
    };
    let (text, _) = fails(&asked("binary_classifier", &[]), ones, None);
    assert_eq!(
        text,
        "every label of channel train is 1: there is nothing to tell apart"
    );
}

#[test]
fn sizes_that_do_not_fit() {
    let (text, hint) = fails(
        &asked("regressor", &[("mini_batch_size", "1000")]),
        regression(400, 0.5, 1),
        None,
    );
    assert!(
        text.starts_with("mini_batch_size 1000 is more than the 400 rows of channel train"),
        "{text}"
    );
    assert_eq!(hint, "mini_batch_size = 4");
    let (text, hint) = fails(
        &asked("regressor", &[("feature_dim", "2")]),
        regression(64, 0.5, 1),
        None,
    );
    assert_eq!(text, "channel train, row 0: 3 features where 2 are expected");
    assert_eq!(hint, "feature_dim says so (is the label still in?)");
    let (text, _) = fails(&asked("regressor", &[]), regression(64, 0.5, 1), Some(classes(64, 1)));
    assert_eq!(text, "channel validation, row 0: 2 features where 3 are expected");
    let empty = || DenseMatrix::new(3, [], []).unwrap();
    let (text, _) = fails(&asked("regressor", &[]), empty(), None);
    assert!(text.starts_with("channel train has no rows"), "{text}");
    let (text, _) = fails(&asked("regressor", &[]), regression(64, 0.5, 1), Some(empty()));
    assert!(text.starts_with("channel validation has no rows"), "{text}");
    let (text, _) = fails(
        &asked("regressor", &[]),
        DenseMatrix::new(0, [], vec![1.0; 64]).unwrap(),
        None,
    );
    assert_eq!(text, "channel train, row 0: 0 features where 1 are expected");

    let model = fit(&asked("regressor", &[]), regression(64, 0.5, 1), None);
    let error = model.predict(&Rows::dense(4, &[0.0; 8])).unwrap_err();
    assert_eq!(
        error.to_string(),
        "channel to predict, row 0: 4 features where 3 are expected"
    );
    assert!(error.hint().unwrap().contains("is the label still in?"));
}

#[test]
fn a_rate_that_diverges() {
    let pairs = [("num_models", "1"), ("optimizer", "sgd"), ("learning_rate", "1000")];
    let (text, hint) = fails(&asked("regressor", &pairs), regression(640, 0.5, 1), None);
    assert!(text.starts_with("training diverged: after epoch "), "{text}");
    assert!(hint.contains("learning_rate"));
}

#[test]
fn hyperparameters_are_checked_first() {
    let (text, hint) = fails(&asked("regressor", &[("epoch", "3")]), regression(64, 0.5, 1), None);
    assert_eq!(
        (text.as_str(), hint.as_str()),
        ("linear-learner has no hyperparameter `epoch`", "did you mean `epochs`?")
    );
    let (text, _) = fails(
        &asked("multiclass_classifier", &[("num_classes", "3")]),
        regression(64, 0.5, 1),
        None,
    );
    assert!(text.ends_with("is not built yet"), "{text}");
    assert!(matches!(
        DenseMatrix::new(2, [1.0; 3], [1.0; 2]),
        Err(LearnError::Width { .. })
    ));
}
