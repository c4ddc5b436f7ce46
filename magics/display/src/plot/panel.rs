//! The frame round the data: title, axes, grid, legend; and where a value lies in it.
//!
//! One layout for all pictures: the title and a line of facts at the top left, the name of the
//! vertical axis above it (read without turning the head), a quiet grid, no box, the legend
//! outside the data.

use super::axis::{self, Axis};
use super::font::{self, Weight};
use super::label::{Anchor, Label};
use super::legend::{Legend, draw_legend, legend_room, widest};
use super::scene::Scene;
use super::theme::{self, Rgb, size, space};
use super::{PlotError, USUAL};

/// Room between lines of text.
pub(crate) const LINE: f64 = 20.0;
/// The height of a text with the least room above it.
pub(crate) const HIGH: f64 = 13.0;
/// Least room for data, across and down.
const LEAST: f64 = 16.0;
/// Most room that a legend or a column of names may take.
pub(crate) const NAME_ROOM: f64 = 150.0;
/// Room between small multiples.
const FACET_GAP: f64 = 14.0;

/// What stands above a picture, and in its text twin.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    pub(crate) title: String,
    pub(crate) facts: Vec<String>,
}

impl Head {
    pub(crate) fn new(title: impl Into<String>) -> Self {
        Head {
            title: title.into(),
            facts: Vec::new(),
        }
    }

    pub(crate) fn fact(&mut self, fact: impl Into<String>) {
        self.facts.push(fact.into());
    }

    /// The one line that stands for the picture in a log.
    pub(crate) fn line(&self) -> String {
        let mut line = self.title.clone();
        for fact in &self.facts {
            line.push_str(", ");
            line.push_str(fact);
        }
        // Pictures write a real minus sign; a log is searched with the keyboard's.
        line.replace('−', "-")
    }
}

/// What the vertical axis is.
#[derive(Clone)]
pub(crate) enum Vertical {
    Values(Axis),
    /// One band for each name, from the top.
    Bands {
        label: String,
        names: Vec<String>,
    },
}

/// Which grid lines are drawn.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Grid {
    None,
    Both,
    Horizontal,
    Vertical,
}

/// A part of a scene, in CSS pixels.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Region {
    pub(crate) left: f64,
    pub(crate) right: f64,
    pub(crate) top: f64,
    pub(crate) bottom: f64,
}

/// A picture with its frame drawn, ready for data.
pub(crate) struct Panel {
    pub(crate) scene: Scene,
    pub(crate) left: f64,
    pub(crate) right: f64,
    pub(crate) top: f64,
    pub(crate) bottom: f64,
    x: Axis,
    y: Vertical,
}

impl Panel {
    /// Lays out a picture and draws everything but the data.
    pub(crate) fn new(
        (width, height): (u32, u32),
        head: &Head,
        x: Axis,
        y: Vertical,
        legend: Legend,
        grid: Grid,
    ) -> Panel {
        let mut scene = Scene::new(width, height);
        let top = draw_head(&mut scene, head);
        let region = Region {
            left: space::EDGE,
            right: f64::from(width) - space::EDGE,
            top,
            bottom: f64::from(height) - space::EDGE,
        };
        Panel::within(scene, region, x, y, &legend, grid)
    }

