//! What pictures of hard data promise: no text touches another or leaves the picture, and no mark leaves it.

#![allow(clippy::unwrap_used)]

use polars::prelude::{Column, DataFrame, DataType, NamedFrom, Series, TimeUnit, df};

use super::{
    Agg, BarOptions, BoxOptions, HeatmapOptions, HistOptions, LineOptions, MissingOptions, PairOptions, Plot,
    PlotError, ScatterOptions, bar, boxes, heatmap, hist, line, missing, pair, scatter,
};

/// Many and long names, dates, moments, tiny and huge numbers, and gaps.
fn hard() -> DataFrame {
    let rows = 0..600_i32;
    let part = |i: i32, times: i32| f64::from(i * times % 601) / 601.0;
    let mut frame = df!(
        "many" => rows.clone().map(|i| format!("c{:03}", i * i % 200)).collect::<Vec<_>>(),
        "long" => rows.clone().map(|i| format!("a long name that others begin with, too, {}", i % 5)).collect::<Vec<_>>(),
        "tiny" => rows.clone().map(|i| (part(i, 7) - 0.5) * 1e-9).collect::<Vec<_>>(),
        "huge" => rows.clone().map(|i| part(i, 11) * 1e12).collect::<Vec<_>>(),
        "gaps" => rows.clone().map(|i| (i % 3 > 0).then(|| if i % 5 == 0 { f64::NAN } else { part(i, 3) })).collect::<Vec<_>>(),
        "flag" => rows.clone().map(|i| i % 2 == 0).collect::<Vec<_>>(),
        "step" => rows.clone().map(|i| i % 9 + i % 7).collect::<Vec<_>>(),
    )
    .unwrap();
    let day = Series::new("day".into(), rows.clone().map(|i| 19_000 + i).collect::<Vec<_>>());
    let moment = Series::new(
        "moment".into(),
        rows.map(|i| 1_700_000_000_000 + i64::from(i) * 99_000)
            .collect::<Vec<_>>(),
    );
    let times: [(Series, DataType); 2] = [
        (day, DataType::Date),
        (moment, DataType::Datetime(TimeUnit::Milliseconds, None)),
    ];
    for (values, dtype) in times {
        frame.with_column(Column::from(values.cast(&dtype).unwrap())).unwrap();
    }
    frame
}

fn named(column: &str) -> Option<String> {
    Some(column.to_owned())
}

/// A picture without flaws; where a size was asked for, that may be refused.
fn clean(what: &str, size: Option<(u32, u32)>, plot: Result<Plot, PlotError>) {
    let plot = match plot {
        Err(PlotError::NoRoom { .. }) if size.is_some() => return,
        plot => plot.unwrap_or_else(|error| panic!("{what}: {error}")),
    };
    let flaws = plot.scene.flaws();
    assert!(flaws.is_empty(), "{what} {size:?}: {flaws:#?}");
    assert!(plot.svg().unwrap().ends_with("</svg>\n"), "{what}");
}

#[test]
fn lines_that_end_early_have_a_legend() {
    let frame = hard();
    let x: Vec<i32> = (0..600).map(|i| i / 6 + i % 6 * 40 % 7).collect();
    let early = df!("x" => &x, "y" => &x, "g" => (0..600).map(|i| i % 6).collect::<Vec<_>>()).unwrap();
    let early = early.head(Some(500)).vstack(&early.slice(594, 1)).unwrap();
    let color = |name| LineOptions {
        color: named(name),
        ..Default::default()
    };
    clean("early", None, line(&early, "x", "y", &color("g")));
    clean("many", None, line(&frame, "step", "tiny", &color("many")));
    clean("late", None, line(&frame, "step", "tiny", &color("long")));
}

#[test]
fn times_stand_apart_on_every_axis() {
    let frame = hard();
    let by = LineOptions {
        by: named("many"),
        ..Default::default()
    };
    clean("line", None, line(&frame, "day", "tiny", &by));
    let narrow = ScatterOptions {
        size: Some((300, 800)),
        color: named("long"),
        ..Default::default()
    };
    clean("scatter", None, scatter(&frame, "moment", "huge", &narrow));
    clean(
        "upright",
        None,
        scatter(&frame, "huge", "moment", &ScatterOptions::default()),
    );
    clean(
        "heatmap",
        None,
        heatmap(&frame, "day", "moment", &HeatmapOptions::default()),
    );
    let columns = ["tiny", "moment", "flag"].map(str::to_owned);
    clean("pair", None, pair(&frame, &columns, &PairOptions::default()));
    let told = line(&frame, "huge", "day", &LineOptions::default()).unwrap();
    assert!(told.text().contains("2022-01-08 to 2023-08-30"), "{}", told.text());
    let told = heatmap(&frame, "moment", "flag", &HeatmapOptions::default()).unwrap();
    assert!(
        told.text().contains("(moment 2023-11-14 22:54:30 to"),
        "{}",
        told.text()
    );
}

#[test]
fn many_and_long_names_have_room() {
    let frame = hard();
    for size in [None, Some((240, 400)), Some((1_200, 200))] {
        let options = HistOptions {
            by: named("flag"),
            color: named("long"),
            size,
            ..Default::default()
        };
        clean("hist", size, hist(&frame, "huge", &options));
        let options = BarOptions {
            y: named("tiny"),
            agg: Agg::Sum,
            size,
            ..Default::default()
        };
        clean("bar", size, bar(&frame, "many", &options));
        let options = BoxOptions {
            by: named("many"),
            size,
            ..Default::default()
        };
        clean("box", size, boxes(&frame, "huge", &options));
        let options = HeatmapOptions {
            size,
            ..Default::default()
        };
        clean("heatmap", size, heatmap(&frame, "long", "many", &options));
        let options = MissingOptions {
            size,
            ..Default::default()
        };
        clean("missing", size, missing(&frame, &options));
    }
}

#[test]
fn what_has_no_room_is_refused() {
    let options = HistOptions {
        by: named("many"),
        size: Some((240, 180)),
        ..Default::default()
    };
    let refused = hist(&hard(), "huge", &options);
    assert!(matches!(refused, Err(PlotError::NoRoom { .. })), "{refused:?}");
    let options = BarOptions {
        size: Some((240, 180)),
        y: named("huge"),
        ..Default::default()
    };
    let refused = bar(&hard(), "long", &options);
    assert!(matches!(refused, Err(PlotError::NoRoom { .. })), "{refused:?}");
}
