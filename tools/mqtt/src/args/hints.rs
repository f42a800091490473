//! Hints for command lines that are written for mosquitto's clients.

use clap::error::ErrorKind;
use pure_mqtt_client::{Server, ServerError};

use crate::servers::TOPIC_IN_URL;

/// Returns a hint for a mistake of this kind in these arguments.
pub fn hint(kind: ErrorKind, arguments: &[String]) -> Option<&'static str> {
    let (is_in_url, is_property) = (has_topic_in_url(arguments), has_kind_of_property(arguments));
    match kind {
        ErrorKind::MissingRequiredArgument if is_in_url => Some(TOPIC_IN_URL),
        ErrorKind::UnknownArgument if is_property => Some("-D takes NAME=VALUE: -D unit=C"),
        _ => None,
    }
}

/// `-L mqtt://HOST/TOPIC`.
fn has_topic_in_url(arguments: &[String]) -> bool {
    let attached = arguments.iter().filter_map(|one| one.strip_prefix("-L").or_else(|| one.strip_prefix("--url=")));
    let mut urls = after(arguments, ["-L", "--url"]).chain(attached);
    urls.any(|url| matches!(url.parse::<Server>(), Err(ServerError::Path { .. })))
}

/// `-D publish user-property NAME VALUE`.
fn has_kind_of_property(arguments: &[String]) -> bool {
    after(arguments, ["-D", "--user-property"]).any(|value| !value.contains('='))
}

/// Returns the arguments that follow one of these names.
fn after<'a>(arguments: &'a [String], names: [&'static str; 2]) -> impl Iterator<Item = &'a str> {
    let pairs = arguments.iter().zip(arguments.iter().skip(1));
    pairs.filter(move |(name, _)| names.contains(&name.as_str())).map(|(_, value)| value.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_lines_for_mosquitto_get_a_hint() {
        let hint = |kind, line: &str| hint(kind, &line.split(' ').map(str::to_owned).collect::<Vec<_>>());
        for line in ["-L mqtt://host/plant/url -m b", "-Lmqtt://host/plant", "--url=mqtts://host/plant"] {
            assert_eq!(hint(ErrorKind::MissingRequiredArgument, line), Some(TOPIC_IN_URL), "{line}");
        }
        assert_eq!(hint(ErrorKind::MissingRequiredArgument, "-L ws://host/mqtt -m b"), None);
        let properties = |line| hint(ErrorKind::UnknownArgument, line).is_some();
        assert!(properties("-D publish user-property unit C") && !properties("-D unit=C --retian"));
    }
}