    /// Lays out a part of a scene: all of it but the data.
    pub(crate) fn within(mut scene: Scene, region: Region, x: Axis, y: Vertical, legend: &Legend, grid: Grid) -> Panel {
        let y_label = match &y {
            Vertical::Values(axis) => &axis.label,
            Vertical::Bands { label, .. } => label,
        };
        let mut top = region.top;
        if !y_label.is_empty() {
            let text = font::fit(y_label, size::AXIS, Weight::Regular, region.right - region.left);
            scene.text(Label::new(text, region.left, top + 8.0).size(size::AXIS));
            top += LINE + 4.0;
        }
        top += 6.0;

        let most = NAME_ROOM.min((region.right - region.left) * 0.45);
        let names_room = match &y {
            Vertical::Values(axis) => widest(axis.ticks.iter().map(|(_, text)| text.as_str())),
            Vertical::Bands { names, .. } => widest(names.iter().map(String::as_str)).min(most),
        };
        let left = region.left + names_room + if names_room > 0.0 { space::GAP } else { 0.0 };
        let last_tick = x.ticks.last().map_or(0.0, |(at, text)| {
            let beyond = x.at(*at).clamp(0.0, 1.0);
            (font::width(text, size::TICK, Weight::Regular) / 2.0) * beyond
        });
        let right = region.right - legend_room(legend).max(last_tick.min(24.0));
        let mut bottom = region.bottom;
        if !x.label.is_empty() {
            bottom -= LINE + 2.0;
        }
        if !x.ticks.is_empty() {
            bottom -= LINE;
        }

        let mut panel = Panel {
            scene,
            left,
            right,
            top,
            bottom,
            x,
            y,
        };
        panel.inset(0.0, 0.0);
        let (right, bottom) = (panel.right, panel.bottom);
        panel.draw_axes(grid, most, region.bottom);
        draw_legend(&mut panel.scene, (right, top, bottom), legend);
        panel
    }

    /// Takes room away from the data on both sides. Where too little is left, the picture is refused in the end.
    pub(crate) fn inset(&mut self, before: f64, behind: f64) {
        (self.left, self.right) = (self.left + before, self.right - behind);
        self.scene.cramped |= self.right - self.left < LEAST || self.bottom - self.top < LEAST;
        self.right = self.right.max(self.left + LEAST);
        self.bottom = self.bottom.max(self.top + LEAST);
    }

    /// The horizontal position of a value.
    pub(crate) fn px(&self, value: f64) -> f64 {
        self.left + (self.right - self.left) * self.x.at(value)
    }

    /// The vertical position of a value (of a band: its middle).
    pub(crate) fn py(&self, value: f64) -> f64 {
        match &self.y {
            Vertical::Values(axis) => self.bottom - (self.bottom - self.top) * axis.at(value),
            Vertical::Bands { .. } => self.top + (value + 0.5) * self.band(),
        }
    }

    /// The height of one band.
    pub(crate) fn band(&self) -> f64 {
        match &self.y {
            Vertical::Values(_) => 0.0,
            Vertical::Bands { names, .. } => (self.bottom - self.top) / names.len().max(1) as f64,
        }
    }

    /// Whether there is room for a band's text: for that of every nth where bands are thin.
    pub(crate) fn is_written(&self, band: usize) -> bool {
        band.is_multiple_of((HIGH / self.band()).ceil().max(1.0) as usize)
    }

    fn draw_axes(&mut self, grid: Grid, name_room: f64, edge: f64) {
        let (left, right, top, bottom) = (self.left, self.right, self.top, self.bottom);
        let x_ticks: Vec<(f64, String)> = self
            .x
            .ticks
            .iter()
            .map(|(at, text)| (self.px(*at), text.clone()))
            .collect();
        let x_ticks = axis::spaced(x_ticks, |text| font::width(text, size::TICK, Weight::Regular) + 6.0);
        if matches!(grid, Grid::Both | Grid::Vertical) {
            for (x, _) in &x_ticks {
                self.scene.line(vec![(*x, top), (*x, bottom)], 1.0, theme::GRID);
            }
        }
        if let Vertical::Values(axis) = &self.y {
            let ticks: Vec<(f64, String)> = axis
                .ticks
                .iter()
                .map(|(at, text)| (self.py(*at), text.clone()))
                .collect();
            for (y, text) in axis::spaced(ticks, |_| HIGH) {
                // A grid line on the base line would only thicken it.
                if matches!(grid, Grid::Both | Grid::Horizontal) && bottom - y > 3.0 {
                    self.scene.line(vec![(left, y), (right, y)], 1.0, theme::GRID);
                }
                let label = Label::new(text, left - space::GAP, y).anchor(Anchor::Right);
                self.scene.text(label);
            }
            self.scene.line(vec![(left, bottom), (right, bottom)], 1.0, theme::AXIS);
        }
        if let Vertical::Bands { names, .. } = &self.y {
            let labels: Vec<Label> = names
                .iter()
                .enumerate()
                .filter(|(i, _)| self.is_written(*i))
                .map(|(i, name)| {
                    let name = font::fit_name(name, size::TICK, Weight::Regular, name_room);
                    Label::new(name, left - space::GAP, self.py(i as f64)).anchor(Anchor::Right)
                })
                .collect();
            for label in labels {
                self.scene.text(label);
            }
        }
        for (x, text) in x_ticks {
            let label = Label::new(text, x, bottom + 14.0).anchor(Anchor::Middle);
            self.scene.text(label);
        }
        if !self.x.label.is_empty() {
            let text = font::fit(&self.x.label, size::AXIS, Weight::Regular, right - left);
            let label = Label::new(text, (left + right) / 2.0, edge - 5.0)
                .anchor(Anchor::Middle)
                .size(size::AXIS);
            self.scene.text(label);
        }
    }

