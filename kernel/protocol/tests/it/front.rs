//! A strict front end: it signs and verifies by its own code, knows what it
//! waits for, and fails on any other message. `close` shuts the kernel down and
//! fails if anything is left over.

use std::collections::HashSet;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use ironsage_protocol::{Channel, Connection, Exit, ProtocolError};
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::time::timeout;
use zeromq::util::PeerIdentity;
use zeromq::{DealerSocket, ReqSocket, Socket, SocketOptions, SocketRecv, SocketSend, SubSocket, ZmqMessage};

use crate::toy::Toy;

pub const KEY: &str = "a key";
/// No test waits this long unless it fails.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long silence must last to count as such.
const SILENCE: Duration = Duration::from_millis(150);

#[derive(Clone, Debug)]
pub struct Message {
    pub header: Value,
    pub parent: Value,
    pub metadata: Value,
    pub content: Value,
}

impl Message {
    pub fn kind(&self) -> &str {
        self.header["msg_type"].as_str().unwrap()
    }

    pub fn parent_id(&self) -> &str {
        self.parent["msg_id"].as_str().unwrap_or_default()
    }
}

pub fn sign(key: &str, parts: &[Bytes]) -> Bytes {
    let mut digest = Hmac::<Sha256>::new_from_slice(key.as_bytes()).unwrap();
    for part in parts {
        digest.update(part);
    }
    hex::encode(digest.finalize().into_bytes()).into()
}

/// A kernel on its own thread.
pub struct Running {
    pub connection: Connection,
    pub ended: Arc<AtomicBool>,
    thread: JoinHandle<Result<Exit, ProtocolError>>,
}

impl Running {
    pub fn start() -> Self {
        let connection = connection();
        let toy = Toy::default();
        let ended = Arc::clone(&toy.ended);
        let served = connection.clone();
        let thread = std::thread::spawn(move || ironsage_protocol::run(served, Arc::new(toy)));
        Self {
            connection,
            ended,
            thread,
        }
    }

    /// The kernel must have ended by itself.
    pub fn exit(self) -> Exit {
        let exit = self.thread.join().unwrap().unwrap();
        assert!(self.ended.load(Ordering::SeqCst), "the engine was not told");
        exit
    }
}

/// Free ports on an address of its own: what one test gives back here, no other takes before its kernel does.
pub fn connection() -> Connection {
    static GIVEN: AtomicU8 = AtomicU8::new(1);
    let ip = format!("127.0.1.{}", GIVEN.fetch_add(1, Ordering::Relaxed));
    let free: Vec<TcpListener> = (0..5).map(|_| TcpListener::bind((ip.as_str(), 0)).unwrap()).collect();
    let port = |at: usize| free[at].local_addr().unwrap().port();
    let file = json!({
        "ip": ip, "transport": "tcp", "key": KEY, "signature_scheme": "hmac-sha256",
        "shell_port": port(0), "control_port": port(1), "stdin_port": port(2),
        "hb_port": port(3), "iopub_port": port(4),
    });
    Connection::parse(file.to_string().as_bytes()).unwrap()
}

pub struct Front {
    pub session: String,
    pub shell: DealerSocket,
    pub control: DealerSocket,
    pub stdin: DealerSocket,
    pub iopub: SubSocket,
    pub heart: ReqSocket,
    sent: usize,
    seen: HashSet<String>,
}

impl Front {
    /// Connects, and takes the greeting as its first message.
    pub async fn connect(connection: &Connection, name: &str) -> Self {
        let options = || {
            let mut options = SocketOptions::default();
            options.peer_identity(PeerIdentity::try_from(name.as_bytes()).unwrap());
            options
        };
        let address = |channel| connection.endpoint(channel);
        let mut front = Self {
            session: name.to_owned(),
            shell: DealerSocket::with_options(options()),
            control: DealerSocket::with_options(options()),
            stdin: DealerSocket::with_options(options()),
            iopub: SubSocket::new(),
            heart: ReqSocket::new(),
            sent: 0,
            seen: HashSet::new(),
        };
        // Before connecting, so that the library sends it once.
        front.iopub.subscribe("").await.unwrap();
        front.iopub.connect(&address(Channel::Iopub)).await.unwrap();
        front.shell.connect(&address(Channel::Shell)).await.unwrap();
        front.control.connect(&address(Channel::Control)).await.unwrap();
        front.stdin.connect(&address(Channel::Stdin)).await.unwrap();
        front.heart.connect(&address(Channel::Heartbeat)).await.unwrap();
        let welcome = front.iopub().await;
        assert_eq!(welcome.kind(), "iopub_welcome");
        assert_eq!(welcome.content, json!({"subscription": ""}));
        assert_eq!(welcome.parent, json!({}));
        front
    }

