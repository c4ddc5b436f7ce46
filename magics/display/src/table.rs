//! Frames as tables: HTML that survives an untrusted reopening, and a box of text.
//!
//! Styles stand in `style=` attributes, since notebooks drop `<style>`; colours are inherited and
//! rules are half-transparent grey, so that both themes read well. A table stays below 64 KB
//! whatever is in it, and always says how much it leaves out.

use polars::prelude::DataFrame;

use crate::cells::{Cell, Excerpt, Shown, excerpt};
use crate::{Bundle, html, spark, text};

/// Most bytes of a table's HTML.
const MOST_HTML: usize = 64_000;
/// Rows that are kept before columns are left out.
const FEW_ROWS: usize = 8;
/// Widest table of text, in characters.
const WIDEST: usize = 160;
/// Most rows of a table of text.
const TEXT_ROWS: usize = 20;

/// How much of a frame is shown, and under which name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableOptions {
    /// Most rows, the first and the last half of them.
    pub rows: usize,
    /// Most columns, the first and the last half of them.
    pub columns: usize,
    /// What stands above the table, such as the frame's name.
    pub caption: Option<String>,
    /// How the cells are drawn in HTML; as text, they are what they are.
    pub drawn: Drawn,
}

/// What a cell's content is drawn as, where a table can draw.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Drawn {
    /// As it is.
    #[default]
    Text,
    /// The column of this name holds small histograms of `▁` to `█`, drawn as bars.
    Bars(String),
    /// Numbers from −1 to 1 have a ground from red over none to blue.
    Heat,
}

impl Default for TableOptions {
    /// Ten rows at each end, twenty columns, no caption.
    fn default() -> Self {
        TableOptions {
            rows: 20,
            columns: 20,
            caption: None,
            drawn: Drawn::Text,
        }
    }
}

/// A frame as a table, with its size, its types and its ends.
///
/// ```
/// # use polars::prelude::*;
/// # use ironsage_display::{table, TableOptions};
/// let frame = df!("sex" => ["M", "F"], "rings" => [Some(15), None])?;
/// let bundle = table(&frame, &TableOptions::default());
/// assert!(bundle.plain().starts_with("2 rows × 2 columns"));
/// # Ok::<(), PolarsError>(())
/// ```
pub fn table(frame: &DataFrame, options: &TableOptions) -> Bundle {
    Bundle::text(plain(frame, options)).with_html(fitting_html(frame, options))
}

/// `4,177 rows × 9 columns`.
pub fn shape(frame: &DataFrame) -> String {
    format!(
        "{} × {}",
        text::counted(frame.height() as u64, "row"),
        text::counted(frame.width() as u64, "column")
    )
}

/// HTML within the limit: whole texts of cut strings and drawn bars go first, then rows, then columns.
fn fitting_html(frame: &DataFrame, options: &TableOptions) -> String {
    let (mut rows, mut columns) = (options.rows, options.columns);
    let mut rich = true;
    loop {
        let shown = excerpt(frame, rows, columns);
        let html = render(frame, &shown, options, rich);
        if html.len() <= MOST_HTML || (rows <= 1 && columns <= 1) {
            return html;
        }
        if rich {
            rich = false;
        } else if rows > FEW_ROWS || columns <= 1 {
            let least = if columns <= 1 { 1 } else { FEW_ROWS };
            rows = fitting(rows.min(frame.height()), html.len()).max(least);
        } else {
            columns = fitting(columns.min(frame.width()), html.len()).max(1);
        }
    }
}

/// How many of `shown` would fit, by the size they have taken; fewer than before in any case.
fn fitting(shown: usize, size: usize) -> usize {
    (shown * MOST_HTML / size).min(shown.saturating_sub(1))
}

