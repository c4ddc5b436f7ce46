//! Fitting: each step learns from the training rows, after the steps before it.

use std::collections::HashSet;

use polars::prelude::{Column, DataFrame};

use crate::column::{self, Expected};
use crate::error::{PrepError, nearest, there};
use crate::expression::Expression;
use crate::fitted::{FittedRecipe, Input};
use crate::learn::learn;
use crate::learned::{self, Learned, first_line};
use crate::recipe::{Recipe, Step, StepKind};
use crate::selector::resolve;

impl Recipe {
    /// Learns from training rows. The columns in `leave` (the label, weights) never enter: steps
    /// pass over them, and applying the recipe hands them through untouched.
    pub fn fit(&self, frame: &DataFrame, leave: &[&str]) -> Result<FittedRecipe, PrepError> {
        let left: Vec<String> = leave.iter().map(|name| (*name).to_owned()).collect();
        let is_left = |column: &&Column| !left.iter().any(|name| name == column.name().as_str());
        let raw: Vec<&Column> = frame.columns().iter().filter(is_left).collect();
        let plain = raw
            .iter()
            .map(|raw| column::plain(raw))
            .collect::<Result<Vec<Column>, PrepError>>()?;
        let mut table = Table {
            columns: plain.clone(),
            rows: frame.height(),
            left: &left,
            learned: Vec::new(),
        };
        for step in self.steps() {
            table.run(step)?;
        }
        if table.columns.is_empty() {
            return Err(PrepError::NothingLeft {
                name: self.name().to_owned(),
            });
        }
        let outputs: Vec<String> = table.columns.iter().map(|c| c.name().to_string()).collect();
        let (steps, needed) = needed(table.learned, &outputs);
        let inputs = plain.iter().filter(|column| needed.contains(column.name().as_str()));
        let inputs = inputs.map(|column| Input {
            name: column.name().to_string(),
            dtype: column.dtype().to_string(),
        });
        let inputs = inputs.collect();
        let names = (self.name(), self.source());
        Ok(FittedRecipe::new(names, inputs, outputs, left, steps))
    }
}

/// The steps that the outputs come of, and the raw columns that these need: what works on columns
/// that go is not done again.
fn needed(learned: Vec<Learned>, outputs: &[String]) -> (Vec<Learned>, HashSet<String>) {
    let mut needed: HashSet<String> = outputs.iter().cloned().collect();
    let mut steps = Vec::with_capacity(learned.len());
    for lesson in learned.into_iter().rev() {
        if !lesson.makes().iter().any(|name| needed.contains(*name)) {
            continue;
        }
        for name in lesson.makes() {
            needed.remove(name);
        }
        needed.extend(lesson.takes());
        steps.push(lesson);
    }
    steps.reverse();
    (steps, needed)
}

/// The columns on their way through the steps, and what the steps learned.
struct Table<'a> {
    columns: Vec<Column>,
    rows: usize,
    left: &'a [String],
    learned: Vec<Learned>,
}

