//! `model_algo-1` and `model.tar.gz`.

use ironsage_formats::artifact::{self, Card, Limits};
use ironsage_formats::model_algo::{self, AdditionalParams, Coefficients, MetricsParams, ModelAlgo};
use ironsage_formats::{FormatError, mxnet};
use std::fs;
use std::io::Read;
use std::path::Path;

/// `mx-mod-0000.params` of a real binary classifier of 14 features, of AWS's own examples (2023).
const REAL_PARAMS: &str = "120100000000000000000000000000000200000000000000c9fa93f900000000\
    020000000e000000000000000100000000000000010000000000000000000000\
    9a53213dd61503be026f58b281170f3d79f1b43e161c85be3f2378bb31dae7bd\
    a759cc3d73cb643f239ea639dcc12d3ae75b0a3dcfdb653cc9fa93f900000000\
    0200000001000000000000000100000000000000010000000000000000000000\
    ac5d11c102000000000000000e000000000000006172673a6663305f77656967\
    68740c000000000000006172673a6663305f62696173";

fn model() -> ModelAlgo {
    ModelAlgo {
        coefficients: Coefficients {
            features: 2,
            outputs: 1,
            weight: vec![1.5, -2.0],
            bias: vec![0.25],
        },
        params: AdditionalParams {
            threshold: 0.5,
            loss_type: "squared_loss".to_owned(),
            predictor_type: "regressor".to_owned(),
            metrics_params: MetricsParams::default(),
        },
        counter: 57,
        bias_lr_mult: 10.0,
    }
}

#[test]
fn a_real_parameter_file_is_read_and_written_again_byte_for_byte() {
    let bytes = hex::decode(REAL_PARAMS).unwrap();
    assert_eq!(bytes.len(), 214);
    let arrays = mxnet::read(&bytes).unwrap();
    assert_eq!(
        (arrays[0].name.as_str(), arrays[0].shape.as_slice()),
        ("arg:fc0_weight", &[14, 1][..])
    );
    assert_eq!(mxnet::write(&arrays), bytes);
}

#[test]
fn model_algo_is_a_plain_zip_of_four_stored_members() {
    let bytes = model().to_bytes();
    assert_eq!(bytes, model().to_bytes());
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(&bytes)).unwrap();
    let mut names = Vec::new();
    for at in 0..archive.len() {
        let mut member = archive.by_index(at).unwrap();
        assert_eq!(member.compression(), zip::CompressionMethod::Stored);
        assert_eq!(
            (member.unix_mode(), member.version_made_by()),
            (Some(0o100_644), (2, 0))
        );
        assert!(member.extra_data().is_none_or(<[u8]>::is_empty));
        let mut content = String::new();
        if member.name() == "manifest.json" {
            member.read_to_string(&mut content).unwrap();
            assert_eq!(content.len(), 74);
        }
        names.push(member.name().to_owned());
    }
    assert_eq!(
        names,
        [
            "manifest.json",
            "additional-params.json",
            "mx-mod-symbol.json",
            "mx-mod-0000.params"
        ]
    );
    let read = ModelAlgo::from_bytes(&bytes).unwrap();
    assert_eq!((read.coefficients, read.params), (model().coefficients, model().params));
}

#[test]
fn a_model_without_members_says_which() {
    let mut bytes = model().to_bytes();
    let place = bytes
        .windows(18)
        .rposition(|window| window == b"mx-mod-0000.params")
        .unwrap();
    bytes[place] = b'X';
    let error = ModelAlgo::from_bytes(&bytes).unwrap_err().to_string();
    assert!(error.starts_with("archive member mx-mod-0000.params"), "{error}");
}

