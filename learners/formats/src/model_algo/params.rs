//! `additional-params.json`: threshold, loss and what the metrics need, as Python's `json.dumps` writes it.
//!
//! Thresholds can be infinite (a classifier that predicts one class only); Python writes and reads the bare
//! words `Infinity` and `-Infinity`, which are no JSON, so both directions are done here.

use crate::FormatError;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

/// `additional-params.json`.
#[derive(Debug, Clone, PartialEq)]
pub struct AdditionalParams {
    /// `score >= threshold` predicts class 1; 0.5 where there is nothing to decide.
    pub threshold: f64,
    /// Such as `logistic`.
    pub loss_type: String,
    /// `regressor`, `binary_classifier` or `multiclass_classifier`.
    pub predictor_type: String,
    /// What the metrics need.
    pub metrics_params: MetricsParams,
}

/// The inner object; what does not apply is `None`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct MetricsParams {
    /// Of quantile_loss.
    pub quantile: Option<f64>,
    /// Of huber_loss.
    pub huber_delta: Option<f64>,
    /// Of hinge_loss.
    pub margin: Option<f64>,
    /// Of the eps_insensitive losses.
    pub loss_insensitivity: Option<f64>,
    /// Which of the eps_insensitive losses.
    pub eps_insensitive_loss_type: Option<String>,
    /// The k of a top-k accuracy.
    pub accuracy_top_k: Option<u64>,
    /// The beta of F scores.
    pub f_beta: Option<f64>,
    /// What a positive row weighs.
    pub positive_example_weight_mult: Option<f64>,
}

impl AdditionalParams {
    /// One line with Python's default spacing.
    pub fn to_json(&self) -> String {
        let metrics = &self.metrics_params;
        let text = |value: &str| Value::from(value).to_string();
        let number = |value: Option<f64>| value.map_or_else(|| "null".to_owned(), python_float);
        let threshold = python_float(self.threshold);
        let inner = [
            ("quantile", number(metrics.quantile)),
            ("huber_delta", number(metrics.huber_delta)),
            ("margin", number(metrics.margin)),
            ("loss_insensitivity", number(metrics.loss_insensitivity)),
            (
                "eps_insensitive_loss_type",
                metrics
                    .eps_insensitive_loss_type
                    .as_deref()
                    .map_or_else(|| "null".to_owned(), text),
            ),
            (
                "accuracy_top_k",
                metrics
                    .accuracy_top_k
                    .map_or_else(|| "null".to_owned(), |k| k.to_string()),
            ),
            ("f_beta", number(metrics.f_beta)),
            (
                "positive_example_weight_mult",
                number(metrics.positive_example_weight_mult),
            ),
            ("class_weights", "null".to_owned()),
            ("threshold", threshold.clone()),
        ];
        let inner: Vec<String> = inner.iter().map(|(key, value)| format!("\"{key}\": {value}")).collect();
        format!(
            "{{\"threshold\": {threshold}, \"loss_type\": {}, \"predictor_type\": {}, \"metrics_params\": {{{}}}}}",
            text(&self.loss_type),
            text(&self.predictor_type),
            inner.join(", ")
        )
    }

    /// Reads the file; older containers' files have other key orders and may lack `metrics_params`.
    ///
    /// # Errors
    /// [`FormatError::Malformed`].
    pub fn from_json(text: &str) -> Result<Self, FormatError> {
        let malformed = |problem: String| FormatError::malformed("archive member", super::PARAMS, problem);
        let quoted = quote_infinities(text);
        let file: File<'_> = serde_json::from_str(&quoted).map_err(|error| malformed(error.to_string()))?;
        // Parsed from its own text: serde_json's numbers can be off by one in the last bit.
        let threshold = match file.threshold.map(|raw| raw.get().trim_matches('"')) {
            None | Some("null") => 0.5,
            Some(number) => number
                .parse()
                .map_err(|_| malformed(format!("threshold {number:?} is no number")))?,
        };
        Ok(AdditionalParams {
            threshold,
            loss_type: file.loss_type,
            predictor_type: file.predictor_type,
            metrics_params: file.metrics_params.unwrap_or_default(),
        })
    }
}

