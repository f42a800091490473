//! The same through the program `mqtt`: as far as its options and its output reach.

mod credentials;
mod exchange;
mod expiry;
mod hole;
mod keeping;
mod large;
mod properties;
mod request;
mod shared;
mod topics;
mod tray;
mod trouble;

pub use self::exchange::{qos_0, qos_1, qos_2};
pub use self::keeping::{retained, will};
pub use self::trouble::{by_sigkill, by_sigterm, cuts};
pub use self::{
    credentials::run as credentials, expiry::run as expiry, hole::run as black_hole, large::run as large,
    properties::run as properties, request::run as request, shared::run as shared, topics::run as utf_8,
};
