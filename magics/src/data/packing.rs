//! Files within files: gzip and zstd, told by their first bytes when read and by their names when written.

use std::io::{Read, Write};

use crate::error::MagicError;

/// How a file is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packing {
    Gzip,
    Zstd,
}

impl Packing {
    /// What a name says: `.gz` or `.zst`.
    pub fn of_name(name: &str) -> Option<Packing> {
        let name = name.to_lowercase();
        [Packing::Gzip, Packing::Zstd]
            .into_iter()
            .find(|packing| name.ends_with(packing.ending()))
    }

    /// What the first bytes say.
    pub fn of_content(content: &[u8]) -> Option<Packing> {
        match content {
            [0x1f, 0x8b, ..] => Some(Packing::Gzip),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(Packing::Zstd),
            _ => None,
        }
    }

    /// What its names end with.
    pub fn ending(self) -> &'static str {
        match self {
            Packing::Gzip => ".gz",
            Packing::Zstd => ".zst",
        }
    }

    /// The name without the ending.
    pub fn stripped(self, name: &str) -> &str {
        let cut = name.len().saturating_sub(self.ending().len());
        match name.get(cut..) {
            Some(ending) if ending.eq_ignore_ascii_case(self.ending()) => &name[..cut],
            _ => name,
        }
    }

    /// Unpacks step by step, since nothing says beforehand how much comes out; `fits` is asked whether as much again
    /// can be had as has come so far, for the frame that it becomes.
    pub fn unpack(
        self,
        bytes: &[u8],
        name: &str,
        fits: impl Fn(u64) -> Result<(), MagicError>,
    ) -> Result<Vec<u8>, MagicError> {
        const STEP: u64 = 4 << 20;
        let broken = |error: std::io::Error| {
            let kind = self.ending().trim_start_matches('.');
            MagicError::data(format!("{name} is not a whole {kind} file: {error}"))
        };
        let mut reader: Box<dyn Read + '_> = match self {
            Packing::Gzip => Box::new(flate2::read::MultiGzDecoder::new(bytes)),
            Packing::Zstd => Box::new(zstd::stream::read::Decoder::with_buffer(bytes).map_err(broken)?),
        };
        let mut plain = Vec::new();
        loop {
            let read = (&mut reader).take(STEP).read_to_end(&mut plain).map_err(broken)?;
            if read == 0 {
                return Ok(plain);
            }
            fits(plain.len() as u64)?;
        }
    }

    /// Packs.
    pub fn pack(self, content: &[u8]) -> Result<Vec<u8>, MagicError> {
        let packed = match self {
            Packing::Gzip => {
                let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
                encoder.write_all(content).and_then(|()| encoder.finish())
            }
            Packing::Zstd => zstd::stream::encode_all(content, 0),
        };
        packed.map_err(|error| MagicError::internal(format!("compressing failed: {error}")))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_grows_too_large_while_it_is_unpacked_is_refused() {
        for packing in [Packing::Gzip, Packing::Zstd] {
            let packed = packing.pack(&vec![b'0'; 9 << 20]).unwrap();
            assert_eq!(Packing::of_content(&packed), Some(packing));
            assert_eq!(packing.unpack(&packed, "t", |_| Ok(())).unwrap().len(), 9 << 20);
            let error = packing.unpack(&packed, "t", |size| match size {
                0..5_000_000 => Ok(()),
                size => Err(MagicError::data(format!("{size} bytes"))),
            });
            assert_eq!(error.unwrap_err().message, "8388608 bytes");
            let error = packing
                .unpack(&packed[..packed.len() / 2], "t.gz", |_| Ok(()))
                .unwrap_err();
            assert!(error.message.starts_with("t.gz is not a whole "), "{}", error.message);
        }
    }

    #[test]
    fn names_say_how_to_pack() {
        assert_eq!(Packing::of_name("a.csv.GZ"), Some(Packing::Gzip));
        assert_eq!(Packing::Zstd.stripped("a.csv.zst"), "a.csv");
        assert_eq!(Packing::of_name("a.csv"), None);
    }
}
