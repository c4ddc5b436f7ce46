//! A histogram of one line: blocks in text, bars of the same heights in HTML.
//!
//! No `<svg>`, which untrusted notebooks drop: a bar is an empty element with a height.

/// The eight heights of a bar.
const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Counts as blocks: none is blank, the greatest is whole, and what is there at all is seen.
///
/// ```
/// assert_eq!(ironsage_display::sparkline(&[1, 0, 400, 800]), "▁ ▄█");
/// ```
pub fn sparkline(counts: &[u64]) -> String {
    let most = counts.iter().max().copied().unwrap_or(0).max(1);
    let block = |count: &u64| match *count {
        0 => ' ',
        count => BLOCKS[((count as f64 / most as f64 * 8.0).ceil() as usize).clamp(1, 8) - 1],
    };
    counts.iter().map(block).collect()
}

/// Blocks as bars.
pub(crate) fn bars(blocks: &str) -> String {
    let height = |block: char| {
        let known = BLOCKS.iter().position(|known| *known == block);
        known.map_or(0, |at| 2 * (at + 1))
    };
    let bar = |block: char| {
        format!(
            "<span style=\"display:inline-block;width:6px;height:{}px;background-color:rgba(50,110,200,.7)\"></span>",
            height(block)
        )
    };
    blocks.chars().map(bar).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_as_high_as_their_blocks() {
        let html = bars("▁ █");
        let heights: Vec<&str> = html
            .split("height:")
            .skip(1)
            .filter_map(|part| part.split_once("px"))
            .map(|(height, _)| height)
            .collect();
        assert_eq!(heights, ["2", "0", "16"]);
        assert_eq!(sparkline(&[]), "");
        assert_eq!(sparkline(&[0, u64::MAX, 1]), " █▁");
    }
}
