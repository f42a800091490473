//! Which features never act together, and the worlds whose verdict is open.

use crate::features::Feature;
use Feature::*;

/// Worlds whose verdict is open, with what is said of them: they are played, and not judged. The list is to become empty. A change of the engine or of
/// the world may make other worlds of these seeds, and other seeds open: then it is to be drawn up anew.
pub const OPEN: &[(u64, &str)] = &[
    (1768, "E6: an acknowledgement is missed later than after twice the time, in a world that tells of unread bytes"),
    (6761, "3.1: a session that is in doubt twice, through losses of power, costs one link"),
    (8840, "the same"),
    (11700, "a server that overruns Receive Maximum repeats a message that gave way to others"),
    (12247, "E6: a withdrawn request that was shown to a transport that takes nothing; the judge's time begins anew"),
    (14353, "as 1768"),
    (14445, "as 1768"),
    (15211, "as 12247"),
    (15810, "a late `advance` in 5.0: DISCONNECT takes the place of what was shown, so that QoS 0 leaves once more"),
    (16330, "the same"),
    (16387, "in doubt, a repetition after a loss of power is that of another session"),
];

/// The same of the worlds in which the loops of the documentation are the hosts.
pub const OPEN_SHOWN: &[(u64, &str)] = &[(15211, "as 12247 above")];

/// Pairs that can't act in one world, with the reason. A feature alone in its row excludes itself from all pairs.
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
