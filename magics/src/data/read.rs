//! Bytes of a file as a frame. A CSV file is looked at row by row first, so that a ragged row is an error
//! with its line; types are inferred from the first ten thousand rows, and from all of them where that was not enough.

use std::io::Cursor;
use std::sync::Arc;

use polars::prelude::*;
use polars::sql::sql_expr;

use crate::data::dtypes::Dtype;
use crate::data::encoding::Encoding;
use crate::data::files;
use crate::data::format::{Format, Separator};
use crate::data::packing::Packing;
use crate::data::ragged::{self, LeftOut, Rows, Rules};
use crate::data::records::{self, Sparse};
use crate::data::source::Reader;
use crate::error::MagicError;
use crate::guard;
use crate::magics::sql;
use crate::text;

/// How rows are looked at for their types, at first.
const INFER_ROWS: usize = 10_000;

/// How a file is to be read.
#[derive(clap::Args, Clone, Debug, Default)]
pub(crate) struct Options {
    /// What the file holds, where its name and content don't say
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<Format>,
    /// What separates the fields of a CSV file: a character, or tab, semicolon, space, pipe
    #[arg(long, value_name = "CHARACTER", allow_hyphen_values = true)]
    pub separator: Option<Separator>,
    /// The first line is data, not names
    #[arg(long)]
    pub no_header: bool,
    /// Texts that mean "no value", such as NA,?
    #[arg(long, value_name = "TEXTS", value_delimiter = ',', allow_hyphen_values = true)]
    pub null_values: Vec<String>,
    /// Recognise dates and times in CSV
    #[arg(long)]
    pub dates: bool,
    /// The types of CSV columns, such as zip=str,fare=f64
    #[arg(long, value_name = "COLUMN=TYPE", value_delimiter = ',')]
    pub dtypes: Vec<Dtype>,
    /// How the characters of a CSV file are written, where it is not UTF-8
    #[arg(long, value_name = "ENCODING")]
    pub encoding: Option<Encoding>,
    /// Leave out the lines of a CSV file that have too few or too many fields, and say which
    #[arg(long)]
    pub skip_bad: bool,
    /// What lines of a CSV file begin with that are no rows, such as #
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    pub comment: Option<String>,
    /// These columns only
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',')]
    pub columns: Vec<String>,
    /// The rows wanted, as a condition in SQL
    #[arg(long = "where", value_name = "CONDITION", value_parser = condition)]
    pub condition: Option<String>,
    #[command(flatten)]
    pub reader: Reader,
}

impl Options {
    /// The separator that was said, or the usual one.
    pub fn separated_by(&self, usual: u8) -> u8 {
        self.separator.map_or(usual, |separator| separator.0)
    }
}

/// A file that was read.
#[derive(Clone, Debug)]
pub(crate) struct Content {
    /// Its rows.
    pub frame: DataFrame,
    /// The lines that were left out.
    pub left_out: LeftOut,
    /// What is known of sparse rows.
    pub sparse: Option<Sparse>,
}

impl Content {
    fn of(frame: DataFrame) -> Content {
        Content {
            frame,
            left_out: LeftOut::default(),
            sparse: None,
        }
    }
}

/// A condition is about the rows of these files: what it might read beside them goes round our own targets.
fn condition(typed: &str) -> Result<String, String> {
    let outside: String = typed.split('\'').step_by(2).collect();
    let mut words = outside.split(|letter: char| !(letter.is_alphanumeric() || letter == '_'));
    if outside.contains("$$") || words.any(|word| word.eq_ignore_ascii_case("select")) {
        return Err("a condition over the columns, without a query in it".to_owned());
    }
    sql::check_length(typed).map_err(|error| error.message)?;
    Ok(typed.to_owned())
}

