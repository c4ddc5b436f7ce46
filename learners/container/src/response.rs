//! Predictions as Linear Learner's endpoint writes them, byte for byte.
//!
//! SageMaker's server writes with Python's `json`: `score` before `predicted_label`, one blank after
//! `:` and `,`, the score as the float32 widened to double in Python's shortest spelling, the label
//! as an integer. Programs compare such answers as text, so this writes the same text.

use ironsage_formats::model_algo::python_float;
use ironsage_formats::recordio::{Record, Writer, encode_prediction};
use ironsage_learners::Prediction;

use crate::ContainerError;
use crate::negotiate::Accept;

/// The answer's body. `echoes` are the request's records without their features, where the request
/// was RecordIO: a RecordIO answer gives their uid and metadata back.
pub(crate) fn encode(predictions: &[Prediction], accept: Accept, echoes: &[Record]) -> Result<Vec<u8>, ContainerError> {
    match accept {
        Accept::Json => Ok(json(predictions)),
        Accept::JsonLines => Ok(json_lines(predictions)),
        Accept::RecordIo => record_io(predictions, echoes),
    }
}

fn json(predictions: &[Prediction]) -> Vec<u8> {
    let mut out = String::with_capacity(20 + 56 * predictions.len());
    out.push_str("{\"predictions\": [");
    for (at, prediction) in predictions.iter().enumerate() {
        if at > 0 {
            out.push_str(", ");
        }
        write_prediction(&mut out, prediction);
    }
    out.push_str("]}");
    out.into_bytes()
}

fn json_lines(predictions: &[Prediction]) -> Vec<u8> {
    let mut out = String::with_capacity(56 * predictions.len());
    for prediction in predictions {
        write_prediction(&mut out, prediction);
        out.push('\n');
    }
    out.into_bytes()
}

fn write_prediction(out: &mut String, prediction: &Prediction) {
    out.push_str("{\"score\": ");
    out.push_str(&python_float(f64::from(prediction.score)));
    if let Some(label) = prediction.predicted_label {
        out.push_str(", \"predicted_label\": ");
        out.push_str(&(label as i64).to_string());
    }
    out.push('}');
}

fn record_io(predictions: &[Prediction], echoes: &[Record]) -> Result<Vec<u8>, ContainerError> {
    let nothing = Record::default();
    let mut writer = Writer::new(Vec::with_capacity(72 * predictions.len()));
    let mut payload = Vec::new();
    for (at, prediction) in predictions.iter().enumerate() {
        payload.clear();
        let echo = echoes.get(at).unwrap_or(&nothing);
        encode_prediction(&[prediction.score], prediction.predicted_label, echo, &mut payload);
        writer.write_payload(&payload)?;
    }
    Ok(writer.finish()?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn text(predictions: &[Prediction], accept: Accept) -> String {
        String::from_utf8(encode(predictions, accept, &[]).unwrap()).unwrap()
    }

    /// The real answers of spec 4.3, from a capture of 2023.
    #[test]
    fn the_text_is_sagemakers() {
        let predictions = [
            Prediction {
                score: 0.989_977_36,
                predicted_label: Some(1.0),
            },
            Prediction {
                score: 0.504_138_8,
                predicted_label: Some(1.0),
            },
        ];
        assert_eq!(
            text(&predictions, Accept::Json),
            "{\"predictions\": [{\"score\": 0.9899773597717285, \"predicted_label\": 1}, \
             {\"score\": 0.5041388273239136, \"predicted_label\": 1}]}"
        );
        assert_eq!(
            text(&predictions[..1], Accept::JsonLines),
            "{\"score\": 0.9899773597717285, \"predicted_label\": 1}\n"
        );
    }

    #[test]
    fn a_regressor_has_no_label() {
        let predictions = [Prediction {
            score: 10.0,
            predicted_label: None,
        }];
        assert_eq!(
            text(&predictions, Accept::Json),
            r#"{"predictions": [{"score": 10.0}]}"#
        );
        assert_eq!(text(&[], Accept::Json), r#"{"predictions": []}"#);
    }

    /// Golden: `repr` of Python 3 for float32 values widened to double.
    #[test]
    fn scores_are_spelled_as_python_spells_them() {
        for (score, expected) in [
            (0.1, "0.10000000149011612"),
            (1e-5, "9.999999747378752e-06"),
            (1e16, "1.0000000272564224e+16"),
            (-2.5, "-2.5"),
        ] {
            let predictions = [Prediction {
                score,
                predicted_label: None,
            }];
            assert_eq!(
                text(&predictions, Accept::JsonLines),
                format!("{{\"score\": {expected}}}\n")
            );
        }
    }

    #[test]
    fn records_echo_what_identified_the_request() {
        let echo = Record {
            uid: Some("row-7".to_owned()),
            ..Record::default()
        };
        let predictions = [Prediction {
            score: 0.5,
            predicted_label: Some(1.0),
        }];
        let bytes = encode(&predictions, Accept::RecordIo, &[echo]).unwrap();
        assert_eq!(&bytes[..4], [0x0a, 0x23, 0xd7, 0xce]);
        assert_eq!(bytes.len() % 4, 0);
        let find = |needle: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
        assert!(find(b"score") && find(b"predicted_label") && find(b"row-7"));
        assert!(find(&0.5_f32.to_le_bytes()));
    }
}
