//! Numbers by row and column, without names: an array's table, in the look of a frame's.
//!
//! The ends of each axis are shown, so that it stays small whatever the array; the footer says the whole size.

use crate::cells::ends;
use crate::html;

/// Most rows and columns that are shown.
const MOST: usize = 20;

/// An array as HTML: numbered from 0 as it is indexed, with `footer` below. Without `rows` it is one row, which needs no
/// number. `cell` gives the text of the cell at a row and a column.
///
/// ```
/// let html = ironsage_display::grid(None, 2, "array of u8, 2", |_, column| column.to_string());
/// assert!(html.contains("<td>0</td><td>1</td>") && html.contains("array of u8, 2</div>"));
/// ```
pub fn grid(rows: Option<usize>, columns: usize, footer: &str, cell: impl Fn(usize, usize) -> String) -> String {
    let (shown_rows, shown_columns) = (with_gap(rows.unwrap_or(1)), with_gap(columns));
    let head = |at: Option<usize>| {
        let number = at.map_or_else(String::new, |at| at.to_string());
        format!("<th style=\"font-weight:400;{}\">{number}</th>", html::DIM)
    };
    let mut out = format!(
        "<table style=\"{}\"><thead><tr style=\"background:none;border-bottom:{}\">",
        html::table_style("text-align:right;"),
        html::RULE
    );
    if rows.is_some() {
        out += "<th></th>";
    }
    for column in &shown_columns {
        out += &head(*column);
    }
    out += "</tr></thead><tbody>";
    for row in shown_rows {
        out += "<tr>";
        if rows.is_some() {
            out += &head(row);
        }
        for column in &shown_columns {
            let text = row.zip(*column).map(|(row, column)| html::escape(&cell(row, column)));
            out += &format!("<td>{}</td>", text.as_deref().unwrap_or("…"));
        }
        out += "</tr>";
    }
    out += "</tbody></table>";
    html::scrolled(&out, &html::escape(footer))
}

/// The places of an axis that are shown, with `None` where some are left out.
fn with_gap(length: usize) -> Vec<Option<usize>> {
    let (places, left_out) = ends(length, MOST);
    let mut out: Vec<Option<usize>> = places.into_iter().map(Some).collect();
    if let Some((before, _)) = left_out {
        out.insert(before, None);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ends_of_each_axis_are_shown() {
        let html = grid(Some(1_000), 300, "zeros", |row, column| {
            (row * 300 + column).to_string()
        });
        assert_eq!(html.matches("<tr").count(), 1 + MOST + 1);
        assert_eq!(html.matches("<td>…</td>").count(), MOST + 1 + MOST);
        assert!(html.contains("<td>9</td><td>…</td><td>290</td>"), "{html}");
        assert!(html.contains(">9</th>") && html.contains(">990</th>"), "{html}");
    }

    #[test]
    fn what_is_written_in_cells_is_no_html() {
        let html = grid(None, 1, "<b>", |_, _| "<i>".to_owned());
        assert!(
            html.contains("<td>&lt;i&gt;</td>") && html.contains("&lt;b&gt;</div>"),
            "{html}"
        );
        assert_eq!(
            html.matches("<th").count() - html.matches("<thead").count(),
            1,
            "one row needs no number"
        );
    }
}
