//! Draws every kind of picture into a folder, to be looked at: `gallery DATA.csv FOLDER`.
//!
//! The CSV is the abalone table of the example notebooks. Predictions are a rule of thumb: the
//! gallery shows pictures, not a model.

use std::error::Error;
use std::fs;
use std::path::Path;

use ironsage_display::plot::{self, Plot, PlotError};
use ironsage_display::{TableOptions, describe, table};
use polars::prelude::*;

fn main() -> Result<(), Box<dyn Error>> {
    let mut words = std::env::args().skip(1);
    let (Some(data), Some(folder)) = (words.next(), words.next()) else {
        return Err("gallery DATA.csv FOLDER".into());
    };
    let frame = CsvReadOptions::default()
        .try_into_reader_with_file_path(Some(data.into()))?
        .finish()?;
    let folder = Path::new(&folder);
    fs::create_dir_all(folder)?;

    for (name, picture) in of_frames(&frame)?.into_iter().chain(of_results(&frame)?) {
        let picture = picture?;
        fs::write(folder.join(format!("{name}.png")), picture.png())?;
        fs::write(folder.join(format!("{name}.svg")), picture.svg()?)?;
        fs::write(folder.join(format!("{name}.txt")), picture.text())?;
    }
    let options = TableOptions {
        caption: Some("abalone".to_owned()),
        ..TableOptions::default()
    };
    let tables = [
        ("table", table(&frame, &options)),
        ("describe", table(&describe(&frame)?, &options)),
    ];
    for (name, bundle) in tables {
        let html = bundle.data["text/html"].as_str().unwrap_or_default();
        fs::write(folder.join(format!("{name}.html")), html)?;
        fs::write(folder.join(format!("{name}.txt")), bundle.plain())?;
    }
    Ok(())
}

