//! The little HTML that displays need: escaping, and the colours that read in light and dark.
//!
//! JupyterLab's sanitiser drops `<style>`, `<svg>` and `<script>` in untrusted notebooks and keeps
//! `style=` attributes, so every look is inline. Colours are inherited; lesser text is made
//! lesser by opacity, which works on any ground.

/// Style of text that is secondary.
pub(crate) const DIM: &str = "opacity:.6";

/// The line under a table's head: half-transparent, so that it reads on any ground.
pub(crate) const RULE: &str = "1px solid rgba(128,128,128,.35)";

/// Style of a table. `more` stands in its midst, with a semicolon at its end.
pub(crate) fn table_style(more: &str) -> String {
    format!("border-collapse:collapse;border:none;{more}font-variant-numeric:tabular-nums")
}

/// A wide table scrolls in itself; below it, lesser, stands what it is. Both are HTML.
pub(crate) fn scrolled(table: &str, footer: &str) -> String {
    format!("<div style=\"overflow-x:auto\">{table}<div style=\"{DIM};font-size:.9em\">{footer}</div></div>")
}

/// Escapes text for HTML content and for double-quoted attributes.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(c),
        }
    }
    out
}

/// Escapes a sentence and turns what it quotes in backticks into `<code>`.
pub(crate) fn sentence(text: &str) -> String {
    let parts: Vec<&str> = text.split('`').collect();
    // An odd number of backticks means that one of them is not a quote: leave all as they are.
    if parts.len().is_multiple_of(2) {
        return escape(text);
    }
    parts
        .iter()
        .enumerate()
        .map(|(i, part)| {
            if i % 2 == 1 {
                format!("<code>{}</code>", escape(part))
            } else {
                escape(part)
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_what_html_reads() {
        assert_eq!(escape(r#"<a b="c">&'"#), "&lt;a b=&quot;c&quot;&gt;&amp;&#39;");
    }

    #[test]
    fn backticks_are_code_when_they_pair() {
        assert_eq!(
            sentence("stop: `%job stop <x>`"),
            "stop: <code>%job stop &lt;x&gt;</code>"
        );
        assert_eq!(sentence("a ` b"), "a ` b");
    }
}
