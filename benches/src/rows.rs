//! The table of what is measured.

use crate::client::{READ, Setup, Version};

/// One line of the result.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    pub name: &'static str,
    pub work: Work,
    pub setup: Setup,
}

/// The order in which a server acknowledges.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Order {
    Sent,
    Reversed,
    Shuffled,
}

/// What is done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Work {
    /// A window of messages is published and sent, then its acknowledgements come; on a new client each time if `fresh`.
    Outbound { order: Order, fresh: bool },
    /// Messages come in reads of so many bytes, and what is owed for them leaves.
    Inbound { read: usize },
    /// The link is lost with a window of unacknowledged messages, and all are sent again on the next.
    Resume,
    /// A client is made, connects, and subscribes.
    Connect,
    /// What a connection holds right after CONNACK: bytes instead of nanoseconds.
    Idle,
    /// So many idle connections: one look at each one's next deadline.
    Deadlines { connections: usize },
    /// So many messages wait while no link is up, which is all that the queue takes; one more command each time.
    Queue { press: Press },
    /// No client: the bytes of a message are copied in reads of so many bytes.
    Copy { read: usize },
}

/// What is done to a queue that is full.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Press {
    /// A message takes the place of the oldest.
    DropOldest,
    /// The same where all but a hundred were in flight when the link was lost: those can't be dropped.
    DropOldestBehindSent,
    /// A message takes the place of the one to its topic; each has a topic of its own.
    Latest,
    /// A message to a topic that none waits for is refused.
    LatestMissing,
    /// One from anywhere is withdrawn, and another published.
    Cancel,
    /// One from anywhere is replaced.
    Replace,
}

impl Row {
    /// Whether the figures are bytes, not nanoseconds.
    pub fn counts_bytes(&self) -> bool {
        self.work == Work::Idle
    }
}

const BASE: Setup =
    Setup { version: Version::V311, window: 1, qos: 0, properties: false, alias: false, payload: 64, shared: false };
const MEGABYTE: usize = 1 << 20;
/// What one segment of TCP carries over Ethernet.
const SEGMENT: usize = 1_460;

const fn row(name: &'static str, work: Work, setup: Setup) -> Row {
    Row { name, work, setup }
}

const fn outbound(name: &'static str, version: Version, qos: u8, window: usize, order: Order) -> Row {
    row(name, Work::Outbound { order, fresh: false }, Setup { version, window, qos, ..BASE })
}

const fn inbound(name: &'static str, version: Version, qos: u8) -> Row {
    row(name, Work::Inbound { read: READ }, Setup { version, window: 0, qos, ..BASE })
}

const fn reads(name: &'static str, read: usize) -> Row {
    row(name, Work::Inbound { read }, Setup { window: 0, ..BASE })
}

const fn queue(name: &'static str, press: Press) -> Row {
    row(name, Work::Queue { press }, Setup { window: 60_000, qos: 1, ..BASE })
}

const fn large(name: &'static str, work: Work, window: usize, shared: bool) -> Row {
    row(name, work, Setup { window, payload: MEGABYTE, shared, ..BASE })
}

const SENT: Work = Work::Outbound { order: Order::Sent, fresh: false };
const FRESH: Work = Work::Outbound { order: Order::Sent, fresh: true };
const V5: Setup = Setup { version: Version::V5, ..BASE };

