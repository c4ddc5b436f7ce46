//! Bytes of a file as a frame. A CSV file is looked at row by row first, so that a ragged row is an error
//! with its line; types are inferred from the first ten thousand rows, and from all of them where that was not enough.

use std::io::{Cursor, Read};
use std::sync::Arc;

use polars::prelude::*;

use crate::data::format::{Format, Separator};
use crate::data::ragged::{self, Rows};
use crate::error::MagicError;
use crate::guard;
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
    /// These columns only
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',')]
    pub columns: Vec<String>,
}

impl Options {
    /// The separator that was said, or the usual one.
    pub fn separated_by(&self, usual: u8) -> u8 {
        self.separator.map_or(usual, |separator| separator.0)
    }
}

/// Reads the bytes of the file called `name`; `force` even if it seems too large for memory.
pub(crate) fn frame(
    content: impl AsRef<[u8]> + Send + Sync + Clone,
    name: &str,
    options: &Options,
    force: bool,
) -> Result<DataFrame, MagicError> {
    let bytes = content.as_ref();
    if bytes.is_empty() {
        return Err(MagicError::data(format!("{name} is empty")));
    }
    if bytes.starts_with(&[0x1f, 0x8b]) {
        let what = format!("{name}, unzipped,");
        let fits = |size| guard::check_memory(size, &what, force);
        let plain = Arc::<[u8]>::from(unzipped(bytes, name, fits)?);
        return frame(plain, name.strip_suffix(".gz").unwrap_or(name), options, force);
    }
    let format = match options.format.or_else(|| Format::of_content(bytes, name)) {
        Some(format) => format,
        None if options.separator.is_some() => Format::Csv,
        None => {
            return Err(
                MagicError::data(format!("neither the name nor the content of {name} says what it is"))
                    .with_hint("say it with `--format csv` (tsv, parquet, ndjson, json, ipc)"),
            );
        }
    };
    let read = match format {
        Format::Csv => csv(bytes, name, options.separated_by(b','), options),
        Format::Tsv => csv(bytes, name, options.separated_by(b'\t'), options),
        Format::Parquet => {
            let reader = ParquetReader::new(Cursor::new(bytes));
            let wanted = (!options.columns.is_empty()).then(|| options.columns.clone());
            let mut names = ParquetReader::new(Cursor::new(bytes));
            check_columns(&options.columns, name, || {
                Ok(names.schema()?.iter_names().map(ToString::to_string).collect())
            })?;
            reader
                .with_columns(wanted)
                .finish()
                .map_err(|error| unreadable(name, format, &error))
        }
        Format::Ndjson => json(bytes, name, JsonFormat::JsonLines, format),
        Format::Json => json(bytes, name, JsonFormat::Json, format),
        Format::Ipc => IpcReader::new(Cursor::new(bytes))
            .finish()
            .map_err(|error| unreadable(name, format, &error)),
    }?;
    if options.columns.is_empty() {
        return Ok(read);
    }
    text::select(&read, name, &options.columns)
}

/// Unzips step by step, since nothing says beforehand how much comes out; `fits` is asked whether as much again can be
/// had as has come so far, for the frame that it becomes.
fn unzipped(bytes: &[u8], name: &str, fits: impl Fn(u64) -> Result<(), MagicError>) -> Result<Vec<u8>, MagicError> {
    const STEP: u64 = 4 << 20;
    let mut reader = flate2::read::MultiGzDecoder::new(bytes);
    let mut plain = Vec::new();
    loop {
        let read = (&mut reader)
            .take(STEP)
            .read_to_end(&mut plain)
            .map_err(|error| MagicError::data(format!("{name} is not a whole gzip file: {error}")))?;
        if read == 0 {
            return Ok(plain);
        }
        fits(plain.len() as u64)?;
    }
}

fn unreadable(name: &str, format: Format, error: &PolarsError) -> MagicError {
    let reason = error.to_string();
    let reason = reason.lines().next().unwrap_or_default();
    MagicError::data(format!("{name} cannot be read as {format}: {reason}"))
        .with_hint("`--format` says what it is, if it is something else")
}

fn check_columns(
    wanted: &[String],
    name: &str,
    existing: impl FnOnce() -> PolarsResult<Vec<String>>,
) -> Result<(), MagicError> {
    if wanted.is_empty() {
        return Ok(());
    }
    let existing = existing()?;
    match wanted.iter().find(|column| !existing.contains(column)) {
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

fn csv(bytes: &[u8], name: &str, separator: u8, options: &Options) -> Result<DataFrame, MagicError> {
    let bytes = bytes.strip_prefix(&[0xef, 0xbb, 0xbf]).unwrap_or(bytes);
    if let Err(error) = std::str::from_utf8(bytes) {
        let line = bytes[..error.valid_up_to()]
            .iter()
            .filter(|&&byte| byte == b'\n')
            .count()
            + 1;
        return Err(MagicError::data(format!("{name}, line {line}: not UTF-8 text"))
            .with_hint("`!iconv -f latin1 -t utf8 old.csv > new.csv` converts a file of this machine from Latin-1"));
    }
    let rows = match ragged::check(bytes, separator) {
        Rows::Even(rows) => rows,
        Rows::OpenQuote(line) => {
            return Err(
                MagicError::data(format!("{name}, line {line}: a quote begins there and never ends"))
                    .with_hint("close it, or double it where it is part of the text (\"\")"),
            );
        }
        Rows::Ragged(row) => return Err(ragged_error(&row, name, separator)),
    };
    check_header(&rows, name, separator, options)?;
    let read = |infer: Option<usize>| {
        let null_values = (!options.null_values.is_empty())
            .then(|| NullValues::AllColumns(options.null_values.iter().map(|value| value.as_str().into()).collect()));
        CsvReadOptions::default()
            .with_has_header(!options.no_header)
            .with_infer_schema_length(infer)
            .with_rechunk(true)
            .map_parse_options(|parse| {
                parse
                    .with_separator(separator)
                    .with_null_values(null_values.clone())
                    .with_try_parse_dates(options.dates)
            })
            .into_reader_with_file_handle(Cursor::new(&*rows))
            .finish()
    };
    match read(Some(INFER_ROWS)) {
        Ok(frame) => Ok(frame),
        // A later row does not fit the type of the first ones: look at all.
        Err(PolarsError::ComputeError(_)) => read(None).map_err(|error| unreadable(name, Format::Csv, &error)),
        Err(error) => Err(unreadable(name, Format::Csv, &error)),
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
        None => "complete the line (an empty field is fine), or take it out".to_owned(),
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

    fn read(content: &str, name: &str, options: Options) -> Result<DataFrame, MagicError> {
        frame(content.as_bytes(), name, &options, false)
    }

    #[test]
    fn what_grows_too_large_while_it_is_unzipped_is_refused() {
        use std::io::Write;
        let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        writer.write_all(&vec![b'0'; 9 << 20]).unwrap();
        let zipped = writer.finish().unwrap();
        assert_eq!(unzipped(&zipped, "t.csv.gz", |_| Ok(())).unwrap().len(), 9 << 20);
        let error = unzipped(&zipped, "t.csv.gz", |size| match size {
            0..5_000_000 => Ok(()),
            size => Err(MagicError::data(format!("{size} bytes"))),
        });
        assert_eq!(error.unwrap_err().message, "8388608 bytes");
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
        let error = frame(&b"a,b\n1,\xff\n"[..], "t.csv", &Options::default(), false).unwrap_err();
        assert_eq!(error.message, "t.csv, line 2: not UTF-8 text");
    }
}
