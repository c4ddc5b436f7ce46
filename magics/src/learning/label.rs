//! The label: a column, or a condition such as `rings >= 11`, and the task that follows from it.
//!
//! A condition is SQL, as in `%%sql`. The columns it reads are no features. What the label means is kept
//! in the model's card as text, so that `%evaluate` can compute it on any frame later.

use std::collections::HashSet;

use polars::prelude::*;

use crate::error::MagicError;
use crate::text;

/// What a model predicts.
#[derive(Clone, Debug)]
pub(crate) struct Label {
    /// As it was typed: a column's name, or a condition.
    pub text: String,
    /// The columns that it is computed from, which are no features.
    pub columns: Vec<String>,
    expression: Expr,
    is_condition: bool,
}

/// SageMaker's predictor types, with what a person should know about how one was chosen.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Task {
    /// A number is predicted.
    Regressor {
        /// How many different values, where the label holds only a few whole numbers.
        whole_values: Option<usize>,
    },
    /// One of two values is predicted.
    Binary {
        /// The value that counts as 1, as text.
        positive: String,
        /// The value that counts as 0.
        negative: String,
    },
    /// One of several classes is predicted.
    Multiclass {
        /// The classes in order.
        classes: Vec<String>,
    },
}

impl Task {
    /// SageMaker's `predictor_type`.
    pub fn predictor_type(&self) -> &'static str {
        match self {
            Task::Regressor { .. } => "regressor",
            Task::Binary { .. } => "binary_classifier",
            Task::Multiclass { .. } => "multiclass_classifier",
        }
    }

    /// The value that counts as 1.
    pub fn positive(&self) -> Option<&str> {
        match self {
            Task::Binary { positive, .. } => Some(positive),
            _ => None,
        }
    }
}

/// A whole-number label with at most this many values is worth a word: it may be meant as classes.
const FEW_VALUES: usize = 50;

impl Label {
    /// Reads `--label`: the name of a column of `frame`, or a condition over its columns.
    pub fn parse(text: &str, frame: &DataFrame, frame_name: &str) -> Result<Label, MagicError> {
        let text = text.trim();
        if frame.schema().contains(text) {
            return Ok(Label {
                text: text.to_owned(),
                columns: vec![text.to_owned()],
                expression: col(text),
                is_condition: false,
            });
        }
        crate::magics::sql::check_length(text)?;
        let expression = polars::sql::sql_expr(text).map_err(|error| {
            MagicError::usage(format!(
                "the label `{text}` is neither a column nor a condition: {error}"
            ))
            .with_hint("`--label rings`, or a condition in quotes: `--label \"rings >= 11\"`")
        })?;
        let mut columns: Vec<String> = expression
            .clone()
            .meta()
            .root_names()
            .into_iter()
            .map(|name| name.to_string())
            .collect();
        let mut seen = HashSet::new();
        columns.retain(|column| seen.insert(column.clone()));
        columns.sort_by_key(|column| text.find(column.as_str()));
        refuse_missing(&columns, frame, frame_name)?;
        if columns.is_empty() {
            return Err(MagicError::usage(format!("the label `{text}` reads no column"))
                .with_hint("`--label COLUMN`, or a condition over columns"));
        }
        Ok(Label {
            text: text.to_owned(),
            columns,
            expression,
            is_condition: true,
        })
    }

    /// The label of each row, as the frame holds it (a condition gives truth values).
    pub fn values(&self, frame: &DataFrame, frame_name: &str) -> Result<Column, MagicError> {
        refuse_missing(&self.columns, frame, frame_name)?;
        let labels = frame
            .clone()
            .lazy()
            .select([self.expression.clone().alias("label")])
            .collect()
            .map_err(|error| MagicError::from(error).in_frame(frame_name))?;
        let labels = labels.column("label")?.clone();
        if labels.len() != frame.height() {
            return Err(MagicError::usage(format!(
                "the label `{}` is one value of `{frame_name}`, not one a row",
                self.text
            )));
        }
        Ok(labels)
    }

    /// What kind of model the label asks for; `positive` picks the value that counts as 1.
    pub fn task(&self, labels: &Column, asked: Option<&str>, positive: Option<&str>) -> Result<Task, MagicError> {
        let distinct = distinct(labels)?;
        let task = match asked {
            Some("regressor") => Task::Regressor {
                whole_values: whole_values(labels, &distinct),
            },
            Some("binary_classifier") => self.binary(&distinct, positive)?,
            Some("multiclass_classifier") => return Err(self.many_classes()),
            None if distinct.len() == 2 || labels.dtype() == &DataType::Boolean => self.binary(&distinct, positive)?,
            None if is_text(labels) => return Err(self.many_classes()),
            None => Task::Regressor {
                whole_values: whole_values(labels, &distinct),
            },
            Some(other) => {
                return Err(MagicError::usage(format!("there is no predictor_type `{other}`"))
                    .with_hint("regressor or binary_classifier; without it the label decides"));
            }
        };
        if positive.is_some() && !matches!(task, Task::Binary { .. }) {
            return Err(MagicError::usage(format!(
                "`--positive` picks one of two values, and the label `{}` makes a {}",
                self.text,
                task.predictor_type()
            )));
        }
        Ok(task)
    }

