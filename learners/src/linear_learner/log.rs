//! The log that AWS's container writes, computed from this training.
//!
//! Forms are those of public logs of Python 3 containers (2021 to 2025), so that the metric regexes of the service and
//! of users' scripts find what they look for. Lines that only tell of AWS's own machinery (drivers, workers, stores) are
//! left out.

use super::Report;
use super::scaler::Scaler;
use super::settings::{Predictor, Settings};
use crate::{Event, FitOptions, Watch};
use ironsage_formats::model_algo::python_float;
use std::time::{SystemTime, UNIX_EPOCH};

/// Writes log lines, if any are wanted.
pub(super) struct Log<'a> {
    watch: Option<&'a dyn Watch>,
    host: &'a str,
    process: u32,
    started: f64,
}

/// Counters of the `training_data_iter` line.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counters {
    pub(super) records: usize,
    pub(super) batches: usize,
    pub(super) resets: usize,
    pub(super) records_since: usize,
    pub(super) batches_since: usize,
}

/// Seconds since 1970.
pub(super) fn now() -> f64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0.0, |since| since.as_secs_f64())
}

impl<'a> Log<'a> {
    pub(super) fn new(options: &'a FitOptions, watch: &'a dyn Watch) -> Self {
        let watch = options.log.then_some(watch);
        Log {
            watch,
            host: &options.host,
            process: std::process::id(),
            started: now(),
        }
    }

    fn line(&self, level: &str, text: impl FnOnce() -> String) {
        if let Some(watch) = self.watch {
            let line = format!("[{} {level} {}] {}", timestamp(now()), self.process, text());
            watch.event(&Event::Log(&line));
        }
    }

    fn info(&self, text: impl FnOnce() -> String) {
        self.line("INFO", text);
    }

    /// A `#metrics` line, which has no prefix and an empty line after it.
    fn metrics(&self, start: f64, dimensions: &str, values: &[(&str, f64, usize)]) {
        let Some(watch) = self.watch else { return };
        let one = |(name, value, count): &(&str, f64, usize)| {
            let value = python_float(*value);
            format!("\"{name}\": {{\"sum\": {value}, \"count\": {count}, \"min\": {value}, \"max\": {value}}}")
        };
        let values: Vec<String> = values.iter().map(one).collect();
        let line = format!(
            "#metrics {{\"StartTime\": {}, \"EndTime\": {}, \"Dimensions\": {{\"Algorithm\": \"Linear Learner\", \
             \"Host\": \"{}\", {dimensions}}}, \"Metrics\": {{{}}}}}",
            python_float(start),
            python_float(now()),
            self.host,
            values.join(", ")
        );
        watch.event(&Event::Log(&line));
        watch.event(&Event::Log(""));
    }

    pub(super) fn configuration(&self, settings: &Settings, asked: &crate::Hyperparameters) {
        let defaults = super::SCHEMA.defaults();
        self.info(|| {
            format!(
                "Reading default configuration from ironsage: {}",
                dictionary(defaults.iter())
            )
        });
        self.info(|| format!("Merging with provided configuration: {}", dictionary(asked.iter())));
        self.info(|| format!("Final configuration: {}", dictionary(settings.merged.iter())));
    }

    pub(super) fn scaler(&self, settings: &Settings, scaler: &Scaler) {
        self.info(|| "Scaler algorithm parameters".to_owned());
        self.info(|| {
            let regressor = settings.predictor == Predictor::Regressor;
            let label = |value: f64| {
                if regressor {
                    array(&[value as f32])
                } else {
                    "None".to_owned()
                }
            };
            format!(
                "Scaling model computed with parameters:\n {{'stdev_label': {}, 'stdev_weight': {}, 'mean_label': {}, \
                 'mean_weight': {}}}",
                label(scaler.label_deviation),
                array(&scaler.deviation),
                label(scaler.label_mean),
                array(&scaler.mean)
            )
        });
    }

    pub(super) fn counters(&self, meta: &str, start: f64, counters: Counters) {
        let of = |count: usize| count as f64;
        self.metrics(
            start,
            &format!("\"Operation\": \"training\", \"Meta\": \"{meta}\""),
            &[
                ("Total Records Seen", of(counters.records), 1),
                ("Total Batches Seen", of(counters.batches), 1),
                ("Max Records Seen Between Resets", of(counters.records_since), 1),
                ("Max Batches Seen Between Resets", of(counters.batches_since), 1),
                ("Reset Count", of(counters.resets), 1),
                ("Number of Records Since Last Reset", of(counters.records_since), 1),
                ("Number of Batches Since Last Reset", of(counters.batches_since), 1),
            ],
        );
    }

    pub(super) fn floor(&self, update: usize, rate: f64) {
        self.info(|| {
            format!(
                "Update[{update}]: now learning rate arrived at {}, will not change in the future",
                printf_e(rate)
            )
        });
    }

    /// An epoch's losses, of all models; `channel` is `train` or `validation`.
    pub(super) fn losses(&self, channel: &str, epoch: usize, start: f64, objective: &str, losses: &[f64]) {
        if self.watch.is_none() {
            return;
        }
        for (model, &loss) in losses.iter().enumerate() {
            let dimensions = format!("\"Operation\": \"training\", \"epoch\": {epoch}, \"model\": {model}");
            self.metrics(start, &dimensions, &[(&format!("{channel}_{objective}"), loss, 1)]);
        }
        if let Some(first) = losses.first() {
            let (host, value) = (self.host, python_float(*first));
            self.info(|| format!("#quality_metric: host={host}, epoch={epoch}, {channel} {objective} <loss>={value}"));
        }
    }

