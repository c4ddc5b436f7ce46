//! Axes: which numbers stand beside a scale, and how they are written.
//!
//! Ticks fall on round numbers (1, 2, 2.5 or 5 times a power of ten), on whole numbers where the
//! values are counts, on calendar steps where they are times, and on powers of ten where a scale
//! is logarithmic.

use super::PlotError;
use super::calendar;
use super::font::{self, Weight};
use super::theme::size;

/// So many more are asked for until there are two.
const MORE_TICKS: usize = 4;

/// A scale from a domain of values to the length of an axis.
#[derive(Clone, Debug)]
pub(crate) struct Axis {
    pub(crate) label: String,
    pub(crate) low: f64,
    pub(crate) high: f64,
    /// Where a tick stands, and what it says.
    pub(crate) ticks: Vec<(f64, String)>,
    /// Equal lengths are equal factors.
    log: bool,
}

/// What the numbers on an axis are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Number,
    /// Whole numbers: no tick between them.
    Whole,
    /// Seconds since 1970.
    Time,
    /// Positive numbers, on a logarithmic scale.
    Log,
}

impl Kind {
    /// Whether a value has a place on an axis of this kind.
    pub(crate) fn takes(self, value: f64) -> bool {
        value.is_finite() && (self != Kind::Log || value > 0.0)
    }
}

impl Axis {
    /// An axis over exactly this domain. A domain without length is widened round its value.
    pub(crate) fn over(label: &str, (low, high): (f64, f64), wanted: usize, kind: Kind) -> Result<Axis, PlotError> {
        let (low, high) = widened(label, low, high, kind)?;
        let ticks = match kind {
            Kind::Number => number_ticks(low, high, wanted, false),
            Kind::Whole => number_ticks(low, high, wanted, true),
            Kind::Time => calendar::ticks(low, high, wanted),
            Kind::Log => log_ticks(low, high, wanted),
        };
        Ok(Axis {
            label: label.to_owned(),
            low,
            high,
            ticks,
            log: kind == Kind::Log,
        })
    }

    /// An axis of names, one unit each from zero, cut to `room` where they are longer.
    pub(crate) fn of_names(label: &str, names: &[String], room: f64) -> Axis {
        let fit = |name: &String| font::fit_name(name, size::TICK, Weight::Regular, room);
        Axis {
            label: label.to_owned(),
            low: -0.5,
            high: names.len() as f64 - 0.5,
            ticks: names
                .iter()
                .enumerate()
                .map(|(i, name)| (i as f64, fit(name)))
                .collect(),
            log: false,
        }
    }

    /// The same axis without its name, which stands elsewhere.
    pub(crate) fn unnamed(&self) -> Axis {
        Axis {
            label: String::new(),
            ..self.clone()
        }
    }

    /// The same axis without ticks and name.
    pub(crate) fn bare(&self) -> Axis {
        Axis {
            ticks: Vec::new(),
            ..self.unnamed()
        }
    }

    /// An axis over all values, with a little room at both ends.
    pub(crate) fn around(
        label: &str,
        values: impl IntoIterator<Item = f64>,
        wanted: usize,
        kind: Kind,
    ) -> Result<Axis, PlotError> {
        let (low, high) = extent(values).ok_or_else(|| PlotError::nothing(label, kind == Kind::Log))?;
        let (low, high) = widened(label, low, high, kind)?;
        if kind == Kind::Log {
            let room = (high / low).powf(0.04);
            return Axis::over(label, (low / room, high * room), wanted, kind);
        }
        let room = (high - low) * 0.04;
        Axis::over(label, (low - room, high + room), wanted, kind)
    }

    /// An axis from zero to a little above the largest value, for bars and counts; a logarithmic
    /// one begins below one, so that a count of one is seen.
    pub(crate) fn from_zero(label: &str, largest: f64, wanted: usize, kind: Kind) -> Result<Axis, PlotError> {
        if kind == Kind::Log {
            return Axis::over(label, (0.7, largest.max(1.0) * 1.3), wanted, kind);
        }
        let high = if largest > 0.0 { largest * 1.06 } else { 1.0 };
        Axis::over(label, (0.0, high), wanted, kind)
    }

    /// Where a value lies: 0 at the low end, 1 at the high end.
    pub(crate) fn at(&self, value: f64) -> f64 {
        if self.log {
            // What has no logarithm lies at the low end.
            return (value.max(self.low) / self.low).ln() / (self.high / self.low).ln();
        }
        (value - self.low) / (self.high - self.low)
    }
}

