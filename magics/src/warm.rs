//! What Polars makes once in a process, made while nobody waits for it.

use polars::prelude::*;

use crate::frames;

/// Runs a small query, as a first cell would: Polars starts its threads, and sets aside what its bitmaps share.
pub fn warm_up() {
    let few = df!("name" => ["a", "b", "a"], "number" => [Some(1), None, Some(3)]);
    let grouped = few.map(|few| {
        let some = few.lazy().filter(col("number").gt(0).and(col("name").neq(lit("c"))));
        let by = [col("name"), col("number").alias("first")];
        some.group_by(by).agg([len().alias("rows"), col("number").mean()])
    });
    if let Err(error) = grouped.and_then(frames::run) {
        tracing::warn!(%error, "the first query failed");
    }
}
