//! The standard library's own documentation, read from the sources that rustup's `rust-src` puts beside the toolchain.
//!
//! They are compiled for rustdoc as the toolchain's own build does, against the
//! libraries that it ships; a toolchain that does not allow it has an index without them.

use std::path::Path;

use super::build::{Documented, Sources};
use crate::toolchain::Toolchain;

/// What `core`, `alloc` and `std` are read with.
pub(super) fn crates(toolchain: &Toolchain) -> Vec<Documented> {
    let Some(libraries) = toolchain.libstd.parent() else {
        return Vec::new();
    };
    // <sysroot>/lib/rustlib/<target>/lib beside <sysroot>/lib/rustlib/src/rust/library
    let sources = libraries
        .ancestors()
        .nth(2)
        .map(|rustlib| rustlib.join("src/rust/library"));
    let Some(sources) = sources.filter(|sources| sources.is_dir()) else {
        tracing::warn!("without `rustup component add rust-src` the index knows nothing of the standard library");
        return Vec::new();
    };
    let architecture = toolchain
        .host()
        .and_then(|host| host.split('-').next())
        .unwrap_or("x86_64");
    ["core", "alloc", "std"]
        .into_iter()
        .map(|name| {
            let folder = sources.join(name);
            let of_std = name == "std";
            Documented {
                name: name.to_owned(),
                crate_name: name.to_owned(),
                version: String::new(),
                edition: "2024".to_owned(),
                source: folder.join("src/lib.rs"),
                folder,
                features: match of_std {
                    true => ["backtrace", "panic_unwind", "std_detect_file_io"]
                        .map(str::to_owned)
                        .into(),
                    false => Vec::new(),
                },
                cfgs: of_std.then(|| "backtrace_in_libstd".to_owned()).into_iter().collect(),
                env: of_std
                    .then(|| ("STD_ENV_ARCH".to_owned(), architecture.to_owned()))
                    .into_iter()
                    .collect(),
                dependencies: match of_std {
                    true => below_std(libraries),
                    false => Vec::new(),
                },
                kind: Sources::Standard,
            }
        })
        .collect()
}

/// The crates that `std` itself is made of.
fn below_std(libraries: &Path) -> Vec<(String, std::path::PathBuf)> {
    let entries = std::fs::read_dir(libraries)
        .into_iter()
        .flatten()
        .filter_map(Result::ok);
    let mut found = Vec::new();
    for entry in entries {
        let file = entry.file_name();
        let name = file
            .to_str()
            .and_then(|file| file.strip_prefix("lib")?.strip_suffix(".rmeta"));
        let Some((name, _)) = name.and_then(|name| name.rsplit_once('-')) else {
            continue;
        };
        if !["std", "test", "proc_macro", "sysroot"].contains(&name) {
            found.push((name.to_owned(), entry.path()));
        }
    }
    found.sort();
    found
}
