//! Frames in and out of files, and what is shown of them.

use ironsage_magics::{ErrorKind, Value};

use crate::bench::{Bench, told};

#[test]
fn load_says_what_came() {
    let bench = Bench::new();
    bench.file("data/abalone.csv", "sex,length,rings\nM,0.455,15\nF,0.53,9\n");
    bench.line("%load data/abalone.csv -o abalone").unwrap();
    assert_eq!(bench.told(), "abalone: 2 rows × 3 columns, … ms");
    bench.line("%load data/abalone.csv").unwrap();
    assert_eq!(bench.told(), "data/abalone.csv: 2 rows × 3 columns, … ms");
    assert!(matches!(bench.session.value("_"), Some(Value::Frame(_))));
}

#[test]
fn a_folder_is_all_its_files() {
    let bench = Bench::new();
    bench.file("parts/b.csv", "x,y\n3,4\n");
    bench.file("parts/a.csv", "x,y\n1,2\n");
    bench.file("parts/_SUCCESS", "");
    bench.line("%load parts -q -o parts").unwrap();
    assert_eq!(bench.told(), "parts: 2 rows × 2 columns from 2 files, … ms");
    let x = bench
        .session
        .frame("parts")
        .unwrap()
        .column("x")
        .unwrap()
        .i64()
        .unwrap()
        .to_vec();
    assert_eq!(x, [Some(1), Some(3)]);
    bench.file("parts/c.csv", "x,z\n5,6\n");
    let error = bench.line("%load parts -o parts").unwrap_err();
    assert_eq!(error.kind, ErrorKind::DataError);
    assert!(
        error
            .message
            .starts_with("parts/a.csv and parts/c.csv don't have the same columns"),
        "{}",
        error.message
    );
}

#[test]
fn files_that_cannot_be_read_are_told_with_their_line() {
    let bench = Bench::new();
    bench.file("ragged.csv", "a,b\n1,2\n\n3\n");
    bench.file("semicolons.csv", "a;b\n1,5;2\n");
    bench.file("open.csv", "a,b\n1,\"2\n3,4\n");
    bench.file("latin.csv", b"a,b\n1,caf\xe9\n");
    bench.file("twice.csv", "a,a\n1,2\n");
    bench.file("empty.csv", "");
    bench.file("what", "?");
    bench.file("broken.parquet", "PAR1 but nothing else");
    let names = [
        "ragged.csv",
        "semicolons.csv",
        "open.csv",
        "latin.csv",
        "twice.csv",
        "empty.csv",
        "what",
        "raged.csv",
    ];
    let mut shown: Vec<String> = names
        .iter()
        .map(|name| told(&bench.line(&format!("%load {name}")).unwrap_err()))
        .collect();
    shown.push(told(&bench.line("%load ragged.csv --columns c").unwrap_err()));
    shown.push(told(&bench.line("%load ftp://x/y.csv").unwrap_err()));
    insta::assert_snapshot!(shown.join("\n\n"));
    assert_eq!(
        bench.line("%load broken.parquet").unwrap_err().kind,
        ErrorKind::DataError
    );
}

#[test]
fn a_missing_folder_is_told_with_the_one_that_was_meant() {
    let bench = Bench::new();
    bench.file("data/übungen/a.csv", "x\n1\n");
    for typed in ["data/übung", "data/übung/"] {
        let error = bench.line(&format!("%load {typed}")).unwrap_err();
        assert_eq!(error.hint.as_deref(), Some("did you mean `data/übungen`?"), "{typed}");
    }
}

#[test]
fn what_is_saved_loads_again() {
    let bench = Bench::new().small();
    bench.shell("mkdir out").unwrap();
    for name in [
        "s.csv",
        "s.tsv",
        "s.parquet",
        "s.ndjson",
        "s.json",
        "s.arrow",
        "s.csv.gz",
    ] {
        bench.line(&format!("%save small out/{name}")).unwrap();
        assert!(
            bench
                .told()
                .starts_with(&format!("out/{name}: 10 rows × 3 columns as ")),
            "{}",
            bench.told()
        );
        bench.line(&format!("%load out/{name} -q -o back")).unwrap();
        let (back, small) = (
            bench.session.frame("back").unwrap(),
            bench.session.frame("small").unwrap(),
        );
        assert!(back.equals_missing(&small), "{name}: {back}");
    }
    bench
        .line("%save small out/train.csv --columns half,number --no-header")
        .unwrap();
    let text = std::fs::read_to_string(bench.path().join("out/train.csv")).unwrap();
    assert!(text.starts_with("0.0,0\n0.5,1\n"), "{text}");
    assert!(
        bench
            .line("%save small out/x")
            .unwrap_err()
            .hint
            .unwrap()
            .contains("--format csv")
    );
}

