//! The store against real files. What every dialect must do stands in `conformance` and takes a
//! store; what only a file can do wrong stands beside it.

mod conformance;
mod world;
