//! Hyperparameters declared once, as data: name, type, range, default, meaning.
//!
//! From one table per algorithm come validation, help, completion, the tuner's ranges and the merged
//! configuration that a job logs. Texts name the hyperparameter, what was given, what is allowed and,
//! for a misspelt name, the nearest one. The kinds are those that all six built-in algorithms need
//! (lists for DeepAR's `cardinality` and Object2Vec's `comparator_list`, words beside a number for
//! `positive_example_weight_mult`, aliases for XGBoost).

use crate::Hyperparameters;
use thiserror::Error;

/// What a value must look like.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// A whole number in `min..=max`.
    Integer {
        /// The smallest value allowed.
        min: i64,
        /// The largest value allowed.
        max: i64,
    },
    /// A finite number between two ends, each open or closed.
    Float {
        /// The lower end.
        min: f64,
        /// Whether `min` itself is refused.
        min_open: bool,
        /// The upper end.
        max: f64,
        /// Whether `max` itself is refused.
        max_open: bool,
    },
    /// `true` or `false`, also with a capital letter.
    Bool,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A list, with commas, of such values; brackets around it are allowed.
    List(&'static Kind),
    /// Any text.
    Text,
}

impl Kind {
    /// Any whole number from `min` up.
    pub const fn integer_from(min: i64) -> Kind {
        Kind::Integer { min, max: i64::MAX }
    }

    /// Any finite number above zero.
    pub const POSITIVE: Kind = Kind::Float {
        min: 0.0,
        min_open: true,
        max: f64::INFINITY,
        max_open: true,
    };
    /// Any finite number from zero up.
    pub const NOT_NEGATIVE: Kind = Kind::Float {
        min: 0.0,
        min_open: false,
        max: f64::INFINITY,
        max_open: true,
    };
    /// Any finite number.
    pub const ANY_NUMBER: Kind = Kind::Float {
        min: f64::NEG_INFINITY,
        min_open: true,
        max: f64::INFINITY,
        max_open: true,
    };

    /// What is allowed, in words: `a whole number ≥ 1`, `a number in [0, 1)`, `adam or sgd`.
    pub fn allowed(&self) -> String {
        match *self {
            Kind::Integer { min, max: i64::MAX } => format!("a whole number ≥ {min}"),
            Kind::Integer { min, max } => format!("a whole number from {min} to {max}"),
            Kind::Float { min, min_open, max, .. } if min.is_finite() && max.is_infinite() => {
                format!("a number {} {min}", if min_open { ">" } else { "≥" })
            }
            Kind::Float { min, max, .. } if min.is_infinite() && max.is_infinite() => "a number".to_owned(),
            Kind::Float {
                min,
                min_open,
                max,
                max_open,
            } => format!(
                "a number in {}{min}, {max}{}",
                if min_open { '(' } else { '[' },
                if max_open { ')' } else { ']' }
            ),
            Kind::Bool => "true or false".to_owned(),
            Kind::Choice(words) => one_of(words),
            Kind::List(item) => format!("a list with commas, each {}", item.allowed()),
            Kind::Text => "text".to_owned(),
        }
    }

    /// Whether `value` is of this kind and in range.
    pub fn admits(&self, value: &str) -> bool {
        let value = value.trim();
        match *self {
            Kind::Integer { min, max } => value.parse::<i64>().is_ok_and(|number| (min..=max).contains(&number)),
            Kind::Float {
                min,
                min_open,
                max,
                max_open,
            } => value.parse::<f64>().is_ok_and(|number| {
                number.is_finite()
                    && (if min_open { number > min } else { number >= min })
                    && (if max_open { number < max } else { number <= max })
            }),
            Kind::Bool => parse_bool(value).is_some(),
            Kind::Choice(words) => words.contains(&value),
            Kind::List(item) => {
                let inside = value
                    .strip_prefix('[')
                    .and_then(|rest| rest.strip_suffix(']'))
                    .unwrap_or(value);
                inside.split(',').all(|part| item.admits(part.trim()))
            }
            Kind::Text => true,
        }
    }
}

