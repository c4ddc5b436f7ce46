//! How fast text may come for a notebook in Jupyter's own server.
//!
//! That server counts what a kernel broadcasts, and above 1 MB a second (in any three seconds, unless it is told
//! otherwise) it drops the rest, with a note in its place. So text waits here until it will get through: the cell that
//! prints it is held up, nothing is lost. Other front ends drop nothing, and there nothing waits.

use std::collections::VecDeque;
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// The server names the notebook to the kernels that it starts for one.
const OF_A_NOTEBOOK: &str = "JPY_SESSION_NAME";

/// What the server counts together.
const WINDOW: Duration = Duration::from_secs(3);
/// Bytes in a window: two thirds of what the server lets through, since it may have to catch up.
const MOST: usize = 2_000_000;
/// Text that is let through at once.
const PART: usize = 1 << 16;
/// How often whoever waits looks whether the cell was stopped.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// What was sent lately.
#[derive(Debug, Default)]
pub(crate) struct Pace(Mutex<VecDeque<(Instant, usize)>>);

impl Pace {
    /// For the front end that has started this kernel, if it needs one.
    pub(crate) fn of_this_kernel() -> Option<Pace> {
        std::env::var_os(OF_A_NOTEBOOK).map(|_| Pace::default())
    }

    /// Hands on text in parts, each when its time has come; at once when `stopped`.
    pub(crate) fn keep(&self, text: &str, stopped: impl Fn() -> bool, mut hand_on: impl FnMut(&str)) {
        let mut rest = text;
        while !rest.is_empty() {
            let (part, next) = rest.split_at(rest.floor_char_boundary(PART));
            let size = encoded(part);
            while !stopped() {
                let delay = delay(&mut self.0.lock(), size, Instant::now());
                if delay.is_zero() {
                    break;
                }
                thread::sleep(delay.min(LOOK_EVERY));
            }
            hand_on(part);
            rest = next;
        }
    }
}

/// How long a text of this size has to wait; one that need not is noted.
fn delay(sent: &mut VecDeque<(Instant, usize)>, size: usize, now: Instant) -> Duration {
    while sent.front().is_some_and(|(at, _)| now.duration_since(*at) >= WINDOW) {
        sent.pop_front();
    }
    let mut over = (sent.iter().map(|(_, size)| size).sum::<usize>() + size).saturating_sub(MOST);
    for (at, size) in sent.iter() {
        if over == 0 {
            break;
        }
        over = over.saturating_sub(*size);
        if over == 0 {
            return *at + WINDOW - now;
        }
    }
    sent.push_back((now, size));
    Duration::ZERO
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
        let mut sent = VecDeque::new();
        let mut now = Instant::now();
        let mut passed: Vec<(Instant, usize)> = Vec::new();
        for number in 0..400 {
            let size = 1_000 + number * 150;
            loop {
                let delay = delay(&mut sent, size, now);
                if delay.is_zero() {
                    break;
                }
                now += delay;
            }
            passed.push((now, size));
            let window = passed.iter().filter(|(at, _)| now.duration_since(*at) < WINDOW);
            assert!(window.map(|(_, size)| size).sum::<usize>() <= MOST);
        }
        let total: usize = passed.iter().map(|(_, size)| size).sum();
        let least = Duration::from_secs_f64(3.0 * (total - MOST) as f64 / MOST as f64);
        let took = now.duration_since(passed[0].0);
        assert!((least..2 * least).contains(&took), "{took:?} for {total} bytes");
    }

    #[test]
    fn text_comes_whole_and_in_order_and_a_stop_ends_the_wait() {
        let text = "é\n".repeat(2 * MOST);
        let mut seen = String::new();
        Pace::default().keep(
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
