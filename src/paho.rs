//! Migrating from paho: which part of this crate replaces which part of the paho-mqtt client, at the protocol level.
//!
//! paho's client combines protocol, sockets and threads in one object. [`Connection`](crate::Connection) is only the
//! protocol: your host has the socket, the thread and the clock. For a ready-made client like paho's use the crate
//! `pure-mqtt-client`. Where paho departs from the standard, this crate follows the standard; the last column shows the
//! difference.
//!
//! # Construction and options
//!
//! | paho | here | differs |
//! |---|---|---|
//! | `Client(client_id)` | [`Connect::new`](crate::Connect::new) | |
//! | empty id with 3.1 becomes a random one | [`ClientId::from_random`](crate::ClientId::from_random) | you pass in the random number |
//! | `clean_session`, `clean_start` | [`Connect::clean_start`](crate::Connect::clean_start) | an empty id without a clean session is [`OpenError::ClientId`](crate::OpenError::ClientId) before 5.0 |
//! | `clean_start=FIRST_ONLY` | open once with `true`, later with `false` | |
//! | `protocol=MQTTv31 / v311 / v5` | [`Version`](crate::Version) | chosen at each `open` |
//! | `reconnect_on_failure` | open again, or don't | a refused version or identifier is an event; nothing is retried automatically; [`VersionFallback`](crate::VersionFallback) returns the version to try next |
//! | `manual_ack` | [`Limits::manual_acks`](crate::Limits::manual_acks) | |
//! | `max_inflight_messages_set` | [`Limits::max_inflight`](crate::Limits::max_inflight) | the server's Receive Maximum applies too, also to retransmissions |
//! | `max_queued_messages_set` | [`Limits::max_queued`](crate::Limits::max_queued) | a full queue refuses the message before it gets an identifier, or drops messages as [`Overflow`](crate::Overflow) says and returns their handles |
//! | `message_retry_set` | [`Limits::retry_interval`](crate::Limits::retry_interval) | 3.1 and 3.1.1 only; off by default; PUBREL without DUP |
//! | `username_pw_set` | [`Connect::user_name`](crate::Connect::user_name), [`password`](crate::Connect::password) | a password alone works in 5.0 |
//! | `will_set`, `will_clear` | [`Will`](crate::Will), [`Connect::will`](crate::Connect::will) | given at each `open` |
//! | connect and will properties | [`Connect::properties`](crate::Connect::properties), [`Will::properties`](crate::Will::properties) | checked; Receive Maximum, Maximum Packet Size and Topic Alias Maximum come from [`Limits`](crate::Limits) |
//! | `reconnect_delay_set` | [`Backoff`](crate::Backoff) | with jitter |
//! | `keepalive` | [`Connect::keep_alive`](crate::Connect::keep_alive) | Server Keep Alive replaces it |
//! | `enable_bridge_mode` | [`Connect::bridge`](crate::Connect::bridge) | |
//! | `enable_logger`, `on_log` | features `log`, `defmt` | |
//! | host, port, TLS, proxy, WebSocket, socket callbacks | your host | |
//!
//! # Methods
//!
//! | paho | here | differs |
//! |---|---|---|
//! | `connect`, `reconnect` | connect a transport, then [`open`](crate::Connection::open) | |
//! | `disconnect(reason, properties)` | [`disconnect`](crate::Connection::disconnect) | without a link it does nothing |
//! | `reinitialise` | [`discard_session`](crate::Connection::discard_session) | every message ends with an outcome |
//! | `publish` | [`publish`](crate::Connection::publish) | [`TopicName`](crate::TopicName) rules out wildcards, empty topics and U+0000; the whole packet is checked against the server's maximum |
//! | `MQTTMessageInfo.mid` | [`Delivery::id`](crate::Delivery::id), [`handle`](crate::Delivery::handle) | the handle never repeats |
//! | `MQTTMessageInfo.is_published` | the handle's event or outcome; QoS 0: [`last_sent_qos0`](crate::Connection::last_sent_qos0) | |
//! | `subscribe`, `SubscribeOptions` | [`subscribe`](crate::Connection::subscribe), [`Subscription`](crate::Subscription) | without a link the request is queued |
//! | `unsubscribe` | [`unsubscribe`](crate::Connection::unsubscribe) | filters are checked |
//! | `ack(mid, qos)` | [`acknowledge`](crate::Connection::acknowledge) | in any order; with reason and properties; sends PUBREC at QoS 2, where paho sends PUBCOMP |
//! | `is_connected` | [`is_connected`](crate::Connection::is_connected) | |
//! | `loop_read` | [`handle_input`](crate::Connection::handle_input) | |
//! | `loop_write`, `want_write` | [`transmit`](crate::Connection::transmit) | |
//! | `loop_misc` | [`handle_timeout`](crate::Connection::handle_timeout) | [`poll_timeout`](crate::Connection::poll_timeout) returns when |
//! | `loop`, `loop_forever`, `loop_start` | your host's loop | |
//! | `topic_matches_sub` | [`TopicFilter::matches`](crate::TopicFilter::matches) | |
//! | `message_callback_add`, `message_callback_remove` | [`router`](crate::router): `insert`, `remove` | `$share` and `$`-topics are matched correctly; `on_message` is the default |
//! | `error_string`, `connack_string` | `Display` of the error types and of [`ReasonCode`](crate::ReasonCode) | |
//!
//! # Callbacks
//!
//! | paho | here | differs |
//! |---|---|---|
//! | `on_connect(flags, reason, properties)` | [`Event::ConnAck`](crate::Event::ConnAck) | reports what happened to the session and to unfinished messages |
//! | `on_disconnect` | [`Event::Disconnect`](crate::Event::Disconnect), the errors of the inputs, [`close_reason`](crate::Connection::close_reason) | |
//! | `on_message` | [`Event::Message`](crate::Event::Message) | at QoS 2 once, when PUBLISH arrives |
//! | `on_publish` | [`Event::PubAck`](crate::Event::PubAck), [`Event::PubComp`](crate::Event::PubComp), [`Event::PubRec`](crate::Event::PubRec) for a refusal; QoS 0: [`last_sent_qos0`](crate::Connection::last_sent_qos0) | a PUBREC with an error ends the message; paho sends PUBREL for it |
//! | `on_subscribe`, `on_unsubscribe` | [`Event::SubAck`](crate::Event::SubAck), [`Event::UnsubAck`](crate::Event::UnsubAck) | a request in flight when the link ends has an [`Outcome`](crate::Outcome) |
//!
//! # Behaviour
//!
//! | subject | paho | here |
//! |---|---|---|
//! | packet identifiers | QoS 0 messages consume them too; an identifier that is in use may be chosen | always a free one, reused as late as possible; messages and requests share them |
//! | QoS 0 while the link is not up | refused | queued, unless [`Limits::refuse_offline_qos0`](crate::Limits::refuse_offline_qos0) |
//! | retransmission after a reconnect | always, whatever the server reports about the session, beyond the window | only on a resumed session, in order, within the window |
//! | a lost session | messages are sent again with DUP | [`OnSessionLoss`](crate::OnSessionLoss): republished or aborted; both are reported |
//! | subscriptions after a lost session | `on_connect` subscribes again | [`subscriptions`](crate::subscriptions) are restored, in packets of a size the server accepts |
//! | Receive Maximum, Maximum QoS, Maximum Packet Size, Retain Available, Topic Alias Maximum, Server Keep Alive | reported only | respected |
//! | keep-alive | PINGREQ when nothing was sent or received; the link ends one keep alive later | the same; the time-out is [`Limits::pingresp_timeout`](crate::Limits::pingresp_timeout) |
//! | bytes from the server | flags, identifiers and UTF-8 are not checked | everything is checked; errors have a reason code of 5.0 |
//! | AUTH | a protocol error | [`Event::Auth`](crate::Event::Auth), [`authenticate`](crate::Connection::authenticate) |
//!
//! # What to read next
//!
//! [`your_own_host`](crate::guide::your_own_host): the loop and the socket. The crate `pure-mqtt-client` is a
//! ready-made client with callbacks and a thread; its module `paho` maps every call.
