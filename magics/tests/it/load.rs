//! Files as frames and back: patterns, folders as columns, conditions, and each format.

use std::os::unix::fs::FileExt;

use ironsage_magics::ErrorKind;
use polars::prelude::*;

use crate::bench::{Bench, told};

fn late() -> DataFrame {
    df!("half" => [3.5, 4.0, 4.5], "letter" => ["b", "a", "b"]).unwrap()
}

#[test]
fn columns_and_conditions_leave_what_is_wanted_of_each_format() {
    let bench = Bench::with_service().small();
    bench.line("%s3 mb loaded").unwrap();
    for place in ["", "s3://loaded/"] {
        for name in [
            "s.csv",
            "s.csv.gz",
            "s.tsv.zst",
            "s.parquet",
            "s.ndjson",
            "s.json",
            "s.arrow",
        ] {
            bench.line(&format!("%save small {place}{name}")).unwrap();
            bench
                .line(&format!(
                    "%load {place}{name} -q --columns half,letter --where \"number > 6\" -o some"
                ))
                .unwrap();
            assert!(bench.session.frame("some").unwrap().equals(&late()), "{place}{name}");
            for (line, kind) in [
                ("--columns numbr", ErrorKind::NotFound),
                ("--where \"numbr > 6\"", ErrorKind::NotFound),
                ("--where \"number >\"", ErrorKind::UsageError),
            ] {
                let error = bench.line(&format!("%load {place}{name} {line} -o bad")).unwrap_err();
                assert_eq!(error.kind, kind, "{place}{name} {line}: {}", told(&error));
                assert!(bench.session.value("bad").is_none(), "{name}");
            }
        }
    }
}

/// Most of the file is a hole, which a reader of all bytes would not survive.
#[test]
fn only_what_is_wanted_is_read_of_parquet() {
    let bench = Bench::new().small();
    let path = bench.path().join("small.parquet");
    bench.line("%save small small.parquet").unwrap();
    let content = std::fs::read(&path).unwrap();
    let (body, size) = (&content[..content.len() - 8], &content[content.len() - 8..]);
    let footer = u32::from_le_bytes([size[0], size[1], size[2], size[3]]) as usize;
    let (data, footer) = (&content[..body.len() - footer], &content[body.len() - footer..]);
    let hole = 4_u64 << 40;
    let file = std::fs::File::create(&path).unwrap();
    file.write_all_at(data, 0).unwrap();
    file.write_all_at(footer, hole).unwrap();

    bench
        .line("%load small.parquet -q --columns half,letter --where \"number > 6\" -o some")
        .unwrap();
    assert!(bench.session.frame("some").unwrap().equals(&late()));

    let error = bench.line("%load small.parquet -o bad").unwrap_err();
    assert_eq!(error.kind, ErrorKind::MemoryError, "{}", told(&error));
    assert!(
        error.message.starts_with("small.parquet would take about "),
        "{}",
        error.message
    );
    assert!(error.hint.unwrap().starts_with("`%scan small.parquet -o name` "));
    let shown = bench.shown();
    assert!(shown.contains("letter") && shown.contains("f64"), "{shown}");
    assert!(bench.session.value("bad").is_none());
}

#[test]
fn patterns_name_many_files() {
    let bench = Bench::with_service();
    bench.line("%s3 mb patterns").unwrap();
    for (name, text) in [
        ("data/2023-12.csv", "a\n1\n"),
        ("data/2024-01.csv", "a\n2\n"),
        ("data/2024-02.csv", "a\n3\n"),
        ("data/deep/2024-03.csv", "a\n4\n"),
        ("data/2024-01.txt", "b\nx\n"),
    ] {
        bench.file(name, text);
    }
    bench.line("%s3 cp -r data s3://patterns/data/").unwrap();
    for place in ["", "./", "s3://patterns/"] {
        for (pattern, sum) in [
            ("data/2024-*.csv", 5),
            ("data/**/2024-*.csv", 9),
            ("data/202[34]-??.csv", 6),
        ] {
            for magic in ["load", "scan"] {
                bench.line(&format!("%{magic} {place}{pattern} -q -o all")).unwrap();
                bench.line("%sql SELECT sum(a) AS a FROM all").unwrap();
                let found = bench.session.frame("_").unwrap();
                assert_eq!(
                    found.column("a").unwrap().i64().unwrap().get(0),
                    Some(sum),
                    "{magic} {place}{pattern}"
                );
            }
        }
        let error = bench.line(&format!("%load {place}data/2025-*.csv")).unwrap_err();
        assert_eq!(error.kind, ErrorKind::NotFound);
        assert!(error.message.starts_with("nothing matches "), "{}", told(&error));
    }
    bench.file("odd[1].csv", "a\n7\n");
    bench.line("%load odd[1].csv -q").unwrap();
    assert_eq!(bench.told(), "odd[1].csv: 1 row × 1 column, … ms");
}

