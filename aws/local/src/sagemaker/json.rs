//! A request's JSON read member by member: required and optional members, their types, and
//! an error for every member that the local service would not honour.

use ironsage_contract::NameError;
use s3s::S3Error;
use serde_json::{Map, Value};

use crate::store::StoreError;

/// An error as the control plane answers it.
#[derive(Clone, Debug)]
pub struct ApiError {
    /// `__type`.
    pub code: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// The text.
    pub message: String,
}

impl ApiError {
    /// The error for most of what is wrong.
    pub fn validation(message: impl Into<String>) -> ApiError {
        ApiError {
            code: "ValidationException",
            status: 400,
            message: message.into(),
        }
    }

    /// A member that is not honoured here.
    pub fn unsupported(member: &str) -> ApiError {
        ApiError::validation(format!("The local service does not support {member}."))
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> ApiError {
        tracing::error!("{error}");
        let hint = error.hint().map(|hint| format!("; {hint}")).unwrap_or_default();
        // 507 is not among the statuses that clients try again.
        let status = if matches!(error, StoreError::Full { .. }) {
            507
        } else {
            500
        };
        ApiError {
            code: "InternalFailure",
            status,
            message: format!("{error}{hint}"),
        }
    }
}

impl From<S3Error> for ApiError {
    fn from(error: S3Error) -> ApiError {
        ApiError::validation(error.message().unwrap_or("the store refused").to_owned())
    }
}

/// A JSON object of a request, with its path for errors.
pub struct Members<'a> {
    path: String,
    members: &'a Map<String, Value>,
}

fn camel(name: &str) -> String {
    let mut letters = name.chars();
    letters
        .next()
        .map(|first| first.to_ascii_lowercase().to_string() + letters.as_str())
        .unwrap_or_default()
}

