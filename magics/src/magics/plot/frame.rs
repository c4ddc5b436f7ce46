//! The pictures of frames.

use ironsage_display::Front;
use ironsage_display::plot::{
    self, Agg, BarOptions, BoxOptions, CorrOptions, DensityOptions, HeatmapOptions, HistOptions, LineOptions, Log,
    MissingOptions, PairOptions, Plot, PlotError, ScatterOptions,
};
use polars::prelude::*;

use super::{Common, of_plot};
use crate::error::MagicError;
use crate::frames;
use crate::guard;
use crate::magics::split::DEFAULT_SEED;
use crate::session::Session;
use crate::text;

/// The axes that may be logarithmic, as they are typed.
#[derive(Clone, Copy, clap::ValueEnum)]
enum LogAxes {
    X,
    Y,
    Xy,
}

/// The only axis that may be logarithmic where values run along it.
#[derive(Clone, Copy, clap::ValueEnum)]
enum LogX {
    X,
}

fn log(axes: Option<LogAxes>) -> Log {
    match axes {
        None => Log::Neither,
        Some(LogAxes::X) => Log::X,
        Some(LogAxes::Y) => Log::Y,
        Some(LogAxes::Xy) => Log::Both,
    }
}

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
    /// A column whose values make groups, one colour each
    #[arg(long, value_name = "COLUMN")]
    color: Option<String>,
    /// A column whose values make small multiples on shared axes
    #[arg(long, value_name = "COLUMN")]
    by: Option<String>,
    /// Logarithmic axes
    #[arg(long, value_name = "AXES")]
    log: Option<LogAxes>,
    #[command(flatten)]
    common: Common,
}

