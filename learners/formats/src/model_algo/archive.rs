//! The ZIP container of `model_algo-1`: written stored and plain, byte for byte the same each time; read leniently.
//!
//! Real artifacts have neither data descriptors nor extra fields, version 2.0, create system Unix, mode 0644.
//! A general ZIP writer adds or changes some of that, so the few records are written here.

use crate::FormatError;
use std::io::{Cursor, Read};

const VERSION: u16 = 20;
const UNIX: u16 = 3;
const REGULAR_FILE_0644: u32 = 0o100_644;
/// 1 January 1980, the first day ZIP knows.
const DATE: u16 = 1 << 5 | 1;
/// The largest member that is read: weights of 250 million features.
const MEMBER_LIMIT: u64 = 1 << 30;

/// Writes stored members in this order.
pub(super) fn write(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut directory = Vec::new();
    for (name, content) in members {
        let offset = out.len() as u32;
        let mut common = Vec::new();
        common.extend(VERSION.to_le_bytes());
        common.extend(0_u16.to_le_bytes()); // flags
        common.extend(0_u16.to_le_bytes()); // stored
        common.extend(0_u16.to_le_bytes()); // time
        common.extend(DATE.to_le_bytes());
        let mut sum = flate2::Crc::new();
        sum.update(content);
        common.extend(sum.sum().to_le_bytes());
        common.extend((content.len() as u32).to_le_bytes()); // compressed
        common.extend((content.len() as u32).to_le_bytes()); // plain
        common.extend((name.len() as u16).to_le_bytes());
        common.extend(0_u16.to_le_bytes()); // extra field

        out.extend(0x0403_4b50_u32.to_le_bytes());
        out.extend(&common);
        out.extend(name.as_bytes());
        out.extend(*content);

        directory.extend(0x0201_4b50_u32.to_le_bytes());
        directory.extend((UNIX << 8 | VERSION).to_le_bytes());
        directory.extend(&common);
        directory.extend(0_u16.to_le_bytes()); // comment
        directory.extend(0_u16.to_le_bytes()); // disk
        directory.extend(0_u16.to_le_bytes()); // internal attributes
        directory.extend((REGULAR_FILE_0644 << 16).to_le_bytes());
        directory.extend(offset.to_le_bytes());
        directory.extend(name.as_bytes());
    }
    let start = out.len() as u32;
    out.extend(&directory);
    out.extend(0x0605_4b50_u32.to_le_bytes());
    out.extend([0; 4]); // disks
    out.extend((members.len() as u16).to_le_bytes());
    out.extend((members.len() as u16).to_le_bytes());
    out.extend((directory.len() as u32).to_le_bytes());
    out.extend(start.to_le_bytes());
    out.extend(0_u16.to_le_bytes()); // comment
    out
}

/// An archive being read.
pub(super) struct Archive<'a>(zip::ZipArchive<Cursor<&'a [u8]>>);

impl<'a> Archive<'a> {
    pub(super) fn open(bytes: &'a [u8]) -> Result<Self, FormatError> {
        let opened = zip::ZipArchive::new(Cursor::new(bytes));
        opened
            .map(Archive)
            .map_err(|error| FormatError::malformed("archive", super::FILE_NAME, error.to_string()))
    }

    pub(super) fn member(&mut self, name: &'static str) -> Result<Vec<u8>, FormatError> {
        let found = self.0.by_name(name);
        let member = found.map_err(|error| FormatError::malformed("archive member", name, error.to_string()))?;
        let mut content = Vec::new();
        // The size that the archive claims is not trusted: reading ends at the limit.
        let read = member.take(MEMBER_LIMIT + 1).read_to_end(&mut content);
        read.map_err(|error| FormatError::malformed("archive member", name, error.to_string()))?;
        if content.len() as u64 > MEMBER_LIMIT {
            let size = content.len() as u64;
            return Err(FormatError::TooLarge {
                what: "archive member",
                at: name.to_owned(),
                size,
                limit: MEMBER_LIMIT,
            });
        }
        Ok(content)
    }

    pub(super) fn text(&mut self, name: &'static str) -> Result<String, FormatError> {
        let content = self.member(name)?;
        String::from_utf8(content).map_err(|_| FormatError::malformed("archive member", name, "is not UTF-8"))
    }
}
