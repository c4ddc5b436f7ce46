//! Figures for the notes: `cargo test --release -p ironsage-cells --test it bench`.

use std::time::{Duration, Instant};

use ironsage_cells::Host;
use polars::prelude::*;

use crate::support::Lab;

fn timed(lab: &mut Lab, code: &str) -> Duration {
    let begun = Instant::now();
    lab.ok(code);
    begun.elapsed()
}

fn median(lab: &mut Lab, what: &str, code: &dyn Fn(usize) -> String) {
    let mut times: Vec<Duration> = (0..5).map(|n| timed(lab, &code(n))).collect();
    times.sort();
    println!("{what}: {:.2} s", times[2].as_secs_f64());
}

/// Resident memory of this process in MB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}

pub fn run(lab: &mut Lab) {
    println!("memory before: {} MB", resident());
    let n = 200_000i64;
    lab.session.put(
        "shared",
        df!("g" => (0..n).map(|i| i % 10).collect::<Vec<_>>(), "x" => (0..n).collect::<Vec<_>>()).unwrap(),
    );
    println!("start to first cell: {:.2} s", timed(lab, "1").as_secs_f64());
    // As a person would: long enough for the evaluator to warm itself up.
    std::thread::sleep(Duration::from_secs(5));
    println!("memory when warm: {} MB", resident());
    println!(
        "first Polars cell: {:.2} s",
        timed(lab, "use polars::prelude::*; let top = shared.clone().lazy().group_by([col(\"g\")]).agg([col(\"x\").sum()]).collect()?;\ntop").as_secs_f64()
    );
    println!("memory after a Polars cell: {} MB", resident());
    median(lab, "let of an integer", &|n| format!("let i{n} = {n};"));
    median(lab, "last expression", &|n| format!("{n} + 1"));
    median(lab, "height of a frame", &|_| "top.height()".to_owned());
    median(lab, "let of a frame's height", &|n| format!("let h{n} = top.height();"));
    median(lab, "group-by with let on a shared frame", &|n| {
        format!("let t{n} = shared.clone().lazy().group_by([col(\"g\")]).agg([col(\"x\").mean()]).collect()?;\nt{n}")
    });
    println!(
        "200 000 lines: {:.2} s",
        timed(lab, "for i in 0..200_000 { println!(\"{i}\"); }").as_secs_f64()
    );
    println!("memory at the end: {} MB", resident());
}
