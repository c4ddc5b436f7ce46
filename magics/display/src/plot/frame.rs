//! From frames to pictures: reading columns, making groups, counting what is left out.
//!
//! A column becomes numbers once, here: nulls become NaN and are left out later, dates and times
//! become seconds. A column of names becomes groups, the largest six and "other" where there are
//! more than seven, since no eye tells more colours apart.

use std::collections::HashMap;

use polars::prelude::{BooleanChunked, Column, DataFrame, DataType, TimeUnit};

use super::axis::Kind;
use super::bar::{self, Agg, Bar, BarOptions, Bars, MOST_BARS};
use super::boxes::{self, BoxOptions};
use super::corr::{self, CorrOptions, MOST_COLUMNS};
use super::density::{self, DensityOptions};
use super::heatmap::{self, Along, HeatmapOptions, Side};
use super::hist::{self, HistOptions, mean, quantile};
use super::line::{self, LineOptions, Lines, Series};
use super::missing::{self, MissingOptions};
use super::pair::{self, PairOptions};
use super::panel::{Head, MOST_FACETS};
use super::scatter::{self, Coloring, Points, ScatterOptions};
use super::spread::{Spread, titled};
use super::theme::{self, Rgb};
use super::{Plot, PlotError};
use crate::text;

/// How the values of one column are spread, whole or by group.
///
/// ```
/// # use polars::prelude::*;
/// # use ironsage_display::plot::{hist, HistOptions};
/// let frame = df!("rings" => [7, 9, 9, 10, 15])?;
/// let plot = hist(&frame, "rings", &HistOptions::default())?;
/// assert!(plot.text().starts_with("rings, 5 values, median 9"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn hist(frame: &DataFrame, x: &str, options: &HistOptions) -> Result<Plot, PlotError> {
    let color = options.color.as_deref();
    let spread = spread(frame, x, color, options.by.as_deref(), options.log.x())?;
    hist::draw(x, &spread, options)
}

/// The same as a smooth curve: an estimate of the density, one for each group.
pub fn density(frame: &DataFrame, x: &str, options: &DensityOptions) -> Result<Plot, PlotError> {
    let color = options.color.as_deref();
    let spread = spread(frame, x, color, options.by.as_deref(), options.log)?;
    density::draw(x, &spread, options)
}

/// The values of a column by part and by group.
fn spread(frame: &DataFrame, x: &str, color: Option<&str>, by: Option<&str>, log: bool) -> Result<Spread, PlotError> {
    let parts = Parts::of(frame, by)?;
    let (values, kind) = numbers(&parts.frame, x)?;
    refuse_times(frame, x, kind)?;
    let kind = scaled(kind, log);
    let (group, groups) = match color {
        None => (vec![0; values.len()], vec![(String::new(), theme::BLUE)]),
        Some(color) => groups(&parts.frame, color)?,
    };
    let mut split = vec![vec![Vec::new(); groups.len()]; parts.names.len()];
    let mut left_out = 0;
    for (row, value) in values.into_iter().enumerate() {
        if kind.takes(value) {
            split[parts.of_row[row]][group[row]].push(value);
        } else {
            left_out += 1;
        }
    }
    Ok(Spread {
        facets: parts.names,
        groups,
        values: split,
        left_out,
        color: color.map(str::to_owned),
        by: by.map(str::to_owned),
        cut: parts.cut,
    })
}

