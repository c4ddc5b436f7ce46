//! What a person reads when something is wrong, and what is saved.

use ironsage_prep::{FittedRecipe, PrepError, Recipe};
use polars::prelude::*;

fn train() -> DataFrame {
    df!(
        "sex" => ["M", "F", "I"],
        "length" => [Some(0.5), None, Some(0.3)],
        "height" => [-0.1, 0.2, 0.3],
        "empty" => [None::<f64>, None, None],
        "far" => [1.0, f64::INFINITY, 2.0],
        "rings" => [7, 9, 11],
    )
    .unwrap()
}

fn said(error: &PrepError) -> String {
    match error.hint() {
        Some(hint) => format!("{error}\nhint: {hint}"),
        None => error.to_string(),
    }
}

#[test]
fn fitting_says_what_is_wrong_and_how_to_mend_it() {
    let bodies = [
        "fill lenght median",
        "fill @all median",
        "fill sex zero",
        "fill length unknown",
        "fill empty mean",
        "log height",
        "clip sex 0 1",
        "clip height 50% 0",
        "one_hot length",
        "standardize far",
        "standardize rings",
        "drop @all",
        "one_hot sex\none_hot sex",
        "select @numeric\none_hot sex",
        "minmax far",
        "robust empty",
        "cast sex float",
        "cast length int",
        "rename sex length",
        "with rings = length",
        "with x = lenght * 2",
        "with x = rings * 2",
        "with x = CAST(sex AS DOUBLE)",
        "ordinal sex --order M,F",
        "hash length 8",
        "date_parts sex",
        "bin sex 4",
    ];
    let complaints: Vec<String> = bodies
        .iter()
        .map(|body| {
            let recipe = Recipe::parse("shells", body).unwrap();
            let error = recipe.fit(&train(), &["rings"]).unwrap_err();
            format!("{body}\n{}", said(&error))
        })
        .collect();
    insta::assert_snapshot!(complaints.join("\n\n"));
}

#[test]
fn applying_says_what_is_wrong() {
    let recipe = Recipe::parse("shells", "select sex length\nfill length median\none_hot sex");
    let fitted = recipe.unwrap().fit(&train(), &["rings"]).unwrap();
    let frames = [
        df!("sex" => ["M"], "lenght" => [0.5]).unwrap(),
        df!("sex" => ["M", "F"], "length" => [Some("0.5"), Some("long")]).unwrap(),
    ];
    let complaints: Vec<String> = frames
        .iter()
        .map(|frame| said(&fitted.apply(frame).unwrap_err()))
        .collect();
    insta::assert_snapshot!(complaints.join("\n\n"));
    let log = Recipe::parse("r", "select height\nclip height 0 _\nlog height").unwrap();
    assert!(log.fit(&train(), &["rings"]).is_ok());
    let log = Recipe::parse("r", "select rings\nlog rings").unwrap();
    let fitted = log.fit(&train(), &[]).unwrap();
    let error = fitted.apply(&df!("rings" => [3, -4]).unwrap()).unwrap_err();
    insta::assert_snapshot!(said(&error));
}

#[test]
fn the_saved_form() {
    let body = "fill length median  -- typical\nclip height 0 99%\nstandardize height\none_hot sex";
    let recipe = Recipe::parse("shells", &format!("{body}\ndrop empty far")).unwrap();
    let fitted = recipe.fit(&train(), &["rings"]).unwrap();
    insta::assert_snapshot!(serde_json::to_string_pretty(&fitted.to_json()).unwrap());
}

#[test]
fn a_saved_recipe_of_another_version_is_refused() {
    for (saved, text) in [
        (r#"{"version": 9}"#, "its layout is 9, and this version reads up to 2"),
        ("{}", "it has no version"),
        (r#"{"version": 1, "name": 3}"#, "invalid type"),
    ] {
        let saved = serde_json::from_str(saved).unwrap();
        let error = FittedRecipe::from_json(&saved).unwrap_err();
        assert!(error.to_string().contains(text), "{error}");
    }
}
