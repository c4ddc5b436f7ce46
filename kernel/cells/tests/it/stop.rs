//! Stop: during a compile, during a run that listens, and during one that does not.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use ironsage_cells::{CellError, Evaluator, MimeBundle, Outputs, Stopped};
use serde_json::{Map, Value};

use crate::support::{Lab, Seen, Test};

pub const TESTS: &[Test] = &[
    ("stop::while_compiling", while_compiling),
    ("stop::a_cell_that_listens", a_cell_that_listens),
    ("stop::a_cell_that_does_not", a_cell_that_does_not),
    ("stop::completions_while_a_cell_runs", completions_while_a_cell_runs),
    (
        "stop::a_killed_kernel_leaves_no_process",
        a_killed_kernel_leaves_no_process,
    ),
];

/// Makes this executable a kernel that starts an evaluator, says the id of the process for cells,
/// and sits there.
pub const SIT: &str = "IRONSAGE_TEST_SIT";

pub fn sit() -> ExitCode {
    let mut lab = Lab::start();
    println!("process {}", lab.value("std::process::id()"));
    std::thread::sleep(Duration::from_secs(60));
    ExitCode::FAILURE
}

fn a_killed_kernel_leaves_no_process(_: &mut Lab) {
    let mut kernel = Command::new(std::env::current_exe().unwrap())
        .env(SIT, "1")
        .env("IRONSAGE_TEST_PRELUDE_AS_IT_IS", "1")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(kernel.stdout.take().unwrap()).lines();
    let child = lines
        .map(Result::unwrap)
        .find_map(|line| line.strip_prefix("process ").map(str::to_owned))
        .unwrap();
    let child = Path::new("/proc").join(child);
    assert!(child.exists());
    kernel.kill().unwrap();
    kernel.wait().unwrap();
    let until = Instant::now() + Duration::from_secs(3);
    while child.exists() {
        assert!(Instant::now() < until, "{} lives on", child.display());
        std::thread::sleep(Duration::from_millis(5));
    }
    // The folder of the dead is removed by the next session; `folder.rs` tests that.
    let folder = std::env::temp_dir().join(format!("ironsage-cells-{}", kernel.id()));
    assert!(folder.exists());
    std::fs::remove_dir_all(folder).unwrap();
}

/// Calls something once, from another thread's output.
struct When<F: Fn() + Sync>(&'static str, F);

impl<F: Fn() + Sync> Outputs for When<F> {
    fn stdout(&self, text: &str) {
        if text.contains(self.0) {
            (self.1)();
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
    assert_eq!(compilers(), Vec::<String>::new());
    assert_eq!(lab.value("kept"), "1");
}

/// The command lines of compilers and linkers that work in this process's folder.
fn compilers() -> Vec<String> {
    let folder = format!("/ironsage-cells-{}/", std::process::id());
    std::fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| std::fs::read_to_string(entry.ok()?.path().join("cmdline")).ok())
        .filter(|line| line.contains(&folder))
        .collect()
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
