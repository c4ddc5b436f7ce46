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

use std::future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::backlog::Backlog;
use crate::connection::Channel;
use crate::framing::{Framing, Refused};

/// How many bytes may wait for one front end: some figures of 20 MB, or seconds of
/// a flood of text. It takes memory as they come, and again for each who listens.
const LIMIT: usize = 256 << 20;
/// Where zeromq listens: any free port of loopback. By the second address, which Linux
/// has, too, it never takes a port of the first that was promised to another kernel.
pub(crate) const BEHIND: [SocketAddr; 2] = [loopback(2), loopback(1)];
/// How many bytes of a front end are read at once.
const CHUNK: usize = 64 << 10;
/// How long nobody is let in after that failed: there are too many open files, mostly.
const PAUSE: Duration = Duration::from_millis(50);

const fn loopback(last: u8) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::new(127, 0, 0, last)), 0)
}

/// The gate of one socket.
#[derive(Debug)]
pub(crate) struct Gate {
    channel: Channel,
    listener: TcpListener,
    limit: usize,
}

/// What each connection through a gate has in common.
#[derive(Clone, Copy, Debug)]
struct Passage {
    channel: Channel,
    behind: SocketAddr,
    limit: usize,
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
    /// Listens for front ends at this address; they wait until the gate serves.
    pub(crate) async fn open(channel: Channel, address: &str) -> io::Result<Self> {
        Ok(Self {
            channel,
            listener: TcpListener::bind(address).await?,
            limit: LIMIT,
        })
    }

    /// Whose gate it is.
    pub(crate) fn channel(&self) -> Channel {
        self.channel
    }

