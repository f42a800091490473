//! What a world may have in it.

features! {
    V31 = 25, "A 3.1 link was accepted.";
    V311 = 45, "A 3.1.1 link was accepted.";
    V5 = 70, "A 5.0 link was accepted.";
    Fallback = 30, "A server refused 5.0 to an agent that may fall back.";
    SeveralHosts = 50, "Two agents of different identifiers were connected at once.";
    SameId = 12, "A client took the session of another over.";
    TwoRealms = 35, "An agent was accepted in another realm than before.";
    SharedRealm = 35, "An agent resumed a session at another server of the realm.";
    Cut = 60, "A link broke with bytes on the way.";
    Stall = 40, "A stalled transport went on.";
    HalfOpen = 30, "A link went dead without a word.";
    Pieces = 50, "Bytes arrived in pieces.";
    HostileFace = 40, "The face told something late, twice, or about a link that is none.";
    DialFails = 40, "A dial failed.";
    NotBefore = 30, "A dial failed with a time to wait for.";
    Srv = 25, "SRV records were looked up.";
    HostRedial = 12, "The program dialled by itself.";
    Refuses = 30, "The server refused CONNECT.";
    Redirects = 25, "The server named another one.";
    Mute = 25, "A server accepted a link and never answered.";
    ServerEnds = 35, "The server sent DISCONNECT.";
    ServerCloses = 40, "The server closed without a word.";
    LosesSessions = 30, "The server lost a session.";
    Restarts = 25, "The server restarted.";
    Expires = 30, "A session expired by the server's clock.";
    NoIdentifiers = 25, "The server has no Subscription Identifiers.";
    CopyPerFilter = 35, "The server sent a copy for each filter.";
    RefusesMessages = 30, "The server refused a message.";
    RefusesFilters = 30, "The server refused a filter.";
    Poison = 20, "The server hung up at a message.";
    PoisonFilter = 20, "The server hung up at a filter.";
    MaxAttempts = 40, "A message was given up after its attempts.";
    Manual = 50, "The program acknowledged a message by hand.";
    NeverAcks = 15, "The program kept a message to itself.";
    Slow = 40, "A receiver took its time.";
    Overlap = 50, "Two receivers got one message.";
    Default = 30, "The default receiver got a message.";
    DropsReceivers = 35, "A receiver was dropped with messages in its queue.";
    Unsubscribes = 40, "UNSUBSCRIBE was answered.";
    Requests = 40, "A reply came.";
    Flushes = 40, "A flush ended.";
    Withdraws = 35, "A message was withdrawn.";
    Forgets = 30, "A ticket was forgotten.";
    Reclaims = 20, "A message was reclaimed.";
    Relinks = 30, "The program asked for another link.";
    Disconnects = 35, "The program disconnected.";
    DialsServer = 25, "The program dialled a server.";
    Shutdowns = 25, "An agent shut down in the middle.";
    Durable = 50, "A record became durable.";
    SlowStore = 50, "A record took time to become durable.";
    StoreFails = 30, "A write failed.";
    Volatile = 30, "The agent went on without a log.";
    TornTail = 50, "The log ended in a part of a record.";
    PowerLoss = 45, "The agent began again.";
    SmallQueue = 35, "A publish found no room.";
    Displaces = 35, "A message was displaced.";
    SmallWaiting = 30, "Reading stopped for a receiver.";
    Abort = 30, "A message ended with its session.";
    Large = 30, "A message of more than 1,024 bytes was taken.";
    Expiring = 25, "A message expired.";
    OneInFlight = 25, "An agent with one message in flight was connected.";
    ForgetsSession = 25, "The program forgot the session.";
    BeginsAnew = 25, "The program wanted a new session.";
    Qos0 = 60, "A message at QoS 0 left.";
    Cluster = 40, "A node was accepted that is known by a realm of its own.";
    Freezes = 30, "A frozen server accepted a link.";
    PoisonRelease = 20, "The server hung up at a PUBREL.";
    MuteRelease = 20, "The server never answered a PUBREL.";
    Recasts = 50, "An agent began again with its nodes in another order, or without some.";
}

impl Set {
    /// What a seed draws.
    pub fn draw(rng: &mut fastrand::Rng) -> Self {
        let mut set = Self::default();
        for feature in Feature::ALL {
            if rng.u8(0..100) < feature.chance() {
                set.add(*feature);
            }
        }
        set
    }
}
