//! Pearson's correlation, for every picture and table that says one.

/// Pearson's r of the rows where both columns have a finite number, as pandas computes it; `None` of fewer than
/// two such rows, and where a column never changes.
///
/// ```
/// # use ironsage_display::plot::correlation;
/// let r = correlation(&[1.0, 2.0, 3.0, f64::NAN], &[2.0, 4.0, 6.0, 0.0]);
/// assert!((r.unwrap() - 1.0).abs() < 1e-12);
/// ```
pub fn correlation(x: &[f64], y: &[f64]) -> Option<f64> {
    let both = || x.iter().zip(y).filter(|(x, y)| x.is_finite() && y.is_finite());
    let (mut count, mut sum_x, mut sum_y) = (0_usize, 0.0, 0.0);
    for (x, y) in both() {
        count += 1;
        sum_x += x;
        sum_y += y;
    }
    let (mean_x, mean_y) = (sum_x / count as f64, sum_y / count as f64);
    let (mut xx, mut yy, mut xy) = (0.0, 0.0, 0.0);
    for (x, y) in both() {
        let (x, y) = (x - mean_x, y - mean_y);
        xx += x * x;
        yy += y * y;
        xy += x * y;
    }
    let r = xy / (xx.sqrt() * yy.sqrt());
    (count > 1 && r.is_finite()).then(|| r.clamp(-1.0, 1.0))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn correlation_as_the_formula_gives_it() {
        let x: Vec<f64> = (0..50).map(f64::from).collect();
        let y: Vec<f64> = x.iter().map(|v| 3.0 - 2.0 * v).collect();
        assert!((correlation(&x, &y).unwrap() + 1.0).abs() < 1e-12);
        assert_eq!(correlation(&x, &vec![1.0; 50]), None, "no spread, no r");
        // From numpy: numpy.corrcoef([1,2,3,4],[1,3,2,5])[0,1]
        let r = correlation(&[1.0, 2.0, 3.0, 4.0], &[1.0, 3.0, 2.0, 5.0]).unwrap();
        assert!((r - 0.831_521_8).abs() < 1e-6, "{r}");
    }

    #[test]
    fn rows_count_where_both_have_a_number() {
        let gaps = [1.0, f64::INFINITY, 2.0, 3.0, f64::NAN];
        let r = correlation(&gaps, &[3.0, 9.0, 2.0, 1.0, 7.0]).unwrap();
        assert!((r + 1.0).abs() < 1e-12, "{r}");
        assert_eq!(correlation(&[1.0, f64::NAN], &[1.0, 2.0]), None, "one row has no r");
        assert_eq!(correlation(&[], &[]), None);
    }
}