    /// Writes names at the ends of lines, moved apart where they would touch. A line that ends
    /// before the right edge has its name right there.
    pub(crate) fn end_labels(&mut self, ends: &[(f64, f64, String, Rgb)]) {
        const APART: f64 = 16.0;
        let (early, mut late): (Vec<_>, Vec<_>) = ends.iter().partition(|(x, ..)| *x < self.right - 24.0);
        for (x, y, name, color) in early {
            self.end_label((*x, *y), name, *color);
        }
        late.sort_by(|a, b| a.1.total_cmp(&b.1));
        let mut at: Vec<f64> = late.iter().map(|end| end.1).collect();
        for i in 1..at.len() {
            at[i] = at[i].max(at[i - 1] + APART);
        }
        // What was pushed past the bottom goes back up, and takes those above along.
        let mut limit = self.bottom - 4.0;
        for y in at.iter_mut().rev() {
            *y = y.min(limit);
            limit = *y - APART;
        }
        for ((_, _, name, color), y) in late.into_iter().zip(at) {
            self.end_label((self.right, y), name, *color);
        }
    }

    fn end_label(&mut self, (x, y): (f64, f64), name: &str, color: Rgb) {
        let name = font::fit_name(name, size::TICK, Weight::Medium, NAME_ROOM);
        let label = Label::new(name, x + space::GAP, y).color(color).medium();
        self.scene.text(label);
    }
}

/// Most parts that a picture has room for.
pub(crate) const MOST_FACETS: usize = 12;
/// The usual height of one part, without what stands round all of them.
const FACET_HEIGHT: u32 = 180;

/// How many parts stand beside each other.
fn columns(facets: usize) -> usize {
    match facets {
        0..=3 => facets.max(1),
        4 => 2,
        5..=9 => 3,
        _ => 4,
    }
}

/// The usual size of a picture of so many parts: one has the size of a picture of its own.
pub(crate) fn usual_of(facets: usize) -> (u32, u32) {
    match facets {
        0 | 1 => USUAL,
        _ => (USUAL.0 + 80, 130 + FACET_HEIGHT * rows_of(facets)),
    }
}

/// How many rows so many parts stand in.
pub(crate) fn rows_of(facets: usize) -> u32 {
    facets.max(1).div_ceil(columns(facets)) as u32
}

/// How many ticks each part of a picture has room for, across and down.
pub(crate) fn room_of(size: (u32, u32), facets: usize) -> (usize, usize) {
    axis::room((size.0 / columns(facets) as u32, size.1 / rows_of(facets)))
}

