//! Frames of the session in Rust cells, and frames of Rust cells in the session.

use ironsage_cells::{CellError, Evaluator, Host, HostValue, same_frame};
use ironsage_exchange::{CsvScan, Scan, ScanFormat};
use polars::prelude::*;

use crate::support::{Lab, Test};

pub const TESTS: &[Test] = &[
    ("frames::quickstart", quickstart),
    ("frames::bound_by_name", bound_by_name),
    ("frames::the_last_writer_wins", the_last_writer_wins),
    ("frames::consumed_frames_come_again", consumed_frames_come_again),
    ("frames::put_and_fetch", put_and_fetch),
    (
        "frames::errors_say_which_names_there_are",
        errors_say_which_names_there_are,
    ),
    ("frames::polars_errors", polars_errors),
    ("frames::types_and_nulls", types_and_nulls),
    (
        "frames::a_large_frame_is_in_memory_once",
        a_large_frame_is_in_memory_once,
    ),
    ("frames::values", values),
    ("frames::plans", plans),
    ("frames::surroundings", surroundings),
];

impl Lab {
    /// Binds a small frame in the session.
    pub fn session_frame(&self, name: &str) {
        let frame = df!("rings" => [7i64, 15, 9], "score" => [8.5f64, 10.0, 9.0], "sex" => ["F", "M", "I"]).unwrap();
        self.session.put(name, frame);
    }

    pub fn evaluator_variables(&self) -> Vec<(String, String)> {
        let variables = self.evaluator.variables();
        variables.into_iter().map(|v| (v.name, v.rust_type)).collect()
    }
}

fn quickstart(lab: &mut Lab) {
    lab.session_frame("guess");
    let (evaluated, _) = lab.ok(
        "use polars::prelude::*;\nlet worst = guess.clone().lazy()\n    .with_column((col(\"score\") - col(\"rings\")).alias(\"error\"))\n    .sort_by_exprs([col(\"error\").abs()], SortMultipleOptions::default())\n    .tail(1).collect()?;\nworst",
    );
    let result = evaluated.result.unwrap();
    assert!(result["text/plain"].contains("15"), "{}", result["text/plain"]);
    assert!(result["text/html"].contains("<table"));
    let variables = lab.evaluator.variables();
    let find = |name: &str| variables.iter().find(|v| v.name == name).unwrap();
    assert!(find("worst").is_frame() && !find("worst").from_session);
    assert!(find("guess").is_frame() && find("guess").from_session);
    assert_eq!(lab.value("worst.height()"), "1");
}

fn bound_by_name(lab: &mut Lab) {
    lab.session_frame("train");
    assert_eq!(lab.value("train.height()"), "3");
    lab.session_frame("valid");
    let (_, seen) = lab.ok("println!(\"{} {valid:?}\", train.width())");
    assert!(seen.out().starts_with("3 shape: (3, 3)"), "{}", seen.out());
    lab.ok("let f = frame(\"train\")?; let n = f.height();");
    assert_eq!(lab.value("n"), "3");
}

fn the_last_writer_wins(lab: &mut Lab) {
    lab.ok("use polars::prelude::*;");
    lab.session.put("data", df!("x" => [1i64, 2, 3]).unwrap());
    assert_eq!(lab.value("data.height()"), "3");
    lab.session.put("data", df!("x" => [1i64, 2, 3, 4]).unwrap());
    assert_eq!(lab.value("data.height()"), "4");
    lab.ok("let data = data.head(Some(1));");
    assert_eq!(lab.value("data.height()"), "1");
    assert!(
        !lab.evaluator
            .variables()
            .iter()
            .any(|v| v.name == "data" && v.from_session)
    );
    lab.session.put("data", df!("x" => [1i64, 2]).unwrap());
    assert_eq!(lab.value("data.height()"), "2");
    // A Rust variable of another type wins as well.
    lab.ok("let data = 5;");
    assert_eq!(lab.value("data + 1"), "6");
}

fn consumed_frames_come_again(lab: &mut Lab) {
    lab.session_frame("shells");
    lab.ok("use polars::prelude::*; let plan = shells.lazy();");
    assert_eq!(lab.value("shells.height()"), "3");
    assert_eq!(lab.value("plan.clone().collect()?.height()"), "3");
    // A panic takes the variables of its cell; the frame comes again.
    assert_eq!(lab.error("drop(shells); panic!(\"no\")").0.ename(), "Panic");
    assert_eq!(lab.value("shells.height()"), "3");
}

fn put_and_fetch(lab: &mut Lab) {
    lab.session_frame("shells");
    lab.ok("use polars::prelude::*;\nlet big = shells.clone().lazy().filter(col(\"rings\").gt(8));\nput_frame(\"few\", &big.clone().collect()?)?;");
    assert_eq!(lab.session.frame("few").unwrap().height(), 2);
    assert_eq!(lab.value("few.height()"), "2");
    let fetched = lab.evaluator.fetch("big").unwrap();
    assert_eq!(
        fetched.column("rings").unwrap().i64().unwrap().to_vec(),
        [Some(15), Some(9)]
    );
    assert!(matches!(
        lab.evaluator.fetch("nothing"),
        Err(CellError::NotAFrame { .. })
    ));
    lab.ok("let numbers = vec![5];");
    assert!(matches!(
        lab.evaluator.fetch("numbers"),
        Err(CellError::NotAFrame { .. })
    ));
}

