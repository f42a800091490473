//! What is tolerated of servers that don't keep to the standard: each row of `docs/tolerances.md` in both modes, and what may not be lost by it.

mod acks;
mod bad_topic;
mod ends;
mod extremes;
mod links;
mod release;
mod shown;
mod strict;
mod table;
mod too_long;
