//! A picture as a list of marks, and how it becomes a PNG or an SVG.
//!
//! Charts speak in CSS pixels with fractions. plotters' backends draw in whole pixels, so the
//! scene is drawn at four times its size: the SVG then states positions to a quarter pixel, and
//! the PNG is brought down to double resolution, which smooths every edge.

use plotters::backend::{BitMapBackend, DrawingBackend, SVGBackend};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, FontDesc, FontFamily, FontStyle, RGBAColor, TextStyle};

use super::PlotError;
use super::font::{self, Weight};
use super::label::{Anchor, Label};
use super::theme::{self, Rgb};

/// How much finer than CSS pixels the scene is drawn.
const FINE: f64 = 4.0;
/// How many of those make one pixel of the PNG: half, so that the PNG is at double resolution.
const SHRINK: usize = 2;

/// A colour that lets the ground through.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Paint {
    pub(crate) rgb: Rgb,
    pub(crate) alpha: f64,
}

impl From<Rgb> for Paint {
    fn from(rgb: Rgb) -> Self {
        Paint { rgb, alpha: 1.0 }
    }
}

impl Paint {
    fn color(self) -> RGBAColor {
        RGBAColor(self.rgb.0, self.rgb.1, self.rgb.2, self.alpha)
    }
}

enum Mark {
    Rect {
        from: (f64, f64),
        to: (f64, f64),
        paint: Paint,
    },
    Line {
        points: Vec<(f64, f64)>,
        width: f64,
        color: Rgb,
    },
    Area {
        points: Vec<(f64, f64)>,
        paint: Paint,
    },
    Dot {
        at: (f64, f64),
        radius: f64,
        paint: Paint,
    },
    Text(Label),
}

impl Mark {
    fn text_width(&self) -> Option<f64> {
        match self {
            Mark::Text(label) => Some(label.width()),
            _ => None,
        }
    }
}

/// Marks in the order in which they are painted, on a ground of a size in CSS pixels.
pub(crate) struct Scene {
    pub(crate) width: u32,
    pub(crate) height: u32,
    marks: Vec<Mark>,
    /// Whether something has no room in a picture of this size.
    pub(crate) cramped: bool,
}

impl Scene {
    pub(crate) fn new(width: u32, height: u32) -> Self {
        Scene {
            width,
            height,
            marks: Vec::new(),
            cramped: false,
        }
    }

    pub(crate) fn rect(&mut self, from: (f64, f64), to: (f64, f64), paint: impl Into<Paint>) {
        let paint = paint.into();
        let low = (from.0.min(to.0), from.1.min(to.1));
        let high = (from.0.max(to.0), from.1.max(to.1));
        self.marks.push(Mark::Rect {
            from: low,
            to: high,
            paint,
        });
    }

    pub(crate) fn line(&mut self, points: Vec<(f64, f64)>, width: f64, color: Rgb) {
        if points.len() > 1 {
            self.marks.push(Mark::Line { points, width, color });
        }
    }

    /// A dashed straight line.
    pub(crate) fn dashes(&mut self, from: (f64, f64), to: (f64, f64), width: f64, color: Rgb) {
        const DASH: f64 = 5.0;
        const GAP: f64 = 4.0;
        let length = (to.0 - from.0).hypot(to.1 - from.1);
        if length <= 0.0 || !length.is_finite() {
            return;
        }
        let at = |s: f64| {
            let part = s / length;
            (from.0 + (to.0 - from.0) * part, from.1 + (to.1 - from.1) * part)
        };
        let mut start = 0.0;
        while start < length {
            self.line(vec![at(start), at((start + DASH).min(length))], width, color);
            start += DASH + GAP;
        }
    }

    pub(crate) fn area(&mut self, points: Vec<(f64, f64)>, paint: impl Into<Paint>) {
        if points.len() > 2 {
            let paint = paint.into();
            self.marks.push(Mark::Area { points, paint });
        }
    }

    pub(crate) fn dot(&mut self, at: (f64, f64), radius: f64, paint: impl Into<Paint>) {
        let paint = paint.into();
        self.marks.push(Mark::Dot { at, radius, paint });
    }

    pub(crate) fn text(&mut self, label: Label) {
        if !label.text.is_empty() {
            self.marks.push(Mark::Text(label));
        }
    }

