//! `%env` and `%cd`: what shells and Rust cells find around them.

use ironsage_display::{Front, TableOptions, note, table};
use polars::prelude::*;

use crate::error::MagicError;
use crate::language::suggest;
use crate::magic::{Call, Form, Group, Magic, Tail};
use crate::session::Session;

/// Show or set environment variables of shells and Rust cells
#[derive(clap::Args)]
pub(crate) struct Env {}

impl Magic for Env {
    const NAME: &'static str = "env";
    const FORM: Form = Form::Line;
    const GROUP: Group = Group::Notebook;
    const TAIL: Tail = Tail::Raw;
    const EXAMPLES: &'static [(&'static str, &'static str)] = &[
        ("%env RUST_LOG=info", "sets a variable"),
        ("%env RUST_LOG", "shows it; `%env` alone shows all"),
    ];

    fn run(self, call: &Call, session: &Session, front: &dyn Front) -> Result<(), MagicError> {
        let tail = call.tail.trim();
        if tail.is_empty() {
            return list(session, front);
        }
        let (name, value) = match tail.split_once('=').or_else(|| tail.split_once(char::is_whitespace)) {
            Some((name, value)) => (name.trim(), Some(unquoted(value.trim()))),
            None => (tail, None),
        };
        if name.is_empty() || name.contains(char::is_whitespace) {
            return Err(MagicError::usage(format!("`{name}` is no name of a variable")).with_hint("`%env NAME=value`"));
        }
        let told = match value {
            Some(value) => {
                session.set_environment(name, value);
                format!("{name}={}", shown(name, value))
            }
            None => match everything(session).into_iter().find(|(known, _)| known == name) {
                Some((_, value)) => format!("{name}={}", shown(name, &value)),
                None => {
                    let names: Vec<String> = everything(session).into_iter().map(|(name, _)| name).collect();
                    return Err(MagicError::not_found(format!("the variable {name} is not set"))
                        .with_hint_from(suggest::did_you_mean(name, names.iter().map(String::as_str))));
                }
            },
        };
        front.display(&note(told));
        Ok(())
    }
}

fn everything(session: &Session) -> Vec<(String, String)> {
    let mut all: std::collections::BTreeMap<String, String> = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.to_string_lossy().into_owned())))
        .collect();
    all.extend(session.environment());
    all.into_iter().collect()
}

fn list(session: &Session, front: &dyn Front) -> Result<(), MagicError> {
    let all = everything(session);
    let names: Vec<&str> = all.iter().map(|(name, _)| name.as_str()).collect();
    let values: Vec<String> = all.iter().map(|(name, value)| shown(name, value)).collect();
    let frame = df!("name" => names, "value" => values)?;
    front.display(&table(
        &frame,
        &TableOptions {
            rows: frame.height(),
            ..TableOptions::default()
        },
    ));
    Ok(())
}

/// Whether a line of a cell gives a variable of the environment a value that nobody should read: `%env NAME value`, or
/// `NAME=value` anywhere, as shells have it.
pub fn sets_a_secret(line: &str) -> bool {
    let set = line.trim().strip_prefix("%env ").map(str::trim);
    let set = set.and_then(|tail| tail.split_once(char::is_whitespace));
    let assigned = line.split_whitespace().filter_map(|word| word.split_once('='));
    set.into_iter()
        .chain(assigned)
        .any(|(name, value)| shown(name, value) != value)
}

/// A value as it may be seen: secrets are not echoed.
pub(crate) fn shown(name: &str, value: &str) -> String {
    match is_secret(name) && !value.is_empty() {
        true => "… (not shown)".to_owned(),
        false => without_passwords(value),
    }
}

fn is_secret(name: &str) -> bool {
    const SECRET: &[&str] = &[
        "SECRET",
        "TOKEN",
        "PASSWORD",
        "PASSWD",
        "CREDENTIAL",
        "PRIVATE",
        "PASSPHRASE",
        "APIKEY",
        "API_KEY",
        "ACCESS_KEY",
    ];
    const ENDINGS: &[&str] = &["_KEY", "_PAT"];
    let name = name.to_uppercase();
    SECRET.iter().any(|part| name.contains(part)) || ENDINGS.iter().any(|ending| name.ends_with(ending))
}

/// `scheme://user:password@host` without the password, wherever it stands.
fn without_passwords(value: &str) -> String {
    let mut shown = String::new();
    let mut rest = value;
    while let Some((before, after)) = rest.split_once("://") {
        let end = after
            .find(|letter: char| letter == '/' || letter.is_whitespace())
            .unwrap_or(after.len());
        let (authority, next) = after.split_at(end);
        let masked = authority
            .rsplit_once('@')
            .and_then(|(login, host)| Some((login.split_once(':')?.0, host)));
        shown += before;
        shown += "://";
        match masked {
            Some((user, host)) => shown += &format!("{user}:…@{host}"),
            None => shown += authority,
        }
        rest = next;
    }
    shown + rest
}

fn unquoted(value: &str) -> &str {
    for quote in ['"', '\''] {
        if value.len() >= 2 && value.starts_with(quote) && value.ends_with(quote) {
            return &value[1..value.len() - 1];
        }
    }
    value
}

/// Change the folder that relative paths start from
#[derive(clap::Args)]
pub(crate) struct Cd {
    /// The folder; without one, the home folder
    #[arg(value_name = "PATH", default_value = "~")]
    path: String,
}

impl Magic for Cd {
    const NAME: &'static str = "cd";
    const FORM: Form = Form::Line;
    const GROUP: Group = Group::Notebook;
    const EXAMPLES: &'static [(&'static str, &'static str)] = &[
        ("%cd data", "relative paths start in data from now on"),
        ("%cd ..", "and back"),
    ];

    fn run(self, _call: &Call, session: &Session, front: &dyn Front) -> Result<(), MagicError> {
        let path = session.path(&self.path);
        let folder = path
            .canonicalize()
            .map_err(|error| MagicError::file(&path, "go to", &error))?;
        if !folder.is_dir() {
            return Err(MagicError::usage(format!("{} is a file, not a folder", self.path)));
        }
        front.display(&note(folder.display().to_string()));
        session.set_folder(folder);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_sets_a_secret_is_known() {
        for line in [
            "%env AWS_SECRET_ACCESS_KEY=abc",
            "  %env GITHUB_TOKEN abc",
            "!export DB_PASSWORD=abc && run",
            "!psql URL=postgres://me:abc@db/x",
        ] {
            assert!(sets_a_secret(line), "{line}");
        }
        for line in [
            "%env AWS_SECRET_ACCESS_KEY",
            "let token = tokens.next();",
            "%env RUST_LOG=info",
            "a == b",
        ] {
            assert!(!sets_a_secret(line), "{line}");
        }
    }

    #[test]
    fn secrets_are_not_echoed() {
        assert_eq!(shown("AWS_SECRET_ACCESS_KEY", "abc"), "… (not shown)");
        assert_eq!(shown("github_token", "abc"), "… (not shown)");
        for name in ["GPG_PASSPHRASE", "MAPS_APIKEY", "DEPLOY_KEY", "GITHUB_PAT"] {
            assert_eq!(shown(name, "abc"), "… (not shown)", "{name}");
        }
        assert_eq!(shown("RUST_LOG", "info"), "info");
        assert_eq!(shown("PATH", "/usr/bin"), "/usr/bin");
        assert_eq!(
            shown("URLS", "postgres://me:p@ss@db:5432/x http://proxy:80/a@b"),
            "postgres://me:…@db:5432/x http://proxy:80/a@b"
        );
    }
}
