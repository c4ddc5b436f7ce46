//! Renaming, types, expressions, scales, bins, dates and hashes.

use ironsage_prep::{FittedRecipe, Recipe, matrix};
use polars::prelude::*;

fn train() -> DataFrame {
    let days = Column::new("sold".into(), [Some(0_i32), Some(59), None, Some(365)]);
    let mut frame = df!(
        "size" => [Some("small"), Some("large"), None, Some("medium")],
        "length" => [Some(1.0), Some(2.0), None, Some(5.0)],
        "count" => [10_i64, 20, 30, 40],
        "zip" => ["01234", "98765", "01234", "5"],
        "rings" => [7, 9, 8, 11],
    )
    .unwrap();
    frame.with_column(days.cast(&DataType::Date).unwrap()).unwrap();
    frame
}

fn fit(body: &str) -> FittedRecipe {
    Recipe::parse("r", body).unwrap().fit(&train(), &["rings"]).unwrap()
}

fn applied(body: &str, column: &str) -> Vec<Option<f64>> {
    let frame = fit(body).apply(&train()).unwrap();
    let column = frame.column(column).unwrap().cast(&DataType::Float64).unwrap();
    column.f64().unwrap().to_vec()
}

fn inputs(fitted: &FittedRecipe) -> Vec<&str> {
    fitted.inputs().iter().map(|input| input.name.as_str()).collect()
}

#[test]
fn scales() {
    let some = |values: [f64; 4]| values.map(Some).to_vec();
    assert_eq!(applied("minmax count", "count"), some([0.0, 1.0 / 3.0, 2.0 / 3.0, 1.0]));
    // The median is 25, the quartiles 17.5 and 32.5.
    assert_eq!(
        applied("robust count", "count"),
        some([-1.0, -1.0 / 3.0, 1.0 / 3.0, 1.0])
    );
    assert_eq!(
        applied("minmax length", "length"),
        [Some(0.0), Some(0.25), None, Some(1.0)]
    );
    // A column that does not vary becomes zeros, though its mean is not exactly its value.
    let constant = df!("x" => [0.1, 0.1, 0.1]).unwrap();
    for step in ["standardize", "minmax", "robust"] {
        let fitted = Recipe::parse("r", &format!("{step} x"))
            .unwrap()
            .fit(&constant, &[])
            .unwrap();
        let rows = matrix(&fitted.apply(&constant).unwrap(), fitted.outputs()).unwrap();
        assert!(rows.iter().all(|value| value.abs() < 1e-12), "{step}: {rows:?}");
    }
}

#[test]
fn bins_of_three_kinds() {
    let some = |values: [f64; 4]| values.map(Some).to_vec();
    assert_eq!(applied("bin count 3", "count"), some([0.0, 1.0, 2.0, 2.0]));
    assert_eq!(applied("bin count 2 --quantile", "count"), some([0.0, 0.0, 1.0, 1.0]));
    assert_eq!(applied("bin count --edges 20,35", "count"), some([0.0, 1.0, 1.0, 2.0]));
    assert_eq!(
        applied("bin length 2", "length"),
        [Some(0.0), Some(0.0), None, Some(1.0)]
    );
    let fitted = fit("select count\nbin count 3");
    let far = df!("count" => [-1e9, 1e9]).unwrap();
    assert_eq!(
        matrix(&fitted.apply(&far).unwrap(), fitted.outputs()).unwrap(),
        [0.0, 2.0]
    );
}

#[test]
fn ordinals_in_the_order_given_or_sorted() {
    let given = applied("ordinal size --order small,medium,large", "size");
    assert_eq!(given, [Some(0.0), Some(2.0), None, Some(1.0)]);
    let sorted = applied("ordinal size", "size");
    assert_eq!(sorted, [Some(2.0), Some(0.0), None, Some(1.0)]);
    assert_eq!(applied("ordinal count", "count"), [0.0, 1.0, 2.0, 3.0].map(Some));
}

#[test]
fn a_new_column_of_the_same_row() {
    let fitted = fit("fill length 0\nwith area = length * count\nselect area");
    assert_eq!(inputs(&fitted), ["length", "count"]);
    assert_eq!(
        applied("fill length 0\nwith area = length * count", "area"),
        [10.0, 40.0, 0.0, 200.0].map(Some)
    );
    // A column may be made anew, and a case of text can go on to other steps.
    let doubled = applied("with count = count * 2", "count");
    assert_eq!(doubled, [20.0, 40.0, 60.0, 80.0].map(Some));
    let fitted = fit("with many = CASE WHEN count > 15 THEN 'yes' ELSE 'no' END\nselect many\none_hot many");
    assert_eq!(fitted.outputs(), ["many_no", "many_yes"]);
    assert_eq!(inputs(&fitted), ["count"]);
}