    /// Texts that touch each other or leave the picture, and marks that leave it.
    #[cfg(test)]
    pub(crate) fn flaws(&self) -> Vec<String> {
        let (width, height) = (f64::from(self.width), f64::from(self.height));
        let mut flaws = Vec::new();
        let mut seen: Vec<(&str, [f64; 4])> = Vec::new();
        for mark in &self.marks {
            let (points, text) = match mark {
                Mark::Rect { from, to, .. } => (vec![*from, *to], None),
                Mark::Line { points, .. } | Mark::Area { points, .. } => (points.clone(), None),
                Mark::Dot { at, .. } => (vec![*at], None),
                Mark::Text(label) => {
                    let left = match label.anchor {
                        Anchor::Left => label.x,
                        Anchor::Middle => label.x - label.width() / 2.0,
                        Anchor::Right => label.x - label.width(),
                    };
                    let half = font::cap_height(label.size) / 2.0;
                    let ends = [left, label.y - half, left + label.width(), label.y + half];
                    (
                        vec![(ends[0], ends[1]), (ends[2], ends[3])],
                        Some((label.text.as_str(), ends)),
                    )
                }
            };
            // A hair more, for what is rounded.
            let within = |(x, y): &(f64, f64)| (-0.5..=width + 0.5).contains(x) && (-0.5..=height + 0.5).contains(y);
            if !points.iter().all(within) {
                flaws.push(format!("outside: {text:?} {points:?}"));
            }
            let Some((text, a)) = text else { continue };
            let touches = |b: &[f64; 4]| a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3];
            let touched = seen.iter().filter(|(_, b)| touches(b));
            flaws.extend(touched.map(|(other, _)| format!("{other:?} and {text:?} touch")));
            seen.push((text, a));
        }
        flaws
    }

    /// The picture as a PNG at double resolution.
    pub(crate) fn png(&self) -> Result<Vec<u8>, PlotError> {
        let (width, height) = self.fine_size();
        let mut fine = vec![0_u8; width as usize * height as usize * 3];
        {
            let mut backend =
                BitMapBackend::<plotters::backend::RGBPixel>::with_buffer_and_format(&mut fine, (width, height))
                    .map_err(drawing)?;
            self.paint(&mut backend, draw_smooth_line, draw_pixel_text)?;
            backend.present().map_err(drawing)?;
        }
        encode(&shrink(&fine, width as usize), self.width * 2, self.height * 2)
    }

    /// The picture as an SVG document.
    pub(crate) fn svg(&self) -> Result<String, PlotError> {
        let (width, height) = self.fine_size();
        let mut fine = String::new();
        {
            let mut backend = SVGBackend::with_string(&mut fine, (width, height));
            self.paint(&mut backend, draw_path, draw_svg_text)?;
            backend.present().map_err(drawing)?;
        }
        // plotters' own header gives the fine size as the size to show: put ours in its place.
        let body = fine.split_once('>').map_or("", |(_, body)| body);
        let body = measured(body, self.marks.iter().filter_map(Mark::text_width));
        Ok(format!(
            "<svg width=\"{}\" height=\"{}\" viewBox=\"0 0 {width} {height}\" \
             xmlns=\"http://www.w3.org/2000/svg\">{body}",
            self.width, self.height
        ))
    }

    fn fine_size(&self) -> (u32, u32) {
        (self.width * FINE as u32, self.height * FINE as u32)
    }

    fn paint<B: DrawingBackend>(
        &self,
        backend: &mut B,
        line: impl Fn(&mut B, &[(i32, i32)], u32, Rgb) -> Result<(), PlotError>,
        text: impl Fn(&mut B, &Label) -> Result<(), PlotError>,
    ) -> Result<(), PlotError>
    where
        B::ErrorType: 'static,
    {
        let (width, height) = self.fine_size();
        let corner = (width as i32, height as i32);
        backend
            .draw_rect((0, 0), corner, &Paint::from(theme::GROUND).color(), true)
            .map_err(drawing)?;
        for mark in &self.marks {
            match mark {
                Mark::Rect { from, to, paint } => backend
                    .draw_rect(fine(*from), fine(*to), &paint.color(), true)
                    .map_err(drawing)?,
                Mark::Line { points, width, color } => {
                    let points: Vec<(i32, i32)> = points.iter().map(|p| fine(*p)).collect();
                    let width = (width * FINE).round().max(1.0) as u32;
                    line(backend, &points, width, *color)?;
                }
                Mark::Area { points, paint } => backend
                    .fill_polygon(points.iter().map(|p| fine(*p)), &paint.color())
                    .map_err(drawing)?,
                Mark::Dot { at, radius, paint } => backend
                    .draw_circle(fine(*at), (radius * FINE).round().max(1.0) as u32, &paint.color(), true)
                    .map_err(drawing)?,
                Mark::Text(label) => text(backend, label)?,
            }
        }
        Ok(())
    }
}

/// A position in the fine grid. Positions far outside the picture are brought near it, so that no
/// sum of them overflows.
fn fine(at: (f64, f64)) -> (i32, i32) {
    let whole = |v: f64| (v * FINE).round().clamp(-1e6, 1e6) as i32;
    (whole(at.0), whole(at.1))
}