#[test]
fn several_places_are_one_frame_with_columns_by_name() {
    let bench = Bench::with_service().small();
    bench.line("%s3 mb several").unwrap();
    for (frame, columns) in [
        ("mirrored", "half, letter, number"),
        ("other", "half, letter, 'x' AS number"),
    ] {
        bench
            .cell(&format!("%%sql -o {frame}\nSELECT {columns} FROM small WHERE half > 2"))
            .unwrap();
    }
    let small = bench.session.frame("small").unwrap();
    let both = small.vstack(&small.tail(Some(5))).unwrap();
    for format in ["csv", "ndjson", "parquet", "arrow"] {
        for place in ["", "s3://several/"] {
            for frame in ["small", "mirrored", "other"] {
                bench.line(&format!("%save {frame} {place}{frame}.{format}")).unwrap();
            }
        }
        for (one, other) in [
            ("", ""),
            ("", "s3://several/"),
            ("s3://several/", ""),
            ("s3://several/", "local://several/"),
        ] {
            let (one, mirrored) = (format!("{one}small.{format}"), format!("{other}mirrored.{format}"));
            bench.line(&format!("%load {one} {mirrored} -q -o both")).unwrap();
            assert_eq!(bench.told(), "both: 15 rows × 3 columns from 2 files, … ms");
            let found = bench.session.frame("both").unwrap();
            assert!(found.equals(&both), "{one} {mirrored}: {found}");
            bench
                .line(&format!(
                    "%load {one} {mirrored} -q --columns half,letter --where \"number > 6\" -o some"
                ))
                .unwrap();
            let some = late().vstack(&late()).unwrap();
            assert!(bench.session.frame("some").unwrap().equals(&some), "{one} {mirrored}");

            let other = format!("{other}other.{format}");
            for line in ["", "--columns number"] {
                let error = bench
                    .line(&format!("%load {one} {other} -q {line} -o bad"))
                    .unwrap_err();
                assert_eq!(
                    told(&error),
                    format!(
                        "DataError: {one} and {other} don't have the same columns and types (number: i64 | number: str)\n\
                         hint: load them one by one, and bring them together with %%sql"
                    )
                );
                assert!(bench.session.value("bad").is_none());
            }
        }
    }
    bench
        .line("%load small.csv mirrored.csv s3://several/small.csv")
        .unwrap();
    assert_eq!(
        bench.told(),
        "small.csv and 2 more: 25 rows × 3 columns from 3 files, … ms"
    );
    let error = bench.line("%load small.csv smal.csv").unwrap_err();
    assert_eq!(error.message, "there is no file smal.csv");

    bench.line("%save small out --partition-by letter").unwrap();
    bench.line("%load out/letter=b out/letter=a -q -o back").unwrap();
    bench
        .line("%sql SELECT number, letter, half FROM back ORDER BY number")
        .unwrap();
    assert!(bench.session.frame("_").unwrap().equals(&small));

    bench.file("broken.parquet", "PAR1 but nothing else");
    let error = bench
        .line("%load small.parquet broken.parquet --where \"number > 6\"")
        .unwrap_err();
    assert!(
        error.message.starts_with("broken.parquet cannot be read as Parquet: "),
        "{}",
        told(&error)
    );

    bench.file("wide.csv", "number,letter,half,extra\n1,a,2.5,x\n");
    let error = bench.line("%load small.csv wide.csv").unwrap_err();
    assert!(error.message.ends_with(" (nothing | extra: str)"), "{}", told(&error));
}