/// The smallest and the largest finite value.
pub(crate) fn extent(values: impl IntoIterator<Item = f64>) -> Option<(f64, f64)> {
    values
        .into_iter()
        .filter(|v| v.is_finite())
        .fold(None, |seen, v| match seen {
            None => Some((v, v)),
            Some((low, high)) => Some((low.min(v), high.max(v))),
        })
}

/// Spans below this are not told from nothing: their steps would leave the floats.
const SMALLEST: f64 = 1e-290;

/// Whether two values are so close that no axis can tell them apart.
pub(crate) fn is_one_value(low: f64, high: f64) -> bool {
    let step = low.abs().max(high.abs()) * 1e-12;
    high - low <= step.max(SMALLEST)
}

fn widened(label: &str, low: f64, high: f64, kind: Kind) -> Result<(f64, f64), PlotError> {
    // Beyond this a picture's arithmetic (sums of squares, padding) leaves the floats.
    if !(low.abs() < 1e150 && high.abs() < 1e150) {
        return Err(PlotError::TooLarge { what: label.to_owned() });
    }
    if kind == Kind::Log {
        // Below this the ratio of the two ends would leave the floats.
        let low = low.max(1e-140);
        return Ok(if high / low > 1.0 + 1e-9 {
            (low, high)
        } else {
            (low / 3.0, low * 3.0)
        });
    }
    if !is_one_value(low, high) {
        return Ok((low, high));
    }
    let room = match kind {
        Kind::Time => 43_200.0,
        Kind::Whole => 1.0,
        Kind::Number | Kind::Log if low == 0.0 => 1.0,
        Kind::Number | Kind::Log => (low.abs() * 0.1).max(SMALLEST),
    };
    Ok((low - room, high + room))
}

/// The smallest round step that is at least `least`.
pub(crate) fn round_step(least: f64, whole: bool) -> f64 {
    if whole && least <= 1.0 {
        return 1.0;
    }
    let power = 10_f64.powf(least.log10().floor());
    for times in [1.0, 2.0, 2.5, 5.0, 10.0] {
        let step = times * power;
        let fits = !whole || step.fract() == 0.0;
        if step >= least * (1.0 - 1e-9) && fits {
            return step;
        }
    }
    10.0 * power
}

/// The round step that is nearest to the wanted one, by their ratio.
fn near_step(wanted: f64, whole: bool) -> f64 {
    let above = round_step(wanted, whole);
    let below = round_step(wanted / 2.5, whole);
    [below, round_step(wanted / 1.6, whole), above]
        .into_iter()
        .min_by(|a, b| (a / wanted).ln().abs().total_cmp(&(b / wanted).ln().abs()))
        .unwrap_or(above)
}

/// How many ticks a picture of this size has room for, across and down.
pub(crate) fn room(size: (u32, u32)) -> (usize, usize) {
    let across = (size.0 / 95).clamp(2, 12) as usize;
    let down = (size.1 / 72).clamp(2, 10) as usize;
    (across, down)
}

/// Every nth tick of those that lie here, so that their texts, of such lengths along the axis, do not touch.
pub(crate) fn spaced(ticks: Vec<(f64, String)>, length: impl Fn(&str) -> f64) -> Vec<(f64, String)> {
    let touch = |each: usize| {
        let kept: Vec<(f64, f64)> = ticks
            .iter()
            .step_by(each)
            .map(|(at, text)| (*at, length(text)))
            .collect();
        kept.windows(2)
            .any(|two| (two[1].0 - two[0].0).abs() < (two[0].1 + two[1].1) / 2.0)
    };
    let each = (1..ticks.len())
        .find(|each| !touch(*each))
        .unwrap_or(ticks.len().max(1));
    ticks.into_iter().step_by(each).collect()
}

/// About as many ticks as are wanted; two at least, since one alone says nothing of the scale.
fn number_ticks(low: f64, high: f64, wanted: usize, whole: bool) -> Vec<(f64, String)> {
    let wanted = wanted.max(1);
    let (at, step) = (wanted..=wanted + MORE_TICKS)
        .map(|wanted| round_numbers(low, high, wanted, whole))
        .find(|(at, _)| at.len() > 1)
        .unwrap_or_else(|| round_numbers(low, high, wanted, whole));
    let labels = tick_labels(&at, step);
    at.into_iter().zip(labels).collect()
}