fn drawing(error: impl std::fmt::Display) -> PlotError {
    PlotError::Drawing(error.to_string())
}

/// plotters joins the parts of a thick line with spikes where it turns sharply: here each part is
/// a quadrangle of its own, with a disc at each joint.
fn draw_smooth_line<B: DrawingBackend>(
    backend: &mut B,
    points: &[(i32, i32)],
    width: u32,
    color: Rgb,
) -> Result<(), PlotError> {
    let paint = Paint::from(color).color();
    let half = f64::from(width) / 2.0;
    for pair in points.windows(2) {
        let (from, to) = (pair[0], pair[1]);
        let (dx, dy) = (f64::from(to.0 - from.0), f64::from(to.1 - from.1));
        let length = dx.hypot(dy);
        if length == 0.0 {
            continue;
        }
        if dx == 0.0 || dy == 0.0 {
            // Straight along an axis: a rectangle, exactly as wide as it should be.
            let low = half.floor() as i32;
            let high = width as i32 - low;
            let ((ax, bx), (ay, by)) = (
                (from.0.min(to.0), from.0.max(to.0)),
                (from.1.min(to.1), from.1.max(to.1)),
            );
            let (upper, lower) = if dx == 0.0 {
                ((ax - low, ay), (bx + high, by))
            } else {
                ((ax, ay - low), (bx, by + high))
            };
            backend.draw_rect(upper, lower, &paint, true).map_err(drawing)?;
            continue;
        }
        let (nx, ny) = (-dy / length * half, dx / length * half);
        let corner = |p: (i32, i32), side: f64| {
            (
                (f64::from(p.0) + nx * side).round() as i32,
                (f64::from(p.1) + ny * side).round() as i32,
            )
        };
        let quad = [corner(from, 1.0), corner(to, 1.0), corner(to, -1.0), corner(from, -1.0)];
        backend.fill_polygon(quad, &paint).map_err(drawing)?;
    }
    if half >= 2.0 && points.len() > 2 {
        for point in &points[1..points.len() - 1] {
            backend
                .draw_circle(*point, half.floor() as u32, &paint, true)
                .map_err(drawing)?;
        }
    }
    Ok(())
}

fn draw_path<B: DrawingBackend>(
    backend: &mut B,
    points: &[(i32, i32)],
    width: u32,
    color: Rgb,
) -> Result<(), PlotError> {
    let style = Paint::from(color).color().stroke_width(width);
    backend.draw_path(points.iter().copied(), &style).map_err(drawing)
}

fn draw_pixel_text<B: DrawingBackend>(backend: &mut B, label: &Label) -> Result<(), PlotError> {
    let width = label.width();
    let left = match label.anchor {
        Anchor::Left => label.x,
        Anchor::Middle => label.x - width / 2.0,
        Anchor::Right => label.x - width,
    };
    let base = label.y + font::cap_height(label.size) / 2.0;
    let mut outcome = Ok(());
    let (size, weight) = (label.size * FINE, label.weight);
    font::draw(&label.text, size, weight, (left * FINE, base * FINE), |x, y, cover| {
        let paint = Paint {
            rgb: label.color,
            alpha: f64::from(cover.clamp(0.0, 1.0)),
        };
        if outcome.is_ok() {
            outcome = backend.draw_pixel((x, y), paint.color().to_backend_color());
        }
    });
    outcome.map_err(drawing)
}

fn draw_svg_text<B: DrawingBackend>(backend: &mut B, label: &Label) -> Result<(), PlotError> {
    let style = match label.weight {
        Weight::Regular => FontStyle::Normal,
        Weight::Medium => FontStyle::Bold,
    };
    // The SVG backend divides sizes by 1.24.
    let font = FontDesc::new(FontFamily::Name(font::FAMILY), label.size * FINE * 1.24, style);
    let across = match label.anchor {
        Anchor::Left => HPos::Left,
        Anchor::Middle => HPos::Center,
        Anchor::Right => HPos::Right,
    };
    // Its `Bottom` is a base line half an ex above the point: go down by that, and half a capital.
    let down = font::cap_height(label.size) / 2.0 + label.size * 0.26;
    let color = Paint::from(label.color).color();
    let style = TextStyle::from(font).color(&color).pos(Pos::new(across, VPos::Bottom));
    backend
        .draw_text(&label.text, &style, fine((label.x, label.y + down)))
        .map_err(drawing)
}

