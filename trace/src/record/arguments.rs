//! How the arguments of commands stand in a record.

use pure_mqtt::{Ack, Auth, Connect, Disconnect, Payload, Publish, Subscription, TopicFilter, Will};

use crate::record::pen::RecordWriter;
use crate::redact::Redact;
use crate::tag;

impl RecordWriter<'_> {
    pub(super) fn connect(&mut self, connect: &Connect<'_>, redact: Redact) {
        let flag = |on: bool, bit: u8| if on { bit } else { 0 };
        self.u8(connect.version.level());
        self.u8(flag(connect.bridge, tag::BRIDGE)
            | flag(connect.clean_start, tag::CLEAN_START)
            | flag(connect.will.is_some(), tag::WILL)
            | flag(connect.user_name.is_some(), tag::USER_NAME)
            | flag(connect.password.is_some(), tag::PASSWORD));
        self.number(connect.keep_alive.into());
        self.bytes(connect.client_id.as_bytes());
        self.properties(&connect.properties, redact.passwords);
        if let Some(will) = &connect.will {
            self.will(will, redact);
        }
        if let Some(user_name) = connect.user_name {
            self.bytes(user_name.as_bytes());
        }
        if let Some(password) = connect.password {
            self.secret(password, redact.passwords);
        }
    }

    fn will(&mut self, will: &Will<'_>, redact: Redact) {
        self.u8(will.qos.bits() | if will.retain { tag::RETAIN } else { 0 });
        self.bytes(will.topic.as_str().as_bytes());
        self.secret(will.payload, redact.payloads);
        self.properties(&will.properties, false);
    }

    pub(super) fn publish(&mut self, publish: &Publish<'_>, redact: Redact) {
        let flag = |on: bool, bit: u8| if on { bit } else { 0 };
        self.u8(publish.qos.bits()
            | flag(publish.retain, tag::RETAIN)
            | flag(!matches!(publish.payload, Payload::Slice(_) | Payload::Streamed(_)), tag::SHARED_PAYLOAD)
            | flag(matches!(publish.payload, Payload::Streamed(_)), tag::STREAMED)
            | flag(publish.correlation_data.is_some(), tag::CORRELATION));
        self.bytes(publish.topic.as_str().as_bytes());
        match publish.payload {
            Payload::Streamed(length) => self.number(length.into()),
            _ => self.secret(publish.payload.as_slice(), redact.payloads),
        }
        if let Some(data) = publish.correlation_data {
            self.bytes(data);
        }
        self.properties(&publish.properties, false);
    }

    pub(super) fn subscription(&mut self, subscription: &Subscription<'_>) {
        self.filter(&subscription.filter);
        self.u8(subscription.qos.bits()
            | u8::from(subscription.no_local) << 2
            | u8::from(subscription.retain_as_published) << 3
            | (subscription.retain_handling as u8) << 4);
    }

    pub(super) fn filter(&mut self, filter: &TopicFilter<'_>) {
        self.bytes(filter.as_str().as_bytes());
    }

    pub(super) fn ack(&mut self, ack: &Ack<'_>) {
        self.u8(ack.reason.0);
        self.properties(&ack.properties, false);
    }

    pub(super) fn auth(&mut self, auth: &Auth<'_>, redact: Redact) {
        self.u8(auth.reason.0);
        self.properties(&auth.properties, redact.passwords);
    }

    pub(super) fn disconnect(&mut self, disconnect: &Disconnect<'_>) {
        self.u8(disconnect.reason.0);
        self.properties(&disconnect.properties, false);
    }
}
