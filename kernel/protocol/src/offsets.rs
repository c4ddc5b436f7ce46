//! Offsets into a cell: Jupyter counts Unicode code points, Rust counts bytes.
//!
//! All conversions happen here, so that an engine sees only byte offsets that
//! lie on character boundaries, and a front end only code points. Offsets that
//! lie outside the text, or inside a character, are moved to the nearest place
//! before them that exists: a wrong cursor must cost a completion, not a kernel.

/// The byte at which the code point number `code_points` begins.
///
/// ```
/// // "é" is one code point and two bytes.
/// assert_eq!(ironsage_protocol::offsets::to_byte("é.len", 2), 3);
/// ```
pub fn to_byte(text: &str, code_points: usize) -> usize {
    text.char_indices()
        .nth(code_points)
        .map_or(text.len(), |(byte, _)| byte)
}

/// How many code points stand before this byte.
///
/// ```
/// assert_eq!(ironsage_protocol::offsets::to_code_points("é.len", 3), 2);
/// ```
pub fn to_code_points(text: &str, byte: usize) -> usize {
    text[..text.floor_char_boundary(byte)].chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn emoji_and_combining_text_count_by_code_points() {
        // A family is five code points (three people, two joiners) and one grapheme.
        let family = "👨\u{200d}👩\u{200d}👧x";
        assert_eq!(to_byte(family, 5), family.len() - 1);
        assert_eq!(to_code_points(family, family.len() - 1), 5);
        // "e" with a combining accent is two code points, one grapheme, three bytes.
        let accent = "e\u{301}.f";
        assert_eq!(to_byte(accent, 2), 3);
        assert_eq!(to_byte(accent, 4), 5);
        assert_eq!(to_code_points(accent, 3), 2);
        // One code point outside the basic plane: UTF-16 would count two.
        assert_eq!(to_byte("let 𝑎", 5), 8);
    }

    #[test]
    fn offsets_outside_the_text_are_clamped() {
        assert_eq!(to_byte("añ", 99), 3);
        assert_eq!(to_code_points("añ", 99), 2);
        assert_eq!(to_code_points("añ", 2), 1, "inside the ñ");
        assert_eq!(to_byte("", 0), 0);
    }

    proptest! {
        #[test]
        fn there_and_back(text in "\\PC{0,40}", at in 0usize..50) {
            let byte = to_byte(&text, at);
            prop_assert!(text.is_char_boundary(byte));
            prop_assert_eq!(to_code_points(&text, byte), at.min(text.chars().count()));
        }
    }
}
