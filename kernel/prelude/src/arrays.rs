//! Arrays of ndarray's as small tables, with their type, their shape and their size.
//!
//! The text has every digit, as ndarray itself writes it; the table shows the ends of each axis, so
//! that it stays small whatever the array.

use std::fmt::Display;
use std::mem::size_of;

use ironsage_display::{Bundle, grid, text};
use ndarray::{ArcArray, Array, ArrayView, ArrayViewD, ArrayViewMut, Axis, CowArray, Dimension, Ix1, Ix2, Ix3, IxDyn};

use crate::value::Value;

/// Significant digits in a table.
const DIGITS: usize = 6;

/// What stands in an array.
trait Element: Display + 'static {
    /// The type's name.
    const NAME: &'static str;

    /// The value for a table's cell.
    fn cell(&self) -> String;
}

macro_rules! elements {
    ($($type:ident by $cell:ident)*) => {
        $(impl Element for $type {
            const NAME: &'static str = stringify!($type);

            fn cell(&self) -> String {
                $cell(*self)
            }
        })*

        /// An array, or a view of one, of any of these.
        pub(crate) fn bundle(value: &Value<'_>) -> Option<Bundle> {
            let of_each: &[fn(&Value<'_>) -> Option<Bundle>] = &[$(of_element::<$type>),*];
            of_each.iter().find_map(|of_element| of_element(value))
        }
    };
}

elements! {
    f32 by short f64 by short bool by whole
    i8 by whole i16 by whole i32 by whole i64 by whole isize by whole
    u8 by whole u16 by whole u32 by whole u64 by whole usize by whole
}

fn short(value: impl Into<f64>) -> String {
    text::significant(value.into(), DIGITS)
}

fn whole(value: impl Display) -> String {
    value.to_string()
}

fn of_element<A: Element>(value: &Value<'_>) -> Option<Bundle> {
    let array = of_shape::<A, Ix1>(value)
        .or_else(|| of_shape::<A, Ix2>(value))
        .or_else(|| of_shape::<A, Ix3>(value))
        .or_else(|| of_shape::<A, IxDyn>(value))?;
    Some(shown(&array))
}

/// The array, whoever owns what is in it. A view's own lifetime is not known here, so each is borrowed for as long as
/// the value is, and no longer.
fn of_shape<'a, A: Element, D: Dimension + 'static>(value: &Value<'a>) -> Option<ArrayViewD<'a, A>> {
    let owned: Option<ArrayView<'a, A, D>> = value.find::<Array<A, D>>().map(|array| array.view());
    let array = owned
        .or_else(|| value.find::<ArrayView<'static, A, D>>().map(|array| array.view()))
        .or_else(|| value.find::<ArrayViewMut<'static, A, D>>().map(|array| array.view()))
        .or_else(|| value.find::<ArcArray<A, D>>().map(|array| array.view()))
        .or_else(|| value.find::<CowArray<'static, A, D>>().map(|array| array.view()));
    array.map(|array| array.into_dyn())
}

fn shown<A: Element>(array: &ArrayViewD<'_, A>) -> Bundle {
    let lengths: Vec<String> = array.shape().iter().map(|n| text::count(*n as u64)).collect();
    let mut title = format!("array of {}", A::NAME);
    if !lengths.is_empty() {
        title.push_str(&format!(", {}", lengths.join(" × ")));
    }
    let bundle = Bundle::text(format!("{title}\n{array}"));
    if array.is_empty() {
        return bundle;
    }
    let (rows, columns, table) = match *array.shape() {
        [columns] => (None, columns, array.view().insert_axis(Axis(0))),
        [rows, columns] => (Some(rows), columns, array.view()),
        _ => return bundle,
    };
    let size = text::bytes((array.len() * size_of::<A>()) as u64);
    let html = grid(rows, columns, &format!("{title} · {size}"), |row, column| {
        table.get([row, column]).map(Element::cell).unwrap_or_default()
    });
    bundle.with_html(html)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use ndarray::{Array1, Array2, arr1, arr2, s};

    use super::*;

    fn of<T: std::fmt::Debug>(value: &T) -> Option<Bundle> {
        bundle(&Value::of(&value))
    }

    fn html_of(bundle: &Bundle) -> &str {
        bundle.data["text/html"].as_str().unwrap()
    }

    #[test]
    fn an_array_says_its_type_and_shape() {
        let shells = of(&arr2(&[[1.5f32, 2.0, 0.1], [4.0, 5.0, 6.0]])).unwrap();
        assert_eq!(shells.plain(), "array of f32, 2 × 3\n[[1.5, 2, 0.1],\n [4, 5, 6]]");
        let html = html_of(&shells);
        assert!(html.contains("array of f32, 2 × 3 · 24 B"), "{html}");
        assert!(
            html.contains("<td>0.1</td>") && html.matches("<tr").count() == 3,
            "{html}"
        );
        assert_eq!(
            of(&arr1(&[true, false])).unwrap().plain(),
            "array of bool, 2\n[true, false]"
        );
    }

    #[test]
    fn views_and_references_are_arrays_as_well() {
        let mut rings = Array1::<i64>::from_iter(0..4);
        let expected = of(&rings).unwrap();
        assert_eq!(of(&&rings).unwrap(), expected);
        assert_eq!(of(&rings.view()).unwrap(), expected);
        assert_eq!(of(&rings.to_shared()).unwrap(), expected);
        assert_eq!(of(&rings.clone().into_dyn()).unwrap(), expected);
        assert_eq!(of(&rings.view_mut()).unwrap(), expected);
        let table = Array2::<u8>::zeros((3, 4));
        assert!(
            of(&table.slice(s![.., 1]))
                .unwrap()
                .plain()
                .starts_with("array of u8, 3\n")
        );
        assert!(of(&vec![1.0]).is_none(), "a vector is text");
    }

    #[test]
    fn large_and_odd_arrays_have_small_tables() {
        let large = of(&Array2::<f64>::zeros((1_000, 300))).unwrap();
        let html = html_of(&large);
        assert!(
            html.len() < 20_000 && html.contains("array of f64, 1,000 × 300 · 2.4 MB"),
            "{html}"
        );
        assert_eq!(html.matches("<tr").count(), 1 + 20 + 1);
        let empty = of(&Array2::<f32>::zeros((0, 3))).unwrap();
        assert!(!empty.data.contains_key("text/html"));
        assert!(
            of(&ndarray::Array3::<i32>::zeros((2, 2, 2)))
                .unwrap()
                .plain()
                .starts_with("array of i32, 2 × 2 × 2\n")
        );
    }
}