    fn many_classes(&self) -> MagicError {
        MagicError::new(
            crate::ErrorKind::ModelError,
            format!(
                "the label `{}` wants a multiclass_classifier, and that is not built yet",
                self.text
            ),
        )
        .with_hint(format!("make two classes: `--label \"{} = '…'\"`", self.text))
    }

    fn binary(&self, distinct: &[String], positive: Option<&str>) -> Result<Task, MagicError> {
        let [first, second] = distinct else {
            let shown = distinct
                .iter()
                .take(5)
                .map(|value| format!("`{value}`"))
                .collect::<Vec<_>>()
                .join(", ");
            return Err(MagicError::data(format!(
                "the label `{}` has {} values in the training rows ({shown}{}), and a binary classifier wants two",
                self.text,
                distinct.len(),
                if distinct.len() > 5 { ", …" } else { "" }
            ))
            .with_hint("make two of them with a condition, such as `--label \"rings >= 11\"`"));
        };
        let (negative, positive) = match positive {
            None => (first, second),
            Some(asked) if asked == second => (first, second),
            Some(asked) if asked == first => (second, first),
            Some(asked) => {
                return Err(
                    MagicError::usage(format!("the label `{}` has no value `{asked}`", self.text))
                        .with_hint(format!("`--positive {first}` or `--positive {second}`")),
                );
            }
        };
        Ok(Task::Binary {
            positive: positive.clone(),
            negative: negative.clone(),
        })
    }

    /// One float32 a row: what the learner learns from.
    pub fn encode(&self, labels: &Column, task: &Task, frame_name: &str) -> Result<Vec<f32>, MagicError> {
        if labels.null_count() > 0 {
            let empty = labels.null_count();
            let column = self.columns.first().map_or("label", String::as_str);
            return Err(MagicError::data(format!(
                "the label `{}` is null in {empty} of {} rows of `{frame_name}`",
                self.text,
                labels.len()
            ))
            .with_hint(format!(
                "`%%sql -o {frame_name}`, then `SELECT * FROM {frame_name} WHERE {column} IS NOT NULL`"
            )));
        }
        match task {
            Task::Regressor { .. } => self.numbers(labels, frame_name),
            Task::Binary { positive, negative } => self.zeros_and_ones(labels, positive, negative, frame_name),
            Task::Multiclass { .. } => Err(self.many_classes()),
        }
    }

    fn numbers(&self, labels: &Column, frame_name: &str) -> Result<Vec<f32>, MagicError> {
        if is_text(labels) {
            let first = labels.get(0).map(|value| text_of(&value)).unwrap_or_default();
            return Err(MagicError::data(format!(
                "the label `{}` of `{frame_name}` is text (row 1: `{first}`), and a regressor predicts numbers",
                self.text
            ))
            .with_hint(format!(
                "a condition makes two classes of it: `--label \"{} = '{first}'\"`",
                self.text
            )));
        }
        let numbers = labels.cast(&DataType::Float32).map_err(|_| {
            MagicError::data(format!(
                "the label `{}` is {}, and a regressor predicts numbers",
                self.text,
                labels.dtype()
            ))
        })?;
        let numbers: Vec<f32> = numbers.f32()?.into_no_null_iter().collect();
        if let Some(row) = numbers.iter().position(|number| !number.is_finite()) {
            return Err(MagicError::data(format!(
                "the label `{}` is {} in row {} of `{frame_name}`",
                self.text,
                numbers[row],
                row + 1
            ))
            .with_hint("leave such rows out with `%%sql`"));
        }
        Ok(numbers)
    }

    fn zeros_and_ones(
        &self,
        labels: &Column,
        positive: &str,
        negative: &str,
        frame_name: &str,
    ) -> Result<Vec<f32>, MagicError> {
        let texts = as_texts(labels)?;
        let mut encoded = Vec::with_capacity(texts.len());
        for (row, text) in texts.str()?.iter().flatten().enumerate() {
            encoded.push(match text {
                _ if text == positive => 1.0,
                _ if text == negative => 0.0,
                other => {
                    return Err(MagicError::data(format!(
                        "the label `{}` is `{other}` in row {} of `{frame_name}`; the model knows `{negative}` and `{positive}`",
                        self.text,
                        row + 1
                    )));
                }
            });
        }
        Ok(encoded)
    }

    /// Whether the label was written as a condition.
    pub fn is_condition(&self) -> bool {
        self.is_condition
    }
}

