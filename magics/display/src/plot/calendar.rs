//! Ticks on a time axis: seconds to years, at calendar steps.

const MINUTE: f64 = 60.0;
const HOUR: f64 = 3_600.0;
const DAY: f64 = 86_400.0;

/// Steps below a month, in seconds.
const STEPS: [f64; 21] = [
    1.0,
    2.0,
    5.0,
    10.0,
    15.0,
    30.0,
    MINUTE,
    2.0 * MINUTE,
    5.0 * MINUTE,
    10.0 * MINUTE,
    15.0 * MINUTE,
    30.0 * MINUTE,
    HOUR,
    2.0 * HOUR,
    3.0 * HOUR,
    6.0 * HOUR,
    12.0 * HOUR,
    DAY,
    2.0 * DAY,
    7.0 * DAY,
    14.0 * DAY,
];
/// Steps from a month on, in months.
const MONTHS: [i64; 12] = [1, 2, 3, 6, 12, 24, 60, 120, 240, 600, 1_200, 6_000];

/// Round times between two moments, in seconds since 1970 (UTC).
pub(crate) fn ticks(low: f64, high: f64, wanted: usize) -> Vec<(f64, String)> {
    let least = (high - low) / wanted.max(1) as f64;
    if let Some(step) = STEPS.into_iter().find(|step| *step >= least) {
        let mut ticks = Vec::new();
        let mut at = (low / step).ceil() * step;
        while at <= high && ticks.len() < 100 {
            ticks.push((at, moment(at, step)));
            at += step;
        }
        return ticks;
    }
    let month_length = 30.44 * DAY;
    let step = MONTHS
        .into_iter()
        .find(|months| *months as f64 * month_length >= least)
        .unwrap_or_else(|| {
            let years = least / (365.25 * DAY);
            12 * 10_f64.powf(years.log10().ceil()) as i64
        });
    let (year, month, _) = civil((low / DAY).floor() as i64);
    let mut at = (year * 12 + month - 1).div_euclid(step) * step;
    let mut ticks = Vec::new();
    while ticks.len() < 100 {
        let (year, month) = (at.div_euclid(12), at.rem_euclid(12) + 1);
        let seconds = days(year, month, 1) as f64 * DAY;
        if seconds > high {
            break;
        }
        if seconds >= low {
            let text = if step % 12 == 0 {
                format!("{year}")
            } else {
                format!("{year}-{month:02}")
            };
            ticks.push((seconds, text));
        }
        at += step;
    }
    ticks
}

/// A moment as text, to the precision of a step: a date at midnight, a time of day else.
fn moment(at: f64, step: f64) -> String {
    let day = (at / DAY).floor();
    let second = (at - day * DAY).round() as i64;
    if step >= DAY || second == 0 {
        let (year, month, day) = civil(day as i64);
        return format!("{year}-{month:02}-{day:02}");
    }
    time_of_day(second, step)
}

fn time_of_day(second: i64, step: f64) -> String {
    let (hour, minute) = (second / 3600, second / 60 % 60);
    if step >= MINUTE {
        format!("{hour:02}:{minute:02}")
    } else {
        format!("{hour:02}:{minute:02}:{:02}", second % 60)
    }
}

/// A moment for a line of text: its date, and the time of day where the moments lie within a few days.
pub(crate) fn text(at: f64, span: f64) -> String {
    let day = (at / DAY).floor();
    let (year, month, of_month) = civil(day as i64);
    let date = format!("{year}-{month:02}-{of_month:02}");
    if span >= 7.0 * DAY {
        return date;
    }
    let second = (at - day * DAY).floor() as i64;
    let step = if span >= HOUR { MINUTE } else { 1.0 };
    format!("{date} {}", time_of_day(second, step))
}

/// Year, month and day of a day since 1970 (Howard Hinnant's `civil_from_days`).
fn civil(day: i64) -> (i64, i64, i64) {
    let shifted = day + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 {
        from_march + 3
    } else {
        from_march - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

/// The day since 1970 of a date (Howard Hinnant's `days_from_civil`).
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let from_march = if month > 2 { month - 3 } else { month + 9 };
    let of_year = (153 * from_march + 2) / 5 + day - 1;
    let of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + of_year;
    era * 146_097 + of_era - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_told_as_exactly_as_its_span_asks() {
        // 2023-11-14T22:13:20Z
        let told = |span| text(1_700_000_000.5, span);
        assert_eq!(told(30.0 * DAY), "2023-11-14");
        assert_eq!(told(2.0 * DAY), "2023-11-14 22:13");
        assert_eq!(told(MINUTE), "2023-11-14 22:13:20");
        assert_eq!(text(-1.0, HOUR), "1969-12-31 23:59");
    }

    fn texts(low: f64, high: f64) -> Vec<String> {
        ticks(low, high, 6).into_iter().map(|(_, t)| t).collect()
    }

    #[test]
    fn dates_there_and_back() {
        for day in (-1_000_000..1_000_000).step_by(137) {
            let (y, m, d) = civil(day);
            assert_eq!(days(y, m, d), day);
        }
        assert_eq!(civil(0), (1970, 1, 1));
        assert_eq!(civil(20_780), (2026, 11, 23));
    }

    #[test]
    fn steps_follow_the_span() {
        let day = 20_780.0 * DAY;
        assert_eq!(
            texts(day, day + 20.0),
            ["2026-11-23", "00:00:05", "00:00:10", "00:00:15", "00:00:20"]
        );
        assert_eq!(
            texts(day, day + DAY),
            ["2026-11-23", "06:00", "12:00", "18:00", "2026-11-24"]
        );
        assert_eq!(
            texts(day, day + 100.0 * DAY),
            ["2026-12-01", "2027-01-01", "2027-02-01", "2027-03-01"].map(|d| d[..7].to_owned())
        );
        assert_eq!(texts(0.0, day), ["1970", "1980", "1990", "2000", "2010", "2020"]);
        assert!(texts(-1e14, 1e14).len() < 100);
    }
}
