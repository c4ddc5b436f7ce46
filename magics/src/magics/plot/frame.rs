//! The pictures of frames: each kind says what is typed for it and how it is drawn, [`OfFrame`] what all of them share.

use clap::builder::{PossibleValuesParser, TypedValueParser};
use ironsage_display::Front;
use ironsage_display::plot::{
    self, Agg, BarOptions, BoxOptions, CorrOptions, DensityOptions, HeatmapOptions, HistOptions, LineOptions, Log,
    MissingOptions, PairOptions, Plot, PlotError, ScatterOptions,
};
use polars::prelude::DataFrame;

use super::{Common, of_plot};
use crate::error::MagicError;
use crate::guard;
use crate::look;
use crate::magics::split::DEFAULT_SEED;
use crate::session::Session;
use crate::text;

/// A kind of picture of a frame.
pub(super) trait Kind: clap::Args + Send + 'static {
    /// As it is typed.
    const NAME: &'static str;
    /// Whether there is more than a picture of it.
    const INTERACTIVE: bool = false;
    /// Whether it has the size that is asked for.
    const SIZED: bool = true;

    /// The columns that it shows; none are all.
    fn columns(&self) -> Vec<&String>;

    /// The picture of a frame.
    fn draw(self, frame: &DataFrame, common: Common) -> Result<Plot, PlotError>;
}

/// What is typed for a picture of a frame.
#[derive(clap::Args)]
pub(super) struct OfFrame<K: Kind> {
    /// The frame
    #[arg(value_name = "FRAME")]
    frame: String,
    #[command(flatten)]
    kind: K,
    #[command(flatten)]
    common: Common,
}

impl<K: Kind> OfFrame<K> {
    /// Draws on a worker, so that a large frame does not hold an interrupt up. Of a plan only the columns are read that the
    /// picture shows.
    pub(super) fn run(self, session: &Session, front: &dyn Front) -> Result<(), MagicError> {
        if !K::INTERACTIVE {
            self.common.refuse_interactive(K::NAME)?;
        }
        if !K::SIZED {
            self.common.refuse_size(K::NAME)?;
        }
        let mut columns: Vec<String> = self.kind.columns().into_iter().cloned().collect();
        columns.sort();
        columns.dedup();
        let look = look::open(&self.frame, &columns, session, front)?;
        let (name, kind, common) = (self.frame, self.kind, self.common.clone());
        let picture = guard::on_worker(front, "drawing", move || {
            kind.draw(&look.collect()?, common).map_err(|error| match &error {
                PlotError::NoColumn { name: column, there } => text::no_column(&name, column, there),
                _ => of_plot(&error),
            })
        })?;
        self.common.show(&picture, session, front)
    }
}

/// The column of a picture of one.
#[derive(clap::Args)]
struct One {
    /// The column
    #[arg(value_name = "COLUMN")]
    column: String,
}

/// The columns of a picture of two.
#[derive(clap::Args)]
struct Two {
    /// The column along the bottom
    #[arg(value_name = "COLUMN")]
    x: String,
    /// The column along the side
    #[arg(value_name = "COLUMN")]
    y: String,
}

/// The columns of a picture of many.
#[derive(clap::Args)]
struct Many {
    /// These columns only; without them, the numeric ones
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',')]
    columns: Vec<String>,
}

/// The columns that part the rows.
#[derive(clap::Args)]
struct Groups {
    /// A column whose values are told apart by colour
    #[arg(long, value_name = "COLUMN")]
    color: Option<String>,
    /// A column whose values make small multiples on shared axes
    #[arg(long, value_name = "COLUMN")]
    by: Option<String>,
}

