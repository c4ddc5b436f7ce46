//! Where a front end wants to meet the kernel: the connection file.
//!
//! Jupyter writes a small JSON file with five ports, an address and a signing
//! key, and hands its path to the kernel (`-f FILE`). This module reads it once
//! and refuses, with a reason, what this kernel can't serve: other transports
//! than TCP and other signatures than HMAC-SHA256.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;

/// The five sockets of a kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Channel {
    /// Requests for execution, completion, inspection, history.
    Shell,
    /// Interrupt and shutdown: answered while a cell runs.
    Control,
    /// Questions of a running cell to the person in front of it.
    Stdin,
    /// Echoes bytes, so that front ends see that the process lives.
    Heartbeat,
    /// Broadcast of everything that happens.
    Iopub,
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Shell => "shell",
            Self::Control => "control",
            Self::Stdin => "stdin",
            Self::Heartbeat => "heartbeat",
            Self::Iopub => "iopub",
        })
    }
}

/// What a connection file says.
#[derive(Clone, Deserialize)]
pub struct Connection {
    /// The address to listen on, usually `127.0.0.1`.
    pub ip: String,
    /// `tcp`, the only transport served.
    #[serde(default = "tcp")]
    pub transport: String,
    /// Port of the shell socket.
    pub shell_port: u16,
    /// Port of the control socket.
    pub control_port: u16,
    /// Port of the stdin socket.
    pub stdin_port: u16,
    /// Port of the heartbeat socket.
    pub hb_port: u16,
    /// Port of the iopub socket.
    pub iopub_port: u16,
    /// The signing key; empty means that messages are not signed.
    #[serde(default)]
    pub key: String,
    /// `hmac-sha256`, the only scheme served.
    #[serde(default = "hmac_sha256")]
    pub signature_scheme: String,
}

fn tcp() -> String {
    "tcp".to_owned()
}

fn hmac_sha256() -> String {
    "hmac-sha256".to_owned()
}

impl fmt::Debug for Connection {
    /// The key opens the kernel to whoever reads a log: it stays out of it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("ip", &self.ip)
            .field("shell_port", &self.shell_port)
            .field("control_port", &self.control_port)
            .field("stdin_port", &self.stdin_port)
            .field("hb_port", &self.hb_port)
            .field("iopub_port", &self.iopub_port)
            .field("signed", &!self.key.is_empty())
            .finish()
    }
}

impl Connection {
    /// Reads a connection file.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, ConnectionError> {
        let path = path.as_ref();
        let text = std::fs::read(path).map_err(|source| ConnectionError::Unreadable {
            path: path.to_owned(),
            source,
        })?;
        Self::parse(&text).map_err(|error| match error {
            ConnectionError::Malformed { source, .. } => ConnectionError::Malformed {
                path: Some(path.to_owned()),
                source,
            },
            other => other,
        })
    }

    /// Reads the text of a connection file.
    ///
    /// ```
    /// let text = br#"{"ip": "127.0.0.1", "transport": "tcp", "key": "secret", "shell_port": 1,
    ///     "control_port": 2, "stdin_port": 3, "hb_port": 4, "iopub_port": 5,
    ///     "signature_scheme": "hmac-sha256", "kernel_name": "ironsage"}"#;
    /// let connection = ironsage_protocol::Connection::parse(text)?;
    /// assert_eq!(connection.iopub_port, 5);
    /// # Ok::<(), ironsage_protocol::ConnectionError>(())
    /// ```
    pub fn parse(text: &[u8]) -> Result<Self, ConnectionError> {
        let connection: Self =
            serde_json::from_slice(text).map_err(|source| ConnectionError::Malformed { path: None, source })?;
        if connection.transport != "tcp" {
            return Err(ConnectionError::Transport(connection.transport));
        }
        if !connection.key.is_empty() && connection.signature_scheme != "hmac-sha256" {
            return Err(ConnectionError::Scheme(connection.signature_scheme));
        }
        Ok(connection)
    }

    /// The port of one socket.
    pub fn port(&self, channel: Channel) -> u16 {
        match channel {
            Channel::Shell => self.shell_port,
            Channel::Control => self.control_port,
            Channel::Stdin => self.stdin_port,
            Channel::Heartbeat => self.hb_port,
            Channel::Iopub => self.iopub_port,
        }
    }

    /// Where one socket listens, as ZeroMQ writes it.
    pub fn endpoint(&self, channel: Channel) -> String {
        format!("tcp://{}", self.address(channel))
    }

    /// The same as the system writes it.
    pub(crate) fn address(&self, channel: Channel) -> String {
        let port = self.port(channel);
        match self.ip.as_str() {
            "*" => format!("0.0.0.0:{port}"),
            ip if ip.contains(':') && !ip.starts_with('[') => format!("[{ip}]:{port}"),
            ip => format!("{ip}:{port}"),
        }
    }
}

