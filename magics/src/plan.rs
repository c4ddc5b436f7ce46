//! A plan: rows that are read and made when somebody asks for them.

use std::fmt;
use std::sync::Arc;

use ironsage_exchange::Scan;
use polars::prelude::*;

/// A plan with the columns it will have, so that a look at these opens no file again.
#[derive(Clone)]
pub struct Plan {
    frame: LazyFrame,
    schema: SchemaRef,
    scan: Option<Scan>,
}

impl Plan {
    /// Any plan; it is resolved, and not run.
    pub fn new(mut frame: LazyFrame) -> PolarsResult<Plan> {
        let schema = frame.collect_schema()?;
        Ok(Plan {
            frame,
            schema,
            scan: None,
        })
    }

    /// A plan over files, which are opened for their columns.
    pub fn over(scan: Scan) -> PolarsResult<Plan> {
        let plan = Plan::new(scan.plan()?)?;
        Ok(Plan {
            scan: Some(scan),
            ..plan
        })
    }

    /// The plan itself. Over files it is made anew: one that has looked at them would not notice that they changed.
    ///
    /// # Errors
    /// The files are not there, cannot be read, or have other columns by now.
    pub fn frame(&self) -> PolarsResult<LazyFrame> {
        let Some(scan) = &self.scan else {
            return Ok(self.frame.clone());
        };
        let mut frame = scan.plan()?;
        if frame.collect_schema()? != self.schema {
            polars_bail!(SchemaMismatch: "its files have other columns than they had: `%scan` them again");
        }
        Ok(frame)
    }

    /// The columns with their types.
    pub fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    /// What it reads, where another process can make the same plan of that.
    pub fn scan(&self) -> Option<&Scan> {
        self.scan.as_ref()
    }
}

impl fmt::Debug for Plan {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Plan({} columns)", self.schema.len())
    }
}
