//! What a frame must keep on its way to another process: every type, nulls, chunks, emptiness.
#![allow(clippy::unwrap_used, missing_docs)]

mod scan;

use ironsage_exchange::{map, share};
use polars::prelude::*;
use proptest::prelude::*;

fn round_trip(frame: &DataFrame) -> DataFrame {
    let shared = share(frame).unwrap();
    assert_eq!(shared.rows(), frame.height());
    assert!(!shared.is_empty());
    map(&shared.path()).unwrap()
}

fn same(frame: &DataFrame) {
    let back = round_trip(frame);
    assert_eq!(back.schema(), frame.schema());
    assert_eq!(back.height(), frame.height());
    assert!(back.equals_missing(frame), "{back} is not {frame}");
}

#[test]
fn all_dtypes_keep_their_values_and_nulls() {
    let mut frame = df!(
        "i8" => [Some(1i8), None, Some(-3)],
        "i64" => [Some(i64::MAX), None, Some(i64::MIN)],
        "u16" => [Some(1u16), Some(2), None],
        "f32" => [Some(1.5f32), Some(f32::NEG_INFINITY), None],
        "f64" => [Some(1.5f64), None, Some(-0.0)],
        "bool" => [Some(true), None, Some(false)],
        "text" => [Some("short"), None, Some("a string that is longer than twelve bytes, ünïcode 🐚")],
    )
    .unwrap();
    let days = Series::new("date".into(), [Some(1i32), None, Some(20_000)])
        .cast(&DataType::Date)
        .unwrap();
    let moments = Series::new("when".into(), [Some(1_700_000_000_000i64), None, Some(0)])
        .cast(&DataType::Datetime(
            TimeUnit::Milliseconds,
            TimeZone::opt_try_new(Some("Europe/Berlin")).unwrap(),
        ))
        .unwrap();
    let spans = Series::new("span".into(), [Some(5i64), None, Some(-5)])
        .cast(&DataType::Duration(TimeUnit::Microseconds))
        .unwrap();
    let sexes = Series::new("sex".into(), [Some("F"), None, Some("M")])
        .cast(&DataType::from_categories(Categories::global()))
        .unwrap();
    let lists = Series::new(
        "list".into(),
        [
            Series::new("".into(), [1i64, 2]),
            Series::new("".into(), Vec::<i64>::new()),
            Series::new("".into(), [3i64]),
        ],
    );
    let pairs = df!("a" => [1i32, 2, 3], "b" => ["x", "y", "z"])
        .unwrap()
        .into_struct("pair".into())
        .into_series();
    for series in [days, moments, spans, sexes, lists, pairs] {
        frame.with_column(series.into()).unwrap();
    }
    same(&frame);
}

#[test]
fn emptiness_is_kept() {
    same(&df!("x" => Vec::<i64>::new(), "s" => Vec::<String>::new()).unwrap());
    same(&DataFrame::empty());
}

#[test]
fn several_chunks_and_a_scalar_column_are_kept() {
    let mut frame = df!("x" => [1i64, 2], "s" => ["a", "b"]).unwrap();
    frame
        .vstack_mut(&df!("x" => [3i64], "s" => [None::<&str>]).unwrap())
        .unwrap();
    frame
        .with_column(Column::new_scalar("k".into(), Scalar::from(7i32), frame.height()))
        .unwrap();
    let back = round_trip(&frame);
    assert!(back.equals_missing(&frame));
}

#[test]
fn a_large_frame_arrives_in_several_batches() {
    let rows = 6_000_000i64;
    let frame =
        df!("x" => (0..rows).collect::<Vec<_>>(), "y" => (0..rows).map(|i| i as f64).collect::<Vec<_>>()).unwrap();
    let back = round_trip(&frame);
    assert!(back.first_col_n_chunks() > 1);
    assert!(back.equals(&frame));
}

#[test]
fn large_nested_texts_are_written_once() {
    let text = "a text that is longer than twelve bytes, and so not kept inline; ".repeat(8);
    let rows = 150_000u32;
    let texts = df!("text" => vec![text.as_str(); rows as usize], "row" => (0..rows).collect::<Vec<_>>()).unwrap();
    let lists = texts
        .lazy()
        .group_by_stable([col("row") / lit(3)])
        .agg([col("text")])
        .collect()
        .unwrap();
    let shared = share(&lists).unwrap();
    let bytes = lists.estimated_size() as u64;
    assert!(
        bytes > 64 << 20 && shared.len() < bytes * 2,
        "{} for {bytes}",
        shared.len()
    );
    assert!(map(&shared.path()).unwrap().equals(&lists));
}

#[test]
fn slices_share_only_their_rows() {
    let frame = df!("x" => (0..100_000i64).collect::<Vec<_>>()).unwrap();
    let slice = frame.slice(99_990, 10);
    let shared = share(&slice).unwrap();
    assert!(shared.len() < 4096, "{} bytes for ten rows", shared.len());
    assert!(map(&shared.path()).unwrap().equals(&slice));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_frame_of_numbers_and_text_arrives(
        rows in prop::collection::vec((any::<Option<i64>>(), any::<Option<f64>>(), any::<Option<String>>()), 0..60)
    ) {
        let (mut a, mut b, mut c) = (Vec::new(), Vec::new(), Vec::new());
        for (x, y, z) in rows {
            a.push(x);
            b.push(y);
            c.push(z);
        }
        let frame = df!("a" => a, "b" => b, "c" => c).unwrap();
        prop_assert!(round_trip(&frame).equals_missing(&frame));
    }
}