/// SageMaker's booleans: `true`, `false`, `True`, `False`.
pub fn parse_bool(value: &str) -> Option<bool> {
    match value.trim() {
        "true" | "True" => Some(true),
        "false" | "False" => Some(false),
        _ => None,
    }
}

/// How a tuner should search a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// Evenly.
    Linear,
    /// Evenly in the logarithm.
    Logarithmic,
}

/// What the service's tuner recommends to search.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Tune {
    /// From, to, and how.
    Range {
        /// The lower end.
        min: f64,
        /// The upper end.
        max: f64,
        /// How to step between them.
        scale: Scale,
    },
    /// One of these.
    Words(&'static [&'static str]),
}

/// One hyperparameter.
#[derive(Debug, Clone, Copy)]
pub struct Parameter {
    /// SageMaker's name.
    pub name: &'static str,
    /// What a value looks like.
    pub kind: Kind,
    /// Whether `auto` is a value, too.
    pub auto: bool,
    /// Other words that are values, too (such as `balanced`).
    pub words: &'static [&'static str],
    /// The value when none is given; `None` has none.
    pub default: Option<&'static str>,
    /// Whether it must be given.
    pub required: bool,
    /// One sentence for help, with what `auto` stands for.
    pub meaning: &'static str,
    /// What the service's tuner searches, where it can be tuned.
    pub tune: Option<Tune>,
    /// Other names the container accepts.
    pub aliases: &'static [&'static str],
    /// Values that Ironsage takes and AWS's own container refuses.
    pub beyond_sagemaker: &'static [&'static str],
    /// Keys that a job's configuration carries but nobody sets by hand.
    pub private: bool,
}

impl Parameter {
    /// A parameter with nothing but a name, a kind and a meaning; the table adds the rest.
    pub const fn new(name: &'static str, kind: Kind, meaning: &'static str) -> Self {
        Parameter {
            name,
            kind,
            auto: false,
            words: &[],
            default: None,
            required: false,
            meaning,
            tune: None,
            aliases: &[],
            beyond_sagemaker: &[],
            private: false,
        }
    }

    /// What may be given, in words.
    pub fn allowed(&self) -> String {
        let mut text = self.kind.allowed();
        if self.auto {
            text.push_str(", or auto");
        }
        for word in self.words {
            text.push_str(&format!(", or {word}"));
        }
        text
    }

    /// Whether this value may be given.
    pub fn admits(&self, value: &str) -> bool {
        let value = value.trim();
        (self.auto && value == "auto") || self.words.contains(&value) || self.kind.admits(value)
    }

    fn is_called(&self, name: &str) -> bool {
        self.name == name || self.aliases.contains(&name)
    }
}

/// All hyperparameters of one algorithm, in the order of its container's configuration.
#[derive(Debug)]
pub struct Schema {
    /// The algorithm, such as `linear-learner`.
    pub algorithm: &'static str,
    /// The hyperparameters.
    pub parameters: &'static [Parameter],
    /// What holds between hyperparameters; called when each alone is in order.
    pub rules: fn(&Hyperparameters) -> Result<(), HyperparameterError>,
}

