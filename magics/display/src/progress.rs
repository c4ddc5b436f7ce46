//! One live display for long work, which ends as a complete and static line.
//!
//! A browser gets an HTML `<progress>`, everything else its text twin. Frames are throttled to
//! five a second (notebook servers drop what comes faster), or to ten in all where nobody watches.
//! Whatever happens, the last frame is static: a [`Progress`] that is dropped half way, by an
//! error or an interrupt, says that it stopped, and where.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::{Bundle, DisplayId, Front, html, text};

/// Shortest time between two frames.
const FRAME: Duration = Duration::from_millis(200);
/// Most updates in a headless run, the last one included.
const QUIET_UPDATES: u32 = 10;
/// A guess of the time left needs some of the work behind it.
const GUESS_AFTER: Duration = Duration::from_secs(1);
/// A rate is that of about the last so many seconds: what was fast a minute ago says little of a stalled transfer.
const RATE_OVER: f64 = 3.0;
/// Shortest time between two looks at the rate.
const RATE_EVERY: Duration = Duration::from_millis(500);

/// A live display of how far something is.
///
/// ```
/// use ironsage_display::{Progress, testing::Recorder};
/// let front = Recorder::new();
/// let progress = Progress::start(&front, "training");
/// progress.set(Some(0.5), "epoch 5/10");
/// progress.finish("10 epochs");
/// assert!(front.plain().starts_with("training: 10 epochs"));
/// ```
pub struct Progress<'a> {
    front: &'a dyn Front,
    title: String,
    started: Instant,
    id: DisplayId,
    state: Mutex<State>,
}

struct State {
    fraction: Option<f64>,
    text: String,
    shown_at: Instant,
    updates: u32,
    /// The tenth of the work that was last told in a quiet run.
    tenth: u32,
    /// Where the work moves bytes, how fast.
    rate: Option<Rate>,
    ended: bool,
}

/// How fast bytes move.
#[derive(Clone, Copy)]
struct Rate {
    /// When it was last looked at, and how many bytes had moved then.
    at: Instant,
    moved: u64,
    /// Bytes a second lately; known after the first half second.
    lately: Option<f64>,
    /// All bytes that have moved.
    seen: u64,
}

impl Rate {
    fn look(&mut self, moved: u64, now: Instant) {
        self.seen = moved;
        let passed = now - self.at;
        if passed < RATE_EVERY {
            return;
        }
        let seconds = passed.as_secs_f64();
        let current = moved.saturating_sub(self.moved) as f64 / seconds;
        let share = 1.0 - (-seconds / RATE_OVER).exp();
        let lately = self
            .lately
            .map_or(current, |lately| lately + share * (current - lately));
        *self = Rate {
            at: now,
            moved,
            lately: Some(lately),
            seen: moved,
        };
    }
}

impl<'a> Progress<'a> {
    /// Shows the first frame at once.
    pub fn start(front: &'a dyn Front, title: &str) -> Self {
        Progress::since(Instant::now(), front, title)
    }

    /// The same of work that began before it was shown.
    pub fn since(started: Instant, front: &'a dyn Front, title: &str) -> Self {
        let first = running(title, None, "", None, started.elapsed());
        let id = front.display_live(&first);
        Progress {
            front,
            title: title.to_owned(),
            started,
            id,
            state: Mutex::new(State {
                fraction: None,
                text: String::new(),
                shown_at: Instant::now(),
                updates: 0,
                tenth: 0,
                rate: None,
                ended: false,
            }),
        }
    }

    /// Says how far the work is: a fraction between 0 and 1 where it is known, and what is being
    /// done. Cheap when it comes too soon after the last frame to be shown.
    pub fn set(&self, fraction: Option<f64>, text: &str) {
        self.show(&mut self.state.lock(), fraction, text, Instant::now());
    }

    /// [`Progress::set`] for work that moves bytes: how many of how many have moved, and how fast.
    pub fn set_bytes(&self, done: u64, total: u64) {
        let fraction = done as f64 / total.max(1) as f64;
        let moved = format!("{} of {}", text::bytes(done), text::bytes(total));
        self.show_bytes(done, Some(fraction), &moved);
    }

