//! Folders called `name=value`, as Hive and Spark make them, as columns of the files below.

use polars::prelude::*;

/// What stands for "no value" in the name of a folder.
const NO_VALUE: &str = "__HIVE_DEFAULT_PARTITION__";

/// The columns that the folders of files name: one row a file, in their order. None where not all files are in folders
/// of the same names.
///
/// A column is of integers, numbers or dates where all its values are, and of text otherwise: digits that a number would
/// lose, such as those of `007` and `+49`, are text.
///
/// # Errors
/// Polars's own, for two folders of one name above a file.
pub fn partitions(files: &[String]) -> PolarsResult<Option<DataFrame>> {
    let mut rows = files.iter().map(|file| folders(file));
    let Some(first) = rows.next().filter(|first| !first.is_empty()) else {
        return Ok(None);
    };
    let mut values: Vec<Vec<Option<String>>> = vec![Vec::with_capacity(files.len()); first.len()];
    for row in std::iter::once(first.clone()).chain(rows) {
        if row.len() != first.len() || row.iter().zip(&first).any(|(one, other)| one.0 != other.0) {
            return Ok(None);
        }
        for (column, (_, value)) in values.iter_mut().zip(row) {
            column.push(value);
        }
    }
    let columns = first.into_iter().zip(values).map(|((name, _), values)| {
        typed(&StringChunked::from_iter_options(name.into(), values.into_iter())).into_column()
    });
    DataFrame::new(files.len(), columns.collect()).map(Some)
}

/// The names and values of the folders above a file, as they are written there.
pub(crate) fn written(file: &str) -> impl Iterator<Item = (&str, &str)> {
    let above = file.rsplit_once('/').map_or("", |(above, _)| above);
    above.split('/').filter_map(|folder| folder.split_once('='))
}

fn folders(file: &str) -> Vec<(String, Option<String>)> {
    written(file)
        .map(|(name, value)| (decoded(name), (value != NO_VALUE).then(|| decoded(value))))
        .collect()
}

fn typed(texts: &StringChunked) -> Series {
    let complete = |values: &Series| values.null_count() == texts.null_count();
    let codes = texts.iter().flatten().any(is_code);
    let numbers = [DataType::Int64, DataType::Float64].into_iter().filter(|_| !codes);
    let dates = || Some(texts.as_date(Some("%Y-%m-%d"), false).ok()?.into_series());
    numbers
        .filter_map(|dtype| texts.cast(&dtype).ok())
        .find(complete)
        .or_else(|| dates().filter(|dates| complete(dates) && texts.iter().flatten().all(|text| text.len() == 10)))
        .unwrap_or_else(|| texts.clone().into_series())
}

/// Digits that mean more than their number does.
fn is_code(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let padding = digits.strip_prefix('0');
    digits.starts_with('+') || padding.is_some_and(|rest| rest.starts_with(|next: char| next.is_ascii_digit()))
}

/// `%3A` is a colon: names of folders are written as in URLs.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let code = after.first_chunk::<2>().filter(|_| *first == b'%');
        let code = code.and_then(|code| u8::from_str_radix(std::str::from_utf8(code).ok()?, 16).ok());
        bytes.push(code.unwrap_or(*first));
        rest = if code.is_some() { &after[2..] } else { after };
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn of(files: &[&str]) -> Option<DataFrame> {
        let files: Vec<String> = files.iter().map(|file| (*file).to_owned()).collect();
        partitions(&files).unwrap()
    }

    #[test]
    fn folders_become_columns_of_the_types_of_their_values() {
        let found = of(&[
            "s3://b/trips/year=2023/day=2023-01-02/kind=a%3Ab/0.csv",
            "s3://b/trips/year=2024/day=2024-01-02/kind=__HIVE_DEFAULT_PARTITION__/0.csv",
        ]);
        let found = found.unwrap();
        assert_eq!(found.dtypes(), [DataType::Int64, DataType::Date, DataType::String]);
        let kinds = found.column("kind").unwrap().str().unwrap();
        assert_eq!((kinds.get(0), kinds.get(1)), (Some("a:b"), None));
    }

    #[test]
    fn what_a_number_or_a_date_would_change_is_text() {
        for (values, dtype) in [
            (["01234", "56789"], DataType::String),
            (["+49", "1"], DataType::String),
            (["-007", "1"], DataType::String),
            (["00.5", "1"], DataType::String),
            (["0", "-10"], DataType::Int64),
            (["0.5", "-0.25"], DataType::Float64),
            (["2024-02-29", "2024-03-01"], DataType::Date),
            (["2024-02-30", "2024-03-01"], DataType::String),
            (["2024-2-9", "2024-03-01"], DataType::String),
        ] {
            let found = of(&values
                .map(|value| format!("key={value}/0.csv"))
                .each_ref()
                .map(String::as_str))
            .unwrap();
            assert_eq!(found.dtypes(), std::slice::from_ref(&dtype), "{values:?}");
            let texts = found.column("key").unwrap().cast(&DataType::String).unwrap();
            let texts: Vec<&str> = texts.str().unwrap().iter().flatten().collect();
            assert_eq!(texts, values);
        }
    }

    #[test]
    fn files_in_other_folders_have_no_columns_of_them() {
        assert!(of(&["a/year=2023.csv"]).is_none());
        assert!(of(&["year=2023/a.csv", "a.csv"]).is_none());
        assert!(of(&["year=2023/a.csv", "month=1/a.csv"]).is_none());
        assert!(of(&[]).is_none());
        assert_eq!(decoded("100%"), "100%");
    }
}
