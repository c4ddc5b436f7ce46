//! Binary classifiers: probabilities, thresholds, criteria.

use crate::data::{asked, classes, fit};
use ironsage_learners::{DenseMatrix, Model, metrics};

#[test]
fn probabilities_are_right() {
    let pairs = [("binary_classifier_model_selection_criteria", "loss_function")];
    let model = fit(
        &asked("binary_classifier", &pairs),
        classes(4000, 1),
        Some(classes(1000, 2)),
    );
    let test = classes(2000, 3);
    let scores = model.scores(&test.rows()).unwrap();
    let truth: Vec<f32> = test
        .values
        .chunks_exact(2)
        .map(|x| 1.0 / (1.0 + (-(2.0 * x[0] - x[1] - 0.5)).exp()))
        .collect();
    let (ours, best) = (
        metrics::log_loss(&scores, &test.labels),
        metrics::log_loss(&truth, &test.labels),
    );
    assert!(ours < 1.02 * best, "{ours} against {best}");
    let report = &model.report;
    assert_eq!(report.watched, "sampled_loss_function");
    assert_eq!(report.threshold_from, Some(("validation".to_owned(), 1000)));
    let positives = classes(4000, 1).labels.iter().filter(|&&label| label > 0.5).count();
    assert_eq!(report.positives, Some(positives));
    let objective = report
        .metric("validation:binary_classification_cross_entropy_objective")
        .unwrap();
    assert!((objective / report.metric("validation:binary_log_loss").unwrap() - 1.0).abs() < 1e-4);
}

#[test]
fn criteria_are_met_on_the_validation_rows() {
    let validation = classes(1000, 2);
    let criteria = [
        "accuracy",
        "f_beta",
        "precision_at_target_recall",
        "recall_at_target_precision",
        "loss_function",
    ];
    for criterion in criteria {
        let pairs = [
            ("binary_classifier_model_selection_criteria", criterion),
            ("target_recall", "0.9"),
            ("target_precision", "0.9"),
        ];
        let model = fit(
            &asked("binary_classifier", &pairs),
            classes(4000, 1),
            Some(validation.clone()),
        );
        let scores = model.scores(&validation.rows()).unwrap();
        assert!(
            scores.contains(&model.threshold),
            "{criterion}: the threshold is no row's score"
        );
        let counts = metrics::confusion(model.threshold, &scores, &validation.labels);
        match criterion {
            "precision_at_target_recall" => assert!(counts.recall() >= 0.9 && counts.precision() > 0.6),
            "recall_at_target_precision" => assert!(counts.precision() >= 0.9 && counts.recall() > 0.3),
            _ => assert!(counts.accuracy() > 0.75, "{criterion}: {}", counts.accuracy()),
        }
        let report = &model.report;
        assert_eq!(
            report.metric("validation:binary_classification_accuracy"),
            Some(counts.accuracy())
        );
        assert_eq!(report.metric("validation:recall"), Some(counts.recall()));
        assert_eq!(report.target_met, criterion.contains("target").then_some(true));
        if criterion == "accuracy" {
            let best = scores
                .iter()
                .map(|&s| metrics::accuracy(s, &scores, &validation.labels))
                .fold(0.0, f64::max);
            assert_eq!(counts.accuracy(), best, "no other threshold is better");
            let kept = &report.history[report.epoch_kept];
            assert!(
                (kept.value - best).abs() < 0.003,
                "the sampled accuracy is the served one"
            );
        }
        let labels: Vec<f32> = model
            .predict(&validation.rows())
            .unwrap()
            .iter()
            .filter_map(|p| p.predicted_label)
            .collect();
        let expected: Vec<f32> = scores
            .iter()
            .map(|&score| f32::from(score >= model.threshold))
            .collect();
        assert_eq!(labels, expected);
    }
}

#[test]
fn without_validation_the_training_rows_decide() {
    let model = fit(&asked("binary_classifier", &[]), classes(4000, 1), None);
    let report = &model.report;
    assert_eq!(report.watched, "binary_classification_cross_entropy_objective");
    assert_eq!(report.threshold_from, Some(("train".to_owned(), 4000)));
    assert!(report.metric("train:binary_classification_accuracy").unwrap() > 0.75);
    assert!(report.metric("train:roc_auc_score").unwrap() > 0.85);
}

#[test]
fn hinge_separates_and_scores_are_margins() {
    let pairs = [
        ("loss", "hinge_loss"),
        ("binary_classifier_model_selection_criteria", "loss_function"),
    ];
    let model = fit(
        &asked("binary_classifier", &pairs),
        classes(4000, 1),
        Some(classes(1000, 2)),
    );
    let test = classes(1000, 3);
    let scores = model.scores(&test.rows()).unwrap();
    assert!(scores.iter().any(|&score| !(0.0..=1.0).contains(&score)));
    assert!(metrics::accuracy(model.threshold, &scores, &test.labels) > 0.72);
    assert_eq!(model.report.objective, "binary_classification_hinge_loss_objective");
    assert!(model.report.metric("validation:binary_log_loss").is_none());
}

#[test]
fn balanced_weights_find_more_positives() {
    // One positive in about twenty.
    let rare = |seed: u64| {
        let all = classes(8000, seed);
        let keep = |row: &usize| all.labels[*row] < 0.5 || row.is_multiple_of(16);
        let rows: Vec<usize> = (0..all.rows).filter(keep).collect();
        let values: Vec<f32> = rows
            .iter()
            .flat_map(|&row| all.values[2 * row..2 * row + 2].to_vec())
            .collect();
        DenseMatrix::new(2, values, rows.iter().map(|&row| all.labels[row]).collect::<Vec<_>>()).unwrap()
    };
    let score = |weight: &str| {
        let pairs = [
            ("positive_example_weight_mult", weight),
            ("binary_classifier_model_selection_criteria", "loss_function"),
        ];
        let model = fit(&asked("binary_classifier", &pairs), rare(1), Some(rare(2)));
        let scores = model.scores(&rare(3).rows()).unwrap();
        (
            model.report.objective.clone(),
            metrics::confusion(0.5, &scores, &rare(3).labels).recall(),
        )
    };
    let (plain, balanced) = (score("1.0"), score("balanced"));
    assert!(balanced.1 > plain.1 + 0.2, "{plain:?} {balanced:?}");
    assert_eq!(balanced.0, "binary_classification_weighted_cross_entropy_objective");
}

#[test]
fn row_weights_count() {
    // Two rows of each feature value that contradict each other: the heavier one wins.
    let labels: Vec<f32> = (0..512).map(|row| f32::from(row % 2 == 0)).collect();
    let matrix = |heavy: f32| {
        let weights: Vec<f32> = labels
            .iter()
            .map(|&label| if label > 0.5 { heavy } else { 1.0 })
            .collect();
        DenseMatrix::new(1, vec![1.0; 512], labels.clone())
            .unwrap()
            .with_weights(weights)
            .unwrap()
    };
    let score = |heavy: f32| {
        fit(&asked("binary_classifier", &[]), matrix(heavy), None)
            .scores(&matrix(1.0).rows())
            .unwrap()[0]
    };
    assert!(
        (score(3.0) - 0.75).abs() < 0.02 && (score(0.0) - 0.0).abs() < 0.1,
        "{} {}",
        score(3.0),
        score(0.0)
    );
}
