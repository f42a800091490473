use super::*;

#[test]
fn every_end_before_the_start_is_a_sentence_of_its_own() {
    let stages = [Stage::Proxy, Stage::Tls, Stage::WebSocket, Stage::Up];
    let mut sentences: Vec<_> = stages.iter().map(|stage| Failure::EndedEarly(*stage).to_string()).collect();
    sentences.push(Failure::Host.to_string());
    sentences.sort();
    sentences.dedup();
    assert!(sentences.len() == 5 && sentences.iter().all(|text| !text.ends_with('.') && !text.contains("  ")));
}

#[test]
#[cfg(all(feature = "proxy", feature = "websocket"))]
fn a_status_is_classed_and_explained() {
    let status = |code| HttpStatus { code, location: None, retry_after: None };
    for (code, class, word) in [
        (200, FailureClass::Lasting, "/mqtt"),
        (301, FailureClass::Lasting, "somewhere else"),
        (400, FailureClass::Lasting, "wss://"),
        (401, FailureClass::Credentials, "Authorization"),
        (403, FailureClass::Credentials, "Origin"),
        (404, FailureClass::Lasting, "/mqtt"),
        (418, FailureClass::Lasting, "refuses"),
        (429, FailureClass::Passing, "later"),
        (500, FailureClass::Passing, "later"),
        (503, FailureClass::Passing, "broker"),
    ] {
        let failure = Failure::WebSocket(WebSocketFailure::Status(status(code)));
        assert_eq!(failure.class(), class, "{code}");
        assert!(failure.to_string().contains(word) && failure.to_string().contains(&code.to_string()), "{failure}");
    }
    for (code, class) in [
        (302, FailureClass::Lasting),
        (403, FailureClass::Lasting),
        (502, FailureClass::Passing),
        (407, FailureClass::Credentials),
    ] {
        assert_eq!(Failure::Proxy(ProxyFailure::Status(status(code))).class(), class, "{code}");
    }
    for reply in 1..=9 {
        let failure = Failure::Proxy(ProxyFailure::Socks(SocksReply(reply)));
        assert_eq!(failure.class() == FailureClass::Lasting, matches!(reply, 2 | 7..), "{failure}");
    }
}