#[test]
fn split_is_the_same_each_time_and_keeps_the_order() {
    let bench = Bench::new();
    let rows: String = (0..4173).map(|row| format!("{row},{}\n", row % 3)).collect();
    bench.file("rows.csv", format!("row,kind\n{rows}"));
    bench.line("%load rows.csv -q -o clean").unwrap();
    bench
        .line("%split clean 70 15 15 --seed 7 -o train,valid,test")
        .unwrap();
    assert_eq!(bench.told(), "train 2,921 · valid 626 · test 626 (random, seed 7)");
    let rows_of = |name: &str| -> Vec<i64> {
        let frame = bench.session.frame(name).unwrap();
        frame
            .column("row")
            .unwrap()
            .i64()
            .unwrap()
            .into_no_null_iter()
            .collect()
    };
    let first = rows_of("train");
    assert!(first.is_sorted());
    // The same rows on every machine and in every version.
    insta::assert_debug_snapshot!((&first[..12], &rows_of("valid")[..6], &rows_of("test")[..6]));
    bench
        .line("%split clean 70 15 15 --seed 7 -o train,valid,test")
        .unwrap();
    assert_eq!(rows_of("train"), first);
    bench.line("%split clean 0.5 0.5 --stratify kind -o a,b").unwrap();
    assert_eq!(bench.told(), "a 2,087 · b 2,086 (random within kind, seed 0)");
}

#[test]
fn show_pages_and_picks_columns() {
    let bench = Bench::new().small();
    bench
        .line("%show small --rows 3 --page 2 --columns half,number")
        .unwrap();
    assert_eq!(bench.told(), "small: rows 4–6 of 10 · 2 of 3 columns");
    bench.line("%show small").unwrap();
    assert_eq!(bench.told(), "small: 10 rows × 3 columns");
    let error = bench.line("%show small --rows 5 --page 3").unwrap_err();
    assert_eq!(
        told(&error),
        "UsageError: small has no page 3\nhint: with 5 rows each there are 2 pages"
    );
    let error = bench.line("%show small --columns leter").unwrap_err();
    assert_eq!(
        told(&error),
        "NotFound: small has no column `leter`\nhint: did you mean `letter`?"
    );
}

#[test]
fn describe_profile_and_schema_tell_the_columns() {
    let bench = Bench::new().small();
    assert!(bench.line("%describe small").unwrap().contains("mean"));
    let profile = bench.line("%profile small").unwrap();
    assert!(profile.contains("letter") && profile.contains("a 50 %"), "{profile}");
    assert_eq!(bench.told(), "small: 10 rows × 3 columns");
    for (line, width) in [("%describe small", 4), ("%profile small", 14), ("%schema small", 2)] {
        bench.line(line).unwrap();
        assert_eq!(bench.session.frame("_").unwrap().width(), width, "{line}");
    }
    bench.line("%schema small -o columns").unwrap();
    assert_eq!(bench.session.frame("columns").unwrap().height(), 3);
}

#[test]
fn plots_are_pictures_with_a_line_of_text() {
    let bench = Bench::new().small();
    for line in [
        "%plot hist small half",
        "%plot scatter small number half --color letter",
        "%plot line small number half",
        "%plot bar small letter",
        "%plot box small half --by letter",
        "%plot hist small half --by letter --log y",
        "%plot density small half",
        "%plot heatmap small letter number --value half",
        "%plot corr small",
        "%plot pair small --color letter",
        "%plot missing small --size 600x240",
    ] {
        bench.line(line).unwrap();
        let shown = bench.front.displays();
        assert!(shown[0].data.contains_key("image/png"), "{line}");
        assert!(!shown[0].plain().is_empty(), "{line}");
    }
    let error = bench.line("%plot hist small haf").unwrap_err();
    assert_eq!(
        (error.kind, error.hint.as_deref()),
        (ErrorKind::NotFound, Some("did you mean `half`?"))
    );
    bench.line("%plot hist small half --save half.svg").unwrap();
    assert!(
        std::fs::read_to_string(bench.path().join("half.svg"))
            .unwrap()
            .contains("<svg")
    );
}

