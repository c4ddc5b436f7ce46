//! A MIME bundle: one result in several forms, of which a front end shows the richest it knows.
//!
//! A [`Bundle`] always starts from its plain text, so that no display can be built that is
//! invisible in a log.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

/// One display in several forms, as Jupyter's `display_data` carries it.
#[derive(Clone, Debug, PartialEq)]
pub struct Bundle {
    /// MIME type → content; binary forms are base64.
    pub data: Map<String, Value>,
    /// MIME type → metadata, such as the width and height of a picture in CSS pixels.
    pub metadata: Map<String, Value>,
}

impl Bundle {
    /// A bundle that is plain text, to which richer forms may be added.
    ///
    /// ```
    /// use ironsage_display::Bundle;
    /// let bundle = Bundle::text("3 rows").with_html("<b>3</b> rows");
    /// assert_eq!(bundle.plain(), "3 rows");
    /// assert_eq!(bundle.data["text/html"], "<b>3</b> rows");
    /// ```
    pub fn text(text: impl Into<String>) -> Self {
        let mut data = Map::new();
        data.insert("text/plain".to_owned(), Value::String(text.into()));
        Bundle {
            data,
            metadata: Map::new(),
        }
    }

    /// Adds an HTML form. It must be script-free: see the crate's own rules.
    #[must_use]
    pub fn with_html(mut self, html: impl Into<String>) -> Self {
        self.data.insert("text/html".to_owned(), Value::String(html.into()));
        self
    }

    /// Adds a PNG, with the size in CSS pixels at which it is meant to be shown
    /// (half of its own pixels, for pictures made at double resolution).
    #[must_use]
    pub fn with_png(mut self, png: &[u8], width: u32, height: u32) -> Self {
        self.data
            .insert("image/png".to_owned(), Value::String(STANDARD.encode(png)));
        self.metadata
            .insert("image/png".to_owned(), json!({ "width": width, "height": height }));
        self
    }

    /// Adds an SVG form.
    #[must_use]
    pub fn with_svg(mut self, svg: impl Into<String>) -> Self {
        self.data.insert("image/svg+xml".to_owned(), Value::String(svg.into()));
        self
    }

    /// The plain text twin.
    pub fn plain(&self) -> &str {
        self.data.get("text/plain").and_then(Value::as_str).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn png_is_base64_with_its_css_size() {
        let bundle = Bundle::text("a picture").with_png(b"\x89PNG", 640, 400);
        assert_eq!(bundle.data["image/png"], "iVBORw==");
        assert_eq!(bundle.metadata["image/png"]["width"], 640);
        assert_eq!(bundle.metadata["image/png"]["height"], 400);
    }

    #[test]
    fn a_bundle_without_text_reads_as_empty() {
        let bundle = Bundle {
            data: Map::new(),
            metadata: Map::new(),
        };
        assert_eq!(bundle.plain(), "");
    }
}