#[test]
fn the_same_folder_gives_the_same_bytes_and_comes_back() {
    let [one, other, back] = [(); 3].map(|()| tempfile::tempdir().unwrap());
    for folder in [&one, &other] {
        fs::write(folder.path().join(model_algo::FILE_NAME), model().to_bytes()).unwrap();
        fs::create_dir(folder.path().join("more")).unwrap();
        fs::write(folder.path().join("more/notes.txt"), "x").unwrap();
        let card = Card {
            version: 1,
            task: "regressor".to_owned(),
            features: vec!["length".to_owned()],
            ..Card::default()
        };
        artifact::write_card(folder.path(), &card).unwrap();
    }
    let pack = |folder: &Path| {
        let mut bytes = Vec::new();
        artifact::pack(folder, &mut bytes).unwrap();
        bytes
    };
    let bytes = pack(one.path());
    assert_eq!(bytes, pack(other.path()));
    artifact::unpack(bytes.as_slice(), back.path()).unwrap();
    assert_eq!(pack(back.path()), bytes);
    assert_eq!(artifact::read_card(back.path()).unwrap().unwrap().features, ["length"]);
    assert!(artifact::read_card(&back.path().join("more")).unwrap().is_none());

    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(bytes.as_slice()));
    for entry in archive.entries().unwrap() {
        let header = entry.unwrap().header().clone();
        assert_eq!(
            (header.mode().unwrap(), header.uid().unwrap(), header.gid().unwrap()),
            (0o644, 0, 0)
        );
        assert_eq!(header.username().unwrap().unwrap_or_default(), "");
    }
}

/// A gzip-compressed tar with one member whose path is written as it stands.
fn archive(path: &str, kind: tar::EntryType, content: &[u8]) -> Vec<u8> {
    let mut header = tar::Header::new_gnu();
    header.as_mut_bytes()[..path.len()].copy_from_slice(path.as_bytes());
    header.set_entry_type(kind);
    header.set_mode(0o644);
    header.set_size(content.len() as u64);
    if kind.is_symlink() || kind.is_hard_link() {
        header.set_link_name("/etc/passwd").unwrap();
    }
    header.set_cksum();
    let mut builder = tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast()));
    builder.append(&header, content).unwrap();
    builder.into_inner().unwrap().finish().unwrap()
}

#[test]
fn archives_stay_in_their_folder() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("inside");
    for path in ["../out", "/tmp/ironsage-out", "a/../../out"] {
        let bytes = archive(path, tar::EntryType::Regular, b"x");
        let refused = artifact::unpack(bytes.as_slice(), &folder);
        assert!(matches!(refused, Err(FormatError::Unsafe { .. })), "{path}");
    }
    for kind in [
        tar::EntryType::Symlink,
        tar::EntryType::Link,
        tar::EntryType::Fifo,
        tar::EntryType::Char,
    ] {
        let refused = artifact::unpack(archive("x", kind, b"").as_slice(), &folder);
        assert!(matches!(refused, Err(FormatError::Unsafe { .. })), "{kind:?}");
    }
    assert!(!place.path().join("out").exists());
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
}

#[test]
fn a_link_that_is_there_already_is_not_followed() {
    let place = tempfile::tempdir().unwrap();
    fs::write(place.path().join("victim"), "kept").unwrap();
    fs::create_dir(place.path().join("inside")).unwrap();
    std::os::unix::fs::symlink(place.path().join("victim"), place.path().join("inside/x")).unwrap();
    artifact::unpack(
        archive("x", tar::EntryType::Regular, b"new").as_slice(),
        &place.path().join("inside"),
    )
    .unwrap();
    assert_eq!(fs::read_to_string(place.path().join("victim")).unwrap(), "kept");
    assert_eq!(fs::read_to_string(place.path().join("inside/x")).unwrap(), "new");
}

#[test]
fn bombs_end_at_the_limit() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = archive("zeros", tar::EntryType::Regular, &vec![0; 1 << 20]);
    assert!(bytes.len() < 100_000);
    let refused = artifact::unpack_within(
        bytes.as_slice(),
        folder.path(),
        Limits {
            files: 10,
            bytes: 1 << 16,
        },
    );
    assert!(matches!(refused, Err(FormatError::TooLarge { .. })), "{refused:?}");
    assert!(artifact::unpack(&bytes[..bytes.len() / 2], folder.path()).is_err());
    assert!(artifact::unpack(&b"not an archive"[..], folder.path()).is_err());
}
