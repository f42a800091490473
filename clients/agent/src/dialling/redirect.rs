//! Server References: `host`, `host:port` or `[address]:port`, several with spaces between (§4.11).

use crate::event::Host;

/// The first host that a Server Reference names.
pub(super) fn first_host(reference: &str) -> Option<Host> {
    reference.split_ascii_whitespace().find_map(parse)
}

fn parse(place: &str) -> Option<Host> {
    let (name, port) = match place.strip_prefix('[') {
        Some(address) => {
            let (address, rest) = address.split_once(']')?;
            (address, if rest.is_empty() { None } else { Some(rest.strip_prefix(':')?) })
        }
        None => match place.split_once(':') {
            Some((_, port)) if port.contains(':') => (place, None), // an address of IPv6 without brackets
            Some((name, port)) => (name, Some(port)),
            None => (place, None),
        },
    };
    let port = match port {
        None => None,
        Some(port) => Some(port.parse().ok().filter(|port| *port != 0)?),
    };
    (!name.is_empty()).then(|| Host { name: name.into(), port })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(name: &str, port: impl Into<Option<u16>>) -> Option<Host> {
        Some(Host { name: name.into(), port: port.into() })
    }

    #[test]
    fn references_are_read_as_the_standard_recommends() {
        assert_eq!(first_host("myserver.example.org"), host("myserver.example.org", None));
        assert_eq!(first_host("a.example:8883 b.example"), host("a.example", 8883));
        assert_eq!(first_host("10.10.151.22:8883"), host("10.10.151.22", 8883));
        assert_eq!(first_host("[fe80::1]:1883"), host("fe80::1", 1883));
        assert_eq!(first_host("[fe80::1]"), host("fe80::1", None));
        assert_eq!(first_host("fe80::1"), host("fe80::1", None));
        for nonsense in ["", " ", ":1883", "a:0", "a:x", "a:99999", "[::1", "[::1]1883"] {
            assert_eq!(first_host(nonsense), None, "{nonsense}");
        }
        assert_eq!(first_host("a:x b"), host("b", None));
    }
}