fn errors_say_which_names_there_are(lab: &mut Lab) {
    lab.session_frame("shells");
    let (error, _) = lab.error("let f = frame(\"shels\")?;");
    assert_eq!(error.ename(), "FrameError");
    assert!(error.to_string().contains("`shells`"), "{error}");
}

fn polars_errors(lab: &mut Lab) {
    lab.session_frame("shells");
    let (error, seen) =
        lab.error("use polars::prelude::*;\nlet x = shells.clone().lazy().select([col(\"ringz\")]).collect()?;");
    assert_eq!(error.ename(), "PolarsError");
    assert!(error.to_string().contains("ringz"), "{error}");
    assert!(seen.all().is_empty(), "{:?}", seen.all());
}

/// A column of each type that frames are made of, with nulls.
fn all_types() -> DataFrame {
    let integers = [
        DataType::Int8,
        DataType::Int16,
        DataType::Int32,
        DataType::Int64,
        DataType::Int128,
        DataType::UInt8,
        DataType::UInt16,
        DataType::UInt32,
        DataType::UInt64,
        DataType::Decimal(12, 2),
        DataType::Date,
        DataType::Time,
    ];
    let units = [TimeUnit::Milliseconds, TimeUnit::Microseconds, TimeUnit::Nanoseconds];
    let zone = || TimeZone::opt_try_new(Some("Europe/Berlin")).unwrap();
    let clocks = units.into_iter().flat_map(|unit| {
        [
            DataType::Datetime(unit, None),
            DataType::Datetime(unit, zone()),
            DataType::Duration(unit),
        ]
    });
    let words = [
        DataType::from_categories(Categories::global()),
        DataType::from_frozen_categories(FrozenCategories::new(["F", "M"]).unwrap()),
    ];
    let counts = Series::new("".into(), [Some(100i64), None]);
    let sexes = Series::new("".into(), [Some("F"), None]);
    let cast = |from: &Series, to: DataType| {
        let named = from.strict_cast(&to).unwrap();
        named.with_name(to.to_string().into()).into_column()
    };
    let mut columns: Vec<Column> = integers.into_iter().chain(clocks).map(|to| cast(&counts, to)).collect();
    columns.extend(words.map(|to| cast(&sexes, to)));
    let pairs = [Some(Series::new("".into(), [1i64, 2])), None];
    let pairs = Series::new("".into(), pairs);
    columns.push(cast(&pairs, DataType::Array(Box::new(DataType::Int64), 2)));
    let mut frame = df!(
        "least" => [Some(i64::MIN), None],
        "most" => [Some(u64::MAX), None],
        "f32" => [Some(f32::NEG_INFINITY), None],
        "f64" => [Some(-0.0f64), None],
        "bool" => [Some(true), None],
        "text" => [None, Some("a string that is longer than twelve bytes, ünïcode 🐚")],
        "bytes" => [Some(&b"\xff\0"[..]), None],
    )
    .unwrap();
    let lists = [
        Series::new("".into(), [1i64, 2]),
        Series::new("".into(), Vec::<i64>::new()),
    ];
    let structs = df!("a" => [1i32, 2], "b" => [Some("x"), None])
        .unwrap()
        .into_struct("struct".into());
    columns.push(Series::new("list".into(), lists).into());
    columns.push(pairs.with_name("list or none".into()).into());
    columns.push(structs.into_series().into());
    columns.push(Series::new_null("nothing".into(), 2).into());
    for column in columns {
        frame.with_column(column).unwrap();
    }
    frame
}

fn types_and_nulls(lab: &mut Lab) {
    let full = all_types();
    let empty = full.head(Some(0));
    for frame in [full, empty, DataFrame::empty()] {
        lab.session.put("odd", frame.clone());
        lab.ok("put_frame(\"back\", &odd)?; let kept = odd.clone();");
        for back in [lab.session.frame("back").unwrap(), lab.evaluator.fetch("kept").unwrap()] {
            assert_eq!(back.schema(), frame.schema());
            assert!(back.equals_missing(&frame), "{back} is not {frame}");
        }
    }
}

fn a_large_frame_is_in_memory_once(lab: &mut Lab) {
    let frame = df!("n" => (0..4_000_000i64).collect::<Vec<_>>()).unwrap();
    lab.session.put("large", frame.clone());
    let total = "large.column(\"n\")?.i64()?.sum()";
    assert_eq!(lab.value(total), "Some(7999998000000)");
    let now = lab.session.frame("large").unwrap();
    assert!(!same_frame(&now, &frame), "the session has the copy that was shared");
    assert!(now.equals(&frame));
    assert_eq!(lab.value(total), "Some(7999998000000)");
    assert!(
        same_frame(&now, &lab.session.frame("large").unwrap()),
        "it is shared once"
    );
}

