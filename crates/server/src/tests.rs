//! The server over real connections: what stands before the routes, and the routes with a real
//! daemon behind them.

mod api;
mod assets;
mod changes;
mod document;
mod hostile;
mod layers;
mod live;
mod page;
mod raw;
mod walk;
mod world;
