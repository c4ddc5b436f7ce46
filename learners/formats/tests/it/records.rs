//! RecordIO, CSV and MXNet parameters: what is written is read, and no bytes make a reader panic.

use ironsage_formats::recordio::{self, Features, Frames, MAGIC, Reader, Record, Writer};
use ironsage_formats::{FormatError, csv, mxnet};
use proptest::prelude::*;

fn features() -> impl Strategy<Value = Features> {
    let dense = prop::collection::vec(any::<i16>().prop_map(f32::from), 1..40).prop_map(Features::Dense);
    let entry = (any::<u64>(), any::<i16>());
    let sparse = (prop::collection::vec(entry, 0..40), 1_u64..100_000).prop_map(|(entries, width)| Features::Sparse {
        keys: entries.iter().map(|(key, _)| key % width).collect(),
        values: entries.iter().map(|(_, value)| f32::from(*value)).collect(),
        width,
    });
    prop_oneof![dense, sparse]
}

fn record() -> impl Strategy<Value = Record> {
    let text = || prop::option::of(".{0,20}");
    (
        features(),
        prop::option::of(any::<i16>().prop_map(f32::from)),
        text(),
        text(),
    )
        .prop_map(|(features, label, uid, metadata)| Record {
            features,
            label,
            uid,
            metadata,
            configuration: None,
        })
}

proptest! {
    #[test]
    fn records_come_back(records in prop::collection::vec(record(), 0..8)) {
        let mut writer = Writer::new(Vec::new());
        for record in &records {
            writer.write(record).unwrap();
        }
        let bytes = writer.finish().unwrap();
        prop_assert_eq!(bytes.len() % 4, 0);
        let read: Vec<Record> = Reader::new(bytes.as_slice()).collect::<Result<_, _>>().unwrap();
        // One all-zero sparse row of one column is the same as a dense row of none: nothing else may differ.
        prop_assert_eq!(read, records);
    }

    #[test]
    fn no_bytes_make_a_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = recordio::decode(&bytes);
        let _ = mxnet::read(&bytes);
        let _ = Reader::new(bytes.as_slice()).take(10).count();
        let _ = csv::Reader::new(bytes.as_slice()).read(&mut Vec::new());
        let _ = ironsage_formats::model_algo::ModelAlgo::from_bytes(&bytes);
        let _ = ironsage_formats::model_algo::AdditionalParams::from_json(&String::from_utf8_lossy(&bytes));
        let framed = [&MAGIC.to_le_bytes()[..], &bytes].concat();
        let _ = Reader::new(framed.as_slice()).take(10).count();
    }

    #[test]
    fn a_damaged_file_is_an_error_or_other_records(record in record(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut writer = Writer::new(Vec::new());
        writer.write(&record).unwrap();
        let mut bytes = writer.finish().unwrap();
        let place = at.index(bytes.len());
        bytes[place] = byte;
        let _ = Reader::new(bytes.as_slice()).take(5).count();
        let cut = Reader::new(&bytes[..place]).next();
        prop_assert!(place == 0 || matches!(cut, Some(Err(_))));
    }

    #[test]
    fn rows_of_text_come_back(rows in prop::collection::vec(prop::collection::vec(any::<f32>().prop_filter("finite", |value| value.is_finite()), 3), 1..9)) {
        let mut text = Vec::new();
        for row in &rows {
            csv::write_row(&mut text, Some(row[0]), &row[1..]).unwrap();
        }
        let mut reader = csv::Reader::new(text.as_slice());
        for row in &rows {
            let mut features = Vec::new();
            prop_assert_eq!(reader.read(&mut features).unwrap(), Some(row[0]));
            prop_assert_eq!(&features, &row[1..]);
        }
    }
}

fn frame(flag: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = MAGIC.to_le_bytes().to_vec();
    bytes.extend((flag << 29 | payload.len() as u32).to_le_bytes());
    bytes.extend(payload);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

#[test]
fn split_records_are_joined_with_the_magic_between() {
    let bytes = [
        frame(1, b"head"),
        frame(2, b"body"),
        frame(3, b"end"),
        frame(0, b"next!"),
    ]
    .concat();
    let mut frames = Frames::new(bytes.as_slice());
    let joined = [
        &b"head"[..],
        &MAGIC.to_le_bytes(),
        b"body",
        &MAGIC.to_le_bytes(),
        b"end",
    ]
    .concat();
    assert_eq!(frames.read().unwrap().unwrap(), joined);
    assert_eq!(frames.read().unwrap().unwrap(), b"next!");
    assert!(frames.read().unwrap().is_none());
    assert!(matches!(
        Frames::new(&frame(2, b"body")[..]).read(),
        Err(FormatError::Malformed { .. })
    ));
    assert!(matches!(
        Frames::new(&frame(1, b"head")[..]).read(),
        Err(FormatError::Truncated { .. })
    ));
}

#[test]
fn a_claimed_length_takes_no_memory() {
    let mut bytes = MAGIC.to_le_bytes().to_vec();
    bytes.extend(((1_u32 << 29) - 1).to_le_bytes());
    assert!(matches!(
        Frames::new(bytes.as_slice()).read(),
        Err(FormatError::TooLarge { .. })
    ));
    assert!(matches!(
        Frames::new(bytes.as_slice()).with_limit(1 << 30).read(),
        Err(FormatError::Truncated { .. })
    ));
}

#[test]
fn answers_carry_score_and_label() {
    let request = Record {
        uid: Some("u".to_owned()),
        ..Record::default()
    };
    let mut payload = Vec::new();
    recordio::encode_prediction(&[0.5], Some(1.0), &request, &mut payload);
    let expected =
        "12110a0573636f7265120812060a040000003f121b0a0f7072656469637465645f6c6162656c120812060a040000803f1a0175";
    assert_eq!(hex::encode(payload), expected);
}

#[test]
fn mxnet_parameters_come_back_and_have_the_real_files_bytes() {
    let arrays = [
        mxnet::Array::float32("arg:fc0_weight", &[2, 3], vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]),
        mxnet::Array::float32("arg:fc0_bias", &[1, 3], vec![7.0, 8.0, 9.0]),
    ];
    let bytes = mxnet::write(&arrays);
    // A real artifact of 2 features and 3 classes has 190 bytes, the second array at byte 88, the names at 140.
    assert_eq!(bytes.len(), 190);
    assert_eq!(hex::encode(&bytes[88..92]), "c9fa93f9");
    assert_eq!(hex::encode(&bytes[140..156]), "02000000000000000e00000000000000");
    assert_eq!(mxnet::read(&bytes).unwrap(), arrays);
    for cut in 0..bytes.len() {
        assert!(mxnet::read(&bytes[..cut]).is_err(), "{cut} bytes");
    }
}
