//! `songhua`: one binary that serves, and the command line that talks to it.
//!
//! Place in the flow: `serve` wires the roles of a node together; every other command is a client of the public
//! contract, or works on files that nobody has open.

#[cfg(test)]
mod bitemporal;
mod cli;
mod config;
mod demo;
mod node;
mod restore;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    cli::run()
}
