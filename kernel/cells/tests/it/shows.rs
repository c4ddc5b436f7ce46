//! What cells show beside text, what they ask, and what they find of the session: displays that change, progress,
//! arrays, drawings, questions, models.

use std::sync::mpsc::channel;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use ironsage_cells::{CellError, Evaluator, MimeBundle, Stopped};

use crate::support::{Lab, Reacting, Shown, Test};

pub const TESTS: &[Test] = &[
    ("shows::displays_change_in_their_place", displays_change_in_their_place),
    ("shows::output_is_cleared_in_its_turn", output_is_cleared_in_its_turn),
    ("shows::arrays_and_results", arrays_and_results),
    ("shows::figures", figures),
    ("shows::progress", progress),
    ("shows::progress_that_is_stopped", progress_that_is_stopped),
    ("shows::answers", answers),
    (
        "shows::output_goes_on_while_a_cell_asks",
        output_goes_on_while_a_cell_asks,
    ),
    ("shows::stop_ends_a_question", stop_ends_a_question),
    (
        "shows::a_process_that_dies_asks_no_more",
        a_process_that_dies_asks_no_more,
    ),
    ("shows::matrices", matrices),
    ("shows::models_that_are_not_there", models_that_are_not_there),
    ("shows::names_of_the_session_go_first", names_of_the_session_go_first),
    ("shows::a_thread_shows_between_cells", a_thread_shows_between_cells),
];

fn plain(text: &str) -> MimeBundle {
    [("text/plain".to_owned(), text.to_owned())].into()
}

fn displays_change_in_their_place(lab: &mut Lab) {
    let (evaluated, seen) = lab.ok(
        "println!(\"one\"); let live = show_live(&1); show(&2); live.update(&3); println!(\"two\"); show(&2); live.update(\"four\"); show_live(\"five\")",
    );
    assert_eq!(evaluated.result, None, "a live display is seen already");
    let all = seen.all();
    let [_, Shown::Live(_, id), .., Shown::Live(_, other)] = &all[..] else {
        panic!("{all:?}");
    };
    let out = |text: &str| Shown::Out(text.to_owned());
    let live = |text: &str, id: &str| Shown::Live(plain(text), id.to_owned());
    let update = |text: &str| Shown::Update(plain(text), id.clone());
    let expected = [
        out("one\n"),
        live("1", id),
        Shown::Display(plain("2")),
        update("3"),
        out("two\n"),
        Shown::Display(plain("2")),
        update("\"four\""),
        live("\"five\"", other),
    ];
    assert_eq!(all, expected);
    assert_ne!(id, other);
    let (_, seen) = lab.ok("live.update(&6);");
    assert_eq!(seen.all(), [update("6")], "in a later cell as well");
}

fn output_is_cleared_in_its_turn(lab: &mut Lab) {
    let (_, seen) = lab.ok("print!(\"old\"); show(&1); clear_output(true); print!(\"new\"); clear_output(false);");
    let expected = [
        Shown::Out("old".to_owned()),
        Shown::Display(plain("1")),
        Shown::Clear(true),
        Shown::Out("new".to_owned()),
        Shown::Clear(false),
    ];
    assert_eq!(seen.all(), expected);
}

fn arrays_and_results(lab: &mut Lab) {
    let (evaluated, _) = lab.ok("let steps = ndarray::arr2(&[[1.5f32, 2.0], [3.0, 4.0]]); steps.row(1)");
    let row = evaluated.result.unwrap();
    assert_eq!(row["text/plain"], "array of f32, 2\n[3, 4]");
    assert!(row["text/html"].contains("<td>4</td>"), "{}", row["text/html"]);
    assert!(lab.value("&steps * 2.0").starts_with("array of f32, 2 × 2\n"));
    // Variables may hold them.
    assert!(
        lab.value("steps.mapv(|x| x > 2.0)")
            .contains("[[false, false],\n [true, true]]")
    );
    let (evaluated, _) = lab.ok("use polars::prelude::*;\ndf!(\"rings\" => [7, 15])");
    assert!(
        evaluated.result.unwrap()["text/html"].contains("rings"),
        "a forgotten `?`"
    );
}