impl Hist {
    pub(super) fn run(self, session: &Session, front: &dyn Front) -> Result<(), MagicError> {
        let options = HistOptions {
            bins: self.bins,
            color: self.color,
            by: self.by,
            log: log(self.log),
            interactive: self.common.interactive,
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
    /// A column whose values make small multiples on shared axes
    #[arg(long, value_name = "COLUMN")]
    by: Option<String>,
    /// Logarithmic axes
    #[arg(long, value_name = "AXES")]
    log: Option<LogAxes>,
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
            by: self.by,
            log: log(self.log),
            interactive: self.common.interactive,
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
    /// A column whose values make lines, one colour each
    #[arg(long, value_name = "COLUMN")]
    color: Option<String>,
    /// A column whose values make small multiples on shared axes
    #[arg(long, value_name = "COLUMN")]
    by: Option<String>,
    /// Logarithmic axes
    #[arg(long, value_name = "AXES")]
    log: Option<LogAxes>,
    #[command(flatten)]
    common: Common,
}

impl Line {
    pub(super) fn run(self, session: &Session, front: &dyn Front) -> Result<(), MagicError> {
        let options = LineOptions {
            color: self.color,
            by: self.by,
            log: log(self.log),
            interactive: self.common.interactive,
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
    /// A column whose values make small multiples on shared axes
    #[arg(long, value_name = "COLUMN")]
    by: Option<String>,
    #[command(flatten)]
    common: Common,
}

/// The ways of aggregating, by the names that the display knows.
fn aggregate() -> clap::builder::PossibleValuesParser {
    clap::builder::PossibleValuesParser::new(Agg::NAMES.map(|(name, _)| name))
}

fn aggregate_of(name: &str) -> Agg {
    let found = Agg::NAMES.iter().find(|(known, _)| *known == name);
    found.map_or(Agg::Mean, |(_, agg)| *agg)
}

impl Bar {
    pub(super) fn run(self, session: &Session, front: &dyn Front) -> Result<(), MagicError> {
        let options = BarOptions {
            y: self.y,
            agg: aggregate_of(&self.agg),
            by: self.by,
            interactive: self.common.interactive,
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
    /// A logarithmic axis of values
    #[arg(long, value_name = "AXIS")]
    log: Option<LogX>,
    #[command(flatten)]
    common: Common,
}

impl Boxes {
    pub(super) fn run(self, session: &Session, front: &dyn Front) -> Result<(), MagicError> {
        self.common.refuse_interactive("box")?;
        let options = BoxOptions {
            by: self.by,
            log: self.log.is_some(),
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
        self.common.refuse_interactive("corr")?;
        if self.common.size().is_some() {
            let message = "%plot corr is as large as its columns need";
            return Err(MagicError::usage(message).with_hint("leave `--size` out, or name fewer `--columns`"));
        }
        let options = CorrOptions {
            title: self.common.title(),
        };
        let columns = self.columns;
        draw(&self.frame, &self.common, session, front, move |frame| {
            plot::corr(frame, &columns, &options)
        })
    }
}

#[derive(clap::Args)]
pub(super) struct Density {
    /// The frame
    #[arg(value_name = "FRAME")]
    frame: String,
    /// The column
    #[arg(value_name = "COLUMN")]
    column: String,
    /// A column whose values make curves, one colour each
    #[arg(long, value_name = "COLUMN")]
    color: Option<String>,
    /// A column whose values make small multiples on shared axes
    #[arg(long, value_name = "COLUMN")]
    by: Option<String>,
    /// A logarithmic axis of values
    #[arg(long, value_name = "AXIS")]
    log: Option<LogX>,
    #[command(flatten)]
    common: Common,
}

impl Density {
    pub(super) fn run(self, session: &Session, front: &dyn Front) -> Result<(), MagicError> {
        self.common.refuse_interactive("density")?;
        let options = DensityOptions {
            color: self.color,
            by: self.by,
            log: self.log.is_some(),
            title: self.common.title(),
            size: self.common.size(),
        };
        let column = self.column;
        draw(&self.frame, &self.common, session, front, move |frame| {
            plot::density(frame, &column, &options)
        })
    }
}

#[derive(clap::Args)]
pub(super) struct Heatmap {
    /// The frame
    #[arg(value_name = "FRAME")]
    frame: String,
    /// The column along
    #[arg(value_name = "COLUMN")]
    x: String,
    /// The column down
    #[arg(value_name = "COLUMN")]
    y: String,
    /// A column that is aggregated; rows are counted otherwise
    #[arg(long, value_name = "COLUMN")]
    value: Option<String>,
    /// How it is aggregated
    #[arg(long, value_name = "HOW", default_value = "mean", value_parser = aggregate())]
    agg: String,
    #[command(flatten)]
    common: Common,
}

impl Heatmap {
    pub(super) fn run(self, session: &Session, front: &dyn Front) -> Result<(), MagicError> {
        self.common.refuse_interactive("heatmap")?;
        let options = HeatmapOptions {
            value: self.value,
            agg: aggregate_of(&self.agg),
            title: self.common.title(),
            size: self.common.size(),
        };
        let (x, y) = (self.x, self.y);
        draw(&self.frame, &self.common, session, front, move |frame| {
            plot::heatmap(frame, &x, &y, &options)
        })
    }
}

#[derive(clap::Args)]
pub(super) struct Pair {
    /// The frame
    #[arg(value_name = "FRAME")]
    frame: String,
    /// These columns only; the first six numeric ones otherwise
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',')]
    columns: Vec<String>,
    /// A column that colours the points
    #[arg(long, value_name = "COLUMN")]
    color: Option<String>,
    /// Decides which points are drawn where there are too many
    #[arg(long, value_name = "SEED", default_value_t = DEFAULT_SEED)]
    seed: u64,
    #[command(flatten)]
    common: Common,
}

impl Pair {
    pub(super) fn run(self, session: &Session, front: &dyn Front) -> Result<(), MagicError> {
        self.common.refuse_interactive("pair")?;
        let options = PairOptions {
            color: self.color,
            seed: self.seed,
            title: self.common.title(),
            size: self.common.size(),
        };
        let columns = self.columns;
        draw(&self.frame, &self.common, session, front, move |frame| {
            plot::pair(frame, &columns, &options)
        })
    }
}

#[derive(clap::Args)]
pub(super) struct Missing {
    /// The frame
    #[arg(value_name = "FRAME")]
    frame: String,
    #[command(flatten)]
    common: Common,
}

impl Missing {
    pub(super) fn run(self, session: &Session, front: &dyn Front) -> Result<(), MagicError> {
        self.common.refuse_interactive("missing")?;
        let options = MissingOptions {
            title: self.common.title(),
            size: self.common.size(),
        };
        draw(&self.frame, &self.common, session, front, move |frame| {
            plot::missing(frame, &options)
        })
    }
}
