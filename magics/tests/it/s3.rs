//! `%s3` at length: trees, first lines of what is packed, columns, and copies that are many or large.

use std::io::Write as _;
use std::time::{Duration, Instant};

use ironsage_magics::ErrorKind;

use crate::bench::{Bench, told};

/// A bench and a bucket of its own, so that tests do not meet.
fn bench(bucket: &str) -> Bench {
    let bench = Bench::with_service();
    bench.line(&format!("%s3 mb {bucket}")).unwrap();
    bench
}

#[test]
fn a_tree_shows_all_folders_with_what_they_hold() {
    let bench = bench("trees");
    bench.file("folder/a.csv", "x\n1\n");
    bench.file("folder/deep/b.csv", "x\n1\n2\n");
    bench.line("%s3 cp -r folder s3://trees/raw/").unwrap();
    let shown = bench.line("%s3 ls --tree s3://trees -o objects").unwrap();
    let mut lines = shown.lines();
    assert_eq!(lines.next(), Some("s3://trees"));
    assert!(lines.next().unwrap().ends_with("2 objects, 10 B"), "{shown}");
    for drawn in ["└── raw/", "    ├── deep/", "    │   └── b.csv", "    └── a.csv"] {
        assert!(shown.lines().any(|line| line.starts_with(drawn)), "{drawn}\n{shown}");
    }
    assert_eq!(bench.told(), "s3://trees: 2 objects, 10 B (local store)");
    assert_eq!(bench.session.frame("objects").unwrap().height(), 2);
    assert!(
        bench
            .line("%s3 ls --tree s3://trees/none/")
            .unwrap()
            .contains("0 objects")
    );
}

#[test]
fn head_reads_the_beginning_packed_or_not() {
    let bench = bench("heads");
    let text: String = (0..100_000).map(|n| format!("{n},größe\n")).collect();
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(text.as_bytes()).unwrap();
    bench.file("long.csv", &text);
    bench.file("long.csv.gz", packed.finish().unwrap());
    bench.file("short.csv", "a,b\n1,2\n");
    bench.file("picture.png", [0x89, b'P', b'N', b'G', 0, 0xff]);
    bench.file("empty.csv", "");
    for name in ["long.csv", "long.csv.gz", "short.csv", "picture.png", "empty.csv"] {
        bench.line(&format!("%s3 cp {name} s3://heads/")).unwrap();
    }
    assert_eq!(
        bench.line("%s3 head s3://heads/long.csv -n 2").unwrap(),
        "0,größe\n1,größe\ns3://heads/long.csv: the first 2 lines, 1.4 MB"
    );
    let shown = bench.line("%s3 head s3://heads/long.csv.gz -n 2").unwrap();
    assert!(
        shown.starts_with("0,größe\n1,größe\ns3://heads/long.csv.gz: the first 2 lines, ")
            && shown.ends_with(" of gzip"),
        "{shown}"
    );
    // More than the first read holds.
    bench.line("%s3 head s3://heads/long.csv -n 50000").unwrap();
    assert_eq!(bench.told(), "s3://heads/long.csv: 50,000 of 100,000 lines, 1.4 MB");
    bench.line("%s3 head s3://heads/long.csv.gz -n 200000").unwrap();
    assert!(bench.told().contains("100,000 of 100,000 lines"), "{}", bench.told());
    assert_eq!(
        bench.line("%s3 head s3://heads/short.csv").unwrap(),
        "a,b\n1,2\ns3://heads/short.csv: 2 of 2 lines, 8 B"
    );
    bench.line("%s3 head s3://heads/empty.csv").unwrap();
    assert_eq!(bench.told(), "s3://heads/empty.csv: 0 of 0 lines, 0 B");
    let error = bench.line("%s3 head s3://heads/picture.png").unwrap_err();
    assert_eq!(error.kind, ErrorKind::DataError, "{}", told(&error));
    let error = bench.line("%s3 head s3://heads/shorter.csv").unwrap_err();
    assert!(error.hint.unwrap().contains("s3://heads/short.csv"));
}

