//! Completion and inspection with a small index and a real rustc, without evcxr.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use polars::prelude::{DataFrame, df};

use super::{Assistant, Docs, Scope};
use crate::evaluator::Completions;
use crate::host::Host;
use crate::index::{FILE, tests::sample};
use crate::known::Context;

struct OneFrame(DataFrame);

impl Host for OneFrame {
    fn frame(&self, name: &str) -> Option<DataFrame> {
        (name == "train").then(|| self.0.clone())
    }
    fn names(&self) -> Vec<String> {
        vec!["train".to_owned()]
    }
    fn put(&self, _: &str, _: DataFrame) {}
}

/// The code without the mark for the cursor, and where that was.
fn at_cursor(code: &str) -> (String, usize) {
    (code.replacen('‸', "", 1), code.find('‸').unwrap())
}

struct Desk {
    _folder: tempfile::TempDir,
    assistant: Assistant,
    scope: Scope,
}

impl Desk {
    fn new() -> Desk {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_owned();
        sample(&path);
        let frame = df!("length" => [1.5f64, 2.0], "letters" => ["a", "b"], "rings" => [1, 2]).unwrap();
        let mut known = Context::default();
        known.set_items(
            "use polars::prelude::*;\n/// A shell.\nstruct Shell { rings: u8 }\nimpl Shell { fn age(&self) -> f64 { 1.5 } }\n/// Doubles.\nfn twice(x: i64) -> i64 { 2 * x }",
        );
        for (name, rust_type) in [
            ("data", "polars::prelude::DataFrame"),
            ("shell", "Shell"),
            ("note", "u8"),
        ] {
            known.variables.insert(name.to_owned(), rust_type.to_owned());
        }
        Desk {
            assistant: Assistant::new(Arc::new(OneFrame(frame))),
            scope: Scope {
                known,
                held: Default::default(),
                rustc: "rustc".into(),
                flags: vec![
                    format!("-Ldependency={}", path.display()),
                    format!("--extern=polars={}", path.join("libpolars.rmeta").display()),
                ],
                crates: ["polars".to_owned(), "std".to_owned()].into(),
                index: path.join(FILE),
                folder: path,
            },
            _folder: folder,
        }
    }

    /// What is completed at `‸` without rust-analyzer, and whether it took rustc.
    fn complete(&self, code: &str) -> (Completions, bool) {
        let (code, offset) = at_cursor(code);
        let request = self.assistant.to_complete(&self.scope, &code, offset);
        if let Some(found) = request.completed_at_once() {
            return (found, false);
        }
        match request.completed_by_rustc(Instant::now() + Duration::from_secs(20)) {
            Some(found) => (found, true),
            None => (request.completed_with(None), false),
        }
    }

    fn texts(&self, code: &str) -> Vec<String> {
        let found = self.complete(code).0;
        found.items.into_iter().map(|item| item.text).collect()
    }

    fn explain(&self, code: &str) -> Option<Docs> {
        let (code, offset) = at_cursor(code);
        let request = self.assistant.to_explain(&self.scope, &code, offset)?;
        let found = request.explained_at_once();
        found.or_else(|| request.explained_by_rustc(Instant::now() + Duration::from_secs(20)))
    }
}

#[test]
fn methods_are_found_by_the_type_of_what_is_before_the_dot() {
    let desk = Desk::new();
    // A variable and a frame of the session need no rustc.
    for code in ["data.la‸", "let x = train.la‸", "train.clone(); train.la‸"] {
        let (found, asked) = desk.complete(code);
        assert_eq!(found.items.len(), 1, "{code}: {found:?}");
        assert_eq!(
            (found.items[0].text.as_str(), found.items[0].kind, asked),
            ("lazy", "function", false)
        );
        assert_eq!(found.items[0].signature.as_deref(), Some("fn lazy(self) -> Expr"));
        assert_eq!(found.end - found.start, 2);
    }
    // The type changes within the cell, in a closure, in what is not finished.
    for (code, expected) in [
        ("let data = col(\"a\");\ndata.al‸", "alias"),
        ("data.map(|e| e.al‸)", "alias"),
        ("f(train.lazy().al‸, 1);\nlet y = 2;", "alias"),
        ("if data.column(\"a\")?.su‸", "sum"),
        ("let n = 5; println!(\"{}\", data.clone().hea‸", "head"),
    ] {
        let (found, asked) = desk.complete(code);
        assert!(
            asked && found.items.iter().any(|item| item.text == expected),
            "{code}: {found:?}"
        );
        // One letter more asks nobody.
        assert!(!desk.complete(code).1, "{code}");
    }
    // A variable of a frame's name, as long as the frame is what it was.
    let mut desk = desk;
    desk.scope
        .known
        .variables
        .insert("train".to_owned(), "Shell".to_owned());
    assert_eq!(desk.texts("train.la‸"), ["lazy"]);
    let frame = desk.assistant.host.frame("train").unwrap();
    desk.scope.held.insert("train".to_owned(), frame);
    assert_eq!(desk.texts("train.la‸"), Vec::<String>::new());
    assert_eq!(desk.texts("train.ri‸"), ["rings"]);
    desk.scope.held.clear();
    assert_eq!(desk.texts("shell.‸"), ["rings", "age"]);
    assert_eq!(desk.texts("data.‸").last().map(String::as_str), Some("_inner"));
    assert!(!desk.texts("data.‸").contains(&"empty".to_owned()));
}

