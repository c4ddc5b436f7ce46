//! What explains colours, on the right of the data: names of groups, or a scale.

use super::axis::{self, Axis};
use super::font::{self, Weight};
use super::label::Label;
use super::panel::{HIGH, LINE, NAME_ROOM};
use super::scene::Scene;
use super::theme::{Rgb, size, space};

/// What explains the colours.
pub(crate) enum Legend {
    None,
    /// Names of groups with their colours.
    Groups {
        name: String,
        entries: Vec<(String, Rgb)>,
    },
    /// A colour scale, from its low end to its high end.
    Scale {
        name: String,
        axis: Axis,
        color: fn(f64) -> Rgb,
    },
    /// Room on the right for labels that a chart writes itself.
    Room(f64),
}

/// Draws what explains the colours, on the right of the data.
pub(crate) fn draw_legend(scene: &mut Scene, (right, top, bottom): (f64, f64, f64), legend: &Legend) {
    let x = right + 24.0;
    let mut y = top + 8.0;
    match legend {
        Legend::None | Legend::Room(_) => {}
        Legend::Groups { name, entries } => {
            let name = font::fit(name, size::TICK, Weight::Medium, NAME_ROOM);
            scene.text(Label::new(name, x, y).medium());
            let room = ((f64::from(scene.height) - space::EDGE - y) / LINE).max(0.0) as usize;
            let shown = if entries.len() > room {
                room.saturating_sub(1)
            } else {
                entries.len()
            };
            for (entry, color) in &entries[..shown] {
                y += LINE;
                scene.dot((x + 5.0, y), 5.0, *color);
                let entry = font::fit_name(entry, size::TICK, Weight::Regular, NAME_ROOM);
                scene.text(Label::new(entry, x + 16.0, y));
            }
            if shown < entries.len() && room > 0 {
                let more = format!("+{}", entries.len() - shown);
                scene.text(Label::new(more, x, y + LINE));
            }
        }
        Legend::Scale { name, axis, color } => {
            let name = font::fit(name, size::TICK, Weight::Medium, NAME_ROOM);
            scene.text(Label::new(name, x, y).medium());
            let (from, to) = (y + 18.0, (y + 178.0).min(bottom));
            let steps = 80;
            let step = (to - from) / f64::from(steps);
            for i in 0..steps {
                let color = color((f64::from(i) + 0.5) / f64::from(steps));
                let low = to - step * f64::from(i);
                scene.rect((x, low - step), (x + 12.0, low), color);
            }
            let y = |at: f64| to - (to - from) * axis.at(at);
            let ticks = axis.ticks.iter().map(|(at, text)| (y(*at), text.clone())).collect();
            for (y, text) in axis::spaced(ticks, |_| HIGH) {
                scene.text(Label::new(text, x + 20.0, y));
            }
        }
    }
}

/// The room that names at line ends need.
pub(crate) fn end_room<'a>(names: impl Iterator<Item = &'a str>) -> Legend {
    let widest = names
        .map(|name| font::width(name, size::TICK, Weight::Medium))
        .fold(0.0, f64::max);
    Legend::Room(widest.min(NAME_ROOM) + space::GAP)
}

/// The room on the right that a legend takes.
pub(crate) fn legend_room(legend: &Legend) -> f64 {
    match legend {
        Legend::None => 0.0,
        Legend::Room(room) => *room,
        Legend::Groups { name, entries } => {
            let entries = widest(entries.iter().map(|(entry, _)| entry.as_str())).min(NAME_ROOM);
            let name = font::width(name, size::TICK, Weight::Medium).min(NAME_ROOM);
            24.0 + (entries + 16.0).max(name)
        }
        Legend::Scale { name, axis, .. } => {
            let ticks = widest(axis.ticks.iter().map(|(_, text)| text.as_str()));
            let name = font::width(name, size::TICK, Weight::Medium).min(NAME_ROOM);
            24.0 + (ticks + 20.0).max(name)
        }
    }
}

/// The width of the widest text, as a tick.
pub(crate) fn widest<'a>(texts: impl Iterator<Item = &'a str>) -> f64 {
    texts
        .map(|text| font::width(text, size::TICK, Weight::Regular))
        .fold(0.0, f64::max)
}