/// How two columns go together, and a third by colour. At most 5,000 points are drawn.
pub fn scatter(frame: &DataFrame, x: &str, y: &str, options: &ScatterOptions) -> Result<Plot, PlotError> {
    let parts = Parts::of(frame, options.by.as_deref())?;
    let frame = &parts.frame;
    let (xs, x_kind) = numbers(frame, x)?;
    let (ys, y_kind) = numbers(frame, y)?;
    let (x_kind, y_kind) = (scaled(x_kind, options.log.x()), scaled(y_kind, options.log.y()));
    let kept: Vec<usize> = (0..xs.len())
        .filter(|i| x_kind.takes(xs[*i]) && y_kind.takes(ys[*i]))
        .collect();
    let pick = |values: &[f64]| -> Vec<f64> { kept.iter().map(|i| values[*i]).collect() };
    let coloring = match &options.color {
        None => Coloring::One,
        Some(color) if is_scale(frame, color)? => {
            let (values, kind) = numbers(frame, color)?;
            Coloring::Scale(pick(&values), kind)
        }
        Some(color) => {
            let (of_row, names) = groups(frame, color)?;
            Coloring::Groups(kept.iter().map(|i| of_row[*i]).collect(), names)
        }
    };
    let points = Points {
        x: pick(&xs),
        y: pick(&ys),
        x_kind,
        y_kind,
        coloring,
        part: kept.iter().map(|i| parts.of_row[*i]).collect(),
        facets: parts.names,
        cut: parts.cut,
        left_out: xs.len() - kept.len(),
    };
    scatter::draw((x, y), &points, options)
}

/// How a column runs along another: sorted by `x`, one line or one for each group.
pub fn line(frame: &DataFrame, x: &str, y: &str, options: &LineOptions) -> Result<Plot, PlotError> {
    let parts = Parts::of(frame, options.by.as_deref())?;
    let (xs, x_kind) = numbers(&parts.frame, x)?;
    let (ys, y_kind) = numbers(&parts.frame, y)?;
    let kinds = (scaled(x_kind, options.log.x()), scaled(y_kind, options.log.y()));
    let (group, names) = match &options.color {
        Some(color) => groups(&parts.frame, color)?,
        None => (vec![0; xs.len()], vec![(String::new(), theme::BLUE)]),
    };
    let mut series: Vec<Series> = (0..parts.names.len())
        .flat_map(|part| names.iter().map(move |(name, color)| (part, name, color)))
        .map(|(part, name, color)| Series {
            name: name.clone(),
            color: *color,
            part,
            points: Vec::new(),
        })
        .collect();
    let mut left_out = 0;
    for (row, (x, y)) in xs.iter().zip(&ys).enumerate() {
        if kinds.0.takes(*x) && kinds.1.takes(*y) {
            let at = parts.of_row[row] * names.len() + group[row];
            series[at].points.push((*x, *y));
        } else {
            left_out += 1;
        }
    }
    series.retain(|s| !s.points.is_empty());
    for s in &mut series {
        s.points.sort_by(|a, b| a.0.total_cmp(&b.0));
    }
    let lines = Lines {
        series,
        kinds,
        facets: parts.names,
        cut: parts.cut,
        left_out,
    };
    line::draw((x, y), &lines, options)
}

/// How many rows each category has, or what another column amounts to in it.
pub fn bar(frame: &DataFrame, x: &str, options: &BarOptions) -> Result<Plot, PlotError> {
    let parts = Parts::of(frame, options.by.as_deref())?;
    let frame = &parts.frame;
    let (of_row, names) = categories(frame, x)?;
    let ordered = column(frame, x)?.dtype().clone();
    let (values, agg) = match &options.y {
        Some(y) => {
            let (values, kind) = numbers(frame, y)?;
            refuse_times(frame, y, kind)?;
            (values, options.agg)
        }
        None => (vec![0.0; of_row.len()], Agg::Count),
    };
    let facets = parts.names.len();
    let mut of_category: Vec<Vec<Vec<f64>>> = vec![vec![Vec::new(); facets]; names.len()];
    for (row, value) in values.iter().enumerate().filter(|(_, value)| value.is_finite()) {
        of_category[of_row[row]][parts.of_row[row]].push(*value);
    }
    let mut bars: Vec<Bar> = names
        .into_iter()
        .zip(of_category)
        .map(|(name, parts)| Bar {
            name,
            value: amount(parts.concat(), agg),
            parts: if facets > 1 {
                parts.into_iter().map(|values| amount(values, agg)).collect()
            } else {
                Vec::new()
            },
        })
        .filter(|bar| bar.value.is_finite())
        .collect();
    // Names have no order of their own: the largest first. Numbers and dates keep theirs.
    if !(ordered.is_primitive_numeric() || ordered.is_temporal() || ordered.is_enum()) {
        bars.sort_by(|a, b| b.value.total_cmp(&a.value));
    }
    let value_label = match &options.y {
        Some(y) => format!("{} {y}", agg.name()),
        None => "rows".to_owned(),
    };
    let title = options.title.clone();
    let usual = || titled(&value_label, [Some(x), options.by.as_deref()]);
    let mut head = Head::new(title.unwrap_or_else(usual));
    head.fact(text::counted(frame.height() as u64, "row"));
    let categories = bars.len();
    let plural = if categories == 1 { "y" } else { "ies" };
    head.fact(format!("{} categor{plural}", text::count(categories as u64)));
    if let Some(most) = bars.iter().rev().max_by(|a, b| a.value.total_cmp(&b.value)) {
        let value = super::axis::short(most.value, 4);
        head.fact(format!("highest {} ({value})", most.name));
    }
    bars.truncate(MOST_BARS);
    bar::cut(&mut head, categories, bars.len());
    if let Some(cut) = parts.cut {
        head.fact(cut);
    }
    let bars = Bars {
        head,
        label: x,
        value_label,
        bars,
        facets: parts.names,
        signed: false,
    };
    let plot = bar::draw(&bars, options.size)?;
    Ok(if options.interactive {
        plot.with_vega(bar::specification(&bars, options.by.as_deref()))
    } else {
        plot
    })
}

