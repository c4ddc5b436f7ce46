//! Texts that are something else: dates, in one way of writing or in several, and numbers.

use polars::prelude::StringChunked;

/// So many texts are looked at, evenly over the column.
const LOOKED_AT: usize = 1_000;

/// `dates as text (2013-01-31)`, `mixed dates as text (2013-01-31, 31/01/2013)` or `numbers as text`, where nearly all are.
pub(super) fn as_text(texts: &StringChunked) -> Option<String> {
    let step = texts.len().div_ceil(LOOKED_AT).max(1);
    let mut shapes: Vec<(String, &str)> = Vec::new();
    let (mut all, mut dates, mut numbers) = (0_usize, 0, 0);
    for text in (0..texts.len()).step_by(step).filter_map(|row| texts.get(row)) {
        all += 1;
        let text = text.trim();
        if let Some(shape) = date_shape(text) {
            dates += 1;
            if !shapes.iter().any(|(known, _)| *known == shape) {
                shapes.push((shape, text));
            }
        } else if text.len() <= 40 && text.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c)) {
            numbers += usize::from(text.parse::<f64>().is_ok());
        }
    }
    let nearly_all = |count: usize| all > 0 && count * 20 >= all * 19;
    if nearly_all(dates) {
        let examples: Vec<&str> = shapes.iter().take(3).map(|(_, example)| *example).collect();
        let mixed = if shapes.len() > 1 { "mixed dates" } else { "dates" };
        return Some(format!("{mixed} as text ({})", examples.join(", ")));
    }
    nearly_all(numbers).then(|| "numbers as text".to_owned())
}

/// How a date is written, such as `9999-99-99`; None where the text begins with none. A time may follow.
fn date_shape(text: &str) -> Option<String> {
    let date = text.split(['T', ' ']).next().filter(|date| date.len() <= 10)?;
    let separator = date.chars().find(|c| "-/.".contains(*c))?;
    let parts: Vec<u32> = date.split(separator).map(digits).collect::<Option<_>>()?;
    let [first, second, third] = parts.as_slice() else {
        return None;
    };
    let is_day = |day: u32| (1..=31).contains(&day);
    let is_year = |part: u32| (1_000..=9_999).contains(&part);
    let order = match (*first, *second, *third) {
        (year, month, day) if is_year(year) && (1..=12).contains(&month) && is_day(day) => "year first",
        (a, b, year) if is_year(year) && is_day(a) && is_day(b) && a.min(b) <= 12 => "year last",
        _ => return None,
    };
    let time = if date.len() < text.len() { " time" } else { "" };
    Some(format!("{order} {separator}{time}"))
}

fn digits(part: &str) -> Option<u32> {
    let plain = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| part.parse().ok())?
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use polars::prelude::*;

    fn said(texts: &[&str]) -> Option<String> {
        as_text(Series::new("".into(), texts).str().unwrap())
    }

    #[test]
    fn dates_and_numbers_are_known_by_their_writing() {
        assert_eq!(
            said(&["2013-01-31", "2014-12-01"]).unwrap(),
            "dates as text (2013-01-31)"
        );
        assert_eq!(
            said(&["2013-01-31", "31/01/2013", "1/2/2013"]).unwrap(),
            "mixed dates as text (2013-01-31, 31/01/2013)"
        );
        assert_eq!(
            said(&["2013-01-31T10:00:00Z"]).unwrap(),
            "dates as text (2013-01-31T10:00:00Z)"
        );
        assert_eq!(said(&["1.5", "-3e4", "007"]).unwrap(), "numbers as text");
        for other in [
            "2013-13-01",
            "1.2.3",
            "10.0.0.1",
            "nan",
            "31/31/2013",
            "2013-01",
            "é",
            "",
        ] {
            assert_eq!(said(&[other]), None, "{other}");
        }
        assert_eq!(said(&[]), None);
    }
}
