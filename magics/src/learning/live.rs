//! A training while it runs: one live line, and the stop button.

use ironsage_display::{Front, Progress};
use ironsage_learners::{EpochEnd, Event, Watch};

/// Shows epochs as they end and passes on that the user asked to stop.
pub(crate) struct Live<'a> {
    front: &'a dyn Front,
    progress: Progress<'a>,
}

impl<'a> Live<'a> {
    /// Shows the first frame.
    pub fn start(front: &'a dyn Front, title: &str) -> Live<'a> {
        Live {
            front,
            progress: Progress::start(front, title),
        }
    }

    /// Ends the display with what came of it.
    pub fn finish(self, text: &str, interrupted: bool) {
        if interrupted {
            self.progress.stop(text);
        } else {
            self.progress.finish(text);
        }
    }
}

impl Watch for Live<'_> {
    fn event(&self, event: &Event<'_>) {
        if let Event::EpochEnd(end) = event {
            let done = (end.epoch + 1) as f64 / end.epochs.max(1) as f64;
            self.progress.set(Some(done), &line(end));
        }
    }

    fn stop(&self) -> bool {
        self.front.interrupted()
    }
}

fn line(end: &EpochEnd<'_>) -> String {
    let models = if end.models == 1 {
        "1 model".to_owned()
    } else {
        format!("{} models", end.models)
    };
    let measure = Measure::watched(end.watched, end.validation_objective.is_some(), end.label_unit);
    format!(
        "epoch {}/{} · {models} · {} {} {} (best {} @{})",
        end.epoch + 1,
        end.epochs,
        measure.channel,
        measure.name,
        measure.show(end.value),
        measure.show(end.best_value),
        end.best_epoch + 1
    )
}

/// A watched value as a person reads it: `mse_objective` is an error in label units after a root. A regressor's
/// training objective is in normalised units, which only a squared error can leave.
pub(crate) struct Measure<'a> {
    /// The name to show.
    pub name: &'a str,
    /// The channel that it is taken on, as it is shown.
    pub channel: &'static str,
    root: bool,
    unit: f64,
}

impl<'a> Measure<'a> {
    /// Of what model selection watches: validation's objective where there is that channel, else training's.
    pub fn watched(logged: &'a str, has_validation: bool, label_unit: f64) -> Measure<'a> {
        if has_validation {
            Measure::validation(logged)
        } else {
            Measure::training(logged, label_unit)
        }
    }

    /// Of a training objective: 1 in its units is `label_unit` in the label's.
    pub fn training(logged: &'a str, label_unit: f64) -> Measure<'a> {
        Measure::of(logged, "train", label_unit)
    }

    /// Of a validation objective, which is in the label's units.
    pub fn validation(logged: &'a str) -> Measure<'a> {
        Measure::of(logged, "valid", 1.0)
    }

    fn of(logged: &'a str, channel: &'static str, unit: f64) -> Measure<'a> {
        let (name, root) = match logged {
            "mse_objective" => ("rmse", true),
            "binary_classification_cross_entropy_objective" | "sampled_loss_function" => ("log-loss", false),
            other => (
                other.trim_start_matches("sampled_").trim_end_matches("_objective"),
                false,
            ),
        };
        Measure {
            name,
            channel,
            root,
            unit,
        }
    }

    /// The value on the scale of the name.
    pub fn value(&self, watched: f64) -> f64 {
        if self.root { watched.sqrt() * self.unit } else { watched }
    }

    /// The value with the digits that matter.
    pub fn show(&self, watched: f64) -> String {
        number(self.value(watched))
    }
}

/// Three digits that matter.
pub(crate) fn number(value: f64) -> String {
    ironsage_display::text::significant(value, 3)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_mean_squared_error_is_shown_as_its_root() {
        let end = EpochEnd {
            epoch: 22,
            epochs: 50,
            models: 32,
            train_objective: 0.4,
            label_unit: 3.0,
            validation_objective: Some(4.58),
            watched: "mse_objective",
            maximize: false,
            value: 4.5796,
            best_value: 4.4944,
            best_epoch: 18,
            best_model: 4,
            rows: 2912,
            seconds: 0.1,
        };
        assert_eq!(line(&end), "epoch 23/50 · 32 models · valid rmse 2.14 (best 2.12 @19)");
        let alone = EpochEnd {
            validation_objective: None,
            value: 0.5,
            best_value: 0.49,
            ..end
        };
        assert_eq!(line(&alone), "epoch 23/50 · 32 models · train rmse 2.12 (best 2.1 @19)");
    }
}
