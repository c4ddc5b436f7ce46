//! What a file holds: told by its first bytes where they are unmistakable, by its name otherwise.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use clap::ValueEnum;

use crate::data::packing::Packing;

/// A format that frames are read from and written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Comma-separated values
    Csv,
    /// Tab-separated values
    Tsv,
    /// Apache Parquet
    Parquet,
    /// One JSON object a line
    Ndjson,
    /// A JSON array of objects
    Json,
    /// Arrow's file format (Feather)
    Ipc,
    /// SageMaker's RecordIO-protobuf
    Recordio,
    /// Sparse rows of text: label index:value …
    Libsvm,
}

impl Format {
    /// The format that a name suggests: `.csv`, `.tsv`, `.parquet`, `.json`, …, with or without `.gz` or `.zst`.
    pub fn of_name(name: &str) -> Option<Format> {
        let name = name.to_lowercase();
        let name = Packing::of_name(&name).map_or(name.as_str(), |packing| packing.stripped(&name));
        Some(match name.rsplit_once('.')?.1 {
            "csv" | "data" | "txt" => Format::Csv,
            "tsv" | "tab" => Format::Tsv,
            "parquet" | "pq" => Format::Parquet,
            "ndjson" | "jsonl" | "jsonlines" => Format::Ndjson,
            "json" => Format::Json,
            "arrow" | "ipc" | "feather" => Format::Ipc,
            "recordio" | "pbr" => Format::Recordio,
            "libsvm" | "svm" | "svmlight" => Format::Libsvm,
            _ => return None,
        })
    }

    /// The format of this content, where the content says it.
    pub fn of_content(content: &[u8], name: &str) -> Option<Format> {
        if content.starts_with(b"PAR1") {
            return Some(Format::Parquet);
        }
        if content.starts_with(b"ARROW1") {
            return Some(Format::Ipc);
        }
        if content.starts_with(&ironsage_formats::recordio::MAGIC.to_le_bytes()) {
            return Some(Format::Recordio);
        }
        let named = Format::of_name(name);
        if matches!(named, Some(Format::Csv | Format::Tsv | Format::Libsvm)) {
            return named;
        }
        match content.iter().find(|byte| !byte.is_ascii_whitespace()) {
            Some(b'[') => Some(Format::Json),
            Some(b'{') => Some(Format::Ndjson),
            _ => named,
        }
    }

    /// The format of a file on this machine, if its first bytes say it.
    pub fn of_head(path: &Path) -> Option<Format> {
        use std::io::Read;
        let mut head = Vec::with_capacity(8);
        std::fs::File::open(path).ok()?.take(8).read_to_end(&mut head).ok()?;
        Format::of_content(&head, "")
    }

    /// Whether its columns can be read apart, and its parts passed over.
    pub fn is_columnar(self) -> bool {
        matches!(self, Format::Parquet | Format::Ipc)
    }

    /// The ending that a file of this format usually has.
    pub fn ending(self) -> &'static str {
        match self {
            Format::Csv => "csv",
            Format::Tsv => "tsv",
            Format::Parquet => "parquet",
            Format::Ndjson => "ndjson",
            Format::Json => "json",
            Format::Ipc => "arrow",
            Format::Recordio => "recordio",
            Format::Libsvm => "libsvm",
        }
    }

    /// How much memory a file of this format takes as a frame while it is read, as a multiple of its size.
    pub fn growth(self) -> u64 {
        match self {
            Format::Csv | Format::Tsv | Format::Recordio => 3,
            Format::Ndjson | Format::Json | Format::Libsvm => 4,
            Format::Parquet => 5,
            Format::Ipc => 2,
        }
    }

    /// The content type that a store is told.
    pub fn content_type(self) -> &'static str {
        match self {
            Format::Csv => "text/csv",
            Format::Tsv => "text/tab-separated-values",
            Format::Parquet => "application/vnd.apache.parquet",
            Format::Ndjson => "application/x-ndjson",
            Format::Json => "application/json",
            Format::Ipc => "application/vnd.apache.arrow.file",
            Format::Recordio => "application/x-recordio-protobuf",
            Format::Libsvm => "text/x-libsvm",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Format::Csv => "CSV",
            Format::Tsv => "TSV",
            Format::Parquet => "Parquet",
            Format::Ndjson => "NDJSON",
            Format::Json => "JSON",
            Format::Ipc => "Arrow IPC",
            Format::Recordio => "RecordIO-protobuf",
            Format::Libsvm => "libsvm",
        })
    }
}

/// A separator of CSV files: one character, or its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Separator(pub u8);

impl FromStr for Separator {
    type Err = String;

    fn from_str(text: &str) -> Result<Separator, String> {
        match text {
            "tab" | "\\t" => Ok(Separator(b'\t')),
            "comma" => Ok(Separator(b',')),
            "semicolon" => Ok(Separator(b';')),
            "space" => Ok(Separator(b' ')),
            "pipe" => Ok(Separator(b'|')),
            _ if text.len() == 1 && text != "\"" && text != "\n" => Ok(Separator(text.as_bytes()[0])),
            _ => Err("one character, or tab, semicolon, space, pipe".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_wins_over_name_where_it_is_unmistakable() {
        assert_eq!(Format::of_content(b"PAR1....", "x.csv"), Some(Format::Parquet));
        assert_eq!(Format::of_content(b"a,b\n1,2\n", "x.csv"), Some(Format::Csv));
        assert_eq!(Format::of_content(b"[x],y\n", "x.csv"), Some(Format::Csv));
        assert_eq!(Format::of_content(b" [{\"a\":1}]", "x.json"), Some(Format::Json));
        assert_eq!(Format::of_content(b"{\"a\":1}\n", "x.json"), Some(Format::Ndjson));
        assert_eq!(Format::of_content(b"a\tb", "x.tsv.gz"), Some(Format::Tsv));
        assert_eq!(Format::of_content(b"a\tb", "x.TSV.zst"), Some(Format::Tsv));
        assert_eq!(
            Format::of_content(b"\x0a\x23\xd7\xce", "part-0"),
            Some(Format::Recordio)
        );
        assert_eq!(Format::of_content(b"1 2:3", "x.svm"), Some(Format::Libsvm));
        assert_eq!(Format::of_content(b"hello", "README"), None);
    }

    #[test]
    fn separators_have_names() {
        assert_eq!("tab".parse(), Ok(Separator(b'\t')));
        assert_eq!(";".parse(), Ok(Separator(b';')));
        assert!("ab".parse::<Separator>().is_err());
        assert!("ä".parse::<Separator>().is_err());
    }
}
