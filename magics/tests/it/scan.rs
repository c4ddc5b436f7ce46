//! Files as a plan: named by `%scan`, read when a query asks for them.

use ironsage_magics::{ErrorKind, Value};
use polars::prelude::*;

use crate::bench::{Bench, told};

fn is_plan(bench: &Bench, name: &str) -> bool {
    matches!(bench.session.value(name), Some(Value::Plan(_)))
}

#[test]
fn a_folder_of_parquet_is_a_plan_for_every_magic() {
    let bench = Bench::new().small();
    bench.file("parts/_SUCCESS", "");
    for part in ["a", "b"] {
        bench.line(&format!("%save small parts/{part}.parquet")).unwrap();
    }
    let shown = bench.line("%scan parts -o trips").unwrap();
    assert!(shown.contains("letter") && shown.contains("f64"), "{shown}");
    let said = bench.told();
    assert!(
        said.starts_with("trips: a plan of 3 columns over 2 files, ") && said.ends_with("; read when asked for · … ms"),
        "{said}"
    );
    assert!(is_plan(&bench, "trips"));
    bench.line("%show trips").unwrap();
    assert_eq!(bench.told(), "trips: 20 rows × 3 columns");
    bench.line("%schema trips").unwrap();
    assert_eq!(bench.told(), "trips: 3 columns");
    bench
        .cell("%%sql -o sums\nSELECT letter, sum(half) AS half FROM trips GROUP BY letter ORDER BY letter")
        .unwrap();
    let sums = df!("letter" => ["a", "b"], "half" => [20.0, 25.0]).unwrap();
    assert!(bench.session.frame("sums").unwrap().equals(&sums));
    let listed = bench.line("%who").unwrap();
    assert!(listed.contains("3 columns over 2 files"), "{listed}");
    assert_eq!(bench.told(), "2 frames · 1 plan");
    assert!(is_plan(&bench, "trips"), "still a plan");
    bench.line("%scan parts/a.parquet").unwrap();
    assert!(is_plan(&bench, "_"));
}

#[test]
fn each_format_gives_its_rows_columns_and_condition() {
    let bench = Bench::new().small();
    for name in ["s.csv", "s.tsv", "s.parquet", "s.ndjson", "s.arrow"] {
        bench.line(&format!("%save small {name}")).unwrap();
        let shown = bench.line(&format!("%scan {name} -q -o all")).unwrap();
        assert_eq!(shown, bench.told(), "{name}: quiet");
        let (all, small) = (
            bench.session.frame("all").unwrap(),
            bench.session.frame("small").unwrap(),
        );
        assert!(all.equals_missing(&small), "{name}: {all}");
        bench
            .line(&format!(
                "%scan {name} -q --columns half,number --where \"letter = 'a' AND number > 2\" -o some"
            ))
            .unwrap();
        let some = df!("half" => [2.0, 3.0, 4.0], "number" => [4i64, 6, 8]).unwrap();
        assert!(bench.session.frame("some").unwrap().equals(&some), "{name}");
    }
    bench.file("semicolons.txt", "fare;kind\n1;day\nNA;night\n");
    bench
        .line("%scan semicolons.txt --separator semicolon --null-values NA,? -o trips")
        .unwrap();
    let trips = df!("fare" => [Some(1i64), None], "kind" => ["day", "night"]).unwrap();
    assert!(bench.session.frame("trips").unwrap().equals_missing(&trips));
}

#[test]
fn objects_of_the_store_are_scanned_where_they_are() {
    let bench = Bench::with_service().small();
    bench.line("%s3 mb scanned").unwrap();
    for name in ["s.csv", "s.parquet", "s.ndjson", "s.arrow"] {
        bench.line(&format!("%save small s3://scanned/{name}")).unwrap();
        bench
            .line(&format!(
                "%scan s3://scanned/{name} -q --columns half,letter --where \"number > 6\" -o late"
            ))
            .unwrap();
        let late = df!("half" => [3.5, 4.0, 4.5], "letter" => ["b", "a", "b"]).unwrap();
        assert!(bench.session.frame("late").unwrap().equals(&late), "{name}");
    }
    for year in [2023, 2024] {
        bench
            .line(&format!("%save small s3://scanned/trips/year={year}/a.parquet"))
            .unwrap();
    }
    bench.line("%scan local://scanned/trips/ -q -o trips").unwrap();
    assert!(
        bench.told().starts_with("trips: a plan of 4 columns over 2 files, "),
        "{}",
        bench.told()
    );
    bench.line("%sql SELECT * FROM trips WHERE year = 2024").unwrap();
    assert_eq!(bench.told(), "10 rows × 4 columns");
}

