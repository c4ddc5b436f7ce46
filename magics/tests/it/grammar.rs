//! The grammar of a line: names, options, binding, insertion, and what is said when it does not fit.

use std::sync::Arc;

use ironsage_display::Front;
use ironsage_magics::{ErrorKind, Name, Past, PastCell, Scalar, Session, Value, names, run_line};

use proptest::prelude::*;

use crate::bench::{Bench, told};

fn error(bench: &Bench, line: &str) -> String {
    told(&bench.line(line).unwrap_err())
}

#[test]
fn what_does_not_fit_is_told_with_what_to_type() {
    let bench = Bench::new().small();
    let lines = [
        "%lod x.csv",
        "%frobnicate",
        "%load",
        "%load small.csv --separater ;",
        "%load small.csv --rows",
        "%scan small.csv more.csv",
        "%show small --rows many",
        "%show small --rows 0",
        "%load small.csv --format exel",
        "%s3",
        "%s3 lss",
        "%s3 cp small.csv",
        "%load small.csv -o fn",
        "%load small.csv -o 2x",
        "%load small.csv -o a,b",
        "%show 'small",
        "%show smal",
        "%split small 70 20 -o a,b",
        "%split small 70 30 -o a",
        "%split small 70 30 -o a,a",
        "%split small 70 30 --stratify leter -o a,b",
        "%bash",
        "%plot pie small letter",
        "%time let x = 1;",
    ];
    let told: Vec<String> = lines
        .iter()
        .map(|line| format!("{line}\n{}\n", error(&bench, line)))
        .collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn cell_magics_want_a_body_and_line_magics_take_none() {
    let bench = Bench::new().small();
    assert_eq!(bench.line("%writefile x").unwrap_err().kind, ErrorKind::UsageError);
    let error = bench.cell("%%show small\nSELECT 1").unwrap_err();
    assert_eq!(error.message, "%show takes no body");
}

#[test]
fn minus_o_and_the_equals_sign_bind_the_same() {
    let bench = Bench::new().small();
    bench
        .bound("one", "%sql SELECT number FROM small WHERE number < 3")
        .unwrap();
    bench
        .line("%sql SELECT number FROM small WHERE number < 3 -o two")
        .unwrap();
    bench
        .cell("%%sql -o three\nSELECT number FROM small WHERE number < 3")
        .unwrap();
    let one = bench.session.frame("one").unwrap();
    assert_eq!(one.height(), 3);
    for name in ["two", "three", "_"] {
        assert!(bench.session.frame(name).unwrap().equals(&one), "{name}");
    }
    bench.bound("a, b", "%split small 50 50").unwrap();
    assert_eq!(bench.session.frame("a").unwrap().height(), 5);
    let error = bench.bound("x", "%rm one").unwrap_err();
    assert_eq!(error.message, "%rm gives no result that `x` could be bound to");
    assert!(bench.session.frame("one").is_ok(), "a refused line does nothing");
}

#[test]
fn the_latest_binding_of_a_name_wins_whatever_it_is() {
    let bench = Bench::new().small();
    bench.line("%param small=3").unwrap();
    assert!(matches!(
        bench.session.value("small"),
        Some(Value::Scalar(Scalar::Integer(3)))
    ));
    let error = bench.line("%describe small").unwrap_err();
    assert_eq!(
        told(&error),
        "UsageError: `small` is a value, not a frame\nhint: `%who` shows what each name is"
    );
    bench.line("%load small.csv -q -o small").unwrap();
    assert_eq!(bench.session.frame("small").unwrap().height(), 10);
}

#[test]
fn a_failed_magic_binds_nothing() {
    let bench = Bench::new().small();
    let before = bench.session.bindings().len();
    bench.file("ragged.csv", "a,b\n1\n");
    bench.line("%load ragged.csv -o ragged").unwrap_err();
    bench.line("%split small 50 50 --stratify nothing -o x,y").unwrap_err();
    bench.front.set_interrupted(true);
    let error = bench.line("%load small.csv -o small").unwrap_err();
    assert_eq!(error.kind, ErrorKind::Interrupted);
    assert_eq!(bench.session.bindings().len(), before);
}

#[test]
fn braces_insert_values_and_facts_or_fail() {
    let bench = Bench::new().small();
    bench.line("%param limit=4 letter=b").unwrap();
    bench
        .cell("%%sql -o some\nSELECT * FROM small WHERE number < {{limit}} AND letter = '{{ letter }}'")
        .unwrap();
    assert_eq!(bench.session.frame("some").unwrap().height(), 2);
    bench
        .line("%param rows={{small.height}} top={{small.number.max}} names={{small.columns}}")
        .unwrap();
    assert_eq!(
        bench.told(),
        "rows = 10 (i64) · top = 9 (i64) · names = number,letter,half (String)"
    );
    for (line, message) in [
        ("%show small --rows {{limt}}", "`{{limt}}`: nothing is called `limt`"),
        (
            "%show {{small}}",
            "`{{small}}`: small is a frame of 10 rows × 3 columns, not one value",
        ),
        (
            "%show {{small.heigth}}",
            "`{{small.heigth}}`: small is a frame of 10 rows × 3 columns, not one value",
        ),
        (
            "%show {{small.leter.max}}",
            "`{{small.leter.max}}`: small has no column `leter`",
        ),
        ("%show {{1 + 1}}", "`{{1 + 1}}` is not a name, nor a fact of a frame"),
        ("%show {{small", "a `{{` is never closed by `}}`"),
    ] {
        let error = bench.line(line).unwrap_err();
        assert_eq!(error.message, message);
        assert!(error.hint.is_some(), "{line}");
    }
    assert_eq!(
        bench.line("%show {{limt}}").unwrap_err().hint.as_deref(),
        Some("did you mean `limit`?")
    );
    bench
        .cell("%%sql -o nobody\nSELECT * FROM small WHERE number > 99")
        .unwrap();
    bench
        .cell("%%sql -o highest\nSELECT max(half) AS half FROM nobody")
        .unwrap();
    for written in ["{{nobody.half.max}}", "{{nobody.half.mean}}", "{{highest}}"] {
        assert_eq!(
            bench.line(&format!("%param x={written}")).unwrap_err().message,
            format!("`{written}`: there is no value (no rows, or only nulls)")
        );
    }
}

#[test]
fn a_backslash_continues_the_line_and_quotes_keep_words_together() {
    let bench = Bench::new();
    bench.file("two words.csv", "a;b\n1;2\n");
    bench
        .line("%load 'two words.csv' \\\n  --separator ';' \\\n  -o two")
        .unwrap();
    assert_eq!(bench.session.frame("two").unwrap().shape(), (1, 2));
}

#[test]
fn names_are_rust_identifiers() {
    assert!("train".parse::<Name>().is_ok());
    assert!("match".parse::<Name>().is_err());
    assert!("a-b".parse::<Name>().is_err());
}

/// A front that breaks at the first display.
struct Broken;

impl Front for Broken {
    fn display(&self, _bundle: &ironsage_display::Bundle) {
        panic!("the wire is cut");
    }
    fn display_live(&self, _bundle: &ironsage_display::Bundle) -> ironsage_display::DisplayId {
        panic!("the wire is cut");
    }
    fn update(&self, _id: &ironsage_display::DisplayId, _bundle: &ironsage_display::Bundle) {}
    fn stream(&self, _stream: ironsage_display::Stream, _text: &str) {}
    fn interrupted(&self) -> bool {
        false
    }
}

#[test]
fn a_panic_is_an_error_and_loses_nothing() {
    let bench = Bench::new().small();
    let session: &Session = &bench.session;
    let error = run_line("show small", None, session, &Broken).unwrap_err();
    assert_eq!(error.kind, ErrorKind::InternalError);
    assert!(
        error.message.contains("%show broke") && error.message.contains("the wire is cut"),
        "{}",
        error.message
    );
    assert!(error.hint.unwrap().contains("report"));
    assert_eq!(session.frame("small").unwrap().height(), 10);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is typed after a magic's name, it runs or is refused with words; it never breaks.
    #[test]
    fn any_line_runs_or_is_refused(
        name in prop::sample::select(names()),
        rest in "( (--[a-z]{1,6}|-[a-z]|small|letter|[0-9]{1,2}|[a-z\"'{}\\[\\]=,.;ä-]{1,6})){0,6}",
        body in prop::option::of("[a-z ={}\"';\n]{0,30}"),
    ) {
        thread_local!(static BENCH: Bench = Bench::new().small());
        BENCH.with(|bench| {
            let line = format!("{name}{rest}");
            if let Err(error) = run_line(&line, body.as_deref(), &bench.session, &bench.front) {
                assert_ne!(error.kind, ErrorKind::InternalError, "%{line}: {}", told(&error));
                assert!(!error.message.is_empty());
            }
            bench.front.clear();
        });
    }
}

#[test]
fn many_runs_are_timed_and_shown_once() {
    let bench = Bench::new().small();
    let told = bench
        .line("%timeit -n 2 -r 3 %sql SELECT count(*) AS n FROM small -o counted")
        .unwrap();
    assert!(
        told.ends_with(" a run (3 repeats of 2 runs)") && told.contains(" ± "),
        "{told}"
    );
    assert_eq!(told.lines().count(), 1, "the runs show nothing: {told}");
    assert_eq!(bench.session.frame("counted").unwrap().height(), 1);
    let told = bench
        .cell("%%timeit -n 1 -r 1\n// two magics\n%param most=4\n%sql SELECT * FROM small LIMIT {{most}} -o few\n!true")
        .unwrap();
    assert!(told.ends_with(" a run (1 repeat of 1 run)"), "{told}");
    assert_eq!(bench.session.frame("few").unwrap().height(), 4);
    bench
        .cell("%%timeit -n 1 -r 1\n%%sql -o two\nSELECT *\nFROM small LIMIT 2")
        .unwrap();
    assert_eq!(bench.session.frame("two").unwrap().height(), 2);
    for (line, message) in [
        ("%timeit", "%timeit has nothing to run"),
        ("%timeit sql SELECT 1", "`sql` stands without its percent sign"),
        (
            "%timeit let x = 1;",
            "%timeit runs magics and shell commands; Rust would be compiled in each run",
        ),
        ("%timeit %show nothing", "there is no frame called `nothing`"),
    ] {
        assert_eq!(bench.line(line).unwrap_err().message, message);
    }
    bench.front.interrupt_after(3);
    assert_eq!(
        bench.line("%timeit -n 100000 -r 100000 %param x=1").unwrap_err().kind,
        ErrorKind::Interrupted
    );
}

#[test]
fn what_was_typed_is_listed_without_secrets() {
    struct Typed;
    impl Past for Typed {
        fn cells(&self, earlier: Option<u32>) -> Vec<PastCell> {
            let cell = |session, line, input: &str| PastCell {
                session,
                line,
                input: input.to_owned(),
            };
            let mut cells = match earlier {
                Some(0) => Vec::new(),
                _ => vec![cell(Some(7), 1, "%load flights.csv -o flights")],
            };
            cells.push(cell(None, 1, "let a = 1;\na"));
            cells.push(cell(None, 2, "%env DB_PASSWORD=abc\n%who"));
            cells
        }
    }
    let bench = Bench::new();
    let error = bench.line("%history").unwrap_err();
    assert_eq!(error.message, "there is no history here");
    bench.session.set_past(Arc::new(Typed));
    assert_eq!(
        bench.line("%history").unwrap(),
        "1: let a = 1;\n   a\n2: … (sets a secret, not shown)\n   %who\n2 cells"
    );
    assert_eq!(bench.line("%history -n 1 -l 3").unwrap().lines().last(), Some("1 cell"));
    assert_eq!(
        bench.line("%history -g \"%LOAD*flights.?sv\" -o typed").unwrap(),
        "7/1: %load flights.csv -o flights\n1 cell"
    );
    assert_eq!(bench.session.frame("typed").unwrap().shape(), (1, 3));
    assert_eq!(bench.line("%history -g flights -l 0").unwrap(), "0 cells");
}
