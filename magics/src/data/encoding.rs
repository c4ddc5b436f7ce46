//! Text that is not UTF-8: Latin-1, Windows-1252 and UTF-16, as older programs and spreadsheets write CSV.

use std::borrow::Cow;

use clap::ValueEnum;

/// How a file's characters are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Encoding {
    /// UTF-8
    #[value(alias = "utf8")]
    Utf8,
    /// ISO 8859-1: a byte is a character
    #[value(alias = "iso-8859-1", alias = "latin-1")]
    Latin1,
    /// Latin-1 with what Windows adds: curly quotes, dashes, the euro
    #[value(name = "windows-1252", alias = "cp1252")]
    Windows1252,
    /// UTF-16, of either order, as its first bytes say (little-endian where they don't)
    #[value(name = "utf-16", alias = "utf16", alias = "utf-16le")]
    Utf16,
}

/// The characters of the bytes 0x80 to 0x9f in Windows-1252, as the WHATWG's encoding standard has them.
const WINDOWS_1252: [char; 32] = [
    '\u{20ac}', '\u{81}', '\u{201a}', '\u{192}', '\u{201e}', '\u{2026}', '\u{2020}', '\u{2021}', '\u{2c6}', '\u{2030}',
    '\u{160}', '\u{2039}', '\u{152}', '\u{8d}', '\u{17d}', '\u{8f}', '\u{90}', '\u{2018}', '\u{2019}', '\u{201c}',
    '\u{201d}', '\u{2022}', '\u{2013}', '\u{2014}', '\u{2dc}', '\u{2122}', '\u{161}', '\u{203a}', '\u{153}', '\u{9d}',
    '\u{17e}', '\u{178}',
];

impl Encoding {
    /// What the first bytes of a file say, if they do.
    pub fn of_content(content: &[u8]) -> Option<Encoding> {
        match content {
            [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => Some(Encoding::Utf16),
            _ => None,
        }
    }

    /// The bytes in UTF-8, without a byte order mark; UTF-8 itself is not looked at.
    pub fn decoded(self, content: &[u8]) -> Cow<'_, [u8]> {
        match self {
            Encoding::Utf8 => Cow::Borrowed(content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(content)),
            Encoding::Latin1 => Cow::Owned(each_byte(content, char::from)),
            Encoding::Windows1252 => Cow::Owned(each_byte(content, |byte| match byte {
                0x80..=0x9f => WINDOWS_1252[usize::from(byte - 0x80)],
                byte => char::from(byte),
            })),
            Encoding::Utf16 => Cow::Owned(utf16(content)),
        }
    }
}

fn each_byte(content: &[u8], character: impl Fn(u8) -> char) -> Vec<u8> {
    let mut text = String::with_capacity(content.len() + content.len() / 8);
    text.extend(content.iter().map(|&byte| character(byte)));
    text.into_bytes()
}

/// Half a character becomes U+FFFD, as everywhere.
fn utf16(content: &[u8]) -> Vec<u8> {
    let (content, big_endian) = match content {
        [0xfe, 0xff, rest @ ..] => (rest, true),
        [0xff, 0xfe, rest @ ..] => (rest, false),
        rest => (rest, false),
    };
    let units = content.as_chunks::<2>().0.iter().map(|&unit| match big_endian {
        true => u16::from_be_bytes(unit),
        false => u16::from_le_bytes(unit),
    });
    let characters = char::decode_utf16(units).map(|found| found.unwrap_or(char::REPLACEMENT_CHARACTER));
    characters.collect::<String>().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(encoding: Encoding, content: &[u8]) -> String {
        String::from_utf8_lossy(&encoding.decoded(content)).into_owned()
    }

    #[test]
    fn old_files_become_text() {
        assert_eq!(text(Encoding::Latin1, b"caf\xe9"), "café");
        assert_eq!(text(Encoding::Windows1252, b"\x93caf\xe9\x94 5 \x80"), "“café” 5 €");
        assert_eq!(text(Encoding::Utf16, b"\xff\xfea\0\xe9\0=\xd8\x00\xde"), "aé😀");
        assert_eq!(text(Encoding::Utf16, b"\xfe\xff\0a\0"), "a");
        assert_eq!(text(Encoding::Utf8, b"\xef\xbb\xbfa"), "a");
        assert_eq!(Encoding::of_content(b"\xff\xfea\0"), Some(Encoding::Utf16));
    }
}