impl Schema {
    /// The hyperparameter of this name or alias.
    pub fn parameter(&self, name: &str) -> Option<&'static Parameter> {
        self.parameters.iter().find(|parameter| parameter.is_called(name))
    }

    /// Whether these hyperparameters can be trained with.
    ///
    /// # Errors
    /// The first that cannot: an unknown name (with the nearest known one), a value of the wrong kind or
    /// out of range, a required one that is missing, two that contradict each other.
    pub fn check(&self, asked: &Hyperparameters) -> Result<(), HyperparameterError> {
        for (name, value) in asked.iter() {
            let parameter = self.parameter(name).ok_or_else(|| self.unknown(name))?;
            if !parameter.admits(value) {
                return Err(HyperparameterError::Value {
                    name: name.to_owned(),
                    value: value.to_owned(),
                    allowed: parameter.allowed(),
                    suggestion: suggestion(parameter, value),
                });
            }
        }
        for parameter in self.parameters.iter().filter(|parameter| parameter.required) {
            if asked.get(parameter.name).is_none() {
                return Err(HyperparameterError::Missing {
                    algorithm: self.algorithm,
                    name: parameter.name,
                    allowed: parameter.allowed(),
                });
            }
        }
        (self.rules)(asked)
    }

    /// The defaults, then what was asked, as a job's final configuration shows them. Aliases become names.
    pub fn merge(&self, asked: &Hyperparameters) -> Hyperparameters {
        let mut merged = self.defaults();
        for (name, value) in asked.iter() {
            let name = self.parameter(name).map_or(name, |parameter| parameter.name);
            merged.set(name, value.trim());
        }
        merged
    }

    /// The container's default map.
    pub fn defaults(&self) -> Hyperparameters {
        let with_default = |parameter: &'static Parameter| Some((parameter.name, parameter.default?));
        self.parameters.iter().filter_map(with_default).collect()
    }

    fn unknown(&self, name: &str) -> HyperparameterError {
        let public = self.parameters.iter().filter(|parameter| !parameter.private);
        let suggestion = nearest(name, public.map(|parameter| parameter.name));
        HyperparameterError::Unknown {
            algorithm: self.algorithm,
            name: name.to_owned(),
            suggestion,
        }
    }
}

/// The candidate most like `name`, where one is like it at all.
fn nearest<'a>(name: &str, candidates: impl Iterator<Item = &'a str>) -> Option<String> {
    let lower = name.to_lowercase().replace('-', "_");
    candidates
        .map(|candidate| (strsim::jaro_winkler(&lower, candidate), candidate))
        .max_by(|one, other| one.0.total_cmp(&other.0))
        .filter(|(likeness, _)| *likeness > 0.8)
        .map(|(_, candidate)| candidate.to_owned())
}

fn suggestion(parameter: &Parameter, value: &str) -> Option<String> {
    let words = match parameter.kind {
        Kind::Choice(words) => words,
        Kind::Bool => &["true", "false"],
        _ => &[],
    };
    nearest(value, words.iter().chain(parameter.words).copied())
}

fn one_of(words: &[&str]) -> String {
    match words {
        [] => "nothing".to_owned(),
        [only] => (*only).to_owned(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

/// Why a set of hyperparameters cannot be trained with.
#[derive(Debug, Clone, Error, PartialEq)]
pub enum HyperparameterError {
    /// No hyperparameter of this name.
    #[error("{algorithm} has no hyperparameter `{name}`")]
    Unknown {
        /// The algorithm.
        algorithm: &'static str,
        /// What was written.
        name: String,
        /// The nearest known name.
        suggestion: Option<String>,
    },
    /// A value of the wrong kind or out of range.
    #[error("{name} = {value}: must be {allowed}")]
    Value {
        /// The hyperparameter.
        name: String,
        /// What was given.
        value: String,
        /// What is allowed.
        allowed: String,
        /// The nearest allowed word.
        suggestion: Option<String>,
    },
    /// A required one was not given.
    #[error("{algorithm} needs `{name}`: {allowed}")]
    Missing {
        /// The algorithm.
        algorithm: &'static str,
        /// The hyperparameter.
        name: &'static str,
        /// What is allowed.
        allowed: String,
    },
    /// Two values that cannot be used together.
    #[error("{text}")]
    Conflict {
        /// What contradicts what.
        text: String,
        /// What to write instead.
        hint: String,
    },
}

impl HyperparameterError {
    /// What to type instead, where that is known.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Unknown { suggestion, .. } => suggestion.as_ref().map(|name| format!("did you mean `{name}`?")),
            Self::Value { name, suggestion, .. } => suggestion
                .as_ref()
                .map(|word| format!("did you mean `{name} = {word}`?")),
            Self::Missing { name, .. } => Some(format!("add `{name} = …`")),
            Self::Conflict { hint, .. } => Some(hint.clone()),
        }
    }
}
