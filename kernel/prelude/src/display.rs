//! How a cell's values are shown.
//!
//! evcxr shows a cell's last expression by calling `.evcxr_display()` on it, and compiles the cell
//! a second time when there is no such method. So the method is here for everything that can be
//! printed with `{:?}`, and what is more than text (a frame, an array, a drawing) is found by its
//! type at run time: see `value.rs`. A type of the user's with an `evcxr_display` of its own keeps
//! it: an inherent method goes before a trait's.

use std::error::Error;
use std::fmt::Debug;
use std::io::Write;

use ironsage_display::{Bundle, DisplayId, TableOptions, table};
use ironsage_exchange::wire::{Picture, Request};
use ndarray::{Array1, Array2, ShapeError};
use polars::prelude::{Column, DataFrame, LazyFrame, PolarsError, Series};

use crate::arrays;
use crate::drawing::Drawing;
use crate::frames::FrameError;
use crate::front::display_live;
use crate::link;
use crate::matrix::MatrixError;
use crate::model::ModelError;
use crate::value::Value;

/// Everything that has a `{:?}` form can end a cell.
pub trait CellDisplay {
    /// Shows the value as the cell's result.
    fn evcxr_display(&self);
    /// The value in the forms in which it can be shown; `None` when there is nothing to see.
    fn ironsage_picture(&self) -> Option<Picture>;
}

/// A lazy frame has no `{:?}`, so it is shown by a trait of its own.
pub trait PlanDisplay {
    /// Shows the plan as the cell's result.
    fn evcxr_display(&self);
    /// The plan as text.
    fn ironsage_picture(&self) -> Option<Picture>;
}

// Compiled anew in each cell, for each type that it shows: as little as can be.
impl<T: Debug + ?Sized> CellDisplay for T {
    fn evcxr_display(&self) {
        result(picture(&Value::of(&self)));
    }

    fn ironsage_picture(&self) -> Option<Picture> {
        picture(&Value::of(&self))
    }
}

impl PlanDisplay for LazyFrame {
    fn evcxr_display(&self) {
        result(PlanDisplay::ironsage_picture(self));
    }

    fn ironsage_picture(&self) -> Option<Picture> {
        let text = match self.describe_plan() {
            Ok(plan) => format!("{plan}\n(a plan: `.collect()?` runs it)"),
            Err(error) => format!("a plan that cannot run: {error}"),
        };
        Some(picture_of(Bundle::text(text)))
    }
}

/// What can be shown: all that can end a cell. The compiler finds `By` by itself; without it, a plan and everything with
/// a `{:?}` would be two implementations for what may one day be one type.
#[diagnostic::on_unimplemented(message = "`{Self}` cannot be shown: it has no `{{:?}}`")]
pub trait Shown<By> {
    /// The value in the forms in which it can be shown; `None` when there is nothing to see.
    fn shown(&self) -> Option<Picture>;
}

/// Shown as its type has it: [`CellDisplay`].
#[derive(Debug)]
pub enum ByType {}

/// Shown as a plan: [`PlanDisplay`].
#[derive(Debug)]
pub enum ByPlan {}

impl<T: CellDisplay + ?Sized> Shown<ByType> for T {
    fn shown(&self) -> Option<Picture> {
        self.ironsage_picture()
    }
}

#[diagnostic::do_not_recommend]
impl Shown<ByPlan> for LazyFrame {
    fn shown(&self) -> Option<Picture> {
        PlanDisplay::ironsage_picture(self)
    }
}

/// Shows a value now, in the midst of a cell; a cell may show many.
///
/// Frames, series, columns, arrays and drawings are shown as such, a lazy frame as its plan, everything else as its
/// `{:?}`.
///
/// ```no_run
/// use ironsage_prelude::cell::show;
/// use ironsage_prelude::polars::prelude::*;
/// let shells = df!("rings" => [7, 15])?;
/// show(&shells);
/// show(&shells.height());
/// # Ok::<(), PolarsError>(())
/// ```
pub fn show<By, T: Shown<By> + ?Sized>(value: &T) {
    if let Some(picture) = value.shown() {
        tell(&Request::Display { picture, id: None });
    }
}

