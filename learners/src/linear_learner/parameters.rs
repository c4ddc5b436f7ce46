//! Linear Learner's hyperparameters as data, in the order of the container's own configuration.
//!
//! Names, ranges and defaults are those of the developer guide, of the SDK and of the default map that real
//! jobs print; where a meaning says what `auto` does, replays of real jobs or the older guide say so.

use crate::schema::{HyperparameterError, Kind, Parameter, Scale, Schema, Tune};
use crate::{Hyperparameters, parse_bool};

/// The losses of a regressor.
pub(super) const REGRESSION_LOSSES: &[&str] = &[
    "squared_loss",
    "absolute_loss",
    "eps_insensitive_squared_loss",
    "eps_insensitive_absolute_loss",
    "quantile_loss",
    "huber_loss",
];
/// The losses of a binary classifier.
pub(super) const BINARY_LOSSES: &[&str] = &["logistic", "hinge_loss"];
/// The losses of a multiclass classifier.
pub(super) const MULTICLASS_LOSSES: &[&str] = &["softmax_loss"];

const HALF_OPEN: Kind = Kind::Float {
    min: 0.0,
    min_open: false,
    max: 1.0,
    max_open: true,
};
const OPEN: Kind = Kind::Float {
    min: 0.0,
    min_open: true,
    max: 1.0,
    max_open: true,
};
const CLOSED: Kind = Kind::Float {
    min: 0.0,
    min_open: false,
    max: 1.0,
    max_open: false,
};
const COUNT: Kind = Kind::integer_from(1);

const fn public(name: &'static str, default: &'static str, kind: Kind, meaning: &'static str) -> Parameter {
    Parameter {
        default: Some(default),
        ..Parameter::new(name, kind, meaning)
    }
}

const fn automatic(name: &'static str, kind: Kind, meaning: &'static str) -> Parameter {
    Parameter {
        auto: true,
        ..public(name, "auto", kind, meaning)
    }
}

const fn private(name: &'static str, default: &'static str) -> Parameter {
    Parameter {
        private: true,
        ..public(
            name,
            default,
            Kind::Text,
            "Set by the service, not by hand; accepted and left alone.",
        )
    }
}

const fn logarithmic(min: f64, max: f64) -> Option<Tune> {
    Some(Tune::Range {
        min,
        max,
        scale: Scale::Logarithmic,
    })
}

/// All of Linear Learner's hyperparameters.
pub static SCHEMA: Schema = Schema {
    algorithm: super::NAME,
    parameters: PARAMETERS,
    rules,
};

