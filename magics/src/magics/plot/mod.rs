//! `%plot`: a picture of a frame, or of what a model does with one. Each kind of picture is a subcommand; the ones
//! of frames are in [`frame`], those of models in [`model`].

mod frame;
pub(crate) mod model;

use std::path::Path;

use frame::OfFrame;
use ironsage_display::plot::{Plot as Picture, PlotError};
use ironsage_display::{Bundle, Front, note};

use crate::data::write;
use crate::error::{ErrorKind, MagicError};
use crate::magic::{Call, Entry, Form, Group, Magic};
use crate::magics::help;
use crate::session::Session;

/// A picture of a frame or a model
#[derive(clap::Args)]
pub(crate) struct Plot {
    #[command(subcommand)]
    kind: Option<Kind>,
}

#[derive(clap::Subcommand)]
enum Kind {
    /// How the values of a column are spread
    #[command(
        after_help = "Examples:\n  %plot hist clean rings --bins 29\n      a histogram with 29 bins\n  %plot hist clean length --by sex --log y\n      a picture for each sex, counts on a logarithmic axis"
    )]
    Hist(OfFrame<frame::Hist>),
    /// The same as a smooth curve, for groups of any size
    #[command(
        after_help = "Examples:\n  %plot density clean rings --color sex\n      one curve for each sex\n  %plot density clean whole_weight --log x\n      on a logarithmic axis"
    )]
    Density(OfFrame<frame::Density>),
    /// How two columns go together, and a third by colour
    #[command(
        after_help = "Examples:\n  %plot scatter clean shell_weight rings --color sex\n      coloured by sex\n  %plot scatter clean length whole_weight --log xy --save size.svg\n      logarithmic, and the picture as a file"
    )]
    Scatter(OfFrame<frame::Scatter>),
    /// How a column runs along another
    #[command(
        after_help = "Examples:\n  %plot line prices day price --color shop\n      a line for each shop\n  %plot line prices day price --by shop --interactive\n      a picture for each shop, with tooltips and zoom"
    )]
    Line(OfFrame<frame::Line>),
    /// How many rows each value has, or what a column amounts to in it
    #[command(
        after_help = "Examples:\n  %plot bar clean sex\n      how many of each\n  %plot bar clean sex --y rings --agg median\n      the median of rings in each"
    )]
    Bar(OfFrame<frame::Bar>),
    /// Median, quartiles and what lies far out
    #[command(
        after_help = "Examples:\n  %plot box clean rings --by sex\n      a box for each sex\n  %plot box clean whole_weight --log x\n      one box, on a logarithmic axis"
    )]
    Box(OfFrame<frame::Boxes>),
    /// How many rows two columns share, or what a third is there
    #[command(
        after_help = "Examples:\n  %plot heatmap clean length height\n      how many rows in each cell\n  %plot heatmap clean rings sex --value whole_weight --agg median\n      the median weight in each"
    )]
    Heatmap(OfFrame<frame::Heatmap>),
    /// The correlation of each numeric column with each other
    #[command(
        after_help = "Examples:\n  %plot corr clean\n      all numeric columns\n  %plot corr clean --columns length,height,rings\n      three of them"
    )]
    Corr(OfFrame<frame::Corr>),
    /// Each numeric column against each other, and alone
    #[command(
        after_help = "Examples:\n  %plot pair clean --columns length,height,rings\n      three columns\n  %plot pair clean --columns length,rings --color sex\n      coloured by sex"
    )]
    Pair(OfFrame<frame::Pair>),
    /// Where values are missing, column by column along the rows
    #[command(
        after_help = "Examples:\n  %plot missing clean\n      nulls and NaN of all columns\n  %plot missing clean --size 900x300 --save missing.png\n      wider, and the picture as a file"
    )]
    Missing(OfFrame<frame::Missing>),
    /// How far a regressor is off, along what it predicts
    #[command(
        after_help = "Examples:\n  %plot residuals age test\n      on rows that the model has not seen\n  %plot residuals age test --save residuals.svg\n      the picture as a file, too"
    )]
    Residuals(model::OnFrame),
    /// Which class a classifier took for which
    #[command(
        after_help = "Examples:\n  %plot confusion old test\n      at the model's own threshold\n  %plot confusion old test --title \"Old shells\"\n      under another title"
    )]
    Confusion(model::OnFrame),
    /// How well a binary classifier tells its classes apart
    #[command(
        after_help = "Examples:\n  %plot roc old test\n      with the model's own threshold marked\n  %plot roc old valid --title \"On the validation rows\"\n      on another frame, under its own title"
    )]
    Roc(model::OnFrame),
    /// Precision against recall, where positives are rare
    #[command(
        after_help = "Examples:\n  %plot pr old test\n      with the model's own threshold marked\n  %plot pr old test --size 500x500\n      as a square"
    )]
    Pr(model::OnFrame),
    /// Whether a classifier's scores are probabilities
    #[command(
        after_help = "Examples:\n  %plot calibration old test\n      the share of positives in ten bins of scores\n  %plot calibration old test --save calibration.svg\n      the picture as a file, too"
    )]
    Calibration(model::OnFrame),
    /// Precision, recall and F1 of a binary classifier along the threshold
    #[command(
        after_help = "Examples:\n  %plot threshold old valid\n      what another threshold would find and cost\n  %plot threshold old valid --size 900x400\n      wider"
    )]
    Threshold(model::OnFrame),
    /// The losses of a training, epoch by epoch
    #[command(
        after_help = "Examples:\n  %plot learning age\n      with the epoch that was kept marked\n  %plot learning age --save learning.svg\n      the picture as a file, too"
    )]
    Learning(model::Alone),
    /// The weights of a linear model, in raw units
    #[command(
        visible_alias = "coef",
        after_help = "Examples:\n  %plot coef age\n      the largest first\n  %plot coefficients age --title \"What makes a shell old\"\n      under another title"
    )]
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
            "%plot hist clean rings --bins 29 --save rings.svg",
            "a histogram, and the same as an SVG file",
        ),
        (
            "%plot density clean length --color sex --by rings",
            "curves for each sex, and a picture for each of the most frequent rings",
        ),
    ];

    fn run(self, _call: &Call, session: &Session, front: &dyn Front) -> Result<(), MagicError> {
        let Some(kind) = self.kind else {
            front.display(&kinds());
            return Ok(());
        };
        match kind {
            Kind::Hist(of_frame) => of_frame.run(session, front),
            Kind::Density(of_frame) => of_frame.run(session, front),
            Kind::Scatter(of_frame) => of_frame.run(session, front),
            Kind::Line(of_frame) => of_frame.run(session, front),
            Kind::Bar(of_frame) => of_frame.run(session, front),
            Kind::Box(of_frame) => of_frame.run(session, front),
            Kind::Heatmap(of_frame) => of_frame.run(session, front),
            Kind::Corr(of_frame) => of_frame.run(session, front),
            Kind::Pair(of_frame) => of_frame.run(session, front),
            Kind::Missing(of_frame) => of_frame.run(session, front),
            Kind::Residuals(on_frame) => on_frame.run("residuals", model::residuals, session, front),
            Kind::Confusion(on_frame) => on_frame.run("confusion", model::confusion, session, front),
            Kind::Roc(on_frame) => on_frame.run("roc", model::roc, session, front),
            Kind::Pr(on_frame) => on_frame.run("pr", model::pr, session, front),
            Kind::Calibration(on_frame) => on_frame.run("calibration", model::calibration, session, front),
            Kind::Threshold(on_frame) => on_frame.run("threshold", model::threshold, session, front),
            Kind::Learning(alone) => alone.run("learning", model::learning, session, front),
            Kind::Coefficients(alone) => alone.run("coefficients", model::coefficients, session, front),
        }
    }
}