#[test]
fn four_kinds_are_interactive_and_the_others_say_no() {
    let bench = Bench::new().small();
    for line in [
        "%plot hist small half --interactive",
        "%plot scatter small number half --color letter --interactive",
        "%plot line small number half --by letter --interactive",
        "%plot bar small letter --interactive",
    ] {
        bench.line(line).unwrap();
        let shown = bench.front.displays();
        let specification = &shown[0].data["application/vnd.vegalite.v5+json"];
        let rows = specification["data"]["values"].as_array().unwrap();
        assert!(!rows.is_empty(), "{line}");
        assert!(shown[0].data.contains_key("image/png"), "{line}");
    }
    let error = bench.line("%plot box small half --interactive").unwrap_err();
    assert_eq!(error.message, "%plot box has no interactive form");
    assert!(error.hint.unwrap().contains("hist, scatter, line and bar"));
}

#[test]
fn a_picture_is_saved_by_its_extension_and_refused_before_it_is_drawn() {
    let bench = Bench::new().small();
    bench.line("%plot bar small letter --save letters.PNG").unwrap();
    let content = std::fs::read(bench.path().join("letters.PNG")).unwrap();
    assert!(content.starts_with(b"\x89PNG"));
    for (option, said) in [
        ("--save letters.pdf", "`.svg` or `.png`"),
        ("--save s3://pictures/letters.png", "%s3 cp"),
        ("--size 800", "800x500"),
    ] {
        let error = bench.line(&format!("%plot bar small letter {option}")).unwrap_err();
        assert_eq!(error.kind, ErrorKind::UsageError, "{option}");
        assert!(error.text().contains(said), "{}", error.text());
    }
}

#[test]
fn who_lists_everything_with_a_name() {
    let bench = Bench::new();
    assert_eq!(
        bench.line("%who").unwrap(),
        "nothing yet: `%load data.csv -o name` makes a frame"
    );
    let bench = bench.small();
    bench.line("%param trials=20").unwrap();
    let listed = bench.line("%who").unwrap();
    assert!(
        listed.contains("10 rows × 3 columns") && listed.contains("20 (i64)"),
        "{listed}"
    );
    assert_eq!(bench.told(), "1 frame · 1 value");
    assert_eq!(
        bench.line("%rm small nothing").unwrap(),
        "small forgotten · nothing is not bound"
    );
    assert!(bench.session.frame("small").is_err());
}

#[test]
fn folders_variables_and_written_files() {
    let bench = Bench::new();
    let error = bench.cell("%%writefile sub/note.txt\nfirst {{kept}}\n").unwrap_err();
    assert_eq!(error.kind, ErrorKind::NotFound);
    bench.shell("mkdir sub").unwrap();
    bench.cell("%%writefile sub/note.txt\nfirst {{kept}}\n").unwrap();
    assert_eq!(bench.told(), "sub/note.txt written (1 line, 15 B)");
    bench.cell("%%writefile sub/note.txt\nfirst {{kept}}\n").unwrap();
    assert_eq!(bench.told(), "sub/note.txt already there (1 line, 15 B)");
    bench.cell("%%writefile -a sub/note.txt\nsecond").unwrap();
    bench.line("%cd sub").unwrap();
    assert_eq!(
        std::fs::read_to_string(bench.session.path("note.txt")).unwrap(),
        "first {{kept}}\nsecond\n"
    );
    assert_eq!(bench.line("%cd nowhere").unwrap_err().kind, ErrorKind::NotFound);
    bench.line("%env MY_SECRET=hush").unwrap();
    assert_eq!(bench.told(), "MY_SECRET=… (not shown)");
    bench.shell("echo \"$MY_SECRET\" | tr a-z A-Z; basename $PWD").unwrap();
    assert_eq!(bench.front.streamed(ironsage_display::Stream::Stdout), "HUSH\nsub\n");
}

#[test]
fn what_would_not_fit_into_memory_is_refused_with_the_numbers() {
    let bench = Bench::new();
    let path = bench.file("huge.csv", "x\n1\n");
    // A file with a hole of a terabyte takes no disk.
    std::fs::File::options()
        .write(true)
        .open(path)
        .unwrap()
        .set_len(1 << 40)
        .unwrap();
    let error = bench.line("%load huge.csv -o huge").unwrap_err();
    assert_eq!(error.kind, ErrorKind::MemoryError);
    assert!(
        error.message.starts_with("huge.csv would take about 3.3 TB, and "),
        "{}",
        error.message
    );
    let shown = bench.shown();
    assert!(shown.contains("i64"), "its columns are shown: {shown}");
    assert!(error.hint.unwrap().contains("--force"));
}
