//! What the libraries have to say, on standard error: warnings always, more when asked for.

use std::io;

use tracing::Level;

/// Starts to pass on what happens inside: warnings, with `-vv` details.
pub fn start(verbose: u8) {
    let level = match verbose {
        0 => Level::WARN,
        1 => Level::INFO,
        _ => Level::DEBUG,
    };
    tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(io::stderr)
        .with_target(verbose > 1)
        .without_time()
        .init();
}
