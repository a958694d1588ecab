//! What the bench says to whoever waits, and of what it cannot do.

use crate::failure::Failure;
use std::fmt::Display;

/// One line for who waits, on standard error.
pub(super) fn say(line: impl Display) {
    eprintln!("bench: {line}");
}

/// Turns an error of a library into a failure that says what could not be done.
pub(super) fn cannot<E: Display>(what: &str) -> impl FnOnce(E) -> Failure {
    move |error| Failure::Found(format!("{what}: {error}"))
}
