use super::*;

fn parse(text: &str) -> Result<Server, ServerError> {
    text.parse()
}

fn refused(text: &str) -> ServerError {
    match parse(text) {
        Err(error) => error,
        Ok(server) => panic!("{text} was read as {server}"),
    }
}

#[test]
fn each_scheme_has_its_port() {
    for (text, shown) in [
        ("mqtt://h", "mqtt://h:1883"),
        ("tcp://h", "mqtt://h:1883"),
        ("MQTT://h/", "mqtt://h:1883"),
        ("mqtt://h:", "mqtt://h:1883"),
        ("mqtt://10.0.0.7:65535", "mqtt://10.0.0.7:65535"),
        (" mqtt://[2001:db8::1]\n", "mqtt://[2001:db8::1]:1883"),
        ("mqtt://[::1]:7", "mqtt://[::1]:7"),
        ("unix:/run/my%20broker", "unix:/run/my broker"),
        ("unix:///run/x", "unix:/run/x"),
        ("unix:relative/x", "unix:relative/x"),
    ] {
        assert_eq!(parse(text).map(|server| server.to_string()), Ok(shown.to_owned()), "{text}");
    }
}

#[test]
#[cfg(all(feature = "tls", feature = "websocket"))]
fn tls_and_websocket_have_theirs() {
    for (text, shown) in [
        ("mqtts://h", "mqtts://h:8883"),
        ("ssl://h", "mqtts://h:8883"),
        ("tls://h:1", "mqtts://h:1"),
        ("ws://h", "ws://h:80/mqtt"),
        ("ws://h/", "ws://h:80/"),
        ("wss://h/a/b%20c?token=hunter2", "wss://h:443/a/b%20c"),
        ("wss://h?X-Amz=1", "wss://h:443/mqtt"),
    ] {
        assert_eq!(parse(text).map(|server| server.to_string()), Ok(shown.to_owned()), "{text}");
    }
    let server = parse("wss://h?X-Amz=1").unwrap();
    assert_eq!(server.websocket_request().unwrap().path, "/mqtt?X-Amz=1");
}

#[test]
fn user_name_and_password_are_decoded() {
    let server = parse("mqtt://a%40b:p%3A%2F%ff%20:x@h:1").unwrap();
    let credentials = server.credentials();
    assert_eq!((credentials.user_name, credentials.password), (Some("a@b"), Some(&b"p:/\xff :x"[..])));
    let server = parse("mqtt://:token@h").unwrap();
    assert_eq!((server.credentials().user_name, server.credentials().password), (None, Some(&b"token"[..])));
    let server = parse("mqtt://me@h").unwrap().password("later");
    assert_eq!((server.credentials().user_name, server.credentials().password), (Some("me"), Some(&b"later"[..])));
}

#[test]
fn a_server_may_move_with_everything_it_has() {
    let server = parse("mqtt://me:secret@a:1").unwrap();
    let moved = server.moved_to(Endpoint::tcp("b", 2));
    assert_eq!((moved.to_string().as_str(), moved.credentials() == server.credentials()), ("mqtt://b:2", true));
}

#[test]
fn every_wrong_url_has_its_own_error() {
    use ServerError::*;
    let scheme = String::from;
    for (text, error) in [
        ("", NoScheme),
        ("broker", NoScheme),
        ("broker:1883", NoScheme),
        ("broker:1883/x", NoScheme),
        ("10.0.0.1:1883", NoScheme),
        ("//h", NoScheme),
        ("mqtt:", NoHost),
        ("mqtt:h", NoHost),
        ("mqtt://", NoHost),
        ("mqtt://:1883", NoHost),
        ("mqtt://u:p@", NoHost),
        ("mqtt:///path", NoHost),
        ("mqtt://h:0", Port),
        ("mqtt://h:65536", Port),
        ("mqtt://h:+80", Port),
        ("mqtt://h:18x", Port),
        ("mqtt://u:p/w@h", Port),
        ("mqtt://u:1/w@h", Credentials),
        ("mqtt://u:p#w@h", Credentials),
        ("mqtt://u:p@w@h", Credentials),
        ("mqtt://u:p w@h", Credentials),
        ("mqtt://u:%zz@h", PercentEncoding),
        ("mqtt://u:100%@h", PercentEncoding),
        ("mqtt://%ff@h", UserNameNotUtf8),
        ("mqtt://::1", Host),
        ("mqtt://2001:db8::1", Host),
        ("mqtt://[::1", Host),
        ("mqtt://[::g]", Host),
        ("mqtt://m\u{fc}nchen.example", Host),
        ("mqtt://a b", Host),
        ("mqtt://h/topic", Path { scheme: scheme("mqtt") }),
        ("tcp://h?x=1", Query { scheme: scheme("tcp") }),
        ("mqtt://h#x", Fragment),
        ("unix:", NoPath),
        ("unix://", NoPath),
        ("unix://u:p@/run/x", CredentialsBeforePath),
        ("unix://host/run/x", HostBeforePath),
        ("unix:/run/%", PercentEncoding),
    ] {
        assert_eq!(refused(text), error, "{text}");
    }
    let error = refused("https://h").to_string();
    assert!(error.contains("`https`") && error.contains("mqtts") && error.ends_with("is wss"), "{error}");
    assert!(matches!(refused("ftp://h"), UnknownScheme { .. }));
}