    /// Lets front ends through to zeromq at `behind`. Once this is dropped, no more
    /// come in, and nothing more of those that are in; what they are still to be told
    /// gets out.
    pub(crate) async fn serve(self, behind: SocketAddr) {
        let passage = Passage {
            channel: self.channel,
            behind,
            limit: self.limit,
        };
        // Nothing is ever sent: the other ends see when it goes.
        let (_open, closed) = watch::channel(());
        loop {
            match self.listener.accept().await {
                Ok((peer, address)) => {
                    tokio::spawn(passage.guard(peer, address, closed.clone()));
                }
                Err(error) => {
                    tracing::warn!(channel = %self.channel, %error, "a front end can't connect");
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
            ended = outwards(from_zeromq, to_peer, self.limit) => ended,
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
    let mut backlog = Backlog::new();
    let mut open = true;
    while open || backlog.len() > 0 {
        let (next, room) = backlog.ends();
        tokio::select! {
            // Whoever takes what there is has nothing waiting: that comes first.
            biased;
            written = to.write(next), if !next.is_empty() => backlog.written(written?),
            came = from.read_buf(room), if open => match came {
                Ok(came) if came > 0 => backlog.came(came),
                _ => open = false,
            },
        }
        if backlog.len() > limit {
            return Err(End::Deaf(backlog.len()));
        }
    }
    to.shutdown().await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use std::time::Instant;
    use tokio::task::JoinHandle;
    use tokio::time::timeout;

    /// Nothing here takes this long unless it fails.
    const PATIENCE: Duration = Duration::from_secs(20);
    const GREETING: &[u8; 10] = b"\xff\0\0\0\0\0\0\0\0\x7f";

    /// A gate that serves, its address, and what listens behind it.
    async fn gate(limit: usize) -> (JoinHandle<()>, SocketAddr, TcpListener) {
        let mut gate = Gate::open(Channel::Shell, "127.0.0.1:0").await.unwrap();
        gate.limit = limit;
        let address = gate.listener.local_addr().unwrap();
        let behind = TcpListener::bind(&BEHIND[..]).await.unwrap();
        let serving = gate.serve(behind.local_addr().unwrap());
        (tokio::spawn(serving), address, behind)
    }

    /// Both ends of a connection through the gate, behind the front end's first words.
    async fn connected(address: SocketAddr, behind: &TcpListener) -> (TcpStream, TcpStream) {
        let mut peer = TcpStream::connect(address).await.unwrap();
        peer.write_all(GREETING).await.unwrap();
        let (mut zeromq, _) = timeout(PATIENCE, behind.accept()).await.unwrap().unwrap();
        let mut said = [0; GREETING.len()];
        zeromq.read_exact(&mut said).await.unwrap();
        assert_eq!(&said, GREETING);
        (peer, zeromq)
    }

    fn bytes(count: usize) -> Vec<u8> {
        (0..count).map(|at| (at / 7 + at / 4099) as u8).collect()
    }

    async fn all(stream: &mut TcpStream) -> Vec<u8> {
        let mut all = Vec::new();
        timeout(PATIENCE, stream.read_to_end(&mut all)).await.unwrap().unwrap();
        all
    }

    #[tokio::test]
    async fn bytes_pass_both_ways_and_so_does_a_hang_up() {
        let (_gate, address, behind) = gate(LIMIT).await;
        let (mut peer, mut zeromq) = connected(address, &behind).await;
        for sent in [bytes(1), bytes(100), bytes(1_000_000)] {
            let mut came = vec![0; sent.len()];
            let (wrote, read) = tokio::join!(zeromq.write_all(&sent), peer.read_exact(&mut came));
            wrote.unwrap();
            read.unwrap();
            assert!(came == sent);
        }
        let mut frame = vec![0; 54];
        frame.extend([2, 0, 0, 0, 0, 0, 0x1e, 0x84, 0x80]);
        frame.extend(bytes(2_000_000));
        let ((), read) = tokio::join!(
            async {
                peer.write_all(&frame).await.unwrap();
                peer.shutdown().await.unwrap();
            },
            all(&mut zeromq)
        );
        assert!(read == frame);
        zeromq.write_all(b"bye").await.unwrap();
        drop(zeromq);
        assert_eq!(all(&mut peer).await, b"bye");
    }

    #[tokio::test]
    async fn nothing_is_opened_behind_it_for_who_says_nothing_or_nonsense() {
        let (_gate, address, behind) = gate(LIMIT).await;
        let silent = TcpStream::connect(address).await.unwrap();
        let mut browser = TcpStream::connect(address).await.unwrap();
        browser.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
        let ended = timeout(PATIENCE, browser.read(&mut [0])).await.unwrap();
        assert!(ended.is_err() || ended.is_ok_and(|came| came == 0));
        assert!(timeout(Duration::from_millis(50), behind.accept()).await.is_err());
        drop(silent);
        connected(address, &behind).await;
    }

    #[tokio::test]
    async fn who_announces_too_much_is_disconnected_before_it_harms() {
        let (_gate, address, behind) = gate(LIMIT).await;
        let (mut peer, mut zeromq) = connected(address, &behind).await;
        peer.write_all(&[0; 54]).await.unwrap();
        peer.write_all(&[2, 0, 4]).await.unwrap();
        let mut came = [0; 57];
        zeromq.read_exact(&mut came).await.unwrap();
        peer.write_all(&[0, 0, 0, 0, 0, 0, 1]).await.unwrap();
        assert_eq!(all(&mut zeromq).await, b"");
        let ended = timeout(PATIENCE, peer.read(&mut [0])).await.unwrap();
        assert!(ended.is_err() || ended.is_ok_and(|came| came == 0));
    }

    #[tokio::test]
    async fn who_only_pauses_keeps_nobody_waiting_and_gets_everything() {
        let (_gate, address, behind) = gate(LIMIT).await;
        let (mut peer, mut zeromq) = connected(address, &behind).await;
        let sent = bytes(50_000_000);
        // Far more than the system holds, and nobody reads yet.
        let written = timeout(PATIENCE, zeromq.write_all(&sent)).await;
        written.unwrap().unwrap();
        drop(zeromq);
        assert!(all(&mut peer).await == sent);
    }

    #[tokio::test]
    async fn who_does_not_read_is_disconnected_and_the_others_are_not() {
        let (_gate, address, behind) = gate(2_000_000).await;
        let (mut deaf, mut to_deaf) = connected(address, &behind).await;
        let (mut living, mut to_living) = connected(address, &behind).await;
        let sent = bytes(50_000_000);
        let to_living = async {
            for part in sent.chunks(1_000_000) {
                let mut heard = vec![0; part.len()];
                let (wrote, read) = tokio::join!(to_living.write_all(part), living.read_exact(&mut heard));
                wrote.unwrap();
                read.unwrap();
                assert!(heard == part);
            }
        };
        let (written, ()) = tokio::join!(timeout(PATIENCE, to_deaf.write_all(&sent)), to_living);
        assert!(written.unwrap().is_err(), "neither waited for without end nor heard");
        let mut heard = Vec::new();
        // What the system held for it, and then the end: a reset or not, as the system likes.
        timeout(PATIENCE, deaf.read_to_end(&mut heard)).await.unwrap().ok();
        assert!(heard.len() < sent.len() && heard == sent[..heard.len()]);
    }

    #[tokio::test]
    async fn what_waits_gets_out_after_it_is_closed() {
        let (gate, address, behind) = gate(LIMIT).await;
        let (mut peer, mut zeromq) = connected(address, &behind).await;
        let mut silent = TcpStream::connect(address).await.unwrap();
        let sent = bytes(20_000_000);
        zeromq.write_all(&sent[..10_000_000]).await.unwrap();
        gate.abort();
        assert_eq!(all(&mut zeromq).await, b"", "nobody tells it anything any more");
        assert_eq!(all(&mut silent).await, b"");
        assert!(TcpStream::connect(address).await.is_err());
        // What the front end still says must not cost it what it is told.
        peer.write_all(&[0; 100]).await.unwrap();
        zeromq.write_all(&sent[10_000_000..]).await.unwrap();
        drop(zeromq);
        assert!(all(&mut peer).await == sent);
    }

    #[tokio::test]
    async fn it_adds_no_time_worth_mentioning() {
        let (_gate, address, behind) = gate(LIMIT).await;
        let (mut peer, mut zeromq) = connected(address, &behind).await;
        // What is measured is the gate's own sockets.
        peer.set_nodelay(true).unwrap();
        zeromq.set_nodelay(true).unwrap();
        peer.write_all(&[0; 54]).await.unwrap();
        zeromq.read_exact(&mut [0; 54]).await.unwrap();
        let start = Instant::now();
        for _ in 0..50 {
            in_two(&mut peer, &mut zeromq).await;
            in_two(&mut zeromq, &mut peer).await;
        }
        // With Nagle's algorithm on, the second part would wait for an acknowledgement of the first, of 40 ms.
        let took = start.elapsed();
        assert!(took < Duration::from_secs(1), "{took:?}");
    }

    /// Sends a frame in two parts, which the gate passes on one by one.
    async fn in_two(from: &mut TcpStream, to: &mut TcpStream) {
        let frame = [0, 1, 7];
        from.write_all(&frame[..2]).await.unwrap();
        tokio::time::sleep(Duration::from_micros(500)).await;
        from.write_all(&frame[2..]).await.unwrap();
        let mut came = [0; 3];
        to.read_exact(&mut came).await.unwrap();
        assert_eq!(came, frame);
    }
}