    pub fn frames(&mut self, kind: &str, parent: &Value, content: &Value) -> (String, Vec<Bytes>) {
        self.sent += 1;
        let id = format!("{}-{}", self.session, self.sent);
        let header = json!({
            "msg_id": id, "session": self.session, "username": "test", "msg_type": kind,
            "date": "2026-11-23T08:00:00.000000Z", "version": "5.4", "from_the_future": [1],
        });
        let mut parts: Vec<Bytes> = [&header, parent, &json!({"tags": ["a"], "cellId": "c"}), content]
            .iter()
            .map(|part| Bytes::from(part.to_string()))
            .collect();
        let mut frames = vec![Bytes::from_static(b"<IDS|MSG>"), sign(KEY, &parts)];
        frames.append(&mut parts);
        (id, frames)
    }

    pub async fn ask(&mut self, kind: &str, content: Value) -> String {
        let (id, frames) = self.frames(kind, &json!({}), &content);
        self.shell.send(frames.try_into().unwrap()).await.unwrap();
        id
    }

    pub async fn ask_control(&mut self, kind: &str, content: Value) -> String {
        let (id, frames) = self.frames(kind, &json!({}), &content);
        self.control.send(frames.try_into().unwrap()).await.unwrap();
        id
    }

    pub async fn execute(&mut self, code: &str) -> String {
        self.ask("execute_request", json!({"code": code})).await
    }

    pub async fn iopub(&mut self) -> Message {
        let frames = timeout(PATIENCE, self.iopub.recv())
            .await
            .expect("iopub is silent")
            .unwrap();
        self.verified(frames)
    }

    pub async fn reply(&mut self) -> Message {
        let frames = timeout(PATIENCE, self.shell.recv()).await.expect("no reply").unwrap();
        self.verified(frames)
    }

    pub async fn reply_control(&mut self) -> Message {
        let frames = timeout(PATIENCE, self.control.recv()).await.expect("no reply").unwrap();
        self.verified(frames)
    }

    pub async fn question(&mut self) -> Message {
        let frames = timeout(PATIENCE, self.stdin.recv())
            .await
            .expect("no question")
            .unwrap();
        self.verified(frames)
    }

    /// The next broadcast must be this, about this request.
    pub async fn expect(&mut self, kind: &str, about: &str) -> Message {
        let message = self.iopub().await;
        assert_eq!(
            (message.kind(), message.parent_id()),
            (kind, about),
            "{}",
            shown(&message)
        );
        message
    }

    pub async fn status(&mut self, state: &str, about: &str) {
        let message = self.expect("status", about).await;
        assert_eq!(message.content, json!({"execution_state": state}));
    }

    pub async fn stream(&mut self, name: &str, text: &str, about: &str) {
        let message = self.expect("stream", about).await;
        assert_eq!(message.content, json!({"name": name, "text": text}));
    }

    /// The next reply on shell must be this, about this request.
    pub async fn answered(&mut self, kind: &str, about: &str) -> Message {
        let message = self.reply().await;
        assert_eq!(
            (message.kind(), message.parent_id()),
            (kind, about),
            "{}",
            shown(&message)
        );
        message
    }

    /// From `busy` to `execute_input`.
    pub async fn begun(&mut self, about: &str, code: &str, count: u64) {
        self.status("busy", about).await;
        let input = self.expect("execute_input", about).await;
        assert_eq!(input.content, json!({"code": code, "execution_count": count}));
    }

    /// The reply and `idle` of a cell that ended well.
    pub async fn ended(&mut self, about: &str, count: u64) -> Message {
        let reply = self.answered("execute_reply", about).await;
        assert_eq!(reply.content["status"], "ok", "{}", shown(&reply));
        assert_eq!(reply.content["execution_count"], count);
        self.status("idle", about).await;
        reply
    }

