//! Plots: one function for each kind of picture, from frames or from a model's results.
//!
//! Each gives a [`Plot`]: a PNG at double resolution, the same picture as SVG on request, and one
//! line of text with the numbers that the picture shows, which is all that a log keeps. There is
//! never `text/html` in a plot's bundle: JupyterLab would prefer it to the picture.
//!
//! Frames are brought down to what a picture can show before anything is drawn, and a picture
//! says when it shows a sample. Nulls, NaN and infinities are left out and counted; a column with
//! nothing left is an error that says so.

mod axis;
mod bar;
mod boxes;
mod calendar;
mod calibration;
mod coefficients;
mod column;
mod confusion;
mod corr;
mod correlation;
mod cuts;
mod density;
mod font;
mod groups;
mod heatmap;
mod hist;
mod label;
mod learning;
mod legend;
mod line;
#[cfg(test)]
mod looks;
mod missing;
mod pair;
mod panel;
mod pr;
mod residuals;
mod roc;
mod sample;
mod scatter;
mod scene;
mod spread;
mod theme;
mod threshold;
mod vega;

pub use bar::{Agg, BarOptions, bar};
pub use boxes::{BoxOptions, boxes};
pub use calibration::{CalibrationOptions, calibration};
pub use coefficients::{CoefficientsOptions, coefficients};
pub use confusion::{ConfusionOptions, confusion};
pub use corr::{CorrOptions, corr};
pub use correlation::correlation;
pub use density::{DensityOptions, density};
pub use font::register_fonts;
pub use heatmap::{HeatmapOptions, heatmap};
pub use hist::{HistOptions, hist};
pub use learning::{Epoch, LearningOptions, learning};
pub use line::{LineOptions, line};
pub use missing::{MissingOptions, missing};
pub use pair::{PairOptions, pair};
pub use pr::{PrOptions, pr};
pub use residuals::{ResidualsOptions, residuals};
pub use roc::{RocOptions, roc};
pub use scatter::{ScatterOptions, scatter};
pub use threshold::{ThresholdOptions, threshold};

use crate::Bundle;
use panel::Head;
use scene::Scene;

/// The usual size of a picture, in CSS pixels.
const USUAL: (u32, u32) = (680, 430);

/// Which axes are logarithmic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Log {
    /// None.
    #[default]
    Neither,
    /// The horizontal one.
    X,
    /// The vertical one.
    Y,
    /// Both.
    Both,
}

impl Log {
    /// Whether the horizontal axis is logarithmic.
    pub fn x(self) -> bool {
        matches!(self, Log::X | Log::Both)
    }

    /// Whether the vertical axis is logarithmic.
    pub fn y(self) -> bool {
        matches!(self, Log::Y | Log::Both)
    }
}

/// A picture, and the line of text that stands for it.
pub struct Plot {
    scene: Scene,
    png: Vec<u8>,
    line: String,
    vega: Option<serde_json::Value>,
}

impl Plot {
    fn new(scene: Scene, head: &Head) -> Result<Plot, PlotError> {
        if scene.cramped {
            let (width, height) = (scene.width, scene.height);
            return Err(PlotError::NoRoom { width, height });
        }
        let png = scene.png()?;
        Ok(Plot {
            scene,
            png,
            line: head.line(),
            vega: None,
        })
    }

    fn with_vega(self, specification: serde_json::Value) -> Plot {
        Plot {
            vega: Some(specification),
            ..self
        }
    }

    /// The PNG with its text twin, and the interactive form where it was asked for.
    pub fn bundle(&self) -> Bundle {
        let (width, height) = self.size();
        let mut bundle = Bundle::text(&*self.line).with_png(&self.png, width, height);
        if let Some(specification) = &self.vega {
            bundle.data.insert(vega::MIME.to_owned(), specification.clone());
        }
        bundle
    }

    /// One line with the numbers that the picture shows.
    pub fn text(&self) -> &str {
        &self.line
    }

    /// The PNG, at double resolution.
    pub fn png(&self) -> &[u8] {
        &self.png
    }

    /// The same picture as an SVG document.
    pub fn svg(&self) -> Result<String, PlotError> {
        self.scene.svg()
    }

    /// Width and height in CSS pixels; the PNG has twice as many.
    pub fn size(&self) -> (u32, u32) {
        (self.scene.width, self.scene.height)
    }
}

impl std::fmt::Debug for Plot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plot").field("line", &self.line).finish()
    }
}

