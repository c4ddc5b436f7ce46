//! `aialgs.data.Record` to and from bytes.
//!
//! A map is written as repeated entries of key (field 1) and value (field 2); features and label both use the key
//! `values`. Sparse features have keys and a shape. Packed and unpacked numbers are read, packed ones written.

use super::{Features, Record};
use crate::FormatError;
use crate::protobuf::{Field, Message, Wrong, put_bytes, put_varint, varint, varint_size};

/// Reads a record's payload.
///
/// # Errors
/// [`FormatError::Malformed`]; [`FormatError::Tensor`] for values that are not float32.
pub fn decode(payload: &[u8]) -> Result<Record, FormatError> {
    let mut record = Record::default();
    decode_into(payload, 0, &mut record)?;
    Ok(record)
}

pub(super) fn decode_into(payload: &[u8], number: u64, record: &mut Record) -> Result<(), FormatError> {
    let mut tensor = Tensor::reusing(std::mem::take(&mut record.features));
    let mut label = Tensor::default();
    (record.label, record.uid, record.metadata, record.configuration) = (None, None, None, None);
    let mut labelled = false;
    let walked = walk(payload, |field, content| match (field, content) {
        (1, Field::Bytes(entry)) => entry_into(entry, &mut tensor).map(|_| ()),
        (2, Field::Bytes(entry)) => entry_into(entry, &mut label).map(|found| labelled |= found),
        (3, Field::Bytes(content)) => text(content).map(|text| record.uid = Some(text)),
        (4, Field::Bytes(content)) => text(content).map(|text| record.metadata = Some(text)),
        (5, Field::Bytes(content)) => text(content).map(|text| record.configuration = Some(text)),
        _ => Ok(()),
    });
    let malformed = |problem: &str| FormatError::malformed("record", number, problem);
    walked.map_err(malformed)?;
    for (entry, found) in [("features", tensor.other), ("label", label.other)] {
        if let Some(found) = found {
            return Err(FormatError::Tensor {
                record: number,
                entry,
                found,
            });
        }
    }
    record.features = tensor.features().map_err(malformed)?;
    if labelled {
        let [value] = *label.values else {
            return Err(malformed("the label is not one number"));
        };
        record.label = Some(value);
    }
    Ok(())
}

fn walk<'a>(bytes: &'a [u8], mut each: impl FnMut(u64, Field<'a>) -> Result<(), Wrong>) -> Result<(), Wrong> {
    for field in Message(bytes) {
        let (number, content) = field?;
        each(number, content)?;
    }
    Ok(())
}

fn text(bytes: &[u8]) -> Result<String, Wrong> {
    std::str::from_utf8(bytes)
        .map(str::to_owned)
        .map_err(|_| "a text is not UTF-8")
}

#[derive(Default)]
struct Tensor {
    values: Vec<f32>,
    keys: Vec<u64>,
    shape: Vec<u64>,
    other: Option<&'static str>,
}

/// Reads a map entry; whether it was the one that counts.
fn entry_into(entry: &[u8], tensor: &mut Tensor) -> Result<bool, Wrong> {
    let mut key: &[u8] = b"";
    let mut value: &[u8] = b"";
    walk(entry, |field, content| {
        match (field, content) {
            (1, Field::Bytes(content)) => key = content,
            (2, Field::Bytes(content)) => value = content,
            _ => {}
        }
        Ok(())
    })?;
    if key != b"values" {
        return Ok(false);
    }
    tensor.clear();
    walk(value, |field, content| {
        match (field, content) {
            (2, Field::Bytes(content)) => {
                tensor.clear();
                tensor.read(content)?;
            }
            (3, Field::Bytes(_)) => tensor.other = Some("float64"),
            (7, Field::Bytes(_)) => tensor.other = Some("int32"),
            (9, Field::Bytes(_)) => tensor.other = Some("bytes"),
            _ => {}
        }
        Ok(())
    })?;
    Ok(true)
}