#[derive(Deserialize)]
struct File<'a> {
    #[serde(borrow)]
    threshold: Option<&'a RawValue>,
    loss_type: String,
    predictor_type: String,
    metrics_params: Option<MetricsParams>,
}

/// Puts Python's bare `Infinity`, `-Infinity` and `NaN` in quotation marks, where they stand outside of strings.
fn quote_infinities(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    let mut inside = false;
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        let word = ["-Infinity", "Infinity", "NaN"]
            .into_iter()
            .find(|word| !inside && rest.starts_with(word));
        if let Some(word) = word {
            out.push('"');
            out.push_str(word);
            out.push('"');
            rest = &rest[word.len()..];
            continue;
        }
        let length = if inside && letter == '\\' {
            1 + rest.chars().nth(1).map_or(0, char::len_utf8)
        } else {
            if letter == '"' {
                inside = !inside;
            }
            letter.len_utf8()
        };
        out.push_str(&rest[..length]);
        rest = &rest[length..];
    }
    out
}

/// A number as Python's `repr` and `json.dumps` write it: shortest round-trip form, `1.0`, `1e-05`, `Infinity`.
pub fn python_float(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    let scientific = format!("{value:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if value != 0.0 && !(-4..16).contains(&exponent) {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{digits}e{sign}{:02}", exponent.abs());
    }
    let plain = value.to_string();
    if plain.contains('.') {
        plain
    } else {
        format!("{plain}.0")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn numbers_as_python_writes_them() {
        let cases = [
            (1.0, "1.0"),
            (1e-5, "1e-05"),
            (0.0001, "0.0001"),
            (0.463_018_596_172_332_76, "0.46301859617233276"),
            (2.294_182_951_069_527e-5, "2.294182951069527e-05"),
            (1e16, "1e+16"),
            (123_456_789_012_345.0, "123456789012345.0"),
            (-0.0, "-0.0"),
            (f64::NEG_INFINITY, "-Infinity"),
        ];
        for (value, text) in cases {
            assert_eq!(python_float(value), text);
        }
    }

    #[test]
    fn a_binary_classifiers_file() {
        let params = AdditionalParams {
            threshold: f64::from(0.463_018_6_f32),
            loss_type: "logistic".to_owned(),
            predictor_type: "binary_classifier".to_owned(),
            metrics_params: MetricsParams {
                accuracy_top_k: Some(3),
                f_beta: Some(1.0),
                positive_example_weight_mult: Some(1.0),
                ..MetricsParams::default()
            },
        };
        let expected = "{\"threshold\": 0.46301859617233276, \"loss_type\": \"logistic\", \"predictor_type\": \
            \"binary_classifier\", \"metrics_params\": {\"quantile\": null, \"huber_delta\": null, \"margin\": null, \
            \"loss_insensitivity\": null, \"eps_insensitive_loss_type\": null, \"accuracy_top_k\": 3, \"f_beta\": 1.0, \
            \"positive_example_weight_mult\": 1.0, \"class_weights\": null, \"threshold\": 0.46301859617233276}}";
        assert_eq!(params.to_json(), expected);
        assert_eq!(AdditionalParams::from_json(expected).unwrap(), params);
    }

    #[test]
    fn infinite_thresholds_survive() {
        for threshold in [f64::INFINITY, f64::NEG_INFINITY] {
            let params = AdditionalParams {
                threshold,
                loss_type: "an \"Infinity\" of \\\" NaN".to_owned(),
                predictor_type: "binary_classifier".to_owned(),
                metrics_params: MetricsParams::default(),
            };
            assert_eq!(AdditionalParams::from_json(&params.to_json()).unwrap(), params);
        }
        assert!(AdditionalParams::from_json("{\"threshold\": \"x\"}").is_err());
        assert!(AdditionalParams::from_json("[Infinity").is_err());
    }
}
