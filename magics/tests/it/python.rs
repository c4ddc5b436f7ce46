//! `%%python`: one process a session, its outputs, errors and stops. What needs Polars in Python is in
//! `tests/test_python.py`; here the machine's own python3 is enough.

use std::time::{Duration, Instant};

use ironsage_display::Stream;
use ironsage_display::testing::Shown;
use ironsage_magics::{ErrorKind, Value};

use crate::bench::{Bench, told};

/// A bench whose Python runs already, so that what cells show is all there is.
fn running() -> Bench {
    let bench = Bench::new();
    let shown = bench.cell("%%python").unwrap();
    assert!(shown.starts_with("Python 3."), "{shown}");
    bench
}

#[test]
fn variables_stay_and_the_last_expression_is_shown() {
    let bench = running();
    assert_eq!(bench.cell("%%python\nx = 20\nf'{{{x}}}'").unwrap(), "'{20}'");
    assert_eq!(bench.cell("%%python\nx += 1\nx").unwrap(), "21");
    assert_eq!(bench.cell("%%python\n_ * 2").unwrap(), "42");
    assert_eq!(bench.cell("%%python\nx;").unwrap(), "");
    assert_eq!(bench.cell("%%python\nNone").unwrap(), "");
    let anew = bench.cell("%%python --reset\n'x' in globals()").unwrap();
    assert!(anew.ends_with("False"), "{anew}");
}

/// Its frames are named by descriptors: these must not become other files while it runs on.
#[test]
fn a_cell_that_was_left_behind_writes_into_no_file_of_ours() {
    let bench = running();
    bench.front.interrupt_after(10);
    // A Polars of the test's own: the machine's Python may have none.
    let cell = "%%python -o late\nimport sys, time, types\nclass Frame:\n    def write_ipc(self, file): file.write(b'ARROW')\n\
                polars = types.ModuleType('polars')\npolars.DataFrame, polars.LazyFrame, polars.Series = Frame, int, int\n\
                sys.modules['polars'] = polars\nlate = Frame()\nuntil = time.monotonic() + 1.5\n\
                while time.monotonic() < until:\n    try:\n        time.sleep(0.1)\n    except KeyboardInterrupt:\n        pass";
    let error = bench.cell(cell).unwrap_err();
    assert!(error.message.contains("can't be stopped half way"), "{}", error.message);
    bench.front.set_interrupted(false);
    // Whoever opens files now must not get the numbers of those that the cell still knows.
    let opened: Vec<(std::path::PathBuf, std::fs::File)> = (0..40)
        .map(|number| {
            let path = bench.file(&format!("mine-{number}.csv"), "a\n1\n");
            let file = std::fs::File::open(&path).unwrap();
            (path, file)
        })
        .collect();
    bench.cell("%%python\n1").unwrap();
    for (path, _) in &opened {
        assert_eq!(std::fs::read_to_string(path).unwrap(), "a\n1\n");
    }
}

#[test]
fn an_error_is_told_by_its_first_line_and_a_clean_exit_is_none() {
    let bench = running();
    let error = bench.cell("%%python\nraise ValueError('first\\nsecond')").unwrap_err();
    assert!(
        error.message.starts_with("line 2: ValueError: first\n"),
        "{}",
        error.message
    );
    let error = bench.cell("%%python -o gone\nimport sys\nsys.exit()").unwrap_err();
    assert!(
        error.message.contains("there is no `gone` to bind"),
        "{}",
        error.message
    );
}