#[test]
fn folders_are_columns_in_every_format() {
    let bench = Bench::with_service().small();
    bench.line("%s3 mb folders").unwrap();
    for place in ["", "s3://folders/"] {
        for format in ["csv", "ndjson", "parquet", "ipc"] {
            let folder = format!("{place}{format}-out");
            bench
                .line(&format!(
                    "%save small {folder}/ --partition-by letter --format {format}"
                ))
                .unwrap();
            assert!(bench.told().contains(" in 2 folders, "), "{}", bench.told());
            for magic in ["load", "scan"] {
                bench.line(&format!("%{magic} {folder}/ -q -o back")).unwrap();
                bench
                    .line("%sql SELECT number, letter, half FROM back ORDER BY number")
                    .unwrap();
                let (back, small) = (bench.session.frame("_").unwrap(), bench.session.frame("small").unwrap());
                assert!(back.equals(&small), "{magic} {folder}: {back}");
                bench
                    .line(&format!(
                        "%{magic} {folder} -q --columns letter,half --where \"letter = 'a' AND half > 3\" -o some"
                    ))
                    .unwrap();
                let some = df!("letter" => ["a"], "half" => [4.0]).unwrap();
                assert!(bench.session.frame("some").unwrap().equals(&some), "{magic} {folder}");
            }
        }
    }
}

#[test]
fn keys_of_folders_come_back_as_they_were_saved() {
    let bench = Bench::with_service();
    bench.line("%s3 mb keys").unwrap();
    let frame = df!(
        "zip code" => ["01234", "56789"], "day" => ["2024-02-29", "2024-03-01"], "kind" => [1i64, 2], "n" => [1i64, 2]
    );
    let frame = frame
        .unwrap()
        .lazy()
        .with_column(col("day").str().to_date(StrptimeOptions {
            format: Some("%Y-%m-%d".into()),
            ..StrptimeOptions::default()
        }));
    let frame = frame.collect().unwrap();
    bench.session.bind_frame("keyed", frame.clone());
    for place in ["", "s3://keys/"] {
        for format in ["csv", "ndjson", "parquet", "ipc"] {
            let to = format!("{place}{format}-keys");
            bench
                .line(&format!(
                    "%save keyed {to} --format {format} --partition-by \"zip code\",day,kind"
                ))
                .unwrap();
            for line in [
                format!("%load {to} -q -o back"),
                format!("%load {to} -q --columns \"zip code\",day,kind,n --where \"n < 3\" -o back"),
                format!("%scan {to} -q -o back"),
            ] {
                bench.line(&line).unwrap();
                bench
                    .line("%sql SELECT \"zip code\", day, kind, n FROM back ORDER BY n")
                    .unwrap();
                let back = bench.session.frame("_").unwrap();
                assert!(back.equals(&frame), "{line}: {back}");
            }
        }
    }
}

/// The test above once more, in a process whose stderr can be read.
#[test]
fn nothing_is_said_past_the_front_about_folders() {
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "load::keys_of_folders_come_back_as_they_were_saved",
            "--nocapture",
        ])
        .output()
        .unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && told.contains("1 passed"), "{told}");
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
}

#[test]
fn bookkeeping_is_no_data_and_folders_of_columns_are() {
    let bench = Bench::with_service();
    bench.line("%s3 mb bookkeeping").unwrap();
    let frame = df!("_region" => ["eu", "us"], "n" => [1i64, 2]).unwrap();
    bench.session.bind_frame("regions", frame.clone());
    for name in [
        "out/_delta_log/0.csv",
        "out/_temporary/0/part-0.csv",
        "out/_region=eu/_SUCCESS",
        "out/_region=eu/.part-0.csv.crc",
        "out/.git/0.csv",
    ] {
        bench.file(name, "m\n1\n");
        bench.line(&format!("%s3 cp {name} s3://bookkeeping/{name}")).unwrap();
    }
    // As an editor leaves it behind.
    std::os::unix::fs::symlink("nobody@nowhere", bench.path().join("out/.#part-0.csv")).unwrap();
    for place in ["", "s3://bookkeeping/"] {
        let save = format!("%save regions {place}out --format csv --partition-by");
        for _ in 0..2 {
            bench.line(&format!("{save} _region")).unwrap();
        }
        for from in ["out", "out/", "out/**/*.csv", "out/*/*.csv"] {
            bench.line(&format!("%load {place}{from} -q -o back")).unwrap();
            let back = bench.session.frame("back").unwrap();
            assert!(
                back.select(["_region", "n"]).unwrap().equals(&frame),
                "{place}{from}: {back}"
            );
        }
        let error = bench.line(&format!("{save} n")).unwrap_err();
        assert!(
            error
                .message
                .starts_with(&format!("{place}out holds other files ({place}out/_region=")),
            "{}",
            told(&error)
        );
        // Who names it wants it.
        bench.line(&format!("%load {place}out/_delta_log -q")).unwrap();
    }
}