/// Reads the bytes of the file called `name`, in `folders` that name columns and their values (one row); `force` even
/// if it seems too large for memory.
pub(crate) fn content(
    bytes: &[u8],
    name: &str,
    folders: &[Column],
    options: &Options,
    force: bool,
) -> Result<Content, MagicError> {
    if bytes.is_empty() {
        return Err(MagicError::data(format!("{name} is empty")));
    }
    if let Some(packing) = Packing::of_content(bytes) {
        let what = format!("{name}, unzipped,");
        let fits = |size| guard::check_memory(size, &what, force);
        let plain = packing.unpack(bytes, name, fits)?;
        // There are files that unpack to themselves.
        if Packing::of_content(&plain).is_some() {
            return Err(MagicError::data(format!("{name} is packed twice"))
                .with_hint("unpack it once with `!gunzip` or `!unzstd`"));
        }
        return content(&plain, packing.stripped(name), folders, options, force);
    }
    let format = match options.format.or_else(|| Format::of_content(bytes, name)) {
        Some(format) => format,
        None if options.separator.is_some() => Format::Csv,
        None => {
            return Err(
                MagicError::data(format!("neither the name nor the content of {name} says what it is"))
                    .with_hint("say it with `--format csv` (tsv, parquet, ndjson, json, ipc, recordio, libsvm)"),
            );
        }
    };
    // A condition may be about columns that are not wanted.
    let wanted: Vec<String> = match options.condition {
        Some(_) => Vec::new(),
        None => options
            .columns
            .iter()
            .filter(|column| !folders.iter().any(|folder| folder.name() == column.as_str()))
            .cloned()
            .collect(),
    };
    let mut read = match format {
        Format::Csv => csv(bytes, name, options.separated_by(b','), &wanted, options),
        Format::Tsv => csv(bytes, name, options.separated_by(b'\t'), &wanted, options),
        Format::Parquet => parquet(bytes, name, wanted).map(Content::of),
        Format::Ndjson => json(bytes, name, JsonFormat::JsonLines, format).map(Content::of),
        Format::Json => json(bytes, name, JsonFormat::Json, format).map(Content::of),
        Format::Ipc => IpcReader::new(Cursor::new(bytes))
            .set_rechunk(false)
            .finish()
            .map(Content::of)
            .map_err(|error| unreadable(name, format, &error)),
        Format::Recordio => records::recordio(bytes, name).map(sparse),
        Format::Libsvm => records::libsvm(bytes, name).map(sparse),
    }?;
    let height = read.frame.height();
    for folder in folders {
        read.frame.with_column(folder.new_from_index(0, height))?;
    }
    if let Some(condition) = &options.condition {
        let failed = |error: PolarsError| files::unreadable(name, format, &error);
        let condition = sql_expr(condition).map_err(failed)?;
        let plan = std::mem::take(&mut read.frame).lazy().filter(condition);
        read.frame = plan.collect().map_err(failed)?;
    }
    if !options.columns.is_empty() {
        read.frame = text::select(&read.frame, name, &options.columns)?;
    }
    Ok(read)
}

fn sparse((frame, sparse): (DataFrame, Option<Sparse>)) -> Content {
    Content {
        sparse,
        ..Content::of(frame)
    }
}

fn parquet(bytes: &[u8], name: &str, wanted: Vec<String>) -> Result<DataFrame, MagicError> {
    let mut names = ParquetReader::new(Cursor::new(bytes));
    check_columns(wanted.iter(), name, || {
        Ok(names.schema()?.iter_names().map(ToString::to_string).collect())
    })?;
    ParquetReader::new(Cursor::new(bytes))
        .with_columns((!wanted.is_empty()).then_some(wanted))
        .set_rechunk(false)
        .finish()
        .map_err(|error| unreadable(name, Format::Parquet, &error))
}

fn unreadable(name: &str, format: Format, error: &PolarsError) -> MagicError {
    let reason = error.to_string();
    let reason = reason.lines().next().unwrap_or_default();
    MagicError::data(format!("{name} cannot be read as {format}: {reason}"))
        .with_hint("`--format` says what it is, if it is something else")
}

fn check_columns<'a>(
    mut wanted: impl Iterator<Item = &'a String>,
    name: &str,
    existing: impl FnOnce() -> Result<Vec<String>, MagicError>,
) -> Result<(), MagicError> {
    let Some(first) = wanted.next() else {
        return Ok(());
    };
    let existing = existing()?;
    match std::iter::once(first)
        .chain(wanted)
        .find(|column| !existing.contains(column))
    {
        Some(missing) => Err(text::no_column(name, missing, &existing)),
        None => Ok(()),
    }
}

fn json(bytes: &[u8], name: &str, shape: JsonFormat, format: Format) -> Result<DataFrame, MagicError> {
    JsonReader::new(Cursor::new(bytes))
        .with_json_format(shape)
        .infer_schema_len(None)
        .finish()
        .map_err(|error| unreadable(name, format, &error))
}

