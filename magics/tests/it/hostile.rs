//! Hostile input through the language itself: recipes and CSV files that are nearly right, or not at all. Whatever comes is
//! a result or an error of the person's own; an `InternalError` is what a panic becomes, and fails the test.

use ironsage_magics::{ErrorKind, MagicError};
use ironsage_prep::{FittedRecipe, Recipe};
use polars::prelude::*;
use proptest::prelude::*;

use crate::bench::Bench;

/// Nothing broke, however it went.
fn unbroken<T>(outcome: Result<T, MagicError>, input: &str) {
    if let Err(error) = outcome {
        assert_ne!(error.kind, ErrorKind::InternalError, "{input:?}: {}", error.message);
    }
}

/// Rows with what data has: nulls, NaN, infinities, ties, empty texts, a column of nothing.
fn rows() -> DataFrame {
    df!(
        "length" => [Some(0.5), None, Some(f64::NAN), Some(f64::INFINITY), Some(-0.0), Some(1e300)],
        "rings" => [Some(1_i64), Some(1), None, Some(i64::MAX), Some(i64::MIN), Some(0)],
        "sex" => [Some("M"), None, Some(""), Some("größe"), Some("M"), Some("@numeric")],
        "flag" => [Some(true), None, Some(false), Some(true), Some(true), None],
        "nothing" => [None::<f64>; 6],
        "same" => [7, 7, 7, 7, 7, 7],
    )
    .unwrap()
}

/// A recipe is read or refused; what is read is fitted and applied, or refused; as many rows come out as went in.
fn try_recipe(body: &str) {
    let Ok(recipe) = Recipe::parse("r", body) else { return };
    let rows = rows();
    for labels in [&["same"][..], &[]] {
        let Ok(fitted) = recipe.fit(&rows, labels) else {
            continue;
        };
        let again = FittedRecipe::from_json(&fitted.to_json()).unwrap();
        for part in [rows.clone(), rows.head(Some(0)), rows.slice(1, 1)] {
            if let Ok(applied) = again.apply(&part) {
                assert_eq!(applied.height(), part.height(), "{body}");
            }
        }
    }
}

const STEPS: [&str; 24] = [
    "select",
    "drop",
    "rename",
    "cast",
    "with",
    "fill",
    "clip",
    "standardize",
    "minmax",
    "robust",
    "log",
    "one_hot",
    "ordinal",
    "bin",
    "date",
    "hash",
    "@numeric",
    "@string",
    "@boolean",
    "@all",
    "length",
    "sex",
    "nothing",
    "-rings",
];
const VALUES: [&str; 16] = [
    "median",
    "mean",
    "mode",
    "0",
    "-1",
    "1e308",
    "1%",
    "99%",
    "_",
    "nan",
    "18446744073709551616",
    "\"",
    "--drop-first",
    "same * 2",
    "=",
    "*",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn arbitrary_recipes(body in "\\PC{0,80}(\n\\PC{0,40}){0,4}") {
        try_recipe(&body);
    }

    #[test]
    fn mutated_recipes(lines in prop::collection::vec(
        (prop::sample::select(&STEPS[..]), prop::collection::vec(prop_oneof![
            prop::sample::select(&STEPS[..]), prop::sample::select(&VALUES[..])], 0..5)),
        1..5,
    )) {
        let lines: Vec<String> = lines.iter().map(|(step, words)| format!("{step} {}", words.join(" "))).collect();
        try_recipe(&lines.join("\n"));
    }
}

proptest! {
    // Each case writes and reads files.
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn csv_content_and_options(
        content in prop_oneof![
            "([a-c0-9.,;\t|\"\r\n -]|\u{feff}|ü|NA|2024-01-02|\n){0,80}".prop_map(String::into_bytes),
            prop::collection::vec(any::<u8>(), 0..120),
        ],
        options in prop::collection::vec(prop::sample::select(vec![
            "--format csv", "--format tsv", "--separator ;", "--separator tab", "--separator '\"'", "--separator \\n",
            "--separator ü", "--no-header", "--null-values NA,,", "--null-values '\"'", "--dates", "--columns a",
        ]), 0..4),
    ) {
        let bench = Bench::new();
        bench.file("hostile.csv", &content);
        let line = format!("%load hostile.csv -q -o t {}", options.join(" "));
        unbroken(bench.line(&line), &format!("{line} with {content:?}"));
        let line = line.replace("%load", "%scan").replace(" -q", "");
        unbroken(bench.line(&line), &format!("{line} with {content:?}"));
    }

    #[test]
    fn zipped_and_cut(content in prop::collection::vec(any::<u8>(), 0..200), cut in any::<prop::sample::Index>()) {
        use std::io::Write;
        let bench = Bench::new();
        let mut zipped = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        zipped.write_all(&content).unwrap();
        let zipped = zipped.finish().unwrap();
        bench.file("hostile.csv.gz", &zipped[..=cut.index(zipped.len())]);
        unbroken(bench.line("%load hostile.csv.gz -q -o t"), &format!("{zipped:?}"));
    }
}
