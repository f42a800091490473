//! What the fuzz targets share: a small server that knows what a client may do, and the play of one connection's life against it.

pub mod play;
pub mod server;