impl Tensor {
    fn reusing(features: Features) -> Self {
        match features {
            Features::Dense(values) => Tensor {
                values,
                ..Tensor::default()
            },
            Features::Sparse { keys, values, .. } => Tensor {
                keys,
                values,
                ..Tensor::default()
            },
        }
    }

    fn clear(&mut self) {
        self.values.clear();
        self.keys.clear();
        self.shape.clear();
        self.other = None;
    }

    fn read(&mut self, message: &[u8]) -> Result<(), Wrong> {
        walk(message, |field, content| match (field, content) {
            (1, Field::Bytes(packed)) => {
                let (chunks, rest) = packed.as_chunks::<4>();
                self.values
                    .extend(chunks.iter().map(|chunk| f32::from_le_bytes(*chunk)));
                if rest.is_empty() {
                    Ok(())
                } else {
                    Err("a number is cut off")
                }
            }
            (1, Field::Fixed32(chunk)) => {
                self.values.push(f32::from_le_bytes(chunk));
                Ok(())
            }
            (2, content) => integers(content, &mut self.keys),
            (3, content) => integers(content, &mut self.shape),
            _ => Ok(()),
        })
    }

    fn features(self) -> Result<Features, Wrong> {
        let Tensor {
            values, keys, shape, ..
        } = self;
        if shape.is_empty() && keys.is_empty() {
            return Ok(Features::Dense(values));
        }
        let width = shape
            .iter()
            .try_fold(1_u64, |product, &dimension| product.checked_mul(dimension));
        let width = width
            .filter(|_| !shape.is_empty())
            .ok_or("sparse features need a shape")?;
        if keys.is_empty() && values.len() as u64 == width {
            return Ok(Features::Dense(values));
        }
        if keys.len() != values.len() {
            return Err("there are not as many keys as values");
        }
        if keys.iter().any(|&key| key >= width) {
            return Err("a key is not below the shape");
        }
        Ok(Features::Sparse { keys, values, width })
    }
}

fn integers(content: Field<'_>, into: &mut Vec<u64>) -> Result<(), Wrong> {
    match content {
        Field::Varint(value) => into.push(value),
        Field::Bytes(mut packed) => {
            while !packed.is_empty() {
                into.push(varint(&mut packed)?);
            }
        }
        Field::Fixed32(_) | Field::Fixed64 => {}
    }
    Ok(())
}

/// Appends a record's payload.
pub fn encode(record: &Record, out: &mut Vec<u8>) {
    match &record.features {
        Features::Dense(values) if values.is_empty() => {}
        Features::Dense(values) => put_tensor(out, 1, "values", values, &[], &[]),
        Features::Sparse { keys, values, width } => put_tensor(out, 1, "values", values, keys, &[*width]),
    }
    if let Some(label) = record.label {
        put_tensor(out, 2, "values", &[label], &[], &[]);
    }
    put_texts(out, record);
}

/// Appends the payload that answers a request's record: `score` and, for classifiers, `predicted_label` in the label
/// map; uid and metadata are echoed.
pub fn encode_prediction(score: &[f32], predicted_label: Option<f32>, request: &Record, out: &mut Vec<u8>) {
    put_tensor(out, 2, "score", score, &[], &[]);
    if let Some(label) = predicted_label {
        put_tensor(out, 2, "predicted_label", &[label], &[], &[]);
    }
    put_texts(out, request);
}

fn put_texts(out: &mut Vec<u8>, record: &Record) {
    for (number, text) in [(3, &record.uid), (4, &record.metadata), (5, &record.configuration)] {
        if let Some(text) = text {
            put_bytes(out, number, text.as_bytes());
        }
    }
}

/// A length-delimited field's size with its one-byte tag.
fn delimited(length: usize) -> usize {
    1 + varint_size(length as u64) + length
}