fn figures(lab: &mut Lab) {
    let drawn = "use plotters::prelude::*;\nlet disc = figure(200, 100, |area| {\n    area.fill(&WHITE)?;\n    area.draw(&Circle::new((50, 50), 20, BLUE.filled()))?;\n    Ok(())\n})?;";
    let (evaluated, seen) = lab.ok(&format!("{drawn}\ndisc.clone()"));
    assert!(seen.all().is_empty());
    let result = evaluated.result.unwrap();
    assert!(result["image/svg+xml"].contains("<circle"));
    let (_, seen) = lab.ok("show(&disc);");
    assert_eq!(seen.all(), [Shown::Display(result)]);
}

/// The texts of a live display, the first and the changed ones.
fn texts(all: &[Shown]) -> Vec<String> {
    let text = |mime: &MimeBundle| mime["text/plain"].clone();
    all.iter()
        .filter_map(|shown| match shown {
            Shown::Live(mime, _) | Shown::Update(mime, _) => Some(text(mime)),
            _ => None,
        })
        .collect()
}

fn progress(lab: &mut Lab) {
    let begun = Instant::now();
    let (evaluated, seen) = lab.ok(
        "let mut sum = 0; for row in progress(0..80).titled(\"rows\") { sum += row; std::thread::sleep(std::time::Duration::from_millis(5)); }\nsum",
    );
    assert_eq!(evaluated.result.unwrap()["text/plain"], "3160");
    let told = texts(&seen.all());
    assert_eq!(told[0], "rows: …");
    assert!(told[1].contains(" of 80 · ") && told[1].contains(" %"), "{told:?}");
    let last = told.last().unwrap();
    assert!(
        last.starts_with("rows: 80 items · ") && last.contains("/s · "),
        "{last}"
    );
    let most = 3 + 10 * begun.elapsed().as_millis() / 1_000;
    assert!(told.len() as u128 <= most, "{told:?}");
    let (_, seen) = lab.ok("for n in progress(0..10) { if n == 3 { break; } }");
    let told = texts(&seen.all());
    assert!(
        told.last().unwrap().starts_with("progress: stopped · 3 of 10 · "),
        "{told:?}"
    );
}

fn progress_that_is_stopped(lab: &mut Lab) {
    lab.ok("let kept = vec![4];");
    let interrupt = lab.evaluator.interrupt();
    let front = Reacting::new(|shown| {
        if matches!(shown, Shown::Live(..)) {
            assert_eq!(interrupt.interrupt(), Stopped::Asked);
        }
        Ok(String::new())
    });
    let code = "for n in progress(0..10_000) { std::thread::sleep(std::time::Duration::from_millis(5)); }\nprintln!(\"after the loop\");";
    let error = lab.evaluator.eval(code, &front).unwrap_err();
    assert_eq!(error, CellError::Interrupted { lost: Vec::new() });
    assert_eq!(front.seen.out(), "", "the cell does not go on");
    let told = texts(&front.seen.all());
    assert!(told.last().unwrap().contains("stopped · "), "{told:?}");
    assert_eq!(lab.value("kept[0]"), "4");
}

fn answers(lab: &mut Lab) {
    let front = Reacting::new(|_| Ok("15 ".to_owned()));
    let code = "print!(\"before\");\nlet rings: u32 = input(\"How many? \")?.trim().parse()?;\nlet secret = ironsage_prelude::cell::password(\"Token: \")?;\nrings + secret.len() as u32";
    let evaluated = lab.evaluator.eval(code, &front).unwrap();
    assert_eq!(evaluated.result.unwrap()["text/plain"], "18");
    let expected = [
        Shown::Out("before".to_owned()),
        Shown::Asked("How many? ".to_owned(), false),
        Shown::Asked("Token: ".to_owned(), true),
    ];
    assert_eq!(front.seen.all(), expected);
    let (error, _) = lab.error("let name = input(\"Name? \")?;");
    assert_eq!(error.ename(), "InputError");
    assert_eq!(error.to_string(), "nobody is there");
}

