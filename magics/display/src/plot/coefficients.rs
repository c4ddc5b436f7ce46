//! The coefficients of a linear model, the largest first.

use super::axis::short;
use super::bar::{self, Bar, Bars, MOST_BARS};
use super::panel::Head;
use super::{Plot, PlotError};

/// What can be chosen about coefficients.
#[derive(Clone, Debug, Default)]
pub struct CoefficientsOptions {
    /// The intercept: said, not drawn, since it lives on another scale.
    pub bias: Option<f64>,
    /// What the numbers are, such as `rings per unit`.
    pub unit: String,
    /// A title instead of the usual one.
    pub title: Option<String>,
    /// Width and height in CSS pixels.
    pub size: Option<(u32, u32)>,
}

/// Draws one bar for each feature's weight.
pub fn coefficients(names: &[String], weights: &[f64], options: &CoefficientsOptions) -> Result<Plot, PlotError> {
    if names.len() != weights.len() {
        return Err(PlotError::Lengths {
            a: names.len(),
            first: "names".to_owned(),
            b: weights.len(),
            second: "weights".to_owned(),
        });
    }
    let mut bars: Vec<Bar> = names
        .iter()
        .zip(weights)
        .filter(|(_, weight)| weight.is_finite())
        .map(|(name, weight)| Bar {
            name: name.clone(),
            value: *weight,
            parts: Vec::new(),
        })
        .collect();
    bars.sort_by(|a, b| b.value.abs().total_cmp(&a.value.abs()));
    let all = bars.len();
    let title = options.title.clone();
    let mut head = Head::new(title.unwrap_or_else(|| "Coefficients".to_owned()));
    if let Some(largest) = bars.first() {
        head.fact(format!("largest {} {}", largest.name, short(largest.value, 3)));
    }
    if let Some(bias) = options.bias {
        head.fact(format!("intercept {}", short(bias, 3)));
    }
    bars.truncate(MOST_BARS);
    bar::cut(&mut head, all, bars.len());
    let bars = Bars {
        head,
        label: "",
        value_label: options.unit.clone(),
        bars,
        facets: vec![String::new()],
        signed: true,
    };
    bar::draw(&bars, options.size).map_err(|error| match error {
        PlotError::NoValues { .. } => PlotError::NoValues {
            what: "coefficients".to_owned(),
        },
        other => other,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_largest_comes_first_and_the_intercept_is_said() {
        let names: Vec<String> = ["length", "weight"].map(str::to_owned).to_vec();
        let options = CoefficientsOptions {
            bias: Some(3.4),
            ..CoefficientsOptions::default()
        };
        let plot = coefficients(&names, &[1.5, -19.7], &options).unwrap();
        assert_eq!(plot.text(), "Coefficients, largest weight -19.7, intercept 3.4");
        assert!(coefficients(&names, &[1.0], &options).is_err());
        assert!(coefficients(&[], &[], &options).is_err());
    }
}
