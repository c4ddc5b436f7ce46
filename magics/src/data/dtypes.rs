//! Types as a person says them: `--dtypes fare=f64,day=date`, in the names of Polars, Arrow, pandas and SQL.

use std::str::FromStr;

use polars::prelude::*;

/// A column and its type.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Dtype {
    pub column: String,
    pub dtype: DataType,
}

impl FromStr for Dtype {
    type Err = String;

    fn from_str(text: &str) -> Result<Dtype, String> {
        match text.rsplit_once('=') {
            Some((column, name)) if !column.is_empty() => Ok(Dtype {
                column: column.to_owned(),
                dtype: named(name)?,
            }),
            _ => Err("a type is said as column=type: `--dtypes fare=f64,zip=str`".to_owned()),
        }
    }
}

fn named(name: &str) -> Result<DataType, String> {
    Ok(match name.to_lowercase().as_str() {
        "i8" | "int8" | "tinyint" => DataType::Int8,
        "i16" | "int16" | "smallint" => DataType::Int16,
        "i32" | "int32" | "integer" => DataType::Int32,
        "i64" | "int64" | "int" | "bigint" => DataType::Int64,
        "u8" | "uint8" => DataType::UInt8,
        "u16" | "uint16" => DataType::UInt16,
        "u32" | "uint32" => DataType::UInt32,
        "u64" | "uint64" => DataType::UInt64,
        "f32" | "float32" | "real" => DataType::Float32,
        "f64" | "float64" | "float" | "double" => DataType::Float64,
        "str" | "string" | "utf8" | "large_string" | "object" | "text" | "varchar" => DataType::String,
        "bool" | "boolean" => DataType::Boolean,
        "date" | "date32" => DataType::Date,
        "datetime" | "timestamp" | "datetime64" => DataType::Datetime(TimeUnit::Microseconds, None),
        "time" | "time64" => DataType::Time,
        "cat" | "category" | "categorical" | "dictionary" => DataType::from_categories(Categories::global()),
        _ => {
            return Err(format!(
                "no type is called {name}: i8 to i64, u8 to u64, f32, f64, str, bool, date, datetime, time, cat"
            ));
        }
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn types_have_the_names_of_each_house() {
        for name in ["a=i64", "a=Int64", "a=int", "a=bigint"] {
            assert_eq!(name.parse::<Dtype>().unwrap().dtype, DataType::Int64, "{name}");
        }
        let odd: Dtype = "x=y=str".parse().unwrap();
        assert_eq!((odd.column.as_str(), odd.dtype), ("x=y", DataType::String));
        assert!(
            "a=i65"
                .parse::<Dtype>()
                .unwrap_err()
                .starts_with("no type is called i65: ")
        );
        assert!("a".parse::<Dtype>().unwrap_err().contains("--dtypes fare=f64"));
    }
}
