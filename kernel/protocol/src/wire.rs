//! Messages as frames: identities, `<IDS|MSG>`, signature, four JSON frames, buffers.
//!
//! Nothing is trusted before its signature is verified; what can't be read is an
//! error value that the socket loops log and drop. The parent header of an
//! answer is the request's header byte for byte, so that a front end finds in it
//! whatever it put there, fields of later protocol versions included.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;
use zeromq::ZmqMessage;

use crate::connection::Channel;
use crate::signing::Signer;

/// The version of the messaging protocol spoken here.
pub const PROTOCOL_VERSION: &str = "5.5";

const DELIMITER: &[u8] = b"<IDS|MSG>";
const EMPTY: &[u8] = b"{}";

/// The first JSON frame.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Header {
    pub(crate) msg_id: String,
    #[serde(default)]
    pub(crate) session: String,
    #[serde(default)]
    pub(crate) username: String,
    #[serde(default)]
    pub(crate) date: String,
    pub(crate) msg_type: String,
    #[serde(default)]
    pub(crate) version: String,
}

/// A message from a front end whose signature was right.
#[derive(Debug)]
pub(crate) struct Request {
    /// The socket it came on.
    pub(crate) channel: Channel,
    /// The routing frames: who asked.
    pub(crate) identities: Vec<Bytes>,
    /// The parsed header.
    pub(crate) header: Header,
    /// The header as it came, to be echoed as the parent of every answer.
    raw_header: Bytes,
    /// The header of what it answers; only input replies have one.
    pub(crate) parent: Option<Header>,
    /// The third JSON frame.
    pub(crate) metadata: Map<String, Value>,
    /// The fourth JSON frame, not yet read: each request type has its own shape.
    pub(crate) content: Bytes,
}

impl Request {
    /// The content as the type that this request must have.
    pub(crate) fn content<'a, T: Deserialize<'a>>(&'a self) -> Result<T, serde_json::Error> {
        serde_json::from_slice(&self.content)
    }

    /// The type of its reply: `x_request` is answered by `x_reply`.
    pub(crate) fn reply_type(&self) -> Option<String> {
        let stem = self.header.msg_type.strip_suffix("_request")?;
        Some(format!("{stem}_reply"))
    }
}

/// Why frames were dropped.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FrameError {
    #[error("no `<IDS|MSG>` delimiter in a message of {0} frames")]
    NoDelimiter(usize),
    #[error("{0} frames behind the delimiter where at least five belong")]
    TooFew(usize),
    #[error("the signature is not that of this kernel's key")]
    Signature,
    #[error("the {frame} is malformed: {reason}")]
    Malformed { frame: &'static str, reason: String },
}

/// This kernel's side of the conversation: its name, its key, its counter.
#[derive(Debug)]
pub(crate) struct Session {
    id: String,
    signer: Signer,
    sent: AtomicU64,
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Signer")
    }
}

impl Session {
    /// A session of its own for this run of the kernel.
    pub(crate) fn new(key: &str) -> Self {
        Self {
            id: Uuid::new_v4().simple().to_string(),
            signer: Signer::new(key),
            sent: AtomicU64::new(0),
        }
    }

    /// This session's name.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// Writes a message; gives its id and its frames.
    pub(crate) fn encode(
        &self,
        identities: &[Bytes],
        msg_type: &str,
        parent: Option<&Request>,
        metadata: &Map<String, Value>,
        content: &impl Serialize,
    ) -> (String, ZmqMessage) {
        let number = self.sent.fetch_add(1, Ordering::Relaxed);
        let header = Header {
            msg_id: format!("{}_{number}", self.id),
            session: self.id.clone(),
            username: "kernel".to_owned(),
            date: now(),
            msg_type: msg_type.to_owned(),
            version: PROTOCOL_VERSION.to_owned(),
        };
        let parts = [
            json(&header),
            parent.map_or(Bytes::from_static(EMPTY), |parent| parent.raw_header.clone()),
            json(metadata),
            json(content),
        ];
        let signature = self.signer.sign([&parts[0], &parts[1], &parts[2], &parts[3]]);
        let mut message = ZmqMessage::from(Bytes::from_static(DELIMITER));
        message.push_back(signature.into());
        for part in parts {
            message.push_back(part);
        }
        for identity in identities.iter().rev() {
            message.push_front(identity.clone());
        }
        (header.msg_id, message)
    }