fn put_tensor(out: &mut Vec<u8>, map: u64, key: &str, values: &[f32], keys: &[u64], shape: &[u64]) {
    let integers = |list: &[u64]| list.iter().map(|&value| varint_size(value)).sum::<usize>();
    let packed = |length: usize| if length == 0 { 0 } else { delimited(length) };
    let tensor = packed(4 * values.len()) + packed(integers(keys)) + packed(integers(shape));
    let value = delimited(tensor);
    let entry = delimited(key.len()) + delimited(value);

    let head = |out: &mut Vec<u8>, number: u64, length: usize| {
        put_varint(out, number << 3 | 2);
        put_varint(out, length as u64);
    };
    head(out, map, entry);
    put_bytes(out, 1, key.as_bytes());
    head(out, 2, value);
    head(out, 2, tensor);
    if !values.is_empty() {
        head(out, 1, 4 * values.len());
        for value in values {
            out.extend(value.to_le_bytes());
        }
    }
    for (number, list) in [(2, keys), (3, shape)] {
        if !list.is_empty() {
            head(out, number, integers(list));
            for &value in list {
                put_varint(out, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn the_bytes_of_a_real_record() {
        // 22 features and label 0: a record of 124 bytes in a real file begins and ends so.
        let record = Record {
            features: Features::Dense(vec![1.0; 22]),
            label: Some(0.0),
            ..Record::default()
        };
        let mut payload = Vec::new();
        encode(&record, &mut payload);
        assert_eq!(payload.len(), 124);
        assert_eq!(
            hex::encode(&payload[..20]),
            "0a660a0676616c756573125c125a0a580000803f".to_owned()
        );
        assert_eq!(
            hex::encode(&payload[104..]),
            "12120a0676616c75657312081206".to_owned() + "0a0400000000"
        );
        assert_eq!(decode(&payload).unwrap(), record);
    }

    #[test]
    fn unpacked_numbers_are_read() {
        // values 1.5 and 2.5 as fixed32 each, keys 0 and 3 and shape 4 as varints.
        let tensor = [
            vec![0x0d],
            1.5_f32.to_le_bytes().to_vec(),
            vec![0x0d],
            2.5_f32.to_le_bytes().to_vec(),
        ]
        .concat();
        let tensor = [tensor, vec![0x10, 0, 0x10, 3, 0x18, 4]].concat();
        let (mut value, mut entry, mut payload) = (Vec::new(), Vec::new(), Vec::new());
        put_bytes(&mut value, 2, &tensor);
        put_bytes(&mut entry, 1, b"values");
        put_bytes(&mut entry, 2, &value);
        put_bytes(&mut payload, 1, &entry);
        let expected = Features::Sparse {
            keys: vec![0, 3],
            values: vec![1.5, 2.5],
            width: 4,
        };
        assert_eq!(decode(&payload).unwrap().features, expected);
    }

    #[test]
    fn other_tensors_are_named() {
        let mut payload = Vec::new();
        // An entry with key `values` whose value is an empty float64 tensor.
        put_bytes(&mut payload, 1, b"\x0a\x06values\x12\x02\x1a\x00");
        let error = decode_into(&payload, 7, &mut Record::default()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "record 7: features are float64, only float32 is read"
        );
    }

    #[test]
    fn sparse_rows_must_fit_their_shape() {
        let mut payload = Vec::new();
        put_tensor(&mut payload, 1, "values", &[1.0], &[4], &[4]);
        assert!(
            decode(&payload)
                .unwrap_err()
                .to_string()
                .contains("not below the shape")
        );
        payload.clear();
        put_tensor(&mut payload, 1, "values", &[1.0], &[4], &[]);
        assert!(decode(&payload).unwrap_err().to_string().contains("need a shape"));
        payload.clear();
        put_tensor(&mut payload, 1, "values", &[], &[], &[9]);
        let zeros = Features::Sparse {
            keys: Vec::new(),
            values: Vec::new(),
            width: 9,
        };
        assert_eq!(decode(&payload).unwrap().features, zeros);
    }
}