/// The round numbers between two, about so many, and the step between them.
fn round_numbers(low: f64, high: f64, wanted: usize, whole: bool) -> (Vec<f64>, f64) {
    let step = near_step((high - low) / wanted as f64, whole);
    let first = (low / step - 1e-9).ceil();
    let mut at = Vec::new();
    // Multiplied, not summed, so that the tenth tick is as round as the first.
    let mut i = first;
    while i * step <= high + step * 1e-9 && at.len() < 100 {
        at.push(if i == 0.0 { 0.0 } else { i * step });
        i += 1.0;
    }
    (at, step)
}

/// Powers of ten, with what lies between them where there are few; of very many, each nth.
fn log_ticks(low: f64, high: f64, wanted: usize) -> Vec<(f64, String)> {
    let (from, to) = (low.log10().floor() as i32, high.log10().ceil() as i32);
    let within = |steps: &[f64], stride: usize| -> Vec<f64> {
        (from..=to)
            .step_by(stride)
            .flat_map(|power| steps.iter().map(move |step| step * 10_f64.powi(power)))
            .filter(|at| (low * (1.0 - 1e-9)..=high * (1.0 + 1e-9)).contains(at))
            .collect()
    };
    let fine: [&[f64]; 3] = [&[1.0, 2.0, 3.0, 5.0, 7.0], &[1.0, 2.0, 5.0], &[1.0, 3.0]];
    let most = wanted + wanted / 2;
    let at = fine
        .iter()
        .map(|steps| within(steps, 1))
        .find(|at| at.len() <= most)
        .unwrap_or_else(|| within(&[1.0], ((to - from) as usize).div_ceil(wanted.max(1)).max(1)));
    if at.len() < 2 {
        // Less than a step of the powers: round numbers as on any axis.
        return number_ticks(low, high, wanted, false);
    }
    at.into_iter().map(|at| (at, log_label(at))).collect()
}

fn log_label(value: f64) -> String {
    match value {
        v if !(1e-4..1e15).contains(&v) => minus(&exponent(v)),
        v if v >= 1.0 => tick_labels(&[v], v).concat(),
        v => decimal(v, (-v.log10() - 1e-9).ceil().max(0.0) as usize),
    }
}

/// Writes ticks that lie `step` apart: as many decimals as tell them apart, thousands separators,
/// millions and more by their letter, and exponents only where nothing else is left.
pub(crate) fn tick_labels(at: &[f64], step: f64) -> Vec<String> {
    let largest = at.iter().fold(0.0_f64, |m, v| m.max(v.abs()));
    if step < 1e-5 && largest < 1e-2 || largest >= 1e15 {
        return at.iter().map(|v| minus(&exponent(*v))).collect();
    }
    let (unit, letter) = match largest {
        m if m >= 1e12 && step >= 1e9 => (1e12, " T"),
        m if m >= 1e9 && step >= 1e6 => (1e9, " B"),
        m if m >= 1e6 && step >= 1e3 => (1e6, " M"),
        _ => (1.0, ""),
    };
    let step = step / unit;
    let mut decimals = (-step.log10().floor()).max(0.0) as usize;
    // 2.5 times a power of ten needs one more.
    let scaled = step * 10_f64.powi(decimals as i32);
    if (scaled - scaled.round()).abs() > 1e-6 {
        decimals += 1;
    }
    at.iter()
        .map(|v| {
            let letter = if *v == 0.0 { "" } else { letter };
            format!("{}{letter}", decimal(v / unit, decimals))
        })
        .collect()
}

fn exponent(value: f64) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    let text = format!("{value:.2e}");
    match text.split_once('e') {
        Some((mantissa, power)) => {
            let mantissa = mantissa.trim_end_matches('0').trim_end_matches('.');
            format!("{mantissa}e{power}")
        }
        None => text,
    }
}

/// A number with this many decimals and thousands separators.
pub(crate) fn decimal(value: f64, decimals: usize) -> String {
    minus(&crate::text::separated(&format!("{value:.decimals$}")))
}

/// A value in words: a moment as exactly as `span` asks for, a number in about this many digits.
pub(crate) fn written(value: f64, kind: Kind, span: f64, digits: usize) -> String {
    match kind {
        Kind::Time => calendar::text(value, span),
        _ => short(value, digits),
    }
}

/// A number in about this many digits, with a real minus sign: for labels in pictures.
pub(crate) fn short(value: f64, digits: usize) -> String {
    minus(&crate::text::significant(value, digits))
}