impl Groups {
    /// These columns and its own.
    fn with<'a>(&'a self, columns: &[&'a String]) -> Vec<&'a String> {
        let own = [&self.color, &self.by].into_iter().flatten();
        columns.iter().copied().chain(own).collect()
    }
}

/// The axes that may be logarithmic, as they are typed.
#[derive(Clone, Copy, clap::ValueEnum)]
enum Axes {
    X,
    Y,
    Xy,
}

#[derive(clap::Args)]
struct LogAxes {
    /// Logarithmic axes
    #[arg(long, value_name = "AXES")]
    log: Option<Axes>,
}

impl LogAxes {
    fn axes(&self) -> Log {
        match self.log {
            None => Log::Neither,
            Some(Axes::X) => Log::X,
            Some(Axes::Y) => Log::Y,
            Some(Axes::Xy) => Log::Both,
        }
    }
}

/// The only axis that may be logarithmic where values run along it.
#[derive(Clone, Copy, clap::ValueEnum)]
enum AxisX {
    X,
}

#[derive(clap::Args)]
struct LogValues {
    /// A logarithmic axis of values
    #[arg(long, value_name = "AXIS")]
    log: Option<AxisX>,
}

#[derive(clap::Args)]
struct Aggregated {
    /// How it is aggregated
    #[arg(long, value_name = "HOW", default_value = Agg::Mean.name(), value_parser = aggregate())]
    agg: Agg,
}

/// The ways of aggregating, by the names that the display knows.
fn aggregate() -> impl TypedValueParser<Value = Agg> {
    PossibleValuesParser::new(Agg::NAMES.map(|(name, _)| name)).map(|typed| {
        let found = Agg::NAMES.into_iter().find(|(name, _)| *name == typed);
        found.map_or(Agg::Mean, |(_, agg)| agg)
    })
}

#[derive(clap::Args)]
struct Sampled {
    /// Decides which points are drawn where there are too many
    #[arg(long, value_name = "SEED", default_value_t = DEFAULT_SEED)]
    seed: u64,
}

#[derive(clap::Args)]
pub(super) struct Hist {
    #[command(flatten)]
    of: One,
    /// How many bins; the data decides otherwise
    #[arg(long, value_name = "COUNT")]
    bins: Option<usize>,
    #[command(flatten)]
    groups: Groups,
    #[command(flatten)]
    log: LogAxes,
}

impl Kind for Hist {
    const NAME: &'static str = "hist";
    const INTERACTIVE: bool = true;

    fn columns(&self) -> Vec<&String> {
        self.groups.with(&[&self.of.column])
    }

    fn draw(self, frame: &DataFrame, common: Common) -> Result<Plot, PlotError> {
        let options = HistOptions {
            bins: self.bins,
            color: self.groups.color,
            by: self.groups.by,
            log: self.log.axes(),
            interactive: common.interactive,
            title: common.title,
            size: common.size,
        };
        plot::hist(frame, &self.of.column, &options)
    }
}

#[derive(clap::Args)]
pub(super) struct Density {
    #[command(flatten)]
    of: One,
    #[command(flatten)]
    groups: Groups,
    #[command(flatten)]
    log: LogValues,
}

impl Kind for Density {
    const NAME: &'static str = "density";

    fn columns(&self) -> Vec<&String> {
        self.groups.with(&[&self.of.column])
    }

    fn draw(self, frame: &DataFrame, common: Common) -> Result<Plot, PlotError> {
        let options = DensityOptions {
            color: self.groups.color,
            by: self.groups.by,
            log: self.log.log.is_some(),
            title: common.title,
            size: common.size,
        };
        plot::density(frame, &self.of.column, &options)
    }
}

#[derive(clap::Args)]
pub(super) struct Scatter {
    #[command(flatten)]
    of: Two,
    #[command(flatten)]
    groups: Groups,
    #[command(flatten)]
    log: LogAxes,
    #[command(flatten)]
    sampled: Sampled,
}

impl Kind for Scatter {
    const NAME: &'static str = "scatter";
    const INTERACTIVE: bool = true;

    fn columns(&self) -> Vec<&String> {
        self.groups.with(&[&self.of.x, &self.of.y])
    }

    fn draw(self, frame: &DataFrame, common: Common) -> Result<Plot, PlotError> {
        let options = ScatterOptions {
            color: self.groups.color,
            by: self.groups.by,
            log: self.log.axes(),
            seed: self.sampled.seed,
            interactive: common.interactive,
            title: common.title,
            size: common.size,
        };
        plot::scatter(frame, &self.of.x, &self.of.y, &options)
    }
}

#[derive(clap::Args)]
pub(super) struct Line {
    #[command(flatten)]
    of: Two,
    #[command(flatten)]
    groups: Groups,
    #[command(flatten)]
    log: LogAxes,
}

impl Kind for Line {
    const NAME: &'static str = "line";
    const INTERACTIVE: bool = true;

    fn columns(&self) -> Vec<&String> {
        self.groups.with(&[&self.of.x, &self.of.y])
    }

