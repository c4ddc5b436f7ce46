//! Drawings of a cell's own, by plotters.

use std::error::Error;

use ironsage_display::Bundle;
use ironsage_display::plot::register_fonts;
use plotters::coord::Shift;
use plotters::drawing::{DrawingArea, IntoDrawingArea};
use plotters::prelude::SVGBackend;

use crate::display::show;

/// A finished drawing. A cell that ends with one shows it, and so does [`show`](crate::cell::show).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drawing {
    svg: String,
    width: u32,
    height: u32,
}

impl Drawing {
    /// The drawing as SVG: `std::fs::write("plot.svg", drawing.svg())?` saves it.
    pub fn svg(&self) -> &str {
        &self.svg
    }

    pub(crate) fn bundle(&self) -> Bundle {
        let Drawing { svg, width, height } = self;
        Bundle::text(format!("a drawing of {width} × {height} pixels")).with_svg(svg.as_str())
    }
}

/// Draws with plotters on an area of `width` by `height` pixels.
///
/// ```
/// use ironsage_prelude::cell::figure;
/// use ironsage_prelude::plotters::prelude::*;
/// let parabola = figure(640, 400, |area| {
///     let mut chart = ChartBuilder::on(area).build_cartesian_2d(0f64..1.0, 0f64..1.0)?;
///     chart.configure_mesh().draw()?;
///     chart.draw_series(LineSeries::new((0..=10).map(|i| (i as f64 / 10.0, (i as f64 / 10.0).powi(2))), &BLUE))?;
///     Ok(())
/// })?;
/// assert!(parabola.svg().contains("<polyline"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn figure(
    width: u32,
    height: u32,
    draw: impl FnOnce(&DrawingArea<SVGBackend<'_>, Shift>) -> Result<(), Box<dyn Error>>,
) -> Result<Drawing, Box<dyn Error>> {
    register_fonts();
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, (width, height)).into_drawing_area();
        draw(&area)?;
        // Into a string nothing can fail; what is missing would be seen.
        let _ = area.present();
    }
    Ok(Drawing { svg, width, height })
}

/// Draws as [`figure`] does, and shows the drawing at once.
///
/// ```no_run
/// use ironsage_prelude::cell::plot;
/// use ironsage_prelude::plotters::prelude::*;
/// plot(200, 100, |area| {
///     area.fill(&WHITE)?;
///     area.draw(&Circle::new((50, 50), 20, BLUE.filled()))?;
///     Ok(())
/// })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn plot(
    width: u32,
    height: u32,
    draw: impl FnOnce(&DrawingArea<SVGBackend<'_>, Shift>) -> Result<(), Box<dyn Error>>,
) -> Result<(), Box<dyn Error>> {
    show(&figure(width, height, draw)?);
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use plotters::prelude::*;

    use super::*;
    use crate::display::CellDisplay;

    #[test]
    fn a_drawing_is_shown_as_a_picture_with_its_text() {
        let drawing = figure(200, 100, |area| Ok(area.fill(&WHITE)?)).unwrap();
        let picture = CellDisplay::ironsage_picture(&drawing).unwrap();
        assert_eq!(picture.data["image/svg+xml"], drawing.svg());
        assert_eq!(picture.data["text/plain"], "a drawing of 200 × 100 pixels");
        // A forgotten `?` shows it just the same.
        let result: Result<Drawing, Box<dyn Error>> = Ok(drawing);
        assert_eq!(CellDisplay::ironsage_picture(&result), Some(picture));
    }

    #[test]
    fn what_goes_wrong_while_drawing_is_told() {
        let failed = figure(200, 100, |_| Err("no data".into()));
        assert_eq!(failed.unwrap_err().to_string(), "no data");
    }
}
