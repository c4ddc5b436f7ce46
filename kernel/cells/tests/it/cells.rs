//! Ordinary cells: output, results, variables, and the three ways to fail.

use ironsage_cells::{CellError, MimeBundle};
use serde_json::{Map, Value};

use crate::support::{Lab, Shown, Test};

pub const TESTS: &[Test] = &[
    ("cells::hello", hello),
    ("cells::last_expression", last_expression),
    ("cells::variables_are_kept", variables_are_kept),
    ("cells::items_are_kept_and_replaced", items_are_kept_and_replaced),
    ("cells::compile_error", compile_error),
    ("cells::panic", panic),
    ("cells::caught_and_foreign_panics", caught_and_foreign_panics),
    ("cells::question_mark", question_mark),
    ("cells::a_question_mark_names_its_line", a_question_mark_names_its_line),
    ("cells::order_of_everything", order_of_everything),
    ("cells::displays_of_other_crates", displays_of_other_crates),
    ("cells::a_drawing", a_drawing),
    ("cells::partial_lines_are_live", partial_lines_are_live),
    ("cells::many_lines_are_few_calls", many_lines_are_few_calls),
    ("cells::standard_input_is_empty", standard_input_is_empty),
    ("cells::patterns_and_odd_types", patterns_and_odd_types),
    ("cells::commands", commands),
    ("cells::completions", completions),
    ("cells::exit", exit),
    ("cells::last_words_are_no_output", last_words_are_no_output),
];

fn hello(lab: &mut Lab) {
    let (evaluated, seen) = lab.ok("println!(\"hello, world\")");
    assert_eq!(seen.all(), [Shown::Out("hello, world\n".to_owned())]);
    assert_eq!(evaluated.result, None, "`()` is nothing to see");
    let (_, seen) = lab.ok("eprintln!(\"oh, {}\", \"world\");");
    assert_eq!(seen.all(), [Shown::Err("oh, world\n".to_owned())]);
}

fn last_expression(lab: &mut Lab) {
    assert_eq!(lab.value("6 * 7"), "42");
    assert_eq!(lab.value("let shell = \"é🐚\"; shell"), "\"é🐚\"");
    assert_eq!(lab.value("vec![Some(1.5), None]"), "[Some(1.5), None]");
    assert_eq!(lab.ok("let quiet = 1;").0.result, None);
    assert_eq!(
        lab.value("struct Own; impl Own { fn evcxr_display(&self) { println!(\"EVCXR_BEGIN_CONTENT text/plain\\nmine\\nEVCXR_END_CONTENT\") } }\nOwn"),
        "mine"
    );
}

fn variables_are_kept(lab: &mut Lab) {
    lab.ok("let mut counts = vec![1, 2]; let name = String::from(\"shell\");");
    lab.ok("counts.push(3); let total = counts.iter().sum::<i32>();");
    assert_eq!(
        lab.value("format!(\"{name} {counts:?} {total}\")"),
        "\"shell [1, 2, 3] 6\""
    );
    let kept = lab.variables();
    for name in ["counts", "name", "total"] {
        assert!(kept.iter().any(|known| known == name), "{kept:?}");
    }
}

fn items_are_kept_and_replaced(lab: &mut Lab) {
    lab.ok("use std::collections::BTreeMap; fn twice(x: i64) -> i64 { 2 * x }");
    lab.ok("let map = BTreeMap::from([(twice(2), \"a\")]);");
    assert_eq!(lab.value("map"), "{4: \"a\"}");
    lab.ok("fn twice(x: i64) -> i64 { 3 * x }");
    assert_eq!(lab.value("twice(2)"), "6");
}

fn compile_error(lab: &mut Lab) {
    lab.ok("let before = 17;");
    let (error, seen) = lab.error("let after = 1;\nlet é = \"é\"; let wrong: i32 = \"text\";");
    let CellError::Compile { message, rendered } = &error else {
        panic!("{error:?}");
    };
    assert_eq!(message, "mismatched types");
    assert!(rendered.contains("line 2, column 31"), "{rendered}");
    assert!(rendered.contains("expected `i32`, found `&str`"), "{rendered}");
    assert_eq!(error.ename(), "CompileError");
    assert!(seen.all().is_empty(), "{:?}", seen.all());
    assert_eq!(lab.value("before"), "17");
    assert!(!lab.variables().contains(&"after".to_owned()));
    let (error, _) = lab.error("no_such_name + 1");
    assert!(error.to_string().contains("no_such_name"), "{error}");
    // What the kernel put into the cell must not show in what it says of it.
    lab.session_frame("shells");
    let (error, _) = lab.error("let n = shells.height(); let bad: i32 = n.nothing();");
    let CellError::Compile { rendered, .. } = &error else {
        panic!("{error:?}");
    };
    assert!(!rendered.contains("bound"), "{rendered}");
    assert!(rendered.contains("line 1, column 43"), "{rendered}");
}