    /// Reads and verifies a message.
    pub(crate) fn decode(&self, channel: Channel, message: ZmqMessage) -> Result<Arc<Request>, FrameError> {
        let mut frames = message.into_vec();
        let count = frames.len();
        let at = frames
            .iter()
            .position(|frame| frame.as_ref() == DELIMITER)
            .ok_or(FrameError::NoDelimiter(count))?;
        let parts = frames.split_off(at + 1);
        frames.truncate(at);
        let [signature, header, parent, metadata, content, ..] = parts.as_slice() else {
            return Err(FrameError::TooFew(parts.len()));
        };
        if !self.signer.verify(signature, [header, parent, metadata, content]) {
            return Err(FrameError::Signature);
        }
        // The header is echoed to everyone as text.
        std::str::from_utf8(header).map_err(|error| FrameError::Malformed {
            frame: "header",
            reason: error.to_string(),
        })?;
        let request = Request {
            channel,
            identities: frames,
            header: read("header", header)?,
            raw_header: header.clone(),
            // `{}` where it answers nothing.
            parent: serde_json::from_value(Value::Object(read("parent header", parent)?)).ok(),
            metadata: read("metadata", metadata)?,
            content: content.clone(),
        };
        Ok(Arc::new(request))
    }
}

fn read<'a, T: Deserialize<'a>>(frame: &'static str, json: &'a Bytes) -> Result<T, FrameError> {
    serde_json::from_slice(json).map_err(|error| FrameError::Malformed {
        frame,
        reason: error.to_string(),
    })
}

#[expect(
    clippy::expect_used,
    reason = "our messages are maps with text keys, which always are JSON"
)]
fn json(value: &impl Serialize) -> Bytes {
    Bytes::from(serde_json::to_vec(value).expect("a message is JSON"))
}

/// The time, as Python's reader of Jupyter dates takes it: at most six decimals.
pub(crate) fn now() -> String {
    format!("{:.6}", jiff::Timestamp::now())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use serde_json::json;

    fn message(session: &Session) -> ZmqMessage {
        let identities = [Bytes::from_static(b"front"), Bytes::from_static(b"end")];
        let content = json!({"code": "1 + 1"});
        session
            .encode(&identities, "execute_request", None, &Map::new(), &content)
            .1
    }

    #[test]
    fn what_is_written_can_be_read() {
        let session = Session::new("key");
        let request = session.decode(Channel::Shell, message(&session)).unwrap();
        assert_eq!(request.identities.len(), 2);
        assert_eq!(request.reply_type().unwrap(), "execute_reply");
        assert_eq!(request.content::<Value>().unwrap()["code"], "1 + 1");
        assert!(request.parent.is_none());
        let (id, answer) = session.encode(
            &request.identities,
            "execute_reply",
            Some(&request),
            &Map::new(),
            &json!({}),
        );
        let answer = session.decode(Channel::Shell, answer).unwrap();
        assert_eq!(answer.header.msg_id, id);
        assert_eq!(answer.parent.as_ref().unwrap().msg_id, request.header.msg_id);
    }

    #[test]
    fn an_unknown_header_field_comes_back_in_the_parent() {
        let session = Session::new("");
        let mut frames = message(&session).into_vec();
        frames[4] = Bytes::from_static(br#"{"msg_id": "1", "msg_type": "x_request", "subshell_id": "s"}"#);
        let request = session.decode(Channel::Shell, frames.try_into().unwrap()).unwrap();
        let (_, answer) = session.encode(&[], "x_reply", Some(&request), &Map::new(), &json!({}));
        assert_eq!(answer.get(3).unwrap(), &request.raw_header);
    }

    #[test]
    fn buffers_are_not_signed_and_do_not_hinder() {
        let session = Session::new("key");
        let mut with_buffer = message(&session);
        with_buffer.push_back(Bytes::from_static(b"raw bytes"));
        assert!(session.decode(Channel::Shell, with_buffer).is_ok());
    }

    #[test]
    fn every_kind_of_damage_is_an_error_value() {
        let session = Session::new("key");
        let damage = |at: usize, with: &'static [u8]| {
            let mut frames = message(&session).into_vec();
            frames[at] = Bytes::from_static(with);
            session.decode(Channel::Shell, frames.try_into().unwrap()).unwrap_err()
        };
        assert!(matches!(damage(2, b"<IDS>"), FrameError::NoDelimiter(8)));
        assert!(matches!(damage(3, b"00ff"), FrameError::Signature));
        assert!(matches!(damage(7, b"{}"), FrameError::Signature));
        let mut short = message(&session).into_vec();
        short.truncate(6);
        let short = session.decode(Channel::Shell, short.try_into().unwrap());
        assert!(matches!(short.unwrap_err(), FrameError::TooFew(3)));
        let unsigned = Session::new("");
        for (at, name) in [(4, "header"), (5, "parent header"), (6, "metadata")] {
            let mut frames = message(&unsigned).into_vec();
            frames[at] = Bytes::from_static(b"[\xff");
            let error = unsigned.decode(Channel::Shell, frames.try_into().unwrap()).unwrap_err();
            assert!(
                matches!(error, FrameError::Malformed { frame, .. } if frame == name),
                "{error}"
            );
        }
    }

    #[test]
    fn dates_are_readable_by_python() {
        let date = now();
        let (_, fraction) = date.split_once('.').unwrap();
        assert_eq!(fraction.len(), 7, "{date}");
        assert!(date.ends_with('Z'), "{date}");
    }
}
