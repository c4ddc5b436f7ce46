//! `!` and `%%bash`: streams, exits, interrupts.

use std::time::{Duration, Instant};

use ironsage_display::Stream;
use ironsage_magics::ErrorKind;

use crate::bench::{Bench, told};

#[test]
fn both_streams_come_through_and_braces_are_put_in() {
    let bench = Bench::new();
    bench.line("%param word=größe").unwrap();
    bench.shell("echo {{word}}; echo bad >&2; echo '{{.Names}}'").unwrap();
    assert_eq!(bench.front.streamed(Stream::Stdout), "größe\n{{.Names}}\n");
    assert_eq!(bench.front.streamed(Stream::Stderr), "bad\n");
}

#[test]
fn a_failing_exit_is_an_error_unless_it_is_ok() {
    let bench = Bench::new();
    let failures = ["exit 3", "false | cat", "not_a_command x", "kill -9 $$"];
    let shown: Vec<String> = failures
        .iter()
        .map(|command| told(&bench.shell(command).unwrap_err()))
        .collect();
    insta::assert_snapshot!(shown.join("\n\n"));
    bench.shell("--ok exit 3").unwrap();
    assert!(bench.shell("").unwrap_err().message.contains("no command"));
}

#[test]
fn a_script_stops_at_the_first_failure() {
    let bench = Bench::new();
    let error = bench.cell("%%bash\necho one\nfalse\necho two").unwrap_err();
    assert_eq!(bench.front.streamed(Stream::Stdout), "one\n");
    assert_eq!(error.kind, ErrorKind::ShellError);
    bench.cell("%%bash --ok\nfalse").unwrap();
}

#[test]
fn output_comes_while_the_command_runs() {
    let bench = Bench::new();
    let waits = "echo started; until [ -e seen ]; do sleep 0.02; done; echo ended";
    std::thread::scope(|scope| {
        let running = scope.spawn(|| bench.shell(waits));
        let begun = Instant::now();
        while bench.front.streamed(Stream::Stdout) != "started\n" {
            assert!(begun.elapsed() < Duration::from_secs(10), "nothing came while it ran");
            std::thread::sleep(Duration::from_millis(5));
        }
        bench.file("seen", "");
        running.join().unwrap().unwrap();
    });
    assert_eq!(bench.front.streamed(Stream::Stdout), "started\nended\n");
}

#[test]
fn an_interrupt_ends_the_whole_group() {
    let bench = Bench::new();
    bench.front.interrupt_after(3);
    let started = Instant::now();
    let error = bench
        .shell("(sleep 100 & echo $! > child; wait) ; echo not here")
        .unwrap_err();
    assert_eq!(
        (error.kind, error.message.as_str()),
        (ErrorKind::Interrupted, "the command was stopped")
    );
    assert!(started.elapsed() < Duration::from_secs(6));
    assert_eq!(bench.front.streamed(Stream::Stdout), "");
    let child = std::fs::read_to_string(bench.path().join("child")).unwrap();
    let lives = || {
        let state = std::fs::read_to_string(format!("/proc/{}/stat", child.trim())).unwrap_or_default();
        !(state.is_empty() || state.contains(") Z "))
    };
    while lives() {
        assert!(started.elapsed() < Duration::from_secs(6), "the child lives on");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_process_left_in_the_background_does_not_hold_the_cell() {
    let bench = Bench::new();
    let started = Instant::now();
    bench.shell("sleep 30 & echo $!").unwrap();
    assert!(started.elapsed() < Duration::from_secs(5));
    let child = bench.front.streamed(Stream::Stdout);
    bench.shell(&format!("kill {}", child.trim())).unwrap();
}

#[test]
fn no_service_is_started_for_a_plain_command() {
    let bench = Bench::new();
    bench.shell("echo \"[${AWS_ENDPOINT_URL:-none}]\"").unwrap();
    assert_eq!(bench.front.streamed(Stream::Stdout), "[none]\n");
}
