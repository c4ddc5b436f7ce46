//! Queries over all names, and what is refused.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use ironsage_exchange::{Scan, ScanFormat};
use ironsage_magics::{ErrorKind, MagicError, Plan, RustNames, Scalar, Value};
use polars::prelude::*;

use crate::bench::{Bench, told};

#[test]
fn a_query_is_bound_and_told() {
    let bench = Bench::new().small();
    bench
        .cell("%%sql -o clean\n-- the first half\nSELECT * FROM small WHERE number < 5")
        .unwrap();
    assert_eq!(bench.told(), "clean: 5 rows × 3 columns");
    bench
        .line("%sql SELECT letter, avg(half) AS mean FROM clean GROUP BY letter ORDER BY letter")
        .unwrap();
    assert_eq!(bench.told(), "2 rows × 2 columns");
}

#[test]
fn create_binds_drop_unbinds_and_both_can_be_run_twice() {
    let bench = Bench::new().small();
    for _ in 0..2 {
        bench
            .cell("%%sql\nCREATE TABLE few AS SELECT * FROM small LIMIT 3;")
            .unwrap();
        assert_eq!(bench.told(), "few: 3 rows × 3 columns");
    }
    assert_eq!(bench.session.frame("few").unwrap().height(), 3);
    bench
        .cell("%%sql\nCREATE TABLE IF NOT EXISTS few AS SELECT * FROM small")
        .unwrap();
    assert_eq!(bench.told(), "few already there");
    bench.cell("%%sql\nDROP TABLE few").unwrap();
    assert_eq!(bench.told(), "few dropped");
    bench.cell("%%sql\nDROP TABLE few").unwrap();
    assert_eq!(bench.told(), "few already gone");
}

#[test]
fn plans_and_joins_and_rusts_frames_are_tables() {
    struct Rust {
        weights: DataFrame,
        /// How often a frame was asked for.
        asked: Arc<AtomicUsize>,
    }
    impl RustNames for Rust {
        fn names(&self) -> Vec<(String, String)> {
            [
                ("weights", "DataFrame"),
                ("broken", "LazyFrame"),
                ("most", "i32"),
                ("steps", "Vec<f64>"),
                ("word", "&str"),
            ]
            .map(|(name, kind)| (name.to_owned(), kind.to_owned()))
            .to_vec()
        }
        fn frame(&self, name: &str) -> Option<Result<DataFrame, MagicError>> {
            self.asked.fetch_add(1, Ordering::Relaxed);
            match name {
                "weights" => Some(Ok(self.weights.clone())),
                "broken" => Some(Err(MagicError::data("the plan of `broken` fails"))),
                _ => None,
            }
        }
        fn scalar(&self, name: &str) -> Option<Scalar> {
            (name == "most").then_some(Scalar::Integer(2))
        }
        fn clear(&self) -> Result<Vec<String>, MagicError> {
            Ok(self.names().into_iter().map(|(name, _)| name).collect())
        }
        fn restart(&self) -> Result<Vec<String>, MagicError> {
            Ok(Vec::new())
        }
    }
    let bench = Bench::new().small();
    let plan = bench
        .session
        .frame("small")
        .unwrap()
        .lazy()
        .filter(col("number").lt(lit(4)));
    bench
        .session
        .bind("start", Value::Plan(Box::new(Plan::new(plan).unwrap())));
    let asked = Arc::new(AtomicUsize::new(0));
    bench.session.set_rust(Arc::new(Rust {
        weights: df!("letter" => ["a", "b"], "weight" => [1.0, 10.0]).unwrap(),
        asked: Arc::clone(&asked),
    }));
    bench
        .cell("%%sql -o sums\nSELECT s.letter, sum(s.half * w.weight) AS total\nFROM start s JOIN weights w ON s.letter = w.letter\nGROUP BY s.letter ORDER BY s.letter")
        .unwrap();
    assert_eq!(asked.swap(0, Ordering::Relaxed), 1, "a frame is fetched once");
    let totals = bench.session.frame("sums").unwrap();
    assert_eq!(
        totals.column("total").unwrap().f64().unwrap().to_vec(),
        [Some(1.0), Some(20.0)]
    );
    assert_eq!(bench.session.frame("weights").unwrap().height(), 2);
    bench
        .cell("%%sql -o first\nSELECT * FROM small LIMIT {{most}}")
        .unwrap();
    assert_eq!(bench.session.frame("first").unwrap().height(), 2);
    for line in ["%show broken", "%sql SELECT * FROM broken", "%show {{broken}}"] {
        assert_eq!(
            bench.line(line).unwrap_err().message,
            "the plan of `broken` fails",
            "{line}"
        );
    }
    asked.store(0, Ordering::Relaxed);
    bench.line("%sql SELECT * FROM broken").unwrap_err();
    assert_eq!(asked.load(Ordering::Relaxed), 1, "the first error is told");
    for line in ["%describe most", "%sql SELECT * FROM most", "%save most x.csv"] {
        let message = "`most` is a Rust variable of type `i32`, not a frame";
        let error = bench.line(line).unwrap_err().message;
        assert_eq!(error.split(" (line").next(), Some(message), "{line}");
    }
    for name in ["most", "word"] {
        assert_eq!(
            bench.line(&format!("%rm {name}")).unwrap(),
            format!("`{name}` is Rust's: it stays until another `let {name}`, or `%reset`")
        );
    }
    for name in ["weights", "steps"] {
        assert_eq!(
            bench.line(&format!("%rm {name}")).unwrap(),
            format!("`{name}` is Rust's: `drop({name})` in a Rust cell")
        );
    }
    assert_eq!(
        bench.line("%reset").unwrap(),
        "Rust cleared: 5 variables gone (weights, broken, most, steps, word), items and crates too; frames, models and endpoints stay"
    );
    assert_eq!(
        bench.line("%restart_rust").unwrap(),
        "Rust restarted: no variables were there; Rust items and crates stay, and so do frames, models and endpoints"
    );
    bench.session.bind_frame("weights", df!("x" => [1]).unwrap());
    assert_eq!(
        bench.session.frame("weights").unwrap().width(),
        1,
        "what is bound here comes first"
    );
}

