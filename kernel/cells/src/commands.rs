//! evcxr's commands, which a cell may begin with: found, and refused where they would hurt or do nothing.

use crate::error::CellError;

/// Ends the process that runs cells and starts another.
pub(crate) const RESTART: &str = ":restart";

/// Leading `:commands` of a cell, by evcxr's rule: before the first line of Rust, with blank lines
/// and comment lines between.
pub(crate) fn commands(code: &str) -> Vec<&str> {
    let (commands, _) = split_commands(code);
    commands
}

/// The offset at which a cell's Rust begins, behind its commands.
pub(crate) fn rust_start(code: &str) -> usize {
    split_commands(code).1
}

/// The commands and the offset at which Rust begins.
fn split_commands(code: &str) -> (Vec<&str>, usize) {
    let mut commands = Vec::new();
    let mut at = 0;
    for line in code.split_inclusive('\n') {
        let bare = line.trim_end_matches(['\n', '\r']);
        let trimmed = bare.trim_start_matches(' ');
        if trimmed.starts_with(':') || bare.starts_with('!') {
            commands.push(trimmed);
        } else if !bare.starts_with("//") && !bare.trim().is_empty() {
            break;
        }
        at += line.len();
    }
    (commands, at)
}

/// Whether a cell has commands, and all of them are `:dep`.
pub(crate) fn only_adds_crates(code: &str) -> bool {
    let commands = commands(code);
    let adds = |command: &&str| command.split_whitespace().next() == Some(":dep");
    !commands.is_empty() && commands.iter().all(adds)
}

/// Whether a command of evcxr's is among those of a cell.
pub(crate) fn has_command(code: &str, wanted: &str) -> bool {
    commands(code)
        .iter()
        .any(|command| command.split_whitespace().next() == Some(wanted))
}

/// The name that a cell asks evcxr's documentation for, where it does nothing else.
pub(crate) fn documented(code: &str) -> Option<&str> {
    let (commands, end) = split_commands(code);
    match commands.as_slice() {
        [command] if end == code.len() => Some(command.strip_prefix(":doc ")?.trim()),
        _ => None,
    }
}

/// Refuses commands that act on the kernel's own process, that this compiler cannot obey, or that have no effect here.
pub(crate) fn refuse_commands(code: &str) -> Result<(), CellError> {
    commands(code).into_iter().try_for_each(refuse)
}

fn refuse(command: &str) -> Result<(), CellError> {
    let (name, argument) = command.split_once(' ').unwrap_or((command, ""));
    let hint = match name {
        _ if name.starts_with('!') => "shell commands are the kernel's own: `!command` on a line of its own",
        _ if !KNOWN.contains(&name) => "`:help` lists what there is",
        ":quit" => "to end the session, shut the kernel down from the notebook's menu",
        ":env" => "`%env NAME=value` holds for Rust cells, too",
        ":toolchain" | ":allow_static_linking" | ":build_env" | ":load_config" => {
            "cells are compiled against a prelude that is ready: set RUSTUP_TOOLCHAIN or the like before Jupyter starts"
        }
        ":codegen_backend" | ":time_passes" => "it needs a nightly compiler, and cells are compiled by a stable one",
        ":linker" if !argument.is_empty() => "cells are linked by the toolchain's own lld, whatever is set",
        ":sccache" => "what cells are made of is compiled already",
        ":preserve_vars_on_panic" => "variables survive a panic, always",
        ":fmt" => "values are shown by their `{:?}`: `println!(\"{:#x}\", value)` shows one in another form",
        ":types" => "`%who` and `:vars` show types, and so does Shift+Tab",
        ":timing" => "`%%time` in the first line of a cell says how long it took",
        ":opt" if !LEVELS.contains(&argument.trim()) => "the levels are 0, 1, 2 and 3",
        _ => return Ok(()),
    };
    Err(CellError::Refused {
        command: name.to_owned(),
        hint: hint.to_owned(),
    })
}

/// The commands of evcxr 0.22.
const KNOWN: [&str; 33] = [
    ":allow_static_linking",
    ":build_env",
    ":cache",
    ":clear",
    ":clear_cache",
    ":codegen_backend",
    ":dep",
    ":doc",
    ":efmt",
    ":env",
    ":explain",
    ":fmt",
    ":help",
    ":internal_debug",
    ":last_compile_dir",
    ":last_error_json",
    ":linker",
    ":load_config",
    ":offline",
    ":opt",
    ":preserve_vars_on_panic",
    ":quit",
    ":restart",
    ":sccache",
    ":show_deps",
    ":t",
    ":time_passes",
    ":timing",
    ":toolchain",
    ":type",
    ":types",
    ":vars",
    ":version",
];

/// What `:opt` can be given; without one, it changes between 0 and 2.
const LEVELS: [&str; 5] = ["", "0", "1", "2", "3"];

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn commands_that_would_end_or_change_the_kernel_are_refused() {
        for code in [
            ":quit",
            "\n// why\n :quit",
            ":env A=b",
            ":toolchain nightly",
            ":build_env A=b",
            ":opt 9",
            ":linker mold",
            ":nonsense",
            "!ls",
        ] {
            assert!(
                matches!(refuse_commands(code), Err(CellError::Refused { .. })),
                "{code}"
            );
        }
        for code in [
            ":vars",
            ":dep serde",
            ":opt 3",
            ":opt",
            ":linker",
            "let x = 1;\n:quit",
            "quit",
        ] {
            refuse_commands(code).unwrap();
        }
    }

    #[test]
    fn documentation_is_asked_for_alone() {
        assert_eq!(documented(":doc Vec"), Some("Vec"));
        assert_eq!(documented("// what\n:doc  Vec::len \n"), Some("Vec::len"));
        for code in [":doc", ":doc Vec\n1 + 1", ":vars\n:doc Vec", "Vec"] {
            assert_eq!(documented(code), None, "{code}");
        }
    }

    #[test]
    fn commands_are_split_as_evcxr_does() {
        assert_eq!(
            commands("\n// c\n:dep a\n :opt 1\nlet x = 1;\n:quit"),
            [":dep a", ":opt 1"]
        );
    }
}
