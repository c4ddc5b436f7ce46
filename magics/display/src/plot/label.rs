//! A line of text in a picture: where it stands, and how it looks.

use super::font::{self, Weight};
use super::theme::{self, Rgb};

/// Which end of a text its position names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Anchor {
    Left,
    Middle,
    Right,
}

/// A line of text, centred vertically on its capitals.
#[derive(Clone, Debug)]
pub(crate) struct Label {
    pub(crate) text: String,
    pub(crate) x: f64,
    pub(crate) y: f64,
    pub(crate) size: f64,
    pub(crate) weight: Weight,
    pub(crate) color: Rgb,
    pub(crate) anchor: Anchor,
}

impl Label {
    /// A label in the size and colour of tick labels.
    pub(crate) fn new(text: impl Into<String>, x: f64, y: f64) -> Self {
        Label {
            text: text.into(),
            x,
            y,
            size: theme::size::TICK,
            weight: Weight::Regular,
            color: theme::LABEL,
            anchor: Anchor::Left,
        }
    }

    pub(crate) fn anchor(mut self, anchor: Anchor) -> Self {
        self.anchor = anchor;
        self
    }

    pub(crate) fn size(mut self, size: f64) -> Self {
        self.size = size;
        self
    }

    pub(crate) fn color(mut self, color: Rgb) -> Self {
        self.color = color;
        self
    }

    pub(crate) fn medium(mut self) -> Self {
        self.weight = Weight::Medium;
        self
    }

    pub(crate) fn width(&self) -> f64 {
        font::width(&self.text, self.size, self.weight)
    }
}