#[test]
fn what_is_wrong_is_told_in_the_names_of_the_session() {
    let bench = Bench::new().small();
    let queries = [
        "SELECT * FROM smal",
        "SELECT leter FROM small",
        "SELECT * FROM small WHERE nmber > 3",
        "SELECT s.hlf FROM small s",
        "SELEC * FROM small",
        "SELECT * FROM small WHERE",
        "SELECT number,\n  leter\nFROM small\nWHERE half > 1",
        "SELECT *\nFORM small",
        "SELECT *\nFROM small WHERE number > 3\nGRUP BY letter",
        "SELECT lenght(letter) FROM small",
        "SELECT letter || 'x FROM small",
        "SELECT a.number FROM small a JOIN smal b ON a.number = b.number",
        "GRANT ALL ON small TO me",
        "SELECT * FROM read_csv('s3://b/x.csv')",
        "INSERT INTO small VALUES (1, 'a', 2)",
        "DELETE FROM small",
        "SELECT 1; SELECT 2",
        "CREATE VIEW v AS SELECT 1",
        "",
    ];
    let shown: Vec<String> = queries
        .iter()
        .map(|query| {
            format!(
                "{query}\n{}",
                told(&bench.cell(&format!("%%sql\n{query}")).unwrap_err())
            )
        })
        .collect();
    insta::assert_snapshot!(shown.join("\n\n"));
    assert_eq!(
        bench.session.frame("small").unwrap().height(),
        10,
        "nothing was changed"
    );
}

