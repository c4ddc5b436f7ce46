//! A peer that speaks ZeroMQ by hand, or nonsense: bytes on a socket, as anyone may send them.

use std::io;
use std::time::Duration;

use ironsage_protocol::{Channel, Connection};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// No test waits this long unless it fails.
const PATIENCE: Duration = Duration::from_secs(20);

pub const CHANNELS: [Channel; 5] = [
    Channel::Shell,
    Channel::Control,
    Channel::Stdin,
    Channel::Heartbeat,
    Channel::Iopub,
];

/// What both ends say first: version 3.0, no encryption.
pub fn greeting() -> Vec<u8> {
    let mut bytes = vec![0; 64];
    (bytes[0], bytes[9], bytes[10]) = (0xff, 0x7f, 3);
    bytes[12..16].copy_from_slice(b"NULL");
    bytes
}

/// What both ends say next: which kind of socket this is.
pub fn ready(channel: Channel) -> Vec<u8> {
    let kind: &[u8] = match channel {
        Channel::Shell | Channel::Control | Channel::Stdin => b"DEALER",
        Channel::Heartbeat => b"REQ",
        Channel::Iopub => b"SUB",
    };
    let length = u8::try_from(kind.len()).unwrap();
    let body = [b"\x05READY\x0bSocket-Type\0\0\0", &[length][..], kind].concat();
    [&[4, u8::try_from(body.len()).unwrap()][..], &body].concat()
}

/// The beginning of a frame, with eight bytes of length.
pub fn announced(flags: u8, length: u64) -> Vec<u8> {
    [&[flags | 2][..], &length.to_be_bytes()].concat()
}

pub struct Raw(TcpStream);

impl Raw {
    pub async fn call(connection: &Connection, channel: Channel) -> Self {
        let address = (connection.ip.as_str(), connection.port(channel));
        Self(TcpStream::connect(address).await.unwrap())
    }

    /// A listener to everything; it has not read its greeting yet.
    pub async fn listen(connection: &Connection) -> Self {
        let mut line = Self::call(connection, Channel::Iopub).await;
        line.say(&[greeting(), ready(Channel::Iopub), vec![0, 1, 1]].concat())
            .await
            .unwrap();
        // The greeting and the socket type of the other end.
        line.take(64).await;
        line.frame().await;
        line
    }

    /// Fails where the kernel has hung up.
    pub async fn say(&mut self, bytes: &[u8]) -> io::Result<()> {
        timeout(PATIENCE, self.0.write_all(bytes))
            .await
            .expect("nobody listens")
    }

    pub async fn take(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        let read = self.0.read_exact(&mut bytes);
        timeout(PATIENCE, read).await.expect("nobody speaks").unwrap();
        bytes
    }

    /// The next frame, and whether more belong to its message.
    pub async fn frame(&mut self) -> (Vec<u8>, bool) {
        let flags = self.take(1).await[0];
        let length = match flags & 2 {
            0 => u64::from(self.take(1).await[0]),
            _ => u64::from_be_bytes(self.take(8).await.try_into().unwrap()),
        };
        (self.take(usize::try_from(length).unwrap()).await, flags & 1 == 1)
    }

    pub async fn message(&mut self) -> Vec<Vec<u8>> {
        let mut frames = Vec::new();
        loop {
            let (frame, more) = self.frame().await;
            frames.push(frame);
            if !more {
                return frames;
            }
        }
    }

    /// Waits until the kernel hangs up, whatever it says before.
    pub async fn hung_up(&mut self) {
        let mut bytes = [0; 4096];
        let said = async { while self.0.read(&mut bytes).await.is_ok_and(|came| came > 0) {} };
        timeout(PATIENCE, said).await.expect("the line is still open");
    }
}

/// Chance that is the same in every run: Steele, Lea and Flood's SplitMix64.
pub struct Chance(pub u64);

impl Chance {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.next().to_le_bytes()[0]).collect()
    }
}
