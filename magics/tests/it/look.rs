//! Looks at frames and plans: rows, profiles, values, nulls and correlations.

use ironsage_magics::{ErrorKind, Value};
use polars::prelude::*;

use crate::bench::{Bench, told};

/// `plan`, a plan of 250 rows in a file of this format.
fn planned(format: &str) -> Bench {
    let bench = Bench::new();
    let rows = 0..250_i64;
    let frame =
        df!("row" => rows.clone().collect::<Vec<_>>(), "half" => rows.map(|row| row as f64 / 2.0).collect::<Vec<_>>());
    bench.session.bind_frame("rows", frame.unwrap());
    bench.line(&format!("%save rows rows.{format}")).unwrap();
    bench.line(&format!("%scan rows.{format} -q -o plan")).unwrap();
    bench
}

#[test]
fn a_plan_is_shown_by_its_head() {
    let bench = planned("parquet");
    let shown = bench.line("%show plan").unwrap();
    assert_eq!(bench.told(), "plan: rows 1–20 of 250 · 2 columns");
    assert!(shown.contains("9.5") && !shown.contains("124.5"), "{shown}");
    bench.line("%show plan --page 3 --rows 100 --columns half").unwrap();
    assert_eq!(bench.told(), "plan: rows 201–250 of 250 · 1 column");
    let error = bench.line("%show plan --page 4 --rows 100").unwrap_err();
    assert_eq!(error.message, "plan has no page 4");
    let error = bench.line("%show plan --columns hal").unwrap_err();
    assert_eq!(error.hint.as_deref(), Some("did you mean `half`?"), "{}", told(&error));
    assert!(
        matches!(bench.session.value("plan"), Some(Value::Plan(_))),
        "still a plan"
    );
    // What does not write down its rows is not read to count them.
    let bench = planned("csv");
    bench.line("%show plan").unwrap();
    assert_eq!(
        bench.told(),
        "plan: rows 1–20 of a plan that has not run · 2 columns · `%sql SELECT count(*) FROM plan` counts them"
    );
    bench.line("%show plan --page 13").unwrap();
    assert_eq!(bench.told(), "plan: rows 241–250 of 250 · 2 columns");
}

/// The last row cannot be read, so that whoever reads it fails.
#[test]
fn only_the_rows_that_are_shown_are_read() {
    let bench = Bench::new();
    let mut text: String = std::iter::once("a,b\n".to_owned())
        .chain((0..2_000_000).map(|row| format!("{row},{row}\n")))
        .collect();
    text.push_str("x,x\n");
    bench.file("broken.csv", text);
    bench.line("%scan broken.csv -q -o broken").unwrap();
    bench.line("%show broken").unwrap();
    assert!(
        bench.told().starts_with("broken: rows 1–20 of a plan"),
        "{}",
        bench.told()
    );
    assert_eq!(
        bench.line("%sql SELECT sum(b) FROM broken").unwrap_err().kind,
        ErrorKind::DataError
    );
}

#[test]
fn all_columns_that_are_named_are_shown() {
    let bench = Bench::new();
    let names: Vec<String> = (0..30).map(|at| format!("c{at}")).collect();
    let columns = names
        .iter()
        .map(|name| Column::new(name.as_str().into(), [1]))
        .collect();
    bench.session.bind_frame("wide", DataFrame::new(1, columns).unwrap());
    let html = |line: &str| {
        bench.line(line).unwrap();
        bench.front.displays()[0].data["text/html"].as_str().unwrap().to_owned()
    };
    assert!(!html("%show wide").contains(">c15<"));
    assert!(html(&format!("%show wide --columns {}", names.join(","))).contains(">c15<"));
}