    fn draw(self, frame: &DataFrame, common: Common) -> Result<Plot, PlotError> {
        let options = LineOptions {
            color: self.groups.color,
            by: self.groups.by,
            log: self.log.axes(),
            interactive: common.interactive,
            title: common.title,
            size: common.size,
        };
        plot::line(frame, &self.of.x, &self.of.y, &options)
    }
}

#[derive(clap::Args)]
pub(super) struct Bar {
    #[command(flatten)]
    of: One,
    /// A column that is aggregated in each; rows are counted otherwise
    #[arg(long, value_name = "COLUMN")]
    y: Option<String>,
    #[command(flatten)]
    aggregated: Aggregated,
    /// A column whose values make small multiples on shared axes
    #[arg(long, value_name = "COLUMN")]
    by: Option<String>,
}

impl Kind for Bar {
    const NAME: &'static str = "bar";
    const INTERACTIVE: bool = true;

    fn columns(&self) -> Vec<&String> {
        [Some(&self.of.column), self.y.as_ref(), self.by.as_ref()]
            .into_iter()
            .flatten()
            .collect()
    }

    fn draw(self, frame: &DataFrame, common: Common) -> Result<Plot, PlotError> {
        let options = BarOptions {
            y: self.y,
            agg: self.aggregated.agg,
            by: self.by,
            interactive: common.interactive,
            title: common.title,
            size: common.size,
        };
        plot::bar(frame, &self.of.column, &options)
    }
}

#[derive(clap::Args)]
pub(super) struct Boxes {
    #[command(flatten)]
    of: One,
    /// A column whose values make groups, a box each
    #[arg(long, value_name = "COLUMN")]
    by: Option<String>,
    #[command(flatten)]
    log: LogValues,
}

impl Kind for Boxes {
    const NAME: &'static str = "box";

    fn columns(&self) -> Vec<&String> {
        [Some(&self.of.column), self.by.as_ref()]
            .into_iter()
            .flatten()
            .collect()
    }

    fn draw(self, frame: &DataFrame, common: Common) -> Result<Plot, PlotError> {
        let options = BoxOptions {
            by: self.by,
            log: self.log.log.is_some(),
            title: common.title,
            size: common.size,
        };
        plot::boxes(frame, &self.of.column, &options)
    }
}

#[derive(clap::Args)]
pub(super) struct Heatmap {
    #[command(flatten)]
    of: Two,
    /// A column that is aggregated in each cell; rows are counted otherwise
    #[arg(long, value_name = "COLUMN")]
    value: Option<String>,
    #[command(flatten)]
    aggregated: Aggregated,
}

impl Kind for Heatmap {
    const NAME: &'static str = "heatmap";

    fn columns(&self) -> Vec<&String> {
        [Some(&self.of.x), Some(&self.of.y), self.value.as_ref()]
            .into_iter()
            .flatten()
            .collect()
    }

    fn draw(self, frame: &DataFrame, common: Common) -> Result<Plot, PlotError> {
        let options = HeatmapOptions {
            value: self.value,
            agg: self.aggregated.agg,
            title: common.title,
            size: common.size,
        };
        plot::heatmap(frame, &self.of.x, &self.of.y, &options)
    }
}

#[derive(clap::Args)]
pub(super) struct Corr {
    #[command(flatten)]
    of: Many,
}

impl Kind for Corr {
    const NAME: &'static str = "corr";
    const SIZED: bool = false;

    fn columns(&self) -> Vec<&String> {
        self.of.columns.iter().collect()
    }

    fn draw(self, frame: &DataFrame, common: Common) -> Result<Plot, PlotError> {
        plot::corr(frame, &self.of.columns, &CorrOptions { title: common.title })
    }
}

#[derive(clap::Args)]
pub(super) struct Pair {
    #[command(flatten)]
    of: Many,
    /// A column whose values are told apart by colour
    #[arg(long, value_name = "COLUMN")]
    color: Option<String>,
    #[command(flatten)]
    sampled: Sampled,
}

impl Kind for Pair {
    const NAME: &'static str = "pair";

    fn columns(&self) -> Vec<&String> {
        let color = self.color.iter().filter(|_| !self.of.columns.is_empty());
        self.of.columns.iter().chain(color).collect()
    }

    fn draw(self, frame: &DataFrame, common: Common) -> Result<Plot, PlotError> {
        let options = PairOptions {
            color: self.color,
            seed: self.sampled.seed,
            title: common.title,
            size: common.size,
        };
        plot::pair(frame, &self.of.columns, &options)
    }
}

#[derive(clap::Args)]
pub(super) struct Missing {}

impl Kind for Missing {
    const NAME: &'static str = "missing";

    fn columns(&self) -> Vec<&String> {
        Vec::new()
    }

    fn draw(self, frame: &DataFrame, common: Common) -> Result<Plot, PlotError> {
        let options = MissingOptions {
            title: common.title,
            size: common.size,
        };
        plot::missing(frame, &options)
    }
}
