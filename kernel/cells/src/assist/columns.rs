//! Names in strings: of columns in Polars calls, where `col("le` becomes `col("length`, and of frames in `frame("`.

use crate::host::Host;

/// Functions and methods whose texts name columns.
const CALLS: [&str; 30] = [
    "by_name",
    "col",
    "cols",
    "column",
    "columns",
    "drop",
    "drop_in_place",
    "drop_many",
    "drop_nulls",
    "explode",
    "full_join",
    "get_column_index",
    "group_by",
    "group_by_stable",
    "inner_join",
    "is_duplicated",
    "left_join",
    "partition_by",
    "pivot",
    "rename",
    "replace",
    "select",
    "sort",
    "sort_by",
    "sort_in_place",
    "unique",
    "unique_stable",
    "unnest",
    "unpivot",
    "matrix",
];

/// As many as a person looks through.
const MOST: usize = 500;

/// What a text could go on with that is given to a call, each with Jupyter's word for it.
pub(super) fn texts(
    host: &dyn Host,
    call: &str,
    typed: &str,
    mentioned: &dyn Fn(&str) -> bool,
) -> Vec<(String, &'static str)> {
    let mut names = host.names();
    if call == "frame" {
        names.retain(|name| name.starts_with(typed));
        return names.into_iter().map(|name| (name, "frame")).collect();
    }
    if !CALLS.contains(&call) {
        return Vec::new();
    }
    // Frames that the cell mentions come first.
    names.sort_by_key(|name| !mentioned(name));
    let mut found: Vec<String> = Vec::new();
    for frame in names.iter().filter_map(|name| host.frame(name)) {
        for column in frame.columns() {
            let name = column.name().as_str();
            let plain = !name.contains(['"', '\\']);
            if plain && name.starts_with(typed) && !found.iter().any(|known| known == name) {
                found.push(name.to_owned());
            }
        }
    }
    found.truncate(MOST);
    found.into_iter().map(|name| (name, "column")).collect()
}