/// All kinds, with a line each.
fn kinds() -> Bundle {
    let entry = Entry::of::<Plot>();
    let command = entry.command();
    let width = command.get_subcommands().map(|kind| kind.get_name().len()).max();
    let mut text = String::new();
    for kind in command.get_subcommands() {
        let about = kind.get_about().map(ToString::to_string).unwrap_or_default();
        text.push_str(&format!("  {:1$}  {about}\n", kind.get_name(), width.unwrap_or(0)));
    }
    text.push_str("`%plot hist --help` explains one with examples");
    help::page_of(&entry, &text)
}

/// What all pictures have in common.
#[derive(clap::Args, Clone, Debug, Default)]
pub(crate) struct Common {
    /// A title instead of the usual one
    #[arg(long, value_name = "TEXT")]
    title: Option<String>,
    /// Width and height in pixels, such as 800x500
    #[arg(long, value_name = "WxH", value_parser = size)]
    size: Option<(u32, u32)>,
    /// Write the picture to a file, too: `.svg` or `.png`
    #[arg(long, value_name = "PATH", value_parser = saved)]
    save: Option<String>,
    /// Send it as Vega-Lite, too, with tooltips and zoom (hist, scatter, line, bar)
    #[arg(long)]
    interactive: bool,
}

impl Common {
    /// For kinds of which there is a picture only.
    fn refuse_interactive(&self, kind: &str) -> Result<(), MagicError> {
        if !self.interactive {
            return Ok(());
        }
        let message = format!("%plot {kind} has no interactive form");
        Err(MagicError::usage(message).with_hint("leave `--interactive` out; hist, scatter, line and bar have one"))
    }

