//! The one line that says what happened.
//!
//! Every magic ends with one: text that survives in a log, beside its table or picture.

use crate::{Bundle, html};

/// A one-line result, such as `clean: 4,173 rows × 9 columns`. What stands in backticks is shown
/// as code.
pub fn note(text: impl Into<String>) -> Bundle {
    let text = text.into();
    let html = format!(
        "<div style=\"white-space:pre-wrap;line-height:1.5\">{}</div>",
        html::sentence(&text)
    );
    Bundle::text(text).with_html(html)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_keeps_its_text_and_escapes_its_html() {
        let bundle = note("x<y: `%s3 ls`");
        assert_eq!(bundle.plain(), "x<y: `%s3 ls`");
        let html = bundle.data["text/html"].as_str().unwrap_or_default();
        assert!(html.contains("x&lt;y: <code>%s3 ls</code>"), "{html}");
    }
}
