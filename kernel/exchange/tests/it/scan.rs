//! A plan over files, as it goes to another process.

use std::fs::File;
use std::path::{Path, PathBuf};

use ironsage_exchange::{CsvScan, Scan, ScanFormat};
use polars::prelude::*;

/// A folder of a test's own, gone with it.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn trips() -> DataFrame {
    df!("fare" => [Some(1i64), None, Some(200)], "kind" => ["day", "day", "night"]).unwrap()
}

fn scan(format: ScanFormat, file: &Path) -> Scan {
    Scan {
        format,
        files: vec![file.to_str().unwrap().to_owned()],
        store: Vec::new(),
        columns: Vec::new(),
        condition: None,
    }
}

/// A folder with the trips as a file of each format, and how each is scanned.
fn each_format(test: &str) -> (Folder, Vec<Scan>) {
    let folder = Folder::new(test);
    let path = |name: &str| folder.0.join(name);
    let create = |name: &str| File::create(path(name)).unwrap();
    let mut trips = trips();
    ParquetWriter::new(create("trips.parquet")).finish(&mut trips).unwrap();
    IpcWriter::new(create("trips.arrow")).finish(&mut trips).unwrap();
    JsonWriter::new(create("trips.ndjson"))
        .with_json_format(JsonFormat::JsonLines)
        .finish(&mut trips)
        .unwrap();
    std::fs::write(path("trips.csv"), "fare;kind\n1;day\nNA;day\n200;night\n").unwrap();
    let csv = CsvScan {
        separator: b';',
        header: true,
        null_values: vec!["NA".to_owned()],
        dates: false,
        dtypes: Vec::new(),
        comment: None,
    };
    let scans = vec![
        scan(ScanFormat::Parquet, &path("trips.parquet")),
        scan(ScanFormat::Ipc, &path("trips.arrow")),
        scan(ScanFormat::Ndjson, &path("trips.ndjson")),
        scan(ScanFormat::Csv(csv), &path("trips.csv")),
    ];
    (folder, scans)
}

#[test]
fn a_scan_arrives_as_it_was_sent() {
    let (_folder, scans) = each_format("arrives");
    for scan in scans {
        let scan = Scan {
            store: vec![("aws_secret_access_key".to_owned(), "hush".to_owned())],
            columns: vec!["fare".to_owned()],
            condition: Some("kind = 'day'".to_owned()),
            ..scan
        };
        let text = serde_json::to_string(&scan).unwrap();
        assert_eq!(serde_json::from_str::<Scan>(&text).unwrap(), scan);
        let shown = format!("{scan:?} {scan:#?}");
        assert!(!shown.contains("hush") && shown.contains("trips."), "{shown}");
    }
}

#[test]
fn each_format_gives_its_rows() {
    let (_folder, scans) = each_format("rows");
    for scan in scans {
        let all = scan.plan().unwrap().collect().unwrap();
        assert!(all.equals_missing(&trips()), "{scan:?}: {all}");
        // The condition may be about a column that is not wanted.
        let part = Scan {
            columns: vec!["fare".to_owned()],
            condition: Some("kind = 'night' AND fare > 100".to_owned()),
            ..scan
        };
        let rows = part.plan().unwrap().collect().unwrap();
        assert!(rows.equals(&df!("fare" => [200i64]).unwrap()), "{part:?}: {rows}");
    }
}

#[test]
fn several_files_are_one_plan_and_folders_are_columns() {
    let folder = Folder::new("years");
    let mut files = Vec::new();
    for year in [2023, 2024] {
        let part = folder.0.join(format!("year={year}"));
        std::fs::create_dir(&part).unwrap();
        let file = part.join("trips.parquet");
        ParquetWriter::new(File::create(&file).unwrap())
            .finish(&mut trips())
            .unwrap();
        files.push(file.to_str().unwrap().to_owned());
    }
    let scan = Scan {
        files,
        condition: Some("year = 2024".to_owned()),
        ..scan(ScanFormat::Parquet, &folder.0)
    };
    let rows = scan.plan().unwrap().collect().unwrap();
    assert_eq!(rows.shape(), (3, 3));
    assert_eq!(rows.column("year").unwrap().i64().unwrap().get(0), Some(2024));
}

#[test]
fn folders_of_text_files_are_columns_and_types_are_those_that_were_told() {
    let folder = Folder::new("texts");
    let mut files = Vec::new();
    for (year, zip) in [("2023", "01"), ("2024", "x2")] {
        let part = folder.0.join(format!("year={year}"));
        std::fs::create_dir(&part).unwrap();
        let file = part.join("a.csv");
        std::fs::write(&file, format!("# by hand\nzip,fare\n{zip},1\n")).unwrap();
        files.push(file.to_str().unwrap().to_owned());
    }
    let csv = CsvScan {
        separator: b',',
        header: true,
        null_values: Vec::new(),
        dates: false,
        dtypes: vec![("zip".to_owned(), DataType::String)],
        comment: Some("#".to_owned()),
    };
    let scan = Scan {
        files,
        ..scan(ScanFormat::Csv(csv), &folder.0)
    };
    let rows = scan.plan().unwrap().collect().unwrap();
    let expected = df!("zip" => ["01", "x2"], "fare" => [1i64, 1], "year" => [2023i64, 2024]).unwrap();
    assert!(rows.equals(&expected), "{rows}");
    let text = serde_json::to_string(&scan).unwrap();
    assert_eq!(serde_json::from_str::<Scan>(&text).unwrap(), scan);
}

#[test]
fn no_file_is_opened_by_making_a_plan() {
    let plan = scan(ScanFormat::Parquet, Path::new("/nonexistent/trips.parquet")).plan();
    assert!(plan.unwrap().collect().is_err());
}