    pub(super) fn watched(&self, epoch: usize, criterion: &str, value: f64) {
        let host = self.host;
        self.info(|| {
            let value = python_float(value);
            format!("#early_stopping_criteria_metric: host={host}, epoch={epoch}, criteria={criterion}, value={value}")
        });
    }

    pub(super) fn improved(&self, epoch: usize) {
        self.info(|| format!("Epoch {epoch}: Loss improved. Updating best model"));
        self.info(|| format!("Saving model for epoch: {epoch}"));
    }

    pub(super) fn progress(&self, epoch: usize, epochs: usize) {
        let share = 100.0 * (epoch + 1) as f64 / epochs as f64;
        self.info(|| {
            format!(
                "#progress_metric: host={}, completed {} % of epochs",
                self.host,
                python_float(share)
            )
        });
    }

    pub(super) fn throughput(&self, rows: usize, seconds: f64) {
        let rate = python_float(rows as f64 / seconds.max(1e-9));
        self.info(|| {
            format!(
                "#throughput_metric: host={}, train throughput={rate} records/second",
                self.host
            )
        });
    }

    pub(super) fn stopped_early(&self) {
        self.info(|| "Early stop condition met. Stopping training.".to_owned());
        self.info(|| format!("#progress_metric: host={}, completed 100 % epochs", self.host));
    }

    /// Final scores of a channel: name, value, and whether the log calls it a loss.
    pub(super) fn scores(&self, channel: &str, scores: &[(String, f64, bool)]) {
        for (name, value, _) in scores {
            let value = python_float(*value);
            self.info(|| format!("#{channel}_score ({}) : ('{name}', {value})", self.host));
        }
        for (name, value, loss) in scores {
            let (kind, value) = (if *loss { "loss" } else { "score" }, python_float(*value));
            self.info(|| format!("#quality_metric: host={}, {channel} {name} <{kind}>={value}", self.host));
        }
    }

    pub(super) fn no_test(&self) {
        self.info(|| "Test data is not provided.".to_owned());
    }

    pub(super) fn winner(&self, report: &Report) {
        self.info(|| {
            let value = |(name, value): &(String, String)| match name.as_str() {
                "optimizer" => format!("\"{name}\": \"{value}\""),
                _ => format!("\"{name}\": {value}"),
            };
            let pairs: Vec<String> = report.winner.iter().map(value).collect();
            format!("Best model found for hyperparameters: {{{}}}", pairs.join(", "))
        });
    }

    /// The last line: times in milliseconds.
    pub(super) fn times(&self, initialize: f64, epochs: usize, update: f64, finalize: f64) {
        let total = now() - self.started;
        self.metrics(
            self.started,
            "\"Operation\": \"training\"",
            &[
                ("initialize.time", 1e3 * initialize, 1),
                ("epochs", epochs as f64, 1),
                ("update.time", 1e3 * update, 1),
                ("finalize.time", 1e3 * finalize, 1),
                ("setuptime", 1e3 * initialize, 1),
                ("totaltime", 1e3 * total, 1),
            ],
        );
    }
}

/// A Python dictionary of texts.
fn dictionary<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let quoted = |text: &str| format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"));
    let pairs: Vec<String> = pairs
        .map(|(name, value)| format!("{}: {}", quoted(name), quoted(value)))
        .collect();
    format!("{{{}}}", pairs.join(", "))
}

/// Numbers as NumPy prints them, long ones shortened as it does.
fn array(values: &[f32]) -> String {
    let print = |values: &[f32]| values.iter().map(f32::to_string).collect::<Vec<_>>().join(" ");
    if values.len() <= 1000 {
        format!("\n[{}]\n<NDArray {} @cpu(0)>", print(values), values.len())
    } else {
        let (head, tail) = (&values[..3], &values[values.len() - 3..]);
        format!(
            "\n[{} ... {}]\n<NDArray {} @cpu(0)>",
            print(head),
            print(tail),
            values.len()
        )
    }
}

/// C's `%.5e`.
fn printf_e(value: f64) -> String {
    let text = format!("{value:.5e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    format!("{digits}e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs())
}

/// `MM/DD/YYYY HH:MM:SS` in UTC, of seconds since 1970.
fn timestamp(seconds: f64) -> String {
    let seconds = seconds as i64;
    let (days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // Howard Hinnant's civil_from_days, with years that begin in March.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let (month, late) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    let year = era * 400 + year_of_era + late;
    format!(
        "{month:02}/{day:02}/{year} {:02}:{:02}:{:02}",
        rest / 3600,
        rest / 60 % 60,
        rest % 60
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn times_and_numbers() {
        assert_eq!(timestamp(1_623_872_164.13), "06/16/2021 19:36:04");
        assert_eq!(timestamp(951_782_400.0), "02/29/2000 00:00:00");
        assert_eq!(
            (printf_e(1e-5), printf_e(0.1)),
            ("1.00000e-05".to_owned(), "1.00000e-01".to_owned())
        );
        assert_eq!(
            dictionary([("a", "1"), ("b", "it's")].into_iter()),
            "{'a': '1', 'b': 'it\\'s'}"
        );
    }
}
