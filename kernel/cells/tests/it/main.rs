//! What a person sees of Rust cells: evcxr, the ready-made prelude and the process for cells, all
//! real, in one evaluator that all tests share (each start costs seconds).
//!
//! No test harness: the executable is also the process that runs the cells, so `runtime_hook` has
//! to be the first thing that `main` does. An argument selects tests by a part of their name.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, missing_docs)]

mod assist;
mod bench;
mod cells;
mod deps;
mod frames;
mod shows;
mod stop;
mod support;

use std::panic::AssertUnwindSafe;
use std::process::ExitCode;
use std::time::Instant;

use support::{Lab, Test};

fn main() -> ExitCode {
    ironsage_cells::runtime_hook();
    if std::env::var_os(stop::SIT).is_some() {
        return stop::sit();
    }
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let filters: Vec<&String> = arguments.iter().filter(|a| !a.starts_with('-')).collect();
    let tests: Vec<Test> = [
        cells::TESTS,
        assist::TESTS,
        frames::TESTS,
        shows::TESTS,
        stop::TESTS,
        deps::TESTS,
    ]
    .concat();
    if arguments.iter().any(|argument| argument == "--list") {
        tests.iter().for_each(|(name, _)| println!("{name}: test"));
        return ExitCode::SUCCESS;
    }
    let begun = Instant::now();
    let mut lab = Lab::start();
    if filters.iter().any(|filter| *filter == "bench") {
        bench::run(&mut lab);
        return ExitCode::SUCCESS;
    }
    let mut failed = Vec::new();
    let mut count = 0;
    for (name, test) in tests {
        if !filters.is_empty() && !filters.iter().any(|filter| name.contains(*filter)) {
            continue;
        }
        count += 1;
        let begun = Instant::now();
        let passed = std::panic::catch_unwind(AssertUnwindSafe(|| test(&mut lab))).is_ok();
        let word = if passed { "ok" } else { "FAILED" };
        println!("test {name} ... {word} ({:.2} s)", begun.elapsed().as_secs_f64());
        if !passed {
            failed.push(name);
        }
    }
    lab.finish();
    let (passed, seconds) = (count - failed.len(), begun.elapsed().as_secs_f64());
    let good = failed.is_empty() && count > 0;
    let word = if good { "ok" } else { "FAILED" };
    // As libtest says it, for those who count.
    println!(
        "test result: {word}. {passed} passed; {} failed; 0 ignored; finished in {seconds:.2}s",
        failed.len()
    );
    if good {
        return ExitCode::SUCCESS;
    }
    println!("failed: {failed:?}");
    ExitCode::FAILURE
}
