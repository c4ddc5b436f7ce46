//! Stop: during a compile, during a run that listens, and during one that does not.

use std::time::{Duration, Instant};

use ironsage_cells::{CellError, Evaluator, MimeBundle, Outputs, Stopped};

use crate::support::{Lab, Seen, Test};

pub const TESTS: &[Test] = &[
    ("stop::while_compiling", while_compiling),
    ("stop::a_cell_that_listens", a_cell_that_listens),
    ("stop::a_cell_that_does_not", a_cell_that_does_not),
    ("stop::completions_while_a_cell_runs", completions_while_a_cell_runs),
];

/// Calls something once, from another thread's output.
struct When<F: Fn() + Sync>(&'static str, F);

impl<F: Fn() + Sync> Outputs for When<F> {
    fn stdout(&self, text: &str) {
        if text.contains(self.0) {
            (self.1)();
        }
    }
    fn stderr(&self, _: &str) {}
    fn display(&self, _: MimeBundle) {}
}

fn while_compiling(lab: &mut Lab) {
    lab.ok("let kept = 1;");
    let interrupt = lab.evaluator.interrupt();
    assert_eq!(interrupt.interrupt(), Stopped::Nothing);
    // Enough code to compile for seconds.
    let mut long = String::new();
    for number in 0..1500 {
        long.push_str(&format!(
            "fn f{number}(x: &[String]) -> Vec<String> {{ let mut m = std::collections::BTreeMap::new(); for s in x {{ m.insert(s.clone(), format!(\"{{s}}{number}\")); }} m.into_values().collect() }}\n"
        ));
    }
    long.push_str("println!(\"ran {}\", f0(&[]).len()");
    for number in 1..1500 {
        long.push_str(&format!(" + f{number}(&[]).len()"));
    }
    long.push_str(");");
    let presser = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(400));
        interrupt.interrupt()
    });
    let begun = Instant::now();
    let (error, seen) = lab.error(&long);
    assert_eq!(presser.join().unwrap(), Stopped::Compile);
    assert_eq!(error, CellError::Interrupted { lost: Vec::new() });
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    assert!(seen.all().is_empty());
    assert_eq!(lab.value("kept"), "1");
}

fn a_cell_that_listens(lab: &mut Lab) {
    lab.ok("let kept = 2;");
    let interrupt = lab.evaluator.interrupt();
    let press = When("running", move || assert_eq!(interrupt.interrupt(), Stopped::Asked));
    let code = "println!(\"running\"); while !interrupted() { std::thread::sleep(std::time::Duration::from_millis(5)); }\nErr(\"stopped as asked\")?;";
    let error = lab.evaluator.eval(code, &press).unwrap_err();
    assert_eq!(error, CellError::Interrupted { lost: Vec::new() });
    assert_eq!(lab.value("interrupted() as i32 + kept"), "2");
}

fn a_cell_that_does_not(lab: &mut Lab) {
    lab.ok("let lost = 3;");
    let interrupt = lab.evaluator.interrupt();
    let press = When("running", move || {
        assert_eq!(interrupt.interrupt(), Stopped::Asked);
        assert_eq!(interrupt.interrupt(), Stopped::Killed);
    });
    let begun = Instant::now();
    let error = lab
        .evaluator
        .eval("println!(\"running\"); loop { std::hint::spin_loop(); }", &press);
    let error = error.unwrap_err();
    assert!(begun.elapsed() < Duration::from_secs(5));
    let CellError::Interrupted { lost } = &error else {
        panic!("{error:?}");
    };
    assert!(lost.contains(&"lost".to_owned()), "{lost:?}");
    assert_eq!(lab.value("1 + 1"), "2");
}

fn completions_while_a_cell_runs(lab: &mut Lab) {
    lab.ok("let seashell = 1;");
    let other = lab.evaluator.clone();
    let interrupt = lab.evaluator.interrupt();
    let press = When("running", move || {
        let begun = Instant::now();
        let found = other.completions("seash", 5);
        assert!(begun.elapsed() < Duration::from_millis(100));
        assert_eq!(found.items[0].text, "seashell");
        assert_eq!(found.items[0].kind, "instance");
        interrupt.interrupt();
    });
    let code =
        "println!(\"running\"); while !interrupted() { std::thread::sleep(std::time::Duration::from_millis(5)); }";
    lab.evaluator.eval(code, &press).unwrap();
    lab.evaluator.eval("1", &Seen::default()).unwrap();
}
