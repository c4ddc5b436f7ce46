//! Raw columns by name: the recipe in the artifact is applied, once, by the server.

use ironsage_container::{Predictor, predict_frame};
use ironsage_formats::artifact::{self, Card, Input};
use polars::prelude::*;

use crate::support::{Running, save_recipe, save_regressor};

/// What is asked; the hole is to be filled with the training rows' median.
fn asked() -> DataFrame {
    df!("sex" => ["F", "I", "M"], "length" => [Some(0.25), None, Some(1.0)]).unwrap()
}

const CSV: &str = "length,sex\n0.25,F\n,I\n1.0,M\n";
const JSON: &str = r#"{"instances": [{"sex": "F", "length": 0.25}, {"length": null, "sex": "I"}, {"sex": "M", "length": 1, "more": 3}]}"#;
const LINES: &str =
    "{\"sex\": \"F\", \"length\": 0.25}\n{\"sex\": \"I\", \"length\": null}\n{\"sex\": \"M\", \"length\": 1.0}\n";

/// The same in plain words: the filled length and the one-hot columns times their weights.
fn expected(card: &Card) -> Vec<f64> {
    let rows = [("F", 0.25), ("I", 0.5), ("M", 1.0)];
    let score = |(sex, length): (&str, f64)| {
        let parts = card.features.iter().enumerate().map(|(at, name)| {
            let value = match name.as_str() {
                "length" => length,
                other => f64::from(u8::from(other.ends_with(&format!("_{sex}")))),
            };
            value * 10_f64.powi(at as i32)
        });
        parts.sum::<f64>() + 0.5
    };
    rows.into_iter().map(score).collect()
}

#[test]
fn every_road_gives_the_same_predictions() {
    let (folder, card) = save_recipe();
    assert_eq!(card.features.len(), 4, "{:?}", card.features);
    let expected = expected(&card);
    let server = Running::start(folder.path());
    let mut connection = server.connect();
    for (content_type, body) in [
        ("text/csv", CSV.to_owned()),
        (
            "text/csv",
            CSV.replace("length,sex", "\"length\",\"sex\"").replace('\n', "\r\n"),
        ),
        ("application/json", JSON.to_owned()),
        ("application/jsonlines", LINES.to_owned()),
    ] {
        let scores = connection.invoke(content_type, &body).scores();
        assert_eq!(scores, expected, "{content_type}: {body}");
    }

    let model = ironsage_learners::load(folder.path()).unwrap();
    let predictions = predict_frame(&*model, &card, &asked()).unwrap();
    let scores: Vec<f64> = predictions.iter().map(|one| f64::from(one.score)).collect();
    assert_eq!(scores, expected);

    let predictor = Predictor::load(folder.path()).unwrap();
    assert_eq!(predictor.predict_frame(&asked()).unwrap(), predictions);
    assert_eq!(predictor.width(), 4);
    let mut inputs = predictor.inputs();
    inputs.sort();
    assert_eq!(inputs, ["length", "sex"]);
}

/// Without a header numbers are prepared features, whatever the card says: SageMaker's contract.
#[test]
fn prepared_numbers_skip_the_recipe() {
    let (folder, _card) = save_recipe();
    let server = Running::start(folder.path());
    let mut connection = server.connect();
    let expected = [1.0 + 20.0 + 300.0 + 4000.0 + 0.5];
    assert_eq!(connection.invoke("text/csv", "1,2,3,4").scores(), expected);
    let body = r#"{"instances": [{"features": [1, 2, 3, 4]}]}"#;
    assert_eq!(connection.invoke("application/json", body).scores(), expected);
}

#[test]
fn what_is_wrong_with_raw_rows_is_said() {
    let (folder, _card) = save_recipe();
    let server = Running::start(folder.path());
    let mut connection = server.connect();
    for (content_type, body, message, hint) in [
        (
            "application/json",
            r#"{"instances": [{"length": 0.4}]}"#,
            "instance 0: has no column sex",
            "null",
        ),
        ("text/csv", "length\n0.4\n", "sex", ""),
        ("text/csv", "length,sex\nlong,M\n", "long", ""),
        (
            "text/csv",
            "M,0.4\n",
            "row 1, field 1: \"M\" is not a number",
            "with the header",
        ),
        (
            "text/csv",
            "1,2\n",
            "row 1 has 2 features, the model takes 4",
            "by name",
        ),
        (
            "application/json",
            r#"{"instances": [{"sex": "M", "length": 0.4}, {"features": [1, 2, 3, 4]}]}"#,
            "instance 1: is of another form",
            "one form",
        ),
    ] {
        let answer = connection.invoke(content_type, body);
        let (said, hinted) = answer.refusal();
        assert_eq!(answer.status, 400, "{body}: {said}");
        assert!(said.contains(message), "{body}: {said:?} lacks {message:?}");
        assert!(hinted.contains(hint), "{body}: {hinted:?} lacks {hint:?}");
    }
}

/// A column that held whole numbers in training is a number like any other where no recipe makes names of it.
#[test]
fn without_a_recipe_every_number_will_do() {
    let folder = tempfile::tempdir().unwrap();
    save_regressor(folder.path(), &[2.0], 1.0);
    let card = Card {
        version: 1,
        features: vec!["rings".to_owned()],
        inputs: vec![Input {
            name: "rings".to_owned(),
            dtype: "i64".to_owned(),
        }],
        ..Card::default()
    };
    artifact::write_card(folder.path(), &card).unwrap();
    let server = Running::start(folder.path());
    let mut connection = server.connect();
    let body = r#"{"instances": [{"rings": 2.5}, {"rings": 3}]}"#;
    assert_eq!(connection.invoke("application/json", body).scores(), [6.0, 7.0]);
    assert_eq!(connection.invoke("text/csv", "rings\n2.5\n3\n").scores(), [6.0, 7.0]);
}

#[test]
fn a_card_of_another_model_is_refused_at_the_start() {
    let (folder, card) = save_recipe();
    save_regressor(folder.path(), &[1.0], 0.0);
    let error = Predictor::load(folder.path()).err().unwrap();
    assert_eq!(
        error.to_string(),
        format!(
            "the model's card does not fit: it names {} features, the model has 1",
            card.features.len()
        )
    );
}
