//! Nothing but a `Cargo.toml`: it pins the features of the registry crates that several members share.
//!
//! Cargo unifies features over the packages that one command builds. Without this crate, which every member
//! depends on, `cargo build -p one-member` would choose other features than `cargo build --workspace`, and compile
//! the heavy crates a second time. `cargo hakari generate` writes the list.