type Pictures = Vec<(&'static str, Result<Plot, PlotError>)>;

fn named(column: &str) -> Option<String> {
    Some(column.to_owned())
}

fn of_frames(frame: &DataFrame) -> Result<Pictures, Box<dyn Error>> {
    let by_sex = plot::HistOptions {
        color: named("sex"),
        ..Default::default()
    };
    let sex = plot::ScatterOptions {
        color: named("sex"),
        ..Default::default()
    };
    let rings = plot::ScatterOptions {
        color: named("rings"),
        ..Default::default()
    };
    let mean_rings = plot::BarOptions {
        y: named("rings"),
        ..Default::default()
    };
    let boxes_by_sex = plot::BoxOptions {
        by: named("sex"),
        ..Default::default()
    };
    let lines_by_sex = plot::LineOptions {
        color: named("sex"),
        ..Default::default()
    };
    // A frame of times, and one larger than a picture can show.
    let hours = df!("hour" => (0..240_i64).map(|h| (h + 480_000) * 3_600_000).collect::<Vec<_>>(),
        "load" => (0..240).map(|h| 50.0 + 20.0 * (f64::from(h) / 3.8).sin() + f64::from(h) / 9.0).collect::<Vec<_>>())?
    .lazy()
    .with_column(col("hour").cast(DataType::Datetime(TimeUnit::Milliseconds, None)))
    .collect()?;
    let large = concat(vec![frame.clone().lazy(); 10], UnionArgs::default())?.collect()?;
    Ok(vec![
        ("hist", plot::hist(frame, "rings", &plot::HistOptions::default())),
        (
            "hist_float",
            plot::hist(frame, "whole_weight", &plot::HistOptions::default()),
        ),
        ("hist_by", plot::hist(frame, "length", &by_sex)),
        ("scatter", plot::scatter(frame, "shell_weight", "rings", &sex)),
        ("scatter_scale", plot::scatter(frame, "length", "whole_weight", &rings)),
        (
            "scatter_sample",
            plot::scatter(&large, "length", "height", &plot::ScatterOptions::default()),
        ),
        ("line", plot::line(frame, "rings", "shell_weight", &lines_by_sex)),
        (
            "line_time",
            plot::line(&hours, "hour", "load", &plot::LineOptions::default()),
        ),
        ("bar", plot::bar(frame, "sex", &plot::BarOptions::default())),
        ("bar_mean", plot::bar(frame, "sex", &mean_rings)),
        ("bar_many", plot::bar(frame, "rings", &plot::BarOptions::default())),
        ("box", plot::boxes(frame, "rings", &boxes_by_sex)),
        (
            "box_one",
            plot::boxes(frame, "whole_weight", &plot::BoxOptions::default()),
        ),
        ("corr", plot::corr(frame, &[], &plot::CorrOptions::default())),
        (
            "hist_facets",
            plot::hist(
                frame,
                "length",
                &plot::HistOptions {
                    by: named("sex"),
                    ..Default::default()
                },
            ),
        ),
        (
            "hist_log",
            plot::hist(
                frame,
                "whole_weight",
                &plot::HistOptions {
                    log: plot::Log::Both,
                    ..Default::default()
                },
            ),
        ),
        (
            "scatter_facets",
            plot::scatter(
                frame,
                "length",
                "whole_weight",
                &plot::ScatterOptions {
                    by: named("rings"),
                    color: named("sex"),
                    log: plot::Log::Both,
                    ..Default::default()
                },
            ),
        ),
        (
            "line_facets",
            plot::line(
                frame,
                "rings",
                "shell_weight",
                &plot::LineOptions {
                    by: named("sex"),
                    ..Default::default()
                },
            ),
        ),
        (
            "bar_facets",
            plot::bar(
                frame,
                "rings",
                &plot::BarOptions {
                    by: named("sex"),
                    y: named("height"),
                    ..Default::default()
                },
            ),
        ),
        (
            "density",
            plot::density(
                frame,
                "rings",
                &plot::DensityOptions {
                    color: named("sex"),
                    ..Default::default()
                },
            ),
        ),
        (
            "heatmap",
            plot::heatmap(frame, "length", "height", &plot::HeatmapOptions::default()),
        ),
        (
            "heatmap_names",
            plot::heatmap(
                frame,
                "rings",
                "sex",
                &plot::HeatmapOptions {
                    value: named("whole_weight"),
                    ..Default::default()
                },
            ),
        ),
        (
            "pair",
            plot::pair(
                frame,
                &["length", "height", "shell_weight", "rings"].map(str::to_owned),
                &plot::PairOptions {
                    color: named("sex"),
                    ..Default::default()
                },
            ),
        ),
        (
            "missing",
            plot::missing(&holes(frame)?, &plot::MissingOptions::default()),
        ),
    ])
}

/// The frame with values missing here and there.
fn holes(frame: &DataFrame) -> PolarsResult<DataFrame> {
    let rings = col("rings");
    frame
        .clone()
        .lazy()
        .with_columns([
            when(rings.clone().lt(lit(15)))
                .then(col("height"))
                .otherwise(lit(NULL))
                .alias("height"),
            when(rings.lt(lit(25)))
                .then(col("length"))
                .otherwise(lit(NULL))
                .alias("length"),
        ])
        .collect()
}

fn of_results(frame: &DataFrame) -> Result<Pictures, Box<dyn Error>> {
    let floats = |name: &str| -> PolarsResult<Vec<f64>> {
        let column = frame.column(name)?.cast(&DataType::Float64)?;
        Ok(column.f64()?.iter().flatten().take(626).collect())
    };
    let truth = floats("rings")?;
    let predicted: Vec<f64> = floats("shell_weight")?
        .into_iter()
        .zip(floats("shucked_weight")?)
        .map(|(shell, shucked)| 7.0 + 22.0 * shell - 5.0 * shucked)
        .collect();
    let old: Vec<bool> = truth.iter().map(|rings| *rings >= 11.0).collect();
    let scores: Vec<f64> = predicted.iter().map(|p| 1.0 / (1.0 + (10.5 - p).exp())).collect();
    let epochs: Vec<plot::Epoch> = (1..=50)
        .map(|epoch| {
            let e = f64::from(epoch);
            plot::Epoch {
                epoch,
                train: Some(2.12 + 1.6 * (-e / 5.0).exp() + 0.01 * (e * 1.7).sin()),
                validation: Some(2.18 + 1.5 * (-e / 4.5).exp() + 0.012 * (e * 2.3).sin()),
            }
        })
        .collect();
    let names = [
        "shucked_weight",
        "diameter",
        "height",
        "viscera_weight",
        "whole_weight",
        "sex_I",
    ];
    let names = names.map(str::to_owned);
    let weights = [-19.8, 11.1, 10.7, -10.6, 9.0, -0.52];
    let classes = ["young", "old"].map(str::to_owned);
    let residuals = plot::ResidualsOptions {
        label: "rings".to_owned(),
        ..Default::default()
    };
    let roc = plot::RocOptions {
        label: "rings >= 11".to_owned(),
        threshold: Some(0.42),
        ..Default::default()
    };
    let learning = plot::LearningOptions {
        metric: "rmse".to_owned(),
        kept: Some(19),
        ..Default::default()
    };
    let coefficients = plot::CoefficientsOptions {
        bias: Some(3.4),
        unit: "rings per unit".to_owned(),
        ..Default::default()
    };
    let counts = [vec![360, 47], vec![62, 157]];
    Ok(vec![
        ("residuals", plot::residuals(&predicted, &truth, &residuals)),
        ("roc", plot::roc(&scores, &old, &roc)),
        (
            "pr",
            plot::pr(
                &scores,
                &old,
                &plot::PrOptions {
                    threshold: Some(0.42),
                    ..Default::default()
                },
            ),
        ),
        (
            "threshold",
            plot::threshold(
                &scores,
                &old,
                &plot::ThresholdOptions {
                    threshold: Some(0.42),
                    ..Default::default()
                },
            ),
        ),
        (
            "calibration",
            plot::calibration(&scores, &old, &plot::CalibrationOptions::default()),
        ),
        ("learning", plot::learning(&epochs, &learning)),
        ("coefficients", plot::coefficients(&names, &weights, &coefficients)),
        (
            "confusion",
            plot::confusion(&classes, &counts, &plot::ConfusionOptions::default()),
        ),
    ])
}
