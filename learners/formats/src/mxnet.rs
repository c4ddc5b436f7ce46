//! MXNet's parameter files (`*.params`): a list of named arrays.
//!
//! Reads versions 0 to 3 of the array layout, dense storage; writes version 2 as MXNet 1.3.1 did, byte for
//! byte as in real Linear Learner artifacts. Layout: `src/ndarray/ndarray.cc` of apache/mxnet 1.9.1.

use crate::FormatError;

const LIST_MAGIC: u64 = 0x112;
const V1_MAGIC: u32 = 0xF993_FAC8;
const V2_MAGIC: u32 = 0xF993_FAC9;
const V3_MAGIC: u32 = 0xF993_FACA;
/// No array of these files has more dimensions (MXNet's own limit is 32).
const MAX_DIMENSIONS: u32 = 32;

/// Numbers of an array.
#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    /// float32, the only type of Linear Learner.
    Float32(Vec<f32>),
    /// float64.
    Float64(Vec<f64>),
    /// uint8.
    Uint8(Vec<u8>),
    /// int32.
    Int32(Vec<i32>),
    /// int8.
    Int8(Vec<i8>),
    /// int64.
    Int64(Vec<i64>),
    /// float16, as its bits.
    Float16(Vec<u16>),
}

/// An array with its name, such as `arg:fc0_weight`.
#[derive(Debug, Clone, PartialEq)]
pub struct Array {
    /// The name; empty in an unnamed list.
    pub name: String,
    /// The dimensions; none for an array that was never filled.
    pub shape: Vec<u64>,
    /// The numbers, row-major.
    pub values: Values,
}

impl Array {
    /// A float32 array.
    pub fn float32(name: impl Into<String>, shape: &[u64], values: Vec<f32>) -> Self {
        Array {
            name: name.into(),
            shape: shape.to_vec(),
            values: Values::Float32(values),
        }
    }
}

/// Writes a parameter file, float32 and all other types, version 2.
pub fn write(arrays: &[Array]) -> Vec<u8> {
    let mut out = Vec::new();
    out.extend(LIST_MAGIC.to_le_bytes());
    out.extend(0_u64.to_le_bytes());
    out.extend((arrays.len() as u64).to_le_bytes());
    for array in arrays {
        out.extend(V2_MAGIC.to_le_bytes());
        out.extend(0_i32.to_le_bytes());
        out.extend((array.shape.len() as u32).to_le_bytes());
        for &dimension in &array.shape {
            out.extend(dimension.to_le_bytes());
        }
        if array.shape.is_empty() {
            continue;
        }
        out.extend(1_i32.to_le_bytes());
        out.extend(0_i32.to_le_bytes());
        match &array.values {
            Values::Float32(values) => put(&mut out, 0, values, |value| value.to_le_bytes()),
            Values::Float64(values) => put(&mut out, 1, values, |value| value.to_le_bytes()),
            Values::Float16(values) => put(&mut out, 2, values, |value| value.to_le_bytes()),
            Values::Uint8(values) => put(&mut out, 3, values, |value| value.to_le_bytes()),
            Values::Int32(values) => put(&mut out, 4, values, |value| value.to_le_bytes()),
            Values::Int8(values) => put(&mut out, 5, values, |value| value.to_le_bytes()),
            Values::Int64(values) => put(&mut out, 6, values, |value| value.to_le_bytes()),
        }
    }
    out.extend((arrays.len() as u64).to_le_bytes());
    for array in arrays {
        out.extend((array.name.len() as u64).to_le_bytes());
        out.extend(array.name.as_bytes());
    }
    out
}

fn put<T: Copy, const N: usize>(out: &mut Vec<u8>, kind: i32, values: &[T], bytes: impl Fn(T) -> [u8; N]) {
    out.extend(kind.to_le_bytes());
    for &value in values {
        out.extend(bytes(value));
    }
}

/// Reads a parameter file.
///
/// # Errors
/// [`FormatError::Truncated`] and [`FormatError::Malformed`], naming the array; sparse storage is refused.
pub fn read(bytes: &[u8]) -> Result<Vec<Array>, FormatError> {
    let mut input = Input {
        rest: bytes,
        at: "header".to_owned(),
    };
    let magic = input.u64()?;
    if magic != LIST_MAGIC {
        return Err(input.malformed(format!("{magic:#x} is not the list magic {LIST_MAGIC:#x}")));
    }
    input.u64()?;
    let count = input.u64()?;
    let mut arrays = Vec::new();
    for number in 0..count {
        input.at = number.to_string();
        arrays.push(array(&mut input)?);
    }
    input.at = "names".to_owned();
    let names = input.u64()?;
    if names != 0 && names != count {
        return Err(input.malformed(format!("{names} names for {count} arrays")));
    }
    for array in arrays.iter_mut().take(names as usize) {
        let length = input.u64()?;
        let text = input.take(length)?;
        let name = std::str::from_utf8(text).map_err(|_| input.malformed("a name is not UTF-8"))?;
        array.name = name.to_owned();
    }
    Ok(arrays)
}

