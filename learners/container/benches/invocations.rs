//! Round trips of the model server: one row and a thousand, each content type, one connection and four.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

#[path = "../tests/it/http.rs"]
#[allow(dead_code)]
mod http;
#[path = "../tests/it/support.rs"]
#[allow(dead_code)]
mod support;

use std::time::{Duration, Instant};

use support::{Running, save_recipe, save_regressor};

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn main() {
    let plain = tempfile::tempdir().unwrap();
    save_regressor(plain.path(), &[0.5; 10], 1.0);
    let (raw, _card) = save_recipe();
    let row = "0.25,1,2,3,4,5,6,7,8,9";
    let instance = format!(r#"{{"features": [{row}]}}"#);
    let json = |instance: &str, rows: usize| format!(r#"{{"instances": [{}]}}"#, vec![instance; rows].join(", "));
    let shell = r#"{"sex": "F", "length": 0.25}"#;
    for (name, folder, kind, body) in [
        ("1 row, CSV", &plain, "text/csv", row.to_owned()),
        ("1 row, JSON", &plain, "application/json", json(&instance, 1)),
        (
            "1 row, raw JSON with a recipe",
            &raw,
            "application/json",
            json(shell, 1),
        ),
        ("1000 rows, CSV", &plain, "text/csv", vec![row; 1000].join("\n")),
        ("1000 rows, JSON", &plain, "application/json", json(&instance, 1000)),
        (
            "1000 rows, raw JSON with a recipe",
            &raw,
            "application/json",
            json(shell, 1000),
        ),
        (
            "1000 rows, raw CSV with a recipe",
            &raw,
            "text/csv",
            format!("length,sex\n{}", "0.25,F\n".repeat(1000)),
        ),
    ] {
        let server = Running::start(folder.path());
        let mut connection = server.connect();
        let rounds = if body.len() > 5000 { 100 } else { 1000 };
        let times = (0..rounds).map(|_| {
            let since = Instant::now();
            assert_eq!(connection.invoke(kind, &body).status, 200);
            since.elapsed()
        });
        let median = median(times.collect());
        let since = Instant::now();
        let (lanes, each) = (4, rounds / 2);
        std::thread::scope(|scope| {
            for _ in 0..lanes {
                scope.spawn(|| {
                    let mut connection = server.connect();
                    for _ in 0..each {
                        assert_eq!(connection.invoke(kind, &body).status, 200);
                    }
                });
            }
        });
        let rate = f64::from(lanes * each) / since.elapsed().as_secs_f64();
        println!("{name}: median {median:?}, {rate:.0} requests/s over {lanes} connections");
    }
}
