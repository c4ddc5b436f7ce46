//! A typed value that magics and Rust cells both see: `%param trials=20`, papermill's parameters.

use std::fmt;

/// A number, a truth value or a text.
#[derive(Clone, Debug, PartialEq)]
pub enum Scalar {
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// A number with a fraction or an exponent.
    Float(f64),
    /// Anything else.
    Text(String),
}

impl Scalar {
    /// The type that the text suggests: `20` is an integer, `1e-3` a float, `true` a truth value.
    pub fn parse(text: &str) -> Scalar {
        match text {
            "true" | "True" => Scalar::Bool(true),
            "false" | "False" => Scalar::Bool(false),
            _ => {
                let looks_numeric = text.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c));
                match (text.parse::<i64>(), text.parse::<f64>()) {
                    (Ok(whole), _) => Scalar::Integer(whole),
                    (_, Ok(number)) if looks_numeric => Scalar::Float(number),
                    _ => Scalar::Text(text.to_owned()),
                }
            }
        }
    }

    /// The Rust type of the variable that cells see.
    pub fn rust_type(&self) -> &'static str {
        match self {
            Scalar::Bool(_) => "bool",
            Scalar::Integer(_) => "i64",
            Scalar::Float(_) => "f64",
            Scalar::Text(_) => "String",
        }
    }

    /// The value as a Rust expression of [`Scalar::rust_type`].
    pub fn rust_expression(&self) -> String {
        match self {
            Scalar::Bool(value) => value.to_string(),
            Scalar::Integer(value) => format!("{value}i64"),
            Scalar::Float(value) if value.is_nan() => "f64::NAN".to_owned(),
            Scalar::Float(value) if value.is_infinite() && *value > 0.0 => "f64::INFINITY".to_owned(),
            Scalar::Float(value) if value.is_infinite() => "f64::NEG_INFINITY".to_owned(),
            Scalar::Float(value) => format!("{value:?}f64"),
            Scalar::Text(value) => format!("String::from({value:?})"),
        }
    }
}

impl fmt::Display for Scalar {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Scalar::Bool(value) => write!(formatter, "{value}"),
            Scalar::Integer(value) => write!(formatter, "{value}"),
            Scalar::Float(value) => write!(formatter, "{value}"),
            Scalar::Text(value) => formatter.write_str(value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_says_the_type() {
        assert_eq!(Scalar::parse("20"), Scalar::Integer(20));
        assert_eq!(Scalar::parse("-3"), Scalar::Integer(-3));
        assert_eq!(Scalar::parse("1e-3"), Scalar::Float(0.001));
        assert_eq!(Scalar::parse("true"), Scalar::Bool(true));
        assert_eq!(Scalar::parse("inf"), Scalar::Text("inf".into()));
        assert_eq!(Scalar::parse("nan"), Scalar::Text("nan".into()));
        assert_eq!(Scalar::parse("adam"), Scalar::Text("adam".into()));
    }

    #[test]
    fn each_value_is_a_rust_expression_of_its_type() {
        assert_eq!(Scalar::Integer(20).rust_expression(), "20i64");
        assert_eq!(Scalar::Float(2.0).rust_expression(), "2.0f64");
        assert_eq!(Scalar::Text("a\"b".into()).rust_expression(), r#"String::from("a\"b")"#);
    }
}
