//! The embedded default, `affitor up` in a directory of its own: what a newcomer sees, and what survives.

mod crash;
mod demo;
mod refusals;
mod servers;
