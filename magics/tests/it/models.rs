//! Models of frames: what is refused before it runs, what is told of a training, and the list of what was saved.

use ironsage_magics::ErrorKind;
use polars::prelude::*;

use crate::bench::Bench;

const TRAIN: &str = "%train linear-learner small --label half --drop letter --validation small mini_batch_size=5";

#[test]
fn the_list_begins_with_the_best_and_bears_a_damaged_model() {
    let bench = Bench::new().small();
    bench
        .line(&format!("{TRAIN} epochs=1 learning_rate=1e-5 -o a"))
        .unwrap();
    bench.line(&format!("{TRAIN} epochs=60 -o b")).unwrap();
    let damaged = bench.session.home().models().join("aa");
    std::fs::create_dir(&damaged).unwrap();
    std::fs::write(damaged.join("record.json"), "{").unwrap();
    let listed = bench.line("%model ls").unwrap();
    assert!(
        listed.contains("aa is damaged (") && listed.contains("`%model rm aa`"),
        "{listed}"
    );
    let names = bench.session.frame("_").unwrap().column("model").unwrap().clone();
    let names: Vec<&str> = names.str().unwrap().iter().flatten().collect();
    assert_eq!(names, ["b", "a", "aa"]);
}

#[test]
fn what_cannot_be_is_refused_before_anything_runs() {
    let bench = Bench::new().small();
    bench.line(&format!("{TRAIN} epochs=1 -o model")).unwrap();
    let small = bench.session.frame("small").unwrap();
    bench.session.bind_frame("nobody", small.head(Some(0)));
    bench
        .session
        .bind_frame("narrow", small.select(["number", "letter"]).unwrap());
    bench
        .session
        .bind_frame("scored", df!("number" => [1i64], "score" => [1.0]).unwrap());
    for (line, message) in [
        (TRAIN.replace("small", "nobody"), "frame `nobody` has no rows"),
        (
            TRAIN.replace("--validation small", "--validation nobody"),
            "frame `nobody` has no rows",
        ),
        (
            TRAIN.replace("--validation small", "--validation narrow"),
            "narrow has no column `half`",
        ),
        (
            format!("{TRAIN} predictor_type=regresor"),
            "there is no predictor_type `regresor`",
        ),
        ("%evaluate model narrow".to_owned(), "narrow has no column `half`"),
        (
            "%evaluate model small -o x,y".to_owned(),
            "there is one result, but `-o` names 2",
        ),
        (
            "%predict model small -o x,y".to_owned(),
            "there is one result, but `-o` names 2",
        ),
        (
            "%predict model scored".to_owned(),
            "the frame already has a column `score`",
        ),
        (
            "%invoke nowhere scored".to_owned(),
            "the frame already has a column `score`",
        ),
    ] {
        let line = if line.contains("train") {
            format!("{line} -o again")
        } else {
            line
        };
        let error = bench.line(&line).unwrap_err();
        assert_eq!(error.message, message, "{line}");
        assert_ne!(error.kind, ErrorKind::InternalError);
        assert_eq!(bench.shown(), "", "{line}");
    }
}

#[test]
fn coefficients_are_in_the_units_of_the_features() {
    let bench = Bench::new().small();
    let plain = bench.line(&format!("{TRAIN} epochs=1 -o plain")).unwrap();
    assert!(plain.contains("plain: coefficients in raw units"), "{plain}");
    bench.cell("%%prep scaled\nstandardize number").unwrap();
    let scaled = bench
        .line(&format!("{TRAIN} epochs=1 --prep scaled -o scaled_model"))
        .unwrap();
    assert!(
        scaled.contains("scaled_model: coefficients in prepared units"),
        "{scaled}"
    );
}