/// The different values as text, in the order of the label's own type.
fn distinct(labels: &Column) -> Result<Vec<String>, MagicError> {
    let values = labels.unique()?.sort(SortOptions::default())?.drop_nulls();
    Ok(as_texts(&values)?.str()?.iter().flatten().map(str::to_owned).collect())
}

fn as_texts(labels: &Column) -> Result<Column, MagicError> {
    Ok(labels.cast(&DataType::String)?)
}

fn is_text(labels: &Column) -> bool {
    matches!(
        labels.dtype(),
        DataType::String | DataType::Categorical(..) | DataType::Enum(..)
    )
}

fn text_of(value: &AnyValue<'_>) -> String {
    value.get_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn whole_values(labels: &Column, distinct: &[String]) -> Option<usize> {
    let few = labels.dtype().is_integer() && distinct.len() <= FEW_VALUES;
    few.then_some(distinct.len())
}

fn refuse_missing(columns: &[String], frame: &DataFrame, frame_name: &str) -> Result<(), MagicError> {
    match columns.iter().find(|column| !frame.schema().contains(column)) {
        Some(missing) => Err(text::no_column(frame_name, missing, &text::columns_of(frame))),
        None => Ok(()),
    }
}

/// The error of a column that is not there, with the one that was probably meant.
pub(crate) fn no_column(name: &str, frame: &DataFrame) -> MagicError {
    text::no_column("the frame", name, &text::columns_of(frame))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn shells() -> DataFrame {
        df!("rings" => [7i64, 11, 15, 9], "sex" => ["M", "F", "M", "F"], "age" => [8.5, 12.5, 16.5, f64::NAN]).unwrap()
    }

    #[test]
    fn a_condition_names_its_columns_and_makes_a_binary_task() {
        let frame = shells();
        let label = Label::parse("rings >= 11", &frame, "shells").unwrap();
        assert!(label.is_condition());
        assert_eq!(label.columns, ["rings"]);
        let values = label.values(&frame, "shells").unwrap();
        let task = label.task(&values, None, None).unwrap();
        assert_eq!(
            task,
            Task::Binary {
                positive: "true".into(),
                negative: "false".into()
            }
        );
        assert_eq!(label.encode(&values, &task, "shells").unwrap(), [0.0, 1.0, 1.0, 0.0]);
    }

    #[test]
    fn two_values_are_binary_and_the_positive_one_can_be_picked() {
        let frame = shells();
        let label = Label::parse("sex", &frame, "shells").unwrap();
        let values = label.values(&frame, "shells").unwrap();
        let task = label.task(&values, None, Some("F")).unwrap();
        assert_eq!(label.encode(&values, &task, "shells").unwrap(), [0.0, 1.0, 0.0, 1.0]);
        let error = label.task(&values, None, Some("X")).unwrap_err();
        assert_eq!(error.hint.unwrap(), "`--positive F` or `--positive M`");
    }

    #[test]
    fn numbers_are_regression_and_what_cannot_be_learned_is_named() {
        let frame = shells();
        let label = Label::parse("rings", &frame, "shells").unwrap();
        let values = label.values(&frame, "shells").unwrap();
        assert_eq!(
            label.task(&values, None, None).unwrap(),
            Task::Regressor { whole_values: Some(4) }
        );
        let age = Label::parse("age", &frame, "shells").unwrap();
        let values = age.values(&frame, "shells").unwrap();
        let task = age.task(&values, None, None).unwrap();
        assert_eq!(
            age.encode(&values, &task, "shells").unwrap_err().message,
            "the label `age` is NaN in row 4 of `shells`"
        );
        let text = Label::parse("sex", &frame, "shells").unwrap();
        let values = text.values(&frame, "shells").unwrap();
        let error = text
            .encode(&values, &Task::Regressor { whole_values: None }, "shells")
            .unwrap_err();
        assert!(error.message.contains("is text (row 1: `M`)"), "{}", error.message);
        assert_eq!(
            Label::parse("ring", &frame, "shells").unwrap_err().hint.unwrap(),
            "did you mean `rings`?"
        );
    }

    #[test]
    fn columns_of_a_condition_are_named_once_in_order() {
        let label = Label::parse("rings > 8 AND age > 9 AND rings < 15", &shells(), "shells").unwrap();
        assert_eq!(label.columns, ["rings", "age"]);
        let valid = shells().drop("age").unwrap();
        assert_eq!(
            label.values(&valid, "valid").unwrap_err().message,
            "valid has no column `age`"
        );
    }

    #[test]
    fn an_unknown_predictor_type_is_not_replaced() {
        let frame = shells();
        let label = Label::parse("rings", &frame, "shells").unwrap();
        let values = label.values(&frame, "shells").unwrap();
        let error = label.task(&values, Some("regresor"), None).unwrap_err();
        assert_eq!(error.message, "there is no predictor_type `regresor`");
    }
}
