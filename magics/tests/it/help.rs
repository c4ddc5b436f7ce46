//! Help from the declarations.

use ironsage_magics::{MagicInfo, help, names};

use crate::bench::Bench;

#[test]
fn every_magic_explains_itself_with_two_examples() {
    for info in MagicInfo::all() {
        let page = help(info.name).unwrap();
        let text = page.plain();
        assert!(!info.about.is_empty(), "{} has no summary", info.name);
        assert!(text.contains("Usage:"), "{}: {text}", info.name);
        let examples = text
            .split("Examples:")
            .nth(1)
            .unwrap_or_else(|| panic!("{} has no examples", info.name));
        let typed = examples.lines().filter(|line| line.starts_with("  %")).count();
        assert!(typed >= 2, "{} has {typed} examples", info.name);
        assert!(page.data.contains_key("text/html"));
    }
    let bench = Bench::new();
    for line in ["%s3 cp --help", "%s3 rm -h", "%plot scatter --help"] {
        let page = bench.line(line).unwrap();
        assert_eq!(page.lines().filter(|line| line.starts_with("  %")).count(), 2, "{page}");
    }
}

#[test]
fn the_ways_to_help_are_one() {
    let bench = Bench::new();
    let page = help("split").unwrap().plain().to_owned();
    assert_eq!(bench.line("%split?").unwrap(), page);
    assert_eq!(bench.line("%help split").unwrap(), page);
    assert_eq!(bench.line("%split --help").unwrap(), page);
    assert_eq!(help("%split?").unwrap().plain(), page);
    assert!(bench.line("%s3 cp --help").unwrap().contains("--recursive"));
    insta::assert_snapshot!(page);
}

#[test]
fn an_algorithm_explains_its_hyperparameters() {
    let bench = Bench::new();
    let page = bench.line("%help linear-learner").unwrap();
    assert!(
        page.contains("\n  epochs: a whole number ≥ 1; default 15\n      The most passes"),
        "{page}"
    );
    assert!(!page.contains("_kvstore"), "{page}");
    assert!(bench.line("%help").unwrap().contains("%help linear-learner"));
}

#[test]
fn all_magics_are_listed() {
    let bench = Bench::new();
    let listed = bench.line("%lsmagic").unwrap();
    for name in names() {
        assert!(listed.contains(&format!("%{name}")), "{name}");
    }
    let json = bench.line("%lsmagic --json").unwrap();
    let parsed: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(parsed.as_array().unwrap().len(), names().len());
    let error = help("splt").unwrap_err();
    assert_eq!(
        (error.message.as_str(), error.hint.as_deref()),
        ("there is no magic %splt", Some("did you mean `%split`?"))
    );
}