/// Routing one message among 100,000 filters gets its row here, once there is a router.
#[rustfmt::skip]
pub const ROWS: &[Row] = &[
    outbound("3.1.1 QoS 1, window 1", Version::V311, 1, 1, Order::Sent),
    outbound("3.1.1 QoS 1, window 64", Version::V311, 1, 64, Order::Sent),
    outbound("3.1.1 QoS 1, window 1,000", Version::V311, 1, 1_000, Order::Sent),
    outbound("3.1.1 QoS 1, window 10,000", Version::V311, 1, 10_000, Order::Sent),
    outbound("3.1.1 QoS 1, window 60,000", Version::V311, 1, 60_000, Order::Sent),
    outbound("3.1.1 QoS 1, window 60,000, acks reversed", Version::V311, 1, 60_000, Order::Reversed),
    outbound("3.1.1 QoS 1, window 60,000, acks shuffled", Version::V311, 1, 60_000, Order::Shuffled),
    row("3.1.1 QoS 1, window 60,000, fresh", FRESH, Setup { window: 60_000, qos: 1, ..BASE }),
    outbound("5.0 QoS 1, window 1", Version::V5, 1, 1, Order::Sent),
    outbound("5.0 QoS 1, window 64", Version::V5, 1, 64, Order::Sent),
    outbound("5.0 QoS 1, window 10,000", Version::V5, 1, 10_000, Order::Sent),
    outbound("5.0 QoS 1, window 60,000", Version::V5, 1, 60_000, Order::Sent),
    outbound("5.0 QoS 1, window 60,000, acks shuffled", Version::V5, 1, 60_000, Order::Shuffled),
    row("5.0 QoS 1, window 1, three properties", SENT, Setup { qos: 1, properties: true, ..V5 }),
    row("5.0 QoS 1, window 64, three properties", SENT, Setup { window: 64, qos: 1, properties: true, ..V5 }),
    row("5.0 QoS 1, window 64, topic alias", SENT, Setup { window: 64, qos: 1, alias: true, ..V5 }),
    outbound("3.1.1 QoS 2, window 1", Version::V311, 2, 1, Order::Sent),
    outbound("3.1.1 QoS 2, window 64", Version::V311, 2, 64, Order::Sent),
    outbound("3.1.1 QoS 2, window 1,000", Version::V311, 2, 1_000, Order::Sent),
    outbound("3.1.1 QoS 2, window 10,000", Version::V311, 2, 10_000, Order::Sent),
    outbound("5.0 QoS 2, window 1", Version::V5, 2, 1, Order::Sent),
    outbound("5.0 QoS 2, window 64", Version::V5, 2, 64, Order::Sent),

    inbound("3.1.1 inbound QoS 0", Version::V311, 0),
    inbound("3.1.1 inbound QoS 1", Version::V311, 1),
    inbound("3.1.1 inbound QoS 2", Version::V311, 2),
    inbound("5.0 inbound QoS 0", Version::V5, 0),
    inbound("5.0 inbound QoS 1", Version::V5, 1),
    inbound("5.0 inbound QoS 2", Version::V5, 2),
    row("5.0 inbound QoS 0, three properties", Work::Inbound { read: READ }, Setup { window: 0, properties: true, ..V5 }),
    row("5.0 inbound QoS 0, topic alias", Work::Inbound { read: READ }, Setup { window: 0, alias: true, ..V5 }),
    reads("inbound QoS 0, reads of 1 byte", 1),
    reads("inbound QoS 0, reads of 1,460 bytes", SEGMENT),
    reads("inbound QoS 0, reads of 65,536 bytes", 65_536),

    large("1 MB inbound: memcpy", Work::Copy { read: SEGMENT }, 0, false),
    large("1 MB inbound, payload borrowed", Work::Inbound { read: SEGMENT }, 0, false),
    large("1 MB inbound, payload as Bytes", Work::Inbound { read: SEGMENT }, 0, true),
    large("1 MB outbound: memcpy", Work::Copy { read: MEGABYTE }, 0, false),
    large("1 MB outbound, payload copied", SENT, 1, false),
    large("1 MB outbound, payload as Bytes", SENT, 1, true),

    queue("60,000 waiting: drop the oldest", Press::DropOldest),
    queue("60,000 waiting, all but 100 were in flight: drop the oldest", Press::DropOldestBehindSent),
    queue("60,000 waiting: replace the one to the topic", Press::Latest),
    queue("60,000 waiting: refuse a topic that none waits for", Press::LatestMissing),
    queue("60,000 waiting: cancel any and publish", Press::Cancel),
    queue("60,000 waiting: replace any", Press::Replace),

    row("resume with 10,000 unacknowledged", Work::Resume, Setup { window: 10_000, qos: 1, ..BASE }),
    row("connect and subscribe", Work::Connect, BASE),
    row("bytes after CONNACK, 3.1.1", Work::Idle, Setup { window: 20, ..BASE }),
    row("bytes after CONNACK, 5.0", Work::Idle, Setup { window: 20, ..V5 }),
    row("a million connections: one look at each deadline", Work::Deadlines { connections: 1_000_000 }, Setup { window: 20, ..BASE }),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique() {
        let names: std::collections::BTreeSet<_> = ROWS.iter().map(|row| row.name).collect();
        assert_eq!(names.len(), ROWS.len());
    }
}