/// How many rows fall together in two columns, or what a third amounts to there.
pub fn heatmap(frame: &DataFrame, x: &str, y: &str, options: &HeatmapOptions) -> Result<Plot, PlotError> {
    let (x_side, y_side) = (side(frame, x)?, side(frame, y)?);
    let (values, agg) = match &options.value {
        Some(value) => {
            let (values, kind) = numbers(frame, value)?;
            refuse_times(frame, value, kind)?;
            (values, options.agg)
        }
        None => (vec![0.0; frame.height()], Agg::Count),
    };
    let mut cells = vec![vec![Vec::new(); x_side.count()]; y_side.count()];
    let mut left_out = 0;
    for (row, value) in values.into_iter().enumerate() {
        match (x_side.of_row[row], y_side.of_row[row]) {
            (Some(x), Some(y)) if value.is_finite() => cells[y][x].push(value),
            _ => left_out += 1,
        }
    }
    let cells: Vec<Vec<f64>> = cells
        .into_iter()
        .map(|row| {
            let filled = |values: Vec<f64>| {
                if values.is_empty() {
                    f64::NAN
                } else {
                    amount(values, agg)
                }
            };
            row.into_iter().map(filled).collect()
        })
        .collect();
    heatmap::draw((x, y), (&x_side, &y_side), &cells, left_out, options)
}

/// Most different numbers that have a row or a column each; more are put into bins.
const MOST_NUMBERS: usize = 20;
/// Most categories along a side of a heatmap.
const MOST_SIDE: usize = 30;

/// A column along a side of a heatmap: its categories, or bins where it has many numbers or times.
fn side(frame: &DataFrame, name: &str) -> Result<Side, PlotError> {
    let dtype = column(frame, name)?.dtype().clone();
    let measured = dtype.is_primitive_numeric() || dtype.is_decimal() || dtype.is_temporal();
    if measured && column(frame, name)?.n_unique()? > MOST_NUMBERS {
        let (values, kind) = numbers(frame, name)?;
        return heatmap::binned(name, &values, kind);
    }
    let parts = Parts::most(frame, name, MOST_SIDE)?;
    Ok(Side {
        of_row: parts.of_all,
        along: Along::Names(parts.names),
        cut: parts.cut,
    })
}

/// Every numeric column against every other; of all, where none are named.
pub fn pair(frame: &DataFrame, columns: &[String], options: &PairOptions) -> Result<Plot, PlotError> {
    let named = numeric(frame, columns);
    let mut read = Vec::new();
    for name in named.iter().take(pair::MOST_COLUMNS) {
        read.push((name.clone(), numbers(frame, name)?.0));
    }
    let (group, groups) = match &options.color {
        Some(color) => groups(frame, color)?,
        None => (vec![0; frame.height()], vec![(String::new(), theme::BLUE)]),
    };
    pair::draw(&read, named.len(), (&group, &groups), options)
}

