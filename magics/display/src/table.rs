//! Frames as tables: HTML that survives an untrusted reopening, and a box of text.
//!
//! Styles stand in `style=` attributes, since notebooks drop `<style>`; colours are inherited and
//! rules are half-transparent grey, so that both themes read well. A table stays below 64 KB
//! whatever is in it, and always says how much it leaves out.

use polars::prelude::DataFrame;

use crate::cells::{Cell, Excerpt, Shown, excerpt};
use crate::{Bundle, html, text};

/// Most bytes of a table's HTML.
const MOST_HTML: usize = 64_000;
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
}

impl Default for TableOptions {
    /// Ten rows at each end, twenty columns, no caption.
    fn default() -> Self {
        TableOptions {
            rows: 20,
            columns: 20,
            caption: None,
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

/// HTML within the limit: whole texts of cut strings go first, then rows, then columns.
fn fitting_html(frame: &DataFrame, options: &TableOptions) -> String {
    let (mut rows, mut columns) = (options.rows, options.columns);
    let mut titles = true;
    loop {
        let shown = excerpt(frame, rows, columns);
        let html = render(frame, &shown, options, titles);
        if html.len() <= MOST_HTML || (rows <= 1 && columns <= 1) {
            return html;
        }
        if titles {
            titles = false;
        } else if rows > 8 || columns <= 1 {
            rows = rows.min(frame.height()) / 2;
        } else {
            columns = columns.min(frame.width()) / 2;
        }
    }
}

fn render(frame: &DataFrame, shown: &Excerpt, options: &TableOptions, titles: bool) -> String {
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
            Some(c) => head_cell(c, &text::cut(&c.name, 60), "font-weight:600;padding-bottom:0"),
            None => gap_head("…"),
        };
    }
    out += &format!("</tr><tr style=\"background:none;border-bottom:{}\">", html::RULE);
    for column in with_gap(&shown.columns, shown.columns_left_out) {
        let style = format!("font-weight:400;font-size:.85em;padding-top:0;{}", html::DIM);
        out += &match column {
            Some(c) => head_cell(c, &text::cut(&c.dtype, 40), &style),
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
                Some(c) => body_cell(&mut out, c, &c.cells[row], titles),
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

fn head_cell(column: &Shown, content: &str, style: &str) -> String {
    format!(
        "<th style=\"text-align:{};{style}\">{}</th>",
        align(column),
        html::escape(content)
    )
}

fn gap_head(content: &str) -> String {
    format!("<th style=\"{}\">{content}</th>", html::DIM)
}

fn body_cell(out: &mut String, column: &Shown, cell: &Cell, titles: bool) {
    out.push_str("<td style=\"text-align:");
    out.push_str(align(column));
    out.push('"');
    if titles && let Some(whole) = &cell.whole {
        out.push_str(&format!(" title=\"{}\"", html::escape(whole)));
    }
    out.push('>');
    if cell.null {
        out.push_str("<span style=\"opacity:.4\">null</span>");
    } else {
        out.push_str(&html::escape(&cell.text));
    }
    out.push_str("</td>");
}

/// The table as text, in Polars' own shape.
fn plain(frame: &DataFrame, options: &TableOptions) -> String {
    let rows = options.rows.min(TEXT_ROWS);
    let mut columns = options.columns.max(1);
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
    let name = text::cut(&column.name, 60).chars().count();
    let dtype = text::cut(&column.dtype, 40).chars().count();
    cells.chain([name, dtype]).max().unwrap_or(1)
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
    out += &line(each(&|c| text::cut(&c.name, 60)));
    out += &line(each(&|c| text::cut(&c.dtype, 40)));
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
            caption: None,
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
}