#[test]
fn texts_and_displays_come_in_order() {
    let bench = running();
    bench
        .cell(
            "%%python\nimport os, sys\nprint('one')\nprint('two', file=sys.stderr)\nsys.stdout.buffer.write('grö'.encode())\n\
             class Bold:\n    def __repr__(self): return 'plain'\n    def _repr_html_(self): return '<b>bold</b>'\n\
             display(Bold())\nprint('three')\nos.system('echo four; echo five >&2');",
        )
        .unwrap();
    let shown: Vec<String> = bench
        .front
        .shown()
        .iter()
        .map(|shown| match shown {
            Shown::Stream(Stream::Stdout, text) => format!("out {text}"),
            Shown::Stream(Stream::Stderr, text) => format!("err {text}"),
            Shown::Display(bundle) => format!("html {}", bundle.data["text/html"].as_str().unwrap()),
            other => panic!("{other:?}"),
        })
        .collect();
    let first = ["out one\n", "err two\n", "out grö", "html <b>bold</b>", "out three\n"];
    assert_eq!(shown[..5], first);
    // Subprocesses write to pipes of their own.
    let (mut last, mut expected) = (shown[5..].to_vec(), ["err five\n", "out four\n"]);
    last.sort();
    expected.sort_unstable();
    assert_eq!(last, expected);
}

#[test]
fn output_comes_while_the_cell_runs() {
    let bench = running();
    let waits = "%%python\nimport os, time\nprint('started')\nwhile not os.path.exists('seen'): time.sleep(0.02)\nprint('ended')";
    std::thread::scope(|scope| {
        let cell = scope.spawn(|| bench.cell(waits));
        let begun = Instant::now();
        while bench.front.streamed(Stream::Stdout) != "started\n" {
            assert!(begun.elapsed() < Duration::from_secs(10), "nothing came while it ran");
            std::thread::sleep(Duration::from_millis(5));
        }
        bench.file("seen", "");
        cell.join().unwrap().unwrap();
    });
    assert_eq!(bench.front.streamed(Stream::Stdout), "started\nended\n");
}

#[test]
fn a_large_display_comes_whole() {
    let bench = running();
    bench
        .cell("%%python\nclass Page:\n    def _repr_html_(self): return 'ö' * 15_000_000\nPage()")
        .unwrap();
    let displays = bench.front.displays();
    assert_eq!(displays[0].data["text/html"].as_str().unwrap().len(), 30_000_000);
}