/// Where values are missing: nulls, and NaN among floats, along the rows of each column.
pub fn missing(frame: &DataFrame, options: &MissingOptions) -> Result<Plot, PlotError> {
    let mut columns = Vec::new();
    for column in frame.columns() {
        let mut gone: Vec<bool> = column.is_null().iter().map(|v| v == Some(true)).collect();
        if column.dtype().is_float() {
            for (gone, nan) in gone.iter_mut().zip(column.is_nan()?.iter()) {
                *gone |= nan == Some(true);
            }
        }
        columns.push((column.name().to_string(), gone));
    }
    missing::draw(columns, frame.height(), options)
}

/// Median, quartiles and what lies far out, whole or by group.
pub fn boxes(frame: &DataFrame, x: &str, options: &BoxOptions) -> Result<Plot, PlotError> {
    let (values, kind) = numbers(frame, x)?;
    refuse_times(frame, x, kind)?;
    let kind = scaled(kind, options.log);
    let (of_row, names) = match &options.by {
        Some(by) => categories(frame, by)?,
        None => (vec![0; values.len()], vec![String::new()]),
    };
    let mut split: Vec<(String, Vec<f64>)> = names.into_iter().map(|name| (name, Vec::new())).collect();
    let mut left_out = 0;
    for (value, group) in values.iter().zip(of_row) {
        if kind.takes(*value) {
            split[group].1.push(*value);
        } else {
            left_out += 1;
        }
    }
    if split.len() > MOST_BARS {
        return Err(PlotError::NotUsable {
            name: options.by.clone().unwrap_or_default(),
            dtype: format!("a column of {} different values", text::count(split.len() as u64)),
            needs: format!("at most {MOST_BARS} boxes fit"),
        });
    }
    boxes::draw(x, &split, left_out, options)
}

/// The correlation of each numeric column with each other; of all, where none are named.
pub fn corr(frame: &DataFrame, columns: &[String], options: &CorrOptions) -> Result<Plot, PlotError> {
    let named = numeric(frame, columns);
    let mut read = Vec::new();
    for name in named.iter().take(MOST_COLUMNS) {
        read.push((name.clone(), numbers(frame, name)?.0));
    }
    corr::draw(&read, named.len(), options)
}

/// The columns that are named, or all that hold numbers.
fn numeric(frame: &DataFrame, columns: &[String]) -> Vec<String> {
    if !columns.is_empty() {
        return columns.to_vec();
    }
    let numeric = |c: &&Column| c.dtype().is_primitive_numeric() || c.dtype().is_bool();
    let all = frame.columns().iter().filter(numeric);
    all.map(|c| c.name().to_string()).collect()
}

/// The kind of an axis of such values.
fn scaled(kind: Kind, log: bool) -> Kind {
    if log { Kind::Log } else { kind }
}

fn amount(mut values: Vec<f64>, agg: Agg) -> f64 {
    if agg == Agg::Count {
        return values.len() as f64;
    }
    if values.is_empty() {
        return f64::NAN;
    }
    match agg {
        Agg::Count => values.len() as f64,
        Agg::Mean => mean(&values),
        Agg::Sum => values.iter().sum(),
        Agg::Median => {
            values.sort_by(f64::total_cmp);
            quantile(&values, 0.5)
        }
        Agg::Min => values.iter().copied().fold(f64::INFINITY, f64::min),
        Agg::Max => values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
    }
}

fn column<'a>(frame: &'a DataFrame, name: &str) -> Result<&'a Column, PlotError> {
    frame.column(name).map_err(|_| PlotError::NoColumn {
        name: name.to_owned(),
        there: frame.get_column_names().into_iter().map(ToString::to_string).collect(),
    })
}

