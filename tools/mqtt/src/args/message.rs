//! The arguments for what is published: topic, QoS, properties, and the source of payloads.

use std::path::PathBuf;

use clap::Args;
use pure_mqtt_client::pure_mqtt::{Property, Publish, QoS, TopicName};

use super::OF_5;
use super::values::{self, keep};
use crate::encoding::Encoding;

#[derive(Args, Clone, Debug)]
pub struct MessageArgs {
    /// The topic to publish to
    #[arg(short, long, value_parser = values::topic)]
    pub topic: TopicName<'static>,
    /// The QoS: 0, 1 or 2
    #[arg(short, long, value_name = "QOS", default_value = "0", value_parser = values::qos)]
    pub qos: QoS,
    /// Have the server keep the message for later subscribers of the topic
    #[arg(short, long)]
    pub retain: bool,
    /// How payloads are written: text, hex or base64
    #[arg(long, value_name = "HOW", default_value = "text")]
    pub encoding: Encoding,
    /// Content type of the payload, such as application/json
    #[arg(long, value_name = "TEXT", help_heading = OF_5)]
    pub content_type: Option<String>,
    /// Message expiry: the server discards the message if it was not delivered after this time
    #[arg(long, value_name = "SECONDS", help_heading = OF_5)]
    pub expiry: Option<u32>,
    /// The topic on which replies are expected
    #[arg(long, value_name = "TOPIC", help_heading = OF_5, value_parser = values::topic)]
    pub response_topic: Option<TopicName<'static>>,
    /// Correlation data: replies carry the same
    #[arg(long, value_name = "TEXT", help_heading = OF_5)]
    pub correlation: Option<String>,
    /// A user property; may be repeated
    #[arg(short = 'D', long = "user-property", value_name = "NAME=VALUE", help_heading = OF_5, value_parser = values::user_property)]
    pub user_properties: Vec<(&'static str, &'static str)>,
    /// Mark the payload as UTF-8 text
    #[arg(long, help_heading = OF_5)]
    pub utf8: bool,
}

/// The source of a payload: one of these.
#[derive(Args, Clone, Debug)]
#[group(id = "payload", multiple = false)]
pub struct PayloadArgs {
    /// Publish this text
    #[arg(short, long, value_name = "TEXT", allow_hyphen_values = true)]
    pub message: Option<String>,
    /// Publish the content of this file
    #[arg(short, long, value_name = "PATH")]
    pub file: Option<PathBuf>,
    /// Publish all of the standard input as one message
    #[arg(short, long, alias = "stdin-file")]
    pub stdin: bool,
    /// Publish an empty message
    #[arg(short = 'n', long)]
    pub null_message: bool,
}

/// The source of payloads.
pub enum Source {
    /// These bytes, still encoded.
    Bytes(Vec<u8>),
    File(PathBuf),
    Stdin,
    Lines,
}

impl PayloadArgs {
    pub fn source(&self) -> Option<Source> {
        match (&self.message, &self.file) {
            (Some(text), _) => Some(Source::Bytes(text.as_bytes().to_vec())),
            (_, Some(path)) => Some(Source::File(path.clone())),
            _ if self.stdin => Some(Source::Stdin),
            _ if self.null_message => Some(Source::Bytes(Vec::new())),
            _ => None,
        }
    }
}

impl MessageArgs {
    /// Returns the message, without a payload.
    pub fn message(&self) -> Publish<'static> {
        let mut properties = self.properties();
        properties.extend(self.response_topic.map(|topic| Property::ResponseTopic(topic.as_str())));
        properties
            .extend(self.correlation.clone().map(|text| Property::CorrelationData(keep::<[u8]>(text.into_bytes()))));
        self.with(properties)
    }

    /// Returns the message with response topic and correlation data.
    pub fn request(&self, response_topic: TopicName<'static>, correlation: &'static [u8]) -> Publish<'static> {
        let mut properties = self.properties();
        properties.extend([Property::ResponseTopic(response_topic.as_str()), Property::CorrelationData(correlation)]);
        self.with(properties)
    }

    fn with(&self, properties: Vec<Property<'static>>) -> Publish<'static> {
        let publish = Publish::new(self.topic, &[]).qos(self.qos).retain(self.retain);
        publish.properties(keep::<[_]>(properties))
    }

    /// Returns the message without response topic and correlation data.
    fn properties(&self) -> Vec<Property<'static>> {
        let mut properties = Vec::new();
        properties.extend(self.utf8.then_some(Property::PayloadFormatIndicator(true)));
        properties.extend(self.expiry.map(Property::MessageExpiryInterval));
        properties.extend(self.content_type.clone().map(|text| Property::ContentType(keep::<str>(text))));
        properties.extend(self.user_properties.iter().map(|pair| Property::UserProperty(*pair)));
        properties
    }

    /// Returns the options that need 5.0, and whether they are given.
    pub fn of_5(&self) -> [(&'static str, bool); 6] {
        [
            ("content-type", self.content_type.is_some()),
            ("expiry", self.expiry.is_some()),
            ("response-topic", self.response_topic.is_some()),
            ("correlation", self.correlation.is_some()),
            ("user-property", !self.user_properties.is_empty()),
            ("utf8", self.utf8),
        ]
    }
}
