//! Linear Learner's hyperparameters, parsed once: what `auto` means is decided here.

use super::grid::{self, Candidate};
use super::loss::Loss;
use super::optimizer::Optimizer;
use super::parameters::SCHEMA;
use crate::{Hyperparameters, LearnError, parse_bool};

/// What is predicted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Predictor {
    Regressor,
    Binary,
}

impl Predictor {
    /// SageMaker's name.
    pub(super) fn name(self) -> &'static str {
        match self {
            Predictor::Regressor => "regressor",
            Predictor::Binary => "binary_classifier",
        }
    }
}

/// What a binary classifier's model and threshold are chosen by.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Criterion {
    Accuracy,
    FBeta { beta: f64 },
    PrecisionAtRecall { recall: f64 },
    RecallAtPrecision { precision: f64 },
    Loss,
}

/// How weights start.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Init {
    Uniform { scale: f32 },
    Normal { sigma: f32 },
}

/// What the user gave of what the grid varies.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Given {
    pub(super) learning_rate: Option<f64>,
    pub(super) wd: Option<f64>,
    pub(super) l1: Option<f64>,
    pub(super) step: Option<u64>,
    pub(super) factor: Option<f64>,
    pub(super) minimum: Option<f64>,
}

/// Everything a training is told.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) merged: Hyperparameters,
    pub(super) predictor: Predictor,
    pub(super) loss: Loss,
    /// Positives weigh negatives ÷ positives.
    pub(super) balanced: bool,
    pub(super) optimizer: Optimizer,
    pub(super) candidates: Vec<Candidate>,
    pub(super) scheduled: bool,
    pub(super) bias_lr_mult: f64,
    pub(super) bias_wd_mult: f64,
    pub(super) batch: usize,
    pub(super) epochs: usize,
    pub(super) width: Option<usize>,
    pub(super) use_bias: bool,
    pub(super) init: Init,
    pub(super) init_bias: f32,
    pub(super) criterion: Criterion,
    pub(super) criterion_name: &'static str,
    pub(super) f_beta: f64,
    pub(super) calibration: usize,
    pub(super) normalize_data: bool,
    pub(super) unbias_data: bool,
    pub(super) normalize_label: bool,
    pub(super) unbias_label: bool,
    pub(super) scaler_rows: usize,
    pub(super) patience: usize,
    pub(super) tolerance: f64,
    pub(super) accuracy_top_k: u64,
}

impl Settings {
    /// Checks and parses what was asked.
    pub(super) fn new(asked: &Hyperparameters) -> Result<Settings, LearnError> {
        SCHEMA.check(asked)?;
        let merged = SCHEMA.merge(asked);
        let read = Read(&merged);
        let predictor = match read.text("predictor_type") {
            "regressor" => Predictor::Regressor,
            "binary_classifier" => Predictor::Binary,
            other => {
                return Err(LearnError::NotBuilt {
                    what: format!("predictor_type = {other} of linear-learner"),
                    instead: "predictor_type = regressor and binary_classifier can be trained".to_owned(),
                });
            }
        };
        let tuning = !read.text("_tuning_objective_metric").is_empty();
        let models = if tuning {
            1
        } else {
            read.count("num_models").unwrap_or(grid::SIZE)
        };
        let given = Given {
            learning_rate: read.number("learning_rate"),
            wd: read.number("wd"),
            l1: read.number("l1"),
            step: read.count("lr_scheduler_step").map(|step| step as u64),
            factor: read.number("lr_scheduler_factor"),
            minimum: read.number("lr_scheduler_minimum_lr"),
        };
        let (use_bias, regressor) = (read.is("use_bias", true), predictor == Predictor::Regressor);
        let weight = read.text("positive_example_weight_mult");
        let (criterion, criterion_name) = read.criterion();
        Ok(Settings {
            predictor,
            loss: read.loss(predictor),
            balanced: !regressor && matches!(weight, "balanced" | "auto"),
            optimizer: read.optimizer(),
            candidates: grid::candidates(models, &given),
            scheduled: read.is("use_lr_scheduler", true),
            bias_lr_mult: read.number("bias_lr_mult").unwrap_or(10.0),
            bias_wd_mult: read.number("bias_wd_mult").unwrap_or(0.0),
            batch: read.count("mini_batch_size").unwrap_or(1000),
            epochs: read.count("epochs").unwrap_or(15),
            width: read.count("feature_dim"),
            use_bias,
            init: match read.text("init_method") {
                "normal" => Init::Normal {
                    sigma: read.number("init_sigma").unwrap_or(0.01) as f32,
                },
                _ => Init::Uniform {
                    scale: read.number("init_scale").unwrap_or(0.07) as f32,
                },
            },
            init_bias: read.number("init_bias").unwrap_or(0.0) as f32,
            criterion,
            criterion_name,
            f_beta: read.number("f_beta").unwrap_or(1.0),
            calibration: read.count("num_calibration_samples").unwrap_or(10_000_000),
            normalize_data: read.is("normalize_data", true),
            unbias_data: use_bias && read.is("unbias_data", true),
            normalize_label: regressor && read.is("normalize_label", true),
            unbias_label: regressor && use_bias && read.is("unbias_label", true),
            scaler_rows: read.count("num_point_for_scaler").unwrap_or(10_000),
            patience: read.count("early_stopping_patience").unwrap_or(3),
            tolerance: read.number("early_stopping_tolerance").unwrap_or(0.001),
            accuracy_top_k: read.count("accuracy_top_k").unwrap_or(3) as u64,
            merged,
        })
    }