#[test]
fn a_name_that_was_dropped_is_free_again() {
    let fitted = fit("with double = count * 2\ndrop count\nrename length count\nselect double count\nfill count 9");
    assert_eq!(fitted.outputs(), ["count", "double"]);
    let frame = fitted.apply(&train()).unwrap();
    let rows = matrix(&frame, fitted.outputs()).unwrap();
    assert_eq!(rows, [1.0, 20.0, 2.0, 40.0, 9.0, 60.0, 5.0, 80.0]);
}

#[test]
fn types_are_changed_where_no_value_is() {
    assert_eq!(applied("cast zip int", "zip"), [1234.0, 98765.0, 1234.0, 5.0].map(Some));
    let fitted = fit("select count\ncast count text\none_hot count");
    assert_eq!(fitted.outputs(), ["count_10", "count_20", "count_30", "count_40"]);
    let fitted = fit("select count\nwith day = '2026-01-0' || CAST(count / 10 AS INT)\ncast day date\ndate_parts day");
    assert_eq!(
        fitted.outputs(),
        ["count", "day_year", "day_month", "day_day", "day_weekday"]
    );
    let rows = matrix(&fitted.apply(&train()).unwrap(), fitted.outputs()).unwrap();
    assert_eq!(rows[..5], [10.0, 2026.0, 1.0, 1.0, 4.0]);
}

#[test]
fn parts_of_dates() {
    let body = "select sold\ndate_parts sold year quarter month week day weekday day_of_year days";
    let fitted = fit(body);
    let frame = fitted.apply(&train().slice(1, 1)).unwrap();
    // The 60th day of 1970 is Sunday, 1 March, in week 9.
    let rows = matrix(&frame, fitted.outputs()).unwrap();
    assert_eq!(rows, [1970.0, 1.0, 3.0, 9.0, 1.0, 7.0, 60.0, 59.0]);
    assert_eq!(
        applied("date_parts @date days", "sold_days"),
        [Some(0.0), Some(59.0), None, Some(365.0)]
    );
}

#[test]
fn times_lose_their_zone() {
    let train = df!("at" => [0_i64, 3_600_000]).unwrap();
    let berlin = TimeZone::opt_try_new(Some("Europe/Berlin")).unwrap();
    let at = train.column("at").unwrap();
    let at = at.cast(&DataType::Datetime(TimeUnit::Milliseconds, berlin)).unwrap();
    let train = DataFrame::new(2, vec![at]).unwrap();
    let fitted = Recipe::parse("r", "date_parts at hour minute")
        .unwrap()
        .fit(&train, &[])
        .unwrap();
    assert_eq!(fitted.inputs()[0].dtype, "datetime[μs]");
    let rows = matrix(&fitted.apply(&train).unwrap(), fitted.outputs()).unwrap();
    assert_eq!(rows, [1.0, 0.0, 2.0, 0.0], "as the clock in Berlin shows it");
}

#[test]
fn a_hash_learns_nothing_and_stays_the_same() {
    let fitted = fit("select zip\nhash zip 4");
    assert_eq!(
        fitted.outputs(),
        ["zip_hash_0", "zip_hash_1", "zip_hash_2", "zip_hash_3"]
    );
    let new = df!("zip" => [Some("a"), Some("foobar"), None]).unwrap();
    let rows = matrix(&fitted.apply(&new).unwrap(), fitted.outputs()).unwrap();
    // FNV-1a of "a" ends in 8c, of "foobar" in e8: both are divided by 4.
    assert_eq!(rows, [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
}

#[test]
fn what_was_learned_can_be_read() {
    let fitted =
        fit("fill length median\nminmax length\nordinal size\nbin count 2\nwith twice = length * 2\ndrop zip sold");
    let learned = fitted.learned().unwrap();
    let told: Vec<String> = (0..learned.height())
        .map(|row| {
            let cell = |name: &str| {
                learned
                    .column(name)
                    .unwrap()
                    .str()
                    .unwrap()
                    .get(row)
                    .unwrap()
                    .to_owned()
            };
            format!("{} {}: {}", cell("step"), cell("column"), cell("learned"))
        })
        .collect();
    assert_eq!(
        told,
        [
            "fill length: a missing value becomes 2",
            "minmax length: smallest 1, range 4",
            "ordinal size: 0 large, 1 medium, 2 small",
            "bin count: 2 bins, cut at 25",
            "with twice: length * 2 (f64)",
        ]
    );
}
