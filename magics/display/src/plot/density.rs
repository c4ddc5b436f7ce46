//! Densities: a smooth estimate of how the values of a column are spread, comparable between groups of
//! different sizes, since each curve has the area one.
//!
//! Gaussian kernels with Silverman's bandwidth (1986, 3.31), on a grid over the range of the data: the curve
//! says nothing where there are no values.

use polars::prelude::DataFrame;

use super::axis::{Axis, Kind, extent, is_one_value, short};
use super::hist::{mean, quantile};
use super::panel::{self, checked_size};
use super::scene::Paint;
use super::spread::Spread;
use super::{Plot, PlotError};

/// How many points a curve has.
const STEPS: usize = 512;

/// What can be chosen about a density.
#[derive(Clone, Debug, Default)]
pub struct DensityOptions {
    /// A column whose values make groups, one curve each.
    pub color: Option<String>,
    /// A column whose values make small multiples.
    pub by: Option<String>,
    /// A logarithmic axis of values; the density is then one of their logarithms.
    pub log: bool,
    /// A title instead of the usual one.
    pub title: Option<String>,
    /// Width and height in CSS pixels.
    pub size: Option<(u32, u32)>,
}

/// The same as a smooth curve: an estimate of the density, one for each group.
pub fn density(frame: &DataFrame, x: &str, options: &DensityOptions) -> Result<Plot, PlotError> {
    let color = options.color.as_deref();
    let spread = Spread::of(frame, x, color, options.by.as_deref(), options.log)?;
    draw(x, &spread, options)
}

fn draw(column: &str, spread: &Spread, options: &DensityOptions) -> Result<Plot, PlotError> {
    let facets = spread.facets.len();
    let size = checked_size(options.size, panel::usual_of(facets))?;
    let all = spread.sorted();
    let kind = if options.log { Kind::Log } else { Kind::Number };
    let (across, down) = panel::room_of(size, facets);
    let x = Axis::around(column, all.iter().copied(), across, kind)?;
    let mut head = spread.head(column, &all, options.title.as_ref());

    let scale = |value: f64| if options.log { value.log10() } else { value };
    let whole: Vec<f64> = all.iter().map(|v| scale(*v)).collect();
    let range = extent(whole.iter().copied()).ok_or_else(|| PlotError::NoValues {
        what: column.to_owned(),
    })?;
    if is_one_value(range.0, range.1) {
        return Err(PlotError::OneValue {
            what: column.to_owned(),
            value: short(all[0], 4),
        });
    }
    let usual = bandwidth(&whole, range);
    if spread.groups.len() == 1 && facets == 1 && !options.log {
        head.fact(format!("bandwidth {}", short(usual, 3)));
    }
    spread.remarks(&mut head, options.log);
    let curves: Vec<Vec<Vec<f64>>> = spread
        .values
        .iter()
        .map(|groups| {
            let curve = |values: &Vec<f64>| {
                let mut values: Vec<f64> = values.iter().map(|v| scale(*v)).collect();
                values.sort_by(f64::total_cmp);
                // One value has no spread of its own: that of all stands in.
                let width = if values.len() > 1 {
                    bandwidth(&values, range)
                } else {
                    usual
                };
                estimate(&values, range, width)
            };
            groups.iter().map(curve).collect()
        })
        .collect();
    let highest = curves.iter().flatten().flatten().copied().fold(0.0, f64::max);
    let name = if options.log {
        "density, by powers of ten"
    } else {
        "density"
    };
    let y = Axis::from_zero(name, highest, down, Kind::Number)?;

    let scene = spread.picture(size, &head, (x, y), |panel, i| {
        let bottom = panel.bottom;
        for ((_, color), curve) in spread
            .groups
            .iter()
            .zip(&curves[i])
            .filter(|(_, curve)| !curve.is_empty())
        {
            let at = |(step, density): (usize, &f64)| {
                let value = range.0 + (range.1 - range.0) * step as f64 / (STEPS - 1) as f64;
                let value = if options.log { 10_f64.powf(value) } else { value };
                (panel.px(value), panel.py(*density))
            };
            let line: Vec<(f64, f64)> = curve.iter().enumerate().map(at).collect();
            let mut area = line.clone();
            area.extend([(line[STEPS - 1].0, bottom), (line[0].0, bottom)]);
            let paint = Paint {
                rgb: *color,
                alpha: 0.16,
            };
            panel.scene.area(area, paint);
            panel.scene.line(line, 2.0, *color);
        }
    });
    Plot::new(scene, &head)
}

