//! Which realms a session belongs to: one, or one for each address of a cluster.

use alloc::vec::Vec;

use crate::ids::Realm;

/// The realms that share one session, sorted. A cluster is known by the addresses of its nodes, so it stays the same cluster as long as one address stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Realms(Vec<u8>);

/// Bytes of one realm.
pub(crate) const REALM: usize = 8;

impl Realms {
    pub(crate) fn new(realms: impl IntoIterator<Item = Realm>) -> Self {
        let mut sorted: Vec<_> = realms.into_iter().collect();
        sorted.sort_unstable();
        sorted.dedup();
        Self(sorted.into_iter().flat_map(|realm| realm.0.to_le_bytes()).collect())
    }

    /// From a record of the log, which has whole ones.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }

    /// Each as eight bytes, little-endian.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether a session of the one is known to the other: they have a realm in common.
    pub(crate) fn meets(&self, other: &Self) -> bool {
        self.each().any(|realm| other.each().any(|one| one == realm))
    }

    fn each(&self) -> impl Iterator<Item = &[u8]> {
        self.0.chunks_exact(REALM)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn realms<const N: usize>(numbers: [u64; N]) -> Realms {
        Realms::new(numbers.map(Realm))
    }

    #[test]
    fn a_cluster_is_the_same_as_long_as_one_address_stays() {
        let before = realms([1, 2, 3]);
        assert_eq!(before, realms([3, 1, 2, 2]), "order and repetition don't matter");
        for after in [realms([2]), realms([2, 3]), realms([1, 2, 3, 4]), realms([9, 3])] {
            assert!(before.meets(&after) && after.meets(&before), "{after:?}");
        }
        for other in [realms([]), realms([4]), realms([4, 5, 6])] {
            assert!(!before.meets(&other) && !other.meets(&before), "{other:?}");
        }
        assert_eq!(Realms::from_bytes(before.as_bytes()), before);
    }
}