#[test]
fn paths_and_names_are_found_through_what_is_in_scope() {
    let desk = Desk::new();
    assert_eq!(desk.texts("DataFrame::e‸"), ["empty"]);
    assert_eq!(desk.texts("polars::prelude::DataF‸"), ["DataFrame"]);
    assert_eq!(desk.texts("JoinType::‸"), ["Inner", "Left", "Other"]);
    assert_eq!(desk.texts("polars::d‸"), ["df!"]);
    assert_eq!(desk.texts("use polars::d‸"), ["df"]);
    assert_eq!(desk.texts("use polars::{prelude::{co‸"), ["col", "column"]);
    assert_eq!(desk.texts("use polars::prelude as pl;\npl::TextC‸"), ["TextChunked"]);
    assert_eq!(desk.texts("Shell::‸"), ["age"]);
    assert_eq!(desk.texts("let x = TextCh‸"), ["TextChunked"]);
    assert_eq!(desk.texts("tra‸"), ["train", "trait"]);
    assert_eq!(desk.texts("let total = 1;\nto‸"), ["total"]);
    assert_eq!(desk.texts("twi‸"), ["twice"]);
    assert_eq!(desk.texts("pol‸"), ["polars"]);
    assert!(desk.texts("‸").contains(&"shell".to_owned()));
    let (found, _) = desk.complete("co‸");
    let col = found.items.iter().find(|item| item.text == "col").unwrap();
    assert_eq!(
        (col.kind, col.signature.as_deref()),
        ("function", Some("fn col(name: &str) -> Expr"))
    );
    for code in ["// col‸", "'c‸'", "12‸", "\"co‸\""] {
        assert!(desk.texts(code).is_empty(), "{code}");
    }
}

#[test]
fn what_rust_analyzer_says_comes_first_and_is_not_repeated() {
    let desk = Desk::new();
    let request = desk.assistant.to_complete(&desk.scope, "co", 2);
    let mut analyzer = request.completed_with(None);
    analyzer.items.retain(|item| item.text == "col");
    analyzer.items[0].text = "col(name)".to_owned();
    analyzer.items[0].signature = None;
    let found = request.completed_with(Some(analyzer));
    let texts: Vec<&str> = found.items.iter().map(|item| item.text.as_str()).collect();
    assert_eq!(texts[..2], ["col(name)", "column"]);
    assert_eq!(found.items[0].signature.as_deref(), Some("fn col(name: &str) -> Expr"));
    // evcxr carries its commands out, so it sees only the one that is typed.
    let code = ":dep x\nco";
    let request = desk.assistant.to_complete(&desk.scope, code, code.len());
    assert_eq!(request.to_analyzer(code, code.len()).trim(), "co");
    assert_eq!(request.to_analyzer(code, 4), code);
}

#[test]
fn columns_are_completed_in_texts_that_name_them() {
    let desk = Desk::new();
    assert_eq!(desk.texts("data.select([col(\"le‸\")])"), ["length", "letters"]);
    assert_eq!(desk.texts("train.sort([\"r‸"), ["rings"]);
    assert_eq!(desk.texts("col(\"‸"), ["length", "letters", "rings"]);
    assert_eq!(desk.texts("frame(\"‸\")"), ["train"]);
    assert!(desk.texts("println!(\"le‸\")").is_empty());
    let (found, _) = desk.complete("col(\"le‸\")");
    assert_eq!((found.start, found.end, found.items[0].kind), (5, 7, "column"));
}

#[test]
fn what_stands_there_is_explained() {
    let desk = Desk::new();
    let plain = |code: &str| desk.explain(code).unwrap_or_else(|| panic!("{code}")).plain;
    let lazy = desk.explain("train.la‸zy()").unwrap();
    assert_eq!(
        lazy.plain,
        "fn lazy(self) -> Expr\nbase::IntoLazy\n\nA plan that begins with this."
    );
    assert_eq!(
        lazy.markdown.unwrap(),
        "```rust\nfn lazy(self) -> Expr\n```\n\n`base::IntoLazy`\n\nA plan that begins with this.\n"
    );
    assert!(plain("data.lazy().alias(‸").starts_with("fn alias(self, name: &str) -> Expr"));
    assert!(plain("let t = col(\"a\"); t‸.alias(\"b\")").starts_with("let t: polars::prelude::Expr"));
    assert!(plain("DataFrame::emp‸ty()").contains("One without rows."));
    assert!(plain("polars::prelude::col‸").contains("An expression."));
    assert!(plain("col(‸\"a\")").contains("An expression."));
    assert!(plain("df‸!(\"a\" => 1)").contains("A frame from columns."));
    assert!(plain("JoinType::Inn‸er").contains("Rows of both."));
    assert!(plain("Shell‸ { rings: 1 }").contains("A shell."));
    assert!(plain("shell.age‸()").starts_with("fn age(&self) -> f64"));
    assert_eq!(plain("twice‸(2)"), "fn twice(x: i64) -> i64\n\nDoubles.");
    assert!(plain("note‸ + 1").starts_with("let note: u8"));
    let train = plain("train‸.head(None)");
    assert!(
        train.contains("2 rows × 3 columns") && train.contains("- `letters`: str"),
        "{train}"
    );
    assert!(train.contains("A table."), "{train}");
    assert!(plain("let t‸ = col(\"a\"); t.alias(\"b\")").starts_with("let t: polars::prelude::Expr"));
    assert_eq!(plain("let (n, m‸) = (1.5, 2);"), "let m: i32");
    for code in ["// train‸", "data.map(|e‸| e)", "no_such‸", "1 + ‸"] {
        assert_eq!(desk.explain(code), None, "{code}");
    }
}
