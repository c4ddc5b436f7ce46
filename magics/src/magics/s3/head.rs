//! `%s3 head`: how an object begins, from as little of it as that takes. Text is read until there are lines enough,
//! gzip is unpacked as it comes, and of a Parquet file only the end is read, which tells its columns.

use std::io::{Cursor, Read};

use flate2::read::MultiGzDecoder;
use ironsage_client::{Bytes, Client, Extent};
use ironsage_contract::S3Uri;
use ironsage_display::{Bundle, Front, TableOptions, note, table, text as words};
use polars::prelude::*;

use super::address;
use crate::data::source::Watch;
use crate::error::MagicError;
use crate::session::Session;

/// How much is read at first; each further read is eight times as long.
const FIRST: u64 = 64 << 10;
/// What has no line end within so much is shown as far as it goes.
const MOST: u64 = 32 << 20;
/// Longer lines are cut.
const LINE: usize = 2000;

#[derive(clap::Args)]
pub(super) struct Head {
    /// The object
    #[arg(value_name = "S3URI")]
    uri: String,
    /// How many lines
    #[arg(short = 'n', long, value_name = "LINES", default_value_t = 10)]
    lines: usize,
}

impl Head {
    pub(super) fn run(self, session: &Session, front: &dyn Front) -> Result<(), MagicError> {
        let uri = address(&self.uri)?;
        let client = session.places().store(&uri)?;
        let watch = Watch::new(front, "", 0);
        let mut length = FIRST;
        loop {
            let (bytes, total) = client.get_extent(&uri, Extent::First(length), &watch)?;
            if bytes.starts_with(b"PAR1") && total > 12 {
                return columns(&client, &uri, total, &watch, front);
            }
            let whole = bytes.len() as u64 == total;
            let beginning = Beginning::of(&bytes, whole).ok_or_else(|| {
                MagicError::data(format!("{uri} is no text ({})", words::bytes(total)))
                    .with_hint(format!("`%load {uri}` reads it if it holds data"))
            })?;
            if beginning.whole || beginning.complete() >= self.lines || length >= MOST {
                return self.show(&beginning, &uri, total, front);
            }
            length *= 8;
        }
    }

    fn show(&self, beginning: &Beginning, uri: &S3Uri, size: u64, front: &dyn Front) -> Result<(), MagicError> {
        let lines: Vec<String> = beginning
            .text
            .lines()
            .take(self.lines)
            .map(|line| words::cut(line, LINE))
            .collect();
        front.display(&Bundle::text(lines.join("\n")));
        let first = words::count(lines.len() as u64);
        let told = match beginning.whole {
            true => format!(
                "{first} of {}",
                words::counted(beginning.text.lines().count() as u64, "line")
            ),
            false => format!("the first {}", words::counted(lines.len() as u64, "line")),
        };
        let packed = if beginning.packed { " of gzip" } else { "" };
        front.display(&note(format!("{uri}: {told}, {}{packed}", words::bytes(size))));
        Ok(())
    }
}

/// The text that an object begins with.
struct Beginning {
    text: String,
    /// It is all of the text.
    whole: bool,
    /// The object is gzip.
    packed: bool,
}

impl Beginning {
    /// None where the bytes are no text.
    fn of(bytes: &[u8], whole: bool) -> Option<Beginning> {
        let packed = bytes.starts_with(&[0x1f, 0x8b]);
        let (bytes, whole) = if packed {
            unpack(bytes, whole)?
        } else {
            (bytes.to_vec(), whole)
        };
        let text = match String::from_utf8(bytes) {
            Ok(text) => text,
            // The end may lie within a character.
            Err(error) if !whole && error.utf8_error().error_len().is_none() => {
                let valid = error.utf8_error().valid_up_to();
                let mut bytes = error.into_bytes();
                bytes.truncate(valid);
                String::from_utf8(bytes).ok()?
            }
            Err(_) => return None,
        };
        let is_text = !text.contains('\0');
        is_text.then_some(Beginning { text, whole, packed })
    }

    /// Lines that are there to their end.
    fn complete(&self) -> usize {
        self.text.bytes().filter(|byte| *byte == b'\n').count()
    }
}