fn output_goes_on_while_a_cell_asks(lab: &mut Lab) {
    let (say, heard) = channel();
    let heard = Mutex::new(heard);
    // The answer comes only when a line of another thread has been seen.
    let front = Reacting::new(|shown| match shown {
        Shown::Out(text) if text.contains("meanwhile") => {
            say.send(()).map(|()| String::new()).map_err(|e| e.to_string())
        }
        Shown::Asked(..) => {
            let heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
            let heard = heard.recv_timeout(Duration::from_secs(10));
            heard.map(|()| "yes".to_owned()).map_err(|error| error.to_string())
        }
        _ => Ok(String::new()),
    });
    let code = "let talker = std::thread::spawn(|| { std::thread::sleep(std::time::Duration::from_millis(100)); println!(\"meanwhile\"); show(&1); });\nlet answer = input(\"Go on? \")?;\ntalker.join().unwrap();\nanswer";
    let evaluated = lab.evaluator.eval(code, &front).unwrap();
    assert_eq!(evaluated.result.unwrap()["text/plain"], "\"yes\"");
}

fn stop_ends_a_question(lab: &mut Lab) {
    lab.ok("let kept = 6;");
    let interrupt = lab.evaluator.interrupt();
    let front = Reacting::new(|shown| {
        if matches!(shown, Shown::Asked(..)) {
            assert_eq!(interrupt.interrupt(), Stopped::Asked);
        }
        Err("interrupted while waiting for input".to_owned())
    });
    let error = lab
        .evaluator
        .eval("let name = input(\"Name? \")?;", &front)
        .unwrap_err();
    assert_eq!(error, CellError::Interrupted { lost: Vec::new() });
    assert_eq!(lab.value("kept"), "6");
}

fn a_process_that_dies_asks_no_more(lab: &mut Lab) {
    let (say, heard) = channel();
    let heard = Mutex::new(heard);
    // A person who never answers.
    let front = Reacting::new(|shown| match shown {
        Shown::Asked(..) => {
            let heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
            let _ = heard.recv_timeout(Duration::from_secs(30));
            Err("withdrawn".to_owned())
        }
        Shown::Withdrawn => say.send(()).map(|()| String::new()).map_err(|error| error.to_string()),
        _ => Ok(String::new()),
    });
    let begun = Instant::now();
    let code = "std::thread::spawn(|| { std::thread::sleep(std::time::Duration::from_millis(200)); std::process::exit(7) });\nlet name = input(\"Name? \")?;";
    let error = lab.evaluator.eval(code, &front).unwrap_err();
    assert!(matches!(error, CellError::ChildDied { .. }), "{error:?}");
    assert!(begun.elapsed() < Duration::from_secs(20));
    assert!(front.seen.all().contains(&Shown::Withdrawn));
    assert_eq!(lab.value("1 + 1"), "2");
}

fn matrices(lab: &mut Lab) {
    lab.session_frame("shells");
    assert_eq!(
        lab.value("let x = matrix(&shells, &[\"score\", \"rings\"])?; x"),
        "array of f32, 3 × 2\n[[8.5, 7],\n [10, 15],\n [9, 9]]"
    );
    assert_eq!(lab.value("x.column(1).sum()"), "31.0");
    let (error, _) = lab.error("let y = matrix(&shells, &[\"sex\"])?;");
    assert_eq!(error.ename(), "MatrixError");
    assert!(error.to_string().contains("column `sex` is str"), "{error}");
}

fn models_that_are_not_there(lab: &mut Lab) {
    let (error, _) = lab.error("let age = model(\"age\")?;");
    assert_eq!(error.ename(), "ModelError");
    assert_eq!(error.to_string(), "there is no model called `age`");
}

/// Last, since what it defines stays.
fn names_of_the_session_go_first(lab: &mut Lab) {
    lab.session_frame("figure");
    assert_eq!(lab.value("figure.height()"), "3");
    lab.ok("fn matrix() -> i32 { 5 }");
    assert_eq!(lab.value("matrix()"), "5");
}

fn a_thread_shows_between_cells(lab: &mut Lab) {
    lab.ok("let seven = 7;\nlet live = show_live(&1);\nstd::thread::spawn(move || { std::thread::sleep(std::time::Duration::from_millis(200)); live.update(&2); });");
    std::thread::sleep(Duration::from_millis(500));
    // What comes meanwhile is no cell: a magic fetches a variable.
    lab.evaluator.fetch("seven").unwrap();
    let (_, seen) = lab.ok("seven");
    assert!(
        matches!(&seen.all()[..], [Shown::Update(mime, _)] if *mime == plain("2")),
        "{:?}",
        seen.all()
    );
}