    /// A request other than execution: `busy`, the reply, `idle`.
    pub async fn round(&mut self, kind: &str, content: Value) -> Value {
        let id = self.ask(kind, content).await;
        self.status("busy", &id).await;
        let reply = self.answered(&kind.replace("_request", "_reply"), &id).await;
        self.status("idle", &id).await;
        reply.content
    }

    /// Interrupts a running `sleep` and takes all that follows from it.
    pub async fn stop(&mut self, cell: &str) {
        self.ask_control("interrupt_request", json!({})).await;
        assert_eq!(self.reply_control().await.content, json!({"status": "ok"}));
        let reply = self.answered("execute_reply", cell).await;
        assert_eq!(reply.content["ename"], "KeyboardInterrupt");
        let mut idle = 0;
        while idle < 2 {
            idle += usize::from(self.iopub().await.content["execution_state"] == "idle");
        }
    }

    /// A new shell connection under the same name, some time after the old one was lost.
    /// (Where both happen at the same instant, zeromq 0.7 may take the new connection for
    /// the lost one and close it; libzmq then connects again by itself, this client doesn't.)
    pub async fn reconnect(&mut self, connection: &Connection) {
        let mut options = SocketOptions::default();
        options.peer_identity(PeerIdentity::try_from(self.session.as_bytes()).unwrap());
        self.shell = DealerSocket::with_options(options);
        tokio::time::sleep(Duration::from_millis(30)).await;
        self.shell.connect(&connection.endpoint(Channel::Shell)).await.unwrap();
    }

    /// Nothing may arrive on any socket.
    pub async fn nothing(&mut self) {
        tokio::select! {
            frames = self.iopub.recv() => panic!("unexpected on iopub: {frames:?}"),
            frames = self.shell.recv() => panic!("unexpected on shell: {frames:?}"),
            frames = self.control.recv() => panic!("unexpected on control: {frames:?}"),
            frames = self.stdin.recv() => panic!("unexpected on stdin: {frames:?}"),
            () = tokio::time::sleep(SILENCE) => {}
        }
    }

    /// Shuts the kernel down; nothing but the answer to that may come.
    pub async fn close(mut self, kernel: Running) {
        let id = self.ask_control("shutdown_request", json!({"restart": false})).await;
        self.status("busy", &id).await;
        let told = self.expect("shutdown_reply", &id).await;
        assert_eq!(told.content, json!({"status": "ok", "restart": false}));
        self.status("idle", &id).await;
        let reply = self.reply_control().await;
        assert_eq!((reply.kind(), reply.parent_id()), ("shutdown_reply", id.as_str()));
        assert_eq!(reply.content, json!({"status": "ok", "restart": false}));
        let exit = tokio::task::spawn_blocking(move || kernel.exit()).await.unwrap();
        assert!(!exit.restart);
    }

    fn verified(&mut self, message: ZmqMessage) -> Message {
        let mut frames = message.into_vec();
        let at = frames
            .iter()
            .position(|frame| frame.as_ref() == b"<IDS|MSG>")
            .expect("a delimiter");
        let parts = frames.split_off(at + 1);
        assert_eq!(parts.len(), 5, "no buffers are sent");
        assert_eq!(parts[0], sign(KEY, &parts[1..]), "signature");
        let read = |at: usize| serde_json::from_slice::<Value>(&parts[at]).unwrap();
        let message = Message {
            header: read(1),
            parent: read(2),
            metadata: read(3),
            content: read(4),
        };
        for field in ["msg_id", "session", "username", "date", "msg_type", "version"] {
            assert!(message.header[field].is_string(), "{field} in {}", message.header);
        }
        assert_eq!(message.header["version"], "5.5");
        assert!(message.content.is_object() && message.metadata.is_object());
        if message.parent != json!({}) {
            assert_eq!(
                message.parent["from_the_future"],
                json!([1]),
                "the parent is echoed whole"
            );
        }
        let id = message.header["msg_id"].as_str().unwrap().to_owned();
        assert!(self.seen.insert(id), "a message id came twice");
        message
    }
}

fn shown(message: &Message) -> String {
    let mut text = format!("{} {}", message.kind(), message.content);
    text.truncate(text.floor_char_boundary(400));
    text
}