#[test]
#[cfg(feature = "websocket")]
fn a_header_cannot_smuggle_another() {
    let server = || parse("ws://h").unwrap();
    assert_eq!(server().header("X-A", "1\r\nHost: evil").unwrap_err(), ServerError::HeaderValue);
    assert_eq!(server().header("X A", "1").unwrap_err(), ServerError::HeaderName);
    assert_eq!(server().header("Sec-WebSocket-Key", "1").unwrap_err(), ServerError::HeaderName);
    assert_eq!(server().header("upgrade", "1").unwrap_err(), ServerError::HeaderName);
    assert_eq!(Server::tcp("h", 1).header("X-A", "1").unwrap_err(), ServerError::HeaderWithoutWebSocket);
    for path in ["mqtt", "/a b", "/a\r\nHost: evil", "/a#b", ""] {
        assert_eq!(Server::tcp("h", 1).websocket(path).unwrap_err(), ServerError::WebSocketPath, "{path}");
    }
    let kept = server().header("X-A", "1").unwrap().websocket("/b").unwrap();
    assert_eq!(kept.websocket_request().unwrap().headers.len(), 1);
}

#[test]
#[cfg(all(feature = "websocket", feature = "proxy"))]
fn secrets_are_not_shown() {
    let proxy: Proxy = "http://hunter2:hunter2@p:1".parse().unwrap();
    let server = parse("ws://hunter2:hunter2@h/x?hunter2").unwrap().header("Authorization", "hunter2").unwrap();
    let server = server.proxy(proxy.clone());
    for shown in [
        format!("{server:?}{server}{proxy:?}{proxy}{:?}", server.credentials()),
        format!("{:#?}", server.websocket_request().unwrap().headers),
        format!("{:?}", refused("mqtt://u:hunter2/x@h")),
        refused("mqtt://u:hunter2 @h").to_string(),
    ] {
        assert!(!shown.contains("hunter2"), "{shown}");
    }
    assert!(format!("{server:?}").contains("authorization"));
}

#[test]
#[cfg(feature = "proxy")]
fn proxies_have_urls_too() {
    for (text, shown) in [
        ("http://p", "http://p:80"),
        ("socks5://p", "socks5://p:1080"),
        ("SOCKS5H://[::1]:9", "socks5://[::1]:9"),
        ("http://u:@p:3128/", "http://p:3128"),
    ] {
        assert_eq!(text.parse::<Proxy>().map(|proxy| proxy.to_string()), Ok(shown.to_owned()), "{text}");
    }
    for (text, error) in [
        ("p:3128", ServerError::NoScheme),
        ("socks5://u@p", ServerError::ProxyCredentials),
        ("http://a%3Ab:c@p", ServerError::ProxyCredentials),
        ("http://p/x", ServerError::Path { scheme: "http".into() }),
        ("http://p?x", ServerError::Query { scheme: "http".into() }),
    ] {
        assert_eq!(text.parse::<Proxy>(), Err(error), "{text}");
    }
    assert!(matches!("https://p".parse::<Proxy>(), Err(ServerError::UnknownScheme { .. })));
    let server = Server::tcp("h", 1).proxy(Proxy::socks5("p", 2));
    assert_eq!((server.dial_target(), server.endpoint()), (Endpoint::tcp("p", 2), &Endpoint::tcp("h", 1)));
}

#[test]
fn every_error_is_a_sentence_of_its_own() {
    use ServerError::*;
    let scheme = || String::from("mqtt");
    let errors = [
        NoScheme,
        UnknownScheme { scheme: scheme(), known: &["a", "b"] },
        FeatureMissing { scheme: scheme(), feature: "tls" },
        NoHost,
        Host,
        Port,
        Credentials,
        CredentialsBeforePath,
        HostBeforePath,
        PercentEncoding,
        UserNameNotUtf8,
        Path { scheme: scheme() },
        Query { scheme: scheme() },
        Fragment,
        NoPath,
        WebSocketPath,
        HeaderName,
        HeaderValue,
        HeaderWithoutWebSocket,
        ProxyCredentials,
    ];
    let mut sentences: Vec<_> = errors.iter().map(ToString::to_string).collect();
    assert!(sentences.iter().all(|text| text.len() > 30 && !text.ends_with('.') && !text.contains("  ")));
    sentences.sort();
    sentences.dedup();
    assert_eq!(sentences.len(), errors.len());
}

#[test]
fn no_text_makes_it_panic() {
    const PARTS: [&str; 20] = [
        "mqtt", "wss", "unix", "://", ":", "/", "@", "?", "#", "[", "]", "%", "%41", "h", "::1", "1883", "99999",
        "\u{fc}", " ", "\r\n",
    ];
    let mut random = fastrand::Rng::with_seed(1);
    for _ in 0..20_000 {
        let text: String = (0..random.usize(..9)).map(|_| PARTS[random.usize(..PARTS.len())]).collect();
        if let Ok(server) = parse(&text) {
            let shown = server.to_string();
            assert_eq!(parse(&shown.replace(' ', "%20")).map(|again| again.to_string()), Ok(shown), "{text}");
        }
    }
}
