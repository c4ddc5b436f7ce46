//! A loop that shows how far it is, in one line that ends with what came of it.

use std::time::{Duration, Instant};

use ironsage_display::{Progress as Line, text};

use crate::front::FRONT;
use crate::link;

/// How often the line is told how far the loop is; it is shown less often than that.
const TELL_EVERY: Duration = Duration::from_millis(100);

/// Shows how far a loop is while it runs: how many of how many, how fast, how long still.
///
/// Stop, while the loop runs, ends the cell with the next step; variables of earlier cells are kept. What leaves the
/// loop early (a `break`, an error) leaves a line that says how far it came.
///
/// ```
/// use ironsage_prelude::cell::progress;
/// let mut sum = 0;
/// for trial in progress(0..1_000).titled("trials") {
///     sum += trial;
/// }
/// assert_eq!(sum, 499_500);
/// ```
pub fn progress<I: IntoIterator>(items: I) -> Progress<I::IntoIter> {
    let items = items.into_iter();
    let total = match items.size_hint() {
        (least, Some(most)) if least == most => Some(most as u64),
        _ => None,
    };
    Progress {
        items,
        meter: Meter::new(total),
    }
}

/// The items of an iterator, with a line that shows how far it is; see [`progress`](crate::cell::progress).
#[derive(Debug)]
#[must_use = "nothing happens, and nothing is shown, before the first item is asked for"]
pub struct Progress<I> {
    items: I,
    meter: Meter,
}

impl<I> Progress<I> {
    /// Says what the loop does, at the line's beginning.
    pub fn titled(mut self, title: &str) -> Self {
        title.clone_into(&mut self.meter.title);
        self
    }
}

impl<I: Iterator> Iterator for Progress<I> {
    type Item = I::Item;

    fn next(&mut self) -> Option<I::Item> {
        self.meter.step();
        let item = self.items.next();
        self.meter.got(item.is_some());
        item
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.items.size_hint()
    }
}

impl<I: ExactSizeIterator> ExactSizeIterator for Progress<I> {}

/// What is known of a loop, whatever it goes over.
struct Meter {
    title: String,
    total: Option<u64>,
    done: u64,
    /// An item was given and its step has not ended.
    within: bool,
    line: Option<Line<'static>>,
    ended: bool,
    told: Instant,
}

impl Meter {
    fn new(total: Option<u64>) -> Meter {
        Meter {
            title: "progress".to_owned(),
            total,
            done: 0,
            within: false,
            line: None,
            ended: false,
            told: Instant::now(),
        }
    }

    /// The loop asks for an item: the step before has ended.
    fn step(&mut self) {
        self.done += u64::from(std::mem::take(&mut self.within));
        if self.ended {
            return;
        }
        if link::interrupted() {
            self.stop();
            link::leave_cell();
        }
        let now = Instant::now();
        let Some(line) = &self.line else {
            self.line = Some(Line::start(&FRONT, &self.title));
            self.told = now;
            return;
        };
        if now.duration_since(self.told) >= TELL_EVERY {
            self.told = now;
            line.set(self.fraction(), &self.text(line.elapsed()));
        }
    }

    /// The loop got an item, or there was none.
    fn got(&mut self, item: bool) {
        self.within = item;
        if item || self.ended {
            return;
        }
        self.ended = true;
        if let Some(line) = self.line.take() {
            let text = self.finished(line.elapsed());
            line.finish(&text);
        }
    }

    /// The loop was left before its end.
    fn stop(&mut self) {
        self.ended = true;
        if let Some(line) = self.line.take() {
            // Told first, so that the bar stands where the loop does.
            let text = self.text(line.elapsed());
            line.set(self.fraction(), &text);
            line.stop(&text);
        }
    }

    fn fraction(&self) -> Option<f64> {
        let total = self.total.filter(|total| *total > 0)?;
        Some(self.done as f64 / total as f64)
    }

    /// `1,200 of 5,000 · 240/s`.
    fn text(&self, elapsed: Duration) -> String {
        let done = match self.total {
            Some(total) => format!("{} of {}", text::count(self.done), text::count(total)),
            None => text::counted(self.done, "item"),
        };
        self.with_rate(done, elapsed)
    }

    fn finished(&self, elapsed: Duration) -> String {
        self.with_rate(text::counted(self.done, "item"), elapsed)
    }

    fn with_rate(&self, done: String, elapsed: Duration) -> String {
        let seconds = elapsed.as_secs_f64();
        if self.done == 0 || seconds < TELL_EVERY.as_secs_f64() {
            return done;
        }
        let rate = self.done as f64 / seconds;
        if rate >= 1.0 {
            format!("{done} · {}/s", text::significant(rate, 3))
        } else {
            format!("{done} · {} s each", text::significant(1.0 / rate, 3))
        }
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        self.stop();
    }
}

impl std::fmt::Debug for Meter {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let total = self.total.map_or_else(|| "?".to_owned(), |total| total.to_string());
        write!(formatter, "{} {} of {total}", self.title, self.done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_items_come_and_are_counted() {
        let mut loops = progress(["a", "b", "c"]).titled("letters");
        assert_eq!(loops.size_hint(), (3, Some(3)));
        assert_eq!(loops.by_ref().collect::<String>(), "abc");
        assert_eq!((loops.meter.done, loops.meter.ended), (3, true));
        assert_eq!(loops.next(), None, "and no more");
        assert_eq!(loops.meter.done, 3);
    }

    #[test]
    fn an_item_counts_when_its_step_has_ended() {
        let mut loops = progress(0..10);
        loops.next();
        assert_eq!(loops.meter.done, 0);
        loops.next();
        assert_eq!(loops.meter.fraction(), Some(0.1));
        assert_eq!(progress((0..10).filter(|n| n % 2 == 0)).meter.total, None);
    }

    #[test]
    fn the_pace_is_said_as_people_say_it() {
        let mut meter = Meter::new(Some(5_000));
        let after = |meter: &Meter, seconds: f64| meter.text(Duration::from_secs_f64(seconds));
        assert_eq!(after(&meter, 1.0), "0 of 5,000");
        meter.done = 1_200;
        assert_eq!(after(&meter, 5.0), "1,200 of 5,000 · 240/s");
        meter.done = 2;
        assert_eq!(after(&meter, 7.0), "2 of 5,000 · 3.5 s each");
        meter.total = None;
        assert_eq!(after(&meter, 0.01), "2 items");
        assert_eq!(meter.finished(Duration::from_secs(1)), "2 items · 2/s");
    }
}
