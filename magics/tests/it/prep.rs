//! Recipes and splits as a person meets them.

use ironsage_magics::help;
use polars::prelude::*;

use crate::bench::Bench;

fn ids(bench: &Bench, name: &str) -> Vec<i64> {
    let frame = bench.session.frame(name).unwrap();
    let column = frame.column("number").unwrap().cast(&DataType::Int64).unwrap();
    column.i64().unwrap().iter().flatten().collect()
}

#[test]
fn help_tells_the_whole_grammar() {
    let page = help("prep").unwrap().plain().to_owned();
    for step in ironsage_prep::STEPS {
        assert!(page.contains(step.example), "{} lacks {}", page, step.example);
    }
    assert!(page.contains("@boolean") && page.contains("At prediction"), "{page}");
    assert!(page.find("Steps").unwrap() < page.find("Examples:").unwrap());
}

#[test]
fn a_recipe_and_what_a_model_learned_of_it() {
    let bench = Bench::new().small();
    bench
        .cell("%%prep scaled\nwith twice = number * 2\nstandardize twice\ndrop letter")
        .unwrap();
    let shown = bench.line("%prep scaled").unwrap();
    assert!(shown.contains("with twice = number * 2"), "{shown}");
    bench
        .line("%train linear-learner small --label half --prep scaled mini_batch_size=5 epochs=1 -o model")
        .unwrap();
    let shown = bench.line("%prep model").unwrap();
    assert!(shown.contains("mean 9, standard deviation"), "{shown}");
    assert!(
        bench.told().contains("recipe scaled, 1 column in, 2 features out"),
        "{shown}"
    );
    bench.line("%prep model --apply small -o seen").unwrap();
    assert_eq!(bench.told(), "seen: small as model sees it, 10 rows × 3 columns");
    let mean = bench
        .session
        .frame("seen")
        .unwrap()
        .column("twice")
        .unwrap()
        .f64()
        .unwrap()
        .mean();
    assert!(mean.unwrap().abs() < 1e-12, "{mean:?}");
    let error = bench.line("%prep scaled --apply small -o seen").unwrap_err();
    assert!(error.hint.unwrap().contains("%train … --prep scaled"));
    let error = bench.cell("%%prep wrong\nwith a = AVG(number)").unwrap_err();
    assert!(
        error.message.contains("line 1: `AVG` is no function of one row"),
        "{}",
        error.message
    );
    assert!(bench.session.value("wrong").is_none(), "nothing is bound on failure");
}

#[test]
fn split_by_group_by_time_and_in_rows() {
    let bench = Bench::new().small();
    let told = bench.line("%split small 50 50 --group letter -o a,b").unwrap();
    assert_eq!(told.trim(), "a 5 · b 5 (letter whole, seed 0)");
    let parity = |name: &str| {
        ids(&bench, name)
            .iter()
            .map(|id| id % 2)
            .collect::<std::collections::HashSet<_>>()
    };
    assert_eq!((parity("a").len(), parity("b").len()), (1, 1));
    let told = bench.line("%split small 70 30 --time half -o past,future").unwrap();
    assert_eq!(told.trim(), "past 7 · future 3 (by half, the latest last)");
    assert_eq!(ids(&bench, "future"), [7, 8, 9]);
    bench.line("%split small 4 2 --rows -o few,fewer").unwrap();
    assert_eq!((ids(&bench, "few").len(), ids(&bench, "fewer").len()), (4, 2));
    let told = bench.line("%split small 50 50 --stratify letter -o c,d").unwrap();
    assert!(told.contains("letter: a ") && told.contains(" %, b "), "{told}");
}

#[test]
fn rows_of_one_time_stay_together() {
    let bench = Bench::new();
    let frame = df!("number" => [0_i64, 1, 2, 3, 4, 5], "day" => [1_i64, 1, 2, 2, 2, 3]).unwrap();
    bench.session.bind_frame("visits", frame);
    bench.line("%split visits 50 50 --time day -o a,b").unwrap();
    assert_eq!((ids(&bench, "a"), ids(&bench, "b")), (vec![0, 1, 2, 3, 4], vec![5]));
    for (line, message) in [
        (
            "%split visits 50 50 --group day --time day -o a,b",
            "exclude each other",
        ),
        (
            "%split visits 5 5 --rows -o a,b",
            "the parts have 10 rows, and visits has 6",
        ),
        (
            "%split visits 40 30 30 --group day --rows -o a,b,c",
            "exclude each other",
        ),
        ("%split visits 1 1 1 1 --group day -o a,b,c,d", "the parts add up to 4"),
        ("%split visits 25 25 25 25 --group day -o w,x,y,z", "would have no rows"),
    ] {
        let error = bench.line(line).unwrap_err();
        assert!(error.message.contains(message), "{line}: {}", error.message);
    }
    assert!(bench.session.value("w").is_none(), "nothing is bound on failure");
}