impl<'a> Members<'a> {
    /// The request itself.
    pub fn new(value: &'a Value) -> Result<Members<'a>, ApiError> {
        let members = value.as_object().ok_or_else(|| ApiError {
            code: "SerializationException",
            status: 400,
            message: "The request is not a JSON object".to_owned(),
        })?;
        Ok(Members {
            path: String::new(),
            members,
        })
    }

    /// An object inside.
    pub fn inner(&self, name: &str) -> Result<Option<Members<'a>>, ApiError> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::Object(members)) => Ok(Some(Members {
                path: self.path(name),
                members,
            })),
            Some(_) => Err(self.wrong(name, "an object")),
        }
    }

    /// A member's path in the form that error texts have: camelCase, with dots.
    pub fn path(&self, name: &str) -> String {
        if self.path.is_empty() {
            camel(name)
        } else {
            format!("{}.{}", self.path, camel(name))
        }
    }

    fn wrong(&self, name: &str, wanted: &str) -> ApiError {
        ApiError {
            code: "SerializationException",
            status: 400,
            message: format!("{} must be {wanted}", self.path(name)),
        }
    }

    /// A member that is there and not null.
    pub fn get(&self, name: &str) -> Option<&'a Value> {
        self.members.get(name).filter(|value| !value.is_null())
    }

    /// A copy of a member, for the answers of Describe.
    pub fn echo(&self, name: &str) -> Option<Value> {
        self.get(name).cloned()
    }

    /// Refuses members other than these; those in `harmless` are taken and change nothing.
    pub fn only(&self, known: &[&str]) -> Result<(), ApiError> {
        let empty = |value: &Value| match value {
            Value::Null | Value::Bool(false) => true,
            Value::Array(values) => values.is_empty(),
            Value::Object(members) => members.is_empty(),
            _ => false,
        };
        match self
            .members
            .iter()
            .find(|(name, value)| !known.contains(&name.as_str()) && !empty(value))
        {
            Some((name, _)) => Err(ApiError::unsupported(&if self.path.is_empty() {
                name.clone()
            } else {
                format!("{name} in {}", self.path)
            })),
            None => Ok(()),
        }
    }

    /// A text.
    pub fn text(&self, name: &str) -> Result<Option<&'a str>, ApiError> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(self.wrong(name, "a string")),
        }
    }

    /// A text that must be there.
    pub fn need_text(&self, name: &str) -> Result<&'a str, ApiError> {
        self.text(name)?.ok_or_else(|| self.missing(name))
    }

    /// The error for a member that is not there.
    pub fn missing(&self, name: &str) -> ApiError {
        ApiError::validation(format!(
            "1 validation error detected: Value null at '{}' failed to satisfy constraint: Member must not be null",
            self.path(name)
        ))
    }

    /// The error for a value that breaks a constraint, in SageMaker's form.
    pub fn broken(&self, name: &str, constraint: &str) -> ApiError {
        let value = match self.get(name) {
            Some(Value::String(text)) => text.clone(),
            Some(value) => value.to_string(),
            None => "null".to_owned(),
        };
        ApiError::validation(format!(
            "1 validation error detected: Value '{value}' at '{}' failed to satisfy constraint: {constraint}",
            self.path(name)
        ))
    }

    /// A name that must be there and keep its rule.
    pub fn need_name<T>(&self, name: &str, parse: impl Fn(&str) -> Result<T, NameError>) -> Result<T, ApiError> {
        parse(self.need_text(name)?).map_err(|error| ApiError::validation(error.constraint(&self.path(name))))
    }

    /// A whole number within bounds.
    pub fn integer(&self, name: &str, least: i64, most: i64) -> Result<Option<i64>, ApiError> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let number = value.as_i64().ok_or_else(|| self.wrong(name, "an integer"))?;
        if number < least {
            return Err(self.broken(
                name,
                &format!("Member must have value greater than or equal to {least}"),
            ));
        }
        if number > most {
            return Err(self.broken(name, &format!("Member must have value less than or equal to {most}")));
        }
        Ok(Some(number))
    }

    /// A number.
    pub fn number(&self, name: &str) -> Result<Option<f64>, ApiError> {
        match self.get(name) {
            None => Ok(None),
            Some(value) => value.as_f64().map(Some).ok_or_else(|| self.wrong(name, "a number")),
        }
    }

    /// A time: seconds since 1970.
    pub fn time(&self, name: &str) -> Result<Option<f64>, ApiError> {
        self.number(name)
    }

    /// One of a few words.
    pub fn choice(&self, name: &str, words: &[&str]) -> Result<Option<&'a str>, ApiError> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        if words.contains(&text) {
            return Ok(Some(text));
        }
        Err(self.broken(
            name,
            &format!("Member must satisfy enum value set: [{}]", words.join(", ")),
        ))
    }

    /// A list of objects.
    pub fn list(&self, name: &str) -> Result<Option<Vec<Members<'a>>>, ApiError> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let values = value.as_array().ok_or_else(|| self.wrong(name, "a list"))?;
        let mut list = Vec::with_capacity(values.len());
        for (index, value) in values.iter().enumerate() {
            let members = value.as_object().ok_or_else(|| self.wrong(name, "a list of objects"))?;
            list.push(Members {
                path: format!("{}.{}.member", self.path(name), index + 1),
                members,
            });
        }
        Ok(Some(list))
    }

    /// A map of texts.
    pub fn texts(&self, name: &str) -> Result<Vec<(String, String)>, ApiError> {
        let Some(inner) = self.inner(name)? else {
            return Ok(Vec::new());
        };
        inner
            .members
            .iter()
            .map(|(key, value)| {
                let value = value.as_str().ok_or_else(|| inner.wrong(key, "a string"))?;
                Ok((key.clone(), value.to_owned()))
            })
            .collect()
    }

    /// Tags, checked and then only kept.
    pub fn tags(&self) -> Result<(), ApiError> {
        let tags = self.list("Tags")?.unwrap_or_default();
        if tags.len() > 50 {
            return Err(self.broken("Tags", "Member must have length less than or equal to 50"));
        }
        for tag in &tags {
            let (key, value) = (tag.need_text("Key")?, tag.need_text("Value")?);
            if key.is_empty() || key.chars().count() > 128 {
                return Err(tag.broken("Key", "Member must have length between 1 and 128"));
            }
            if value.chars().count() > 256 {
                return Err(tag.broken("Value", "Member must have length less than or equal to 256"));
            }
        }
        Ok(())
    }
}

/// A row's time as the wire has it: seconds since 1970, with milliseconds.
pub fn seconds(ms: i64) -> Value {
    serde_json::json!(ms as f64 / 1000.0)
}

/// An answer from members that may be absent.
pub fn object<const N: usize>(members: [(&str, Option<Value>); N]) -> Value {
    let mut object = Map::new();
    for (name, value) in members {
        if let Some(value) = value {
            object.insert(name.to_owned(), value);
        }
    }
    Value::Object(object)
}