/// A column as numbers, NaN where there is none, and what they are.
fn numbers(frame: &DataFrame, name: &str) -> Result<(Vec<f64>, Kind), PlotError> {
    let column = column(frame, name)?;
    let dtype = column.dtype();
    let (kind, unit) = match dtype {
        DataType::Boolean => (Kind::Whole, 1.0),
        DataType::Date => (Kind::Time, 86_400.0),
        DataType::Datetime(unit, _) => (Kind::Time, seconds(*unit)),
        DataType::Duration(unit) => (Kind::Number, seconds(*unit)),
        d if d.is_integer() => (Kind::Whole, 1.0),
        d if d.is_float() || d.is_decimal() => (Kind::Number, 1.0),
        DataType::Null => (Kind::Number, 1.0),
        other => {
            return Err(PlotError::NotUsable {
                name: name.to_owned(),
                dtype: other.to_string(),
                needs: "this picture needs numbers".to_owned(),
            });
        }
    };
    let physical = if dtype.is_temporal() {
        column.to_physical_repr().cast(&DataType::Float64)?
    } else {
        column.cast(&DataType::Float64)?
    };
    let values = physical
        .f64()?
        .iter()
        .map(|v| v.map_or(f64::NAN, |v| v * unit))
        .collect();
    Ok((values, kind))
}

fn seconds(unit: TimeUnit) -> f64 {
    match unit {
        TimeUnit::Nanoseconds => 1e-9,
        TimeUnit::Microseconds => 1e-6,
        TimeUnit::Milliseconds => 1e-3,
    }
}

/// Where only numbers make sense.
fn refuse_times(frame: &DataFrame, name: &str, kind: Kind) -> Result<(), PlotError> {
    if kind != Kind::Time {
        return Ok(());
    }
    Err(PlotError::NotUsable {
        name: name.to_owned(),
        dtype: column(frame, name)?.dtype().to_string(),
        needs: "this picture needs numbers, not times (`line` and `scatter` take them)".to_owned(),
    })
}

/// Whether a colour column is a scale: numbers or times with more values than there are colours.
fn is_scale(frame: &DataFrame, name: &str) -> Result<bool, PlotError> {
    let column = column(frame, name)?;
    let dtype = column.dtype();
    if !(dtype.is_primitive_numeric() || dtype.is_decimal() || dtype.is_temporal()) {
        return Ok(false);
    }
    Ok(column.unique()?.len() > theme::PALETTE.len())
}

/// Each row's category and the categories' names: numbers in their order, names in theirs, and
/// "null" last.
fn categories(frame: &DataFrame, name: &str) -> Result<(Vec<usize>, Vec<String>), PlotError> {
    let column = column(frame, name)?;
    let dtype = column.dtype();
    if dtype.is_nested() || dtype.is_binary() {
        return Err(PlotError::NotUsable {
            name: name.to_owned(),
            dtype: dtype.to_string(),
            needs: "groups are made of names, numbers or dates".to_owned(),
        });
    }
    let texts = column.cast(&DataType::String)?;
    let texts = texts.str()?;
    let order: Vec<Option<f64>> = if dtype.is_primitive_numeric() || dtype.is_decimal() {
        let numbers = column.cast(&DataType::Float64)?;
        numbers.f64()?.iter().collect()
    } else {
        Vec::new()
    };
    let mut seen: HashMap<Option<&str>, usize> = HashMap::new();
    let mut names: Vec<(Option<&str>, f64)> = Vec::new();
    let mut of_row = Vec::with_capacity(texts.len());
    for (row, text) in texts.iter().enumerate() {
        let category = *seen.entry(text).or_insert_with(|| {
            let key = order.get(row).copied().flatten().unwrap_or(0.0);
            names.push((text, key));
            names.len() - 1
        });
        of_row.push(category);
    }
    let mut sorted: Vec<usize> = (0..names.len()).collect();
    sorted.sort_by(|a, b| {
        let (a, b) = (&names[*a], &names[*b]);
        let nulls = a.0.is_none().cmp(&b.0.is_none());
        nulls.then(a.1.total_cmp(&b.1)).then(a.0.cmp(&b.0))
    });
    let mut place = vec![0; names.len()];
    for (to, from) in sorted.iter().enumerate() {
        place[*from] = to;
    }
    for category in &mut of_row {
        *category = place[*category];
    }
    let names = sorted
        .into_iter()
        .map(|i| names[i].0.unwrap_or("null").to_owned())
        .collect();
    Ok((of_row, names))
}