#[rustfmt::skip]
static PARAMETERS: &[Parameter] = &[
    Parameter { tune: Some(Tune::Range { min: 100.0, max: 5000.0, scale: Scale::Linear }),
        ..public("mini_batch_size", "1000", COUNT, "Rows of one update; the last, smaller batch is left out.") },
    public("epochs", "15", COUNT, "The most passes over the training data; early stopping may end sooner."),
    automatic("feature_dim", COUNT, "Features a row; auto takes the width of the data."),
    Parameter { tune: Some(Tune::Words(&["true", "false"])),
        ..public("use_bias", "true", Kind::Bool, "Whether the model has a constant term.") },
    public("binary_classifier_model_selection_criteria", "accuracy",
        Kind::Choice(&["accuracy", "f_beta", "precision_at_target_recall", "recall_at_target_precision", "loss_function", "f1", "cross_entropy_loss"]),
        "What a binary classifier's model and threshold are chosen by (f1 and cross_entropy_loss are old names of f_beta and loss_function)."),
    public("f_beta", "1.0", Kind::POSITIVE, "How many times recall weighs as much as precision in F scores."),
    public("target_recall", "0.8", CLOSED, "The least recall for precision_at_target_recall."),
    public("target_precision", "0.8", CLOSED, "The least precision for recall_at_target_precision."),
    automatic("num_models", COUNT, "Models trained side by side, the best is kept; auto is 32 (1 in a tuning job)."),
    automatic("num_calibration_samples", COUNT, "The most validation rows that choose the threshold; auto is 10000000.").defaulting("10000000"),
    public("init_method", "uniform", Kind::Choice(&["uniform", "normal"]), "How weights start."),
    public("init_scale", "0.07", Kind::POSITIVE, "Half the width of uniform initial weights."),
    public("init_sigma", "0.01", Kind::POSITIVE, "The standard deviation of normal initial weights."),
    public("init_bias", "0.0", Kind::ANY_NUMBER, "The initial constant term, in normalised units."),
    Parameter { beyond_sagemaker: &["adagrad"],
        ..automatic("optimizer", Kind::Choice(&["sgd", "adam", "rmsprop", "adagrad"]),
            "How weights are updated; auto is adam. adagrad is Ironsage's own: AWS's container refuses it.") },
    automatic("loss", Kind::Choice(&["squared_loss", "absolute_loss", "eps_insensitive_squared_loss", "eps_insensitive_absolute_loss",
            "quantile_loss", "huber_loss", "logistic", "hinge_loss", "softmax_loss"]),
        "What is minimised; auto is squared_loss (regressor), logistic (binary_classifier), softmax_loss (multiclass_classifier)."),
    public("margin", "1.0", Kind::POSITIVE, "The margin of hinge_loss."),
    public("quantile", "0.5", OPEN, "The quantile of quantile_loss: the share of labels below the prediction."),
    public("loss_insensitivity", "0.01", Kind::POSITIVE, "Errors up to this cost nothing in the eps_insensitive losses."),
    public("huber_delta", "1.0", Kind::POSITIVE, "Errors from this on count linearly in huber_loss."),
    public("num_classes", "1", Kind::Integer { min: 1, max: 1_000_000 }, "Classes of a multiclass classifier, at least 3; its labels are 0 to one less."),
    public("accuracy_top_k", "3", Kind::Integer { min: 1, max: 1_000_000 }, "The k of a multiclass classifier's top-k accuracy."),
    Parameter { tune: logarithmic(1e-7, 1.0),
        ..automatic("wd", Kind::NOT_NEGATIVE, "L2: weight decay; auto tries 1e-4, 1e-2, 1 and 100.") },
    Parameter { tune: logarithmic(1e-7, 1.0),
        ..automatic("l1", Kind::NOT_NEGATIVE, "L1: the penalty on absolute weights, divided by mini_batch_size; auto is 0.") },
    automatic("momentum", HALF_OPEN, "Momentum of sgd; auto is 0."),
    Parameter { tune: logarithmic(1e-5, 1.0),
        ..automatic("learning_rate", Kind::POSITIVE, "The first step size; auto tries 0.005 and 0.1.") },
    automatic("beta_1", HALF_OPEN, "Decay of adam's first moment; auto is 0.9."),
    automatic("beta_2", HALF_OPEN, "Decay of adam's second moment; auto is 0.999."),
    automatic("bias_lr_mult", Kind::POSITIVE, "The constant term's learning rate, in multiples of the weights'; auto is 10."),
    automatic("bias_wd_mult", Kind::NOT_NEGATIVE, "The constant term's weight decay, in multiples of the weights'; auto is 0."),
    public("use_lr_scheduler", "true", Kind::Bool, "Whether the learning rate falls as training goes on."),
    automatic("lr_scheduler_step", COUNT, "Updates between two cuts of the learning rate; auto tries 10 and 100."),
    automatic("lr_scheduler_factor", OPEN, "What a cut multiplies the learning rate by; auto is 0.99."),
    automatic("lr_scheduler_minimum_lr", Kind::POSITIVE, "The learning rate never falls below this; auto tries 1e-5 and 1e-4."),
    Parameter { words: &["balanced"], tune: logarithmic(1e-5, 1e5),
        ..public("positive_example_weight_mult", "1.0", Kind::POSITIVE,
            "What a positive row weighs in a binary classifier; balanced is negatives ÷ positives, and so is auto.").or_auto() },
    public("balance_multiclass_weights", "false", Kind::Bool, "Whether a multiclass classifier weighs classes by 1 ÷ their share."),
    Parameter { auto: true, ..public("normalize_data", "true", Kind::Bool, "Whether features are divided by their standard deviation.") },
    automatic("normalize_label", Kind::Bool, "Whether a regressor's labels are divided by their standard deviation; auto is true."),
    automatic("unbias_data", Kind::Bool, "Whether features are shifted to mean 0 (dense data only); auto is use_bias."),
    automatic("unbias_label", Kind::Bool, "Whether a regressor's labels are shifted to mean 0; auto is use_bias."),
    public("num_point_for_scaler", "10000", COUNT, "Rows that means and standard deviations are computed from, rounded up to whole batches."),
    private("_kvstore", "auto"),
    private("_num_gpus", "auto"),
    private("_num_kv_servers", "auto"),
    private("_log_level", "info"),
    private("_tuning_objective_metric", ""),
    public("early_stopping_patience", "3", COUNT, "Epochs without improvement that are allowed before training stops."),
    public("early_stopping_tolerance", "0.001", Kind::POSITIVE, "The relative improvement that counts as one."),
    private("_enable_profiler", "false"),
    // Only old containers have the next two in their map; scripts still send them.
    Parameter { default: None, ..private("force_dense", "") },
    Parameter { default: None, ..private("_data_format", "") },
    Parameter { required: true,
        ..Parameter::new("predictor_type", Kind::Choice(&["binary_classifier", "multiclass_classifier", "regressor"]), "What is predicted.") },
];

