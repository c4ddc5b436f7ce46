//! The little of protobuf's wire format that records need: varints, fixed words, length-delimited fields.
//!
//! A code generator would bring a build step and a dependency for five small messages.

/// A field's content.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Field<'a> {
    Varint(u64),
    Fixed64,
    Bytes(&'a [u8]),
    Fixed32([u8; 4]),
}

/// What is wrong with the bytes.
pub(crate) type Wrong = &'static str;

/// Walks the fields of a message.
pub(crate) struct Message<'a>(pub(crate) &'a [u8]);

impl<'a> Iterator for Message<'a> {
    type Item = Result<(u64, Field<'a>), Wrong>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_err() {
            self.0 = &[];
        }
        Some(field)
    }
}

impl<'a> Message<'a> {
    fn field(&mut self) -> Result<(u64, Field<'a>), Wrong> {
        let tag = varint(&mut self.0)?;
        let field = match tag & 7 {
            0 => Field::Varint(varint(&mut self.0)?),
            1 => chunk::<8>(&mut self.0).map(|_| Field::Fixed64)?,
            2 => {
                let length = varint(&mut self.0)?;
                let split = usize::try_from(length)
                    .ok()
                    .and_then(|length| self.0.split_at_checked(length));
                let (head, rest) = split.ok_or("a field is longer than its message")?;
                self.0 = rest;
                Field::Bytes(head)
            }
            5 => Field::Fixed32(chunk(&mut self.0)?),
            _ => return Err("an unknown wire type"),
        };
        Ok((tag >> 3, field))
    }
}

fn chunk<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], Wrong> {
    let (head, tail) = rest.split_first_chunk().ok_or("a number is cut off")?;
    *rest = tail;
    Ok(*head)
}

/// Reads a varint of at most ten bytes.
pub(crate) fn varint(rest: &mut &[u8]) -> Result<u64, Wrong> {
    let mut value = 0_u64;
    for shift in (0..70).step_by(7) {
        let (&byte, tail) = rest.split_first().ok_or("a number is cut off")?;
        *rest = tail;
        value |= u64::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
        if byte < 0x80 {
            return Ok(value);
        }
    }
    Err("a number of more than ten bytes")
}

/// Writes a varint.
pub(crate) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// How many bytes a varint takes.
pub(crate) fn varint_size(value: u64) -> usize {
    (64 - (value | 1).leading_zeros() as usize).div_ceil(7)
}

/// Writes a length-delimited field.
pub(crate) fn put_bytes(out: &mut Vec<u8>, number: u64, content: &[u8]) {
    put_varint(out, number << 3 | 2);
    put_varint(out, content.len() as u64);
    out.extend_from_slice(content);
}