fn csv(bytes: &[u8], name: &str, separator: u8, wanted: &[String], options: &Options) -> Result<Content, MagicError> {
    let encoding = options.encoding.or_else(|| Encoding::of_content(bytes));
    let bytes = encoding.unwrap_or(Encoding::Utf8).decoded(bytes);
    if let Err(error) = std::str::from_utf8(&bytes) {
        let line = bytes[..error.valid_up_to()]
            .iter()
            .filter(|&&byte| byte == b'\n')
            .count()
            + 1;
        return Err(MagicError::data(format!("{name}, line {line}: not UTF-8 text"))
            .with_hint("say how its characters are written: `--encoding latin1` (windows-1252, utf-16)"));
    }
    let rules = Rules {
        separator,
        skip_bad: options.skip_bad,
        comment: options.comment.as_deref(),
    };
    let (rows, left_out) = match ragged::check(&bytes, &rules) {
        Rows::Even(rows) => (rows, LeftOut::default()),
        Rows::Picked(rows, left_out) => (rows, left_out),
        Rows::OpenQuote(line) => {
            return Err(
                MagicError::data(format!("{name}, line {line}: a quote begins there and never ends"))
                    .with_hint("close it, or double it where it is part of the text (\"\")"),
            );
        }
        Rows::Ragged(row) => return Err(ragged_error(&row, name, separator)),
    };
    check_header(&rows, name, separator, options)?;
    let typed = options.dtypes.iter().map(|said| &said.column);
    let reader = |infer: Option<usize>, wanted: &[&String]| {
        let null_values = (!options.null_values.is_empty())
            .then(|| NullValues::AllColumns(options.null_values.iter().map(|value| value.as_str().into()).collect()));
        let wanted = wanted
            .iter()
            .map(|column| column.as_str().into())
            .collect::<Arc<[PlSmallStr]>>();
        let dtypes = options.dtypes.iter();
        let dtypes: Schema = dtypes
            .map(|said| Field::new(said.column.as_str().into(), said.dtype.clone()))
            .collect();
        CsvReadOptions::default()
            .with_has_header(!options.no_header)
            .with_infer_schema_length(infer)
            .with_columns((!wanted.is_empty()).then_some(wanted))
            .with_schema_overwrite((!dtypes.is_empty()).then(|| Arc::new(dtypes)))
            .map_parse_options(|parse| {
                parse
                    .with_separator(separator)
                    .with_null_values(null_values.clone())
                    .with_try_parse_dates(options.dates)
            })
            .into_reader_with_file_handle(Cursor::new(&*rows))
            .finish()
    };
    check_columns(wanted.iter().chain(typed.clone()), name, || {
        let names = CsvReadOptions::default()
            .with_has_header(!options.no_header)
            .map_parse_options(|parse| parse.with_separator(separator))
            .into_reader_with_file_handle(Cursor::new(ragged::first_row(&rows, separator)))
            .finish()
            .map_err(|error| unreadable(name, Format::Csv, &error))?;
        Ok(text::columns_of(&names))
    })?;
    // Polars wants to know of each column whose type is told.
    let read_columns: Vec<&String> = match wanted.is_empty() {
        true => Vec::new(),
        false => wanted
            .iter()
            .chain(typed.filter(|column| !wanted.contains(column)))
            .collect(),
    };
    let frame = match reader(Some(INFER_ROWS), &read_columns) {
        Ok(frame) => frame,
        // A later row does not fit the type of the first ones: look at all.
        Err(PolarsError::ComputeError(_)) => {
            reader(None, &read_columns).map_err(|error| unreadable_csv(name, options, &error))?
        }
        Err(error) => return Err(unreadable_csv(name, options, &error)),
    };
    Ok(Content {
        left_out,
        ..Content::of(frame)
    })
}

fn unreadable_csv(name: &str, options: &Options, error: &PolarsError) -> MagicError {
    let failed = unreadable(name, Format::Csv, error);
    match options.dtypes.is_empty() {
        true => failed,
        false => failed.with_hint(
            "a value does not fit `--dtypes`: say `str`, or name what means \"no value\" with `--null-values`",
        ),
    }
}

fn ragged_error(row: &ragged::Ragged, name: &str, separator: u8) -> MagicError {
    let fields = |count: usize| ironsage_display::text::counted(count as u64, "field");
    let message = format!(
        "{name}, line {}: {} where the first line has {}: {}",
        row.line,
        fields(row.fields),
        row.expected,
        row.text
    );
    let other = [b',', b';', b'\t', b'|']
        .into_iter()
        .find(|&other| other != separator && row.expected == 1 && row.text.bytes().any(|byte| byte == other));
    let hint = match other {
        Some(b'\t') => "the columns look separated by tabs: `--separator tab`".to_owned(),
        Some(other) => format!(
            "the columns look separated by `{0}`: `--separator \"{0}\"`",
            other as char
        ),
        None if row.fields > row.expected => {
            "put the field that contains the separator in double quotes, or name the separator with `--separator`"
                .to_owned()
        }
        None => "complete the line (an empty field is fine), or leave such lines out: `--skip-bad`".to_owned(),
    };
    MagicError::data(message).with_hint(hint)
}

