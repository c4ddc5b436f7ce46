//! Files as a plan: what [`Scan`] has to know of them, from what a person typed.

use ironsage_exchange::{CsvScan, Scan, ScanFormat};
use polars::prelude::*;

use crate::data::format::Format;
use crate::data::read::Options;
use crate::data::source::{Location, Part};
use crate::error::MagicError;
use crate::session::Session;

/// What files hold that are not opened: as it was said, or as the first one's name says.
pub(crate) fn format(parts: &[Part], options: &Options) -> Result<Format, MagicError> {
    let first = parts.first().map(Part::name).unwrap_or_default();
    let separated = options.separator.map(|_| Format::Csv);
    let format = options.format.or(separated).or_else(|| Format::of_name(&first));
    format.ok_or_else(|| {
        MagicError::data(format!("the name {first} does not say what the file holds"))
            .with_hint("say it with `--format parquet` (csv, tsv, ndjson, ipc)")
    })
}

/// The files as a plan reads them.
pub(crate) fn scan(
    location: &Location,
    parts: &[Part],
    format: Format,
    options: &Options,
    session: &Session,
) -> Result<Scan, MagicError> {
    let whole = |what: &str| {
        let shown = location.shown();
        MagicError::usage(format!(
            "{what} is read as a whole or not at all, so it cannot be scanned"
        ))
        .with_hint(format!("`%load {shown}`"))
    };
    let csv = |separator| {
        if options.skip_bad {
            return Err(whole("a file of which bad lines are left out"));
        }
        if options.encoding.is_some() {
            return Err(whole("a file in another encoding"));
        }
        let dtypes = options
            .dtypes
            .iter()
            .map(|said| (said.column.clone(), said.dtype.clone()));
        Ok(ScanFormat::Csv(CsvScan {
            separator: options.separated_by(separator),
            header: !options.no_header,
            null_values: options.null_values.clone(),
            dates: options.dates,
            dtypes: dtypes.collect(),
            comment: options.comment.clone(),
        }))
    };
    let format = match format {
        Format::Csv => csv(b',')?,
        Format::Tsv => csv(b'\t')?,
        Format::Parquet => ScanFormat::Parquet,
        Format::Ndjson => ScanFormat::Ndjson,
        Format::Ipc => ScanFormat::Ipc,
        Format::Json => return Err(whole("a JSON array")),
        Format::Recordio => return Err(whole("a RecordIO file")),
        Format::Libsvm => return Err(whole("a libsvm file")),
    };
    let store = match location {
        Location::Store(uri) => options.reader.client(uri, session)?.place().object_store()?,
        Location::File { .. } => Vec::new(),
    };
    Ok(Scan {
        format,
        files: parts.iter().map(Part::address).collect(),
        store,
        columns: options.columns.clone(),
        condition: options.condition.clone(),
    })
}

/// Why a plan over files cannot be made or run.
pub(crate) fn unreadable(shown: &str, format: Format, error: &PolarsError) -> MagicError {
    let mut cause = error;
    while let PolarsError::Context { error, .. } = cause {
        cause = error;
    }
    let said = cause.to_string();
    let reason = said.lines().next().unwrap_or_default();
    let quoted = || reason.split_once('"')?.1.split_once('"').map(|(column, _)| column);
    match cause {
        PolarsError::ColumnNotFound(_) => {
            let column = quoted().unwrap_or(reason);
            MagicError::not_found(format!("{shown} has no column `{column}`"))
                .with_hint(format!("`%scan {shown}` shows its columns"))
        }
        PolarsError::SQLInterface(_) | PolarsError::SQLSyntax(_) => {
            MagicError::usage(format!("--where cannot be read: {reason}"))
                .with_hint("a condition as it stands behind WHERE in SQL: `--where \"fare > 100 AND kind = 'night'\"`")
        }
        _ => MagicError::data(format!("{shown} cannot be read as {format}: {reason}"))
            .with_hint("`--format` says what it is, if it is something else"),
    }
}