fn render(frame: &DataFrame, shown: &Excerpt, options: &TableOptions, rich: bool) -> String {
    let mut out = String::new();
    if let Some(caption) = &options.caption {
        out += &format!(
            "<div style=\"font-weight:600\">{}</div>",
            html::escape(&text::cut(caption, 200))
        );
    }
    out += &format!("<table class=\"dataframe\" style=\"{}\"><thead>", html::table_style(""));
    out += "<tr style=\"background:none\">";
    for column in with_gap(&shown.columns, shown.columns_left_out) {
        out += &match column {
            Some(c) => head_cell(c, &c.name, "font-weight:600;padding-bottom:0", rich),
            None => gap_head("…"),
        };
    }
    out += &format!("</tr><tr style=\"background:none;border-bottom:{}\">", html::RULE);
    for column in with_gap(&shown.columns, shown.columns_left_out) {
        let style = format!("font-weight:400;font-size:.85em;padding-top:0;{}", html::DIM);
        out += &match column {
            Some(c) => head_cell(c, &c.dtype, &style, rich),
            None => gap_head(""),
        };
    }
    out += "</tr></thead><tbody>";
    let rows = shown.columns.first().map_or(0, |c| c.cells.len());
    let width = shown.columns.len() + usize::from(shown.columns_left_out.is_some());
    for row in 0..=rows {
        if let Some((before, left_out)) = shown.rows_left_out
            && before == row
            && width > 0
        {
            out += &format!(
                "<tr style=\"background:none\"><td colspan=\"{width}\" style=\"text-align:left;{}\">\
                 … {} more {}</td></tr>",
                html::DIM,
                text::count(left_out as u64),
                if left_out == 1 { "row" } else { "rows" }
            );
        }
        if row == rows {
            break;
        }
        out += "<tr>";
        for column in with_gap(&shown.columns, shown.columns_left_out) {
            match column {
                Some(c) => body_cell(&mut out, c, &c.cells[row], &options.drawn, rich),
                None => out += &format!("<td style=\"{}\">…</td>", html::DIM),
            }
        }
        out += "</tr>";
    }
    out += "</tbody></table>";
    let mut footer = shape(frame);
    if shown.columns_left_out.is_some() {
        footer += &format!(", {} of them shown", shown.columns.len());
    }
    if frame.height() > 0 {
        footer += &format!(" · {}", text::bytes(frame.estimated_size() as u64));
    }
    html::scrolled(&out, &footer)
}

/// The columns, with `None` where some are left out.
fn with_gap(columns: &[Shown], gap: Option<(usize, usize)>) -> Vec<Option<&Shown>> {
    let mut out: Vec<Option<&Shown>> = columns.iter().map(Some).collect();
    if let Some((before, _)) = gap {
        out.insert(before.min(out.len()), None);
    }
    out
}

fn align(column: &Shown) -> &'static str {
    if column.numeric { "right" } else { "left" }
}

fn head_cell(column: &Shown, content: &Cell, style: &str, rich: bool) -> String {
    format!(
        "<th style=\"text-align:{};{style}\"{}>{}</th>",
        align(column),
        title(content, rich),
        html::escape(&content.text)
    )
}

/// The attribute with a cut cell's whole text.
fn title(cell: &Cell, rich: bool) -> String {
    match &cell.whole {
        Some(whole) if rich => format!(" title=\"{}\"", html::escape(whole)),
        _ => String::new(),
    }
}

fn gap_head(content: &str) -> String {
    format!("<th style=\"{}\">{content}</th>", html::DIM)
}

fn body_cell(out: &mut String, column: &Shown, cell: &Cell, drawn: &Drawn, rich: bool) {
    out.push_str("<td style=\"text-align:");
    out.push_str(align(column));
    // HTML would take several blanks for one, and break a line where the table is wider than the page.
    if cell.text.contains(' ') {
        out.push_str(";white-space:pre");
    }
    if *drawn == Drawn::Heat && column.numeric && !cell.null {
        out.push_str(&heat(&cell.text));
    }
    out.push('"');
    out.push_str(&title(cell, rich));
    out.push('>');
    if cell.null {
        out.push_str("<span style=\"opacity:.4\">null</span>");
    } else if rich && matches!(drawn, Drawn::Bars(name) if *name == column.name.text) {
        out.push_str(&spark::bars(&cell.text));
    } else {
        out.push_str(&html::escape(&cell.text));
    }
    out.push_str("</td>");
}

/// The ground of a number from −1 to 1: half-transparent, so that text is read on it in both themes.
fn heat(number: &str) -> String {
    match number.parse::<f64>() {
        Ok(value) if value.is_finite() => {
            let color = if value < 0.0 { "200,60,50" } else { "50,110,200" };
            format!(";background-color:rgba({color},{:.2})", value.abs().min(1.0) * 0.6)
        }
        _ => String::new(),
    }
}

