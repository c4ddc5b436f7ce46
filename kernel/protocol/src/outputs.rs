//! What a running cell shows: streams, displays, results, questions.
//!
//! Text is gathered and sent every 50 ms, since front ends and the Jupyter
//! server cap messages by the second (the server drops above 1000): 200 000
//! printed lines become a handful of messages. Whatever is not text first sends
//! the text before it, so everything arrives in the order it was made. The one
//! exception: a cell that alternates between stdout and stderr more than
//! [`SEGMENTS`] times within one tick keeps the order within each stream only.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::runtime::Handle;

use crate::engine::MimeBundle;
use crate::iopub::Iopub;
use crate::messages::Shown;
use crate::pace::Pace;
use crate::stdin::{InputError, Stdin};
use crate::wire::Request;

/// How long text is gathered.
const TICK: Duration = Duration::from_millis(50);
/// Text beyond this goes out without waiting for the tick.
const LARGE: usize = 256 * 1024;
/// Stretches of one stream that a tick keeps apart: at 20 ticks a second, well below 1000 messages.
const SEGMENTS: usize = 32;

/// Where a cell's output goes. Cheap to clone; clones may outlive the cell, and
/// what they show then still belongs to it.
#[derive(Clone)]
pub struct Outputs(Arc<Inner>);

struct Inner {
    iopub: Iopub,
    stdin: Arc<Stdin>,
    /// Runs the tick; without it (in tests of an engine) text waits for the next flush.
    runtime: Option<Handle>,
    request: Arc<Request>,
    interrupted: Arc<AtomicBool>,
    silent: bool,
    allow_stdin: bool,
    execution_count: u64,
    pace: Option<Pace>,
    gathered: Mutex<Gathered>,
}

#[derive(Default)]
struct Gathered {
    segments: Vec<(Stream, String)>,
    bytes: usize,
    tick_pending: bool,
    result: Option<String>,
    payload: Vec<Value>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stream {
    Stdout,
    Stderr,
}

impl Stream {
    fn name(self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
        }
    }
}

/// What the execution leaves behind for the reply and the history.
pub(crate) struct Finished {
    pub(crate) result: Option<String>,
    pub(crate) payload: Vec<Value>,
}

impl Outputs {
    pub(crate) fn new(
        iopub: Iopub,
        stdin: Arc<Stdin>,
        runtime: Option<Handle>,
        request: Arc<Request>,
        interrupted: Arc<AtomicBool>,
        cell: &crate::engine::ExecuteRequest,
    ) -> Self {
        Self(Arc::new(Inner {
            iopub,
            stdin,
            runtime,
            request,
            interrupted,
            silent: cell.silent,
            allow_stdin: cell.allow_stdin,
            execution_count: cell.execution_count,
            pace: Pace::of_a_cell(),
            gathered: Mutex::default(),
        }))
    }

    /// Text on standard output; need not end in a newline.
    pub fn stdout(&self, text: &str) {
        self.stream(Stream::Stdout, text);
    }

    /// Text on standard error.
    pub fn stderr(&self, text: &str) {
        self.stream(Stream::Stderr, text);
    }

    /// Shows something; with a `display_id` it can be updated later.
    pub fn display(&self, bundle: &MimeBundle, display_id: Option<&str>) {
        self.0.show("display_data", bundle, display_id);
    }

    /// Replaces what was shown under this `display_id`.
    pub fn update(&self, bundle: &MimeBundle, display_id: &str) {
        self.0.show("update_display_data", bundle, Some(display_id));
    }

    /// Shows the cell's value. A silent cell shows none.
    pub fn result(&self, bundle: &MimeBundle) {
        let mut gathered = self.0.gathered.lock();
        gathered.result = match bundle.data.get("text/plain") {
            Some(Value::String(text)) => Some(text.clone()),
            _ => None,
        };
        if self.0.silent {
            return;
        }
        self.0.flush(&mut gathered);
        let content = Shown {
            execution_count: Some(self.0.execution_count),
            bundle,
            transient: json!({}),
        };
        self.0.publish("execute_result", &content);
    }

    /// Removes what the cell has shown so far; with `wait`, when something new is shown.
    pub fn clear(&self, wait: bool) {
        let mut gathered = self.0.gathered.lock();
        self.0.flush(&mut gathered);
        self.0.publish("clear_output", &json!({"wait": wait}));
    }

    /// Shows something in the front end's pager, where it has one: help texts. A front end that can't ask anybody
    /// anything has none, and many of those know no payloads: there it is shown among the outputs.
    pub fn page(&self, bundle: &MimeBundle) {
        if self.0.allow_stdin {
            let payload = json!({"source": "page", "data": bundle.data, "start": 0});
            self.0.gathered.lock().payload.push(payload);
        } else {
            self.display(bundle, None);
        }
    }

    /// Asks the person in front of the cell; blocks until they answer. An interrupt ends the wait.
    pub fn input(&self, prompt: &str, password: bool) -> Result<String, InputError> {
        if !self.0.allow_stdin {
            return Err(InputError::NotAllowed);
        }
        self.flush();
        let unless = || self.interrupted();
        self.0.stdin.ask(&self.0.request, prompt, password, unless)
    }