/// What goes on after its cell: a program and a thread, each of which writes so much, and then a file.
fn writers(bench: &Bench, bytes: usize) {
    let code = "import os, subprocess, sys, threading, time\ndef write(letter, file):\n    while not os.path.exists('go'): time.sleep(0.01)\n    \
                for _ in range(BYTES // 1000): print(letter * 999, flush=True)\n    open(file, 'w').close()\n"
        .replace("BYTES", &bytes.to_string());
    bench.file("writer.py", &code);
    bench
        .cell(&format!(
            "%%python\n{code}subprocess.Popen([sys.executable, '-c', 'import writer; writer.write(\"p\", \"by-program\")'])\n\
             threading.Thread(target=write, args=('t', 'by-thread')).start()"
        ))
        .unwrap();
    bench.file("go", "");
    let begun = Instant::now();
    for file in ["by-program", "by-thread"] {
        while !bench.path().join(file).exists() {
            assert!(begun.elapsed() < Duration::from_secs(20), "no {file}: nobody reads");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

#[test]
fn what_writes_in_the_background_does_not_wait_for_the_next_cell_which_shows_it() {
    let bench = running();
    writers(&bench, 400_000);
    assert_eq!(bench.cell("%%python\n1").unwrap(), "1");
    let text = bench.front.streamed(Stream::Stdout);
    assert_eq!(text.matches(['p', 't']).count(), 2 * 399_600);
}

#[test]
fn of_much_that_comes_between_cells_the_newest_is_kept() {
    let bench = running();
    writers(&bench, 4_000_000);
    let shown = bench.cell("%%python\n1").unwrap();
    let told = "of what Python wrote between the cells, the first ";
    let left_out = shown
        .strip_prefix(told)
        .and_then(|rest| rest.strip_suffix(" MB are left out\n1"));
    let left_out: f64 = left_out.expect(&shown).parse().unwrap();
    let kept = bench.front.streamed(Stream::Stdout).len();
    // Of 8 MB; what was in the pipe and in the socket comes in the cell itself.
    assert!((900_000..2_000_000).contains(&kept), "{kept}");
    assert!(
        (left_out * 1e6 + kept as f64 - 8e6).abs() < 1e5,
        "{left_out} MB, {kept}"
    );
}

#[test]
fn errors_name_the_line_of_the_cell() {
    let bench = running();
    let raised = |cell: &str| bench.cell(cell).unwrap_err();
    let error = raised("%%python\ndef half(x):\n    return 1 / x\n\nhalf(0)");
    assert_eq!(error.kind, ErrorKind::PythonError);
    assert!(
        error
            .message
            .starts_with("line 5: ZeroDivisionError: division by zero\nTraceback"),
        "{}",
        error.message
    );
    for part in ["line 5, in <module>\n    half(0)", "line 3, in half\n    return 1 / x"] {
        assert!(error.message.contains(part), "{}", error.message);
    }
    assert!(!error.message.contains("perform"), "{}", error.message);
    // Comments, or a `%%time`, stand above.
    let error = bench.cell_below(2, "%%python\n1 / 0").unwrap_err();
    assert!(error.message.starts_with("line 4: ZeroDiv"), "{}", error.message);
    assert!(
        error.message.contains("line 4, in <module>\n    1 / 0"),
        "{}",
        error.message
    );
    // Of an earlier cell.
    let error = raised("%%python\n\nhalf('a')");
    assert!(error.message.starts_with("line 3: TypeError"), "{}", error.message);
    assert!(error.message.contains("return 1 / x"), "{}", error.message);
    let error = raised("%%python\nx = 1\n%matplotlib inline");
    assert!(error.message.starts_with("line 3: SyntaxError"), "{}", error.message);
    assert!(error.hint.unwrap().contains("a cell of their own"));
    assert!(
        raised("%%python\nimport no_such_module")
            .hint
            .unwrap()
            .contains("-m pip install no_such_module")
    );
    assert_eq!(raised("%%python\nraise SystemExit(3)").message, "SystemExit: 3");
    bench.cell("%%python\nimport sys\nsys.exit()").unwrap();
    let asked = raised("%%python\ninput('Name? ')");
    assert!(asked.message.contains("nobody can be asked"), "{}", asked.message);
}

#[test]
fn folder_environment_and_values_are_the_sessions() {
    let bench = running();
    bench.file("data/lucky_ones.py", "seven = 7\n");
    bench.line("%cd data").unwrap();
    bench.line("%env WORD=größe").unwrap();
    bench.line("%param trials=20").unwrap();
    let shown = bench
        .cell("%%python -i trials\nimport os, lucky_ones\nos.environ['WORD'], trials + 1, os.path.basename(os.getcwd()), lucky_ones.seven")
        .unwrap();
    assert_eq!(shown, "('größe', 21, 'data', 7)");
    // What a cell has changed stays until the session changes it.
    bench
        .cell("%%python\nos.environ['WORD'] = 'mine'; os.chdir('..')")
        .unwrap();
    assert_eq!(
        bench
            .cell("%%python\nos.environ['WORD'], os.path.exists('data')")
            .unwrap(),
        "('mine', True)"
    );
    bench.line("%env WORD=ours").unwrap();
    assert_eq!(bench.cell("%%python\nos.environ['WORD']").unwrap(), "'ours'");
}

#[test]
fn a_stop_is_a_keyboard_interrupt_and_the_variables_stay() {
    let bench = running();
    bench.cell("%%python\nkept = 1").unwrap();
    bench.front.interrupt_after(10);
    let started = Instant::now();
    let error = bench
        .cell("%%python\nimport time\nwhile True:\n    time.sleep(0.01)")
        .unwrap_err();
    assert!(started.elapsed() < Duration::from_secs(2));
    assert_eq!(error.kind, ErrorKind::Interrupted);
    assert!(
        error.message.starts_with("Python was stopped in line "),
        "{}",
        error.message
    );
    bench.front.set_interrupted(false);
    assert_eq!(bench.cell("%%python\nkept").unwrap(), "1");
}

/// A stop before the cell has begun is not lost, and reaches no other cell.
#[test]
fn a_stop_at_once_stops_the_cell() {
    let bench = running();
    for round in 0..20 {
        // Asked once before the request is sent, and again right after it.
        bench.front.interrupt_after(1);
        let error = bench.cell("%%python\nwhile True: pass").unwrap_err();
        assert!(
            error.message.starts_with("Python was stopped"),
            "{round}: {}",
            error.message
        );
        bench.front.set_interrupted(false);
        assert_eq!(bench.cell(&format!("%%python\n{round}")).unwrap(), round.to_string());
    }
}

#[test]
fn a_call_that_cannot_be_stopped_is_left_behind_and_ended_by_a_second_stop() {
    let bench = running();
    let deaf = "%%python\nimport signal, time\nkept = 1\nold = signal.signal(signal.SIGINT, signal.SIG_IGN)\n\
                time.sleep(SECONDS)\nsignal.signal(signal.SIGINT, old)\nprint('late')";
    let stopped = |seconds: &str| {
        bench.front.interrupt_after(10);
        let started = Instant::now();
        let error = bench.cell(&deaf.replace("SECONDS", seconds)).unwrap_err();
        assert!(
            started.elapsed() < Duration::from_millis(1500),
            "{:?}",
            started.elapsed()
        );
        assert!(error.message.contains("can't be stopped half way"), "{}", error.message);
        bench.front.set_interrupted(false);
    };
    stopped("1.5");
    assert_eq!(bench.cell("%%python\nkept").unwrap(), "1");
    assert_eq!(bench.front.streamed(Stream::Stdout), "late\n");
    stopped("60");
    bench.front.set_interrupted(true);
    let error = bench.cell("%%python\nkept").unwrap_err();
    assert!(error.message.contains("its variables are gone"), "{}", error.message);
    bench.front.set_interrupted(false);
    assert!(bench.cell("%%python\n'kept' in globals()").unwrap().ends_with("False"));
}

#[test]
fn a_python_that_ends_is_told_of_and_started_anew() {
    let bench = running();
    let error = bench.cell("%%python\nimport os\nos._exit(3)").unwrap_err();
    assert_eq!(
        told(&error),
        "PythonError: python3 ended with exit status 3\nhint: its variables are gone; the next %%python cell starts it anew"
    );
    assert!(bench.cell("%%python\n1").unwrap().starts_with("Python 3."));
    let error = bench
        .cell("%%python\nimport os, signal\nos.kill(os.getpid(), signal.SIGSEGV)")
        .unwrap_err();
    assert!(error.message.contains("crashed (signal 11)"), "{}", error.message);
    let error = bench.cell("%%python --python no-such-python\n1").unwrap_err();
    assert_eq!(error.message, "no-such-python is not on the PATH");
    let error = bench.cell("%%python --python ./no/python\n1").unwrap_err();
    assert!(error.message.starts_with("there is no /"), "{}", error.message);
    let error = bench.cell("%%python --python false\n1").unwrap_err();
    assert!(
        error.message.contains("false ended with exit status 1"),
        "{}",
        error.message
    );
}

#[test]
fn another_python_is_refused_while_one_runs() {
    let bench = running();
    bench.cell("%%python\nkept = 1").unwrap();
    let error = bench.cell("%%python --python other\n1").unwrap_err();
    assert_eq!(
        told(&error),
        "UsageError: this session's Python is `python3`, and has variables of earlier cells\n\
         hint: `%%python --reset --python other` forgets them and starts the other one"
    );
    assert_eq!(bench.cell("%%python --python python3\nkept").unwrap(), "1");
    bench.line("%env IRONSAGE_PYTHON=no-such-python").unwrap();
    let error = bench.cell("%%python --reset\n1").unwrap_err();
    assert_eq!(error.message, "no-such-python is not on the PATH");
}

#[test]
fn the_process_ends_with_its_session() {
    let bench = running();
    let process = bench
        .cell("%%python\nimport os, subprocess\nchild = subprocess.Popen(['sleep', '60'])\nchild.pid")
        .unwrap();
    let lives = || {
        let state = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
        !(state.is_empty() || state.contains(") Z "))
    };
    assert!(lives(), "no process: {process}");
    drop(bench);
    let started = Instant::now();
    while lives() {
        assert!(started.elapsed() < Duration::from_secs(6), "what it started lives on");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn frames_need_a_library_and_nothing_is_bound_on_failure() {
    // As where neither is installed.
    let bench = Bench::new().small();
    for missing in ["polars", "pandas", "pyarrow"] {
        let module = format!("raise ModuleNotFoundError(\"No module named '{missing}'\", name='{missing}')\n");
        bench.file(&format!("without/{missing}.py"), module);
    }
    bench
        .line(&format!("%env PYTHONPATH={}", bench.path().join("without").display()))
        .unwrap();
    let error = bench.cell("%%python -i small\nx = 1").unwrap_err();
    assert!(
        error
            .message
            .contains("neither polars nor pandas with pyarrow is installed in /"),
        "{}",
        error.message
    );
    assert!(error.hint.as_deref().unwrap().contains("-m pip install polars"));
    let error = bench.cell("%%python -i small --as pyarrow\nx = 1").unwrap_err();
    assert!(error.message.contains("pyarrow is not installed"), "{}", error.message);
    for (cell, message) in [
        ("%%python -o sk\ny = 1", "the cell ran, and there is no `sk` to bind"),
        ("%%python -o sk\nsk = [1]", "`sk` is a builtins.list, not a frame"),
        (
            "%%python -o sk\nsk = {'a': [1]}",
            "`sk` goes as Arrow, and neither polars nor pyarrow is installed",
        ),
        ("%%python -i nothing\n1", "there is no frame called `nothing`"),
        ("%%python -o lambda\n1", "`lambda` is a keyword of Python"),
    ] {
        let error = bench.cell(cell).unwrap_err();
        assert!(error.message.starts_with(message), "{cell}: {}", error.message);
        assert!(bench.session.value("sk").is_none());
    }
    assert!(matches!(bench.session.value("small"), Some(Value::Frame(_))));
}

#[test]
fn threads_and_forked_processes_print_whole_lines() {
    let bench = running();
    bench
        .cell(
            "%%python\nimport os, sys, threading\nsys.setswitchinterval(1e-6)\ndef many(name):\n    for at in range(2000): print(f'{name} {at}')\n\
             workers = [threading.Thread(target=many, args=(name,)) for name in 'ab']\n\
             [worker.start() for worker in workers]; [worker.join() for worker in workers]\n\
             child = os.fork()\nif child == 0:\n    print('from the fork')\n    os._exit(0)\nos.waitpid(child, 0);",
        )
        .unwrap();
    let text = bench.front.streamed(Stream::Stdout);
    let printed = |begin: &str| -> Vec<&str> { text.lines().filter(|line| line.starts_with(begin)).collect() };
    for name in ["a ", "b "] {
        let expected: Vec<String> = (0..2000).map(|at| format!("{name}{at}")).collect();
        assert_eq!(printed(name), expected);
    }
    assert_eq!(printed("from"), ["from the fork"]);
    assert_eq!(text.lines().count(), 4001);
    // Bursts are gathered.
    assert!(
        bench.front.shown().len() < 400,
        "{} messages",
        bench.front.shown().len()
    );
}
