//! A plan that each process makes for itself: which files are read, and what of them, once somebody looks.

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;

use polars::io::cloud::CloudOptions;
use polars::prelude::*;
use polars::sql::sql_expr;
use serde::{Deserialize, Serialize};

use crate::partitions::{partitions, written};

/// How many rows of a text file are looked at for their types.
const INFER_ROWS: usize = 10_000;

/// Files that are read when a plan runs, and no more of them than it needs. `Debug` shows no secret.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scan {
    /// What the files hold.
    pub format: ScanFormat,
    /// Absolute paths, or `s3://bucket/key`, file by file.
    pub files: Vec<String>,
    /// How `s3://` is reached, in the keys of `object_store`; empty for files of this machine.
    pub store: Vec<(String, String)>,
    /// The columns that there are for the plan; empty is all.
    pub columns: Vec<String>,
    /// A condition in SQL that rows must fulfil.
    pub condition: Option<String>,
}

/// What scanned files hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ScanFormat {
    /// Values separated by a character.
    Csv(CsvScan),
    /// One JSON object a line.
    Ndjson,
    /// Apache Parquet.
    Parquet,
    /// Arrow's file format.
    Ipc,
}

/// How separated values are to be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CsvScan {
    /// What separates the fields of a row.
    pub separator: u8,
    /// Whether the first line holds the names.
    pub header: bool,
    /// Texts that mean "no value".
    pub null_values: Vec<String>,
    /// Whether dates and times are recognised.
    pub dates: bool,
    /// The types of columns that are not to be found out.
    pub dtypes: Vec<(String, DataType)>,
    /// What lines begin with that are no rows.
    pub comment: Option<String>,
}

impl Scan {
    /// The plan; no file is opened.
    pub fn plan(&self) -> PolarsResult<LazyFrame> {
        let paths = || self.files.iter().map(PlRefPath::new).collect();
        let cloud = match self.store.is_empty() {
            true => None,
            false => Some(CloudOptions::from_untyped_config(
                Some(CloudScheme::S3),
                self.store.iter().map(|(key, value)| (key, value)),
            )?),
        };
        let mut plan = match &self.format {
            ScanFormat::Parquet => self.with_folders(|hive_options| {
                let arguments = ScanArgsParquet {
                    cloud_options: cloud.clone(),
                    hive_options,
                    glob: false,
                    ..ScanArgsParquet::default()
                };
                LazyFrame::scan_parquet_files(paths(), arguments)
            })?,
            ScanFormat::Ipc => self.with_folders(|hive_options| {
                let arguments = UnifiedScanArgs {
                    cloud_options: cloud.clone(),
                    hive_options,
                    glob: false,
                    ..UnifiedScanArgs::default()
                };
                LazyFrame::scan_ipc_sources(ScanSources::Paths(paths()), IpcScanOptions::default(), arguments)
            })?,
            ScanFormat::Ndjson => self.by_folder(|files| {
                LazyJsonLineReader::new_paths(files.iter().map(PlRefPath::new).collect())
                    .with_infer_schema_length(NonZeroUsize::new(INFER_ROWS))
                    .with_cloud_options(cloud.clone())
                    .finish()
            })?,
            ScanFormat::Csv(csv) => self.by_folder(|files| csv.plan(files, cloud.clone()))?,
        };
        if let Some(condition) = &self.condition {
            plan = plan.filter(sql_expr(condition)?);
        }
        if !self.columns.is_empty() {
            plan = plan.select(self.columns.iter().map(|name| col(name.as_str())).collect::<Vec<_>>());
        }
        Ok(plan)
    }

    /// The plan of text files, which Polars reads without a look at their folders: a plan for the files of each.
    fn by_folder(&self, plan: impl Fn(&[String]) -> PolarsResult<LazyFrame>) -> PolarsResult<LazyFrame> {
        let Some(values) = partitions(&self.files)? else {
            return plan(&self.files);
        };
        let mut plans = Vec::new();
        let mut start = 0;
        for end in 1..=self.files.len() {
            let same = end < self.files.len() && values.get(end) == values.get(start);
            if same {
                continue;
            }
            let columns = values.columns().iter().map(|column| {
                let value = column.get(start)?.into_static();
                Ok(lit(Scalar::new(column.dtype().clone(), value)).alias(column.name().clone()))
            });
            let columns = columns.collect::<PolarsResult<Vec<Expr>>>()?;
            plans.push(plan(&self.files[start..end])?.with_columns(columns));
            start = end;
        }
        let arguments = UnionArgs {
            to_supertypes: true,
            ..UnionArgs::default()
        };
        concat(plans, arguments)
    }

    /// The plan of files that know their columns: folders called `name=value` are more of them, of the same types as in
    /// other formats.
    fn with_folders(&self, plan: impl Fn(HiveOptions) -> PolarsResult<LazyFrame>) -> PolarsResult<LazyFrame> {
        let Some(values) = partitions(&self.files)? else {
            return plan(HiveOptions::new_disabled());
        };
        // Polars knows the columns by the names that the folders have.
        let written: Vec<&str> = written(&self.files[0]).map(|(name, _)| name).collect();
        let schema = written.iter().zip(values.columns());
        let schema: Schema = schema
            .map(|(name, column)| Field::new((*name).into(), column.dtype().clone()))
            .collect();
        let plan = plan(HiveOptions {
            schema: Some(Arc::new(schema)),
            ..HiveOptions::new_enabled()
        })?;
        let names: Vec<&str> = values
            .get_column_names()
            .into_iter()
            .map(|name| name.as_str())
            .collect();
        Ok(match names == written {
            true => plan,
            false => plan.rename(written, names, true),
        })
    }
}

impl CsvScan {
    fn plan(&self, files: &[String], cloud: Option<CloudOptions>) -> PolarsResult<LazyFrame> {
        let null_values = self.null_values.iter().map(|value| value.as_str().into()).collect();
        let dtypes: Schema = self
            .dtypes
            .iter()
            .map(|(name, dtype)| Field::new(name.as_str().into(), dtype.clone()))
            .collect();
        LazyCsvReader::new_paths(files.iter().map(PlRefPath::new).collect())
            .with_separator(self.separator)
            .with_has_header(self.header)
            .with_null_values((!self.null_values.is_empty()).then_some(NullValues::AllColumns(null_values)))
            .with_try_parse_dates(self.dates)
            .with_dtype_overwrite((!dtypes.is_empty()).then(|| Arc::new(dtypes)))
            .with_comment_prefix(self.comment.as_deref().map(PlSmallStr::from))
            .with_infer_schema_length(Some(INFER_ROWS))
            .with_glob(false)
            .with_cloud_options(cloud)
            .finish()
    }
}

impl fmt::Debug for Scan {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Scan")
            .field("format", &self.format)
            .field("files", &self.files)
            .field("columns", &self.columns)
            .field("condition", &self.condition)
            .finish_non_exhaustive()
    }
}