#[test]
fn a_query_stops_when_told_and_binds_nothing() {
    let bench = Bench::new().small();
    let (end, wait) = std::sync::mpsc::channel::<()>();
    let wait = std::sync::Mutex::new(wait);
    let endless = bench.session.frame("small").unwrap().lazy().map(
        move |frame| {
            let _ = wait.lock().unwrap().recv();
            Ok(frame)
        },
        AllowedOptimizations::default(),
        None,
        Some("ENDLESS"),
    );
    bench
        .session
        .bind("endless", Value::Plan(Box::new(Plan::new(endless).unwrap())));
    bench.front.interrupt_after(1);
    for cell in [
        "%%sql -o never\nSELECT * FROM endless",
        "%%sql -o never\nSELECT count(*) AS n FROM endless",
    ] {
        let error = bench.cell(cell).unwrap_err();
        assert_eq!(
            (error.kind, error.message.as_str()),
            (ErrorKind::Interrupted, "the query was stopped; nothing was bound")
        );
    }
    assert_eq!(
        bench.line("%save endless x.csv").unwrap_err().kind,
        ErrorKind::Interrupted
    );
    assert!(bench.session.value("never").is_none());
    drop(end);
}

/// A store that has one object, and takes so many milliseconds at least before each answer; gives its address.
fn store_of(object: Vec<u8>, delay: Arc<AtomicU64>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let (object, delay) = (object.clone(), Arc::clone(&delay));
            std::thread::spawn(move || answer(client, &object, &delay));
        }
    });
    address
}

fn answer(mut client: TcpStream, object: &[u8], delay: &AtomicU64) {
    let mut asked = BufReader::new(client.try_clone().unwrap());
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if asked.read_line(&mut head).unwrap_or(0) == 0 {
                return;
            }
        }
        let all = object.len();
        let range = head.lines().find_map(|line| {
            let (name, value) = line.split_once(": bytes=")?;
            let (from, to) = value.split_once('-')?;
            name.eq_ignore_ascii_case("range").then_some(())?;
            Some(match (from.parse::<usize>(), to.parse::<usize>()) {
                (Ok(from), to) => from..to.map_or(all, |to| all.min(to + 1)),
                (Err(_), last) => all - last.unwrap_or(all).min(all)..all,
            })
        });
        // What stands further behind takes up to twice as long: not all comes at once.
        let place = range.as_ref().map_or(0.0, |range| range.start as f64 / all as f64);
        let delay = || Duration::from_millis(delay.load(Ordering::Relaxed));
        let asked = Instant::now();
        while asked.elapsed() < delay().mul_f64(1.0 + place) {
            std::thread::sleep(Duration::from_millis(5));
        }
        let (status, from) = match &range {
            Some(part) => (
                format!("206 OK\r\ncontent-range: bytes {}-{}/{all}", part.start, part.end - 1),
                part.clone(),
            ),
            None => ("200 OK".to_owned(), 0..all),
        };
        let head_only = head.starts_with("HEAD");
        let head = format!(
            "HTTP/1.1 {status}\r\ncontent-length: {}\r\netag: \"1\"\r\nlast-modified: Mon, 23 Nov 2026 00:00:00 GMT\r\n\r\n",
            from.len()
        );
        client.write_all(head.as_bytes()).unwrap();
        if !head_only {
            client.write_all(&object[from]).unwrap();
        }
    }
}

/// Binds a plan over a Parquet file of that store as `rows`, whose requests take so long at most; gives the store's delay.
fn bind_rows_of_a_store(bench: &Bench, file: &str, timeout: &str) -> Arc<AtomicU64> {
    let delay = Arc::new(AtomicU64::new(0));
    let object = std::fs::read(bench.path().join(file)).unwrap();
    let endpoint = format!("http://{}", store_of(object, Arc::clone(&delay)));
    let store = [
        ("aws_endpoint", endpoint.as_str()),
        ("aws_allow_http", "true"),
        ("aws_region", "us-east-1"),
        ("aws_access_key_id", "a"),
        ("aws_secret_access_key", "b"),
        ("timeout", timeout),
    ];
    let scan = Scan {
        format: ScanFormat::Parquet,
        files: vec!["s3://slow/rows.parquet".to_owned()],
        store: store.map(|(key, value)| (key.to_owned(), value.to_owned())).to_vec(),
        columns: Vec::new(),
        condition: None,
    };
    let plan = Plan::over(scan).unwrap();
    bench.session.bind("rows", Value::Plan(Box::new(plan)));
    delay
}

