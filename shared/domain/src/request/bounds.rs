//! The bounds of a body that both its readers and the sentences about it name.

/// The most leads in one body.
pub const MAX_LEADS: usize = 1_000;

/// How deep objects and arrays may be nested; the body itself is the first level.
pub const MAX_DEPTH: usize = 16;
