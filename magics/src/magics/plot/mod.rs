//! `%plot`: a picture of a frame, or of what a model does with one. Each kind of picture is a subcommand; the ones
//! of frames are in [`frame`], those of models in [`model`].

mod frame;
pub(crate) mod model;

use ironsage_display::plot::{Plot as Picture, PlotError};
use ironsage_display::{Front, note};

use crate::data::write;
use crate::error::{ErrorKind, MagicError};
use crate::magic::{Call, Form, Group, Magic};
use crate::session::Session;

/// A picture of a frame or a model
#[derive(clap::Args)]
pub(crate) struct Plot {
    #[command(subcommand)]
    kind: Kind,
}

#[derive(clap::Subcommand)]
enum Kind {
    /// How the values of a column are spread
    #[command(
        after_help = "Examples:\n  %plot hist clean rings --bins 29\n      a histogram with 29 bins\n  %plot hist clean length --by sex\n      one for each sex"
    )]
    Hist(frame::Hist),
    /// How two columns go together, and a third by colour
    #[command(
        after_help = "Examples:\n  %plot scatter clean shell_weight rings --color sex\n      coloured by sex\n  %plot scatter clean length height --svg size.svg\n      and the picture as a file"
    )]
    Scatter(frame::Scatter),
    /// How a column runs along another
    #[command(
        after_help = "Examples:\n  %plot line prices day price\n      one line\n  %plot line prices day price --by shop\n      one for each shop"
    )]
    Line(frame::Line),
    /// How many rows each value has, or what a column amounts to in it
    #[command(
        after_help = "Examples:\n  %plot bar clean sex\n      how many of each\n  %plot bar clean sex --y rings --agg median\n      the median of rings in each"
    )]
    Bar(frame::Bar),
    /// Median, quartiles and what lies far out
    #[command(
        after_help = "Examples:\n  %plot box clean rings\n      one box\n  %plot box clean rings --by sex\n      one for each sex"
    )]
    Box(frame::Boxes),
    /// The correlation of each numeric column with each other
    #[command(
        after_help = "Examples:\n  %plot corr clean\n      all numeric columns\n  %plot corr clean --columns length,height,rings\n      three of them"
    )]
    Corr(frame::Corr),
    /// How far a regressor is off, along what it predicts
    #[command(after_help = "Examples:\n  %plot residuals age test\n      on rows that the model has not seen")]
    Residuals(model::OnFrame),
    /// How well a binary classifier tells its classes apart, over all thresholds
    #[command(after_help = "Examples:\n  %plot roc old test\n      with the model's own threshold marked")]
    Roc(model::OnFrame),
    /// The losses of a training, epoch by epoch
    #[command(after_help = "Examples:\n  %plot learning age\n      with the epoch that was kept marked")]
    Learning(model::Alone),
    /// The weights of a linear model, in raw units
    #[command(after_help = "Examples:\n  %plot coefficients age\n      the largest first")]
    Coefficients(model::Alone),
}

impl Magic for Plot {
    const NAME: &'static str = "plot";
    const FORM: Form = Form::Line;
    const GROUP: Group = Group::Data;
    const EXAMPLES: &'static [(&'static str, &'static str)] = &[
        (
            "%plot scatter clean shell_weight rings --color sex",
            "two columns against each other, coloured by a third",
        ),
        (
            "%plot hist clean rings --bins 29 --svg rings.svg",
            "a histogram, and the same as an SVG file",
        ),
    ];

    fn run(self, _call: &Call, session: &Session, front: &dyn Front) -> Result<(), MagicError> {
        match self.kind {
            Kind::Hist(hist) => hist.run(session, front),
            Kind::Scatter(scatter) => scatter.run(session, front),
            Kind::Line(line) => line.run(session, front),
            Kind::Bar(bar) => bar.run(session, front),
            Kind::Box(boxes) => boxes.run(session, front),
            Kind::Corr(corr) => corr.run(session, front),
            Kind::Residuals(residuals) => residuals.residuals(session, front),
            Kind::Roc(roc) => roc.roc(session, front),
            Kind::Learning(learning) => learning.learning(session, front),
            Kind::Coefficients(coefficients) => coefficients.coefficients(session, front),
        }
    }
}

/// What all pictures have in common.
#[derive(clap::Args, Clone, Debug, Default)]
pub(crate) struct Common {
    /// A title instead of the usual one
    #[arg(long, value_name = "TEXT")]
    title: Option<String>,
    /// Width in pixels
    #[arg(long, value_name = "PIXELS", requires = "height")]
    width: Option<u32>,
    /// Height in pixels
    #[arg(long, value_name = "PIXELS", requires = "width")]
    height: Option<u32>,
    /// Write the picture to a file, too, as SVG
    #[arg(long, value_name = "PATH")]
    svg: Option<String>,
    /// Write the picture to a file, too, as PNG
    #[arg(long, value_name = "PATH")]
    png: Option<String>,
}

impl Common {
    /// The title asked for.
    pub(crate) fn title(&self) -> Option<String> {
        self.title.clone()
    }

    /// The size asked for.
    pub(crate) fn size(&self) -> Option<(u32, u32)> {
        self.width.zip(self.height)
    }

    /// Shows a picture and writes the files asked for.
    pub(crate) fn show(&self, picture: &Picture, session: &Session, front: &dyn Front) -> Result<(), MagicError> {
        front.display(&picture.bundle());
        if let Some(path) = &self.svg {
            let svg = picture.svg().map_err(|error| of_plot(&error))?;
            write::file(&session.path(path), svg.as_bytes())?;
            front.display(&note(format!("{path} written")));
        }
        if let Some(path) = &self.png {
            write::file(&session.path(path), picture.png())?;
            front.display(&note(format!("{path} written")));
        }
        Ok(())
    }
}

/// Why there is no picture, in the house's words.
pub(crate) fn of_plot(error: &PlotError) -> MagicError {
    let kind = match error {
        PlotError::NoColumn { .. } => ErrorKind::NotFound,
        PlotError::NotUsable { .. } | PlotError::NoValues { .. } | PlotError::TooLarge { .. } => ErrorKind::DataError,
        PlotError::OneClass { .. } | PlotError::Frame(_) => ErrorKind::DataError,
        PlotError::Bins { .. } | PlotError::Size { .. } => ErrorKind::UsageError,
        PlotError::Lengths { .. } | PlotError::Drawing(_) => ErrorKind::InternalError,
    };
    MagicError::new(kind, error.to_string()).with_hint_from(error.hint())
}