#[test]
fn folders_that_name_a_value_are_a_column() {
    let bench = Bench::new().small();
    for year in [2023, 2024] {
        bench.file(&format!("trips/year={year}/_SUCCESS"), "");
        bench.line(&format!("%save small trips/year={year}/a.parquet")).unwrap();
    }
    bench.line("%scan trips -q -o trips").unwrap();
    bench.line("%sql SELECT * FROM trips WHERE year = 2024").unwrap();
    assert_eq!(bench.told(), "10 rows × 4 columns");
}

#[test]
fn what_cannot_be_scanned_is_told_at_once() {
    let bench = Bench::new().small();
    bench.file("list.json", "[{\"a\": 1}]");
    bench.file("what", "?");
    bench.file("broken.parquet", "PAR1 but nothing else");
    let unread = "--where cannot be read: ";
    for (line, kind, message, hint) in [
        (
            "%scan small.csv --columns numbr -o bad",
            ErrorKind::NotFound,
            "small.csv has no column `numbr`",
            "`%scan small.csv` shows its columns",
        ),
        (
            "%scan small.csv --where \"numbr > 3\" -o bad",
            ErrorKind::NotFound,
            "small.csv has no column `numbr`",
            "`%scan small.csv` shows its columns",
        ),
        (
            "%scan small.csv --where \"number >\" -o bad",
            ErrorKind::UsageError,
            unread,
            "behind WHERE",
        ),
        (
            "%scan list.json -o bad",
            ErrorKind::UsageError,
            "a JSON array is read as a whole",
            "`%load list.json`",
        ),
        (
            "%scan what -o bad",
            ErrorKind::DataError,
            "the name what does not say",
            "`--format parquet`",
        ),
        (
            "%scan smal.csv -o bad",
            ErrorKind::NotFound,
            "there is no file smal.csv",
            "did you mean `small.csv`?",
        ),
        (
            "%scan broken.parquet -o bad",
            ErrorKind::DataError,
            "broken.parquet cannot be read as Parquet: ",
            "`--format`",
        ),
    ] {
        let error = bench.line(line).unwrap_err();
        assert_eq!(error.kind, kind, "{line}: {}", told(&error));
        assert!(error.message.starts_with(message), "{line}: {}", told(&error));
        assert!(
            error.hint.as_ref().is_some_and(|told| told.contains(hint)),
            "{line}: {}",
            told(&error)
        );
        assert!(bench.session.value("bad").is_none(), "{line}");
    }
}

#[test]
fn rows_are_read_when_they_are_asked_for() {
    for name in ["s.csv", "s.ndjson", "s.parquet", "s.arrow"] {
        let bench = Bench::new().small();
        bench.line(&format!("%save small {name}")).unwrap();
        bench.line(&format!("%scan {name} -q -o rows")).unwrap();
        // Written anew since, and looked at twice.
        for times in [2, 3] {
            let more = vec!["SELECT * FROM small"; times].join(" UNION ALL ");
            bench.cell(&format!("%%sql -o more\n{more}")).unwrap();
            bench.line(&format!("%save more {name}")).unwrap();
            bench.line("%show rows").unwrap();
            assert_eq!(bench.told(), format!("rows: {times}0 rows × 3 columns"), "{name}");
        }
        for gone in [false, true] {
            match gone {
                true => std::fs::remove_file(bench.path().join(name)).unwrap(),
                false => _ = bench.file(name, "nothing of the kind any more"),
            }
            for line in [
                "%show rows",
                "%sql SELECT sum(half) AS half FROM rows",
                "%save rows out.csv",
            ] {
                let error = bench.line(line).unwrap_err();
                assert!(
                    [ErrorKind::DataError, ErrorKind::NotFound].contains(&error.kind),
                    "{name}, {line}: {}",
                    told(&error)
                );
            }
        }
    }
}

/// Its columns are known without a look into the file.
#[test]
fn a_plan_has_its_schema_though_its_file_is_gone() {
    let bench = Bench::new().small();
    bench.line("%scan small.csv -q -o rows").unwrap();
    std::fs::remove_file(bench.path().join("small.csv")).unwrap();
    bench.line("%schema rows").unwrap();
    assert_eq!(bench.told(), "rows: 3 columns");
}