/// The table as text, in Polars' own shape.
fn plain(frame: &DataFrame, options: &TableOptions) -> String {
    let rows = options.rows.min(TEXT_ROWS);
    // No column takes less than four characters.
    let mut columns = options.columns.clamp(1, WIDEST / 4);
    loop {
        let shown = excerpt(frame, rows, columns);
        let widths: Vec<usize> = with_gap(&shown.columns, shown.columns_left_out)
            .iter()
            .map(|c| c.map_or(1, width))
            .collect();
        let wide = widths.iter().map(|w| w + 3).sum::<usize>() + 1;
        if wide <= WIDEST || shown.columns.len() <= 1 {
            return boxed(frame, &shown, &widths, options);
        }
        columns = shown.columns.len() - 1;
    }
}

fn width(column: &Shown) -> usize {
    let cells = column.cells.iter().map(|c| c.text.chars().count());
    let head = [&column.name, &column.dtype].map(|c| c.text.chars().count());
    cells.chain(head).max().unwrap_or(1)
}

fn boxed(frame: &DataFrame, shown: &Excerpt, widths: &[usize], options: &TableOptions) -> String {
    let mut out = match &options.caption {
        Some(caption) => format!("{}: ", text::cut(caption, 200)),
        None => String::new(),
    };
    out += &shape(frame);
    if let Some((_, left_out)) = shown.columns_left_out {
        out += &format!(" ({} not shown)", text::count(left_out as u64));
    }
    if frame.width() == 0 {
        return out;
    }
    let columns = with_gap(&shown.columns, shown.columns_left_out);
    let rule = |left: &str, fill: &str, middle: &str, right: &str| {
        let parts: Vec<String> = widths.iter().map(|w| fill.repeat(w + 2)).collect();
        format!("\n{left}{}{right}", parts.join(middle))
    };
    let line = |cells: Vec<String>| {
        let padded: Vec<String> = cells
            .into_iter()
            .zip(widths)
            .zip(&columns)
            .map(|((cell, width), column)| {
                let room = width.saturating_sub(cell.chars().count());
                match column {
                    Some(c) if c.numeric => format!(" {}{cell} ", " ".repeat(room)),
                    _ => format!(" {cell}{} ", " ".repeat(room)),
                }
            })
            .collect();
        format!("\n│{}│", padded.join("┆"))
    };
    let each = |pick: &dyn Fn(&Shown) -> String| -> Vec<String> {
        columns.iter().map(|c| c.map_or_else(|| "…".to_owned(), pick)).collect()
    };
    out += &rule("┌", "─", "┬", "┐");
    out += &line(each(&|c| c.name.text.clone()));
    out += &line(each(&|c| c.dtype.text.clone()));
    out += &rule("╞", "═", "╪", "╡");
    let rows = shown.columns.first().map_or(0, |c| c.cells.len());
    for row in 0..=rows {
        if shown.rows_left_out.is_some_and(|(before, _)| before == row) {
            out += &line(each(&|_| "…".to_owned()));
        }
        if row < rows {
            out += &line(each(&|c| c.cells[row].text.clone()));
        }
    }
    out += &rule("└", "─", "┴", "┘");
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use polars::prelude::*;
    use proptest::prelude::*;

    fn html_of(frame: &DataFrame, options: &TableOptions) -> String {
        let bundle = table(frame, options);
        bundle.data["text/html"].as_str().unwrap().to_owned()
    }

    #[test]
    fn nothing_that_notebooks_drop_and_everything_escaped() {
        let frame = df!(
            "<b>name</b>" => ["<script>alert(1)</script>", "a & \"b\""],
            "x" => [1, 2],
        )
        .unwrap();
        let options = TableOptions {
            caption: Some("<i>caption</i>".to_owned()),
            ..TableOptions::default()
        };
        let html = html_of(&frame, &options);
        for dropped in ["<script", "<style", "<svg", "<b>", "<i>", "onclick", "javascript:"] {
            assert!(!html.contains(dropped), "{dropped} in {html}");
        }
        assert!(html.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
        assert!(html.contains("class=\"dataframe\""));
    }

    #[test]
    fn a_table_stays_small_whatever_is_in_it() {
        let long = "<&>\"'".repeat(2_000);
        let columns: Vec<Column> = (0..60)
            .map(|i| {
                Column::new(
                    format!("column {i} {}", "n".repeat(500)).into(),
                    vec![long.as_str(); 300],
                )
            })
            .collect();
        let frame = DataFrame::new_infer_height(columns).unwrap();
        let options = TableOptions {
            rows: 1_000,
            columns: 1_000,
            caption: Some(long.clone()),
            ..TableOptions::default()
        };
        let html = html_of(&frame, &options);
        assert!(html.len() <= 64 * 1024, "{}", html.len());
        assert!(html.contains("300 rows × 60 columns"));
        let plain = plain(&frame, &options);
        assert!(plain.lines().skip(1).all(|l| l.chars().count() <= WIDEST));
    }

    #[test]
    fn odd_frames_have_tables() {
        let empty = DataFrame::empty();
        assert_eq!(table(&empty, &TableOptions::default()).plain(), "0 rows × 0 columns");
        let no_rows = df!("a" => Vec::<i32>::new()).unwrap();
        assert!(table(&no_rows, &TableOptions::default()).plain().contains("a"));
        let none = TableOptions {
            rows: 0,
            columns: 0,
            ..TableOptions::default()
        };
        let frame = df!("a" => [1, 2], "b" => [3, 4]).unwrap();
        assert!(table(&frame, &none).plain().starts_with("2 rows × 2 columns"));
    }

    #[test]
    fn the_gap_says_how_many_rows_are_missing() {
        let frame = df!("n" => (0..1_010).collect::<Vec<i32>>()).unwrap();
        let html = html_of(&frame, &TableOptions::default());
        assert!(html.contains("… 990 more rows"), "{html}");
        assert_eq!(html.matches("<tr").count(), 2 + 20 + 1);
    }

    #[test]
    fn blanks_and_whole_names_are_kept() {
        let name = "n".repeat(70);
        let frame = df!(name.as_str() => ["a  b", "c"]).unwrap();
        let html = html_of(&frame, &TableOptions::default());
        assert!(html.contains(&format!("title=\"{name}\"")), "{html}");
        assert!(
            html.contains("<td style=\"text-align:left;white-space:pre\">a  b</td>"),
            "{html}"
        );
        assert_eq!(html.matches("white-space:pre").count(), 1);
    }

    #[test]
    fn cells_are_drawn_where_asked() {
        let frame = df!("histogram" => ["▁█"], "r" => [-0.5]).unwrap();
        let drawn = |drawn| TableOptions {
            drawn,
            ..TableOptions::default()
        };
        let bars = html_of(&frame, &drawn(Drawn::Bars("histogram".to_owned())));
        assert_eq!(bars.matches("inline-block").count(), 2);
        assert!(!bars.contains('█'));
        let heat = html_of(&frame, &drawn(Drawn::Heat));
        assert!(heat.contains("background-color:rgba(200,60,50,0.30)"), "{heat}");
        assert_eq!(heat.matches("rgba(200").count(), 1);
        let plain = html_of(&frame, &TableOptions::default());
        assert!(plain.contains("▁█") && !plain.contains("background-color"));
    }

    #[test]
    fn a_very_wide_frame_is_shown_at_once() {
        let columns: Vec<Column> = (0..10_000).map(|i| Column::new(format!("c{i}").into(), [i])).collect();
        let frame = DataFrame::new(1, columns).unwrap();
        let options = TableOptions {
            columns: 10_000,
            ..TableOptions::default()
        };
        let bundle = table(&frame, &options);
        let html = bundle.data["text/html"].as_str().unwrap();
        assert!(html.len() <= 64 * 1024 && html.len() > 48 * 1024, "{}", html.len());
        assert!(bundle.plain().lines().all(|line| line.chars().count() <= WIDEST));
    }

    /// Elements that are opened are closed in order, attributes are quoted, and nothing acts.
    fn well_formed(html: &str) -> Result<(), String> {
        const TAGS: [&str; 8] = ["div", "table", "thead", "tbody", "tr", "th", "td", "span"];
        let mut open: Vec<&str> = Vec::new();
        for part in html.split('<').skip(1) {
            let (tag, text) = part.split_once('>').ok_or_else(|| format!("<{part} has no end"))?;
            if text.contains(['>', '"', '\'']) {
                return Err(format!("{text} is not escaped"));
            }
            if let Some(closed) = tag.strip_prefix('/') {
                if open.pop() != Some(closed) {
                    return Err(format!("</{closed}> closes nothing"));
                }
                continue;
            }
            let (name, attributes) = tag.split_once(' ').unwrap_or((tag, ""));
            if !TAGS.contains(&name) {
                return Err(format!("<{name}> is not for a table"));
            }
            open.push(name);
            let quoted: Vec<&str> = attributes.split('"').collect();
            let names = quoted.iter().step_by(2).map(|name| name.trim().trim_end_matches('='));
            for attribute in names.filter(|name| !name.is_empty()) {
                if !["style", "class", "title", "colspan"].contains(&attribute) {
                    return Err(format!("the attribute {attribute} is not for a table"));
                }
            }
        }
        match open.as_slice() {
            [] => Ok(()),
            open => Err(format!("{open:?} stay open")),
        }
    }

    /// A column of one of the types, made of numbers and texts.
    fn column_of(kind: usize, name: &str, values: &[(Option<i64>, String)]) -> Column {
        let numbers = Column::new("".into(), values.iter().map(|(number, _)| *number).collect::<Vec<_>>());
        let texts: Vec<Option<&str>> = values
            .iter()
            .map(|(number, text)| number.map(|_| text.as_str()))
            .collect();
        let texts = Column::new("".into(), texts);
        let cast = |dtype: DataType| numbers.cast(&dtype).unwrap();
        let small = || (numbers.i64().unwrap() % 100).into_column();
        let column = match kind {
            0 => texts.clone(),
            1 => numbers.clone(),
            2 => cast(DataType::Float64),
            3 => cast(DataType::Float32),
            4 => cast(DataType::Boolean),
            5 => cast(DataType::UInt64),
            6 => small().cast(&DataType::Int8).unwrap(),
            7 => small().cast(&DataType::Date).unwrap(),
            8 => cast(DataType::Datetime(TimeUnit::Microseconds, None)),
            9 => cast(DataType::Duration(TimeUnit::Nanoseconds)),
            10 => small().cast(&DataType::Time).unwrap(),
            11 => texts.cast(&DataType::Binary).unwrap(),
            12 => texts.cast(&DataType::from_categories(Categories::global())).unwrap(),
            13 => small().cast(&DataType::Decimal(20, 2)).unwrap(),
            14 => texts.cast(&DataType::List(Box::new(DataType::String))).unwrap(),
            15 => Column::full_null("".into(), values.len(), &DataType::Null),
            _ => {
                let fields = [
                    numbers.clone().with_name("n".into()),
                    texts.clone().with_name("<t>".into()),
                ];
                let fields = fields.map(Column::take_materialized_series);
                let fields = StructChunked::from_series("".into(), values.len(), fields.iter());
                fields.unwrap().into_column()
            }
        };
        column.with_name(name.into())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn any_frame_is_a_small_well_formed_table(
            kinds in prop::collection::vec((0_usize..17, any::<String>()), 1..40),
            values in prop::collection::vec(
                (any::<Option<i64>>(), prop_oneof![
                    any::<String>(),
                    Just("</td></table><script>alert(1)</script>".to_owned()),
                    Just("\" onclick=\"alert(1)".to_owned()),
                    Just("<&>\"'".repeat(3_000)),
                ]),
                0..60,
            ),
            rows in 0_usize..200,
            columns in 0_usize..60,
        ) {
            let columns_of: Vec<Column> = kinds
                .iter()
                .enumerate()
                .map(|(at, (kind, name))| column_of(*kind, &format!("{name}{at}"), &values))
                .collect();
            let frame = DataFrame::new(values.len(), columns_of).unwrap();
            for drawn in [Drawn::Text, Drawn::Heat, Drawn::Bars(format!("{}0", kinds[0].1))] {
                let options = TableOptions { rows, columns, drawn, ..TableOptions::default() };
                let bundle = table(&frame, &options);
                let html = bundle.data["text/html"].as_str().unwrap();
                prop_assert!(html.len() <= 64 * 1024, "{} bytes", html.len());
                prop_assert_eq!(well_formed(html), Ok(()));
                prop_assert!(!bundle.plain().contains('\x1b'));
            }
        }
    }
}
