//! What a person sees: tables as text and HTML, and the line that stands for each picture.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use ironsage_display::plot::{self, PlotError};
use ironsage_display::{TableOptions, describe, table};
use polars::prelude::*;

fn shells(rows: usize) -> DataFrame {
    let sexes = ["M", "F", "I"];
    let sex: Vec<&str> = (0..rows).map(|i| sexes[i % 3]).collect();
    let length: Vec<Option<f64>> = (0..rows)
        .map(|i| match i % 7 {
            5 => None,
            6 => Some(f64::NAN),
            _ => Some(0.2 + 0.005 * (i % 90) as f64),
        })
        .collect();
    let rings: Vec<i64> = (0..rows as i64).map(|i| 3 + i % 20).collect();
    df!("sex" => sex, "length" => length, "rings" => rings).unwrap()
}

fn captioned(caption: &str) -> TableOptions {
    TableOptions {
        caption: Some(caption.to_owned()),
        ..TableOptions::default()
    }
}

#[test]
fn a_long_table_as_text() {
    insta::assert_snapshot!(table(&shells(4_177), &captioned("shells")).plain());
}

#[test]
fn a_wide_table_as_text() {
    let columns: Vec<Column> = (0..32)
        .map(|i| Column::new(format!("column_{i}").into(), [i * 1_000, i]))
        .collect();
    let wide = DataFrame::new(2, columns).unwrap();
    insta::assert_snapshot!(table(&wide, &TableOptions::default()).plain());
}

#[test]
fn a_table_as_html() {
    let options = TableOptions {
        rows: 4,
        columns: 2,
        caption: Some("shells".to_owned()),
    };
    let bundle = table(&shells(1_000), &options);
    let html = bundle.data["text/html"].as_str().unwrap();
    insta::assert_snapshot!(html.replace("<tr", "\n<tr").replace("</table>", "\n</table>\n"));
}

#[test]
fn a_description_as_text() {
    let described = describe(&shells(4_177)).unwrap();
    insta::assert_snapshot!(table(&described, &TableOptions::default()).plain());
}

#[test]
fn each_picture_says_its_numbers() {
    let frame = shells(6_000);
    let by = || Some("sex".to_owned());
    let plots = [
        plot::hist(&frame, "rings", &plot::HistOptions::default()),
        plot::hist(
            &frame,
            "length",
            &plot::HistOptions {
                by: by(),
                bins: Some(12),
                ..Default::default()
            },
        ),
        plot::scatter(
            &frame,
            "length",
            "rings",
            &plot::ScatterOptions {
                color: by(),
                ..Default::default()
            },
        ),
        plot::scatter(
            &frame,
            "rings",
            "rings",
            &plot::ScatterOptions {
                color: Some("length".to_owned()),
                ..Default::default()
            },
        ),
        plot::line(
            &frame,
            "rings",
            "length",
            &plot::LineOptions {
                by: by(),
                ..Default::default()
            },
        ),
        plot::bar(&frame, "sex", &plot::BarOptions::default()),
        plot::boxes(
            &frame,
            "rings",
            &plot::BoxOptions {
                by: by(),
                ..Default::default()
            },
        ),
        plot::corr(&frame, &[], &plot::CorrOptions::default()),
    ];
    let lines: Vec<String> = plots
        .into_iter()
        .map(|plot| {
            let plot = plot.unwrap();
            let bundle = plot.bundle();
            assert!(!bundle.data.contains_key("text/html"));
            assert!(bundle.data.contains_key("image/png"));
            assert!(plot.svg().unwrap().ends_with("</svg>\n"));
            bundle.plain().to_owned()
        })
        .collect();
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn a_picture_is_the_same_every_time() {
    let frame = shells(6_000);
    let options = plot::ScatterOptions::default();
    let draw = || plot::scatter(&frame, "length", "rings", &options).unwrap();
    assert_eq!(draw().png(), draw().png());
}

#[test]
fn pictures_of_any_size_or_a_reason() {
    let frame = shells(50);
    for size in [(240, 180), (300, 200), (2_000, 300), (320, 1_200)] {
        let options = plot::ScatterOptions {
            size: Some(size),
            color: Some("sex".to_owned()),
            ..Default::default()
        };
        let plot = plot::scatter(&frame, "length", "rings", &options).unwrap();
        assert_eq!(plot.size(), size);
    }
    let options = plot::HistOptions {
        size: Some((10, 10)),
        ..Default::default()
    };
    let refused = plot::hist(&frame, "rings", &options);
    assert!(matches!(refused, Err(PlotError::Size { .. })));
}