fn values(lab: &mut Lab) {
    let value = |expression: &str| HostValue {
        name: "trials".to_owned(),
        rust_type: "i64".to_owned(),
        expression: expression.to_owned(),
    };
    *lab.session.values.lock().unwrap() = vec![value("20i64")];
    assert_eq!(lab.value("trials + 1"), "21");
    lab.ok("let twice = trials * 2;");
    *lab.session.values.lock().unwrap() = vec![value("30i64")];
    assert_eq!(lab.value("trials + twice"), "70");
    assert!(
        lab.evaluator
            .variables()
            .iter()
            .any(|v| v.name == "trials" && v.from_session)
    );
    lab.session.values.lock().unwrap().clear();
    lab.ok("1;");
    assert!(
        lab.evaluator
            .variables()
            .iter()
            .any(|v| v.name == "trials" && v.from_session)
    );
    // What magics insert: the text of a variable.
    lab.ok("let note = String::from(\"seven\"); let share = 0.25;");
    for (name, text) in [("twice", "40"), ("note", "seven"), ("share", "0.25")] {
        let frame = lab.evaluator.fetch(name).unwrap();
        assert_eq!(frame.column("value").unwrap().str().unwrap().get(0), Some(text));
    }
}

/// What the kernel does for a plan over files: a value whose expression asks for it, and has its version in it.
fn bind_plan(lab: &Lab, version: u64, scan: Scan) {
    lab.session.plans.lock().unwrap().insert("trips".to_owned(), scan);
    *lab.session.values.lock().unwrap() = vec![HostValue {
        name: "trips".to_owned(),
        rust_type: "polars::prelude::LazyFrame".to_owned(),
        expression: format!("ironsage_prelude::planned(\"trips\", {version})"),
    }];
}

fn plans(lab: &mut Lab) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("trips.csv");
    std::fs::write(&file, "fare;kind\n1;day\nNA;day\n200;night\n").unwrap();
    let trips = Scan {
        format: ScanFormat::Csv(CsvScan {
            separator: b';',
            header: true,
            null_values: vec!["NA".to_owned()],
            dates: false,
            dtypes: Vec::new(),
            comment: None,
        }),
        files: vec![file.to_str().unwrap().to_owned()],
        store: Vec::new(),
        columns: Vec::new(),
        condition: None,
    };
    let height = "trips.clone().collect()?.height()";
    bind_plan(lab, 1, trips.clone());
    assert_eq!(lab.value(height), "3");
    let variables = lab.evaluator.variables();
    let known = variables.iter().find(|v| v.name == "trips").unwrap();
    assert!(
        known.rust_type.ends_with("LazyFrame") && known.from_session,
        "{known:?}"
    );
    // Another version of it.
    let costly = Scan {
        columns: vec!["fare".to_owned()],
        condition: Some("fare > 100".to_owned()),
        ..trips.clone()
    };
    bind_plan(lab, 2, costly);
    assert_eq!(lab.value("trips.clone().collect()?.shape()"), "(1, 1)");
    // A cell that consumes it.
    lab.ok("let all = trips.collect()?;");
    assert_eq!(lab.value(height), "1");
    assert_eq!(lab.evaluator.fetch("trips").unwrap().shape(), (1, 1));
    // Its files are gone: an error of the cell that reads them.
    bind_plan(lab, 3, trips);
    std::fs::remove_file(file).unwrap();
    assert_eq!(lab.error(height).0.ename(), "PolarsError");
    // The plan is gone, and somebody asks for it all the same.
    lab.session.plans.lock().unwrap().clear();
    let (error, _) = lab.error("ironsage_prelude::planned(\"trips\", 4);");
    assert!(error.to_string().contains("no frame is called `trips`"), "{error}");
    lab.session.values.lock().unwrap().clear();
}

fn surroundings(lab: &mut Lab) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("here"), "").unwrap();
    *lab.session.folder.lock().unwrap() = Some(folder.path().to_owned());
    lab.session
        .environment
        .lock()
        .unwrap()
        .insert("SHELLS".to_owned(), "abalone".to_owned());
    assert_eq!(lab.value("std::path::Path::new(\"here\").exists()"), "true");
    assert_eq!(lab.value("std::env::var(\"SHELLS\")?"), "\"abalone\"");
    // A cell's own change stays until a magic says otherwise.
    lab.ok("std::env::set_current_dir(\"/\")?;");
    assert_eq!(lab.value("std::env::current_dir()?.display().to_string()"), "\"/\"");
    *lab.session.folder.lock().unwrap() = Some(std::env::temp_dir());
    assert_eq!(lab.value("std::env::current_dir()? == std::env::temp_dir()"), "true");
    lab.session.environment.lock().unwrap().clear();
}
