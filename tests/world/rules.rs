//! Which features never act together.

use crate::features::Feature;
use Feature::*;

/// With one of the first a world has none of the others, for this reason.
pub const EXCLUDED: &[(&[Feature], &[Feature], &str)] = &[
    (&[Heap, Fixed, Tiny, Borrowed], &[Heap, Fixed, Tiny, Borrowed], "a world has one storage"),
    (&[Borrowed], &[Journal, TornWrite, SlowFlush, PowerCut, Snapshot], "`Borrowed` has no journal here"),
    (&[Borrowed], &[Clone], "`Borrowed` is not `Clone`"),
    (&[DropOldest], &[LatestPerTopic], "one policy at a time"),
    (&[BytesHost], &[PiecesIn], "`BytesBuffer` knows nothing of pieces"),
    (
        &[Strict],
        &[OddAcks, OddConnack, OddMessages, EarlyRelease, BadTopic, TooLong, Overrun, Discard, Deliver],
        "strict keeps to the letter",
    ),
];
