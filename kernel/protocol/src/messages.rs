//! The contents of requests and replies, as the protocol lays them out.
//!
//! Fields that front ends leave out have the protocol's defaults; fields that
//! this kernel has no use for are not read.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::engine::{CellFailure, Completeness, Completions, EngineInfo, ExecuteRequest, MimeBundle};
use crate::offsets;
use crate::wire::{PROTOCOL_VERSION, Request};

/// The content of an `execute_request`.
#[derive(Debug, Deserialize)]
pub(crate) struct Execute {
    code: String,
    #[serde(default)]
    silent: bool,
    store_history: Option<bool>,
    #[serde(default)]
    pub(crate) user_expressions: Option<Map<String, Value>>,
    #[serde(default = "yes")]
    allow_stdin: bool,
    #[serde(default = "yes")]
    stop_on_error: bool,
}

fn yes() -> bool {
    true
}

impl Execute {
    /// What the engine gets; its number is given when it begins.
    pub(crate) fn cell(&self, request: &Request) -> ExecuteRequest {
        let metadata = request.metadata.clone();
        let tags = metadata.get("tags").and_then(Value::as_array);
        let tags = tags.into_iter().flatten().filter_map(Value::as_str);
        let cell_id = metadata.get("cellId").and_then(Value::as_str);
        ExecuteRequest {
            code: self.code.clone(),
            silent: self.silent,
            store_history: !self.silent && self.store_history.unwrap_or(true),
            allow_stdin: self.allow_stdin,
            stop_on_error: self.stop_on_error,
            execution_count: 0,
            tags: tags.map(str::to_owned).collect(),
            cell_id: cell_id.map(str::to_owned),
            metadata,
        }
    }
}

/// The content of a `complete_request`.
#[derive(Debug, Deserialize)]
pub(crate) struct Complete {
    pub(crate) code: String,
    /// In code points; at the end where it is left out.
    pub(crate) cursor_pos: Option<usize>,
}

/// The content of an `inspect_request`.
#[derive(Debug, Deserialize)]
pub(crate) struct Inspect {
    pub(crate) code: String,
    pub(crate) cursor_pos: Option<usize>,
    #[serde(default)]
    pub(crate) detail_level: u8,
}

/// The content of an `is_complete_request`.
#[derive(Debug, Deserialize)]
pub(crate) struct IsComplete {
    pub(crate) code: String,
}

/// The content of a `shutdown_request`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Shutdown {
    pub(crate) restart: bool,
}

/// The content of the comm messages, as far as it matters here.
#[derive(Debug, Deserialize)]
pub(crate) struct Comm {
    pub(crate) comm_id: String,
    #[serde(default)]
    pub(crate) target_name: String,
}

/// The content of `display_data`, `update_display_data` and `execute_result`.
#[derive(Serialize)]
pub(crate) struct Shown<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) execution_count: Option<u64>,
    #[serde(flatten)]
    pub(crate) bundle: &'a MimeBundle,
    /// Always an object: nbclient can't do without it.
    pub(crate) transient: Value,
}

pub(crate) fn kernel_info(info: &EngineInfo) -> Value {
    json!({
        "status": "ok",
        "protocol_version": PROTOCOL_VERSION,
        "implementation": info.implementation,
        "implementation_version": info.version,
        "language_info": {
            "name": "rust",
            "version": info.language_version,
            "mimetype": "text/rust",
            "file_extension": ".rs",
            "pygments_lexer": "rust",
            "codemirror_mode": "rust",
            "nbconvert_exporter": "script",
        },
        "banner": info.banner,
        "help_links": info.help_links,
        "debugger": false,
        // Neither a debugger nor subshells: the features that the protocol knows so far.
        "supported_features": [],
    })
}

/// The fields that `error` outputs and error replies have in common.
pub(crate) fn error(failure: &CellFailure) -> Value {
    json!({
        "ename": failure.name,
        "evalue": failure.value,
        "traceback": failure.traceback,
    })
}

pub(crate) fn error_reply(failure: &CellFailure) -> Value {
    let mut content = error(failure);
    content["status"] = "error".into();
    content
}

pub(crate) fn complete_reply(code: &str, completions: &Completions) -> Value {
    let start = offsets::to_code_points(code, completions.start);
    let end = offsets::to_code_points(code, completions.end).max(start);
    let matches: Vec<&str> = completions
        .matches
        .iter()
        .map(|candidate| candidate.text.as_str())
        .collect();
    // The one way to say what a candidate is; IPython began it, JupyterLab shows it.
    let typed: Vec<Value> = completions
        .matches
        .iter()
        .map(|candidate| {
            json!({
                "text": candidate.text,
                "type": candidate.kind.as_deref().unwrap_or("<unknown>"),
                "signature": candidate.signature.as_deref().unwrap_or(""),
                "start": start,
                "end": end,
            })
        })
        .collect();
    json!({
        "status": "ok",
        "matches": matches,
        "cursor_start": start,
        "cursor_end": end,
        "metadata": {"_jupyter_types_experimental": typed},
    })
}

pub(crate) fn inspect_reply(found: Option<&MimeBundle>) -> Value {
    let nothing = MimeBundle::default();
    let bundle = found.unwrap_or(&nothing);
    json!({
        "status": "ok",
        "found": found.is_some(),
        "data": bundle.data,
        "metadata": bundle.metadata,
    })
}

pub(crate) fn is_complete_reply(completeness: &Completeness) -> Value {
    match completeness {
        Completeness::Complete => json!({"status": "complete"}),
        Completeness::Incomplete { indent } => json!({"status": "incomplete", "indent": indent}),
        Completeness::Invalid => json!({"status": "invalid"}),
        Completeness::Unknown => json!({"status": "unknown"}),
    }
}

/// A `debug_reply` carries an answer of the Debug Adapter Protocol.
pub(crate) fn debug_reply(request: &Value, failure: &CellFailure) -> Value {
    let mut content = error_reply(failure);
    content["type"] = "response".into();
    content["success"] = false.into();
    content["request_seq"] = request["seq"].clone();
    content["command"] = request["command"].clone();
    content["message"] = failure.value.clone().into();
    content
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::engine::Match;

    #[test]
    fn silence_is_never_stored() {
        let parse = |text: &str| {
            let content: Execute = serde_json::from_str(text).unwrap();
            let session = crate::wire::Session::new("");
            let (_, message) = session.encode(&[], "execute_request", None, &Map::new(), &json!({}));
            let request = session.decode(crate::Channel::Shell, message).unwrap();
            content.cell(&request)
        };
        let plain = parse(r#"{"code": "1"}"#);
        assert!(plain.store_history && plain.stop_on_error && plain.allow_stdin);
        assert!(!parse(r#"{"code": "1", "silent": true, "store_history": true}"#).store_history);
        assert!(!parse(r#"{"code": "1", "store_history": false}"#).store_history);
    }

    #[test]
    fn completions_go_out_in_code_points() {
        let code = "é😀.le";
        let completions = Completions {
            matches: vec![Match {
                text: "len".to_owned(),
                kind: Some("function".to_owned()),
                signature: None,
            }],
            start: 7,
            end: 9,
        };
        let reply = complete_reply(code, &completions);
        assert_eq!(reply["cursor_start"], 3);
        assert_eq!(reply["cursor_end"], 5);
        let typed = &reply["metadata"]["_jupyter_types_experimental"][0];
        assert_eq!(typed["type"], "function");
        assert_eq!(typed["start"], 3);
    }
}