impl Table<'_> {
    fn find(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|c| c.name().as_str() == name)
    }

    /// Runs one step over the columns, and notes what it learned.
    fn run(&mut self, step: &Step) -> Result<(), PrepError> {
        if let StepKind::With { name, expression } = &step.kind {
            return self.with(step, name, expression);
        }
        let picked: HashSet<String> = self.picked(step)?.into_iter().collect();
        let is_picked = |column: &Column| picked.contains(column.name().as_str());
        match &step.kind {
            StepKind::Select => self.columns.retain(is_picked),
            StepKind::Drop => self.columns.retain(|column| !is_picked(column)),
            _ => {
                let columns: Vec<&Column> = self.columns.iter().filter(|c| is_picked(c)).collect();
                let lessons = learn(step, &columns)?;
                let made = learned::made(&lessons, &self.columns, self.rows);
                for (lesson, made) in lessons.into_iter().zip(made) {
                    self.refuse_clash(step, lesson.column(), &lesson.makes())?;
                    let made = made.map_err(|error| in_step(step, error))?;
                    lesson.put(made, &mut self.columns);
                    self.learned.push(lesson);
                }
            }
        }
        Ok(())
    }

    fn picked(&self, step: &Step) -> Result<Vec<String>, PrepError> {
        let view = DataFrame::new(self.rows, self.columns.clone())?;
        if step.kind != StepKind::Drop {
            return resolve(&step.selectors, &view, self.left, step.line);
        }
        // Dropping what never enters is no slip.
        let mut selectors = step.selectors.clone();
        selectors.retain(|s| !matches!(&s.pick, crate::Pick::Name(name) if self.left.contains(name)));
        if selectors.is_empty() {
            return Ok(Vec::new());
        }
        resolve(&selectors, &view, self.left, step.line)
    }

    fn with(&mut self, step: &Step, name: &str, expression: &str) -> Result<(), PrepError> {
        let read = Expression::parse(expression).map_err(|problem| PrepError::Syntax {
            line: step.line,
            what: problem.what,
            hint: Some(problem.hint),
        })?;
        if let Some(missing) = read.uses.iter().find(|used| self.find(used).is_none()) {
            let names = || self.columns.iter().map(|c| c.name().as_str());
            let hint = match nearest(missing, names()) {
                _ if self.left.contains(missing) => {
                    format!("`{missing}` is the label, or left alone for another reason: a recipe never touches it")
                }
                Some(near) => format!("did you mean `{near}`?"),
                None => there(names()),
            };
            return Err(PrepError::NoColumn {
                line: step.line,
                wanted: format!("`{missing}`"),
                hint,
            });
        }
        if self.left.iter().any(|left| left == name) {
            return Err(clash(step, name));
        }
        let wrong = |why: String| PrepError::Made {
            line: Some(step.line),
            column: name.to_owned(),
            why,
        };
        let made = read
            .run(name, self.rows, &self.columns)
            .map_err(|error| wrong(first_line(&error)))?;
        let dtype = made.dtype().to_string();
        if Expected::of(&dtype) == Expected::Any {
            return Err(wrong(format!("its type would be {dtype}, which no step can work on")));
        }
        match self.find(name) {
            Some(at) => self.columns[at] = made,
            None => self.columns.push(made),
        }
        self.learned.push(Learned::With {
            column: name.to_owned(),
            expression: expression.to_owned(),
            dtype,
        });
        Ok(())
    }

    /// Refuses columns `made` of `column` that are there already, or twice among themselves.
    fn refuse_clash(&self, step: &Step, column: &str, made: &[&str]) -> Result<(), PrepError> {
        let mut names: HashSet<&str> = self.left.iter().map(String::as_str).collect();
        names.extend(
            self.columns
                .iter()
                .map(|c| c.name().as_str())
                .filter(|name| *name != column),
        );
        match made.iter().find(|name| !names.insert(name)) {
            Some(twice) => Err(clash(step, twice)),
            None => Ok(()),
        }
    }
}

/// A value that a step cannot take, with the step's line.
fn in_step(step: &Step, error: PrepError) -> PrepError {
    let hint = error.hint();
    let (column, why) = match &error {
        PrepError::Value {
            column,
            row,
            value,
            wanted,
        } => (column, format!("row {}: {value} is no {wanted}", row + 1)),
        PrepError::Dtype { column, dtype, wanted } => (column, format!("it is {dtype}, and {wanted} is needed")),
        _ => return error,
    };
    PrepError::Step {
        line: step.line,
        step: step.kind.name(),
        column: column.clone(),
        why,
        hint,
    }
}

fn clash(step: &Step, column: &str) -> PrepError {
    PrepError::Clash {
        line: step.line,
        step: step.kind.name(),
        column: column.to_owned(),
    }
}
