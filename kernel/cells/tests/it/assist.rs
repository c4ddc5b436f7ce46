//! Completion and inspection in a session, also while a cell runs.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use ironsage_cells::{Completions, Docs, Evaluator};

use crate::support::{Lab, Seen, Test};

pub const TESTS: &[Test] = &[
    ("assist::methods_of_polars", methods_of_polars),
    ("assist::names_and_paths", names_and_paths),
    ("assist::while_a_cell_runs", while_a_cell_runs),
    ("assist::explanations", explanations),
];

/// What a person waits for without wondering.
const PATIENCE: Duration = Duration::from_millis(500);

/// The code without the mark for the cursor, and where that was.
fn at_cursor(code: &str) -> (String, usize) {
    (
        code.replacen('‸', "", 1),
        code.find('‸').expect("a mark for the cursor"),
    )
}

impl Lab {
    fn complete(&self, code: &str) -> Completions {
        let (code, offset) = at_cursor(code);
        self.evaluator.completions(&code, offset)
    }

    /// Whether a text is among the completions. A machine that is busy with other things is asked again: rustc has but
    /// half a second. Each answer comes in time, whatever is in it.
    fn completes(&self, code: &str, text: &str) -> bool {
        (0..8).any(|_| {
            let begun = Instant::now();
            let found = self.complete(code);
            let took = begun.elapsed();
            assert!(took < 2 * PATIENCE, "{code}: {took:?}");
            found.items.iter().any(|item| item.text == text)
        })
    }

    fn inspect(&self, code: &str) -> Option<Docs> {
        let (code, offset) = at_cursor(code);
        (0..8).find_map(|_| self.evaluator.inspect(&code, offset))
    }
}

fn methods_of_polars(lab: &mut Lab) {
    lab.ok("use polars::prelude::*;\nlet df = df!(\"a\" => [1]).unwrap();");
    lab.session_frame("train");
    let found = lab.complete("df.la‸");
    let lazy = found.items.iter().find(|item| item.text == "lazy").expect("`lazy`");
    assert_eq!((lazy.kind, found.start, found.end), ("function", 3, 5));
    assert_eq!(lazy.signature.as_deref(), Some("fn lazy(self) -> LazyFrame"));
    for (code, text) in [
        ("df.clone().lazy().filter(col(\"a\").gt_‸", "gt_eq"),
        ("let f = |frame: &DataFrame| frame.heig‸", "height"),
        ("df.column(\"a\")?.as_mat‸", "as_materialized_series"),
        ("println!(\"{}\", df.clone().wid‸", "width"),
        ("df.get_column_names().it‸", "iter"),
        // No cell has mentioned it.
        ("train.la‸", "lazy"),
        ("train.column(\"‸\")", "rings"),
    ] {
        assert!(lab.completes(code, text), "{code}");
    }
}

/// What the index says of the standard library comes from rustup's `rust-src`, which is not on every machine, but in CI.
fn has_std_sources() -> bool {
    let output = Command::new("rustc").args(["--print", "sysroot"]).output().unwrap();
    let sysroot = String::from_utf8(output.stdout).unwrap();
    let there = Path::new(sysroot.trim()).join("lib/rustlib/src/rust/library").is_dir();
    let ci = std::env::var_os("CI").is_some();
    assert!(there || !ci, "CI tests all: rustup component add rust-src");
    there
}

fn names_and_paths(lab: &mut Lab) {
    lab.ok("use polars::prelude::*; fn shellfish(shells: u8) -> u8 { shells }");
    for (code, text) in [
        ("DataFrame::emp‸", "empty"),
        ("polars::prelude::LazyCsv‸", "LazyCsvReader"),
        ("co‸", "col"),
        ("LazyCsv‸", "LazyCsvReader"),
        ("d‸", "df!"),
        (
            "SortMultipleOptions::default().with_order_desc‸",
            "with_order_descending",
        ),
        ("put_f‸", "put_frame"),
    ] {
        assert!(lab.completes(code, text), "{code}");
    }
    if has_std_sources() {
        assert!(lab.completes("std::collections::BTreeM‸", "BTreeMap"));
        assert!(lab.completes("vec![1].pu‸", "push"));
    }
    // Of rust-analyzer, with what it would insert.
    let found = (0..8)
        .map(|_| lab.complete("shellf‸"))
        .find(|found| !found.items.is_empty());
    assert!(found.expect("an answer").items[0].text.starts_with("shellfish"));
}

fn while_a_cell_runs(lab: &mut Lab) {
    lab.ok("use polars::prelude::*;\nlet df = df!(\"a\" => [1]).unwrap(); struct Shell { rings: u8 } let shell = Shell { rings: 1 };");
    let mut running = lab.evaluator.clone();
    std::thread::scope(|scope| {
        let cell = scope.spawn(move || {
            running.eval(
                "std::thread::sleep(std::time::Duration::from_secs(4));",
                &Seen::default(),
            )
        });
        std::thread::sleep(Duration::from_millis(300));
        for (code, text) in [
            ("df.la‸", "lazy"),
            ("df.clone().lazy().colle‸", "collect"),
            ("DataFrame::emp‸", "empty"),
            ("co‸", "col"),
            ("shell.ri‸", "rings"),
            ("she‸", "shell"),
        ] {
            assert!(lab.completes(code, text), "{code}");
        }
        assert!(lab.inspect("df.la‸zy()").is_some());
        assert!(!cell.is_finished());
        cell.join().expect("no panic").expect("a cell that sleeps");
    });
}

fn explanations(lab: &mut Lab) {
    lab.ok("use polars::prelude::*;\nlet df = df!(\"a\" => [1]).unwrap();\nfn doubled(x: i32) -> i32 { x * 2 }");
    lab.session_frame("train");
    let plain = |code: &str| lab.inspect(code).unwrap_or_else(|| panic!("{code}")).plain;
    let lazy = lab.inspect("df.la‸zy()").expect("`lazy` is known");
    assert!(lazy.plain.starts_with("fn lazy(self) -> LazyFrame"), "{}", lazy.plain);
    assert!(
        lazy.markdown
            .expect("Markdown")
            .starts_with("```rust\nfn lazy(self) -> LazyFrame\n```")
    );
    assert!(plain("df.clone().lazy().group_by(‸").starts_with("fn group_by"));
    assert!(plain("col‸(\"a\")").contains("-> Expr"));
    assert!(plain("df‸!(\"a\" => [1])").contains("macro_rules! df"));
    assert!(plain("train‸").contains("3 rows × 3 columns"));
    if has_std_sources() {
        assert!(plain("Vec::with_cap‸acity(1)").contains("with_capacity"));
    }
    assert_eq!(plain("doub‸led(2)"), "fn doubled(x: i32) -> i32");
    assert_eq!(lab.inspect("// nothing ‸here"), None);
}
