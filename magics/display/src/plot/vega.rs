//! Pictures as Vega-Lite specifications, which JupyterLab and VS Code draw themselves: with tooltips,
//! and with axes that are dragged and zoomed.
//!
//! The data is what the picture shows (bins, means, a sample), not the frame, so that a saved notebook
//! stays small. The ground is white here too, so that colours mean the same in a dark notebook. The
//! specification is of version 5, without what later versions took out.

use serde_json::{Value, json};

use super::axis::Kind;
use super::panel::Head;
use super::theme::{self, Rgb};

/// How this form is told from others in a bundle.
pub(crate) const MIME: &str = "application/vnd.vegalite.v5+json";

/// A whole specification. The rows have a field `facet` where a column makes small multiples.
pub(super) fn specification(
    head: &Head,
    mark: Value,
    rows: Vec<Value>,
    mut encoding: Value,
    by: Option<&str>,
) -> Value {
    let (width, height) = if by.is_some() { (200, 150) } else { (560, 320) };
    if let Some(by) = by {
        encoding["facet"] = json!({"field": "facet", "type": "nominal", "title": by, "columns": 3, "sort": null});
    }
    let mut mark = mark;
    if mark["color"].is_null() && encoding["color"].is_null() {
        mark["color"] = json!(hex(theme::BLUE));
    }
    json!({
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "title": {"text": head.title, "subtitle": head.facts.join("  ·  "), "anchor": "start"},
        "background": hex(theme::GROUND),
        "width": width,
        "height": height,
        "data": {"values": rows},
        "mark": mark,
        "encoding": encoding,
    })
}

/// A quantity along an axis.
pub(super) fn axis(field: &str, title: &str, kind: Kind) -> Value {
    match kind {
        Kind::Time => json!({"field": field, "title": title, "type": "temporal", "scale": {"type": "utc"}}),
        Kind::Log => json!({"field": field, "title": title, "type": "quantitative", "scale": {"type": "log"}}),
        Kind::Number | Kind::Whole => {
            json!({"field": field, "title": title, "type": "quantitative", "scale": {"zero": false}})
        }
    }
}

/// A value as an axis of its kind takes it: Vega counts milliseconds.
pub(super) fn value(value: f64, kind: Kind) -> f64 {
    if kind == Kind::Time { value * 1000.0 } else { value }
}

/// The picture's own colours, in its own order.
pub(super) fn colors(title: &str, groups: &[(String, Rgb)]) -> Value {
    let names: Vec<&str> = groups.iter().map(|(name, _)| name.as_str()).collect();
    let range: Vec<String> = groups.iter().map(|(_, color)| hex(*color)).collect();
    json!({"field": "color", "type": "nominal", "title": title, "scale": {"domain": names, "range": range}})
}

/// Axes that are dragged and zoomed.
pub(super) fn zoom() -> Value {
    json!([{"name": "zoom", "select": "interval", "bind": "scales"}])
}

fn hex((red, green, blue): Rgb) -> String {
    format!("#{red:02x}{green:02x}{blue:02x}")
}
