//! What happens at prediction to what training did not have: the table in the crate's documentation,
//! line by line, for a frame, for JSON and for CSV.

use ironsage_prep::{FittedRecipe, Recipe, frame_from_csv, frame_from_json, model_rows};
use polars::prelude::*;
use serde_json::{Value, json};

const BODY: &str = "fill length median\nordinal size\nhash zip 2\none_hot sex\ndate_parts sold year";

fn fitted() -> FittedRecipe {
    let days = Column::new("sold".into(), [0_i32, 400]).cast(&DataType::Date).unwrap();
    let mut train = df!(
        "sex" => ["F", "M"],
        "length" => [1.0, 3.0],
        "size" => ["large", "small"],
        "zip" => ["a", "b"],
        "old" => [true, false],
        "count" => [1_i64, 2],
    )
    .unwrap();
    train.with_column(days).unwrap();
    Recipe::parse("r", BODY).unwrap().fit(&train, &[]).unwrap()
}

/// A row that training knew, as JSON.
fn known() -> Value {
    json!({"sex": "M", "length": 3.0, "size": "small", "zip": "b", "old": false, "count": 2, "sold": "1971-02-05"})
}

/// The prepared row, by names, or what is wrong.
fn prepared(change: Value) -> Result<Vec<(String, f32)>, String> {
    let fitted = fitted();
    let mut row = known();
    for (name, value) in change.as_object().unwrap() {
        row[name] = value.clone();
    }
    let said = |error: ironsage_prep::PrepError| error.to_string();
    let frame = frame_from_json(&json!([row]), fitted.inputs()).map_err(said)?;
    let by_json = model_rows(&frame, Some(&fitted), fitted.outputs()).map_err(said)?;
    // The same row as CSV, where every value is text, gives the same.
    let object = row.as_object().unwrap();
    let field = |value: &Value| match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let names: Vec<&str> = object.keys().map(String::as_str).collect();
    let values: Vec<String> = object.values().map(field).collect();
    let csv = format!("{}\n{}\n", names.join(","), values.join(","));
    let frame = frame_from_csv(csv.as_bytes(), fitted.inputs()).map_err(said)?;
    assert_eq!(
        model_rows(&frame, Some(&fitted), fitted.outputs()).map_err(said)?,
        by_json,
        "{csv}"
    );
    Ok(fitted.outputs().iter().cloned().zip(by_json).collect())
}

fn value(change: Value, output: &str) -> f32 {
    let row = prepared(change).unwrap();
    row.into_iter().find(|(name, _)| name == output).unwrap().1
}

#[test]
fn a_category_never_seen() {
    assert_eq!(value(json!({}), "sex_M"), 1.0);
    assert_eq!(
        value(json!({"sex": "X"}), "sex_F") + value(json!({"sex": "X"}), "sex_M"),
        0.0
    );
    assert_eq!(value(json!({"size": "huge"}), "size"), -1.0);
    let zip = json!({"zip": "never"});
    assert_eq!(value(zip.clone(), "zip_hash_0") + value(zip, "zip_hash_1"), 1.0);
}

#[test]
fn a_new_null() {
    assert_eq!(value(json!({"length": null}), "length"), 2.0);
    assert_eq!(value(json!({"sex": null}), "sex_M"), 0.0);
    assert_eq!(value(json!({"zip": null}), "zip_hash_0"), 0.0);
    for (name, output) in [
        ("count", "count"),
        ("size", "size"),
        ("old", "old"),
        ("sold", "sold_year"),
    ] {
        let error = prepared(json!({name: null})).unwrap_err();
        let told = format!("column `{output}` has 1 of 1 values missing or not finite, the first (null) in row 1");
        assert_eq!(error, told);
    }
}

#[test]
fn a_column_too_few_or_too_many() {
    assert_eq!(prepared(json!({"more": "x"})).unwrap(), prepared(json!({})).unwrap());
    let fitted = fitted();
    let error = frame_from_csv(b"sex,length\nM,1\n", fitted.inputs()).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("no column `size`, `zip`, `old`, `count`, `sold`"),
        "{error}"
    );
    let error = fitted.apply(&df!("sex" => ["M"]).unwrap()).unwrap_err();
    assert!(error.to_string().starts_with("no column `length`, `size`"), "{error}");
}

