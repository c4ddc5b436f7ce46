//! The look of all pictures: colours, sizes and the few numbers that decide them.
//!
//! The ground is near-white and opaque, so that a picture reads the same in a light and in a dark
//! notebook. Series colours are Okabe and Ito's (2008), told apart by people with any common
//! colour vision, in an order that puts the strongest contrasts first.

/// An opaque colour.
pub(crate) type Rgb = (u8, u8, u8);

/// The picture's ground.
pub(crate) const GROUND: Rgb = (0xff, 0xff, 0xff);
/// Titles.
pub(crate) const INK: Rgb = (0x1c, 0x22, 0x2b);
/// Labels of axes, ticks and legends.
pub(crate) const LABEL: Rgb = (0x51, 0x59, 0x64);
/// Grid lines: there when looked for.
pub(crate) const GRID: Rgb = (0xe7, 0xea, 0xee);
/// The base line of an axis, and reference lines.
pub(crate) const AXIS: Rgb = (0x9a, 0xa3, 0xad);
/// What belongs to no group.
pub(crate) const OTHER: Rgb = (0xa8, 0xae, 0xb6);

/// The colour of a picture with one series, and of the first group.
pub(crate) const BLUE: Rgb = (0x00, 0x72, 0xb2);
/// The contrast to blue: what is worse, negative, or to be looked at.
pub(crate) const VERMILLION: Rgb = (0xd5, 0x5e, 0x00);
/// Good news, and third groups.
pub(crate) const GREEN: Rgb = (0x00, 0x9e, 0x73);

/// Colours of groups, in order.
pub(crate) const PALETTE: [Rgb; 7] = [
    BLUE,
    VERMILLION,
    GREEN,
    (0xcc, 0x79, 0xa7),
    (0xe6, 0x9f, 0x00),
    (0x56, 0xb4, 0xe9),
    (0x4d, 0x4d, 0x4d),
];

/// Stops of the sequential scale (viridis, without its lightest end, which a white ground swallows).
const SEQUENTIAL: [Rgb; 7] = [
    (0x44, 0x01, 0x54),
    (0x44, 0x39, 0x83),
    (0x31, 0x68, 0x8e),
    (0x21, 0x91, 0x8c),
    (0x35, 0xb7, 0x79),
    (0x7f, 0xca, 0x4f),
    (0xc8, 0xd5, 0x2d),
];

/// Stops of the diverging scale: vermillion, nothing, blue.
const DIVERGING: [Rgb; 5] = [
    (0xc2, 0x4f, 0x00),
    (0xf2, 0xb2, 0x86),
    (0xf7, 0xf7, 0xf7),
    (0x8c, 0xbf, 0xe0),
    (0x00, 0x5b, 0x94),
];

/// The colour of a value between 0 and 1 on the sequential scale.
pub(crate) fn sequential(at: f64) -> Rgb {
    between(&SEQUENTIAL, at)
}

/// The colour of a value between 0 and 1 on a filled ground, where the ground itself is nothing.
pub(crate) fn filling(at: f64) -> Rgb {
    let at = if at.is_nan() { 0.0 } else { at.clamp(0.0, 1.0) };
    mix(tint(BLUE, 0.1), (0x00, 0x3f, 0x6b), at)
}

/// The colour of a value between −1 and 1 on the diverging scale.
pub(crate) fn diverging(at: f64) -> Rgb {
    between(&DIVERGING, (at + 1.0) / 2.0)
}

/// A tint of a colour on the ground: 0 is the ground, 1 the colour.
pub(crate) fn tint(color: Rgb, strength: f64) -> Rgb {
    mix(GROUND, color, strength.clamp(0.0, 1.0))
}

/// The colour of text on a filled ground.
pub(crate) fn text_on(ground: Rgb) -> Rgb {
    let light = 0.299 * f64::from(ground.0) + 0.587 * f64::from(ground.1) + 0.114 * f64::from(ground.2);
    if light > 150.0 { INK } else { GROUND }
}

fn between(stops: &[Rgb], at: f64) -> Rgb {
    let last = stops.len() - 1;
    let at = if at.is_nan() { 0.0 } else { at.clamp(0.0, 1.0) } * last as f64;
    let low = (at.floor() as usize).min(last - 1);
    mix(stops[low], stops[low + 1], at - low as f64)
}

/// A colour between two: 0 is the first, 1 the second.
pub(crate) fn mix(a: Rgb, b: Rgb, part: f64) -> Rgb {
    let channel = |a: u8, b: u8| (f64::from(a) + (f64::from(b) - f64::from(a)) * part).round() as u8;
    (channel(a.0, b.0), channel(a.1, b.1), channel(a.2, b.2))
}

/// Type sizes in CSS pixels.
pub(crate) mod size {
    /// The title.
    pub(crate) const TITLE: f64 = 17.0;
    /// The line under the title.
    pub(crate) const SUBTITLE: f64 = 13.0;
    /// Names of axes and of the legend.
    pub(crate) const AXIS: f64 = 13.0;
    /// Tick labels, legend entries, labels in the picture.
    pub(crate) const TICK: f64 = 12.0;
}

/// Margins in CSS pixels.
pub(crate) mod space {
    /// From the picture's edge to the first thing in it.
    pub(crate) const EDGE: f64 = 20.0;
    /// Between a label and what it labels.
    pub(crate) const GAP: f64 = 8.0;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_reach_their_ends_and_survive_odd_values() {
        assert_eq!(sequential(0.0), SEQUENTIAL[0]);
        assert_eq!(sequential(1.0), SEQUENTIAL[6]);
        assert_eq!(sequential(f64::NAN), SEQUENTIAL[0]);
        assert_eq!(diverging(0.0), DIVERGING[2]);
        assert_eq!(diverging(9.0), DIVERGING[4]);
        assert_eq!(tint(BLUE, 0.0), GROUND);
        assert_eq!(text_on(GROUND), INK);
        assert_eq!(text_on(INK), GROUND);
    }
}
