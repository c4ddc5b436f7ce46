//! What `:dep` adds is compiled against the prelude's own crates: one type, one runtime, one of every static.

use crate::support::{Lab, Seen, Shown, Test};

pub const TESTS: &[Test] = &[
    ("deps::a_runtime_is_the_same", a_runtime_is_the_same),
    (
        "deps::a_feature_that_is_missing_is_told",
        a_feature_that_is_missing_is_told,
    ),
    ("deps::an_array_is_the_same", an_array_is_the_same),
    ("deps::a_frame_is_the_same", a_frame_is_the_same),
    ("deps::code_that_calls_c", code_that_calls_c),
    ("deps::a_copy_of_the_users_own_is_his", a_copy_of_the_users_own_is_his),
    ("deps::a_crate_that_does_not_exist", a_crate_that_does_not_exist),
];

/// What a person was told of crates that had to be compiled, in order.
fn progress(seen: &Seen) -> Vec<String> {
    let told = seen.all().into_iter().filter_map(|shown| match shown {
        Shown::Live(mime, _) | Shown::Update(mime, _) => Some(mime["text/plain"].clone()),
        _ => None,
    });
    told.collect()
}

/// The prelude holds both, and all that they stand on.
fn a_runtime_is_the_same(lab: &mut Lab) {
    let (_, seen) = lab.ok(":dep tokio = { version = \"1\", features = [\"full\"] }\n:dep tokio-util = \"0.7\"\n1");
    let told = progress(&seen);
    assert!(told.is_empty(), "nothing had to be compiled, and yet: {told:?}");
    let code = "\
let token = tokio_util::sync::CancellationToken::new();
let waiting = token.clone();
let both = block_on(async move {
    let waiter = tokio::spawn(async move { waiting.cancelled().await; 7 });
    tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    token.cancel();
    waiter.await
})?;
both";
    assert_eq!(lab.value(code), "7");
}

fn an_array_is_the_same(lab: &mut Lab) {
    let (_, seen) = lab.ok(":dep ndarray-stats = \"0.7\"\nuse ndarray_stats::SummaryStatisticsExt;");
    let told = progress(&seen);
    let last = told.last().expect("ndarray-stats has to be compiled");
    let crates = last
        .strip_prefix("compiled ")
        .and_then(|rest| rest.split_once(" crates"))
        .and_then(|(count, _)| count.parse::<usize>().ok());
    assert!(crates.is_some_and(|count| count < 20), "{told:?}");
    assert!(
        !told.iter().any(|text| text.starts_with("compiling ndarray ")),
        "{told:?}"
    );
    lab.ok("let values = ironsage_prelude::ndarray::array![1.0f64, 2.0, 4.0];");
    assert_eq!(lab.value("values.geometric_mean()?"), "2.0");
}

/// A crate of the user's own, which asks for Polars as anyone would.
fn a_frame_is_the_same(lab: &mut Lab) {
    // It stays a dependency as long as the session lasts.
    let folder = std::env::temp_dir().join(format!("ironsage-cells-{}/shell-tools", std::process::id()));
    std::fs::create_dir_all(folder.join("src")).unwrap();
    std::fs::write(
        folder.join("Cargo.toml"),
        "[package]\nname = \"shell-tools\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[dependencies]\npolars = { version = \"0.55\", default-features = false, features = [\"lazy\"] }\n",
    )
    .unwrap();
    std::fs::write(
        folder.join("src/lib.rs"),
        "pub fn large(frame: &polars::prelude::DataFrame) -> usize { frame.height() * 2 }\n",
    )
    .unwrap();
    let path = folder.display();
    lab.ok(&format!(
        ":dep shell-tools = {{ path = \"{path}\" }}\nuse polars::prelude::*;"
    ));
    assert_eq!(
        lab.value("let frame = df!(\"a\" => [1, 2])?; shell_tools::large(&frame)"),
        "4"
    );
}

fn a_feature_that_is_missing_is_told(lab: &mut Lab) {
    let (_, seen) =
        lab.ok(":dep either = { version = \"1\", features = [\"serde\"] }\neither::Either::<i32, u8>::Left(1)");
    let told = seen.all().into_iter().filter_map(|shown| match shown {
        Shown::Err(text) => Some(text),
        _ => None,
    });
    let told: String = told.collect();
    assert!(told.contains("either") && told.contains("`serde`"), "{told}");
}

/// Its generic code is compiled into the cell, and the C library has to be there.
fn code_that_calls_c(lab: &mut Lab) {
    lab.ok(":dep zstd = \"0.13\"\nlet packed = zstd::encode_all(&b\"shells\"[..], 3)?;");
    assert_eq!(
        lab.value("String::from_utf8(zstd::decode_all(&packed[..])?)?"),
        "\"shells\""
    );
}

/// It has the name and the version of one that is ready here, and is another.
fn a_copy_of_the_users_own_is_his(lab: &mut Lab) {
    let lock: toml::Table = std::fs::read_to_string("../../Cargo.lock").unwrap().parse().unwrap();
    let known = lock["package"]
        .as_array()
        .unwrap()
        .iter()
        .find(|package| package["name"].as_str() == Some("fnv"));
    let version = known.unwrap()["version"].as_str().unwrap();
    let folder = std::env::temp_dir().join(format!("ironsage-cells-{}/fnv", std::process::id()));
    std::fs::create_dir_all(folder.join("src")).unwrap();
    let manifest = format!("[package]\nname = \"fnv\"\nversion = \"{version}\"\nedition = \"2024\"\n");
    std::fs::write(folder.join("Cargo.toml"), manifest).unwrap();
    std::fs::write(
        folder.join("src/lib.rs"),
        "pub fn whose() -> &'static str { \"mine\" }\n",
    )
    .unwrap();
    let path = folder.display();
    assert_eq!(
        lab.value(&format!(":dep fnv = {{ path = \"{path}\" }}\nfnv::whose()")),
        "\"mine\""
    );
}

fn a_crate_that_does_not_exist(lab: &mut Lab) {
    let (error, _) = lab.error(":dep ironsage-has-no-such-crate = \"1\"\n1");
    assert!(error.to_string().contains("ironsage-has-no-such-crate"), "{error}");
    assert_eq!(lab.value("6 * 7"), "42");
}
