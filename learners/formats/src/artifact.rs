//! `model.tar.gz`, and the card that travels in it.
//!
//! Packing is deterministic: the same folder gives the same bytes, laid out as the real service's archives are
//! (plain files, mode 0644, owner 0). Unpacking trusts nothing: no path leaves the folder, no link or device is
//! made, and sizes are bounded while they are read, not as they are claimed.

use crate::FormatError;
use flate2::Compression;
use flate2::read::MultiGzDecoder;
use serde::{Deserialize, Serialize};
use std::fs;
use std::io::{Read, Write};
use std::path::{Component, Path, PathBuf};

/// The card's file beside `model_algo-1`.
pub const CARD_NAME: &str = "ironsage.json";

/// What a raw frame needs to become the model's input, and its output to be understood.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Card {
    /// The card's own version, 1.
    pub version: u32,
    /// Such as `linear-learner`.
    pub algorithm: String,
    /// `regressor`, `binary_classifier` or `multiclass_classifier`.
    pub task: String,
    /// The label's column or condition.
    pub label: String,
    /// The model's inputs in order, after the recipe.
    pub features: Vec<String>,
    /// The raw columns that a caller sends.
    pub inputs: Vec<Input>,
    /// The fitted recipe, where there is one.
    #[serde(default)]
    pub recipe: Option<serde_json::Value>,
    /// What class 1 stands for.
    #[serde(default)]
    pub positive: Option<String>,
    /// What the classes stand for, in order.
    #[serde(default)]
    pub classes: Vec<String>,
}

/// A raw column that a caller sends.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Input {
    /// Its name.
    pub name: String,
    /// Its type, as the frame names it.
    pub dtype: String,
}

/// Writes the card into a folder.
///
/// # Errors
/// [`FormatError::Io`].
pub fn write_card(folder: &Path, card: &Card) -> Result<(), FormatError> {
    let text = serde_json::to_vec_pretty(card).map_err(std::io::Error::from)?;
    Ok(fs::write(folder.join(CARD_NAME), text)?)
}

/// Reads the card of a folder, where there is one.
///
/// # Errors
/// [`FormatError::Io`], [`FormatError::Malformed`] for a file that is no card.
pub fn read_card(folder: &Path) -> Result<Option<Card>, FormatError> {
    let text = match fs::read(folder.join(CARD_NAME)) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let read = serde_json::from_slice(&text);
    read.map(Some)
        .map_err(|error| FormatError::malformed("card", CARD_NAME, error.to_string()))
}

/// Packs a folder's files, in the order of their names, into a gzip-compressed tar.
///
/// # Errors
/// [`FormatError::Io`]; [`FormatError::Unsafe`] for a link or a device in the folder.
pub fn pack(folder: &Path, to: impl Write) -> Result<(), FormatError> {
    let mut files = Vec::new();
    collect(folder, Path::new(""), &mut files)?;
    files.sort();
    // GzEncoder::new writes no name and no time into its header.
    let mut archive = tar::Builder::new(flate2::write::GzEncoder::new(to, Compression::default()));
    archive.mode(tar::HeaderMode::Deterministic);
    for relative in files {
        let mut file = fs::File::open(folder.join(&relative))?;
        let mut header = tar::Header::new_ustar();
        header.set_size(file.metadata()?.len());
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header.set_entry_type(tar::EntryType::Regular);
        archive.append_data(&mut header, &relative, &mut file)?;
    }
    archive.into_inner()?.finish()?.flush()?;
    Ok(())
}

fn collect(folder: &Path, relative: &Path, files: &mut Vec<PathBuf>) -> Result<(), FormatError> {
    for entry in fs::read_dir(folder.join(relative))? {
        let entry = entry?;
        let path = relative.join(entry.file_name());
        let kind = entry.file_type()?;
        if kind.is_dir() {
            collect(folder, &path, files)?;
        } else if kind.is_file() {
            files.push(path);
        } else {
            return Err(refused(&path, "links and devices are not packed"));
        }
    }
    Ok(())
}

/// The most that unpacking takes.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Files.
    pub files: usize,
    /// Bytes of all files together.
    pub bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            files: 10_000,
            bytes: 32 << 30,
        }
    }
}

/// Unpacks a `model.tar.gz` into a folder, which is made where it is missing.
///
/// # Errors
/// [`FormatError::Unsafe`] for a member that would land outside or is no plain file or folder,
/// [`FormatError::TooLarge`], [`FormatError::Io`] for what is no gzip-compressed tar.
pub fn unpack(from: impl Read, folder: &Path) -> Result<(), FormatError> {
    unpack_within(from, folder, Limits::default())
}

/// [`unpack`] with other limits.
///
/// # Errors
/// As [`unpack`].
pub fn unpack_within(from: impl Read, folder: &Path, limits: Limits) -> Result<(), FormatError> {
    fs::create_dir_all(folder)?;
    // The archive itself is cut too: a bomb of headers holds no files.
    let bound = limits
        .bytes
        .saturating_add((limits.files as u64 + 1).saturating_mul(4096));
    let mut archive = tar::Archive::new(MultiGzDecoder::new(from).take(bound));
    let (mut files, mut left) = (0, limits.bytes);
    for entry in archive.entries()? {
        let mut entry = entry?;
        let path = entry.path()?.into_owned();
        let target = folder.join(inside(&path)?);
        files += 1;
        if files > limits.files {
            let limit = limits.files as u64;
            return Err(FormatError::TooLarge {
                what: "archive",
                at: "members".to_owned(),
                size: files as u64,
                limit,
            });
        }
        match entry.header().entry_type() {
            tar::EntryType::Directory => fs::create_dir_all(&target)?,
            tar::EntryType::Regular | tar::EntryType::Continuous => {
                if let Some(parent) = target.parent() {
                    fs::create_dir_all(parent)?;
                }
                left = write_member(&mut entry, &target, &path, left, limits.bytes)?;
            }
            tar::EntryType::XGlobalHeader => {}
            _ => return Err(refused(&path, "links, devices and sparse files are refused")),
        }
    }
    Ok(())
}

fn write_member(from: &mut impl Read, target: &Path, path: &Path, left: u64, limit: u64) -> Result<u64, FormatError> {
    // A link that lies at this place already must not be followed.
    match fs::remove_file(target) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    let mut file = fs::File::options().write(true).create_new(true).open(target)?;
    let size = std::io::copy(&mut from.take(left.saturating_add(1)), &mut file)?;
    match left.checked_sub(size) {
        Some(rest) => Ok(rest),
        None => {
            let at = path.display().to_string();
            Err(FormatError::TooLarge {
                what: "archive member",
                at,
                size: limit.saturating_add(1),
                limit,
            })
        }
    }
}

/// The path, if it stays inside the folder it is joined to.
fn inside(path: &Path) -> Result<PathBuf, FormatError> {
    let mut clean = PathBuf::new();
    for part in path.components() {
        match part {
            Component::Normal(name) => clean.push(name),
            Component::CurDir => {}
            _ => return Err(refused(path, "would land outside the folder")),
        }
    }
    Ok(clean)
}

fn refused(path: &Path, problem: &'static str) -> FormatError {
    FormatError::Unsafe {
        path: path.display().to_string(),
        problem,
    }
}
