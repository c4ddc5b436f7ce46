//! What Tab offers.

use ironsage_magics::{complete, inspect};
use proptest::prelude::*;

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
    for line in ["%sql SELECT le| FROM small", "%sql -q -o x SELECT le| FROM small"] {
        assert!(texts(&bench, line).contains(&"letter".to_owned()), "{line}");
    }
    assert_eq!(texts(&bench, "%sql --sa|"), ["--save"]);
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

#[test]
fn recipes_know_their_steps_and_columns() {
    let bench = Bench::new().small();
    bench
        .session
        .bind_frame("other", polars::df!("elsewhere" => [1]).unwrap());
    assert!(texts(&bench, "%%prep p\n|").contains(&"one_hot".to_owned()));
    assert_eq!(texts(&bench, "%%prep p\nstan|"), ["standardize"]);
    assert_eq!(
        offered(&bench, "%%prep p --preview small\nfill half @nu|"),
        ("@nu".to_owned(), vec!["@numeric".to_owned()])
    );
    assert_eq!(
        texts(&bench, "%%prep p --preview small\nfill half me|"),
        ["median", "mean"]
    );
    assert_eq!(texts(&bench, "%%prep p --preview small\nfill -le|"), ["letter"]);
    assert_eq!(
        texts(&bench, "%%prep p --preview small\nlog else|"),
        Vec::<String>::new()
    );
    assert_eq!(texts(&bench, "%%prep p\nlog else|"), ["elsewhere"]);
}

#[test]
fn saved_queries_functions_and_options_are_offered_in_sql() {
    let bench = Bench::new().small();
    bench
        .cell("%%sql -q --save halves\nSELECT half AS one_half FROM small")
        .unwrap();
    assert_eq!(texts(&bench, "%%sql\nSELECT * FROM hal|"), ["halves"]);
    assert_eq!(texts(&bench, "%%sql\nSELECT one| FROM halves"), ["one_half"]);
    assert_eq!(
        texts(&bench, "%%sql\nSELECT date_| FROM small"),
        ["date_part"],
        "once, as a function"
    );
    assert_eq!(texts(&bench, "%%sql\nSELECT * FROM read_|"), Vec::<String>::new());
    assert_eq!(texts(&bench, "%%sql --sa|"), ["--save"]);
    // The columns of the tables in FROM come first.
    bench.session.bind_frame("ab", polars::df!("nothing" => [1]).unwrap());
    assert_eq!(texts(&bench, "%%sql\nSELECT a| FROM ab")[0], "ab");
    assert_eq!(texts(&bench, "%%sql\nSELECT n| FROM ab")[0], "nothing");
    assert_eq!(
        texts(&bench, "%train linear-learner small --label |"),
        ["number", "letter", "half"]
    );
}

/// What is told of the thing at `|`.
fn told(bench: &Bench, code: &str) -> String {
    let cursor = code.find('|').unwrap();
    let found = inspect(&code.replace('|', ""), cursor, &bench.session);
    found.map(|bundle| bundle.plain().to_owned()).unwrap_or_default()
}

#[test]
fn whatever_stands_at_the_cursor_is_told() {
    let bench = Bench::new().small();
    bench.line("%param most=5").unwrap();
    bench.cell("%%sql -q --save halves\nSELECT half FROM small").unwrap();
    let small = "small: a frame of 10 rows × 3 columns, 0.2 kB\n  number  i64\n  letter  str\n  half    f64";
    let frame = |text: String| {
        let (first, rest) = text.split_once('\n').unwrap();
        format!("{}0.2 kB\n{rest}", &first[..first.rfind(", ").unwrap() + 2])
    };
    assert_eq!(frame(told(&bench, "%show sm|all --rows 2")), small);
    assert_eq!(frame(told(&bench, "%%sql\nSELECT * FROM small|")), small);
    assert_eq!(frame(bench.line("%small?").unwrap()), small);
    assert_eq!(frame(bench.line("%small??").unwrap()), small);
    assert_eq!(frame(bench.line("%help small").unwrap()), small);
    for (code, expected) in [
        ("%show small --ro|ws 2", "--rows <"),
        ("%sh|ow small", "Show rows of a frame"),
        ("x = %sql SELECT le|tter FROM small", "letter: str, a column of small"),
        (
            "%%sql\nSELECT half, lengt|h(letter) FROM small",
            "length(text)\n  the length in characters",
        ),
        (
            "%%sql\nSELECT * FROM halves|",
            "halves: a query of 1 column\nSELECT half FROM small\n  half  f64",
        ),
        (
            "%%sql --li|mit 3\nSELECT 1",
            "--limit <N>\n  Give the first N rows only",
        ),
        ("%show --rows {{mo|st}} small", "most: 5 (i64)"),
        (
            "%train linear-learner small --label half epo|chs=3",
            "epochs: a whole number ≥ 1; default 15",
        ),
        (
            "%%train linear-learner small --label half -o m\nepoch|s = 3",
            "epochs: a whole number ≥ 1; default 15",
        ),
        ("%%prep p\nstandard|ize @numeric", "standardize COLUMNS\n"),
        ("%plot scat|ter small", "How two columns go together"),
        ("%%sql\nSELECT nothing|", "Query frames by name, in SQL"),
    ] {
        let told = told(&bench, code);
        assert!(told.starts_with(expected), "{code}: {told}");
    }
    assert_eq!(told(&bench, "let a = sma|ll;"), "");
    assert_eq!(told(&bench, "%nothing sma|ll"), "");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_code_is_completed_and_inspected(
        start in prop::sample::select(vec!["%%sql\n", "%sql ", "%%prep p\n", "%show ", "%plot scatter ", "%%train linear-learner t\n", ""]),
        rest in "[a-c%ä@'\"(){}\\[\\],.=\\\\ \n-]{0,16}",
        at in 0usize..48,
    ) {
        let bench = Bench::new();
        let code = format!("{start}{rest}");
        let found = complete(&code, at, &bench.session);
        prop_assert!(code.get(found.start..found.end).is_some());
        let _ = inspect(&code, at, &bench.session);
    }
}