    /// [`Progress::set_bytes`] where nobody knows how many there will be.
    pub fn set_moved(&self, done: u64) {
        self.show_bytes(done, None, &text::bytes(done));
    }

    fn show_bytes(&self, done: u64, fraction: Option<f64>, moved: &str) {
        let now = Instant::now();
        let mut state = self.state.lock();
        let rate = state.rate.get_or_insert(Rate {
            at: self.started,
            moved: 0,
            lately: None,
            seen: 0,
        });
        rate.look(done, now);
        self.show(&mut state, fraction, moved, now);
    }

    fn show(&self, state: &mut State, fraction: Option<f64>, text: &str, now: Instant) {
        let fraction = fraction.filter(|f| f.is_finite()).map(|f| f.clamp(0.0, 1.0));
        let due = if self.front.quiet() {
            self.due_quietly(state, fraction, now)
        } else {
            state.updates == 0 || now.duration_since(state.shown_at) >= FRAME
        };
        state.fraction = fraction;
        text.clone_into(&mut state.text);
        if due {
            state.shown_at = now;
            state.updates += 1;
            state.tenth = fraction.map_or(state.tenth, tenth_of);
            let rate = state.rate.and_then(|rate| rate.lately);
            let frame = running(&self.title, fraction, text, rate, now - self.started);
            // Sent under the lock, so that frames of two threads can't change places.
            self.front.update(&self.id, &frame);
        }
    }

    /// Where nobody watches: at each tenth of the work, or, where its size is unknown, whenever
    /// the time since the start has doubled. The last update is kept for the end.
    fn due_quietly(&self, state: &State, fraction: Option<f64>, now: Instant) -> bool {
        if state.updates + 1 >= QUIET_UPDATES {
            return false;
        }
        match fraction {
            Some(fraction) => tenth_of(fraction) > state.tenth,
            None => {
                let elapsed = now - self.started;
                elapsed >= Duration::from_secs(1) && elapsed >= 2 * state.shown_at.duration_since(self.started)
            }
        }
    }

    /// Time since the start.
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Ends the display: the work is done, and this is what came of it.
    pub fn finish(self, text: &str) {
        self.end(End::Done, text);
    }

    /// Ends the display: the work stopped early, and this is why.
    pub fn stop(self, text: &str) {
        self.end(End::Stopped, text);
    }

    fn end(&self, end: End, text: &str) {
        let mut state = self.state.lock();
        if state.ended {
            return;
        }
        state.ended = true;
        let elapsed = self.elapsed();
        // Of a moment's work there is no rate worth telling.
        let moved = state.rate.filter(|_| elapsed >= GUESS_AFTER).map(|rate| rate.seen);
        let rate = moved.map(|moved| moved as f64 / elapsed.as_secs_f64());
        let frame = ended(end, &self.title, state.fraction, text, rate, elapsed);
        self.front.update(&self.id, &frame);
    }
}

impl Drop for Progress<'_> {
    fn drop(&mut self) {
        let text = self.state.lock().text.clone();
        self.end(End::Stopped, &text);
    }
}

fn tenth_of(fraction: f64) -> u32 {
    // In range: fractions are clamped to 0..=1 where they come in.
    (fraction * 10.0) as u32
}

#[derive(Clone, Copy)]
enum End {
    Done,
    Stopped,
}

fn running(title: &str, fraction: Option<f64>, doing: &str, rate: Option<f64>, elapsed: Duration) -> Bundle {
    let mut facts = Vec::new();
    if !doing.is_empty() {
        facts.push(doing.to_owned());
    }
    if let Some(fraction) = fraction {
        facts.push(format!("{:.0} %", (fraction * 100.0).floor()));
    }
    facts.extend(rate.map(a_second));
    if elapsed >= GUESS_AFTER {
        facts.push(text::duration(elapsed));
    }
    if let Some(left) = time_left(fraction, elapsed) {
        facts.push(format!("{} left", text::duration(left)));
    }
    let facts = if facts.is_empty() {
        "…".to_owned()
    } else {
        facts.join(" · ")
    };
    let bar = match fraction {
        Some(fraction) => format!("<progress value=\"{:.3}\" max=\"1\"", fraction),
        None => "<progress max=\"1\"".to_owned(),
    };
    Bundle::text(format!("{title}: {facts}")).with_html(line(&bar, title, &facts))
}

