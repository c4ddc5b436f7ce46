//! The confusion matrix: which true class was called what.
//!
//! Colour is the share of the true class (the row), so that a rare class is not drowned; each cell
//! carries its count and that share.

use super::axis::decimal;
use super::font::{self, Weight};
use super::label::{Anchor, Label};
use super::panel::{Head, draw_head};
use super::scene::Scene;
use super::theme::{self, size, space};
use super::{Plot, PlotError};
use crate::text;

/// What can be chosen about a confusion matrix.
#[derive(Clone, Debug, Default)]
pub struct ConfusionOptions {
    /// A title instead of the usual one.
    pub title: Option<String>,
}

/// Most classes that fit.
const MOST_CLASSES: usize = 25;
/// Most room for the name of a class.
const NAME: f64 = 140.0;

/// Draws counts of rows: `counts[truth][predicted]`, in the order of `classes`.
pub fn confusion(classes: &[String], counts: &[Vec<u64>], options: &ConfusionOptions) -> Result<Plot, PlotError> {
    let n = classes.len();
    if let Some(row) = counts.iter().find(|row| row.len() != n) {
        return Err(lengths(n, row.len(), "counts in a row"));
    }
    if counts.len() != n {
        return Err(lengths(n, counts.len(), "rows of counts"));
    }
    let all: u64 = counts.iter().flatten().sum();
    if all == 0 || n == 0 {
        return Err(PlotError::NoValues {
            what: "the confusion matrix".to_owned(),
        });
    }
    if n > MOST_CLASSES {
        return Err(PlotError::ManyClasses {
            classes: n,
            most: MOST_CLASSES,
        });
    }
    let right: u64 = (0..n).map(|i| counts[i][i]).sum();
    let title = options.title.clone();
    let mut head = Head::new(title.unwrap_or_else(|| "Confusion matrix".to_owned()));
    let share = right as f64 / all as f64;
    head.fact(format!("accuracy {}", decimal(share, 3)));
    let (right, rows) = (text::count(right), text::counted(all, "row"));
    head.fact(format!("{right} of {rows} right"));

    let side = match n {
        0..=3 => 96.0,
        4..=8 => 68.0,
        _ => 46.0,
    };
    let widest = classes
        .iter()
        .map(|name| font::width(name, size::TICK, Weight::Regular))
        .fold(0.0, f64::max)
        .min(NAME);
    let left = space::EDGE + widest + space::GAP;
    let grid = side * n as f64;
    let mut scene = Scene::new((left + grid + space::EDGE).max(360.0) as u32, 100);
    let mut top = draw_head(&mut scene, &head);
    scene.text(Label::new("true", space::EDGE, top + 8.0).size(size::AXIS));
    let middle = left + grid / 2.0;
    let label = Label::new("predicted", middle, top + 8.0);
    scene.text(label.size(size::AXIS).anchor(Anchor::Middle));
    top += 44.0;
    scene.height = (top + grid + space::EDGE) as u32;

    for (row, counts) in counts.iter().enumerate() {
        let of_class: u64 = counts.iter().sum();
        let y = top + side * row as f64;
        for (column, count) in counts.iter().enumerate() {
            let x = left + side * column as f64;
            let share = *count as f64 / of_class.max(1) as f64;
            // What is right is blue; what is wrong stands out by its own colour.
            let color = if row == column { theme::BLUE } else { theme::VERMILLION };
            let ground = theme::tint(color, 0.06 + 0.94 * share);
            scene.rect((x + 1.0, y + 1.0), (x + side - 1.0, y + side - 1.0), ground);
            let (x, y) = (x + side / 2.0, y + side / 2.0);
            let ink = theme::text_on(ground);
            let number = Label::new(text::count(*count), x, y).anchor(Anchor::Middle).color(ink);
            if side < 60.0 {
                scene.text(number.size(size::TICK - 1.0));
                continue;
            }
            scene.text(Label { y: y - 9.0, ..number }.medium().size(size::TITLE - 2.0));
            let share = format!("{:.0} %", share * 100.0);
            scene.text(Label::new(share, x, y + 11.0).anchor(Anchor::Middle).color(ink));
        }
    }
    for (i, class) in classes.iter().enumerate() {
        let middle = side * (i as f64 + 0.5);
        let name = font::fit_name(class, size::TICK, Weight::Regular, NAME);
        scene.text(Label::new(name, left - space::GAP, top + middle).anchor(Anchor::Right));
        let name = font::fit_name(class, size::TICK, Weight::Regular, side - 4.0);
        scene.text(Label::new(name, left + middle, top - 12.0).anchor(Anchor::Middle));
    }
    Plot::new(scene, &head)
}

fn lengths(classes: usize, other: usize, what: &str) -> PlotError {
    PlotError::Lengths {
        a: classes,
        first: "classes".to_owned(),
        b: other,
        second: what.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_line_has_the_numbers() {
        let classes: Vec<String> = ["young", "old"].map(str::to_owned).to_vec();
        let options = ConfusionOptions::default();
        let plot = confusion(&classes, &[vec![360, 47], vec![62, 157]], &options).unwrap();
        assert_eq!(plot.text(), "Confusion matrix, accuracy 0.826, 517 of 626 rows right");
    }

    #[test]
    fn odd_matrices_are_refused() {
        let classes: Vec<String> = ["a", "b"].map(str::to_owned).to_vec();
        let options = ConfusionOptions::default();
        for counts in [vec![vec![1, 2]], vec![vec![1], vec![2]], vec![vec![0, 0], vec![0, 0]]] {
            assert!(confusion(&classes, &counts, &options).is_err());
        }
        assert!(confusion(&[], &[], &options).is_err());
        assert!(confusion(&classes, &[vec![0, 3], vec![0, 0]], &options).is_ok());
    }
}