/// The parts that a column's values make of a frame, for small multiples: the most frequent ones.
struct Parts {
    /// The rows of those parts.
    frame: DataFrame,
    /// Each such row's part.
    of_row: Vec<usize>,
    /// Each part of all rows, none where it is not among the most frequent.
    of_all: Vec<Option<usize>>,
    names: Vec<String>,
    /// How many there are beyond, as a fact.
    cut: Option<String>,
}

impl Parts {
    /// By a column, or the whole frame as one part without a name.
    fn of(frame: &DataFrame, by: Option<&str>) -> Result<Parts, PlotError> {
        match by {
            Some(by) => Parts::most(frame, by, MOST_FACETS),
            None => Ok(Parts {
                frame: frame.clone(),
                of_row: vec![0; frame.height()],
                of_all: vec![Some(0); frame.height()],
                names: vec![String::new()],
                cut: None,
            }),
        }
    }

    fn most(frame: &DataFrame, by: &str, most: usize) -> Result<Parts, PlotError> {
        let (of_row, names) = categories(frame, by)?;
        if names.is_empty() {
            return Err(PlotError::NoValues { what: by.to_owned() });
        }
        let all = names.len();
        let kept = most_frequent(&of_row, all, most);
        let mut place = vec![None; all];
        for (to, from) in kept.iter().enumerate() {
            place[*from] = Some(to);
        }
        let of_all: Vec<Option<usize>> = of_row.into_iter().map(|part| place[part]).collect();
        let frame = if kept.len() < all {
            let mask: BooleanChunked = of_all.iter().map(Option::is_some).collect();
            frame.filter(&mask)?
        } else {
            frame.clone()
        };
        Ok(Parts {
            frame,
            of_row: of_all.iter().copied().flatten().collect(),
            of_all,
            cut: (kept.len() < all).then(|| {
                let (kept, all) = (kept.len(), text::count(all as u64));
                format!("the {kept} most frequent of {all} values of {by}")
            }),
            names: kept.into_iter().map(|i| names[i].clone()).collect(),
        })
    }
}

/// The categories with the most rows, in the order of the categories.
fn most_frequent(of_row: &[usize], categories: usize, most: usize) -> Vec<usize> {
    let mut counts = vec![0_usize; categories];
    for category in of_row {
        counts[*category] += 1;
    }
    let mut kept: Vec<usize> = (0..categories).collect();
    kept.sort_by_key(|i| std::cmp::Reverse(counts[*i]));
    kept.truncate(most);
    kept.sort_unstable();
    kept
}

/// Each row's group, and the groups' names and colours.
type Grouped = (Vec<usize>, Vec<(String, Rgb)>);

