//! What this executable carries to build the prelude from: `build.rs` packs it.

/// The workspace's manifests and the sources of the prelude and all of ours below it.
pub(crate) static SOURCES: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/prelude.sources"));

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::path::Path;

    use super::SOURCES;

    #[test]
    fn it_holds_what_the_prelude_is_built_from_and_is_not_large() {
        let workspace = Path::new(&std::env::var("CARGO_MANIFEST_DIR").unwrap()).join("..");
        let folder = tempfile::tempdir().unwrap();
        ironsage_cells::warm::unpack(SOURCES, folder.path()).unwrap();
        let read = |root: &Path, file: &str| std::fs::read(root.join(file)).unwrap();
        for file in [
            "Cargo.toml",
            "Cargo.lock",
            "kernel/prelude/Cargo.toml",
            "kernel/prelude/src/lib.rs",
            "kernel/exchange/src/wire.rs",
            "magics/display/fonts/Roboto-Regular.ttf",
        ] {
            assert_eq!(read(folder.path(), file), read(&workspace, file), "{file}");
        }
        // Cargo wants a target in every member, compiled or not.
        for file in ["kernel/src/main.rs", "magics/src/lib.rs", "aws/local/src/lib.rs"] {
            assert!(read(folder.path(), file).is_empty(), "{file}");
        }
        assert!(SOURCES.len() < 1 << 20, "{} bytes", SOURCES.len());
    }
}
