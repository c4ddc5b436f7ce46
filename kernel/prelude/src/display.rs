//! How a cell's values are shown.
//!
//! evcxr shows a cell's last expression by calling `.evcxr_display()` on it, and compiles the cell
//! a second time when there is no such method. So the method is here for everything that can be
//! printed with `{:?}`, and what is more than text (a frame, a series) is found by its type at run
//! time. A type of the user's with an `evcxr_display` of its own keeps it: an inherent method goes
//! before a trait's.

use std::any::TypeId;
use std::fmt::Debug;
use std::io::Write;
use std::marker::PhantomData;

use ironsage_display::{Bundle, TableOptions, table};
use ironsage_exchange::wire::{Picture, Request};
use polars::prelude::{Column, DataFrame, LazyFrame, PolarsError, Series};

use crate::link;

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

impl<T: Debug + ?Sized> CellDisplay for T {
    fn evcxr_display(&self) {
        result(self.ironsage_picture());
    }

    fn ironsage_picture(&self) -> Option<Picture> {
        if is::<T, ()>() {
            return None;
        }
        if let Some(frame) = cast::<T, DataFrame>(self) {
            return Some(frame_picture(frame));
        }
        if let Some(Ok(frame)) = cast::<T, Result<DataFrame, PolarsError>>(self) {
            return Some(frame_picture(frame));
        }
        if let Some(series) = cast::<T, Series>(self) {
            return Some(frame_picture(&series.clone().into_frame()));
        }
        if let Some(column) = cast::<T, Column>(self) {
            return Some(frame_picture(&column.clone().into_frame()));
        }
        Some(of(Bundle::text(format!("{self:?}"))))
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
        Some(of(Bundle::text(text)))
    }
}

/// Shows a value now, in the midst of a cell; a cell may show many.
pub fn show<T: CellDisplay + ?Sized>(value: &T) {
    if let Some(picture) = value.ironsage_picture() {
        show_picture(&picture);
    }
}

/// Shows what has its forms already.
pub(crate) fn show_picture(picture: &Picture) {
    tell(picture, Request::Display(picture.clone()));
}

fn result(picture: Option<Picture>) {
    if let Some(picture) = picture {
        tell(&picture, Request::Result(picture.clone()));
    }
}

fn frame_picture(frame: &DataFrame) -> Picture {
    of(table(frame, &TableOptions::default()))
}

fn of(bundle: Bundle) -> Picture {
    Picture {
        data: bundle.data,
        metadata: bundle.metadata,
    }
}

/// Sends the picture after what was printed before it; without a kernel its text is printed.
fn tell(picture: &Picture, request: Request) {
    let mut stdout = std::io::stdout();
    let _ = stdout.flush();
    if link::ask(&request, &[]).is_err() {
        let text = picture.data.get("text/plain");
        let text = text.and_then(|text| text.as_str()).unwrap_or_default();
        let _ = writeln!(stdout, "{text}");
    }
}

/// The identity of a type that may hold borrowed data.
fn type_id<T: ?Sized>() -> TypeId {
    trait Identified {
        fn id(&self) -> TypeId
        where
            Self: 'static;
    }
    impl<T: ?Sized> Identified for PhantomData<T> {
        fn id(&self) -> TypeId
        where
            Self: 'static,
        {
            TypeId::of::<T>()
        }
    }
    let phantom: &dyn Identified = &PhantomData::<T>;
    // SAFETY: only the lifetime bound of the trait object changes, and `id` reads no data behind
    // it; lifetimes are erased from a TypeId.
    let phantom: &(dyn Identified + 'static) = unsafe { std::mem::transmute(phantom) };
    phantom.id()
}

fn is<T: ?Sized, U: 'static>() -> bool {
    type_id::<T>() == TypeId::of::<U>()
}

/// The value as a `U`, when it is one. `U` holds no borrowed data, so equal identity is equal type.
fn cast<T: ?Sized, U: 'static>(value: &T) -> Option<&U> {
    // SAFETY: T is U, as the identities say; the pointer is of a live reference.
    is::<T, U>().then(|| unsafe { &*std::ptr::from_ref(value).cast::<U>() })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use polars::prelude::*;

    use super::*;

    fn plain(picture: Option<Picture>) -> String {
        picture.unwrap().data["text/plain"].as_str().unwrap().to_owned()
    }

    #[test]
    fn a_value_is_shown_by_its_type() {
        assert_eq!(plain(CellDisplay::ironsage_picture(&42)), "42");
        assert_eq!(plain(CellDisplay::ironsage_picture("text")), "\"text\"");
        let local = [1u8, 2].map(|x| x + 1);
        assert_eq!(plain(CellDisplay::ironsage_picture(&local[..])), "[2, 3]");
        assert!(CellDisplay::ironsage_picture(&()).is_none());
    }

    #[test]
    fn a_frame_a_series_and_a_collected_plan_are_tables() {
        let frame = df!("rings" => [7i64, 15]).unwrap();
        let shown = CellDisplay::ironsage_picture(&frame).unwrap();
        assert!(shown.data["text/html"].as_str().unwrap().contains("rings"));
        let column = frame.column("rings").unwrap();
        assert!(
            CellDisplay::ironsage_picture(column)
                .unwrap()
                .data
                .contains_key("text/html")
        );
        let collected = frame.clone().lazy().collect();
        assert_eq!(CellDisplay::ironsage_picture(&collected), Some(shown));
        let failed: PolarsResult<DataFrame> = frame.lazy().select([col("no")]).collect();
        assert!(plain(CellDisplay::ironsage_picture(&failed)).starts_with("Err("));
    }

    #[test]
    fn a_plan_says_how_to_run_it() {
        let plan = df!("x" => [1i64]).unwrap().lazy().filter(col("x").gt(0));
        assert!(plain(PlanDisplay::ironsage_picture(&plan)).contains(".collect()?"));
    }
}
