//! What happens in a world, and when.

use crate::features::{Feature, Set};
use fastrand::Rng;

/// One thing that happens. `seed` decides the particulars, so that a step is the same whichever others are left out.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    pub at: u64,
    pub op: Op,
    pub seed: u64,
}

macro_rules! operations {
    ($($name:ident $weight:literal $(if $feature:ident)?;)*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Op { $($name,)* }

        /// Operations with how often they are drawn, and what a world must have for them.
        const OPS: &[(Op, u32, Option<Feature>)] = &[$((Op::$name, $weight, operations!(@ $($feature)?)),)*];
    };
    (@ $feature:ident) => { Some(Feature::$feature) };
    (@) => { None };
}

operations! {
    Publish 30;
    Subscribe 12;
    ServerPublish 20;
    Burst 4;
    Unsubscribe 4 if Unsubscribes;
    DropReceiver 4 if DropsReceivers;
    Request 6 if Requests;
    Flush 4 if Flushes;
    Withdraw 5 if Withdraws;
    Forget 4 if Forgets;
    Reclaim 3 if Reclaims;
    Relink 4 if Relinks;
    Disconnect 3 if Disconnects;
    Dial 4 if DialsServer;
    Shutdown 2 if Shutdowns;
    PowerLoss 4 if PowerLoss;
    ForgetSession 3 if ForgetsSession;
    BeginAnew 3 if BeginsAnew;
    UnsubscribeAnyway 2 if Unsubscribes;
    Cut 8 if Cut;
    Stall 6 if Stall;
    HalfOpen 3 if HalfOpen;
    Hostile 8 if HostileFace;
    LoseSessions 4 if LosesSessions;
    Restart 3 if Restarts;
    ServerEnd 4 if ServerEnds;
    ServerClose 5 if ServerCloses;
    Freeze 4 if Freezes;
}

/// The steps of a seed.
pub fn draw(seed: u64, has: Set) -> Vec<Step> {
    let mut rng = Rng::with_seed(seed ^ 0x5EED_0001);
    let pool: Vec<_> = OPS.iter().filter(|(.., needs)| needs.is_none_or(|feature| has.has(feature))).collect();
    // Swarm weights: in each world some operations are frequent, and some don't come.
    let weights: Vec<u32> = pool.iter().map(|(_, weight, _)| weight * rng.u32(0..4)).collect();
    let total: u32 = weights.iter().sum::<u32>().max(1);
    let mut at = 0;
    let count = rng.usize(8..48);
    (0..count)
        .map(|_| {
            at += gap(&mut rng);
            let mut place = rng.u32(0..total);
            let index = weights.iter().position(|weight| {
                let is_here = place < *weight;
                place = place.wrapping_sub(if is_here { 0 } else { *weight });
                is_here
            });
            Step { at, op: pool[index.unwrap_or(0)].0, seed: rng.u64(..) }
        })
        .collect()
}

fn gap(rng: &mut Rng) -> u64 {
    match rng.u8(0..8) {
        0..=2 => 0,
        3 => rng.u64(0..20),
        4 => rng.u64(0..500),
        5 => rng.u64(0..5_000),
        6 => rng.u64(0..20_000),
        _ => rng.u64(0..60_000),
    }
}
