//! Benchmarks of `pure-mqtt`: `cargo bench`.
