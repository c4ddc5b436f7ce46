//! How fast text may come for a notebook in Jupyter's own server.
//!
//! That server counts the text that a cell prints, and above 1 MB a second (in any three seconds, unless it is told
//! otherwise) it drops the rest, with a note in its place. So text waits here until it will get through: the cell that
//! prints it is held up, nothing is lost. Other front ends drop nothing, and there nothing waits.

use std::thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// The server names the notebook to the kernels that it starts for one.
const OF_A_NOTEBOOK: &str = "JPY_SESSION_NAME";

/// Bytes that a cell may print at once, and then in a second. In three seconds that is 2.5 MB of the 3 MB that get
/// through, so the server may be a second late.
const AT_ONCE: f64 = 1e6;
const A_SECOND: f64 = 5e5;
/// Text that is let through at once.
const PART: usize = 1 << 16;
/// How often whoever waits looks whether the cell was stopped.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// What one cell may still print, and since when: a bucket of tokens.
#[derive(Debug)]
pub(crate) struct Pace(Mutex<(f64, Instant)>);

impl Pace {
    /// For a cell of the front end that has started this kernel, if it needs one.
    pub(crate) fn of_a_cell() -> Option<Pace> {
        std::env::var_os(OF_A_NOTEBOOK).map(|_| Pace::new(Instant::now()))
    }

    fn new(now: Instant) -> Pace {
        Pace(Mutex::new((AT_ONCE, now)))
    }

    /// Hands on text in parts, each when its time has come; at once when `stopped`.
    pub(crate) fn keep(&self, text: &str, stopped: impl Fn() -> bool, mut hand_on: impl FnMut(&str)) {
        let mut rest = text;
        while !rest.is_empty() {
            let (part, next) = rest.split_at(rest.floor_char_boundary(PART));
            let size = encoded(part);
            while !stopped() {
                let delay = self.delay(size, Instant::now());
                if delay.is_zero() {
                    break;
                }
                thread::sleep(delay.min(LOOK_EVERY));
            }
            hand_on(part);
            rest = next;
        }
    }

    /// How long a text of this size has to wait; one that need not is counted.
    fn delay(&self, size: usize, now: Instant) -> Duration {
        let mut bucket = self.0.lock();
        let (left, since) = *bucket;
        let left = (left + now.duration_since(since).as_secs_f64() * A_SECOND).min(AT_ONCE);
        let wanted = (size as f64).min(AT_ONCE);
        if left < wanted {
            return Duration::from_secs_f64((wanted - left) / A_SECOND);
        }
        *bucket = (left - size as f64, now);
        Duration::ZERO
    }
}

/// The bytes of a text as JSON.
fn encoded(text: &str) -> usize {
    let size = |byte: u8| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' => 2,
        0..0x20 => 6,
        _ => 1,
    };
    text.bytes().map(size).sum()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn no_three_seconds_see_more_than_the_server_lets_through() {
        let mut now = Instant::now();
        let pace = Pace::new(now);
        let mut passed: Vec<(Instant, usize)> = Vec::new();
        for number in 0..400 {
            let size = 1_000 + number * 150;
            loop {
                let delay = pace.delay(size, now);
                if delay.is_zero() {
                    break;
                }
                now += delay;
            }
            passed.push((now, size));
            let window = passed.iter().filter(|(at, _)| now.duration_since(*at).as_secs() < 3);
            assert!(window.map(|(_, size)| size).sum::<usize>() <= 2_500_000);
        }
        let total: usize = passed.iter().map(|(_, size)| size).sum();
        let least = (total as f64 - AT_ONCE) / A_SECOND;
        let took = now.duration_since(passed[0].0).as_secs_f64();
        assert!((least..least + 0.5).contains(&took), "{took} s for {total} bytes");
    }

    #[test]
    fn text_comes_whole_and_in_order_and_a_stop_ends_the_wait() {
        let text = "é\n".repeat(1_000_000);
        let mut seen = String::new();
        Pace::new(Instant::now()).keep(
            &text,
            || true,
            |part| {
                assert!(part.len() <= PART);
                seen.push_str(part);
            },
        );
        assert_eq!(seen, text);
    }

    #[test]
    fn a_size_is_that_of_json() {
        for text in ["plain", "a\"b\\c\n\t\r", "\u{1b}[31m", "é…"] {
            assert_eq!(
                encoded(text) + 2,
                serde_json::to_string(text).unwrap().len(),
                "{text:?}"
            );
        }
    }
}
