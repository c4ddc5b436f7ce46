//! The commands a person types in a terminal, and what they print.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "these commands talk to a person in a terminal"
)]

use std::{
    io::IsTerminal,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use anyhow::Result;
use ironsage_cells::warm::{self, Progress, WarmError};
use ironsage_container::ContainerError;
use ironsage_contract::{env, home::Home};
use ironsage_local::LocalError;
use ironsage_protocol::{ConnectionError, ProtocolError};

use crate::{carried, kernelspec, service};

/// Logs go to standard error, which Jupyter Server keeps; `IRONSAGE_LOG` chooses how much.
pub(crate) fn init_logging() {
    let filter = tracing_subscriber::EnvFilter::try_from_env(env::ENV_LOG)
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
}

/// Prints why a command failed, and what to do about it.
pub(crate) fn report(error: &anyhow::Error) -> ExitCode {
    macro_rules! told {
        ($($kind:ty),*) => {
            None$(.or_else(|| error.downcast_ref::<$kind>().map(|error| (error.to_string(), error.hint()))))*
        };
    }
    let told = told!(LocalError, ContainerError, WarmError, ConnectionError, ProtocolError);
    let (message, hint) = told.unwrap_or_else(|| (format!("{error:#}"), None));
    eprintln!("error: {message}");
    if let Some(hint) = hint {
        eprintln!("hint: {hint}");
    }
    ExitCode::FAILURE
}

pub(crate) fn install(place: &kernelspec::Place) -> Result<ExitCode> {
    let executable = service::executable()?;
    let folder = kernelspec::install(place, &executable)?;
    println!("installed the kernel `{}` at {}", kernelspec::NAME, folder.display());
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn uninstall(place: &kernelspec::Place) -> Result<ExitCode> {
    match kernelspec::uninstall(place)? {
        Some(folder) => println!("removed {}", folder.display()),
        None => println!("no kernel `{}` is installed there", kernelspec::NAME),
    }
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn warm(workspace: Option<&Path>) -> Result<ExitCode> {
    let folder = service::preludes()?;
    println!("putting Polars, ndarray and plotters in place for Rust cells …");
    let progress = |told: Progress<'_>| {
        if let Progress::Line(line) = told {
            println!("  {line}");
        }
    };
    let installed = match workspace {
        Some(workspace) => warm::install(workspace, &folder, carried::SOURCES, &progress)?,
        // Ctrl-C ends this process, and cargo with it.
        None => warm::install_carried(carried::SOURCES, &folder, &progress, &|| false)?,
    };
    println!("the prelude for Rust cells is in place: {}", installed.display());
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn local_start() -> Result<ExitCode> {
    let home = Home::from_env()?;
    let info = ironsage_local::start_for(&home, &service::executable()?, None)?;
    println!(
        "the local service runs at http://127.0.0.1:{} (process {})",
        info.port, info.pid
    );
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn local_stop() -> Result<ExitCode> {
    if ironsage_local::stop(&Home::from_env()?)? {
        println!("the local service has stopped");
    } else {
        println!("the local service was not running");
    }
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn local_status() -> Result<ExitCode> {
    let home = Home::from_env()?;
    match ironsage_local::status(&home)? {
        Some(info) => {
            println!(
                "running at http://127.0.0.1:{} (process {}, version {}, region {})\nstate: {}",
                info.port,
                info.pid,
                info.version,
                info.region,
                home.service().display()
            );
            Ok(ExitCode::SUCCESS)
        }
        None => {
            println!("not running: `ironsage local start`");
            Ok(ExitCode::from(3))
        }
    }
}

/// Shell lines that point any AWS client at the local service. The key opens nothing but this machine's service.
pub(crate) fn local_env() -> Result<ExitCode> {
    let home = Home::from_env()?;
    let info = ironsage_local::start_for(&home, &service::executable()?, None)?;
    let credentials = ironsage_local::credentials(&home)?;
    let environment = credentials.client_environment(&info.endpoint(), &info.region);
    for (name, value) in &environment.set {
        println!("export {name}={value}");
    }
    println!("unset {}", environment.unset.join(" "));
    Ok(ExitCode::SUCCESS)
}

/// `train` of the container contract: the exit code is the job's.
pub(crate) fn train() -> Result<ExitCode> {
    ironsage_container::train(ironsage_container::TrainOptions::from_env())?;
    Ok(ExitCode::SUCCESS)
}

/// `serve` of the container contract.
pub(crate) fn serve() -> Result<ExitCode> {
    ironsage_container::serve(ironsage_container::ServeOptions::from_env()?)?;
    Ok(ExitCode::SUCCESS)
}

/// One line a thing that must be there, and what to type where it is not.
pub(crate) fn doctor() -> Result<ExitCode> {
    let checks = [
        (
            "rustc 1.95 or newer",
            rustc(),
            "https://rustup.rs, then `rustup update stable`",
        ),
        (
            "the standard library's sources",
            rust_src(),
            "rustup component add rust-src",
        ),
        ("a C compiler", found("cc"), "apt-get install gcc"),
        (
            "the prelude for Rust cells",
            service::preludes()
                .ok()
                .and_then(|folder| warm::ready(&folder, carried::SOURCES))
                .map(shown),
            "`ironsage warm`, or run a Rust cell: either builds it, once per toolchain (20 minutes)",
        ),
        ("the kernelspec", kernelspec::installed().map(shown), "ironsage install"),
        (
            "the local service",
            running(),
            "nothing: the first magic that needs it starts it",
        ),
    ];
    let mut complete = true;
    for (what, there, mend) in checks {
        match there {
            Some(detail) => println!("  ok       {what}: {detail}"),
            None => {
                let idle = what == "the local service";
                complete &= idle;
                println!("  {}  {what}: {mend}", if idle { "idle   " } else { "missing" });
            }
        }
    }
    Ok(if complete { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn shown(path: PathBuf) -> String {
    path.display().to_string()
}

fn running() -> Option<String> {
    let info = ironsage_local::status(&Home::from_env().ok()?).ok()??;
    Some(format!("http://127.0.0.1:{}", info.port))
}

fn rustc() -> Option<String> {
    let version = output("rustc", &["--version"])?;
    let minor: u32 = version.split(['.', ' ']).nth(2)?.parse().ok()?;
    (version.starts_with("rustc 1.") && minor >= 95).then_some(version)
}

fn rust_src() -> Option<String> {
    let sysroot = PathBuf::from(output("rustc", &["--print", "sysroot"])?);
    let sources = sysroot.join("lib/rustlib/src/rust/library/std");
    sources.is_dir().then(|| shown(sources))
}

fn found(program: &str) -> Option<String> {
    output(program, &["--version"])
}

/// The first line that a program prints.
fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    output.status.success().then_some(())?;
    let text = String::from_utf8(output.stdout).ok()?;
    text.lines().next().map(str::to_owned)
}