#[test]
fn a_profile_is_a_table_and_what_stands_out() {
    let bench = Bench::new();
    let rows = 0..100_i64;
    let frame = df!(
        "id" => rows.clone().collect::<Vec<_>>(),
        "day" => rows.clone().map(|row| if row % 2 == 0 { "2013-01-31" } else { "31/01/2013" }).collect::<Vec<_>>(),
        "size" => rows.clone().map(|row| (row % 9) as f64).collect::<Vec<_>>(),
        "bill" => rows.clone().map(|row| 2 * (row % 9) + 1).collect::<Vec<_>>(),
    );
    bench.session.bind_frame("trips", frame.unwrap());
    let shown = bench.line("%profile trips --label size -o facts").unwrap();
    let said: Vec<&str> = shown.lines().skip_while(|line| !line.starts_with("trips: ")).collect();
    assert_eq!(
        said,
        [
            "trips: 100 rows × 4 columns",
            "id: id-like: every value differs",
            "day: mixed dates as text (2013-01-31, 31/01/2013)",
            "bill: tells size nearly alone (100 %): a leak?",
        ]
    );
    let html = bench.front.displays()[0].data["text/html"].as_str().unwrap().to_owned();
    assert!(html.contains("height:16px") && !html.contains("warnings"), "{html}");
    let facts = bench.session.frame("facts").unwrap();
    assert_eq!(facts.shape(), (4, 14));
    let values = facts
        .column("values")
        .unwrap()
        .str()
        .unwrap()
        .get(1)
        .unwrap()
        .to_owned();
    assert!(values.contains("2013-01-31 50 %"), "{values}");
    // The label is looked at though it is not named.
    let shown = bench.line("%profile trips --columns bill --label size").unwrap();
    assert!(shown.contains("a leak?"), "{shown}");
    let error = bench.line("%profile trips --label sise").unwrap_err();
    assert_eq!(error.hint.as_deref(), Some("did you mean `size`?"));
}

#[test]
fn a_long_look_ends_when_it_is_told_to() {
    let bench = Bench::new();
    let numbers: Vec<f64> = (0..2_000_000).map(|row| f64::from(row).sin()).collect();
    let frame = df!("a" => &numbers, "b" => &numbers, "c" => &numbers).unwrap();
    bench.session.bind_frame("long", frame);
    for line in [
        "%profile long -o other",
        "%unique long a -o other",
        "%corr long --method spearman -o other",
    ] {
        bench.front.set_interrupted(true);
        let error = bench.line(line).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Interrupted, "{line}: {}", told(&error));
        assert!(bench.session.value("other").is_none(), "{line}");
        bench.front.set_interrupted(false);
    }
}

#[test]
fn plans_are_described_and_profiled_by_the_columns_named() {
    let bench = planned("parquet");
    bench.line("%describe plan --columns half -o facts").unwrap();
    assert_eq!(bench.told(), "plan: 250 rows × 1 column");
    bench.line("%profile plan --columns half -o facts").unwrap();
    let facts = bench.session.frame("facts").unwrap();
    assert_eq!(
        facts.column("median").unwrap().get(0).unwrap(),
        AnyValue::Float64(62.25)
    );
    let error = bench.line("%describe plan --columns half,half").unwrap_err();
    assert_eq!(error.message, "the column `half` is named twice");
}

#[test]
fn a_query_over_files_has_the_limits_of_a_plan() {
    let bench = Bench::new();
    let rows: Vec<i32> = (0..1_100_000).map(|row| row % 7).collect();
    bench.session.bind_frame("rows", df!("x" => rows).unwrap());
    bench.line("%save rows rows.parquet").unwrap();
    bench.line("%scan rows.parquet -q -o plan").unwrap();
    bench.cell("%%sql -q --save query\nSELECT x FROM plan").unwrap();
    bench
        .cell("%%sql -q --save nested\nSELECT x FROM query WHERE x < 10")
        .unwrap();
    bench.cell("%%sql -q --save memory\nSELECT x FROM rows").unwrap();
    for (name, sampled) in [("plan", true), ("nested", true), ("memory", false)] {
        let shown = bench.line(&format!("%profile {name}")).unwrap();
        assert_eq!(shown.contains("from a sample of"), sampled, "{name}: {shown}");
        assert!(shown.contains("1,100,000 rows × 1 column"), "{name}: {shown}");
    }
}