#[test]
fn a_long_list_of_files_hears_a_stop() {
    let bench = Bench::with_service();
    bench.line("%s3 mb listed").unwrap();
    for name in ["many/a=1/0.csv", "many/a=2/0.csv"] {
        bench.file(name, "n\n1\n");
        bench.line(&format!("%s3 cp {name} s3://listed/{name}")).unwrap();
    }
    for from in ["many", "many/*/0.csv", "s3://listed/many/", "s3://listed/many/*/0.csv"] {
        for line in [format!("%load {from} -o all"), format!("%scan {from} -o all")] {
            bench.front.set_interrupted(true);
            let error = bench.line(&line).unwrap_err();
            bench.front.set_interrupted(false);
            assert_eq!(
                told(&error),
                format!("Interrupted: listing {from} was stopped"),
                "{line}"
            );
        }
    }
}

#[test]
fn saving_folders_twice_is_safe_and_other_files_are_not_mixed_in() {
    let bench = Bench::new().small();
    for _ in 0..2 {
        bench.line("%save small out --partition-by letter").unwrap();
    }
    let error = bench.line("%save small out --partition-by number").unwrap_err();
    assert!(
        error.message.starts_with("out holds other files (out/letter="),
        "{}",
        told(&error)
    );
    bench.line("%load out -q -o back").unwrap();
    assert_eq!(bench.session.frame("back").unwrap().shape(), (10, 3));
    let left: Vec<_> = std::fs::read_dir(bench.path()).unwrap().flatten().collect();
    assert!(
        !left
            .iter()
            .any(|entry| entry.file_name().to_string_lossy().starts_with(".ironsage"))
    );
    let error = bench.line("%save small new/out --partition-by letter").unwrap_err();
    assert!(error.hint.unwrap().starts_with("`!mkdir -p "));
}

#[test]
fn folders_that_are_in_a_store_before_one_fails_are_named() {
    let bench = Bench::with_service();
    bench.line("%s3 mb half").unwrap();
    // No key is as long as that.
    let long = "x".repeat(2000);
    let frame = df!("key" => ["a", &long, "b"], "n" => [1, 2, 3]).unwrap();
    bench.session.bind_frame("keys", frame);
    let error = bench.line("%save keys s3://half/out --partition-by key").unwrap_err();
    assert!(
        error.message.ends_with("; 1 of 3 folders written: key=a"),
        "{}",
        told(&error)
    );
    bench.line("%s3 ls -r s3://half -o objects").unwrap();
    assert_eq!(bench.session.frame("objects").unwrap().height(), 1);
}

#[test]
fn records_and_sparse_rows_go_both_ways() {
    let bench = Bench::new();
    bench.file("n.csv", "rings,length,height\n15,0.5,0\n7,0.25,2\n");
    bench.line("%load n.csv -q -o n").unwrap();
    bench.line("%save n n.recordio --label rings").unwrap();
    bench.line("%load n.recordio -q -o back").unwrap();
    assert_eq!(bench.told(), "back: 2 rows × 3 columns, … ms");
    let back = df!("label" => [15f32, 7.0], "f0" => [0.5f32, 0.25], "f1" => [0f32, 2.0]).unwrap();
    assert!(bench.session.frame("back").unwrap().equals(&back));

    bench.line("%save n n.svm.gz --label rings").unwrap();
    bench.line("%load n.svm.gz -q -o rows").unwrap();
    assert_eq!(bench.told(), "rows: 2 rows × 3 columns, … ms · sparse, 2 features wide");
    bench.line("%save rows rows.pbr").unwrap();
    bench.line("%load rows.pbr -q -o again").unwrap();
    assert_eq!(
        bench.told(),
        "again: 2 rows × 3 columns, … ms · sparse, 2 features wide"
    );

    // A file says how wide its rows are, whatever keys it has; what is made of it is as wide.
    bench.line("%save rows wide.pbr --width 1000").unwrap();
    bench.line("%load wide.pbr -q -o wide").unwrap();
    bench.line("%split wide 50 50 -o one,other").unwrap();
    bench.line("%save one one.pbr").unwrap();
    bench.line("%load one.pbr -q").unwrap();
    assert!(
        bench.told().ends_with("sparse, 1,000 features wide"),
        "{}",
        bench.told()
    );
    let error = bench.line("%save rows narrow.pbr --width 1").unwrap_err();
    assert_eq!(error.message, "a key is 1, and rows are to be 1 wide");
    assert!(!bench.path().join("narrow.pbr").exists());

    // All files together say where keys begin.
    bench.file("parts/a.txt", "1 1:5\n");
    bench.file("parts/b.txt", "0 0:5 999999:1\n");
    bench.line("%load parts --format libsvm -q -o parts").unwrap();
    assert_eq!(
        bench.told(),
        "parts: 2 rows × 3 columns from 2 files, … ms · sparse, 1,000,000 features wide"
    );
    let keys = bench.session.frame("parts").unwrap();
    let first = keys.column("keys").unwrap().list().unwrap().get_as_series(0).unwrap();
    assert_eq!(first.u64().unwrap().get(0), Some(1));
    let error = bench.line("%scan n.recordio -o bad").unwrap_err();
    assert!(error.hint.unwrap().contains("`%load n.recordio`"));
}

