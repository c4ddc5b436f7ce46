//! The pictures of frames.

use ironsage_display::Front;
use ironsage_display::plot::{
    self, Agg, BarOptions, BoxOptions, CorrOptions, HistOptions, LineOptions, Plot, PlotError, ScatterOptions,
};
use polars::prelude::*;

use super::{Common, of_plot};
use crate::error::MagicError;
use crate::frames;
use crate::guard;
use crate::magics::split::DEFAULT_SEED;
use crate::session::Session;
use crate::text;

/// Draws on a worker, so that a large frame does not hold an interrupt up.
fn draw(
    name: &str,
    common: &Common,
    session: &Session,
    front: &dyn Front,
    picture: impl FnOnce(&DataFrame) -> Result<Plot, PlotError> + Send + 'static,
) -> Result<(), MagicError> {
    let frame = frames::collect(name, session, front)?;
    let name = name.to_owned();
    let picture = guard::on_worker(front, "drawing", move || {
        picture(&frame).map_err(|error| match &error {
            PlotError::NoColumn { name: column, there } => text::no_column(&name, column, there),
            _ => of_plot(&error),
        })
    })?;
    common.show(&picture, session, front)
}

#[derive(clap::Args)]
pub(super) struct Hist {
    /// The frame
    #[arg(value_name = "FRAME")]
    frame: String,
    /// The column
    #[arg(value_name = "COLUMN")]
    column: String,
    /// How many bins; the data decides otherwise
    #[arg(long, value_name = "COUNT")]
    bins: Option<usize>,
    /// A column whose values make groups
    #[arg(long, value_name = "COLUMN")]
    by: Option<String>,
    #[command(flatten)]
    common: Common,
}

impl Hist {
    pub(super) fn run(self, session: &Session, front: &dyn Front) -> Result<(), MagicError> {
        let options = HistOptions {
            bins: self.bins,
            by: self.by,
            title: self.common.title(),
            size: self.common.size(),
        };
        let column = self.column;
        draw(&self.frame, &self.common, session, front, move |frame| {
            plot::hist(frame, &column, &options)
        })
    }
}

#[derive(clap::Args)]
pub(super) struct Scatter {
    /// The frame
    #[arg(value_name = "FRAME")]
    frame: String,
    /// The column along
    #[arg(value_name = "COLUMN")]
    x: String,
    /// The column up
    #[arg(value_name = "COLUMN")]
    y: String,
    /// A column that colours the points
    #[arg(long, value_name = "COLUMN")]
    color: Option<String>,
    /// Decides which points are drawn where there are too many
    #[arg(long, value_name = "SEED", default_value_t = DEFAULT_SEED)]
    seed: u64,
    #[command(flatten)]
    common: Common,
}

impl Scatter {
    pub(super) fn run(self, session: &Session, front: &dyn Front) -> Result<(), MagicError> {
        let options = ScatterOptions {
            color: self.color,
            seed: self.seed,
            title: self.common.title(),
            size: self.common.size(),
        };
        let (x, y) = (self.x, self.y);
        draw(&self.frame, &self.common, session, front, move |frame| {
            plot::scatter(frame, &x, &y, &options)
        })
    }
}

#[derive(clap::Args)]
pub(super) struct Line {
    /// The frame
    #[arg(value_name = "FRAME")]
    frame: String,
    /// The column along
    #[arg(value_name = "COLUMN")]
    x: String,
    /// The column up
    #[arg(value_name = "COLUMN")]
    y: String,
    /// A column whose values make lines
    #[arg(long, value_name = "COLUMN")]
    by: Option<String>,
    #[command(flatten)]
    common: Common,
}

impl Line {
    pub(super) fn run(self, session: &Session, front: &dyn Front) -> Result<(), MagicError> {
        let options = LineOptions {
            by: self.by,
            title: self.common.title(),
            size: self.common.size(),
        };
        let (x, y) = (self.x, self.y);
        draw(&self.frame, &self.common, session, front, move |frame| {
            plot::line(frame, &x, &y, &options)
        })
    }
}

#[derive(clap::Args)]
pub(super) struct Bar {
    /// The frame
    #[arg(value_name = "FRAME")]
    frame: String,
    /// The column whose values are the bars
    #[arg(value_name = "COLUMN")]
    x: String,
    /// A column that is aggregated; rows are counted otherwise
    #[arg(long, value_name = "COLUMN")]
    y: Option<String>,
    /// How it is aggregated
    #[arg(long, value_name = "HOW", default_value = "mean", value_parser = aggregate())]
    agg: String,
    #[command(flatten)]
    common: Common,
}

/// The ways of aggregating, by the names that the display knows.
fn aggregate() -> clap::builder::PossibleValuesParser {
    clap::builder::PossibleValuesParser::new(Agg::NAMES.map(|(name, _)| name))
}

impl Bar {
    pub(super) fn run(self, session: &Session, front: &dyn Front) -> Result<(), MagicError> {
        let agg = Agg::NAMES
            .iter()
            .find(|(name, _)| *name == self.agg)
            .map_or(Agg::Mean, |(_, agg)| *agg);
        let options = BarOptions {
            y: self.y,
            agg,
            title: self.common.title(),
            size: self.common.size(),
        };
        let x = self.x;
        draw(&self.frame, &self.common, session, front, move |frame| {
            plot::bar(frame, &x, &options)
        })
    }
}

#[derive(clap::Args)]
pub(super) struct Boxes {
    /// The frame
    #[arg(value_name = "FRAME")]
    frame: String,
    /// The column
    #[arg(value_name = "COLUMN")]
    column: String,
    /// A column whose values make groups, a box each
    #[arg(long, value_name = "COLUMN")]
    by: Option<String>,
    #[command(flatten)]
    common: Common,
}

impl Boxes {
    pub(super) fn run(self, session: &Session, front: &dyn Front) -> Result<(), MagicError> {
        let options = BoxOptions {
            by: self.by,
            title: self.common.title(),
            size: self.common.size(),
        };
        let column = self.column;
        draw(&self.frame, &self.common, session, front, move |frame| {
            plot::boxes(frame, &column, &options)
        })
    }
}

#[derive(clap::Args)]
pub(super) struct Corr {
    /// The frame
    #[arg(value_name = "FRAME")]
    frame: String,
    /// These columns only
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',')]
    columns: Vec<String>,
    #[command(flatten)]
    common: Common,
}

impl Corr {
    pub(super) fn run(self, session: &Session, front: &dyn Front) -> Result<(), MagicError> {
        let options = CorrOptions {
            title: self.common.title(),
        };
        let columns = self.columns;
        draw(&self.frame, &self.common, session, front, move |frame| {
            plot::corr(frame, &columns, &options)
        })
    }
}
