//! A [`Front`] that remembers everything, for the tests of whatever writes to one.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::Mutex;

use crate::{Bundle, DisplayId, Front, Stream};

/// One thing that was shown.
#[derive(Clone, Debug, PartialEq)]
pub enum Shown {
    /// A display for good.
    Display(Bundle),
    /// The first frame of a live display.
    Live(DisplayId, Bundle),
    /// A later frame of a live display.
    Update(DisplayId, Bundle),
    /// Text on a stream, as it was written.
    Stream(Stream, String),
}

/// Never interrupted, as the count of answers left before an interrupt.
const NEVER: u64 = u64::MAX;

/// Records what is shown, in order, and can be told to say that the user wants to stop.
#[derive(Debug)]
pub struct Recorder {
    shown: Mutex<Vec<Shown>>,
    asks_left: AtomicU64,
    quiet: AtomicBool,
}

impl Default for Recorder {
    fn default() -> Self {
        Recorder::new()
    }
}

impl Recorder {
    /// A front that is watched live and not interrupted.
    pub fn new() -> Self {
        Recorder {
            shown: Mutex::new(Vec::new()),
            asks_left: AtomicU64::new(NEVER),
            quiet: AtomicBool::new(false),
        }
    }

    /// Says from now on that nobody watches.
    pub fn set_quiet(&self, quiet: bool) {
        self.quiet.store(quiet, Ordering::SeqCst);
    }

    /// Says from now on that the user wants to stop, or no longer.
    pub fn set_interrupted(&self, interrupted: bool) {
        let left = if interrupted { 0 } else { NEVER };
        self.asks_left.store(left, Ordering::SeqCst);
    }

    /// Answers `asks` times that nobody wants to stop, and from then on that somebody does:
    /// an interrupt in the middle of the work, without a clock.
    pub fn interrupt_after(&self, asks: u64) {
        self.asks_left.store(asks, Ordering::SeqCst);
    }

    /// Everything shown so far, in order.
    pub fn shown(&self) -> Vec<Shown> {
        self.shown.lock().clone()
    }

    /// Forgets what was shown.
    pub fn clear(&self) {
        self.shown.lock().clear();
    }

    /// What a person sees at the end: displays in order, each live display once, in its last
    /// state and at its first place. Streams are not part of it.
    pub fn displays(&self) -> Vec<Bundle> {
        let mut seen: Vec<(Option<DisplayId>, Bundle)> = Vec::new();
        for shown in self.shown.lock().iter() {
            match shown {
                Shown::Display(bundle) => seen.push((None, bundle.clone())),
                Shown::Live(id, bundle) => seen.push((Some(id.clone()), bundle.clone())),
                Shown::Update(id, bundle) => {
                    for (at, old) in &mut seen {
                        if at.as_ref() == Some(id) {
                            *old = bundle.clone();
                        }
                    }
                }
                Shown::Stream(..) => {}
            }
        }
        seen.into_iter().map(|(_, bundle)| bundle).collect()
    }

    /// The plain text of [`displays`](Recorder::displays), one after another.
    pub fn plain(&self) -> String {
        let texts: Vec<String> = self.displays().iter().map(|bundle| bundle.plain().to_owned()).collect();
        texts.join("\n")
    }

    /// Everything written to a stream.
    pub fn streamed(&self, which: Stream) -> String {
        self.shown
            .lock()
            .iter()
            .filter_map(|shown| match shown {
                Shown::Stream(stream, text) if *stream == which => Some(text.as_str()),
                _ => None,
            })
            .collect()
    }

    /// How many updates of live displays were sent.
    pub fn updates(&self) -> usize {
        self.shown
            .lock()
            .iter()
            .filter(|shown| matches!(shown, Shown::Update(..)))
            .count()
    }
}

impl Front for Recorder {
    fn display(&self, bundle: &Bundle) {
        self.shown.lock().push(Shown::Display(bundle.clone()));
    }

    fn display_live(&self, bundle: &Bundle) -> DisplayId {
        let mut shown = self.shown.lock();
        let id = DisplayId(format!("live-{}", shown.len()));
        shown.push(Shown::Live(id.clone(), bundle.clone()));
        id
    }

    fn update(&self, id: &DisplayId, bundle: &Bundle) {
        self.shown.lock().push(Shown::Update(id.clone(), bundle.clone()));
    }

    fn stream(&self, stream: Stream, text: &str) {
        self.shown.lock().push(Shown::Stream(stream, text.to_owned()));
    }

    fn interrupted(&self) -> bool {
        let answer = self
            .asks_left
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| match left {
                NEVER | 0 => None,
                left => Some(left - 1),
            });
        answer == Err(0)
    }

    fn quiet(&self) -> bool {
        self.quiet.load(Ordering::SeqCst)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_live_display_is_seen_once_in_its_last_state() {
        let front = Recorder::new();
        let id = front.display_live(&Bundle::text("0 %"));
        front.display(&Bundle::text("a table"));
        front.update(&id, &Bundle::text("100 %"));
        front.stream(Stream::Stdout, "par");
        front.stream(Stream::Stdout, "tial");
        assert_eq!(front.plain(), "100 %\na table");
        assert_eq!(front.streamed(Stream::Stdout), "partial");
        assert_eq!(front.updates(), 1);
    }

    #[test]
    fn interrupts_when_told_and_after_so_many_asks() {
        let front = Recorder::new();
        assert!(!front.interrupted());
        front.set_interrupted(true);
        assert!(front.interrupted());
        front.set_interrupted(false);
        assert!(!front.interrupted());
        front.interrupt_after(2);
        let answers: Vec<bool> = (0..4).map(|_| front.interrupted()).collect();
        assert_eq!(answers, [false, false, true, true]);
    }
}