#[test]
fn a_query_over_a_slow_store_shows_what_it_has_read() {
    let bench = Bench::new();
    let mut many = df!("n" => (0..640_000).collect::<Vec<i64>>()).unwrap();
    let file = std::fs::File::create(bench.path().join("many.parquet")).unwrap();
    let writer = ParquetWriter::new(file).with_row_group_size(Some(10_000));
    writer.finish(&mut many).unwrap();
    let delay = bind_rows_of_a_store(&bench, "many.parquet", "1m");
    delay.store(500, Ordering::Relaxed);
    bench.cell("%%sql -o total\nSELECT sum(n) AS total FROM rows").unwrap();
    let shown: Vec<String> = bench
        .front
        .displays()
        .iter()
        .map(|shown| shown.plain().to_owned())
        .collect();
    assert!(
        shown[0].starts_with("the query: ") && shown[0].contains("B read · "),
        "{shown:#?}"
    );
}

#[test]
fn a_store_that_never_answers_is_left_when_told() {
    let bench = Bench::new().small();
    bench.line("%save small s.parquet").unwrap();
    let delay = bind_rows_of_a_store(&bench, "s.parquet", "500ms");
    bench
        .cell("%%sql -q --save saved\nSELECT number, half FROM rows")
        .unwrap();
    assert_eq!(bench.session.frame("saved").unwrap().shape(), (10, 2));
    delay.store(3_600_000, Ordering::Relaxed);
    for line in [
        "%sql SELECT * FROM rows",
        "%sql SELECT * FROM small JOIN saved ON small.number = saved.number",
        "%sql --save other SELECT * FROM saved",
        "%show rows",
        "%show saved",
        "%describe rows",
        "%profile saved",
        "%corr rows",
        "%schema saved",
        "%save saved x.csv",
    ] {
        bench.front.interrupt_after(3);
        let started = Instant::now();
        let error = bench.line(line).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Interrupted, "{line}: {}", told(&error));
        assert!(started.elapsed() < Duration::from_millis(500), "{line}");
        bench.front.set_interrupted(false);
    }
    // Nor does a query wait for ever that nobody stops.
    let error = bench.line("%sql SELECT * FROM rows").unwrap_err();
    assert_ne!(error.kind, ErrorKind::Interrupted, "{}", told(&error));
    // What opens no file waits for nobody.
    for line in ["%schema rows", "%who", "%sql SHOW TABLES"] {
        assert!(bench.line(line).is_ok(), "{line}");
    }
}

#[test]
fn a_saved_query_is_a_table_that_runs_when_it_is_named() {
    let bench = Bench::new().small();
    bench.line("%param most=5").unwrap();
    let shown = bench
        .cell("%%sql --save few\nSELECT number, half FROM small WHERE number < {{most}}")
        .unwrap();
    assert!(shown.contains("5 rows × 2 columns"), "{shown}");
    assert_eq!(bench.told(), "few: a query of 2 columns; runs when it is named");
    bench
        .cell("%%sql -q --save fewer\nSELECT half FROM few WHERE number > 2")
        .unwrap();
    assert_eq!(bench.shown(), "fewer: a query of 1 column; runs when it is named");
    bench
        .cell("%%sql -o halves\nSELECT * FROM fewer ORDER BY half")
        .unwrap();
    assert_eq!(bench.told(), "halves: 2 rows × 1 column");
    let who = bench.line("%who").unwrap();
    assert!(who.contains("query") && who.contains("2 columns from small"), "{who}");
    assert!(who.ends_with("2 frames · 2 queries · 1 value"), "{who}");
    // It runs anew, over what the names mean by then.
    bench.line("%sql SELECT * FROM small LIMIT 4 -o small").unwrap();
    assert!(
        bench
            .line("%sql SELECT * FROM fewer")
            .unwrap()
            .contains("1 row × 1 column")
    );
    assert!(bench.line("%describe fewer").is_ok(), "it is a table elsewhere, too");
    bench.line("%sql DROP TABLE small").unwrap();
    let error = bench.line("%sql SELECT * FROM fewer").unwrap_err();
    assert_eq!(
        error.message.lines().next(),
        Some("the saved query `few`: there is no frame called `small` (line 1, column 26)")
    );
}