#[test]
fn head_of_parquet_tells_its_columns() {
    let bench = bench("columns").small();
    bench.line("%save small s3://columns/small.parquet").unwrap();
    let shown = bench.line("%s3 head s3://columns/small.parquet").unwrap();
    for column in bench.session.frame("small").unwrap().get_column_names() {
        assert!(shown.contains(column.as_str()), "{column}\n{shown}");
    }
    assert!(shown.contains("i64"), "{shown}");
    assert!(
        bench
            .told()
            .starts_with("s3://columns/small.parquet: Parquet, 10 rows × "),
        "{}",
        bench.told()
    );
    bench.file("cut.parquet", b"PAR1 and nothing of what should follow");
    bench.line("%s3 cp cut.parquet s3://columns/").unwrap();
    let error = bench.line("%s3 head s3://columns/cut.parquet").unwrap_err();
    assert!(error.message.contains("does not end as one"), "{}", told(&error));
}

#[test]
fn many_files_go_and_come_in_one_line() {
    let bench = bench("many-files");
    for number in 0..60 {
        bench.file(&format!("many/{:02}/{number}.txt", number % 7), format!("{number}\n"));
    }
    assert_eq!(
        bench.line("%s3 cp -r many s3://many-files/in/").unwrap(),
        "s3://many-files/in/: 60 files, 170 B"
    );
    assert_eq!(
        bench.line("%s3 cp -r many s3://many-files/in/").unwrap(),
        "s3://many-files/in/: 60 files, 170 B, all already there"
    );
    bench
        .line("%s3 cp -r s3://many-files/in/ s3://many-files/copy/")
        .unwrap();
    bench.line("%s3 cp -r s3://many-files/copy/ back").unwrap();
    for number in 0..60 {
        let back = bench.path().join(format!("back/{:02}/{number}.txt", number % 7));
        assert_eq!(std::fs::read_to_string(back).unwrap(), format!("{number}\n"));
    }
    assert_eq!(
        bench.line("%s3 rm -f s3://many-files/copy/").unwrap(),
        "s3://many-files/copy/: 60 objects, 170 B removed"
    );
    assert_eq!(
        bench.line("%s3 rb -f many-files").unwrap(),
        "s3://many-files removed with 60 objects, 170 B"
    );
}

/// A large file is compared by its MD5, which takes a while: that is stopped like a transfer.
#[test]
fn a_copy_back_that_is_there_can_be_stopped_while_it_is_compared() {
    let bench = bench("compared");
    bench.file("a.bin", vec![1; 12 << 20]);
    bench.line("%s3 cp a.bin s3://compared/").unwrap();
    let shown = bench.line("%s3 cp s3://compared/a.bin a.bin").unwrap();
    assert_eq!(bench.told(), "a.bin already there");
    assert!(!shown.contains("copied"), "{shown}");
    bench.front.set_interrupted(true);
    let started = Instant::now();
    let error = bench.line("%s3 cp s3://compared/a.bin a.bin").unwrap_err();
    assert_eq!(error.kind, ErrorKind::Interrupted);
    assert!(started.elapsed() < Duration::from_millis(500));
    assert_eq!(std::fs::metadata(bench.path().join("a.bin")).unwrap().len(), 12 << 20);
}

#[test]
fn every_verb_hears_a_stop() {
    let bench = bench("stops");
    bench.file("a.txt", "one");
    bench.line("%s3 cp a.txt s3://stops/raw/").unwrap();
    bench.front.set_interrupted(true);
    for line in [
        "%s3 ls",
        "%s3 ls s3://stops",
        "%s3 ls --tree s3://stops",
        "%s3 mb stops-too",
        "%s3 cp s3://stops/raw/a.txt b.txt",
        "%s3 head s3://stops/raw/a.txt",
        "%s3 rm s3://stops/raw/a.txt",
        "%s3 rm -f s3://stops/raw/",
        "%s3 rb -f stops",
    ] {
        let error = bench.line(line).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Interrupted, "{line}: {}", told(&error));
    }
    bench.front.set_interrupted(false);
    assert!(!bench.path().join("b.txt").exists());
    bench.line("%s3 head s3://stops/raw/a.txt").unwrap();
}
