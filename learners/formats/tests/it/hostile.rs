//! Hostile bytes: arbitrary ones, files cut short, files with bits flipped, and the cases of `tests/corpus`. No reader
//! panics, none goes on for ever, and none takes more memory than a multiple of what it was given.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::path::Path;

use ironsage_formats::recordio::{self, Features, Frames, MAGIC, Reader, Record, Writer};
use ironsage_formats::{csv, libsvm, mxnet};
use proptest::prelude::*;

thread_local! {
    static HELD: Cell<isize> = const { Cell::new(0) };
    static MOST: Cell<isize> = const { Cell::new(0) };
}

/// The system's allocator, which counts what each thread holds.
struct Counting;

fn count(bytes: isize) {
    // A thread that ends frees what it kept for itself after its counters are gone.
    let _ = HELD.try_with(|held| {
        held.set(held.get() + bytes);
        let _ = MOST.try_with(|most| most.set(most.get().max(held.get())));
    });
}

// SAFETY: all work is the system allocator's; counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(place, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// The most memory that was held at once during `work`, beyond what was held before.
fn most_held(work: impl FnOnce()) -> usize {
    let before = HELD.get();
    MOST.set(before);
    work();
    usize::try_from(MOST.get() - before).unwrap_or(0)
}

/// Reads the bytes in every way that a channel, a request or an artifact is read.
fn read_in_all_ways(bytes: &[u8]) {
    let mut frames = Frames::new(bytes);
    while frames.read().is_ok_and(|payload| payload.is_some()) {}
    // Each record takes eight bytes at least: more of them would be a reader that does not move on.
    let records = Reader::new(bytes).take(bytes.len() / 8 + 2).count();
    assert!(
        records <= bytes.len() / 8 + 1,
        "{records} records from {} bytes",
        bytes.len()
    );
    let mut kept = Record::default();
    let mut reader = Reader::new(bytes);
    while reader.read(&mut kept).is_ok_and(|more| more) {}
    let _ = recordio::decode(bytes);
    let _ = mxnet::read(bytes);
    for mut reader in [csv::Reader::new(bytes), csv::Reader::unlabelled(bytes)] {
        let mut row = Vec::new();
        while reader.read(&mut row).is_ok_and(|label| label.is_some()) {
            row.clear();
        }
    }
    let mut reader = libsvm::Reader::new(bytes);
    let mut row = libsvm::Row::default();
    while reader.read(&mut row).is_ok_and(|more| more) {}
}

fn check(bytes: &[u8]) {
    let held = most_held(|| read_in_all_ways(bytes));
    let allowed = 64 * bytes.len() + 16_384;
    assert!(held <= allowed, "{held} bytes held for {} bytes of input", bytes.len());
}

/// A file of a few records, dense and sparse.
fn valid() -> impl Strategy<Value = Vec<u8>> {
    let values = || prop::collection::vec(any::<f32>(), 0..20);
    let dense = values().prop_map(Features::Dense);
    let sparse = (values(), 1_u64..u64::MAX).prop_map(|(values, width)| Features::Sparse {
        keys: (0..values.len() as u64).map(|key| (key * 7919) % width).collect(),
        values,
        width,
    });
    let record = (
        prop_oneof![dense, sparse],
        prop::option::of(any::<f32>()),
        prop::option::of(".{0,12}"),
    );
    prop::collection::vec(record, 1..6).prop_map(|records| {
        let mut writer = Writer::new(Vec::new());
        for (features, label, uid) in records {
            let record = Record {
                features,
                label,
                uid,
                ..Record::default()
            };
            writer.write(&record).unwrap();
        }
        writer.finish().unwrap()
    })
}

proptest! {
    #[test]
    fn arbitrary_bytes(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        check(&bytes);
        check(&[&MAGIC.to_le_bytes()[..], &bytes].concat());
    }

    #[test]
    fn valid_files_cut_short_and_with_flipped_bits(
        bytes in valid(),
        cut in any::<prop::sample::Index>(),
        flips in prop::collection::vec((any::<prop::sample::Index>(), 0_u32..8), 0..6),
    ) {
        let mut bytes = bytes;
        for (place, bit) in flips {
            let place = place.index(bytes.len());
            bytes[place] ^= 1 << bit;
        }
        check(&bytes);
        check(&bytes[..cut.index(bytes.len())]);
    }

    #[test]
    fn text_that_is_nearly_csv(text in "([-+0-9.eE,\"\r\n ]|nan|inf|\u{feff}|ü){0,120}") {
        check(text.as_bytes());
    }

    #[test]
    fn text_that_is_nearly_libsvm(text in "([-+0-9.e: #\r\n]|qid:|nan|inf|\u{feff}|ü| [0-9]{1,20}:1){0,80}") {
        check(text.as_bytes());
    }
}

#[test]
fn the_corpus() {
    let corpus = Path::new(&std::env::var("CARGO_MANIFEST_DIR").unwrap()).join("tests/corpus");
    let mut count = 0;
    for kind in ["recordio", "csv", "libsvm"] {
        for entry in corpus.join(kind).read_dir().unwrap() {
            check(&std::fs::read(entry.unwrap().path()).unwrap());
            count += 1;
        }
    }
    assert!(count >= 30, "{count} files");
}