#[test]
fn a_query_made_of_itself_is_refused_and_a_part_hides_a_frame() {
    let bench = Bench::new().small();
    bench.cell("%%sql -q --save a\nSELECT * FROM small").unwrap();
    bench.cell("%%sql -q --save b\nSELECT * FROM a").unwrap();
    for (cell, message) in [
        (
            "%%sql --save small\nSELECT * FROM small",
            "`small` would be made of itself: small → small",
        ),
        (
            "%%sql -q --save a\nSELECT * FROM b",
            "`a` would be made of itself: a → b → a",
        ),
        (
            "%%sql -q --save small\nSELECT * FROM b",
            "`small` would be made of itself: small → b → a → small",
        ),
    ] {
        assert_eq!(bench.cell(cell).unwrap_err().message, message);
    }
    assert_eq!(bench.session.frame("small").unwrap().height(), 10);
    assert_eq!(bench.session.frame("b").unwrap().height(), 10);
    bench
        .cell("%%sql --save small2\nWITH small2 AS (SELECT * FROM small LIMIT 3) SELECT * FROM small2")
        .unwrap();
    bench
        .cell("%%sql -o some\nWITH b AS (SELECT * FROM small LIMIT 3) SELECT * FROM b")
        .unwrap();
    assert_eq!(bench.session.frame("some").unwrap().height(), 3);
    let error = bench
        .line("%sql WITH small AS (SELECT * FROM small LIMIT 3) SELECT * FROM small")
        .unwrap_err();
    assert_eq!(error.hint.as_deref(), Some("give the part a name of its own"));
    let error = bench.cell("%%sql --save c -o c\nSELECT 1").unwrap_err();
    assert_eq!(error.message, "`c` cannot be the query and its rows");
    assert!(bench.session.value("c").is_none());
}

#[test]
fn a_limit_gives_the_first_rows_and_says_so() {
    let bench = Bench::new().small();
    bench.cell("%%sql --limit 3 -o three\nSELECT * FROM small").unwrap();
    assert_eq!(bench.told(), "three: 3 rows × 3 columns (limited, there may be more)");
    bench
        .cell("%%sql --limit 30 --save all_rows\nSELECT * FROM small")
        .unwrap();
    assert!(bench.shown().contains("10 rows × 3 columns\n"), "{}", bench.shown());
    assert_eq!(bench.session.frame("three").unwrap().height(), 3);
}

#[test]
fn drop_takes_tables_only() {
    let bench = Bench::new().small();
    bench.line("%param most=5").unwrap();
    let error = bench.line("%sql DROP TABLE small, most").unwrap_err();
    assert_eq!(
        told(&error),
        "UsageError: `most` is a value, not a table\nhint: `%rm most` forgets it"
    );
    assert!(bench.session.frame("small").is_ok(), "all or none");
}

#[test]
fn no_quotes_hide_a_file_from_the_check_of_queries() {
    let bench = Bench::new().small();
    for query in [
        "SELECT $$'$$ AS q, b.* FROM read_csv('small.csv') b WHERE $$'$$ <> ''",
        "SELECT E'\\'' AS q, b.* FROM read_csv('small.csv') b WHERE '' <> ''",
    ] {
        let error = bench.cell(&format!("%%sql\n{query}")).unwrap_err();
        assert!(
            error.message.starts_with("texts are not written as "),
            "{}",
            error.message
        );
    }
    let error = bench
        .line("%scan small.csv --where \"number IN (SELECT number FROM read_csv('small.csv'))\"")
        .unwrap_err();
    assert!(error.message.contains("without a query in it"), "{}", error.message);
}

/// Five thousand operators end a thread.
#[test]
fn what_would_end_the_process_is_refused() {
    let bench = Bench::new().small();
    let long = vec!["number = 1"; 5_000].join(" OR ");
    for line in [
        format!("%sql SELECT * FROM small WHERE {long}"),
        format!("%scan small.csv --where \"{long}\""),
        format!("%load small.csv --where \"{long}\""),
        format!("%train linear-learner small --label \"{long}\" -o model"),
    ] {
        let error = bench.line(&line).unwrap_err();
        assert_eq!(error.kind, ErrorKind::UsageError);
        let said = "more than 350 operators one after another are too many";
        assert!(error.message.contains(said), "{}", error.message);
    }
}
