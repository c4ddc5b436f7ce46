//! `ironsage`: a Rust kernel for Jupyter whose magics carry the SageMaker workflow.
//!
//! One executable is everything (design, section 3): the kernel that Jupyter starts, the local
//! service behind it, the container contract that the service's jobs and endpoints run, and the few
//! commands that a person types. This file is its table of contents.

mod bridge;
mod carried;
mod cell;
mod commands;
mod complete;
mod engine;
mod failure;
mod front;
mod kernelspec;
mod service;

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, Parser, Subcommand};

/// A Rust kernel for Jupyter: S3 data to frames, plots, trained models and endpoints, from cells.
#[derive(Parser)]
#[command(name = "ironsage", version, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run as a Jupyter kernel (Jupyter starts this)
    Kernel {
        /// The connection file that Jupyter wrote
        #[arg(short = 'f', long = "connection-file")]
        connection_file: PathBuf,
    },
    /// Tell Jupyter where the kernel is
    Install(Where),
    /// Take the kernel away from Jupyter
    Uninstall(Where),
    /// Put Polars, ndarray and plotters in place for Rust cells, ready-made (the first Rust cell does it, too)
    Warm {
        /// A checkout of Ironsage that was built already, in place of the sources in this executable
        #[arg(long, value_name = "FOLDER")]
        from: Option<PathBuf>,
    },
    /// The SageMaker-compatible service of this machine
    #[command(subcommand)]
    Local(Local),
    /// Train as a SageMaker container does: reads and writes /opt/ml
    Train,
    /// Serve a model as a SageMaker container does: /ping and /invocations
    Serve,
    /// Check toolchain, prelude, kernelspec and service, and say how to mend what is missing
    Doctor,
}

#[derive(Args)]
#[group(multiple = false)]
struct Where {
    /// For this user (the default)
    #[arg(long)]
    user: bool,
    /// For the environment at this prefix
    #[arg(long, value_name = "FOLDER")]
    prefix: Option<PathBuf>,
    /// For the active Python environment
    #[arg(long)]
    sys_prefix: bool,
}

impl Where {
    fn place(self) -> kernelspec::Place {
        match self.prefix {
            Some(prefix) => kernelspec::Place::Prefix(prefix),
            None if self.sys_prefix => kernelspec::Place::SysPrefix,
            None => kernelspec::Place::User,
        }
    }
}

#[derive(Subcommand)]
enum Local {
    /// Start the service, unless it runs
    Start,
    /// Stop the service and what it runs
    Stop,
    /// Tell where the service runs
    Status,
    /// Print what other AWS clients need: `eval "$(ironsage local env)"`
    Env,
    /// Run the service in the foreground (`start` does this in the background)
    Run {
        /// The port to listen on; without it, the one used last
        #[arg(long)]
        port: Option<u16>,
    },
}

fn main() -> ExitCode {
    // evcxr runs this executable again as the process that holds a notebook's Rust variables, and as
    // a wrapper of rustc; this call does not return then.
    ironsage_cells::runtime_hook();
    let arguments = Arguments::parse();
    // The service keeps a log of its own.
    if !matches!(arguments.command, Command::Local(Local::Run { .. })) {
        commands::init_logging();
    }
    let done = match arguments.command {
        Command::Kernel { connection_file } => engine::serve(&connection_file),
        Command::Install(place) => commands::install(&place.place()),
        Command::Uninstall(place) => commands::uninstall(&place.place()),
        Command::Warm { from } => commands::warm(from.as_deref()),
        Command::Local(Local::Start) => commands::local_start(),
        Command::Local(Local::Stop) => commands::local_stop(),
        Command::Local(Local::Status) => commands::local_status(),
        Command::Local(Local::Env) => commands::local_env(),
        Command::Local(Local::Run { port }) => service::run(port),
        Command::Train => commands::train(),
        Command::Serve => commands::serve(),
        Command::Doctor => commands::doctor(),
    };
    match done {
        Ok(code) => code,
        Err(error) => commands::report(&error),
    }
}