    /// A candidate as the log prints the best one.
    pub(super) fn printed(&self, candidate: &Candidate) -> Vec<(String, String)> {
        let number = ironsage_formats::model_algo::python_float;
        let pairs = [
            ("optimizer", self.optimizer.name().to_owned()),
            ("learning_rate", number(candidate.learning_rate)),
            ("wd", number(candidate.wd)),
            ("l1", number(candidate.l1)),
            ("lr_scheduler_step", candidate.step.to_string()),
            ("lr_scheduler_factor", number(candidate.factor)),
            ("lr_scheduler_minimum_lr", number(candidate.minimum)),
        ];
        pairs.map(|(name, value)| (name.to_owned(), value)).to_vec()
    }
}

/// Values that were checked already; `auto` is `None`.
struct Read<'a>(&'a Hyperparameters);

impl<'a> Read<'a> {
    fn text(&self, name: &str) -> &'a str {
        self.0.get(name).unwrap_or_default().trim()
    }

    fn number(&self, name: &str) -> Option<f64> {
        self.text(name).parse().ok()
    }

    fn count(&self, name: &str) -> Option<usize> {
        self.text(name).parse().ok()
    }

    fn is(&self, name: &str, auto: bool) -> bool {
        parse_bool(self.text(name)).unwrap_or(auto)
    }

    fn loss(&self, predictor: Predictor) -> Loss {
        let float = |name: &str, default: f32| self.number(name).map_or(default, |value| value as f32);
        let insensitivity = float("loss_insensitivity", 0.01);
        let positive = float("positive_example_weight_mult", 1.0);
        match self.text("loss") {
            "absolute_loss" => Loss::Absolute,
            "eps_insensitive_squared_loss" => Loss::EpsInsensitiveSquared { insensitivity },
            "eps_insensitive_absolute_loss" => Loss::EpsInsensitiveAbsolute { insensitivity },
            "quantile_loss" => Loss::Quantile {
                quantile: float("quantile", 0.5),
            },
            "huber_loss" => Loss::Huber {
                delta: float("huber_delta", 1.0),
            },
            "hinge_loss" => Loss::Hinge {
                margin: float("margin", 1.0),
                positive,
            },
            _ if predictor == Predictor::Binary => Loss::Logistic { positive },
            _ => Loss::Squared,
        }
    }

    fn optimizer(&self) -> Optimizer {
        let float = |name: &str, default: f32| self.number(name).map_or(default, |value| value as f32);
        match self.text("optimizer") {
            "sgd" => Optimizer::Sgd {
                momentum: float("momentum", 0.0),
            },
            "rmsprop" => Optimizer::RmsProp,
            "adagrad" => Optimizer::AdaGrad,
            _ => Optimizer::Adam {
                beta_1: float("beta_1", 0.9),
                beta_2: float("beta_2", 0.999),
            },
        }
    }

    fn criterion(&self) -> (Criterion, &'static str) {
        let number = |name: &str| self.number(name).unwrap_or(0.8);
        match self.text("binary_classifier_model_selection_criteria") {
            "f_beta" | "f1" => (
                Criterion::FBeta {
                    beta: self.number("f_beta").unwrap_or(1.0),
                },
                "f_beta",
            ),
            "precision_at_target_recall" => (
                Criterion::PrecisionAtRecall {
                    recall: number("target_recall"),
                },
                "precision_at_target_recall",
            ),
            "recall_at_target_precision" => (
                Criterion::RecallAtPrecision {
                    precision: number("target_precision"),
                },
                "recall_at_target_precision",
            ),
            "loss_function" | "cross_entropy_loss" => (Criterion::Loss, "loss_function"),
            _ => (Criterion::Accuracy, "accuracy"),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    fn settings(pairs: &[(&str, &str)]) -> Settings {
        Settings::new(&pairs.iter().copied().collect()).unwrap()
    }

    #[test]
    fn auto_is_decided() {
        let regressor = settings(&[
            ("predictor_type", "regressor"),
            ("unbias_data", "auto"),
            ("use_bias", "False"),
        ]);
        assert_eq!(
            (regressor.loss, regressor.candidates.len(), regressor.batch),
            (Loss::Squared, 32, 1000)
        );
        assert!(!regressor.unbias_data && !regressor.unbias_label && regressor.normalize_label);
        let binary = settings(&[
            ("predictor_type", "binary_classifier"),
            ("positive_example_weight_mult", "balanced"),
            ("binary_classifier_model_selection_criteria", "f1"),
            ("f_beta", "2"),
            ("optimizer", "adagrad"),
            ("_tuning_objective_metric", "validation:objective_loss"),
        ]);
        assert!(binary.balanced && !binary.normalize_label && binary.candidates.len() == 1);
        assert_eq!(binary.criterion, Criterion::FBeta { beta: 2.0 });
        assert_eq!(binary.optimizer, Optimizer::AdaGrad);
    }

    #[test]
    fn multiclass_is_refused_by_name() {
        let asked = [("predictor_type", "multiclass_classifier"), ("num_classes", "3")];
        let error = Settings::new(&asked.into_iter().collect()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "predictor_type = multiclass_classifier of linear-learner is not built yet"
        );
        assert!(error.hint().unwrap().contains("binary_classifier"));
    }
}