fn panic(lab: &mut Lab) {
    lab.ok("let kept = vec![1, 2, 3]; let index = 7usize;");
    let (error, seen) = lab.error("let fresh = 1;\nprint!(\"before \");\nlet x = kept[index];\nfresh + x");
    let CellError::Panic {
        message, place, lost, ..
    } = &error
    else {
        panic!("{error:?}");
    };
    assert_eq!(message, "index out of bounds: the len is 3 but the index is 7");
    assert_eq!(place, "line 3: let x = kept[index];");
    assert!(lost.is_empty());
    assert_eq!(
        seen.all(),
        [Shown::Out("before ".to_owned())],
        "nothing on standard error"
    );
    assert_eq!(lab.value("kept.len()"), "3");
    assert!(!lab.variables().contains(&"fresh".to_owned()));
    let (error, _) = lab.error("std::thread::scope(|s| { s.spawn(|| panic!(\"in a thread\")).join().unwrap() })");
    assert_eq!(error.ename(), "Panic");
}

fn caught_and_foreign_panics(lab: &mut Lab) {
    let (_, seen) = lab.ok("let caught = std::panic::catch_unwind(|| panic!(\"mild\")).is_err();\nstd::thread::spawn(|| panic!(\"far\")).join().is_err() && caught");
    let all = format!("{:?}", seen.all());
    assert!(all.contains("mild") && all.contains("far"), "{all}");
}

fn question_mark(lab: &mut Lab) {
    lab.ok("let kept = 5;");
    let (error, seen) = lab.error("println!(\"first\");\nlet n: i32 = \"x\".parse()?;\nn");
    let CellError::Question { message, type_name, .. } = &error else {
        panic!("{error:?}");
    };
    assert_eq!(message, "invalid digit found in string");
    assert!(type_name.ends_with("ParseIntError"), "{type_name}");
    assert_eq!(error.ename(), "ParseIntError");
    assert_eq!(seen.all(), [Shown::Out("first\n".to_owned())]);
    let (error, _) = lab.error("Err(format!(\"own {}\", kept))?;");
    assert_eq!((error.ename(), error.to_string().as_str()), ("Error", "own 5"));
    assert_eq!(lab.value("kept"), "5");
    let (_, seen) = lab.ok("let error = \"only printed\"; eprintln!(\"{}\", error);");
    assert_eq!(seen.all(), [Shown::Err("only printed\n".to_owned())]);
}

fn a_question_mark_names_its_line(lab: &mut Lab) {
    for (code, line) in [
        (
            "let n = \"x\".parse::<i32>()?;",
            "line 1: let n = \"x\".parse::<i32>()?;",
        ),
        (
            "println!(\"first\");\n\nlet n: i32 = \"x\".parse()?;\nn",
            "line 3: let n: i32 = \"x\".parse()?;",
        ),
        (
            "let mut text = \"1\";\ntext.parse::<i32>()?;\ntext = \"x\";\ntext.parse::<i32>()?;\n1",
            "line 4: text.parse::<i32>()?;",
        ),
        (
            "let mut sum = 0;\nfor text in [\"1\", \"x\"] {\n    if !text.is_empty() {\n        sum += text.parse::<i32>()?;\n    }\n}\nsum",
            "line 4: sum += text.parse::<i32>()?;",
        ),
        // rustc says where the expression before the `?` begins.
        (
            "let n = \"x\"\n    .trim()\n    .parse::<i32>()?;",
            "line 1: let n = \"x\"",
        ),
    ] {
        let (error, _) = lab.error(code);
        let CellError::Question { place, .. } = &error else {
            panic!("{code}: {error:?}");
        };
        assert_eq!(place.as_deref(), Some(line), "{code}");
        let traceback = error.traceback();
        assert_eq!(traceback[1], format!("  at {line}"), "{traceback:?}");
    }
}