/// What the bytes unpack to as far as they go, and whether that is all.
fn unpack(packed: &[u8], whole: bool) -> Option<(Vec<u8>, bool)> {
    let mut text = Vec::new();
    // A small object can hold very much.
    let mut limited = MultiGzDecoder::new(packed).take(MOST);
    let ended = limited.read_to_end(&mut text);
    match ended {
        Ok(_) => Some((text, whole && limited.limit() > 0)),
        Err(_) if !whole && !text.is_empty() => Some((text, false)),
        Err(_) => None,
    }
}

/// The columns of a Parquet file, as its end tells them.
fn columns(client: &Client, uri: &S3Uri, total: u64, watch: &Watch<'_>, front: &dyn Front) -> Result<(), MagicError> {
    let (mut end, _) = client.get_extent(uri, Extent::Last(FIRST), watch)?;
    let needed = footer_size(&end).filter(|needed| *needed <= total.min(MOST));
    let Some(needed) = needed else {
        return Err(
            MagicError::data(format!("{uri} begins as a Parquet file and does not end as one"))
                .with_hint("it was cut short, or is still being written: copy it again"),
        );
    };
    if needed > end.len() as u64 {
        end = client.get_extent(uri, Extent::Last(needed), watch)?.0;
    }
    let mut reader = ParquetReader::new(Cursor::new(end));
    let schema = Schema::from_arrow_schema(reader.schema()?.as_ref());
    let (rows, groups) = {
        let about = reader.get_metadata()?;
        (about.num_rows, about.row_groups.len())
    };
    let names: Vec<&str> = schema.iter_names().map(PlSmallStr::as_str).collect();
    let types: Vec<String> = schema.iter_values().map(ToString::to_string).collect();
    front.display(&table(
        &df!("column" => names, "dtype" => types)?,
        &TableOptions::default(),
    ));
    front.display(&note(format!(
        "{uri}: Parquet, {} × {}, {}, {}",
        words::counted(rows as u64, "row"),
        words::counted(schema.len() as u64, "column"),
        words::counted(groups as u64, "row group"),
        words::bytes(total)
    )));
    Ok(())
}

/// How much of the end a Parquet file's metadata takes; none if it doesn't end as one.
fn footer_size(end: &Bytes) -> Option<u64> {
    let (_, length) = end.strip_suffix(b"PAR1")?.split_last_chunk::<4>()?;
    Some(u64::from(u32::from_le_bytes(*length)) + 8)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::io::Write as _;

    use super::*;

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(text).unwrap();
        packed.finish().unwrap()
    }

    #[test]
    fn a_cut_within_a_character_is_no_fault() {
        let bytes = "größe\nmaß".as_bytes();
        for cut in 0..bytes.len() {
            let beginning = Beginning::of(&bytes[..cut], false).unwrap();
            assert!("größe\nmaß".starts_with(&beginning.text));
        }
        assert!(
            Beginning::of(&bytes[..bytes.len() - 1], true).is_none(),
            "whole, and no UTF-8"
        );
        assert!(Beginning::of(b"a\0b", true).is_none());
    }

    #[test]
    fn gzip_is_unpacked_as_far_as_it_goes() {
        let text: String = (0..20_000).map(|n| format!("line {n}\n")).collect();
        let packed = gzip(text.as_bytes());
        let half = Beginning::of(&packed[..packed.len() / 2], false).unwrap();
        assert!(!half.whole && half.packed && half.complete() > 100);
        assert!(text.starts_with(&half.text));
        let all = Beginning::of(&packed, true).unwrap();
        assert!(all.whole && all.text == text);
        assert!(
            Beginning::of(&packed[..packed.len() / 2], true).is_none(),
            "a broken file"
        );
    }

    #[test]
    fn what_unpacks_to_very_much_is_read_to_a_limit() {
        let packed = gzip(&vec![b'a'; 2 * MOST as usize]);
        let beginning = Beginning::of(&packed, true).unwrap();
        assert!(!beginning.whole);
        assert_eq!(beginning.text.len() as u64, MOST);
    }

    #[test]
    fn the_footer_tells_its_size() {
        assert_eq!(footer_size(&Bytes::from_static(b"..\x10\0\0\0PAR1")), Some(24));
        assert_eq!(footer_size(&Bytes::from_static(b"PAR1")), None);
        assert_eq!(footer_size(&Bytes::from_static(b"..\x10\0\0\0PAR2")), None);
    }
}
