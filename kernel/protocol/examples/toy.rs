//! The toy engine of the tests as a kernel that Jupyter can start: for trying
//! the protocol with real front ends and with conformance suites.
//!
//! `toy CONNECTION_FILE`; a kernelspec's `argv` is `["…/toy", "{connection_file}"]`.

#![allow(clippy::unwrap_used, missing_docs)]

#[path = "../tests/it/toy.rs"]
mod toy;

use std::sync::Arc;

use ironsage_protocol::Connection;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let file = std::env::args().nth(1).ok_or("which connection file?")?;
    let connection = Connection::from_file(file)?;
    ironsage_protocol::run(connection, Arc::new(toy::Toy::default()))?;
    Ok(())
}
