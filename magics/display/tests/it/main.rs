//! What a person sees: tables as text and HTML, and the line that stands for each picture.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use ironsage_display::plot::{self, PlotError};
use ironsage_display::{TableOptions, describe, table};
use polars::prelude::*;
use proptest::prelude::*;

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
        ..captioned("shells")
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
                color: by(),
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
                color: by(),
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

/// Numbers that go wrong where a picture is careless.
fn hard() -> impl Strategy<Value = Option<f64>> {
    // Few enough of the largest that most frames still make a picture.
    prop_oneof![
        40 => (-1e3..1e3).prop_map(Some),
        10 => any::<f64>().prop_filter("drawable", |v| v.abs() < 1e149).prop_map(Some),
        8 => Just(None),
        8 => prop::sample::select(vec![
            f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.0, -0.0, 5e-324, f64::MIN_POSITIVE,
            1e149, -1e149, 1e15, 1e-15,
        ])
        .prop_map(Some),
        1 => prop::sample::select(vec![f64::MAX, f64::MIN]).prop_map(Some),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn no_data_makes_a_picture_panic(
        rows in prop::collection::vec((hard(), hard(), "[a-c]?|\\PC{0,4}"), 0..40),
        bins in prop::option::of(0_usize..40),
    ) {
        let x: Vec<Option<f64>> = rows.iter().map(|r| r.0).collect();
        let y: Vec<Option<f64>> = rows.iter().map(|r| r.1).collect();
        let g: Vec<&str> = rows.iter().map(|r| r.2.as_str()).collect();
        let frame = df!("x" => &x, "y" => &y, "g" => g).unwrap();
        let size = Some((300, 220));
        let by = || Some("g".to_owned());
        let title = Some("<title>".to_owned());
        // Each gives a picture or a reason, and a reason has words.
        let plots = [
            plot::hist(&frame, "x", &plot::HistOptions { bins, color: by(), title, size, ..Default::default() }),
            plot::hist(&frame, "x", &plot::HistOptions { bins, size, ..Default::default() }),
            plot::scatter(&frame, "x", "y", &plot::ScatterOptions { color: Some("y".into()), size, ..Default::default() }),
            plot::line(&frame, "x", "y", &plot::LineOptions { color: by(), size, ..Default::default() }),
            plot::bar(&frame, "g", &plot::BarOptions { y: Some("x".into()), agg: plot::Agg::Sum, size, ..Default::default() }),
            plot::boxes(&frame, "x", &plot::BoxOptions { by: by(), size, ..Default::default() }),
            plot::corr(&frame, &[], &plot::CorrOptions::default()),
            plot::hist(&frame, "x", &plot::HistOptions { bins, by: by(), log: plot::Log::Both, interactive: true, ..Default::default() }),
            plot::scatter(&frame, "x", "y", &plot::ScatterOptions { by: by(), log: plot::Log::X, interactive: true, ..Default::default() }),
            plot::line(&frame, "x", "y", &plot::LineOptions { by: by(), color: by(), log: plot::Log::Y, ..Default::default() }),
            plot::bar(&frame, "g", &plot::BarOptions { by: by(), interactive: true, ..Default::default() }),
            plot::boxes(&frame, "x", &plot::BoxOptions { log: true, size, ..Default::default() }),
            plot::density(&frame, "x", &plot::DensityOptions { color: by(), size, ..Default::default() }),
            plot::density(&frame, "x", &plot::DensityOptions { log: true, by: by(), ..Default::default() }),
            plot::heatmap(&frame, "x", "g", &plot::HeatmapOptions { size, ..Default::default() }),
            plot::heatmap(&frame, "g", "x", &plot::HeatmapOptions { value: Some("y".into()), agg: plot::Agg::Median, ..Default::default() }),
            plot::pair(&frame, &[], &plot::PairOptions { color: by(), ..Default::default() }),
            plot::missing(&frame, &plot::MissingOptions::default()),
        ];
        for plot in plots {
            match plot {
                Ok(plot) => prop_assert!(!plot.text().is_empty()),
                Err(error) => prop_assert!(!error.to_string().is_empty()),
            }
        }
        let both = rows.iter().filter_map(|r| Some((r.0?, r.1?)));
        let (a, b): (Vec<f64>, Vec<f64>) = both.unzip();
        let _ = plot::residuals(&a, &b, &plot::ResidualsOptions { size, ..Default::default() });
        let positive: Vec<bool> = b.iter().map(|v| *v > 0.0).collect();
        let threshold = a.first().copied();
        let _ = plot::roc(&a, &positive, &plot::RocOptions { threshold, size, ..Default::default() });
        let _ = plot::pr(&a, &positive, &plot::PrOptions { threshold, size, ..Default::default() });
        let _ = plot::threshold(&a, &positive, &plot::ThresholdOptions { threshold, size, ..Default::default() });
        let _ = plot::calibration(&a, &positive, &plot::CalibrationOptions { size, ..Default::default() });
        let names: Vec<String> = a.iter().map(f64::to_string).collect();
        let _ = plot::coefficients(&names, &a, &plot::CoefficientsOptions { size, ..Default::default() });
        let bundle = table(&frame, &TableOptions::default());
        prop_assert!(bundle.data["text/html"].as_str().unwrap().len() <= 64 * 1024);
        prop_assert!(describe(&frame).is_ok());
    }
}