fn minus(text: &str) -> String {
    text.replace('-', "−")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn labels(low: f64, high: f64, wanted: usize, kind: Kind) -> Vec<String> {
        let axis = Axis::over("x", (low, high), wanted, kind).unwrap();
        axis.ticks.into_iter().map(|(_, text)| text).collect()
    }

    #[test]
    fn ticks_are_round() {
        assert_eq!(
            labels(0.0, 1.0, 5, Kind::Number),
            ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]
        );
        assert_eq!(labels(-3.0, 29.0, 6, Kind::Number), ["0", "5", "10", "15", "20", "25"]);
        assert_eq!(
            labels(0.0, 9_800.0, 5, Kind::Number),
            ["0", "2,000", "4,000", "6,000", "8,000"]
        );
        assert_eq!(labels(0.0, 3.1, 8, Kind::Whole), ["0", "1", "2", "3"]);
        assert_eq!(
            labels(-1.2, 1.2, 5, Kind::Number),
            ["−1.0", "−0.5", "0.0", "0.5", "1.0"]
        );
        assert_eq!(
            labels(0.0, 3.2e6, 4, Kind::Number),
            ["0.0", "1.0 M", "2.0 M", "3.0 M"].map(|s| s.replace(".0", ""))
        );
        assert_eq!(labels(0.04, 0.85, 1, Kind::Number), ["0.2", "0.4", "0.6", "0.8"]);
        assert_eq!(labels(0.0, 4e-7, 4, Kind::Number)[1], "1e-7".replace('-', "−"));
    }

    #[test]
    fn ticks_that_would_touch_are_thinned() {
        let ticks = |apart: f64| {
            (0..5)
                .map(|i| (f64::from(i) * apart, "2022-01-08".to_owned()))
                .collect()
        };
        let kept = |apart: f64| spaced(ticks(apart), |_| 60.0).len();
        assert_eq!([80.0, 60.0, 45.0, 25.0, 10.0].map(kept), [5, 5, 3, 2, 1]);
        assert!(spaced(Vec::new(), |_| 60.0).is_empty());
    }

    #[test]
    fn odd_domains_are_widened_or_refused() {
        assert!(labels(5.0, 5.0, 5, Kind::Number).len() > 1);
        assert!(labels(0.0, 0.0, 5, Kind::Number).len() > 1);
        assert!(!labels(3.0, 3.0, 5, Kind::Whole).is_empty());
        assert!(labels(1e9, 1e9 + 1e-6, 5, Kind::Number).len() > 1);
        assert!(matches!(
            Axis::over("x", (0.0, f64::MAX), 5, Kind::Number),
            Err(PlotError::TooLarge { .. })
        ));
        assert!(matches!(
            Axis::around("x", [f64::NAN], 5, Kind::Number),
            Err(PlotError::NoValues { .. })
        ));
    }

    #[test]
    fn every_domain_gives_a_few_ticks() {
        for exponent in -100..100 {
            let span = 10_f64.powi(exponent);
            for offset in [0.0, 0.3, -7.7] {
                let (low, high) = (offset * span, (offset + 1.0) * span);
                let n = labels(low, high, 6, Kind::Number).len();
                assert!((3..=10).contains(&n), "{low}..{high}: {n}");
            }
        }
    }

    #[test]
    fn logarithmic_axes_tick_at_powers_of_ten() {
        let texts = |low, high| -> Vec<String> {
            let axis = Axis::over("x", (low, high), 5, Kind::Log).unwrap();
            axis.ticks.into_iter().map(|(_, text)| text).collect()
        };
        assert_eq!(texts(1.0, 1e6), ["1", "100", "10,000", "1 M"]);
        assert_eq!(texts(0.01, 1.0), ["0.01", "0.02", "0.05", "0.1", "0.2", "0.5", "1"]);
        assert_eq!(texts(20.0, 24.0), ["20", "21", "22", "23", "24"]);
        let axis = Axis::over("x", (1.0, 100.0), 5, Kind::Log).unwrap();
        assert!((axis.at(10.0) - 0.5).abs() < 1e-12);
        assert_eq!(axis.at(0.0), 0.0);
        for (low, high) in [(5e-324, 1e149), (3.0, 3.0), (1e-140, 1e-139)] {
            let axis = Axis::over("x", (low, high), 5, Kind::Log).unwrap();
            assert!(axis.ticks.len() < 20 && axis.at(high).is_finite(), "{low} {high}");
        }
    }
}
