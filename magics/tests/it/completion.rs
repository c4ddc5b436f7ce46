//! What Tab offers.

use ironsage_magics::complete;

use crate::bench::Bench;

/// The texts offered where `|` stands, and what they would replace.
fn offered(bench: &Bench, code: &str) -> (String, Vec<String>) {
    let cursor = code.find('|').unwrap();
    let code = code.replace('|', "");
    let found = complete(&code, cursor, &bench.session);
    let replaced = code[found.start..found.end].to_owned();
    (replaced, found.matches.into_iter().map(|item| item.text).collect())
}

fn texts(bench: &Bench, code: &str) -> Vec<String> {
    offered(bench, code).1
}

#[test]
fn names_options_and_values() {
    let bench = Bench::new().small();
    assert_eq!(texts(&bench, "%lo|"), ["%load"]);
    assert_eq!(texts(&bench, "let größe = 1;\n%lo|"), ["%load"]);
    assert!(texts(&bench, "%%s|").contains(&"%%sql".to_owned()));
    assert!(!texts(&bench, "%%s|").contains(&"%%split".to_owned()));
    assert_eq!(texts(&bench, "%load x.csv --nu|"), ["--null-values"]);
    assert_eq!(texts(&bench, "%load x.csv --format pa|"), ["parquet"]);
    assert_eq!(texts(&bench, "x = %load x.csv --format=pa|"), ["parquet"]);
    assert_eq!(texts(&bench, "%s3 |"), ["ls", "mb", "rb", "cp", "head", "rm"]);
    assert_eq!(texts(&bench, "%plot sc|"), ["scatter"]);
    assert_eq!(texts(&bench, "%show |"), ["small"]);
}

#[test]
fn columns_are_those_of_the_frame_on_the_line() {
    let bench = Bench::new().small();
    bench
        .session
        .bind_frame("other", polars::df!("elsewhere" => [1]).unwrap());
    assert_eq!(texts(&bench, "%plot scatter small |"), ["number", "letter", "half"]);
    assert_eq!(
        texts(&bench, "%plot scatter small number half --color |"),
        ["number", "letter", "half"]
    );
    assert_eq!(
        offered(&bench, "%show small --columns half,le|"),
        ("le".to_owned(), vec!["letter".to_owned()])
    );
    assert_eq!(texts(&bench, "%plot scatter other |"), ["elsewhere"]);
}

#[test]
fn queries_know_frames_columns_and_words() {
    let bench = Bench::new().small();
    assert_eq!(offered(&bench, "%%sql -o x\nSELECT le| FROM small").0, "le");
    assert!(texts(&bench, "%%sql -o x\nSELECT le| FROM small").contains(&"letter".to_owned()));
    assert!(texts(&bench, "%%sql\nSELECT * FROM sm|").contains(&"small".to_owned()));
    assert!(texts(&bench, "%%sql\nSELECT * FROM small WHE|").contains(&"WHERE".to_owned()));
    assert_eq!(texts(&bench, "%%sql\nSELECT small.h| FROM small"), ["half"]);
}

#[test]
fn hyperparameters_and_their_values() {
    let bench = Bench::new().small();
    let line = "%train linear-learner small --label half";
    assert_eq!(texts(&bench, &format!("{line} opt|")), ["optimizer="]);
    assert_eq!(
        texts(&bench, &format!("{line} optimizer=a|")),
        ["optimizer=auto", "optimizer=adam", "optimizer=adagrad"]
    );
    assert_eq!(
        texts(&bench, &format!("{line} use_bias=true use_b|")),
        Vec::<String>::new()
    );
    assert_eq!(texts(&bench, "%help linear|"), ["linear-learner"]);
}

#[test]
fn paths_and_addresses() {
    let bench = Bench::new();
    bench.file("data/abalone.csv", "x");
    bench.file("data/.hidden", "x");
    assert_eq!(texts(&bench, "%load da|"), ["data/"]);
    assert_eq!(texts(&bench, "%load data/|"), ["data/abalone.csv"]);
    assert_eq!(texts(&bench, "%load s3|"), ["s3://"]);
    assert_eq!(
        texts(&bench, "%load s3://|"),
        Vec::<String>::new(),
        "no service is started for it"
    );
    let bench = Bench::with_service();
    bench.file("a.csv", "x\n1\n");
    bench.line("%s3 mb completing").unwrap();
    bench.line("%s3 cp a.csv s3://completing/raw/a.csv").unwrap();
    assert_eq!(texts(&bench, "%load s3://comple|"), ["s3://completing/"]);
    assert_eq!(texts(&bench, "%load s3://completing/ra|"), ["s3://completing/raw/"]);
    assert_eq!(
        texts(&bench, "%load s3://completing/raw/|"),
        ["s3://completing/raw/a.csv"]
    );
}

#[test]
fn rust_is_left_to_rust() {
    let bench = Bench::new();
    assert_eq!(texts(&bench, "let x = 5 % 2|"), Vec::<String>::new());
    assert_eq!(texts(&bench, "|"), Vec::<String>::new());
    assert_eq!(offered(&bench, "ä = b|"), (String::new(), Vec::new()));
}
