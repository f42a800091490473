//! What the fuzz targets share: a small server that knows what a client may do, the play of one connection's life against it, and traces that can be
//! changed.

pub mod play;
pub mod server;
pub mod trace;