/// Shows a value that changes later, in its place: in this cell or in another.
///
/// ```no_run
/// use ironsage_prelude::cell::show_live;
/// let best = show_live("no result yet");
/// for trial in 1..=3 {
///     best.update(&format!("after trial {trial}"));
/// }
/// ```
pub fn show_live<By, T: Shown<By> + ?Sized>(value: &T) -> Live {
    Live {
        id: display_live(value.shown().unwrap_or_else(nothing)),
    }
}

/// Something shown that can be changed in its place; see [`show_live`](crate::cell::show_live).
#[derive(Debug, Clone)]
pub struct Live {
    id: DisplayId,
}

impl Live {
    /// Shows another value in the place of the one before.
    pub fn update<By, T: Shown<By> + ?Sized>(&self, value: &T) {
        tell(&Request::Update {
            picture: value.shown().unwrap_or_else(nothing),
            id: self.id.0.clone(),
        });
    }
}

/// Removes what the cell has shown and printed so far; with `wait`, only when something new is shown, so that nothing
/// flickers.
///
/// ```no_run
/// use ironsage_prelude::cell::clear_output;
/// for second in 0..3 {
///     clear_output(true);
///     println!("{second} s");
///     std::thread::sleep(std::time::Duration::from_secs(1));
/// }
/// ```
pub fn clear_output(wait: bool) {
    tell(&Request::Clear { wait });
}

fn result(picture: Option<Picture>) {
    if let Some(picture) = picture {
        tell(&Request::Result(picture));
    }
}

/// A value in its forms, by its type.
fn picture(value: &Value<'_>) -> Option<Picture> {
    // A live display is seen already.
    if value.is::<()>() || value.is::<Live>() {
        return None;
    }
    let bundle = known(value).or_else(|| of_result(value));
    Some(picture_of(bundle.unwrap_or_else(|| Bundle::text(value.text()))))
}

/// What is more than text.
fn known(value: &Value<'_>) -> Option<Bundle> {
    let frame = |frame: &DataFrame| table(frame, &TableOptions::default());
    if let Some(found) = value.find::<DataFrame>() {
        return Some(frame(found));
    }
    if let Some(series) = value.find::<Series>() {
        return Some(frame(&series.clone().into_frame()));
    }
    if let Some(column) = value.find::<Column>() {
        return Some(frame(&column.clone().into_frame()));
    }
    if let Some(drawing) = value.find::<Drawing>() {
        return Some(drawing.bundle());
    }
    arrays::bundle(value)
}

/// What went well is shown as what it is: the `?` at the end of a cell can be forgotten.
fn of_result(value: &Value<'_>) -> Option<Bundle> {
    of_ok::<DataFrame>(value)
        .or_else(|| of_ok::<Series>(value))
        .or_else(|| of_ok::<Column>(value))
        .or_else(|| of_ok::<Drawing>(value))
        .or_else(|| of_ok::<Array1<f32>>(value))
        .or_else(|| of_ok::<Array1<f64>>(value))
        .or_else(|| of_ok::<Array2<f32>>(value))
        .or_else(|| of_ok::<Array2<f64>>(value))
}

/// A `U` in a result, with one of the errors that cells meet.
fn of_ok<U: Debug + 'static>(value: &Value<'_>) -> Option<Bundle> {
    fn ok<'a, U: 'static, E: 'static>(value: &Value<'a>) -> Option<&'a U> {
        value.find::<Result<U, E>>()?.as_ref().ok()
    }
    let found = ok::<U, PolarsError>(value)
        .or_else(|| ok::<U, Box<dyn Error>>(value))
        .or_else(|| ok::<U, Box<dyn Error + Send + Sync>>(value))
        .or_else(|| ok::<U, FrameError>(value))
        .or_else(|| ok::<U, ModelError>(value))
        .or_else(|| ok::<U, MatrixError>(value))
        .or_else(|| ok::<U, ShapeError>(value))
        .or_else(|| ok::<U, String>(value))?;
    known(&Value::of(&found))
}

