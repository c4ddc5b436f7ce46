//! Drawings of a cell's own, shown where they are made.

use ironsage_display::plot::register_fonts;
use ironsage_exchange::wire::Picture;
use plotters::coord::Shift;
use plotters::drawing::{DrawingArea, IntoDrawingArea};
use plotters::prelude::SVGBackend;
use serde_json::{Map, Value};

use crate::display::show_picture;

/// Draws with plotters on an area of `width` by `height` pixels and shows the drawing.
///
/// ```no_run
/// use ironsage_prelude::cell::plot;
/// use ironsage_prelude::plotters::prelude::*;
/// plot(640, 400, |area| {
///     let mut chart = ChartBuilder::on(area).build_cartesian_2d(0f64..1.0, 0f64..1.0)?;
///     chart.configure_mesh().draw()?;
///     chart.draw_series(LineSeries::new((0..=10).map(|i| (i as f64 / 10.0, (i as f64 / 10.0).powi(2))), &BLUE))?;
///     Ok::<(), Box<dyn std::error::Error>>(())
/// })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn plot<E>(
    width: u32,
    height: u32,
    draw: impl FnOnce(&DrawingArea<SVGBackend<'_>, Shift>) -> Result<(), E>,
) -> Result<(), E> {
    register_fonts();
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, (width, height)).into_drawing_area();
        draw(&area)?;
        // Into a string nothing can fail; what is missing would be seen.
        let _ = area.present();
    }
    let mut data = Map::new();
    let text = format!("a drawing of {width} × {height} pixels");
    data.insert("text/plain".to_owned(), Value::String(text));
    data.insert("image/svg+xml".to_owned(), Value::String(svg));
    show_picture(&Picture {
        data,
        metadata: Map::new(),
    });
    Ok(())
}