    /// Ends the wait of [`Outputs::input`]: whoever asked is gone.
    pub fn withdraw(&self) {
        self.0.stdin.cancel(&InputError::Interrupted);
    }

    /// Whether this cell was asked to stop.
    pub fn interrupted(&self) -> bool {
        self.0.interrupted.load(Ordering::SeqCst)
    }

    /// Sends the text gathered so far without waiting for the tick.
    pub fn flush(&self) {
        self.0.flush(&mut self.0.gathered.lock());
    }

    /// Sends what is left and gives what the reply needs.
    pub(crate) fn finish(&self) -> Finished {
        let mut gathered = self.0.gathered.lock();
        self.0.flush(&mut gathered);
        Finished {
            result: gathered.result.take(),
            payload: std::mem::take(&mut gathered.payload),
        }
    }

    fn stream(&self, stream: Stream, text: &str) {
        match &self.0.pace {
            Some(pace) => pace.keep(text, || self.interrupted(), |part| self.gather(stream, part)),
            None => self.gather(stream, text),
        }
    }

    fn gather(&self, stream: Stream, text: &str) {
        if text.is_empty() {
            return;
        }
        let mut gathered = self.0.gathered.lock();
        gathered.append(stream, text);
        if gathered.bytes >= LARGE {
            self.0.flush(&mut gathered);
        } else if !gathered.tick_pending
            && let Some(runtime) = &self.0.runtime
        {
            gathered.tick_pending = true;
            let inner = Arc::clone(&self.0);
            runtime.spawn(async move {
                tokio::time::sleep(TICK).await;
                let mut gathered = inner.gathered.lock();
                gathered.tick_pending = false;
                inner.flush(&mut gathered);
            });
        }
    }
}

impl Gathered {
    fn append(&mut self, stream: Stream, text: &str) {
        self.bytes += text.len();
        let last = self.segments.last().is_some_and(|(of, _)| *of == stream);
        let full = self.segments.len() >= SEGMENTS;
        if (last || full)
            && let Some((_, open)) = self.segments.iter_mut().rfind(|(of, _)| *of == stream)
        {
            open.push_str(text);
        } else {
            self.segments.push((stream, text.to_owned()));
        }
    }
}

impl Inner {
    /// Holding the lock while queueing keeps the order between threads, too.
    fn flush(&self, gathered: &mut Gathered) {
        gathered.bytes = 0;
        for (stream, text) in gathered.segments.drain(..) {
            self.publish("stream", &json!({"name": stream.name(), "text": text}));
        }
    }

    fn show(&self, msg_type: &str, bundle: &MimeBundle, display_id: Option<&str>) {
        let mut gathered = self.gathered.lock();
        self.flush(&mut gathered);
        let transient = match display_id {
            Some(id) => json!({"display_id": id}),
            None => json!({}),
        };
        let content = Shown {
            execution_count: None,
            bundle,
            transient,
        };
        self.publish(msg_type, &content);
    }

    fn publish(&self, msg_type: &str, content: &impl Serialize) {
        self.iopub.publish(msg_type, &self.request, content);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::testing::Transcript;

    #[test]
    fn text_is_gathered_and_keeps_its_place() {
        let (outputs, transcript) = Transcript::new();
        outputs.stdout("a");
        outputs.stdout("b\n");
        outputs.stderr("warning\n");
        outputs.stdout("c");
        outputs.display(&MimeBundle::text("picture"), Some("id"));
        outputs.stdout("d");
        outputs.result(&MimeBundle::text("42"));
        let seen = transcript.take();
        let told: Vec<String> = seen
            .iter()
            .map(|(kind, content)| match kind.as_str() {
                "stream" => format!("{}:{}", content["name"], content["text"]),
                _ => format!("{kind}:{}", content["transient"]),
            })
            .collect();
        assert_eq!(
            told,
            [
                r#""stdout":"ab\n""#,
                r#""stderr":"warning\n""#,
                r#""stdout":"c""#,
                r#"display_data:{"display_id":"id"}"#,
                r#""stdout":"d""#,
                "execute_result:{}",
            ]
        );
    }

    #[test]
    fn alternating_streams_stay_few_messages_and_lose_nothing() {
        let (outputs, transcript) = Transcript::new();
        for line in 0..2_000 {
            outputs.stdout(&format!("{line}\n"));
            outputs.stderr(&format!("{line}\n"));
        }
        outputs.flush();
        let seen = transcript.take();
        assert!(seen.len() <= SEGMENTS, "{}", seen.len());
        for name in ["stdout", "stderr"] {
            let text: String = seen
                .iter()
                .filter(|(_, content)| content["name"] == name)
                .map(|(_, content)| content["text"].as_str().unwrap())
                .collect();
            let lines: Vec<usize> = text.lines().map(|line| line.parse().unwrap()).collect();
            assert_eq!(lines, (0..2_000).collect::<Vec<_>>(), "{name}");
        }
    }

    #[test]
    fn large_text_does_not_wait() {
        let (outputs, transcript) = Transcript::new();
        outputs.stdout(&"x".repeat(LARGE));
        assert_eq!(transcript.take().len(), 1);
    }
}
