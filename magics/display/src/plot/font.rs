//! Text in pictures: a font that the executable carries, measured and drawn glyph by glyph.
//!
//! No system font is needed, so a picture looks the same on a laptop, in a bare container and in
//! CI. plotters' own text drawing leaves out the space on the left of each glyph; this one keeps
//! it, since unevenly set labels are the first thing that a reader sees.

use std::sync::LazyLock;

use ab_glyph::{Font, FontRef, PxScale, ScaleFont, point};

const REGULAR_BYTES: &[u8] = include_bytes!("../../fonts/Roboto-Regular.ttf");
const MEDIUM_BYTES: &[u8] = include_bytes!("../../fonts/Roboto-Medium.ttf");

/// What an SVG names: our font first, then what most machines have.
pub(crate) const FAMILY: &str = "Roboto, 'Helvetica Neue', Arial, sans-serif";

/// How strong a text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Weight {
    Regular,
    Medium,
}

static REGULAR: LazyLock<FontRef<'static>> = LazyLock::new(|| load(REGULAR_BYTES));
static MEDIUM: LazyLock<FontRef<'static>> = LazyLock::new(|| load(MEDIUM_BYTES));

#[expect(
    clippy::expect_used,
    reason = "the bytes are part of the executable, and a test loads them"
)]
fn load(bytes: &'static [u8]) -> FontRef<'static> {
    FontRef::try_from_slice(bytes).expect("an embedded font")
}

fn font(weight: Weight) -> &'static FontRef<'static> {
    match weight {
        Weight::Regular => &REGULAR,
        Weight::Medium => &MEDIUM,
    }
}

/// ab_glyph scales by the height from descent to ascent; type sizes are of the em.
fn scale(font: &FontRef<'static>, size: f64) -> PxScale {
    let em = font.units_per_em().unwrap_or(1000.0);
    PxScale::from(size as f32 * font.height_unscaled() / em)
}

/// The width of a text, in the unit of `size`.
pub(crate) fn width(text: &str, size: f64, weight: Weight) -> f64 {
    let font = font(weight);
    let scaled = font.as_scaled(scale(font, size));
    let advance = |c| f64::from(scaled.h_advance(scaled.glyph_id(c)));
    text.chars().map(advance).sum()
}

/// The height of capital letters, in the unit of `size`: what centring a line on a point needs.
pub(crate) fn cap_height(size: f64) -> f64 {
    // Roboto's capitals are 1456 of 2048 units high.
    size * 1456.0 / 2048.0
}

/// Cuts a text to a width, with `…` where it was cut.
pub(crate) fn fit(text: &str, size: f64, weight: Weight, room: f64) -> String {
    if width(text, size, weight) <= room {
        return text.to_owned();
    }
    let room = room - width("…", size, weight);
    let mut used = 0.0;
    let mut short = String::new();
    for c in text.chars() {
        used += width(c.encode_utf8(&mut [0; 4]), size, weight);
        if used > room {
            break;
        }
        short.push(c);
    }
    short.truncate(short.trim_end().len());
    short.push('…');
    short
}

/// Cuts a name to a width in its middle: names that begin alike are told apart by their ends.
pub(crate) fn fit_name(name: &str, size: f64, weight: Weight, room: f64) -> String {
    if width(name, size, weight) <= room {
        return name.to_owned();
    }
    let mut used = 0.0;
    let fits = |(_, c): &(usize, char)| {
        used += width(c.encode_utf8(&mut [0; 4]), size, weight);
        used <= room * 0.4
    };
    let from = name.char_indices().rev().take_while(fits).last();
    let tail = from.map_or("", |(at, _)| &name[at..]).trim_start();
    fit(name, size, weight, room - width(tail, size, weight)) + tail
}

/// Draws a text from its base line's left end: `put` is told each pixel and how much of it is
/// covered.
pub(crate) fn draw(text: &str, size: f64, weight: Weight, (x, y): (f64, f64), mut put: impl FnMut(i32, i32, f32)) {
    let font = font(weight);
    let scaled = font.as_scaled(scale(font, size));
    let mut pen = x as f32;
    for c in text.chars() {
        let id = scaled.glyph_id(c);
        let glyph = id.with_scale_and_position(scaled.scale(), point(pen, y as f32));
        pen += scaled.h_advance(id);
        if let Some(outline) = font.outline_glyph(glyph) {
            let bounds = outline.px_bounds();
            let (left, top) = (bounds.min.x as i32, bounds.min.y as i32);
            outline.draw(|dx, dy, cover| put(left + dx as i32, top + dy as i32, cover));
        }
    }
}

/// Registers the font with plotters, under the names that its users write, for pictures that they
/// draw themselves. Without it plotters has no font at all here.
pub fn register_fonts() {
    use plotters::style::{FontStyle, register_font};
    for name in ["sans-serif", "Roboto"] {
        // It refuses only bytes that are no font.
        let _ = register_font(name, FontStyle::Normal, REGULAR_BYTES);
        let _ = register_font(name, FontStyle::Bold, MEDIUM_BYTES);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_fonts_have_the_signs_that_labels_use() {
        for weight in [Weight::Regular, Weight::Medium] {
            for c in "aZ09,.−±×·…≥≤²∞éßλЖ%".chars() {
                assert_ne!(font(weight).glyph_id(c).0, 0, "{c:?} in {weight:?}");
            }
        }
    }

    #[test]
    fn text_is_cut_to_its_room() {
        let name = "a rather long name of a column";
        let short = fit(name, 12.0, Weight::Regular, 80.0);
        assert!(short.ends_with('…') && short.len() < name.len(), "{short}");
        assert!(width(&short, 12.0, Weight::Regular) <= 80.0);
        assert_eq!(fit("sex", 12.0, Weight::Regular, 80.0), "sex");
        assert_eq!(fit("sex", 12.0, Weight::Regular, 0.0), "…");
    }

    #[test]
    fn names_are_cut_in_their_middle() {
        let cut = |name| fit_name(name, 12.0, Weight::Regular, 90.0);
        let (one, two) = (cut("a rather long name, number 1"), cut("a rather long name, number 2"));
        assert!(
            one.starts_with("a ra") && one.ends_with("1") && two.ends_with("2"),
            "{one} {two}"
        );
        assert!(width(&one, 12.0, Weight::Regular) <= 90.0);
        assert_eq!(cut("sex"), "sex");
        assert_eq!(fit_name("sex", 12.0, Weight::Regular, 0.0), "…");
    }

    #[test]
    fn glyphs_keep_the_space_on_their_left() {
        let mut left = i32::MAX;
        draw("l", 100.0, Weight::Regular, (0.0, 100.0), |x, _, cover| {
            if cover > 0.5 {
                left = left.min(x);
            }
        });
        assert!(left >= 4, "{left}");
    }
}