/// Small multiples: the same axes for each part of the data, and one legend for all. A single part
/// is an ordinary picture. `draw` puts a part's data into its panel.
pub(crate) fn facets(
    size: (u32, u32),
    head: &Head,
    names: &[String],
    (x, y): (Axis, Vertical),
    legend: Legend,
    grid: Grid,
    mut draw: impl FnMut(&mut Panel, usize),
) -> Scene {
    if names.len() < 2 {
        let mut panel = Panel::new(size, head, x, y, legend, grid);
        draw(&mut panel, 0);
        return panel.scene;
    }
    let mut scene = Scene::new(size.0, size.1);
    let mut top = draw_head(&mut scene, head);
    let (left, bottom) = (space::EDGE, f64::from(size.1) - space::EDGE - LINE);
    let right = f64::from(size.0) - space::EDGE - legend_room(&legend);
    let (y_label, y) = match y {
        Vertical::Values(axis) => (axis.label.clone(), Vertical::Values(axis.unnamed())),
        Vertical::Bands { label, names } => {
            let unnamed = Vertical::Bands {
                label: String::new(),
                names,
            };
            (label, unnamed)
        }
    };
    let text = font::fit(&y_label, size::AXIS, Weight::Regular, right - left);
    scene.text(Label::new(text, left, top + 8.0).size(size::AXIS));
    top += LINE + 6.0;
    let text = font::fit(&x.label, size::AXIS, Weight::Regular, right - left);
    let label = Label::new(text, (left + right) / 2.0, bottom + LINE - 5.0);
    scene.text(label.anchor(Anchor::Middle).size(size::AXIS));
    draw_legend(&mut scene, (right, top, bottom), &legend);

    let columns = columns(names.len());
    let wide = (right - left + FACET_GAP) / columns as f64;
    let high = (bottom - top) / names.len().div_ceil(columns) as f64;
    for (i, name) in names.iter().enumerate() {
        let from = (left + wide * (i % columns) as f64, top + high * (i / columns) as f64);
        let region = Region {
            left: from.0,
            right: from.0 + wide - FACET_GAP,
            top: from.1 + LINE,
            bottom: from.1 + high - 4.0,
        };
        let mut panel = Panel::within(scene, region, x.unnamed(), y.clone(), &Legend::None, grid);
        let name = font::fit_name(name, size::TICK, Weight::Medium, panel.right - panel.left);
        let label = Label::new(name, panel.left, from.1 + LINE / 2.0);
        panel.scene.text(label.color(theme::INK).medium());
        draw(&mut panel, i);
        scene = panel.scene;
    }
    scene
}

/// Draws title and facts; gives where the rest may begin. Facts leave most of a low picture to its data: those that
/// stand in no line are cut, and told by the text beside the picture.
pub(crate) fn draw_head(scene: &mut Scene, head: &Head) -> f64 {
    let room = f64::from(scene.width) - 2.0 * space::EDGE;
    let lowest = 0.3 * f64::from(scene.height);
    let mut y = space::EDGE + 6.0;
    let title = font::fit(&head.title, size::TITLE, Weight::Medium, room);
    scene.text(
        Label::new(title, space::EDGE, y)
            .size(size::TITLE)
            .color(theme::INK)
            .medium(),
    );
    y += 8.0;
    let mut line = String::new();
    for fact in &head.facts {
        let longer = if line.is_empty() {
            fact.clone()
        } else {
            format!("{line}  ·  {fact}")
        };
        let full = font::width(&longer, size::SUBTITLE, Weight::Regular) > room;
        if full && !line.is_empty() && y + 2.0 * LINE <= lowest {
            y = draw_facts(scene, &line, y);
            line.clone_from(fact);
        } else {
            line = longer;
        }
    }
    if !line.is_empty() {
        y = draw_facts(scene, &line, y);
    }
    y + 16.0
}

fn draw_facts(scene: &mut Scene, line: &str, y: f64) -> f64 {
    let room = f64::from(scene.width) - 2.0 * space::EDGE;
    let line = font::fit(line, size::SUBTITLE, Weight::Regular, room);
    scene.text(Label::new(line, space::EDGE, y + 15.0).size(size::SUBTITLE));
    y + LINE
}

/// A picture needs a size that its parts fit into.
pub(crate) fn checked_size(wanted: Option<(u32, u32)>, usual: (u32, u32)) -> Result<(u32, u32), PlotError> {
    let (width, height) = wanted.unwrap_or(usual);
    if (240..=2_000).contains(&width) && (180..=2_000).contains(&height) {
        Ok((width, height))
    } else {
        Err(PlotError::Size { width, height })
    }
}
