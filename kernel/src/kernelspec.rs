//! `ironsage install` and `ironsage uninstall`: where Jupyter finds the kernel.
//!
//! A kernelspec is a folder `share/jupyter/kernels/ironsage` with `kernel.json` and logos
//! (jupyter_client, "Making kernels for Jupyter"). It is written beside its place and renamed, so
//! that a running JupyterLab never reads half of it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};
use serde_json::json;

/// The name in `jupyter kernelspec list`, in notebooks' metadata and of the folder.
pub(crate) const NAME: &str = "ironsage";
const DISPLAY_NAME: &str = "Rust (Ironsage)";

/// Which of Jupyter's places the kernelspec goes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// The user's own data folder: seen by every Jupyter of this user.
    User,
    /// An environment: `PREFIX/share/jupyter`.
    Prefix(PathBuf),
    /// The active Python environment.
    SysPrefix,
}

impl Place {
    fn kernels(&self) -> Result<PathBuf> {
        let data = match self {
            Place::User => user_data()?,
            Place::Prefix(prefix) => std::path::absolute(prefix)?.join("share/jupyter"),
            Place::SysPrefix => sys_prefix()?.join("share/jupyter"),
        };
        Ok(data.join("kernels"))
    }
}

/// Writes the kernelspec for `executable` and returns its folder.
pub(crate) fn install(place: &Place, executable: &Path) -> Result<PathBuf> {
    let kernels = place.kernels()?;
    fs::create_dir_all(&kernels).with_context(|| format!("can't make the folder {}", kernels.display()))?;
    let fresh = tempfile::Builder::new()
        .prefix(".ironsage-")
        .tempdir_in(&kernels)
        .with_context(|| format!("can't write in {}", kernels.display()))?;
    let spec = json!({
        "argv": [executable, "kernel", "-f", "{connection_file}"],
        "display_name": DISPLAY_NAME,
        "language": "rust",
        "interrupt_mode": "message",
        "kernel_protocol_version": "5.5",
        "metadata": { "debugger": false },
    });
    fs::write(fresh.path().join("kernel.json"), format!("{spec:#}\n"))?;
    for (name, bytes) in LOGOS {
        fs::write(fresh.path().join(name), bytes)?;
    }
    let folder = kernels.join(NAME);
    remove_folder(&folder)?;
    make_readable(fresh.path())?;
    fs::rename(fresh.keep(), &folder).with_context(|| format!("can't put the kernelspec at {}", folder.display()))?;
    Ok(folder)
}

/// Takes the kernelspec away; tells whether it was there.
pub(crate) fn uninstall(place: &Place) -> Result<Option<PathBuf>> {
    let folder = place.kernels()?.join(NAME);
    Ok(remove_folder(&folder)?.then_some(folder))
}

/// Where a kernelspec of ours stands among the places that Jupyter searches first.
pub(crate) fn installed() -> Option<PathBuf> {
    [Place::User, Place::SysPrefix]
        .iter()
        .filter_map(|place| Some(place.kernels().ok()?.join(NAME)))
        .find(|folder| folder.join("kernel.json").is_file())
}

const LOGOS: [(&str, &[u8]); 3] = [
    ("logo-svg.svg", include_bytes!("../logo/logo-svg.svg")),
    ("logo-32x32.png", include_bytes!("../logo/logo-32x32.png")),
    ("logo-64x64.png", include_bytes!("../logo/logo-64x64.png")),
];

/// A temporary folder is private; a kernelspec is for everyone who may run the kernel.
fn make_readable(folder: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755))?;
    Ok(())
}

fn remove_folder(folder: &Path) -> Result<bool> {
    match fs::remove_dir_all(folder) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error).with_context(|| format!("can't remove {}", folder.display())),
    }
}

/// The user's Jupyter data folder (jupyter_core's `jupyter_data_dir`).
fn user_data() -> Result<PathBuf> {
    if let Some(folder) = std::env::var_os("JUPYTER_DATA_DIR") {
        return Ok(folder.into());
    }
    if cfg!(target_os = "macos") {
        return Ok(home()?.join("Library/Jupyter"));
    }
    match std::env::var_os("XDG_DATA_HOME").filter(|folder| !folder.is_empty()) {
        Some(folder) => Ok(PathBuf::from(folder).join("jupyter")),
        None => Ok(home()?.join(".local/share/jupyter")),
    }
}

fn home() -> Result<PathBuf> {
    std::env::home_dir().context("the user has no home folder: set HOME, or give --prefix")
}

fn sys_prefix() -> Result<PathBuf> {
    if let Some(folder) = ["VIRTUAL_ENV", "CONDA_PREFIX"].iter().find_map(std::env::var_os) {
        return Ok(folder.into());
    }
    let output = Command::new("python3")
        .args(["-c", "import sys; print(sys.prefix)"])
        .output()
        .context("--sys-prefix asks python3 for its environment, and python3 is not there: give --prefix")?;
    let prefix = String::from_utf8(output.stdout)?;
    if prefix.trim().is_empty() {
        bail!("python3 does not say where its environment is: give --prefix");
    }
    Ok(prefix.trim().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernelspec_is_written_whole_over_an_old_one_and_taken_away() {
        let prefix = tempfile::tempdir().unwrap();
        let place = Place::Prefix(prefix.path().to_owned());
        let folder = install(&place, Path::new("/opt/ironsage")).unwrap();
        fs::write(folder.join("leftover"), "").unwrap();
        assert_eq!(install(&place, Path::new("/opt/ironsage")).unwrap(), folder);
        assert!(!folder.join("leftover").exists());

        let spec: serde_json::Value = serde_json::from_slice(&fs::read(folder.join("kernel.json")).unwrap()).unwrap();
        assert_eq!(
            spec["argv"],
            json!(["/opt/ironsage", "kernel", "-f", "{connection_file}"])
        );
        assert_eq!(spec["display_name"], "Rust (Ironsage)");
        assert_eq!(spec["interrupt_mode"], "message");
        assert!(folder.join("logo-svg.svg").is_file());

        assert_eq!(uninstall(&place).unwrap(), Some(folder));
        assert_eq!(uninstall(&place).unwrap(), None);
    }
}