/// Silverman's rule of thumb for sorted values, no finer than the grid can show.
fn bandwidth(sorted: &[f64], (low, high): (f64, f64)) -> f64 {
    let centre = mean(sorted);
    let squares: Vec<f64> = sorted.iter().map(|v| (v - centre).powi(2)).collect();
    let n = sorted.len() as f64;
    let deviation = (mean(&squares) * n / (n - 1.0).max(1.0)).sqrt();
    let middle = (quantile(sorted, 0.75) - quantile(sorted, 0.25)) / 1.34;
    let spread = if middle > 0.0 { deviation.min(middle) } else { deviation };
    (0.9 * spread * n.powf(-0.2)).max((high - low) / 250.0)
}

/// The density along the range; nothing where there are no values.
fn estimate(values: &[f64], (low, high): (f64, f64), width: f64) -> Vec<f64> {
    if values.is_empty() {
        return Vec::new();
    }
    let step = (high - low) / (STEPS - 1) as f64;
    // Each value is shared between the two grid points beside it: the work no longer grows with the rows.
    let mut weights = vec![0.0; STEPS + 1];
    for value in values {
        let at = ((value - low) / step).clamp(0.0, (STEPS - 1) as f64);
        weights[at as usize] += 1.0 - at.fract();
        weights[at as usize + 1] += at.fract();
    }
    let reach = ((4.0 * width / step).ceil() as usize).min(STEPS);
    let kernel: Vec<f64> = (0..=reach)
        .map(|i| (-0.5 * (i as f64 * step / width).powi(2)).exp())
        .collect();
    let height = 1.0 / (values.len() as f64 * width * (2.0 * std::f64::consts::PI).sqrt());
    (0..STEPS)
        .map(|i| {
            let near = i.saturating_sub(reach)..(i + reach + 1).min(STEPS);
            let sum: f64 = near.map(|j| weights[j] * kernel[i.abs_diff(j)]).sum();
            sum * height
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// Evenly spaced quantiles of a logistic distribution: bell-shaped, without chance.
    fn bell(n: usize) -> Vec<f64> {
        (1..=n)
            .map(|i| i as f64 / (n + 1) as f64)
            .map(|p| (p / (1.0 - p)).ln())
            .collect()
    }

    #[test]
    fn the_estimate_is_the_sum_of_kernels_and_its_area_is_one() {
        let values = bell(400);
        let range = (values[0], values[399]);
        let width = bandwidth(&values, range);
        let curve = estimate(&values, range, width);
        let step = (range.1 - range.0) / (STEPS - 1) as f64;
        assert!((curve.iter().sum::<f64>() * step - 1.0).abs() < 0.02);
        // The definition, at one place.
        let at = range.0 + 200.0 * step;
        let kernel = |v: &f64| (-0.5 * ((at - v) / width).powi(2)).exp();
        let exact = values.iter().map(kernel).sum::<f64>() / (400.0 * width * (2.0 * std::f64::consts::PI).sqrt());
        assert!((curve[200] / exact - 1.0).abs() < 1e-2, "{} {exact}", curve[200]);
    }

    #[test]
    fn one_value_has_no_density_and_says_so() {
        let options = DensityOptions::default();
        let error = draw("x", &Spread::whole(vec![2.0; 9]), &options).unwrap_err();
        assert_eq!(error.to_string(), "every value of `x` is 2: it has no density");
        assert!(draw("x", &Spread::whole(vec![]), &options).is_err());
        assert!(draw("x", &Spread::whole(bell(3)), &options).is_ok());
        let log = DensityOptions {
            log: true,
            ..DensityOptions::default()
        };
        assert!(draw("x", &Spread::whole(vec![1e-300, 1.0, 1e100]), &log).is_ok());
    }
}