/// The texts of an SVG with their widths: another font than the one that was laid out takes the same room.
fn measured(body: &str, widths: impl Iterator<Item = f64>) -> String {
    let mut texts = body.split("<text ");
    let mut measured = texts.next().unwrap_or_default().to_owned();
    let mut widths = widths.map(|width| (width * FINE).round());
    for text in texts {
        measured.push_str("<text ");
        if let Some(width) = widths.next() {
            measured.push_str(&format!("textLength=\"{width}\" lengthAdjust=\"spacingAndGlyphs\" "));
        }
        measured.push_str(text);
    }
    measured
}

/// Averages squares of `SHRINK` pixels.
fn shrink(fine: &[u8], width: usize) -> Vec<u8> {
    let stride = width * 3;
    let count = (SHRINK * SHRINK) as u32;
    let mut small = Vec::with_capacity(fine.len() / (SHRINK * SHRINK));
    for rows in fine.chunks_exact(stride * SHRINK) {
        for x in (0..width).step_by(SHRINK) {
            for channel in 0..3 {
                let mut sum = count / 2;
                for row in rows.chunks_exact(stride) {
                    for step in 0..SHRINK {
                        sum += u32::from(row[(x + step) * 3 + channel]);
                    }
                }
                small.push((sum / count) as u8);
            }
        }
    }
    small
}

fn encode(pixels: &[u8], width: u32, height: u32) -> Result<Vec<u8>, PlotError> {
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    // Flat grounds compress best unfiltered; the crate's own choice makes files three
    // times as large, and they are stored in notebooks.
    encoder.set_compression(png::Compression::Default);
    encoder.set_filter(png::FilterType::NoFilter);
    let mut writer = encoder.write_header().map_err(drawing)?;
    writer.write_image_data(pixels).map_err(drawing)?;
    writer.finish().map_err(drawing)?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn pixel(png_bytes: &[u8], x: usize, y: usize) -> Rgb {
        let mut reader = png::Decoder::new(png_bytes).read_info().unwrap();
        let mut buffer = vec![0; reader.output_buffer_size()];
        let info = reader.next_frame(&mut buffer).unwrap();
        let at = (y * info.width as usize + x) * 3;
        (buffer[at], buffer[at + 1], buffer[at + 2])
    }

    #[test]
    fn a_png_is_at_double_resolution_and_exact() {
        let mut scene = Scene::new(40, 30);
        scene.rect((10.0, 10.0), (20.0, 20.0), theme::BLUE);
        scene.line(vec![(0.0, 25.0), (40.0, 25.0)], 1.0, theme::VERMILLION);
        let png_bytes = scene.png().unwrap();
        let info = png::Decoder::new(&png_bytes[..]).read_info().unwrap();
        assert_eq!((info.info().width, info.info().height), (80, 60));
        assert_eq!(pixel(&png_bytes, 30, 30), theme::BLUE);
        assert_eq!(pixel(&png_bytes, 41, 30), theme::GROUND);
        assert_eq!(pixel(&png_bytes, 19, 30), theme::GROUND);
        assert_eq!(pixel(&png_bytes, 40, 49), theme::VERMILLION);
    }

    #[test]
    fn texts_of_an_svg_keep_their_widths() {
        let body = "<rect/><text x=\"1\">a</text><g/><text x=\"2\">b</text>";
        let told = measured(body, [2.5, 10.0].into_iter());
        let (a, b) = told.split_once("<g/>").unwrap();
        assert_eq!(
            a,
            "<rect/><text textLength=\"10\" lengthAdjust=\"spacingAndGlyphs\" x=\"1\">a</text>"
        );
        assert!(b.starts_with("<text textLength=\"40\" "), "{b}");
    }

    #[test]
    fn text_is_drawn_in_both_forms() {
        let mut scene = Scene::new(100, 30);
        scene.text(Label::new("a < b & c", 5.0, 15.0));
        let blank = Scene::new(100, 30).png().unwrap();
        assert_ne!(scene.png().unwrap(), blank);
        let svg = scene.svg().unwrap();
        assert!(svg.starts_with("<svg width=\"100\" height=\"30\" viewBox=\"0 0 400 120\""));
        assert!(svg.contains("a &lt; b &amp; c"), "{svg}");
        assert!(svg.contains("font-size=\"48\""), "{svg}");
        assert!(svg.trim_end().ends_with("</svg>"), "{svg}");
    }

    #[test]
    fn marks_outside_the_picture_do_no_harm() {
        let mut scene = Scene::new(20, 20);
        scene.dot((1e12, -1e12), 3.0, theme::BLUE);
        scene.line(vec![(-1e9, 5.0), (1e9, 5.0)], 2.0, theme::BLUE);
        scene.rect((-50.0, -50.0), (5.0, 5.0), theme::BLUE);
        scene.dashes((f64::NAN, 0.0), (1.0, 1.0), 1.0, theme::BLUE);
        assert!(scene.png().is_ok());
    }
}
