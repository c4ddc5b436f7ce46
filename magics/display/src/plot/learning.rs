//! Learning curves: the loss on the training and on the validation rows, epoch by epoch.

use super::axis::{self, Axis, Kind, short};
use super::label::{Anchor, Label};
use super::legend::end_room;
use super::line::draw_line;
use super::panel::{Grid, Head, Panel, Vertical, checked_size};
use super::theme;
use super::{Plot, PlotError, USUAL};
use crate::text;

/// What one epoch came to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Epoch {
    /// Its number, as the user counts: the first is 1.
    pub epoch: u32,
    /// The objective on the training rows, where it was measured.
    pub train: Option<f64>,
    /// The objective on the validation rows, where there are any.
    pub validation: Option<f64>,
}

/// What can be chosen about a learning curve.
#[derive(Clone, Debug, Default)]
pub struct LearningOptions {
    /// What is measured, such as `rmse`.
    pub metric: String,
    /// The epoch whose model was kept.
    pub kept: Option<u32>,
    /// A title instead of the usual one.
    pub title: Option<String>,
    /// Width and height in CSS pixels.
    pub size: Option<(u32, u32)>,
}

/// Draws both curves, and marks the epoch whose model was kept.
pub fn learning(epochs: &[Epoch], options: &LearningOptions) -> Result<Plot, PlotError> {
    let size = checked_size(options.size, USUAL)?;
    let pick = |value: fn(&Epoch) -> Option<f64>| -> Vec<(f64, f64)> {
        epochs
            .iter()
            .filter_map(|e| Some((f64::from(e.epoch), value(e).filter(|v| v.is_finite())?)))
            .collect()
    };
    let mut lines = vec![
        ("train", theme::BLUE, pick(|e| e.train)),
        ("validation", theme::VERMILLION, pick(|e| e.validation)),
    ];
    lines.retain(|(_, _, points)| !points.is_empty());
    let metric = if options.metric.is_empty() {
        "loss"
    } else {
        &options.metric
    };

    let title = options.title.clone();
    let mut head = Head::new(title.unwrap_or_else(|| "Learning curve".to_owned()));
    head.fact(text::counted(epochs.len() as u64, "epoch"));
    for (name, _, points) in &lines {
        if let (Some(first), Some(last)) = (points.first(), points.last()) {
            head.fact(format!("{name} {metric} {} to {}", short(first.1, 4), short(last.1, 4)));
        }
    }
    let kept = options.kept.and_then(|kept| epochs.iter().find(|e| e.epoch == kept));
    if let Some(kept) = kept {
        head.fact(format!("kept epoch {}", kept.epoch));
    }

    let all = || lines.iter().flat_map(|(_, _, points)| points.iter());
    let (across, down) = axis::room(size);
    let y = Axis::around(metric, all().map(|p| p.1), down, Kind::Number)?;
    let (first, last) = axis::extent(all().map(|p| p.0)).unwrap_or((1.0, 1.0));
    let x = Axis::over("epoch", (first, last), across, Kind::Whole)?;
    let legend = end_room(lines.iter().map(|(name, _, _)| *name));
    let mut panel = Panel::new(size, &head, x, Vertical::Values(y), legend, Grid::Horizontal);

    if let Some(kept) = kept {
        mark_kept(&mut panel, kept);
    }
    let mut ends = Vec::new();
    for (name, color, points) in &lines {
        draw_line(&mut panel, points, *color);
        if let Some(end) = points.last() {
            let (x, y) = (panel.px(end.0), panel.py(end.1));
            ends.push((x, y, (*name).to_owned(), *color));
        }
    }
    if let Some(kept) = kept
        && let Some(value) = kept.validation.or(kept.train).filter(|v| v.is_finite())
    {
        let at = (panel.px(f64::from(kept.epoch)), panel.py(value));
        panel.scene.dot(at, 7.0, theme::GROUND);
        panel.scene.dot(at, 5.5, theme::INK);
    }
    panel.end_labels(&ends);
    Plot::new(panel.scene, &head)
}

/// A dashed line at the epoch whose model was kept, named at its upper end.
fn mark_kept(panel: &mut Panel, kept: &Epoch) {
    let x = panel.px(f64::from(kept.epoch));
    let (top, bottom) = (panel.top, panel.bottom);
    panel.scene.dashes((x, top), (x, bottom), 1.5, theme::AXIS);
    let label = Label::new(format!("kept: epoch {}", kept.epoch), x - 8.0, top + 8.0)
        .color(theme::INK)
        .anchor(Anchor::Right);
    // On the left of the line, where curves have come down; near the left edge, on its right.
    let label = if x - 8.0 - label.width() < panel.left {
        Label { x: x + 8.0, ..label }.anchor(Anchor::Left)
    } else {
        label
    };
    panel.scene.text(label);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn epoch(epoch: u32, train: f64, validation: Option<f64>) -> Epoch {
        Epoch {
            epoch,
            train: Some(train),
            validation,
        }
    }

    #[test]
    fn the_line_has_the_numbers() {
        let epochs = [
            epoch(1, 3.0, Some(3.2)),
            epoch(2, 2.5, Some(2.6)),
            epoch(3, 2.2, Some(2.7)),
        ];
        let options = LearningOptions {
            metric: "rmse".to_owned(),
            kept: Some(2),
            ..LearningOptions::default()
        };
        assert_eq!(
            learning(&epochs, &options).unwrap().text(),
            "Learning curve, 3 epochs, train rmse 3 to 2.2, validation rmse 3.2 to 2.7, kept epoch 2"
        );
    }

    #[test]
    fn one_epoch_no_validation_and_nothing() {
        let options = LearningOptions {
            kept: Some(9),
            ..LearningOptions::default()
        };
        assert!(learning(&[epoch(1, 0.5, None)], &options).is_ok());
        assert!(learning(&[epoch(1, f64::NAN, Some(1.0)), epoch(2, 1.0, None)], &options).is_ok());
        let nothing = learning(&[], &options);
        assert!(matches!(nothing, Err(PlotError::NoValues { .. })));
    }
}
