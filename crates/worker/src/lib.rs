//! Executes one attempt of one run.

pub mod graph;
