//! What stands between a front end and zeromq: bytes pass it, harm does not.
//!
//! zeromq 0.7 trusts whoever connects. It reserves memory for any length that is
//! announced to it ([`crate::framing`]), and its broadcast waits for each listener
//! in turn, so that one who stays and does not read would silence all others. So
//! each socket of the connection file is listened on here; zeromq listens behind,
//! on a port of loopback, and each connection is a pair, before the gate and behind.
//!
//! Towards zeromq nothing is kept: what breaks the framing's rules ends the
//! connection, and where nobody speaks, nothing is opened behind the gate. From
//! zeromq everything is taken at once, and what the front end has not read yet
//! waits here. Where too much waits, the front end is deaf, and disconnected.
//!
//! What it can't do: keep out a program of this machine that looks for the port
//! behind it.

use std::collections::VecDeque;
use std::future;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::connection::Channel;
use crate::framing::{Framing, Refused};

/// How many bytes may wait for one front end: some figures of 20 MB, or seconds of
/// a flood of text. It is taken only as it is needed, and by each who listens.
const BACKLOG: usize = 256 << 20;
/// How many bytes are read at once.
const CHUNK: usize = 64 << 10;
/// With less room than this a buffer counts as full.
const LEAST: usize = 8 << 10;
/// How long nobody is let in after that failed: there are too many open files, mostly.
const PAUSE: Duration = Duration::from_millis(50);

/// The gate of one socket.
#[derive(Debug)]
pub(crate) struct Gate {
    before: TcpListener,
    passage: Passage,
}

/// What each connection through a gate has in common.
#[derive(Clone, Copy, Debug)]
struct Passage {
    channel: Channel,
    behind: SocketAddr,
    backlog: usize,
}

/// Why a connection ended before both sides had enough of it.
#[derive(Debug, thiserror::Error)]
enum End {
    #[error(transparent)]
    Refused(#[from] Refused),
    #[error("{0} bytes wait for it, and it does not read")]
    Deaf(usize),
    #[error(transparent)]
    Lost(#[from] io::Error),
}

impl Gate {
    /// Listens at this address, and gives what zeromq's socket is to listen on.
    pub(crate) async fn open(channel: Channel, address: &str) -> io::Result<(Self, std::net::TcpListener)> {
        let before = TcpListener::bind(address).await?;
        let behind = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let passage = Passage {
            channel,
            behind: behind.local_addr()?,
            backlog: BACKLOG,
        };
        Ok((Self { before, passage }, behind))
    }

    /// Lets front ends through. Once this is dropped, no more come in, and nothing
    /// more of those that are in; what they are still to be told gets out.
    pub(crate) async fn serve(self) {
        // Nothing is ever sent: the other ends see when it goes.
        let (_open, closed) = watch::channel(());
        loop {
            match self.before.accept().await {
                Ok((peer, address)) => {
                    tokio::spawn(self.passage.guard(peer, address, closed.clone()));
                }
                Err(error) => {
                    tracing::warn!(channel = %self.passage.channel, %error, "a front end can't connect");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }
}

impl Passage {
    async fn guard(self, peer: TcpStream, address: SocketAddr, closed: watch::Receiver<()>) {
        let channel = self.channel;
        match self.carry(peer, closed).await {
            Ok(()) => {}
            Err(End::Lost(error)) => tracing::debug!(%channel, %address, %error, "a front end went away"),
            Err(end) => tracing::warn!(%channel, %address, "a front end was disconnected: {end}"),
        }
    }

    async fn carry(self, mut peer: TcpStream, mut closed: watch::Receiver<()>) -> Result<(), End> {
        peer.set_nodelay(true)?;
        let mut chunk = vec![0; CHUNK];
        let came = tokio::select! {
            _ = closed.changed() => 0,
            came = peer.read(&mut chunk) => came?,
        };
        if came == 0 {
            return Ok(());
        }
        let mut framing = Framing::new();
        framing.follow(&chunk[..came])?;
        let mut zeromq = TcpStream::connect(self.behind).await?;
        zeromq.set_nodelay(true)?;
        zeromq.write_all(&chunk[..came]).await?;

        let (from_peer, to_peer) = peer.split();
        let (from_zeromq, to_zeromq) = zeromq.split();
        tokio::select! {
            refused = inwards(from_peer, to_zeromq, framing, chunk, closed) => Err(refused.into()),
            ended = outwards(from_zeromq, to_peer, self.backlog) => ended,
        }
    }
}

/// Ends only where the front end breaks the rules. Where it hangs up, zeromq is
/// told, and ends the connection by hanging up in its turn.
async fn inwards(
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
    mut framing: Framing,
    mut chunk: Vec<u8>,
    mut closed: watch::Receiver<()>,
) -> Refused {
    loop {
        let came = tokio::select! {
            _ = closed.changed() => break,
            came = from.read(&mut chunk) => came.unwrap_or(0),
        };
        if let Err(refused) = framing.follow(&chunk[..came]) {
            return refused;
        }
        if came == 0 || to.write_all(&chunk[..came]).await.is_err() {
            break;
        }
    }
    // It tells, too, that no more comes; zeromq may know it already.
    to.shutdown().await.ok();
    // What still comes is taken and goes nowhere: a socket that is closed with bytes
    // unread takes back what it was about to deliver.
    while from.read(&mut chunk).await.is_ok_and(|came| came > 0) {}
    future::pending().await
}

/// Ends when zeromq has hung up and all that it sent is written, or nobody reads it.
async fn outwards(mut from: ReadHalf<'_>, mut to: WriteHalf<'_>, limit: usize) -> Result<(), End> {
    let mut waiting: VecDeque<Bytes> = VecDeque::new();
    let mut bytes_waiting = 0;
    let mut buffer = BytesMut::with_capacity(CHUNK);
    let mut open = true;
    while open || bytes_waiting > 0 {
        let next = waiting.front().map_or(&[][..], |block| &block[..]);
        tokio::select! {
            // Whoever takes what there is has nothing waiting: that comes first.
            biased;
            written = to.write(next), if !next.is_empty() => {
                let written = written?;
                bytes_waiting -= written;
                if let Some(block) = waiting.front_mut() {
                    block.advance(written);
                }
                waiting.pop_front_if(|block| block.is_empty());
            }
            came = from.read_buf(&mut buffer), if open => match came {
                Ok(came) if came > 0 => bytes_waiting += came,
                _ => open = false,
            },
        }
        if bytes_waiting > limit {
            return Err(End::Deaf(bytes_waiting));
        }
        let full = buffer.capacity() - buffer.len() < LEAST;
        if full || waiting.is_empty() && !buffer.is_empty() {
            waiting.push_back(buffer.split().freeze());
        }
        if full {
            // The same memory again, where all that was in it is written.
            buffer.reserve(CHUNK);
        }
    }
    to.shutdown().await?;
    Ok(())
}