fn ended(end: End, title: &str, fraction: Option<f64>, said: &str, rate: Option<f64>, elapsed: Duration) -> Bundle {
    let time = match rate {
        Some(rate) => format!("{} · {}", a_second(rate), text::duration(elapsed)),
        None => text::duration(elapsed),
    };
    let (value, stopped) = match end {
        End::Done => (1.0, ""),
        End::Stopped => (fraction.unwrap_or(0.0), "stopped · "),
    };
    let facts = if said.is_empty() {
        format!("{stopped}{time}")
    } else {
        format!("{stopped}{said} · {time}")
    };
    let bar = format!("<progress value=\"{value:.3}\" max=\"1\"");
    Bundle::text(format!("{title}: {facts}")).with_html(line(&bar, title, &facts))
}

fn a_second(rate: f64) -> String {
    format!("{}/s", text::bytes(rate as u64))
}

/// One line of HTML: the bar, the title, the facts.
fn line(bar: &str, title: &str, facts: &str) -> String {
    format!(
        "<div style=\"line-height:1.5\">{bar} style=\"width:12em;height:.8em;vertical-align:baseline;\
         margin-right:.8em\"></progress><b>{}</b> <span style=\"font-variant-numeric:tabular-nums\">\
         {}</span></div>",
        html::escape(title),
        html::sentence(facts)
    )
}

