//! Whom TLS trusts, and the sentences about those whom it doesn't.

use pure_mqtt_net::rustls::pki_types::CertificateDer;
use pure_mqtt_net::{
    CertificateProblem, Failure, FailureClass, Fingerprint, Server, Stack, Tls, TlsFailure, TlsOptions,
};

use crate::support::{self, pki, settle, v1};

fn stack(host: &str, tls: Tls) -> Stack {
    Stack::new(&Server::tcp(host, 8883).tls(tls)).unwrap()
}

/// Up, or why not; and whether the server was told the end.
fn meet(host: &str, options: TlsOptions, config: std::sync::Arc<rustls::ServerConfig>) -> Result<(), Failure> {
    let mut stack = stack(host, options.build().unwrap());
    let mut server = support::Server::new(Some(config), false);
    settle(&mut stack, &mut server);
    match stack.failure() {
        Some(failure) => {
            assert!(!stack.is_up() && !stack.wants_input());
            assert!(server.error.is_some_and(|error| error.contains("alert")), "the server is not told");
            Err(failure.clone())
        }
        None => {
            assert!(stack.is_up() && server.is_up());
            Ok(())
        }
    }
}

fn refused(host: &str, options: TlsOptions, config: std::sync::Arc<rustls::ServerConfig>) -> (TlsFailure, String) {
    match meet(host, options, config) {
        Err(failure @ Failure::Tls(_)) => {
            assert_eq!(failure.class(), FailureClass::Certificate, "{failure}");
            let Failure::Tls(inner) = &failure else { panic!() };
            (inner.clone(), failure.to_string())
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_own_authority_is_trusted_by_name() {
    let authority = pki::authority("own");
    let config = pki::signed(pki::params(&["localhost", "10.0.0.1"]), &authority).server();
    for host in ["localhost", "10.0.0.1"] {
        assert_eq!(meet(host, TlsOptions::new().ca_pem(authority.pem()), config.clone()), Ok(()));
    }
    let options = || TlsOptions::new().ca_pem(authority.pem());
    let (failure, text) = refused("other.example", options(), config.clone());
    assert!(matches!(failure, TlsFailure::WrongName { .. }));
    assert!(
        text.contains("for localhost, ") && text.contains("not for other.example") && text.contains("server_name"),
        "{text}"
    );
    assert_eq!(meet("other.example", options().server_name("localhost"), config.clone()), Ok(()));
    assert_eq!(meet("other.example", options().dangerously_accept_any_name(), config), Ok(()));
}

#[test]
fn a_certificate_without_names_is_told() {
    let authority = pki::authority("own");
    let config = pki::signed(pki::params(&[]), &authority).server();
    let (_, text) = refused("localhost", TlsOptions::new().ca_pem(authority.pem()), config);
    assert!(text.contains("names no host") && text.contains("subjectAltName=DNS:localhost"), "{text}");
}

#[test]
fn an_unknown_authority_is_told() {
    let (authority, other) = (pki::authority("own"), pki::authority("other"));
    let config = pki::signed(pki::params(&["localhost"]), &authority).server();
    let (failure, text) = refused("localhost", TlsOptions::new().ca_pem(other.pem()), config.clone());
    assert_eq!(failure, TlsFailure::UnknownIssuer);
    assert!(text.contains("`ca_file`"), "{text}");
    let (failure, _) =
        refused("localhost", TlsOptions::new().ca_pem(other.pem()).dangerously_accept_any_name(), config.clone());
    assert_eq!(failure, TlsFailure::UnknownIssuer);
    assert_eq!(meet("x", TlsOptions::new().dangerously_accept_any_certificate(), config), Ok(()));
}

#[test]
fn a_self_signed_certificate_is_told_with_its_fingerprint_and_can_be_pinned() {
    let server = pki::self_signed(pki::params(&["localhost"]));
    let print = Fingerprint::of(server.certificate.der());
    let options = || TlsOptions::new().ca_pem(pki::authority("own").pem());
    let (failure, text) = refused("localhost", options(), server.server());
    assert_eq!(failure, TlsFailure::Problem(CertificateProblem::SelfSigned(print)));
    assert!(
        text.contains("self-signed") && text.contains(&print.to_string()) && text.contains("`pin_sha256`"),
        "{text}"
    );

    // As openssl prints it.
    let openssl: Vec<_> = print.0.iter().map(|byte| format!("{byte:02X}")).collect();
    for options in [
        TlsOptions::new().pin_sha256(print.to_string()),
        TlsOptions::new().pin_sha256(openssl.join(":")),
        TlsOptions::new().pin_certificate(server.pem()),
        TlsOptions::new().pin_sha256("00".repeat(32)).pin_certificate(server.pem()),
        TlsOptions::new().ca_pem(server.pem()),
    ] {
        assert_eq!(meet("localhost", options, server.server()), Ok(()));
    }
    let (failure, text) = refused("localhost", TlsOptions::new().pin_sha256("00".repeat(32)), server.server());
    assert_eq!(failure, TlsFailure::Problem(CertificateProblem::NotPinned(print)));
    assert!(text.contains(&print.to_string()), "{text}");
}

/// As `openssl req -x509` makes them: CA:TRUE.
#[test]
fn an_authority_that_is_a_server_too_is_told() {
    let mut params = pki::params(&["localhost"]);
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let server = pki::self_signed(params);
    let print = Fingerprint::of(server.certificate.der());
    let (failure, text) = refused("localhost", TlsOptions::new().ca_pem(server.pem()), server.server());
    assert_eq!(failure, TlsFailure::Problem(CertificateProblem::Authority(print)));
    assert!(text.contains("self-signed") && text.contains("`pin_sha256`"), "{text}");
    assert_eq!(meet("localhost", TlsOptions::new().pin_certificate(server.pem()), server.server()), Ok(()));
}

#[test]
fn a_certificate_of_version_1_is_told() {
    let authority = pki::authority("own");
    let server = pki::signed(pki::params(&["localhost"]), &authority);
    let old = v1::downgrade(server.certificate.der(), &authority.key);
    let config = || pki::server_with(vec![CertificateDer::clone(&old)], &server.key);
    for options in [
        TlsOptions::new().ca_pem(authority.pem()),
        TlsOptions::new().pin_sha256(Fingerprint::of(&old).to_string()),
        TlsOptions::new().dangerously_accept_any_certificate(),
    ] {
        let (failure, text) = refused("localhost", options, config());
        assert_eq!(failure, TlsFailure::Problem(CertificateProblem::Version1));
        assert!(text.contains("X.509 version 1") && text.contains("subjectAltName"), "{text}");
    }
}

/// Also by a configuration of rustls that the user has built.
#[test]
fn a_configuration_of_the_users_own_gives_sentences_too() {
    let authority = pki::authority("own");
    let server = pki::signed(pki::params(&["localhost"]), &authority);
    let old = v1::downgrade(server.certificate.der(), &authority.key);
    let mut roots = rustls::RootCertStore::empty();
    roots.add(authority.certificate.der().clone()).unwrap();
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = std::sync::Arc::new(builder.with_root_certificates(roots).with_no_client_auth());
    for (host, chain, word) in [
        ("localhost", vec![old], "X.509 version 1"),
        ("other.example", server.chain(), "not for other.example"),
        ("localhost", pki::self_signed(pki::params(&["localhost"])).chain(), "`ca_file`"),
    ] {
        let mut stack = stack(host, Tls::from(config.clone()));
        settle(&mut stack, &mut support::Server::new(Some(pki::server_with(chain, &server.key)), false));
        let failure = stack.failure().unwrap();
        assert!(failure.to_string().contains(word) && failure.class() == FailureClass::Certificate, "{failure}");
    }
}

#[test]
fn dates_are_told_with_the_clock() {
    let authority = pki::authority("own");
    for (from, to, word) in [(2001, 2002, "expired on 2002-01-01"), (2901, 2902, "not valid before 2901-01-01")] {
        let mut params = pki::params(&["localhost"]);
        params.not_before = rcgen::date_time_ymd(from, 1, 1);
        params.not_after = rcgen::date_time_ymd(to, 1, 1);
        let config = pki::signed(params, &authority).server();
        let (_, text) = refused("localhost", TlsOptions::new().ca_pem(authority.pem()), config);
        assert!(text.contains(word) && text.contains("clock says 2"), "{text}");
    }
}

#[test]
fn a_servers_wish_for_a_client_certificate_is_told() {
    let (authority, other) = (pki::authority("own"), pki::authority("other"));
    let config = pki::signed(pki::params(&["localhost"]), &authority).server_that_asks(&authority);
    let meet = |options: TlsOptions| {
        let mut stack = stack("localhost", options.ca_pem(authority.pem()).build().unwrap());
        let mut server = support::Server::new(Some(config.clone()), false);
        settle(&mut stack, &mut server);
        let failure = stack.failure().cloned();
        assert_eq!(failure.is_none(), server.is_up() && server.error.is_none());
        failure
    };
    let failure = meet(TlsOptions::new()).unwrap();
    assert_eq!(failure.class(), FailureClass::Credentials);
    assert!(failure.to_string().contains("`client_certificate`"), "{failure}");
    let with = |authority| {
        let client = pki::signed(pki::params(&["lamp-7"]), authority);
        TlsOptions::new().client_certificate_pem(client.pem(), client.key.serialize_pem())
    };
    let failure = meet(with(&other)).unwrap();
    assert_eq!(failure.class(), FailureClass::Credentials);
    assert!(failure.to_string().contains("does not accept"), "{failure}");
    assert_eq!(meet(with(&authority)), None);
}

#[test]
fn what_is_not_tls_is_told() {
    let options = || TlsOptions::new().dangerously_accept_any_certificate().build().unwrap();
    for (answer, is_at_once) in
        [(&b"\x20\x02\x00\x00\x00\x00"[..], true), (b"HTTP/1.1 400 Bad Request\r\n\r\n", true), (b"", false)]
    {
        let mut stack = stack("h", options());
        stack.received(answer.to_vec());
        assert_eq!(stack.failure().is_some(), is_at_once);
        stack.end_of_input();
        let failure = stack.failure().unwrap();
        assert!(failure.to_string().contains("mqtt://"), "{failure}");
        assert_eq!(failure.class(), if is_at_once { FailureClass::Lasting } else { FailureClass::Passing });
    }
}

#[test]
fn protocols_are_offered() {
    let authority = pki::authority("own");
    let mut config = (*pki::signed(pki::params(&["localhost"]), &authority).server()).clone();
    config.alpn_protocols = vec![b"mqtt".to_vec()];
    let config = std::sync::Arc::new(config);
    let options = || TlsOptions::new().ca_pem(authority.pem());
    assert_eq!(meet("localhost", options().alpn("mqtt"), config.clone()), Ok(()));
    let mut stack = stack("localhost", options().alpn("x-amzn-mqtt-ca").build().unwrap());
    settle(&mut stack, &mut support::Server::new(Some(config), false));
    assert_eq!(stack.failure(), Some(&Failure::Tls(TlsFailure::NoProtocol)));
}

/// A certificate is public: whoever shows it has to have its key as well, also if it is pinned, or any would do.
#[test]
fn a_certificate_without_its_key_is_worth_nothing() {
    let (server, thief) = (pki::self_signed(pki::params(&["localhost"])), rcgen::KeyPair::generate().unwrap());
    for options in [
        TlsOptions::new().ca_pem(server.pem()),
        TlsOptions::new().pin_certificate(server.pem()),
        TlsOptions::new().dangerously_accept_any_certificate(),
    ] {
        for version in rustls::ALL_VERSIONS {
            let config = pki::server_of(&[version], server.chain(), &thief);
            let (failure, _) = refused("localhost", options.clone(), config);
            assert_eq!(failure, TlsFailure::Certificate(pure_mqtt_net::rustls::CertificateError::BadSignature));
            assert_eq!(
                meet("localhost", options.clone(), pki::server_of(&[version], server.chain(), &server.key)),
                Ok(())
            );
        }
    }
}
