//! The rules that can be left out, and what the present engine is known to fail at: both tables are to become empty.
//!
//! `PURE_MQTT_YET=all` lets everything through, `PURE_MQTT_YET=Fence,Strict` these rules and the rows in which these features stand: to see how far a
//! repair has come.

use crate::features::{Feature, Set};
use Feature::*;
use std::sync::OnceLock;

/// Combinations that the present engine fails at: a world that draws all of a row loses the row's last. Empty them as repairs land.
pub const NOT_YET: &[(&[Feature], &str)] = &[];

/// What the judges leave out as long as the present engine fails it. Empty it as repairs land.
pub const RULES_NOT_YET: &[(Rule, &str)] = &[];

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

/// A rule that can be left out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(dead_code, reason = "which of them are left out changes")]
pub enum Rule {
    /// E1: `should_close` within the farewell time of a link's end.
    Farewell,
    /// E1: a link that says nothing, or takes nothing, ends in bounded time.
    Ends,
    /// E1: output that nobody takes ends the link, also while input is blocked.
    StuckOutput,
    /// E2: after such a session, exactly once still holds.
    Fence,
    /// E3: properties arrive on a 5.0 link, whatever the version was when the message was accepted.
    Properties,
    /// E4: an answer is never counted as unknown.
    UnknownAcks,
    /// E6: acknowledgements are missed between one and two times the value.
    LateTimeout,
    /// E7, 24: before 5.0 an acknowledgement with an error is one all the same.
    ErrorAcks,
    /// E7: no link ends because of what is tolerated.
    Tolerance,
    /// E8, 29: the log says in which version its frames are.
    JournalVersion,
    /// E8: what a storage has written, one of the same size can be recovered from.
    SmallLog,
    /// E8: where the power fails inside `replace`, or a drop, one of the two messages is there.
    AtomicReplace,
    /// R20: what is recovered equals what was.
    Recovery,
}

impl Rule {
    /// Whether it is checked.
    pub fn holds(self) -> bool {
        static LEFT_OUT: OnceLock<u64> = OnceLock::new();
        let left_out = LEFT_OUT.get_or_init(|| {
            let rules = RULES_NOT_YET.iter().filter(|(rule, _)| !is_let_through(&format!("{rule:?}")));
            rules.map(|(rule, _)| 1 << *rule as u8).sum()
        });
        left_out >> self as u8 & 1 == 0
    }
}

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

/// Whether the environment asks for it all the same.
fn is_let_through(name: &str) -> bool {
    static ASKED: OnceLock<String> = OnceLock::new();
    let asked = ASKED.get_or_init(|| std::env::var("PURE_MQTT_YET").unwrap_or_default());
    asked == "all" || !asked.is_empty() && asked.split(',').any(|asked| asked == name)
}

/// Takes out of a world what fails yet.
pub fn take_out(has: &mut Set) {
    for (combination, _) in NOT_YET {
        let is_asked_for = combination.iter().any(|feature| is_let_through(&format!("{feature:?}")));
        if combination.iter().all(|feature| has.has(*feature)) && !is_asked_for {
            combination.last().iter().for_each(|feature| has.remove(**feature));
        }
    }
}
