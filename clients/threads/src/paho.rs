//! Migrating from paho-mqtt for Python: the replacement of each call, or why there is none.
//!
//! The engine follows the standard where paho deviates from it: see [`pure_mqtt::paho`]. The last column lists further differences.
//!
//! # Construction and options
//!
//! | paho | here | difference |
//! |---|---|---|
//! | `Client(client_id)` | [`Client::new`], [`Client::with`] | |
//! | `callback_api_version` | – | only one: reason codes of 5.0 in all versions, like paho's version 2 |
//! | empty `client_id` | [`Options::new`] | a random identifier where 3.1 or a refusal requires one |
//! | `clean_session`, `clean_start`, `MQTT_CLEAN_START_FIRST_ONLY` | [`Options::clean_start`], [`CleanStart`] | for all versions |
//! | `userdata`, `user_data_set`, `user_data_get` | – | closures capture their data |
//! | `protocol` | [`Options::version`] | |
//! | `transport="tcp"`, `"unix"`, `"websockets"` | [`Server::tcp`], [`Server::unix`], [`Server::websocket`] | part of the address, not of the client |
//! | `reconnect_on_failure` | [`Options::reconnect_on_failure`] | |
//! | retrying with 3.1 when 3.1.1 is refused | [`Options::fallback`] | only on request; starts with 5.0 |
//! | `manual_ack`, `manual_ack_set` | [`Options::manual_acks`] | |
//! | `max_inflight_messages_set` | [`Options::max_inflight`] | also while connected, from the next link on |
//! | `max_queued_messages_set` | [`Options::max_queued`] | QoS 0 messages count; [`Limits::overflow`](pure_mqtt::Limits::overflow) sets what happens when the queue is full |
//! | `message_retry_set` | [`Limits::retry_interval`](pure_mqtt::Limits::retry_interval), by [`Options::limits`] | |
//! | `username_pw_set` | [`Options::user_name`], [`Options::password`], [`Options::without_credentials`] | |
//! | `will_set`, `will_clear`, will properties | [`Options::will`], [`Options::without_will`] | |
//! | connect properties | [`Options::properties`] | |
//! | `reconnect_delay_set` | [`Options::reconnect_delay`] | random, so that many clients do not reconnect at once |
//! | `keepalive` | [`Options::keep_alive`] | |
//! | `connect_timeout` | [`Options::connect_timeout`] | for TCP, TLS and WebSocket together, for each address of a name |
//! | the settable properties of 2.0 (`host`, `keepalive`, …) | [`Client::configure`] | from the next link on, in any state |
//! | the readable ones (`host`, `will_topic`, `logger`, …) | [`Client::limits`], [`Client::version`] | a program knows its own settings; the negotiated values can be queried |
//! | `tls_set` | [`TlsOptions`], [`Server::tls`] | no encrypted keys and no choice of ciphers: the error says how to decrypt a key |
//! | `tls_set_context` | [`Tls`]`::from(Arc<rustls::ClientConfig>)` | also for `cert_reqs=CERT_NONE`, with your own verifier |
//! | `tls_insecure_set` | [`TlsOptions::dangerously_accept_any_name`] | |
//! | `alpn_protocols` | [`TlsOptions::alpn`] | |
//! | `ws_set_options(path, headers)` | [`Server::websocket`], [`Server::header`] | |
//! | `proxy_set` | [`Server::proxy`] | HTTP CONNECT and SOCKS5 |
//! | `enable_logger`, `disable_logger` | [`Client::on_log`], feature `log` | a callback that calls your logger; each packet has a line, as in paho. The features `log` and `tracing` pass the lines to these facades |
//! | `enable_bridge_mode` | [`Options::bridge`] | |
//! | `suppress_exceptions` | – | the thread of [`Client::loop_start`] survives a panic in a callback; in the other loops it propagates, and they can be called again |
//!
//! # Methods
//!
//! | paho | here | difference |
//! |---|---|---|
//! | `connect` | [`Client::connect`] | |
//! | `connect_async` | [`Client::connect_async`] | any loop makes the attempt |
//! | `connect_srv` | – | the standard library can't look up SRV records: use a resolver, then `connect` |
//! | `bind_address`, `bind_port` | – | the system chooses; use a route or a Unix socket instead |
//! | `reconnect` | [`Client::reconnect`] | unsent messages stay queued |
//! | `disconnect(reasoncode, properties)` | [`Client::disconnect`], [`Client::disconnect_with`] | without a link it gives up attempts to connect, and is not an error |
//! | `reinitialise` | [`Client::discard_session`], [`Client::configure`] | messages and subscriptions are discarded |
//! | `publish` | [`Client::publish`], [`Client::publish_with`] | without a link QoS 0 messages are queued too, unless [`Limits::refuse_offline_qos0`](pure_mqtt::Limits::refuse_offline_qos0) |
//! | payloads that are numbers or nothing | `payload.to_string()`, `""` | |
//! | `subscribe` in all its forms | [`Client::subscribe`], [`Client::subscribe_to`] | without a link it is queued; repeated after a lost session; user properties can't be sent |
//! | `unsubscribe` | [`Client::unsubscribe`], [`Client::unsubscribe_from`] | filters are checked |
//! | `ack(mid, qos)` | [`Client::ack`], [`Client::ack_with`] | by [`AckToken`], which is unique, unlike `mid` |
//! | `message_callback_add`, `topic_callback` | [`Client::message_callback_add`] | |
//! | `message_callback_remove` | [`Client::message_callback_remove`] | |
//! | `topic_matches_sub` | [`TopicFilter::matches`](pure_mqtt::TopicFilter::matches) | |
//! | `error_string`, `connack_string` | `Display` of the errors and of [`ReasonCode`](pure_mqtt::ReasonCode) | |
//! | a queue of messages (`queue.Queue` filled by `on_message`) | [`Client::receive`], [`Receiver`] | acknowledges a message when the next one is requested |
//! | – | [`Client::request`], [`Request`] | a message and the reply to it |
//! | `base62` | [`ClientId::from_random`](pure_mqtt::ClientId::from_random) | |
//! | `is_connected` | [`Client::is_connected`] | |
//! | `loop` | [`Client::loop_once`] | |
//! | `loop_forever(retry_first_connection)` | [`Client::loop_forever`], [`Options::retry_first_connection`] | |
//! | `loop_start`, `loop_stop` | [`Client::loop_start`], [`Client::loop_stop`] | after `disconnect` the thread waits for the next `connect` |
//! | `socket`, `want_write`, `loop_read`, `loop_write`, `loop_misc` | – | for your own loop use the engine: [`Connection`](pure_mqtt::Connection) |
//! | `MQTTMessageInfo.mid` | [`MessageInfo::mid`], [`MessageInfo::packet_id`] | a [`Mid`] is never reused |
//! | `MQTTMessageInfo.rc` | [`PublishError`], [`MessageInfo::result`] | |
//! | `MQTTMessageInfo.is_published` | [`MessageInfo::is_published`] | false for a message that was refused |
//! | `MQTTMessageInfo.wait_for_publish` | [`MessageInfo::wait_for_publish`] | returns an error if the message can't be delivered any more, or `disconnect` is called |
//! | `MQTTMessage` | [`Message`], [`OwnedMessage`] | `state` is internal to the engine |
//!
//! # Callbacks
//!
//! Each has the client as its first argument. paho's decorators, `xxx_callback()`, are closures here.
//!
//! | paho | here | difference |
//! |---|---|---|
//! | `on_pre_connect` | [`Client::on_pre_connect`] | |
//! | `on_connect` | [`Client::on_connect`] | [`ConnAck::session`](pure_mqtt::ConnAck::session) also reports what happened to messages |
//! | `on_connect_fail` | [`Client::on_connect_fail`] | |
//! | `on_disconnect` | [`Client::on_disconnect`] | [`LinkEnd`] contains the server's reason |
//! | `on_message` | [`Client::on_message`] | at QoS 2 when PUBLISH arrives, once |
//! | `on_publish` | [`Client::on_publish`] | also for messages given up |
//! | `on_subscribe` | [`Client::on_subscribe`] | each filter with its [`SubscriptionState`](pure_mqtt::subscriptions::SubscriptionState); called once all are answered |
//! | `on_unsubscribe` | [`Client::on_unsubscribe`] | without reason codes: the subscription is removed in any case |
//! | `on_log` | [`Client::on_log`] | [`LogLevel`]; NOTICE is `Info`; [`Options::log_level`] reduces the output |
//! | `on_socket_open`, `on_socket_close`, `on_socket_register_write`, `on_socket_unregister_write` | – | as for `socket` |
//! | – | [`Client::on_auth`], [`Client::authenticate`] | enhanced authentication of 5.0 |
//!
//! # Helpers
//!
//! | paho | here | difference |
//! |---|---|---|
//! | `publish.single` | [`publish::single`] | the settings are an [`Options`] |
//! | `publish.multiple` | [`publish::multiple`] | up to 100 in flight instead of one after the other |
//! | `subscribe.simple(msg_count, retained)` | [`subscribe::simple`], [`subscribe::RetainedMessages`] | always a list |
//! | `subscribe.callback` | [`subscribe::callback`] | ends when the callback disconnects |
//!
//! # Errors and states
//!
//! | paho | here |
//! |---|---|
//! | `MQTT_ERR_NO_CONN` | [`LoopError::NotConnected`]; commands are queued until there is a link |
//! | `MQTT_ERR_CONN_REFUSED`, `MQTT_ERR_PROTOCOL`, `MQTT_ERR_KEEPALIVE` | [`LinkEnd::Mqtt`] |
//! | `MQTT_ERR_CONN_LOST` | [`LinkEnd::ClosedByServer`], [`LinkEnd::Transport`] |
//! | `MQTT_ERR_TLS`, `MQTT_ERR_ERRNO` | [`ConnectError::Layer`], [`ConnectError::Transport`], [`TlsError`] |
//! | `MQTT_ERR_QUEUE_SIZE`, `MQTT_ERR_PAYLOAD_SIZE` | [`PublishError::Rejected`] |
//! | `MQTT_ERR_INVAL`, `ValueError` | [`PublishError::Topic`], [`SubscribeError`], [`ConnectError::Options`] |
//! | `MQTT_ERR_NOT_FOUND` (`ack`) | [`RequestError::Stale`](pure_mqtt::RequestError::Stale) |
//! | `MQTT_ERR_AUTH`, `MQTT_ERR_ACL_DENIED` | the server's [`ReasonCode`](pure_mqtt::ReasonCode) |
//! | `MQTT_ERR_NOMEM`, `MQTT_ERR_AGAIN`, `MQTT_ERR_NOT_SUPPORTED`, `MQTT_ERR_UNKNOWN` | can't occur |
//! | `MQTTException` of the helpers | [`HelperError`] |
//! | `RuntimeError` of a second loop | [`LoopError::AlreadyRunning`] |
//! | the states `MQTT_CS_…` | [`Client::is_connected`], and the callbacks |

#[cfg(doc)]
use crate::*;