/// Two columns of one name cannot both be found later.
fn check_header(rows: &[u8], name: &str, separator: u8, options: &Options) -> Result<(), MagicError> {
    if options.no_header {
        return Ok(());
    }
    let end = rows.iter().position(|&byte| byte == b'\n').unwrap_or(rows.len());
    let header = String::from_utf8_lossy(&rows[..end]);
    if header.contains('"') {
        return Ok(());
    }
    let mut seen = std::collections::HashSet::new();
    for column in header.trim_end_matches('\r').split(separator as char) {
        if !column.is_empty() && !seen.insert(column) {
            return Err(MagicError::data(format!("{name} has two columns called `{column}`"))
                .with_hint("rename one in the file's first line, or say `--no-header` if it is no header"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn read(text: &str, name: &str, options: Options) -> Result<DataFrame, MagicError> {
        Ok(content(text.as_bytes(), name, &[], &options, false)?.frame)
    }

    #[test]
    fn csv_with_types_and_nulls() {
        let options = Options {
            null_values: vec!["NA".into()],
            ..Options::default()
        };
        let frame = read("a,b,c\n1,x,0.5\nNA,,2\n", "t.csv", options).unwrap();
        assert_eq!(frame.shape(), (2, 3));
        assert_eq!(frame.dtypes(), [DataType::Int64, DataType::String, DataType::Float64]);
        assert_eq!(frame.column("a").unwrap().null_count(), 1);
    }

    #[test]
    fn a_late_value_of_another_type_widens_the_column() {
        let mut text = String::from("a\n");
        for _ in 0..INFER_ROWS + 50 {
            text.push_str("1\n");
        }
        text.push_str("2.5\n");
        let frame = read(&text, "t.csv", Options::default()).unwrap();
        assert_eq!(frame.dtypes(), [DataType::Float64]);
        assert_eq!(frame.height(), INFER_ROWS + 51);
    }

    #[test]
    fn ragged_rows_are_errors_with_their_line() {
        let error = read("a,b\n1,2\n3\n", "t.csv", Options::default()).unwrap_err();
        assert_eq!(error.message, "t.csv, line 3: 1 field where the first line has 2: 3");
        let error = read("a;b\n1,5;2\n", "t.csv", Options::default()).unwrap_err();
        assert!(error.hint.unwrap().contains("--separator \";\""));
        let error = read("a,b\n1,\"2\n", "t.csv", Options::default()).unwrap_err();
        assert!(
            error.message.contains("line 2: a quote begins there"),
            "{}",
            error.message
        );
    }

    #[test]
    fn without_a_header_columns_get_numbers_and_all_rows_stay() {
        let frame = read(
            "M,1\nF,2\n",
            "t.data",
            Options {
                no_header: true,
                ..Options::default()
            },
        )
        .unwrap();
        assert_eq!(text::columns_of(&frame), ["column_1", "column_2"]);
        assert_eq!(frame.height(), 2);
    }

    #[test]
    fn wanted_columns_come_in_the_wanted_order_and_missing_ones_are_named() {
        let wanted = |names: &[&str]| Options {
            columns: names.iter().map(|name| (*name).to_owned()).collect(),
            ..Options::default()
        };
        let frame = read("a,b,c\n1,2,3\n", "t.csv", wanted(&["c", "a"])).unwrap();
        assert_eq!(text::columns_of(&frame), ["c", "a"]);
        let error = read("rings,sex\n1,M\n", "t.csv", wanted(&["ring"])).unwrap_err();
        assert_eq!(
            (error.message.as_str(), error.hint.as_deref()),
            ("t.csv has no column `ring`", Some("did you mean `rings`?"))
        );
    }

    #[test]
    fn json_lines_and_arrays_give_the_same() {
        let lines = read(
            "{\"a\":1,\"b\":\"x\"}\n{\"a\":2.5,\"b\":null}\n",
            "t.ndjson",
            Options::default(),
        )
        .unwrap();
        let array = read(
            "[{\"a\":1,\"b\":\"x\"},{\"a\":2.5,\"b\":null}]",
            "t.json",
            Options::default(),
        )
        .unwrap();
        assert!(lines.equals_missing(&array));
        assert_eq!(lines.height(), 2);
    }

    #[test]
    fn duplicates_in_the_header_and_unknown_content_are_errors() {
        assert_eq!(
            read("a,a\n1,2\n", "t.csv", Options::default()).unwrap_err().message,
            "t.csv has two columns called `a`"
        );
        assert!(
            read("hello", "README", Options::default())
                .unwrap_err()
                .hint
                .unwrap()
                .contains("--format")
        );
        assert_eq!(
            read("", "t.csv", Options::default()).unwrap_err().message,
            "t.csv is empty"
        );
        let error = content(b"a,b\n1,\xff\n", "t.csv", &[], &Options::default(), false).unwrap_err();
        assert_eq!(error.message, "t.csv, line 2: not UTF-8 text");
    }
}