fn order_of_everything(lab: &mut Lab) {
    for _ in 0..3 {
        let (evaluated, seen) = lab.ok(
            "println!(\"one\"); eprintln!(\"two\"); print!(\"three\"); show(\"four\"); println!(\"five\"); show(&[6]);\neprint!(\"seven\"); print!(\"eight\"); 9",
        );
        let display = |text: &str| Shown::Display([("text/plain".to_owned(), text.to_owned())].into());
        let out = |text: &str| Shown::Out(text.to_owned());
        // `eprint!` is the standard library's own: only `eprintln!` is kept in step.
        let all = seen.all();
        assert_eq!(
            all[..6],
            [
                out("one\n"),
                Shown::Err("two\n".to_owned()),
                out("three"),
                display("\"four\""),
                out("five\n"),
                display("[6]")
            ]
        );
        assert!(all[6..].contains(&out("eight")) && all[6..].contains(&Shown::Err("seven".to_owned())));
        assert_eq!(evaluated.result.unwrap()["text/plain"], "9");
    }
}

fn displays_of_other_crates(lab: &mut Lab) {
    let block =
        |mime: &str, text: &str| format!("println!(\"EVCXR_BEGIN_CONTENT {mime}\\n{text}\\nEVCXR_END_CONTENT\");");
    let code = [
        block("text/plain", "a"),
        block("text/html", "<b>a</b>"),
        block("text/plain", "b"),
        "print!(\"between\");".to_owned(),
        block("text/html", "<i>c</i>"),
    ]
    .concat();
    let (evaluated, seen) = lab.ok(&code);
    let [Shown::Display(first), Shown::Display(second), Shown::Out(text)] = &seen.all()[..] else {
        panic!("{:?}", seen.all());
    };
    assert_eq!(
        (first["text/plain"].as_str(), first["text/html"].as_str()),
        ("a", "<b>a</b>")
    );
    assert_eq!(second["text/plain"], "b");
    assert_eq!(text, "between");
    assert_eq!(evaluated.result.unwrap()["text/html"], "<i>c</i>");
}

fn a_drawing(lab: &mut Lab) {
    let (_, seen) = lab.ok(
        "use plotters::prelude::*;\nplot(200, 100, |area| {\n    area.fill(&WHITE)?;\n    area.draw(&Circle::new((50, 50), 20, BLUE.filled()))?;\n    Ok::<(), Box<dyn std::error::Error>>(())\n})?;",
    );
    let [Shown::Display(drawing)] = &seen.all()[..] else {
        panic!("{:?}", seen.all());
    };
    assert!(drawing["image/svg+xml"].contains("<circle"));
    assert_eq!(drawing["text/plain"], "a drawing of 200 × 100 pixels");
}

fn partial_lines_are_live(lab: &mut Lab) {
    // The cell ends only when its partial line has been seen: it waits for a file that the front
    // end makes when the text arrives.
    let folder = tempfile::tempdir().unwrap();
    let mark = folder.path().join("seen");
    struct Waiting(std::path::PathBuf);
    impl ironsage_cells::Outputs for Waiting {
        fn stdout(&self, text: &str) {
            if text.contains("50 %") {
                std::fs::write(&self.0, "").unwrap();
            }
        }
        fn stderr(&self, _: &str) {}
        fn display(&self, _: MimeBundle, _: Map<String, Value>, _: Option<&str>) {}
        fn update(&self, _: MimeBundle, _: Map<String, Value>, _: &str) {}
        fn clear(&self, _: bool) {}
        fn input(&self, _: &str, _: bool) -> Result<String, String> {
            Err("nobody is there".to_owned())
        }
    }
    let code = format!(
        "print!(\"50 %\");\nlet until = std::time::Instant::now() + std::time::Duration::from_secs(10);\nlet live = loop {{ if std::path::Path::new({mark:?}).exists() {{ break true; }} if std::time::Instant::now() > until {{ break false; }} std::thread::sleep(std::time::Duration::from_millis(5)); }};\nlive"
    );
    let result = ironsage_cells::Evaluator::eval(&mut lab.evaluator, &code, &Waiting(mark));
    assert_eq!(result.unwrap().result.unwrap()["text/plain"], "true");
}

fn many_lines_are_few_calls(lab: &mut Lab) {
    let (_, seen) = lab.ok("for i in 0..100_000 { println!(\"{i}\"); }");
    let out = seen.out();
    assert_eq!(out.lines().count(), 100_000);
    assert!(out.starts_with("0\n1\n") && out.ends_with("99999\n"));
    assert!(seen.calls() < 20_000, "{} calls", seen.calls());
}

fn standard_input_is_empty(lab: &mut Lab) {
    assert_eq!(
        lab.value("let mut line = String::new(); std::io::stdin().read_line(&mut line)?"),
        "0"
    );
    assert_eq!(lab.value("1 + 1"), "2");
}