#[test]
fn csv_is_read_as_it_is_said() {
    let bench = Bench::new();
    bench.file(
        "old.csv",
        b"# made by hand\nname,zip,fare\ncaf\xe9,01234,5\nodd\nbar,00001,7,8\nbaz,2,x\n",
    );
    bench
        .line("%load old.csv -q --encoding latin1 --dtypes zip=str,fare=float --null-values x --skip-bad --comment # -o old")
        .unwrap();
    assert_eq!(
        bench.told(),
        "old: 2 rows × 3 columns, … ms · 2 bad rows of old.csv left out (line 4, 5)"
    );
    let old = df!("name" => ["café", "baz"], "zip" => ["01234", "2"], "fare" => [Some(5.0), None]).unwrap();
    assert!(bench.session.frame("old").unwrap().equals_missing(&old));
    bench.file("new.csv", "# by hand\nzip,fare\n01234,5\n");
    for magic in ["load", "scan"] {
        bench
            .line(&format!(
                "%{magic} new.csv -q --dtypes zip=string --comment # --columns fare,zip -o new"
            ))
            .unwrap();
        let new = df!("fare" => [5i64], "zip" => ["01234"]).unwrap();
        assert!(bench.session.frame("new").unwrap().equals(&new), "{magic}");
    }
    let error = bench.line("%load new.csv --comment # --dtypes zipp=str").unwrap_err();
    assert_eq!(
        told(&error),
        "NotFound: new.csv has no column `zipp`\nhint: did you mean `zip`?"
    );
    let error = bench.line("%load new.csv --dtypes zip=i65").unwrap_err();
    assert!(error.message.contains("no type is called i65"), "{}", told(&error));
    let error = bench
        .line("%load old.csv --encoding latin1 --skip-bad --comment # --dtypes fare=i64")
        .unwrap_err();
    assert!(error.hint.as_ref().unwrap().contains("--dtypes"), "{}", told(&error));
    for option in ["--encoding latin1", "--skip-bad"] {
        let error = bench.line(&format!("%scan new.csv {option}")).unwrap_err();
        assert_eq!(error.hint.as_deref(), Some("`%load new.csv`"), "{option}");
    }
}

#[test]
fn anybody_reads_public_buckets_alone() {
    let bench = Bench::new();
    let error = bench.line("%load local://public/a.csv --anon").unwrap_err();
    assert_eq!(error.kind, ErrorKind::UsageError, "{}", told(&error));
}

#[test]
fn values_that_would_share_a_folder_are_not_mixed() {
    let bench = Bench::new();
    let frame = df!("key" => [Some(""), None, Some("a")], "n" => [1, 2, 3]).unwrap();
    bench.session.bind_frame("keys", frame);
    let error = bench.line("%save keys out/ --partition-by key").unwrap_err();
    assert_eq!(
        error.message,
        "two values would have the one folder key=__HIVE_DEFAULT_PARTITION__"
    );
    assert!(!bench.path().join("out").exists());
}

#[test]
fn what_is_packed_twice_is_not_unpacked_for_ever() {
    use std::io::Write;
    let bench = Bench::new();
    let packed = |content: &[u8]| {
        let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        writer.write_all(content).unwrap();
        writer.finish().unwrap()
    };
    bench.file("twice.csv.gz", packed(&packed(b"a\n1\n")));
    let error = bench.line("%load twice.csv.gz -o twice").unwrap_err();
    assert_eq!(error.message, "twice.csv.gz is packed twice");
}
