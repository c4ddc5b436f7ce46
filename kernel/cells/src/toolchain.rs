//! The Rust toolchain that cells use: found the way evcxr finds it, so that both mean the same.

use std::path::{Path, PathBuf};
use std::process::Command;

/// No usable toolchain.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ToolchainError {
    /// No `rustc` anywhere.
    #[error("there is no `rustc` on the PATH, nor through rustup")]
    NoCompiler,
    /// `rustc` did not answer.
    #[error("`{} {argument}` failed: {reason}", rustc.display())]
    NoAnswer {
        /// The compiler that was asked.
        rustc: PathBuf,
        /// What it was asked.
        argument: String,
        /// What happened.
        reason: String,
    },
    /// The toolchain has no shared standard library.
    #[error("the toolchain in {} has no shared standard library (libstd-*.so)", folder.display())]
    NoSharedStd {
        /// Where it should be.
        folder: PathBuf,
    },
}

impl ToolchainError {
    /// How to get one.
    pub fn hint(&self) -> Option<String> {
        Some("install Rust by rustup (https://rustup.rs)".to_owned())
    }
}

/// A compiler with what cells need of it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Toolchain {
    /// The compiler itself, not rustup's proxy.
    pub rustc: PathBuf,
    /// What `rustc -vV` says: the identity of the toolchain.
    pub version: String,
    /// The shared standard library.
    pub libstd: PathBuf,
}

impl Toolchain {
    /// Finds the toolchain of the current folder.
    pub fn find() -> Result<Toolchain, ToolchainError> {
        let rustc = which("rustc").ok_or(ToolchainError::NoCompiler)?;
        let version = ask(&rustc, "-vV")?;
        let folder = PathBuf::from(ask(&rustc, "--print=target-libdir")?.trim());
        let libstd = shared_std(&folder).ok_or(ToolchainError::NoSharedStd { folder })?;
        Ok(Toolchain { rustc, version, libstd })
    }

    /// What people call it: `rustc 1.95.0`.
    pub fn name(&self) -> String {
        let words: Vec<&str> = self.version.split_whitespace().take(2).collect();
        words.join(" ")
    }

    /// The target that the compiler builds for by itself.
    pub fn host(&self) -> Option<&str> {
        self.version.lines().find_map(|line| line.strip_prefix("host: "))
    }
}

fn ask(rustc: &Path, argument: &str) -> Result<String, ToolchainError> {
    let failed = |reason: String| ToolchainError::NoAnswer {
        rustc: rustc.to_owned(),
        argument: argument.to_owned(),
        reason,
    };
    let output = Command::new(rustc)
        .arg(argument)
        .output()
        .map_err(|error| failed(error.to_string()))?;
    if !output.status.success() {
        return Err(failed(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn shared_std(folder: &Path) -> Option<PathBuf> {
    std::fs::read_dir(folder)
        .ok()?
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .find(|path| {
            let name = path.file_name().and_then(|name| name.to_str());
            name.is_some_and(|name| name.starts_with("libstd-") && name.ends_with(".so"))
        })
}

/// A tool of the toolchain: through rustup, so that no proxy has to decide at every call, else
/// from the PATH.
pub(crate) fn which(tool: &str) -> Option<PathBuf> {
    let through_rustup = Command::new("rustup").args(["which", tool]).output().ok();
    if let Some(output) = through_rustup.filter(|output| output.status.success()) {
        return Some(PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()));
    }
    on_path(tool)
}

/// A program on the PATH.
pub(crate) fn on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_toolchain_that_built_this_is_found() {
        let toolchain = Toolchain::find().unwrap();
        assert!(toolchain.version.starts_with(&toolchain.name()) && toolchain.name().starts_with("rustc 1."));
        assert!(toolchain.host().is_some());
        assert!(toolchain.libstd.is_file());
    }
}