#[test]
fn texts_are_described_by_their_commonest_value() {
    let bench = Bench::new().small();
    bench.line("%describe small -o facts").unwrap();
    let facts = bench.session.frame("facts").unwrap();
    let statistics = facts.column("statistic").unwrap().str().unwrap();
    let at = |name: &str| statistics.iter().position(|found| found == Some(name)).unwrap();
    for (statistic, wanted) in [("unique", "2"), ("top", "a"), ("freq", "5"), ("max", "b")] {
        let found = facts.column("letter").unwrap().get(at(statistic)).unwrap();
        assert_eq!(found, AnyValue::String(wanted), "{statistic}");
    }
    bench.line("%describe small --columns half -o facts").unwrap();
    assert_eq!(
        bench.session.frame("facts").unwrap().shape(),
        (9, 2),
        "there is no text"
    );
}

#[test]
fn values_are_counted_with_their_shares() {
    let bench = Bench::new().small();
    let shown = bench.line("%unique small letter -o letters").unwrap();
    assert!(shown.contains("share"), "{shown}");
    assert_eq!(bench.told(), "small: 2 different values of letter in 10 rows");
    let wanted = df!("letter" => ["a", "b"], "count" => [5_i64, 5], "share" => [0.5, 0.5]).unwrap();
    assert!(bench.session.frame("letters").unwrap().equals(&wanted));
    bench.line("%unique small letter number").unwrap();
    assert_eq!(
        bench.told(),
        "small: 10 different combinations of letter, number in 10 rows"
    );
    let error = bench.line("%unique small leter -o letters").unwrap_err();
    assert_eq!(error.hint.as_deref(), Some("did you mean `letter`?"));
    assert_eq!(bench.line("%unique small").unwrap_err().kind, ErrorKind::UsageError);
    let bench = planned("csv");
    bench.line("%unique plan half").unwrap();
    assert_eq!(bench.told(), "plan: 250 different values of half in 250 rows");
}

#[test]
fn nulls_are_told_by_column_and_together() {
    let bench = Bench::new();
    let frame = df!("a" => [Some(1), None, None, Some(4)], "b" => [Some("x"), None, None, None], "c" => [1, 2, 3, 4]);
    bench.session.bind_frame("gaps", frame.unwrap());
    let shown = bench.line("%nulls gaps -o missing").unwrap();
    assert_eq!(
        bench.told(),
        "gaps: 2 of 3 columns with nulls · 1 of 4 rows without any (25 %)"
    );
    assert!(shown.contains("b, a"), "{shown}");
    assert_eq!(bench.session.frame("missing").unwrap().shape(), (3, 4));
    bench.line("%nulls gaps --columns c").unwrap();
    assert_eq!(
        bench.told(),
        "gaps: 0 of 1 column with nulls · 4 of 4 rows without any (100 %)"
    );
}

#[test]
fn correlations_are_a_table_and_the_strongest_pairs() {
    let bench = Bench::new().small();
    bench.line("%corr small -o r").unwrap();
    assert_eq!(bench.told(), "small: pearson · number and half 1.00");
    let html = bench.front.displays()[0].data["text/html"].as_str().unwrap().to_owned();
    assert!(html.contains("background-color:rgba(50,110,200,0.60)"), "{html}");
    assert_eq!(bench.session.frame("r").unwrap().shape(), (2, 3));
    bench
        .line("%corr small --label half --method spearman -o by_half")
        .unwrap();
    let wanted = df!("column" => ["number"], "spearman" => [1.0]).unwrap();
    assert!(bench.session.frame("by_half").unwrap().equals(&wanted));
    for (line, kind, message) in [
        (
            "%corr small --columns number,letter",
            ErrorKind::DataError,
            "`letter` is str, and only numbers correlate",
        ),
        (
            "%corr small --columns number",
            ErrorKind::DataError,
            "small has fewer than two numeric columns",
        ),
        (
            "%corr small --label haf",
            ErrorKind::NotFound,
            "small has no column `haf`",
        ),
        ("%corr none", ErrorKind::NotFound, "there is no frame called `none`"),
    ] {
        let error = bench.line(line).unwrap_err();
        assert_eq!((error.kind, error.message.as_str()), (kind, message), "{line}");
    }
}