/// Why a connection file can't be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectionError {
    /// The file can't be read.
    #[error("can't read the connection file {}", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is not the JSON that Jupyter writes.
    #[error("the connection file{} is not what Jupyter writes: {source}", path.as_ref().map(|path| format!(" {}", path.display())).unwrap_or_default())]
    Malformed {
        /// Which file, where it was one.
        path: Option<PathBuf>,
        /// Where it went wrong.
        source: serde_json::Error,
    },
    /// Not TCP.
    #[error("the connection file asks for the transport `{0}`; this kernel speaks `tcp`")]
    Transport(String),
    /// Not HMAC-SHA256.
    #[error("the connection file asks for the signature scheme `{0}`; this kernel signs with `hmac-sha256`")]
    Scheme(String),
}

impl ConnectionError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Unreadable { .. } => {
                Some("Jupyter writes this file when it starts a kernel; `jupyter --runtime-dir` shows where".to_owned())
            }
            Self::Malformed { .. } => Some("start the kernel from Jupyter, which writes a fresh file".to_owned()),
            Self::Transport(_) => Some("set `KernelManager.transport` to `tcp`".to_owned()),
            Self::Scheme(_) => Some("set `Session.signature_scheme` to `hmac-sha256`".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const FILE: &str = r#"{"ip": "127.0.0.1", "transport": "tcp", "key": "secret", "shell_port": 1,
        "control_port": 2, "stdin_port": 3, "hb_port": 4, "iopub_port": 5,
        "signature_scheme": "hmac-sha256", "kernel_name": "x", "jupyter_session": "n.ipynb"}"#;

    #[test]
    fn reads_what_jupyter_writes() {
        let connection = Connection::parse(FILE.as_bytes()).unwrap();
        assert_eq!(connection.endpoint(Channel::Heartbeat), "tcp://127.0.0.1:4");
        assert!(!format!("{connection:?}").contains("secret"));
    }

    #[test]
    fn any_address_and_ipv6_are_spelled_for_zeromq() {
        let any = Connection::parse(FILE.replace("127.0.0.1", "*").as_bytes()).unwrap();
        assert_eq!(any.endpoint(Channel::Shell), "tcp://0.0.0.0:1");
        let six = Connection::parse(FILE.replace("127.0.0.1", "::1").as_bytes()).unwrap();
        assert_eq!(six.endpoint(Channel::Shell), "tcp://[::1]:1");
    }

    #[test]
    fn says_why_a_file_is_refused() {
        let ipc = Connection::parse(FILE.replace("\"tcp\"", "\"ipc\"").as_bytes()).unwrap_err();
        assert!(ipc.to_string().contains("`ipc`"), "{ipc}");
        let md5 = Connection::parse(FILE.replace("sha256", "md5").as_bytes()).unwrap_err();
        assert!(md5.to_string().contains("`hmac-md5`"), "{md5}");
        let short = Connection::parse(b"{\"ip\": \"127.0.0.1\"}").unwrap_err();
        assert!(short.to_string().contains("shell_port"), "{short}");
        let folder = tempfile::tempdir().unwrap();
        let gone = Connection::from_file(folder.path().join("kernel-1.json")).unwrap_err();
        assert!(gone.to_string().contains("kernel-1.json"), "{gone}");
        for error in [ipc, md5, short, gone] {
            assert!(error.hint().is_some());
        }
    }
}