    /// For kinds whose size follows from what they show.
    fn refuse_size(&self, kind: &str) -> Result<(), MagicError> {
        if self.size.is_none() {
            return Ok(());
        }
        let message = format!("%plot {kind} is as large as what it shows needs");
        Err(MagicError::usage(message).with_hint("leave `--size` out"))
    }

    /// Shows a picture and writes the file asked for.
    pub(crate) fn show(&self, picture: &Picture, session: &Session, front: &dyn Front) -> Result<(), MagicError> {
        front.display(&picture.bundle());
        let Some(path) = &self.save else {
            return Ok(());
        };
        let place = session.path(path);
        if has_extension(path, "svg") {
            let svg = picture.svg().map_err(|error| of_plot(&error))?;
            write::file(&place, svg.as_bytes(), &())?;
        } else {
            write::file(&place, picture.png(), &())?;
        }
        front.display(&note(format!("{path} written")));
        Ok(())
    }
}

/// `800x500`.
fn size(typed: &str) -> Result<(u32, u32), String> {
    let ends = typed.split_once(['x', 'X', '×']);
    ends.and_then(|(width, height)| Some((width.trim().parse().ok()?, height.trim().parse().ok()?)))
        .ok_or_else(|| "a size is WIDTHxHEIGHT in pixels, such as 800x500".to_owned())
}

/// A file on this machine, of a form that a picture has.
fn saved(typed: &str) -> Result<String, String> {
    if typed.contains("://") {
        return Err("a picture is saved on this machine; `%s3 cp` copies it from there".to_owned());
    }
    if has_extension(typed, "svg") || has_extension(typed, "png") {
        return Ok(typed.to_owned());
    }
    Err("a picture is saved as `.svg` or `.png`".to_owned())
}

fn has_extension(path: &str, extension: &str) -> bool {
    let end = Path::new(path).extension();
    end.is_some_and(|end| end.eq_ignore_ascii_case(extension))
}

/// Why there is no picture, in the house's words.
pub(crate) fn of_plot(error: &PlotError) -> MagicError {
    let kind = match error {
        PlotError::NoColumn { .. } => ErrorKind::NotFound,
        PlotError::NotUsable { .. } | PlotError::NoValues { .. } | PlotError::TooLarge { .. } => ErrorKind::DataError,
        PlotError::NoPositive { .. }
        | PlotError::FewColumns { .. }
        | PlotError::ManyClasses { .. }
        | PlotError::OneClass { .. }
        | PlotError::OneValue { .. }
        | PlotError::NoProbabilities { .. }
        | PlotError::Frame(_) => ErrorKind::DataError,
        PlotError::Bins { .. } | PlotError::Size { .. } | PlotError::NoRoom { .. } => ErrorKind::UsageError,
        PlotError::Lengths { .. } | PlotError::Drawing(_) => ErrorKind::InternalError,
    };
    MagicError::new(kind, error.to_string()).with_hint_from(error.hint())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::language::words;

    #[test]
    fn each_kind_has_two_examples_that_are_typed_right() {
        let command = Entry::of::<Plot>().command();
        for kind in command.get_subcommands() {
            let help = kind.get_after_help().unwrap().to_string();
            let typed: Vec<&str> = help.lines().filter_map(|line| line.strip_prefix("  %plot ")).collect();
            assert_eq!(typed.len(), 2, "{help}");
            for line in typed {
                let words = words::split(line).unwrap().into_iter().map(|word| word.text);
                command.clone().try_get_matches_from(words).unwrap();
            }
        }
    }

    #[test]
    fn without_a_kind_all_are_listed() {
        Entry::of::<Plot>().command().try_get_matches_from([""; 0]).unwrap();
        let listed = kinds();
        let first = "  hist          How the values of a column are spread\n";
        assert!(listed.plain().starts_with(first), "{}", listed.plain());
        assert_eq!(listed.plain().lines().count(), 19);
    }
}