fn patterns_and_odd_types(lab: &mut Lab) {
    lab.ok("struct Pair { left: u8, right: Vec<f32> }\nlet (a, mut b) = (1u8, vec![2.5f32]); let Pair { left, right: r } = Pair { left: a, right: b.clone() };\nlet boxed: Box<dyn Fn(i32) -> i32> = Box::new(|x| x + 1); let Some(k) = Some(7) else { panic!() };\nlet mut sum = 0u64; let list: Vec<_> = (0..3).map(|x| x * 2).collect(); b.push(1.0);");
    assert_eq!(
        lab.value("sum += k as u64; (a, &b, left, &r, boxed(1), sum, &list)"),
        "(1, [2.5, 1.0], 1, [2.5], 2, 7, [0, 2, 4])"
    );
    let types: Vec<(String, String)> = lab
        .evaluator_variables()
        .into_iter()
        .filter(|(name, _)| ["b", "k", "list"].contains(&name.as_str()))
        .collect();
    assert_eq!(types.len(), 3, "{types:?}");
    assert!(
        types.iter().any(|(name, ty)| name == "b" && ty.ends_with("Vec<f32>")),
        "{types:?}"
    );
    let (error, _) = lab.error("let f = |x: i32| x + 1;");
    assert!(error.to_string().contains("closure"), "{error}");
}

fn commands(lab: &mut Lab) {
    lab.ok("let listed = 3u8;");
    let (evaluated, _) = lab.ok(":vars");
    assert!(evaluated.result.unwrap()["text/plain"].contains("listed"));
    assert!(matches!(lab.error(":quit").0, CellError::Refused { .. }));
    assert_eq!(lab.value(":opt 1\nlisted + 1"), "4");
    lab.ok(":opt 0");
    lab.ok("fn immune() -> i32 { 6 }");
    lab.ok(":restart");
    assert!(lab.variables().is_empty());
    assert_eq!(lab.value("// and more\n:restart\nlet x = immune() + 1; x"), "7");
    assert_eq!(lab.value("x"), "7");
    lab.ok(":clear");
    assert!(lab.variables().is_empty());
    assert_eq!(lab.value("show(\"still there\"); let x: i32 = \"8\".parse()?; x"), "8");
}

fn completions(lab: &mut Lab) {
    lab.ok("let shells = vec![1, 2]; fn shellfish() {}");
    let found = lab.evaluator.completions("let y = shells.le", 17);
    assert!(found.items.iter().any(|item| item.text.starts_with("len")), "{found:?}");
    assert_eq!((found.start, found.end), (15, 17));
}

fn exit(lab: &mut Lab) {
    lab.ok("let doomed = 1; fn immortal() -> i32 { 41 }");
    let (error, seen) = lab.error("println!(\"last words\"); std::process::exit(3);");
    let CellError::ChildDied { lost, .. } = &error else {
        panic!("{error:?}");
    };
    assert!(lost.contains(&"doomed".to_owned()));
    assert!(error.to_string().contains('3'), "{error}");
    assert!(error.hint().unwrap().contains("doomed"));
    assert_eq!(seen.out(), "last words\n");
    assert_eq!(lab.value("immortal() + 1"), "42");
    assert!(lab.variables().is_empty());
    let (error, _) = lab.error("let v: Vec<u8> = Vec::with_capacity(1 << 60);");
    assert!(error.to_string().contains("out of memory"), "{error}");
    let (error, seen) = lab.error("print!(\"partial\"); std::process::abort();");
    assert!(matches!(error, CellError::ChildDied { .. }));
    assert!(error.to_string().contains("signal"), "{error}");
    // `abort` takes what is in the buffer with it, if it comes before the next flush.
    assert!(["", "partial"].contains(&seen.out().as_str()));
    assert_eq!(lab.value("immortal()"), "41");
}

/// The runtime's own words about the end are its reason, and what the cell wrote before is shown.
fn last_words_are_no_output(lab: &mut Lab) {
    for (code, reason) in [
        (
            "fn deep(n: u64) -> u64 { let wide = [n; 512]; std::hint::black_box(&wide); if n == u64::MAX { 0 } else { deep(n + 1) + wide[7] } }\neprintln!(\"mine\");\ndeep(0)",
            "its stack overflowed",
        ),
        (
            "eprintln!(\"mine\");\nlet v: Vec<u8> = Vec::with_capacity(1 << 60);",
            "out of memory",
        ),
    ] {
        let (error, seen) = lab.error(code);
        let CellError::ChildDied { reason: told, .. } = &error else {
            panic!("{code}: {error:?}");
        };
        assert!(told.starts_with(reason), "{told}");
        assert_eq!(seen.all(), [Shown::Err("mine\n".to_owned())], "{code}");
        assert_eq!(lab.value("6 * 7"), "42");
    }
}