fn array(input: &mut Input<'_>) -> Result<Array, FormatError> {
    let first = input.u32()?;
    let (dimensions, wide) = match first {
        V2_MAGIC | V3_MAGIC => {
            let storage = input.i32()?;
            if storage != 0 {
                return Err(input.malformed(format!("storage type {storage}; only dense arrays are read")));
            }
            (input.u32()?, true)
        }
        V1_MAGIC => (input.u32()?, true),
        version_0 => (version_0, false),
    };
    // Version 3 has NumPy's shapes: -1 dimensions is "unknown", 0 is a scalar with one value.
    let unknown = dimensions == 0 && first != V3_MAGIC || dimensions == u32::MAX && first == V3_MAGIC;
    if unknown {
        return Ok(Array {
            name: String::new(),
            shape: Vec::new(),
            values: Values::Float32(Vec::new()),
        });
    }
    if dimensions > MAX_DIMENSIONS {
        return Err(input.malformed(format!("{dimensions} dimensions")));
    }
    let mut shape = Vec::new();
    for _ in 0..dimensions {
        shape.push(if wide { input.u64()? } else { u64::from(input.u32()?) });
    }
    input.i32()?;
    input.i32()?;
    let kind = input.i32()?;
    let size = match kind {
        0 | 4 => 4_u64,
        1 | 6 => 8,
        2 => 2,
        3 | 5 => 1,
        other => return Err(input.malformed(format!("unknown element type {other}"))),
    };
    let bytes = shape
        .iter()
        .try_fold(size, |total, &dimension| total.checked_mul(dimension));
    let bytes = bytes.ok_or_else(|| input.malformed(format!("impossible shape {shape:?}")))?;
    let data = input.take(bytes)?;
    let values = match kind {
        0 => Values::Float32(get(data, f32::from_le_bytes)),
        1 => Values::Float64(get(data, f64::from_le_bytes)),
        2 => Values::Float16(get(data, u16::from_le_bytes)),
        3 => Values::Uint8(data.to_vec()),
        4 => Values::Int32(get(data, i32::from_le_bytes)),
        5 => Values::Int8(get(data, i8::from_le_bytes)),
        _ => Values::Int64(get(data, i64::from_le_bytes)),
    };
    Ok(Array {
        name: String::new(),
        shape,
        values,
    })
}

fn get<T, const N: usize>(data: &[u8], value: impl Fn([u8; N]) -> T) -> Vec<T> {
    data.as_chunks::<N>().0.iter().map(|chunk| value(*chunk)).collect()
}

struct Input<'a> {
    rest: &'a [u8],
    at: String,
}

impl<'a> Input<'a> {
    fn take(&mut self, count: u64) -> Result<&'a [u8], FormatError> {
        let split = usize::try_from(count)
            .ok()
            .and_then(|count| self.rest.split_at_checked(count));
        let (head, rest) = split.ok_or_else(|| FormatError::truncated("array", &self.at))?;
        self.rest = rest;
        Ok(head)
    }

    fn chunk<const N: usize>(&mut self) -> Result<[u8; N], FormatError> {
        let (head, rest) = self
            .rest
            .split_first_chunk()
            .ok_or_else(|| FormatError::truncated("array", &self.at))?;
        self.rest = rest;
        Ok(*head)
    }

    fn u32(&mut self) -> Result<u32, FormatError> {
        self.chunk().map(u32::from_le_bytes)
    }

    fn i32(&mut self) -> Result<i32, FormatError> {
        self.chunk().map(i32::from_le_bytes)
    }

    fn u64(&mut self) -> Result<u64, FormatError> {
        self.chunk().map(u64::from_le_bytes)
    }

    fn malformed(&self, problem: impl Into<String>) -> FormatError {
        FormatError::malformed("array", &self.at, problem)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn older_layouts_are_read() {
        let mut old = Vec::new();
        old.extend(LIST_MAGIC.to_le_bytes());
        old.extend(0_u64.to_le_bytes());
        old.extend(2_u64.to_le_bytes());
        // Version 0: the first word is the number of dimensions, each 32 bits.
        for word in [2_u32, 1, 2, 1, 0, 0] {
            old.extend(word.to_le_bytes());
        }
        old.extend(1.5_f32.to_le_bytes());
        old.extend((-2.0_f32).to_le_bytes());
        // Version 1: its magic, then 64-bit dimensions.
        old.extend(V1_MAGIC.to_le_bytes());
        old.extend(1_u32.to_le_bytes());
        old.extend(1_u64.to_le_bytes());
        for word in [1_u32, 0, 6] {
            old.extend(word.to_le_bytes());
        }
        old.extend(7_i64.to_le_bytes());
        old.extend(0_u64.to_le_bytes());
        let read = read(&old).unwrap();
        assert_eq!(read[0], Array::float32("", &[1, 2], vec![1.5, -2.0]));
        assert_eq!(
            (read[1].shape.as_slice(), &read[1].values),
            (&[1][..], &Values::Int64(vec![7]))
        );
    }

    #[test]
    fn hostile_sizes_take_no_memory() {
        let mut bytes = write(&[Array::float32("arg:x", &[2, 1], vec![1.0, 2.0])]);
        bytes[36..44].copy_from_slice(&(u64::MAX / 2).to_le_bytes());
        assert!(matches!(
            read(&bytes),
            Err(FormatError::Malformed { .. } | FormatError::Truncated { .. })
        ));
        let mut many = Vec::new();
        many.extend(LIST_MAGIC.to_le_bytes());
        many.extend(0_u64.to_le_bytes());
        many.extend(u64::MAX.to_le_bytes());
        assert!(matches!(read(&many), Err(FormatError::Truncated { .. })));
    }
}
