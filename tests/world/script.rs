//! What happens in a world, in order. A script follows from its seed alone; what is left out of it leaves the rest as it was.

use crate::features::{Feature, Set};

macro_rules! kinds {
    ($($name:ident $weight:literal $($feature:ident)?, $about:literal;)*) => {
        /// What a step does.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub enum Kind { $(#[doc = $about] $name,)* }

        impl Kind {
            const ALL: &[(Self, u32, Option<Feature>)] = &[$((Self::$name, $weight, kinds!(@ $($feature)?))),*];
        }
    };
    (@) => { None };
    (@ $feature:ident) => { Some(Feature::$feature) };
}

kinds! {
    Pass 60, "Some milliseconds pass.";
    Wait 14, "Seconds, or a minute.";
    Sleep 1, "An hour or more.";
    Publish 60, "The application publishes.";
    Serve 40, "Another client publishes.";
    Subscribe 6 Requests, "The application subscribes.";
    Unsubscribe 4 Requests, "It unsubscribes.";
    Acknowledge 24 ManualAcks, "It acknowledges a message.";
    Cancel 8 Cancel, "It cancels a message.";
    Replace 8 Replace, "It replaces a message.";
    Abandon 8 Abandon, "It abandons a streamed message.";
    SetLimits 4 SetLimits, "It changes limits between two links.";
    Forget 2 Forget, "It forgets the session.";
    Adopt 2 Adopt, "It adopts a session.";
    Authenticate 5 Auth, "It authenticates again.";
    Goodbye 5 Goodbye, "It ends the link.";
    GoodbyeProperties 4 GoodbyeProperties, "It ends the link with properties.";
    CleanStart 3 CleanStart, "The next link starts clean.";
    Shrink 6 Shrink, "It gives memory back.";
    Clone 5 Clone, "It goes on with a clone.";
    Stall 8 Stall, "The transport stalls for a while.";
    StallForEver 3 StallForEver, "The transport stalls for ever.";
    Cut 8 Cut, "The link breaks, now or after some bytes.";
    LoseConnack 4 LostConnack, "The next CONNACK is lost.";
    StepClock 4 ServerClock, "The server's clock steps.";
    LoseSession 3 SessionLost, "The server loses the session.";
    Expire 3 SessionExpired, "No link for longer than the session lives.";
    Switch 3 TwoServers, "The client goes to the other server.";
    ServerCloses 5 ServerCloses, "The server ends the link.";
    HoldAnswers 6 SlowAnswers, "The server holds answers back.";
    PowerCut 7 PowerCut, "The power fails.";
    Snapshot 6 Snapshot, "The log is replaced by a snapshot.";
    Pause 5 Pause, "The host does nothing for a while.";
    ClockBack 4 ClockBack, "The host's clock goes back.";
    OtherVersion 4 OtherVersion, "The next link speaks another version.";
    Withdraw 9 Withdraw, "The application withdraws a message or a request.";
    Hold 10 Hold, "It holds messages back, or lets them go.";
}

/// One step, with a seed for all that it draws.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    pub kind: Kind,
    pub seed: u64,
}

/// A seed for one purpose of a world.
pub fn seed_for(seed: u64, purpose: u64) -> u64 {
    let mut rng = fastrand::Rng::with_seed(seed ^ purpose.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    rng.u64(..)
}

/// The script of a world that has these features.
pub fn draw(seed: u64, has: Set) -> Vec<Step> {
    let mut rng = fastrand::Rng::with_seed(seed_for(seed, 2));
    let weights: Vec<(Kind, u32)> = Kind::ALL
        .iter()
        .filter(|(_, _, feature)| feature.is_none_or(|feature| has.has(feature)))
        .map(|(kind, weight, _)| (*kind, weight * rng.choice([1, 2, 2, 3, 6]).unwrap_or(1)))
        .collect();
    let total: u32 = weights.iter().map(|(_, weight)| weight).sum();
    let length = rng.usize(250..450);
    let mut step = || {
        let mut left = rng.u32(0..total);
        let chosen = weights.iter().find(|(_, weight)| match left.checked_sub(*weight) {
            Some(rest) => {
                left = rest;
                false
            }
            None => true,
        });
        Step { kind: chosen.map_or(Kind::Pass, |(kind, _)| *kind), seed: rng.u64(..) }
    };
    (0..length).map(|_| step()).collect()
}

impl Kind {
    /// It asks something of the engine, or ends the link.
    pub fn is_command(self) -> bool {
        use Kind::{
            Abandon, Acknowledge, Authenticate, Cancel, Goodbye, GoodbyeProperties, Hold, Publish, Replace, Subscribe,
            Withdraw,
        };
        let messages = matches!(self, Publish | Replace | Cancel | Withdraw | Hold | Abandon | Acknowledge);
        messages || matches!(self, Subscribe | Self::Unsubscribe | Authenticate | Goodbye | GoodbyeProperties)
    }

    /// The feature without which it does nothing.
    pub fn feature(self) -> Option<Feature> {
        Self::ALL.iter().find(|(kind, _, _)| *kind == self).and_then(|(_, _, feature)| *feature)
    }
}