/// Why there is no picture.
#[derive(Debug, thiserror::Error)]
pub enum PlotError {
    /// A column that the frame does not have.
    #[error("no column `{name}`")]
    NoColumn {
        /// What was asked for.
        name: String,
        /// What there is.
        there: Vec<String>,
    },
    /// A column that a picture of numbers cannot use.
    #[error("column `{name}` is {dtype}, and {needs}")]
    NotUsable {
        /// The column.
        name: String,
        /// What it holds.
        dtype: String,
        /// What is needed, as the end of the sentence.
        needs: String,
        /// What to type instead.
        instead: String,
    },
    /// Nothing to draw.
    #[error("`{what}` has no values to draw (only nulls, NaN or infinities, or no rows)")]
    NoValues {
        /// The column, or what was to be drawn.
        what: String,
    },
    /// Nothing that a logarithmic axis can show.
    #[error("`{what}` has no positive values, and a logarithmic axis shows no others")]
    NoPositive {
        /// The column, or what was to be drawn.
        what: String,
    },
    /// Fewer columns than go together.
    #[error("this picture needs two or more numeric columns, not {columns}")]
    FewColumns {
        /// How many there are.
        columns: usize,
    },
    /// More classes than a confusion matrix has room for.
    #[error("{classes} classes: a confusion matrix has room for {most}")]
    ManyClasses {
        /// How many there are.
        classes: usize,
        /// How many fit.
        most: usize,
    },
    /// Values whose spread no axis can show.
    #[error("the values of `{what}` are too large to draw")]
    TooLarge {
        /// The column, or what was to be drawn.
        what: String,
    },
    /// Two lists that should be as long as each other.
    #[error("{a} {first} but {b} {second}")]
    Lengths {
        /// Length of the first.
        a: usize,
        /// What the first is.
        first: String,
        /// Length of the second.
        b: usize,
        /// What the second is.
        second: String,
    },
    /// A curve that needs both kinds of rows.
    #[error("this picture needs positive and negative rows: here are {positive} and {negative}")]
    OneClass {
        /// Positive rows.
        positive: usize,
        /// Negative rows.
        negative: usize,
    },
    /// A column of one value only, which has no density.
    #[error("every value of `{what}` is {value}: it has no density")]
    OneValue {
        /// The column.
        what: String,
        /// Its only value.
        value: String,
    },
    /// Scores that are no probabilities.
    #[error("the scores run from {low} to {high}: a calibration curve needs probabilities")]
    NoProbabilities {
        /// The lowest score.
        low: f64,
        /// The highest score.
        high: f64,
    },
    /// Too many bins to draw.
    #[error("{bins} bins: a histogram has 1 to 500")]
    Bins {
        /// What was asked for.
        bins: usize,
    },
    /// A size that no picture fits into.
    #[error("a picture of {width} × {height} pixels")]
    Size {
        /// Width in CSS pixels.
        width: u32,
        /// Height in CSS pixels.
        height: u32,
    },
    /// A size that these data do not fit into.
    #[error("{width} × {height} pixels have no room for what this picture shows")]
    NoRoom {
        /// Width in CSS pixels.
        width: u32,
        /// Height in CSS pixels.
        height: u32,
    },
    /// Polars could not compute what the picture shows.
    #[error("{0}")]
    Frame(#[from] polars::error::PolarsError),
    /// The picture could not be drawn or encoded.
    #[error("the picture could not be drawn: {0}")]
    Drawing(String),
}

impl PlotError {
    /// No value that has a place on an axis.
    fn nothing(what: impl Into<String>, log: bool) -> PlotError {
        let what = what.into();
        if log {
            PlotError::NoPositive { what }
        } else {
            PlotError::NoValues { what }
        }
    }

    /// What to type instead.
    pub fn hint(&self) -> Option<String> {
        match self {
            PlotError::NoColumn { name, there } => {
                let there = there.join(", ");
                Some(format!("`{name}` is none of: {there}"))
            }
            PlotError::NotUsable { instead, .. } => Some(instead.clone()),
            PlotError::NoPositive { .. } => Some("leave `--log` out".to_owned()),
            PlotError::FewColumns { .. } => Some("`%plot hist` and `%plot box` draw one column".to_owned()),
            PlotError::ManyClasses { .. } => {
                Some("make the rare classes one in `%%sql`, with `CASE`, before `%train`".to_owned())
            }
            PlotError::NoValues { .. } => Some("look at it with `%describe`: count and null_count".to_owned()),
            PlotError::TooLarge { .. } => Some("divide or take the logarithm first, in `%%sql`".to_owned()),
            PlotError::OneClass { .. } => Some("take rows with both outcomes, or another label condition".to_owned()),
            PlotError::OneValue { what, .. } => {
                Some(format!("`%plot hist` draws it; `%describe` says more of `{what}`"))
            }
            PlotError::NoProbabilities { .. } => {
                Some("train with a logistic loss, or look at `%plot threshold` and `%plot roc`".to_owned())
            }
            PlotError::Bins { .. } => Some("leave `--bins` out for a good number".to_owned()),
            PlotError::Size { .. } => Some("240 to 2000 pixels wide and 180 to 2000 high".to_owned()),
            PlotError::NoRoom { .. } => Some("give it a larger `--size`, or leave that out".to_owned()),
            PlotError::Lengths { .. } | PlotError::Frame(_) | PlotError::Drawing(_) => None,
        }
    }
}