#[test]
fn another_type() {
    assert_eq!(value(json!({"length": 2}), "length"), 2.0);
    assert_eq!(value(json!({"count": 3.0}), "count"), 3.0);
    assert_eq!(value(json!({"old": 1}), "old"), 1.0);
    assert_eq!(value(json!({"sold": "1971-02-05T23:59:00Z"}), "sold_year"), 1971.0);
    for (change, text) in [
        (
            json!({"length": "long"}),
            "column `length`, row 1: \"long\" is no number",
        ),
        (json!({"count": 2.5}), "column `count`, row 1: 2.5 is no whole number"),
        (json!({"old": 3}), "column `old`, row 1: 3 is no true or false"),
        (json!({"sold": "soon"}), "column `sold`, row 1: \"soon\" is no date"),
    ] {
        assert_eq!(prepared(change).unwrap_err(), text);
    }
    // A frame may hold numbers as text, whole numbers as floats, and names as numbers.
    let frame = df!(
        "sex" => ["M"], "length" => ["3"], "size" => ["small"], "zip" => ["b"], "old" => ["false"],
        "count" => [2.0], "sold" => ["1971-02-05"],
    );
    let fitted = fitted();
    let rows = model_rows(&frame.unwrap(), Some(&fitted), fitted.outputs()).unwrap();
    let known: Vec<f32> = prepared(json!({}))
        .unwrap()
        .into_iter()
        .map(|(_, value)| value)
        .collect();
    assert_eq!(rows, known);
}

/// What came in with a row decides nothing about it: neither a fraction's neighbours nor a long id lose their type.
#[test]
fn a_row_alone_is_what_it_is_among_others() {
    let train = df!("id" => [9_007_199_254_740_993_i64, 7, 8], "count" => [1_i64, 2, 3], "part" => [0.5, 1.0, 2.0]);
    let body = "with half = DIV(count, 2)\nwith odd = CASE WHEN count % 2 = 1 THEN 'odd' END\nhash odd 2\nwith same = id\n\
                hash id 16\none_hot same";
    let fitted = Recipe::parse("r", body).unwrap().fit(&train.unwrap(), &[]).unwrap();
    let rows = [
        json!({"id": 9_007_199_254_740_993_i64, "count": 3.0, "part": 1}),
        json!({"id": 9_007_199_254_740_992_i64, "count": 2, "part": 0.5}),
        json!({"id": 7.0, "count": 1, "part": 2}),
    ];
    let by_json = |rows: &[Value]| {
        let frame = frame_from_json(&json!(rows), fitted.inputs()).unwrap();
        model_rows(&frame, Some(&fitted), fitted.outputs()).unwrap()
    };
    let by_csv = |rows: &[Value]| {
        let line = |row: &Value| format!("{},{},{}\n", row["id"], row["count"], row["part"]);
        let csv = format!("id,count,part\n{}", rows.iter().map(line).collect::<String>());
        let frame = frame_from_csv(csv.as_bytes(), fitted.inputs()).unwrap();
        model_rows(&frame, Some(&fitted), fitted.outputs()).unwrap()
    };
    let all = by_json(&rows);
    assert_eq!(by_csv(&rows), all);
    let alone: Vec<f32> = rows.iter().flat_map(|row| by_json(std::slice::from_ref(row))).collect();
    assert_eq!(alone, all);
    let alone: Vec<f32> = rows.iter().flat_map(|row| by_csv(std::slice::from_ref(row))).collect();
    assert_eq!(alone, all);
    let seen = fitted
        .outputs()
        .iter()
        .position(|name| name == "same_9007199254740993")
        .unwrap();
    let width = fitted.outputs().len();
    assert_eq!([all[seen], all[width + seen]], [1.0, 0.0], "the last digit counts");
}

/// A recipe as version 0.1 saved it: layout 1.
#[test]
fn an_old_recipe_is_still_read() {
    let saved = json!({
        "version": 1, "name": "shells", "source": "fill length median\none_hot sex",
        "inputs": [{"name": "sex", "dtype": "str"}, {"name": "length", "dtype": "f64"}],
        "outputs": ["sex_F", "length"], "left": ["rings"],
        "steps": [
            {"step": "fill", "column": "length", "value": {"number": "0.4"}},
            {"step": "clip", "column": "length", "low": "0.0", "high": null},
            {"step": "standardize", "column": "length", "mean": "0.0", "scale": "0.5"},
            {"step": "log", "column": "length"},
            {"step": "one_hot", "column": "sex", "categories": [{"value": "F", "output": "sex_F"}]},
        ],
    });
    let recipe = FittedRecipe::from_json(&saved).unwrap();
    let raw = df!("sex" => ["F"], "length" => [None::<f64>]).unwrap();
    let rows = model_rows(&raw, Some(&recipe), recipe.outputs()).unwrap();
    assert_eq!(rows, [1.0, 0.8_f64.ln_1p() as f32]);
    assert_eq!(recipe.to_json(), saved);
}
