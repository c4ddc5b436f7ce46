//! The home: the one folder where Ironsage keeps models and the local service's state.
//!
//! Only paths are made here; nothing is created or read. A home is *private* when somebody
//! asked for it by name (`IRONSAGE_HOME`, [`Home::at`]) or when this is a CI run: then the
//! local service ends with the kernel that started it instead of living on.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::env;

/// Where Ironsage keeps its things.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Home {
    path: PathBuf,
    private: bool,
}

/// Why no home could be found.
#[derive(Debug, thiserror::Error)]
pub enum HomeError {
    /// Neither `IRONSAGE_HOME` nor a user's home folder is known.
    #[error("no folder for Ironsage's data: neither IRONSAGE_HOME nor HOME is set")]
    Nowhere,
    /// The working directory, to which a relative path refers, cannot be read.
    #[error("IRONSAGE_HOME is the relative path {path:?}, and the working directory cannot be read: {source}")]
    Relative {
        /// The value of `IRONSAGE_HOME`.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

impl HomeError {
    /// What to do instead.
    pub fn hint(&self) -> Option<String> {
        Some("set IRONSAGE_HOME to the absolute path of a folder that you can write to".to_owned())
    }
}

impl Home {
    /// The home that the environment names: `IRONSAGE_HOME`, else `ironsage` in the user's
    /// data folder.
    pub fn from_env() -> Result<Home, HomeError> {
        Home::from_lookup(
            |name| std::env::var_os(name).filter(|value| !value.is_empty()),
            env::is_ci(),
        )
    }

    fn from_lookup(lookup: impl Fn(&str) -> Option<OsString>, ci: bool) -> Result<Home, HomeError> {
        if let Some(path) = lookup(env::ENV_HOME) {
            let path = PathBuf::from(path);
            let path = std::path::absolute(&path).map_err(|source| HomeError::Relative { path, source })?;
            return Ok(Home { path, private: true });
        }
        // XDG wants relative values to be ignored.
        let xdg = lookup(env::ENV_XDG_DATA_HOME)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute());
        let data = match xdg {
            Some(data) => data,
            None => {
                let user = PathBuf::from(lookup(env::ENV_USER_HOME).ok_or(HomeError::Nowhere)?);
                if cfg!(target_os = "macos") {
                    user.join("Library/Application Support")
                } else {
                    user.join(".local/share")
                }
            }
        };
        Ok(Home {
            path: data.join("ironsage"),
            private: ci,
        })
    }

    /// A home of its own at this path.
    pub fn at(path: impl Into<PathBuf>) -> Home {
        let path = path.into();
        let path = std::path::absolute(&path).unwrap_or(path);
        Home { path, private: true }
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether this home was asked for by name, or this is a CI run: the local service ends
    /// with the kernel that started it.
    pub fn is_private(&self) -> bool {
        self.private
    }

    /// The saved models.
    pub fn models(&self) -> PathBuf {
        self.path.join("models")
    }

    /// What was typed in all sessions: a SQLite file.
    pub fn history_file(&self) -> PathBuf {
        self.path.join("history.sqlite")
    }

    /// The state of the local service.
    pub fn service(&self) -> PathBuf {
        self.path.join("service")
    }

    /// Where a running service says how it is reached ([`crate::service::ServiceInfo`]).
    pub fn service_file(&self) -> PathBuf {
        self.service().join("service.json")
    }

    /// The user's own key to the local service ([`crate::service::LocalCredentials`]), mode 0600.
    pub fn credentials_file(&self) -> PathBuf {
        self.service().join("credentials.json")
    }

    /// The local service's log.
    pub fn log(&self) -> PathBuf {
        self.service().join("service.log")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn home(variables: &[(&str, &str)], ci: bool) -> Result<Home, HomeError> {
        let variables: Vec<_> = variables
            .iter()
            .map(|(k, v)| (k.to_string(), OsString::from(v)))
            .collect();
        Home::from_lookup(
            move |name| variables.iter().find(|(k, _)| k == name).map(|(_, v)| v.clone()),
            ci,
        )
    }

    #[test]
    fn the_named_home_comes_first_and_is_private() {
        let found = home(
            &[("IRONSAGE_HOME", "/a/b"), ("XDG_DATA_HOME", "/x"), ("HOME", "/h")],
            false,
        )
        .unwrap();
        assert_eq!(found.path(), Path::new("/a/b"));
        assert!(found.is_private());
    }

    #[test]
    fn a_relative_home_is_made_absolute_because_the_service_changes_its_folder() {
        assert!(home(&[("IRONSAGE_HOME", "here")], false).unwrap().path().is_absolute());
        assert!(Home::at("here").path().is_absolute());
    }

    #[test]
    fn the_data_folder_is_the_default() {
        let found = home(&[("XDG_DATA_HOME", "/x"), ("HOME", "/h")], false).unwrap();
        assert_eq!(found.path(), Path::new("/x/ironsage"));
        assert!(!found.is_private());
        let found = home(&[("XDG_DATA_HOME", "relative"), ("HOME", "/h")], true).unwrap();
        assert!(found.path().starts_with("/h") && found.path().ends_with("ironsage"));
        assert!(found.is_private(), "under CI the service ends with its kernel");
    }

    #[test]
    fn nowhere_is_an_error_with_a_way_out() {
        let error = home(&[], false).unwrap_err();
        assert!(error.to_string().contains("IRONSAGE_HOME"));
        assert!(error.hint().unwrap().contains("absolute path"));
    }
}