impl Parameter {
    const fn defaulting(mut self, value: &'static str) -> Self {
        self.default = Some(value);
        self
    }

    const fn or_auto(mut self) -> Self {
        self.auto = true;
        self
    }
}

/// The losses that a predictor type allows.
pub(super) fn losses(predictor_type: &str) -> &'static [&'static str] {
    match predictor_type {
        "regressor" => REGRESSION_LOSSES,
        "binary_classifier" => BINARY_LOSSES,
        _ => MULTICLASS_LOSSES,
    }
}

fn rules(asked: &Hyperparameters) -> Result<(), HyperparameterError> {
    let predictor_type = asked.get("predictor_type").unwrap_or_default().trim();
    let allowed = losses(predictor_type);
    if let Some(loss) = asked
        .get("loss")
        .map(str::trim)
        .filter(|loss| *loss != "auto" && !allowed.contains(loss))
    {
        return Err(HyperparameterError::Conflict {
            text: format!("loss = {loss} does not go with predictor_type = {predictor_type}"),
            hint: format!("a {predictor_type} takes {}", allowed.join(", ")),
        });
    }
    let classes = asked
        .get("num_classes")
        .and_then(|text| text.trim().parse::<i64>().ok())
        .unwrap_or(1);
    if predictor_type == "multiclass_classifier" && classes < 3 {
        return Err(HyperparameterError::Conflict {
            text: format!("a multiclass_classifier needs num_classes of 3 or more, not {classes}"),
            hint: "add `num_classes = …`; for two classes use `predictor_type = binary_classifier`".to_owned(),
        });
    }
    if predictor_type != "multiclass_classifier" {
        let models = asked.get("num_models").and_then(|text| text.trim().parse::<i64>().ok());
        if let Some(models) = models.filter(|models| *models > 32) {
            return Err(HyperparameterError::Conflict {
                text: format!("num_models = {models}: a {predictor_type}'s grid has 32 models"),
                hint: "write `num_models = 32` or leave it at auto".to_owned(),
            });
        }
    }
    let is = |name: &str, value: bool| asked.get(name).and_then(parse_bool) == Some(value);
    for name in ["unbias_data", "unbias_label"] {
        if is(name, true) && is("use_bias", false) {
            return Err(HyperparameterError::Conflict {
                text: format!("{name} = true needs a constant term, but use_bias = false"),
                hint: format!("leave {name} at auto, or set use_bias = true"),
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    fn check(pairs: &[(&str, &str)]) -> Result<(), HyperparameterError> {
        SCHEMA.check(&pairs.iter().copied().collect())
    }

    #[test]
    fn the_default_map_is_the_containers() {
        let keys = "mini_batch_size, epochs, feature_dim, use_bias, binary_classifier_model_selection_criteria, f_beta, \
            target_recall, target_precision, num_models, num_calibration_samples, init_method, init_scale, init_sigma, \
            init_bias, optimizer, loss, margin, quantile, loss_insensitivity, huber_delta, num_classes, accuracy_top_k, wd, \
            l1, momentum, learning_rate, beta_1, beta_2, bias_lr_mult, bias_wd_mult, use_lr_scheduler, lr_scheduler_step, \
            lr_scheduler_factor, lr_scheduler_minimum_lr, positive_example_weight_mult, balance_multiclass_weights, \
            normalize_data, normalize_label, unbias_data, unbias_label, num_point_for_scaler, _kvstore, _num_gpus, \
            _num_kv_servers, _log_level, _tuning_objective_metric, early_stopping_patience, early_stopping_tolerance, \
            _enable_profiler";
        let defaults = SCHEMA.defaults();
        let ours: Vec<&str> = defaults.iter().map(|(name, _)| name).collect();
        assert_eq!(ours, keys.split(", ").collect::<Vec<_>>());
        for (name, value) in defaults.iter() {
            assert!(SCHEMA.parameter(name).unwrap().admits(value), "{name} = {value}");
        }
        let merged = SCHEMA.merge(
            &Hyperparameters::new()
                .with("predictor_type", "regressor")
                .with("epochs", 50),
        );
        assert_eq!(merged.get("epochs"), Some("50"));
        assert_eq!(merged.iter().last(), Some(("predictor_type", "regressor")));
    }

    #[test]
    fn errors_say_what_to_type() {
        let error = check(&[("predictor_type", "regressor"), ("mini_batchsize", "7")]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "linear-learner has no hyperparameter `mini_batchsize`"
        );
        assert_eq!(error.hint().unwrap(), "did you mean `mini_batch_size`?");

        let error = check(&[("predictor_type", "regressor"), ("epochs", "0")]).unwrap_err();
        assert_eq!(error.to_string(), "epochs = 0: must be a whole number ≥ 1");
        let error = check(&[("predictor_type", "regressor"), ("momentum", "1")]).unwrap_err();
        assert_eq!(error.to_string(), "momentum = 1: must be a number in [0, 1), or auto");
        let error = check(&[("predictor_type", "regressor"), ("epochs", "2.5")]).unwrap_err();
        assert_eq!(error.to_string(), "epochs = 2.5: must be a whole number ≥ 1");

        let error = check(&[("predictor_type", "regresor")]).unwrap_err();
        assert_eq!(error.hint().unwrap(), "did you mean `predictor_type = regressor`?");
        let error = check(&[("epochs", "3")]).unwrap_err();
        assert_eq!(error.hint().unwrap(), "add `predictor_type = …`");
        assert!(
            error
                .to_string()
                .starts_with("linear-learner needs `predictor_type`: binary_classifier, ")
        );

        let error = check(&[("predictor_type", "regressor"), ("loss", "logistic")]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "loss = logistic does not go with predictor_type = regressor"
        );
        assert!(error.hint().unwrap().contains("huber_loss"));
        assert!(check(&[("predictor_type", "multiclass_classifier"), ("num_classes", "2")]).is_err());
        assert!(check(&[("predictor_type", "regressor"), ("num_models", "33")]).is_err());
        assert!(
            check(&[
                ("predictor_type", "regressor"),
                ("unbias_data", "true"),
                ("use_bias", "false")
            ])
            .is_err()
        );
        assert!(check(&[("predictor_type", "regressor"), ("wd", "NaN")]).is_err());
        assert!(check(&[("predictor_type", "regressor"), ("wd", "inf")]).is_err());
    }

    #[test]
    fn what_scripts_send_is_taken() {
        check(&[
            ("predictor_type", "binary_classifier"),
            ("normalize_data", "True"),
            ("unbias_label", "False"),
            ("num_calibration_samples", "auto"),
            ("binary_classifier_model_selection_criteria", "cross_entropy_loss"),
            ("positive_example_weight_mult", "balanced"),
            ("learning_rate", "1e-3"),
            ("_tuning_objective_metric", "validation:objective_loss"),
            ("force_dense", "true"),
        ])
        .unwrap();
    }
}
