//! The functions of Polars SQL in a line each: how they are written, and what they give. For completion and inspection.

/// Each function, sorted by name.
const FUNCTIONS: &[(&str, &str)] = &[
    ("abs(x)", "the value without its sign"),
    ("acos(x)", "inverse cosine, in radians"),
    ("acosd(x)", "inverse cosine, in degrees"),
    ("array_contains(array, value)", "whether the array has the value"),
    ("array_get(array, n)", "the n-th element, counted from one"),
    ("array_length(array)", "how many elements"),
    ("array_lower(array)", "the smallest element"),
    ("array_mean(array)", "the mean of the elements"),
    ("array_reverse(array)", "the elements from last to first"),
    ("array_sum(array)", "the sum of the elements"),
    (
        "array_to_string(array, ',')",
        "the elements as one text, with a separator",
    ),
    ("array_unique(array)", "each element once"),
    ("array_upper(array)", "the greatest element"),
    ("asin(x)", "inverse sine, in radians"),
    ("asind(x)", "inverse sine, in degrees"),
    ("atan(x)", "inverse tangent, in radians"),
    ("atan2(y, x)", "inverse tangent of y / x, in radians"),
    ("atan2d(y, x)", "inverse tangent of y / x, in degrees"),
    ("atand(x)", "inverse tangent, in degrees"),
    ("avg(x)", "the mean of the group"),
    ("bit_and(a, b)", "bitwise and"),
    ("bit_count(x)", "how many bits are set"),
    ("bit_length(text)", "the length in bits"),
    ("bit_or(a, b)", "bitwise or"),
    ("bit_xor(a, b)", "bitwise exclusive or"),
    ("cbrt(x)", "the cube root"),
    ("ceil(x)", "the next whole number above"),
    ("ceiling(x)", "the same as ceil"),
    ("char_length(text)", "the same as length"),
    ("character_length(text)", "the same as length"),
    ("coalesce(a, b, …)", "the first that is not null"),
    ("columns('^regex$')", "all columns whose names match"),
    ("concat(a, b, …)", "all as one text"),
    ("concat_ws(',', a, b, …)", "all as one text, with a separator"),
    ("corr(a, b)", "Pearson's correlation of two columns"),
    ("cos(x)", "cosine of radians"),
    ("cosd(x)", "cosine of degrees"),
    ("cot(x)", "cotangent of radians"),
    ("cotd(x)", "cotangent of degrees"),
    ("count(x)", "how many are not null; count(*) counts rows"),
    ("covar(a, b)", "the same as covar_samp"),
    ("covar_pop(a, b)", "the covariance of a population"),
    ("covar_samp(a, b)", "the covariance of a sample"),
    (
        "date('2021-03-15', '%Y-%m-%d')",
        "a text as a date; ISO 8601 without a format",
    ),
    ("date_part('year', when)", "year, month, day, hour, … of a date or time"),
    ("degrees(x)", "radians as degrees"),
    (
        "dense_rank() OVER (ORDER BY x)",
        "the rank in a window, without gaps after ties",
    ),
    ("ends_with(text, end)", "whether the text ends so"),
    ("exp(x)", "e to the power of x"),
    ("first(x)", "the first of the group"),
    ("first_value(x) OVER (…)", "the first of the window"),
    ("floor(x)", "the next whole number below"),
    ("greatest(a, b, …)", "the greatest of several columns"),
    ("if(condition, a, b)", "a where it holds, b where not"),
    ("ifnull(x, instead)", "another value for null"),
    ("initcap(text)", "each word with a capital"),
    ("lag(x, n) OVER (…)", "the value n rows before"),
    ("last(x)", "the last of the group"),
    ("last_value(x) OVER (…)", "the last of the window"),
    ("lead(x, n) OVER (…)", "the value n rows after"),
    ("least(a, b, …)", "the smallest of several columns"),
    ("left(text, n)", "the first n characters"),
    ("length(text)", "the length in characters"),
    ("ln(x)", "the natural logarithm"),
    ("log(x, base)", "the logarithm to a base"),
    ("log10(x)", "the logarithm to base 10"),
    ("log1p(x)", "the natural logarithm of x + 1"),
    ("log2(x)", "the logarithm to base 2"),
    ("lower(text)", "in small letters"),
    ("lpad(text, n, fill)", "filled up at the left to n characters"),
    ("ltrim(text)", "without blanks at the left"),
    ("max(x)", "the greatest of the group"),
    ("median(x)", "the median of the group"),
    ("min(x)", "the smallest of the group"),
    ("mod(a, b)", "what remains of a divided by b"),
    ("nullif(a, b)", "null where both are equal, else a"),
    ("octet_length(text)", "the length in bytes"),
    ("pi()", "3.14159…"),
    ("pow(x, n)", "x to the power of n"),
    ("power(x, n)", "the same as pow"),
    ("quantile_cont(x, 0.9)", "a quantile of the group, between two values"),
    ("quantile_disc(x, 0.9)", "a quantile of the group, one of its values"),
    ("radians(x)", "degrees as radians"),
    ("rank() OVER (ORDER BY x)", "the rank in a window, with gaps after ties"),
    ("regexp_like(text, regex, 'i')", "whether a regular expression matches"),
    ("replace(text, old, new)", "another text for each old one"),
    ("reverse(text)", "from last character to first"),
    ("right(text, n)", "the last n characters"),
    ("round(x, n)", "rounded to n decimals, half away from zero"),
    ("row_number() OVER (ORDER BY x)", "1, 2, 3, … in a window"),
    ("rpad(text, n, fill)", "filled up at the right to n characters"),
    ("rtrim(text)", "without blanks at the right"),
    ("sign(x)", "-1, 0 or 1"),
    ("sin(x)", "sine of radians"),
    ("sind(x)", "sine of degrees"),
    ("sqrt(x)", "the square root"),
    ("starts_with(text, start)", "whether the text starts so"),
    ("stddev(x)", "the standard deviation of a sample"),
    ("stddev_samp(x)", "the same as stddev"),
    ("stdev(x)", "the same as stddev"),
    ("stdev_samp(x)", "the same as stddev"),
    ("strftime(when, '%Y-%m')", "a date or time as text, in a format"),
    (
        "strpos(text, part)",
        "where the part begins, counted from one; 0 where it is not",
    ),
    ("strptime(text, '%Y-%m-%d %H:%M')", "a text as a time, in a format"),
    ("substr(text, start, n)", "n characters from start, counted from one"),
    ("sum(x)", "the sum of the group"),
    ("tan(x)", "tangent of radians"),
    ("tand(x)", "tangent of degrees"),
    ("total(x)", "the sum of the group, 0 where there is none"),
    ("unnest(array)", "a row for each element"),
    ("upper(text)", "in capitals"),
    ("var(x)", "the variance of a sample"),
    ("var_samp(x)", "the same as var"),
    ("variance(x)", "the same as var"),
];

/// How a function is written and what it gives; its name in any case.
pub(crate) fn about(name: &str) -> Option<(&'static str, &'static str)> {
    let lower = name.to_lowercase();
    let found = FUNCTIONS
        .iter()
        .find(|(written, _)| written.split('(').next() == Some(&lower));
    found.copied()
}

/// The names of all functions that a query may use: those of Polars that read no files.
pub(crate) fn names() -> Vec<String> {
    let all = polars::sql::keywords::all_functions()
        .into_iter()
        .map(str::to_lowercase);
    let mut names: Vec<String> = all.filter(|name| !name.starts_with("read_")).collect();
    names.sort();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_function_has_its_line() {
        for name in names() {
            assert!(about(&name).is_some(), "{name}");
        }
        assert_eq!(about("LENGTH"), Some(("length(text)", "the length in characters")));
        assert_eq!(about("read_csv"), None);
    }
}
