//! Numbers, sizes and times as people read them, the same in every magic.

use std::time::Duration;

/// A count with thousands separators: `4,177`.
pub fn count(n: u64) -> String {
    group(&n.to_string())
}

/// Puts thousands separators into a string of digits.
fn group(digits: &str) -> String {
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}

/// A count with its noun: `1 row`, `4,177 rows`.
pub fn counted(n: u64, noun: &str) -> String {
    let plural = if n == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", count(n))
}

/// A size in decimal units, as object stores give it: `612 B`, `0.2 MB`, `3.4 GB`.
pub fn bytes(n: u64) -> String {
    const UNITS: [&str; 4] = ["MB", "GB", "TB", "PB"];
    if n < 1_000 {
        return format!("{n} B");
    }
    if n < 100_000 {
        return format!("{:.1} kB", n as f64 / 1e3);
    }
    let mut value = n as f64 / 1e6;
    let mut unit = 0;
    while value >= 999.95 && unit + 1 < UNITS.len() {
        value /= 1e3;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

/// A duration: `30 ms`, `1.2 s`, `48 s`, `2 min 5 s`, `1 h 20 min`.
pub fn duration(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    if seconds < 0.0995 {
        return format!("{:.0} ms", (seconds * 1e3).max(1.0));
    }
    if seconds < 9.95 {
        return format!("{seconds:.1} s");
    }
    let whole = seconds.round() as u64;
    match whole {
        0..60 => format!("{whole} s"),
        60..3600 => format!("{} min {} s", whole / 60, whole % 60),
        _ => format!("{} h {} min", whole / 3600, whole % 3600 / 60),
    }
}

/// A number to about four significant digits, with thousands separators where it is large and an
/// exponent only where it is needed: `0.8412`, `12.3`, `4,177`, `1.5e-7`.
pub fn number(value: f64) -> String {
    significant(value, 4)
}

/// A number to `digits` significant digits, without trailing zeros.
pub fn significant(value: f64, digits: usize) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "∞" } else { "−∞" }.to_owned();
    }
    if value == 0.0 {
        return "0".to_owned();
    }
    let size = value.abs();
    if !(1e-4..1e15).contains(&size) {
        let text = format!("{value:.*e}", digits.saturating_sub(1));
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        return format!("{}e{exponent}", trim_zeros(mantissa));
    }
    let whole_digits = size.log10().floor() as i32 + 1;
    let decimals = (digits as i32 - whole_digits).max(0) as usize;
    separated(trim_zeros(&format!("{value:.decimals$}")))
}

fn trim_zeros(text: &str) -> &str {
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.')
    } else {
        text
    }
}

/// Puts thousands separators into the whole part of a number that is already written.
pub fn separated(text: &str) -> String {
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", text),
    };
    match rest.split_once('.') {
        Some((whole, fraction)) => format!("{sign}{}.{fraction}", group(whole)),
        None => format!("{sign}{}", group(rest)),
    }
}

/// Cuts a text to at most `limit` characters, the last of them `…` where it was cut.
pub fn cut(text: &str, limit: usize) -> String {
    if text.chars().count() <= limit {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(limit.saturating_sub(1)).collect();
    short.push('…');
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts() {
        assert_eq!(count(0), "0");
        assert_eq!(count(999), "999");
        assert_eq!(count(4_177), "4,177");
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(counted(1, "row"), "1 row");
        assert_eq!(counted(4_177, "row"), "4,177 rows");
    }

    #[test]
    fn sizes() {
        assert_eq!(bytes(612), "612 B");
        assert_eq!(bytes(1_500), "1.5 kB");
        assert_eq!(bytes(191_873), "0.2 MB");
        assert_eq!(bytes(3_400_000_000), "3.4 GB");
    }

    #[test]
    fn durations() {
        assert_eq!(duration(Duration::from_micros(20)), "1 ms");
        assert_eq!(duration(Duration::from_millis(30)), "30 ms");
        assert_eq!(duration(Duration::from_millis(1_240)), "1.2 s");
        assert_eq!(duration(Duration::from_secs(48)), "48 s");
        assert_eq!(duration(Duration::from_secs(125)), "2 min 5 s");
        assert_eq!(duration(Duration::from_secs(4_800)), "1 h 20 min");
    }

    #[test]
    fn numbers() {
        assert_eq!(number(0.0), "0");
        assert_eq!(number(0.841_23), "0.8412");
        assert_eq!(number(-12.3), "-12.3");
        assert_eq!(number(4_177.2), "4,177");
        assert_eq!(number(1.5e-7), "1.5e-7");
        assert_eq!(number(f64::NAN), "NaN");
        assert_eq!(number(1e20), "1e20");
        assert_eq!(significant(2.0, 3), "2");
    }

    #[test]
    fn cuts_by_characters() {
        assert_eq!(cut("große Maße", 20), "große Maße");
        assert_eq!(cut("große Maße", 6), "große…");
    }
}
