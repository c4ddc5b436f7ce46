//! What each step learns and does.

use ironsage_prep::{FittedRecipe, Recipe, matrix};
use polars::prelude::*;

fn train() -> DataFrame {
    df!(
        "id" => ["a", "b", "c", "d"],
        "sex" => [Some("M"), Some("F"), None, Some("F")],
        "length" => [Some(1.0), Some(2.0), None, Some(f64::NAN)],
        "weight" => [10_i32, 20, 30, 1_000],
        "old" => [Some(true), None, Some(false), Some(true)],
        "rings" => [7, 9, 8, 11],
    )
    .unwrap()
}

fn fit(body: &str) -> FittedRecipe {
    let recipe = Recipe::parse("shells", body).unwrap();
    recipe.fit(&train(), &["rings"]).unwrap()
}

fn numbers(frame: &DataFrame, name: &str) -> Vec<f64> {
    let column = frame.column(name).unwrap().cast(&DataType::Float64).unwrap();
    let values = column.f64().unwrap().iter();
    values.map(|v| v.unwrap_or(f64::NAN)).collect()
}

#[test]
fn the_quickstarts_recipe() {
    let fitted = fit("drop id\nfill @numeric median\none_hot sex\nfill old true");
    let inputs: Vec<(&str, &str)> = fitted
        .inputs()
        .iter()
        .map(|i| (i.name.as_str(), i.dtype.as_str()))
        .collect();
    assert_eq!(
        inputs,
        [("sex", "str"), ("length", "f64"), ("weight", "i64"), ("old", "bool")]
    );
    assert_eq!(fitted.outputs(), ["sex_F", "sex_M", "length", "weight", "old"]);
    let applied = fitted.apply(&train()).unwrap();
    assert_eq!(applied.shape(), (4, 6), "the features and the label");
    assert_eq!(numbers(&applied, "length"), [1.0, 2.0, 1.5, 1.5]);
    assert_eq!(numbers(&applied, "sex_F"), [0.0, 1.0, 0.0, 1.0]);
    assert_eq!(numbers(&applied, "rings"), [7.0, 9.0, 8.0, 11.0]);
    let rows = matrix(&applied, fitted.outputs()).unwrap();
    assert_eq!(rows[..5], [0.0, 1.0, 1.0, 10.0, 1.0]);
}

#[test]
fn fill_learns_from_the_training_rows() {
    for (value, learned) in [
        ("median", 1.5),
        ("mean", 1.5),
        ("mode", 1.0),
        ("zero", 0.0),
        ("min", 1.0),
        ("max", 2.0),
        ("-3.5", -3.5),
    ] {
        let fitted = fit(&format!("select length\nfill length {value}"));
        let applied = fitted.apply(&train()).unwrap();
        assert_eq!(numbers(&applied, "length")[2..], [learned, learned], "{value}");
    }
    let fitted = fit("select sex\nfill sex mode");
    let applied = fitted.apply(&train()).unwrap();
    assert_eq!(applied.column("sex").unwrap().get(2).unwrap(), AnyValue::String("F"));
    let fitted = fit("select sex\nfill sex \"not known\"");
    let applied = fitted.apply(&train()).unwrap();
    assert_eq!(
        applied.column("sex").unwrap().get(2).unwrap(),
        AnyValue::String("not known")
    );
}

#[test]
fn standardize_is_scikit_learns() {
    // sklearn.preprocessing.StandardScaler on [[10],[20],[30],[1000]]
    let fitted = fit("select weight\nstandardize weight");
    let applied = fitted.apply(&train()).unwrap();
    let golden = [-0.600_832, -0.577_270, -0.553_708, 1.731_810];
    for (value, golden) in numbers(&applied, "weight").into_iter().zip(golden) {
        assert!((value - golden).abs() < 1e-5, "{value} {golden}");
    }
    let constant = df!("x" => [5.0, 5.0]).unwrap();
    let recipe = Recipe::parse("r", "standardize x").unwrap();
    let applied = recipe.fit(&constant, &[]).unwrap().apply(&constant).unwrap();
    assert_eq!(numbers(&applied, "x"), [0.0, 0.0]);
}

#[test]
fn clip_to_numbers_and_quantiles() {
    let applied = |body: &str| numbers(&fit(body).apply(&train()).unwrap(), "weight");
    assert_eq!(applied("select weight\nclip weight 15 100"), [15.0, 20.0, 30.0, 100.0]);
    assert_eq!(applied("select weight\nclip weight _ 25"), [10.0, 20.0, 25.0, 25.0]);
    assert_eq!(applied("select weight\nclip weight 0% 50%"), [10.0, 20.0, 25.0, 25.0]);
}

#[test]
fn log_is_ln_of_one_more() {
    let applied = fit("select weight\nlog weight").apply(&train()).unwrap();
    assert_eq!(numbers(&applied, "weight")[0], 11_f64.ln());
}

#[test]
fn one_hot_of_whole_numbers_truths_and_what_was_never_seen() {
    let fitted = fit("select weight old\none_hot weight old --drop-first");
    assert_eq!(fitted.outputs(), ["weight_20", "weight_30", "weight_1000", "old_true"]);
    let new = df!("weight" => [20.0, 99.0], "old" => [None::<bool>, Some(true)]).unwrap();
    let applied = fitted.apply(&new).unwrap();
    let rows = matrix(&applied, fitted.outputs()).unwrap();
    assert_eq!(rows, [1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0]);
    let fitted = fit("select sex\none_hot sex");
    let new = df!("sex" => ["X", "M"]).unwrap();
    let rows = matrix(&fitted.apply(&new).unwrap(), fitted.outputs()).unwrap();
    assert_eq!(rows, [0.0, 0.0, 0.0, 1.0]);
}

#[test]
fn steps_of_columns_that_go_are_not_needed() {
    let fitted = fit("fill sex mode\nstandardize weight\nselect length old");
    let names: Vec<&str> = fitted.inputs().iter().map(|i| i.name.as_str()).collect();
    assert_eq!(names, ["length", "old"]);
    let few = df!("old" => [true], "length" => [1], "more" => ["x"]).unwrap();
    let applied = fitted.apply(&few).unwrap();
    assert_eq!(applied.get_column_names_str(), ["length", "old"]);
}

#[test]
fn the_label_never_enters() {
    let fitted = fit("select @numeric\nfill @numeric 0");
    assert_eq!(fitted.outputs(), ["length", "weight"]);
    // The label need not be there when the recipe is applied.
    let raw = train().drop("rings").unwrap();
    assert_eq!(fitted.apply(&raw).unwrap().width(), 2);
    // Dropping it is no slip.
    assert_eq!(fit("drop rings id sex old").outputs(), ["length", "weight"]);
}

#[test]
fn no_rows_go_in_and_none_come_out() {
    let fitted = fit("drop id\nfill @numeric median\none_hot sex\nclip length 0 1");
    let none = train().head(Some(0));
    assert_eq!(fitted.apply(&none).unwrap().shape(), (0, 6));
}

trait Names {
    fn get_column_names_str(&self) -> Vec<&str>;
}

impl Names for DataFrame {
    fn get_column_names_str(&self) -> Vec<&str> {
        self.get_column_names().into_iter().map(|n| n.as_str()).collect()
    }
}