/// The time left, by the pace so far.
fn time_left(fraction: Option<f64>, elapsed: Duration) -> Option<Duration> {
    let fraction = fraction?;
    if elapsed < GUESS_AFTER || !(0.02..1.0).contains(&fraction) {
        return None;
    }
    let left = elapsed.as_secs_f64() * (1.0 - fraction) / fraction;
    // Tenths of a second are not known of a guess; whole seconds, rounded up, are.
    Duration::try_from_secs_f64(left.ceil()).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::testing::{Recorder, Shown};

    fn html_of(bundle: &Bundle) -> String {
        bundle.data["text/html"].as_str().unwrap().to_owned()
    }

    #[test]
    fn the_first_frame_is_shown_at_once_and_the_last_is_complete() {
        let front = Recorder::new();
        let progress = Progress::start(&front, "reading");
        assert!(matches!(&front.shown()[..], [Shown::Live(_, b)] if b.plain() == "reading: …"));
        progress.set(Some(0.4), "4 of 10 files");
        assert_eq!(front.plain(), "reading: 4 of 10 files · 40 %");
        progress.finish("10 files");
        let last = front.displays().pop().unwrap();
        assert!(last.plain().starts_with("reading: 10 files · "), "{}", last.plain());
        assert!(html_of(&last).contains("<progress value=\"1.000\" max=\"1\""));
    }

    #[test]
    fn frames_are_throttled() {
        let front = Recorder::new();
        let progress = Progress::start(&front, "work");
        for i in 0..10_000 {
            progress.set(Some(f64::from(i) / 1e4), "going");
        }
        // The first call is shown, then at most one frame each 200 ms.
        let most = 1 + progress.elapsed().as_millis() / 200 + 1;
        assert!((front.updates() as u128) <= most, "{}", front.updates());
        assert!(front.updates() >= 1);
        drop(progress);
    }

    #[test]
    fn at_most_ten_updates_where_nobody_watches() {
        let front = Recorder::new();
        front.set_quiet(true);
        let progress = Progress::start(&front, "work");
        for i in 0..=10_000 {
            progress.set(Some(f64::from(i) / 1e4), "going");
        }
        progress.finish("done");
        assert_eq!(front.updates(), 10);
    }

    #[test]
    fn a_tenth_is_told_once_where_nobody_watches() {
        let front = Recorder::new();
        front.set_quiet(true);
        let progress = Progress::start(&front, "work");
        for i in 0..50 {
            progress.set(Some(0.55 + f64::from(i) * 1e-4), "going");
        }
        assert_eq!(front.updates(), 1);
        drop(progress);
    }

    #[test]
    fn work_of_unknown_size_says_little_where_nobody_watches() {
        let front = Recorder::new();
        front.set_quiet(true);
        let progress = Progress::start(&front, "work");
        for _ in 0..10_000 {
            progress.set(None, "going");
        }
        progress.finish("done");
        assert_eq!(front.updates(), 1, "only the end, within a second");
    }

    #[test]
    fn a_dropped_progress_says_where_it_stopped() {
        let front = Recorder::new();
        let progress = Progress::start(&front, "training");
        progress.set(Some(0.25), "epoch 5/20");
        drop(progress);
        let last = front.displays().pop().unwrap();
        let text = last.plain();
        assert!(text.starts_with("training: stopped · epoch 5/20 · "), "{text}");
        assert!(html_of(&last).contains("<progress value=\"0.250\""));
    }

    #[test]
    fn odd_fractions_do_no_harm() {
        let front = Recorder::new();
        for fraction in [f64::NAN, f64::INFINITY, -1.0, 2.0] {
            Progress::start(&front, "odd").set(Some(fraction), "x");
        }
        assert!(!front.plain().contains("NaN"));
    }

    #[test]
    fn the_time_left_follows_the_pace() {
        let after = |f, s| time_left(Some(f), Duration::from_secs(s)).map(|d| d.as_secs());
        assert_eq!(after(0.25, 10), Some(30));
        assert_eq!(after(0.001, 10), None);
        assert_eq!(after(1.0, 10), None);
        assert_eq!(after(0.5, 0), None);
    }

    #[test]
    fn a_rate_follows_the_last_seconds() {
        let start = Instant::now();
        let mut rate = Rate {
            at: start,
            moved: 0,
            lately: None,
            seen: 0,
        };
        let mut after = |millis: u64, moved| {
            rate.look(moved, start + Duration::from_millis(millis));
            rate.lately.map(f64::round)
        };
        assert_eq!(after(100, 5_000_000), None, "too soon to tell");
        assert_eq!(after(1000, 10_000_000), Some(10e6));
        assert_eq!(after(1200, 10_000_000), Some(10e6));
        let stalled = after(31_000, 10_000_000).unwrap();
        assert!(stalled < 1000.0, "{stalled}");
    }

    #[test]
    fn moving_bytes_are_told_with_their_rate_and_the_time_left() {
        let told = |rate| running("s3://b/k", Some(0.25), "1.0 MB of 4.0 MB", rate, Duration::from_secs(2));
        assert_eq!(
            told(Some(5e5)).plain(),
            "s3://b/k: 1.0 MB of 4.0 MB · 25 % · 0.5 MB/s · 2.0 s · 6.0 s left"
        );
        assert_eq!(
            told(None).plain(),
            "s3://b/k: 1.0 MB of 4.0 MB · 25 % · 2.0 s · 6.0 s left"
        );
        let last = ended(
            End::Done,
            "s3://b/k",
            Some(1.0),
            "4.0 MB read",
            Some(5e5),
            Duration::from_secs(8),
        );
        assert_eq!(last.plain(), "s3://b/k: 4.0 MB read · 0.5 MB/s · 8.0 s");
        let front = Recorder::new();
        let progress = Progress::start(&front, "b");
        progress.set_bytes(1_000_000, 4_000_000);
        assert_eq!(front.plain(), "b: 1.0 MB of 4.0 MB · 25 %");
    }

    #[test]
    fn the_html_is_escaped() {
        let front = Recorder::new();
        Progress::start(&front, "<b>").finish("a < b");
        let html = html_of(&front.displays().pop().unwrap());
        assert!(html.contains("&lt;b&gt;") && html.contains("a &lt; b"), "{html}");
    }
}