/// What is shown where there is nothing to see.
fn nothing() -> Picture {
    picture_of(Bundle::text(""))
}

/// A bundle as it travels; a picture may be large, so it is not copied.
pub(crate) fn picture_of(bundle: Bundle) -> Picture {
    let Bundle { data, metadata } = bundle;
    Picture { data, metadata }
}

/// Tells the kernel of something to see, after what was printed before it; without a kernel its text is printed.
pub(crate) fn tell(request: &Request) {
    let mut stdout = std::io::stdout();
    let _ = stdout.flush();
    if link::ask(request, &[]).is_ok() {
        return;
    }
    if let Request::Display { picture, .. } | Request::Update { picture, .. } | Request::Result(picture) = request {
        let text = picture.data.get("text/plain");
        let text = text.and_then(|text| text.as_str()).unwrap_or_default();
        let _ = writeln!(stdout, "{text}");
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use polars::prelude::*;

    use super::*;

    fn plain(picture: Option<Picture>) -> String {
        picture.unwrap().data["text/plain"].as_str().unwrap().to_owned()
    }

    fn html(picture: Option<Picture>) -> String {
        picture.unwrap().data["text/html"].as_str().unwrap().to_owned()
    }

    #[test]
    fn a_value_is_shown_by_its_type() {
        assert_eq!(plain(CellDisplay::ironsage_picture(&42)), "42");
        assert_eq!(plain(CellDisplay::ironsage_picture("text")), "\"text\"");
        let local = [1u8, 2].map(|x| x + 1);
        assert_eq!(plain(CellDisplay::ironsage_picture(&local[..])), "[2, 3]");
        assert_eq!(plain(CellDisplay::ironsage_picture(&Some(1.5))), "Some(1.5)");
        assert!(CellDisplay::ironsage_picture(&()).is_none());
    }

    #[test]
    fn a_frame_a_series_and_a_collected_plan_are_tables() {
        let frame = df!("rings" => [7i64, 15]).unwrap();
        let shown = CellDisplay::ironsage_picture(&frame).unwrap();
        assert!(shown.data["text/html"].as_str().unwrap().contains("rings"));
        assert!(html(CellDisplay::ironsage_picture(frame.column("rings").unwrap())).contains("rings"));
        // A reference to a reference, as loops have them.
        assert_eq!(CellDisplay::ironsage_picture(&&frame), Some(shown.clone()));
        let collected = frame.clone().lazy().collect();
        assert_eq!(CellDisplay::ironsage_picture(&collected), Some(shown.clone()));
        let boxed: Result<DataFrame, Box<dyn Error>> = Ok(frame.clone());
        assert_eq!(CellDisplay::ironsage_picture(&boxed), Some(shown));
        let failed: PolarsResult<DataFrame> = frame.lazy().select([col("no")]).collect();
        assert!(plain(CellDisplay::ironsage_picture(&failed)).starts_with("Err("));
    }

    #[test]
    fn a_plan_says_how_to_run_it() {
        let plan = df!("x" => [1i64]).unwrap().lazy().filter(col("x").gt(0));
        assert!(plain(PlanDisplay::ironsage_picture(&plan)).contains(".collect()?"));
        // In the midst of a cell as at its end.
        assert_eq!(plan.shown(), PlanDisplay::ironsage_picture(&plan));
        show(&plan);
        show_live(&1).update(&plan);
    }

    #[test]
    fn a_live_display_is_not_shown_a_second_time() {
        let live = show_live(&1);
        assert!(CellDisplay::ironsage_picture(&live).is_none());
    }
}