/// Makes groups of a column's values: at most seven.
fn groups(frame: &DataFrame, name: &str) -> Result<Grouped, PlotError> {
    let (mut of_row, names) = categories(frame, name)?;
    let most = theme::PALETTE.len();
    if names.len() <= most {
        let colored = names.into_iter().zip(theme::PALETTE);
        return Ok((of_row, colored.collect()));
    }
    let largest = most_frequent(&of_row, names.len(), most - 1);
    let mut place = vec![most - 1; names.len()];
    for (to, from) in largest.iter().enumerate() {
        place[*from] = to;
    }
    for category in &mut of_row {
        *category = place[*category];
    }
    let other = names.len() - largest.len();
    let mut colored: Vec<(String, Rgb)> = largest
        .into_iter()
        .map(|i| names[i].clone())
        .zip(theme::PALETTE)
        .collect();
    colored.push((format!("{} others", text::count(other as u64)), theme::OTHER));
    Ok((of_row, colored))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use polars::prelude::*;

    fn shells() -> DataFrame {
        df!(
            "sex" => ["M", "F", "I", "M", "F"],
            "rings" => [Some(15), Some(9), None, Some(10), Some(7)],
            "weight" => [0.15, f64::NAN, 0.05, 0.2, f64::INFINITY],
            "old" => [true, false, false, true, false],
            "none" => [None::<f64>; 5],
        )
        .unwrap()
    }

    #[test]
    fn missing_columns_name_what_there_is() {
        let error = hist(&shells(), "ringz", &HistOptions::default()).unwrap_err();
        assert_eq!(error.to_string(), "no column `ringz`");
        assert_eq!(
            error.hint().unwrap(),
            "`ringz` is none of: sex, rings, weight, old, none"
        );
    }

    #[test]
    fn text_is_no_number() {
        let error = hist(&shells(), "sex", &HistOptions::default()).unwrap_err();
        assert_eq!(error.to_string(), "column `sex` is str, and this picture needs numbers");
    }

    #[test]
    fn nulls_nan_and_infinities_are_left_out_and_counted() {
        let plot = scatter(&shells(), "weight", "rings", &ScatterOptions::default()).unwrap();
        assert_eq!(
            plot.text(),
            "rings by weight, 2 points, 3 rows without a value left out"
        );
        let error = hist(&shells(), "none", &HistOptions::default()).unwrap_err();
        assert!(matches!(error, PlotError::NoValues { .. }));
        let empty = shells().head(Some(0));
        for x in ["rings", "weight", "none"] {
            assert!(hist(&empty, x, &HistOptions::default()).is_err());
        }
        assert!(bar(&empty, "sex", &BarOptions::default()).is_err());
        assert!(boxes(&empty, "rings", &BoxOptions::default()).is_err());
        assert!(line(&empty, "rings", "weight", &LineOptions::default()).is_err());
    }

    #[test]
    fn bars_count_or_aggregate() {
        let plot = bar(&shells(), "sex", &BarOptions::default()).unwrap();
        assert_eq!(plot.text(), "rows by sex, 5 rows, 3 categories, highest F (2)");
        let options = BarOptions {
            y: Some("rings".to_owned()),
            agg: Agg::Mean,
            ..BarOptions::default()
        };
        let plot = bar(&shells(), "sex", &options).unwrap();
        assert_eq!(plot.text(), "mean rings by sex, 5 rows, 2 categories, highest M (12.5)");
    }

    #[test]
    fn many_groups_become_six_and_the_others() {
        let names: Vec<String> = (0..40).map(|i| format!("g{}", i % 20)).collect();
        let frame = df!("g" => names, "v" => (0..40).collect::<Vec<i32>>()).unwrap();
        let (of_row, groups) = groups(&frame, "g").unwrap();
        assert_eq!(groups.len(), 7);
        assert_eq!(groups[6].0, "14 others");
        assert!(of_row.iter().all(|g| *g < 7));
    }

    #[test]
    fn numbers_keep_their_order_and_null_comes_last() {
        let frame = df!("n" => [Some(10), None, Some(9), Some(10)]).unwrap();
        let (of_row, names) = categories(&frame, "n").unwrap();
        assert_eq!(names, ["9", "10", "null"]);
        assert_eq!(of_row, [1, 2, 0, 1]);
    }

    #[test]
    fn dates_are_seconds() {
        let days = Column::new("day".into(), [0_i32, 1, 2]).cast(&DataType::Date).unwrap();
        let (values, kind) = numbers(&days.into_frame(), "day").unwrap();
        assert_eq!((values, kind), (vec![0.0, 86_400.0, 172_800.0], Kind::Time));
    }

    #[test]
    fn corr_takes_all_numeric_columns() {
        let frame = df!("a" => [1, 2, 3], "b" => [3, 2, 1], "s" => ["x", "y", "z"]).unwrap();
        let plot = corr(&frame, &[], &CorrOptions::default()).unwrap();
        assert_eq!(
            plot.text(),
            "Correlation, 2 numeric columns, strongest -1.00 between a and b"
        );
    }
}
