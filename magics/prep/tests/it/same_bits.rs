//! A recipe that was saved and read again is the same recipe, to the last bit.

use ironsage_prep::{FittedRecipe, Recipe, matrix};
use polars::prelude::*;
use proptest::prelude::*;
use proptest::strategy::ValueTree;

/// Columns that a caller may send: numbers with gaps, NaN and infinities, and names.
fn frame() -> impl Strategy<Value = DataFrame> {
    let number = prop_oneof![
        8 => any::<f64>().prop_filter("a number", |v| !v.is_nan()).prop_map(Some),
        4 => (-1e3..1e3).prop_map(Some),
        1 => Just(None),
        1 => Just(Some(f64::NAN)),
    ];
    let name = prop_oneof![
        4 => "[a-c]".prop_map(Some),
        1 => "\\PC{0,6}".prop_map(Some),
        1 => Just(None),
    ];
    let row = (number, -100_i64..100, name, any::<bool>());
    prop::collection::vec(row, 1..60).prop_map(|rows| {
        let numbers: Vec<Option<f64>> = rows.iter().map(|r| r.0.map(|v| v % 1e9)).collect();
        let whole: Vec<i64> = rows.iter().map(|r| r.1).collect();
        let names: Vec<Option<String>> = rows.iter().map(|r| r.2.clone()).collect();
        let truths: Vec<bool> = rows.iter().map(|r| r.3).collect();
        df!("number" => numbers, "whole" => whole, "name" => names, "truth" => truths).unwrap()
    })
}

/// Saved as text and read again: what the artifact does.
fn through_text(fitted: &FittedRecipe) -> FittedRecipe {
    let text = serde_json::to_string(&fitted.to_json()).unwrap();
    FittedRecipe::from_json(&serde_json::from_str(&text).unwrap()).unwrap()
}

const RECIPE: &str = "with sum = number + whole\nfill number sum 0.1\nfill name none\nclip number 1% 99%\n\
                      bin sum 4 --quantile\nwith share = whole / 3\nminmax share\nstandardize number whole\n\
                      rename name called\nhash called 3\none_hot truth";

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn saved_and_read_again_gives_the_same_bits(train in frame(), new in frame()) {
        let recipe = Recipe::parse("r", RECIPE).unwrap();
        let Ok(fitted) = recipe.fit(&train, &[]) else {
            // Infinite values have no mean: refused, with a reason.
            return Ok(());
        };
        let again = through_text(&fitted);
        prop_assert_eq!(&fitted, &again);
        prop_assert_eq!(fitted.to_json().to_string(), again.to_json().to_string());
        let (one, two) = (fitted.apply(&new).unwrap(), again.apply(&new).unwrap());
        prop_assert_eq!(one.height(), new.height());
        prop_assert!(one.equals_missing(&two));
        let bits = |frame: &DataFrame| -> Vec<u32> {
            let rows = matrix(frame, fitted.outputs()).unwrap();
            rows.into_iter().map(f32::to_bits).collect()
        };
        prop_assert_eq!(bits(&one), bits(&two));
        prop_assert_eq!(bits(&one).len(), new.height() * fitted.outputs().len());
    }

    #[test]
    fn a_row_alone_is_prepared_as_it_is_among_others(train in frame()) {
        let recipe = Recipe::parse("r", RECIPE).unwrap();
        let Ok(fitted) = recipe.fit(&train, &[]) else { return Ok(()) };
        let all = matrix(&fitted.apply(&train).unwrap(), fitted.outputs()).unwrap();
        let width = fitted.outputs().len();
        for row in 0..train.height().min(8) {
            let alone = fitted.apply(&train.slice(row as i64, 1)).unwrap();
            let alone = matrix(&alone, fitted.outputs()).unwrap();
            prop_assert_eq!(&all[row * width..(row + 1) * width], &alone[..]);
        }
    }
}

#[test]
fn most_random_frames_can_be_fitted() {
    // The properties above must not pass because nothing is ever fitted.
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let recipe = Recipe::parse("r", RECIPE).unwrap();
    let fitted = (0..50)
        .filter(|_| {
            let train = frame().new_tree(&mut runner).unwrap().current();
            recipe.fit(&train, &[]).is_ok()
        })
        .count();
    assert!(fitted > 25, "{fitted} of 50");
}

#[test]
fn hard_floats_survive() {
    let hard = [0.1, 1.0 / 3.0, 5e-324, f64::MAX / 4.0, 123_456_789.123_456_78];
    for value in hard {
        let train = df!("x" => [value, value]).unwrap();
        let recipe = Recipe::parse("r", "fill x max").unwrap();
        let fitted = recipe.fit(&train, &[]).unwrap();
        let empty = df!("x" => [None::<f64>]).unwrap();
        let filled = through_text(&fitted).apply(&empty).unwrap();
        assert_eq!(filled.column("x").unwrap().get(0).unwrap(), AnyValue::Float64(value));
    }
}
