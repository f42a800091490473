//! Files that are not what TLS needs, and the sentences about them.

use std::path::PathBuf;

use pure_mqtt_net::{PemSource, Server, Stack, Tls, TlsError, TlsOptions};

use crate::support::{pki, v1};

const TEXT: PemSource = PemSource::Text;

fn refused(options: TlsOptions) -> TlsError {
    let shown = format!("{options:?}");
    assert!(!shown.contains("BEGIN"), "{shown}");
    let error = options.build().expect_err("it can't be right");
    let text = error.to_string();
    assert!(text.len() > 30 && !text.contains("BEGIN ENC") && !text.ends_with('.'), "{text}");
    error
}

#[test]
fn what_is_no_certificate_is_told() {
    let identity = pki::self_signed(pki::params(&["h"]));
    let der = identity.certificate.der().to_vec();
    let ca = |bytes: Vec<u8>| refused(TlsOptions::new().ca_pem(bytes));
    assert_eq!(ca(der.clone()), TlsError::Der(TEXT));
    assert!(TlsError::Der(TEXT).to_string().contains("openssl x509 -inform der"));
    assert_eq!(ca(b"\x30\x82\x01\x00\x02\x01\x03\x30".to_vec()), TlsError::Pkcs12(TEXT));
    assert_eq!(ca(b"\x30\x06\x02\x01\x03\x30".to_vec()), TlsError::Pkcs12(TEXT));
    assert_eq!(ca(Vec::new()), TlsError::NoCertificate(TEXT));
    assert_eq!(ca(b"hello".to_vec()), TlsError::NoCertificate(TEXT));
    assert_eq!(ca(identity.key.serialize_pem().into_bytes()), TlsError::NoCertificate(TEXT));
    assert_eq!(
        ca(b"-----BEGIN CERTIFICATE-----\n****\n-----END CERTIFICATE-----\n".to_vec()),
        TlsError::Malformed(TEXT)
    );
    assert_eq!(
        ca(b"-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n".to_vec()),
        TlsError::Malformed(TEXT)
    );
    assert_eq!(ca(identity.pem().replace("-----END", "").into_bytes()), TlsError::Malformed(TEXT));
    // A certificate behind its key, as many keep them, and with words around, as openssl writes them.
    let both = format!("Bag Attributes\n{}\nsubject=h\n{}", identity.key.serialize_pem(), identity.pem());
    assert!(TlsOptions::new().ca_pem(both.replace('\n', "\r\n")).build().is_ok());
}

#[test]
fn what_is_no_key_is_told() {
    let identity = pki::self_signed(pki::params(&["h"]));
    let key = |bytes: Vec<u8>| refused(options().client_certificate_pem(identity.pem(), bytes));
    assert_eq!(key(identity.key.serialize_der()), TlsError::Der(TEXT));
    assert_eq!(key(identity.pem().into_bytes()), TlsError::NoKey(TEXT));
    let pkcs8 = identity.key.serialize_pem().replace("PRIVATE", "ENCRYPTED PRIVATE");
    assert_eq!(key(pkcs8.into_bytes()), TlsError::EncryptedKey(TEXT));
    let older = "-----BEGIN RSA PRIVATE KEY-----\n\
        Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\naGVsbG8=\n-----END RSA PRIVATE KEY-----\n";
    assert_eq!(key(older.into()), TlsError::EncryptedKey(TEXT));
    assert!(TlsError::EncryptedKey(TEXT).to_string().contains("openssl pkey"));
    let garbage = "-----BEGIN PRIVATE KEY-----\naGVsbG8=\n-----END PRIVATE KEY-----\n";
    assert_eq!(key(garbage.into()), TlsError::UnsupportedKey(TEXT));
    let other = rcgen::KeyPair::generate().unwrap().serialize_pem();
    assert_eq!(key(other.into_bytes()), TlsError::KeyMismatch { certificate: TEXT, key: TEXT });
    assert!(options().client_certificate_pem(identity.pem(), identity.key.serialize_pem()).build().is_ok());
}

fn options() -> TlsOptions {
    TlsOptions::new().dangerously_accept_any_certificate()
}

#[test]
fn a_clients_certificate_of_version_1_is_told() {
    let identity = pki::self_signed(pki::params(&["h"]));
    let old = v1::downgrade(identity.certificate.der(), &identity.key);
    let body = data_encoding::BASE64.encode(&old);
    let pem = format!("-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n");
    let error = refused(options().client_certificate_pem(pem, identity.key.serialize_pem()));
    assert_eq!(error, TlsError::Version1(TEXT));
}

#[test]
fn files_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing.pem");
    let error = refused(TlsOptions::new().ca_file(&missing));
    assert!(
        matches!(&error, TlsError::Unreadable { path, kind: std::io::ErrorKind::NotFound, .. } if *path == missing)
    );
    assert!(error.to_string().contains("missing.pem"));
    let identity = pki::self_signed(pki::params(&["h"]));
    let (ca, key) = (folder.path().join("ca.der"), folder.path().join("key.pem"));
    std::fs::write(&ca, identity.certificate.der()).unwrap();
    let error = refused(TlsOptions::new().ca_file(&ca));
    assert_eq!(error, TlsError::Der(PemSource::File(ca.clone())));
    assert!(error.to_string().contains("ca.der"));
    std::fs::write(&ca, identity.pem()).unwrap();
    std::fs::write(&key, identity.key.serialize_pem()).unwrap();
    assert!(TlsOptions::new().ca_file(&ca).client_certificate(&ca, &key).build().is_ok());
    assert_eq!(refused(TlsOptions::new().ca_file(PathBuf::from(&key))), TlsError::NoCertificate(PemSource::File(key)));
}

#[test]
fn other_options_are_checked() {
    let identity = pki::self_signed(pki::params(&["h"]));
    for print in ["", "00", "zz", &"0".repeat(63), &"00".repeat(33)] {
        assert_eq!(refused(TlsOptions::new().pin_sha256(print)), TlsError::Fingerprint, "{print}");
    }
    assert_eq!(refused(options().server_name("a b")), TlsError::ServerName);
    assert_eq!(refused(options().alpn("")), TlsError::Alpn);
    assert_eq!(refused(options().alpn(vec![b'x'; 256])), TlsError::Alpn);
    let with_system = TlsOptions::new().system_roots().ca_pem(identity.pem());
    assert!(with_system.build().is_ok());
}

#[test]
fn the_systems_certificates_are_read_once() {
    match (Tls::system(), Tls::system()) {
        (Ok(first), Ok(second)) => {
            assert!(std::sync::Arc::ptr_eq(first.config(), second.config()));
            assert!(Stack::new(&"mqtts://h".parse::<Server>().unwrap()).is_ok());
        }
        (Err(error), _) => assert_eq!(error, TlsError::NoRoots), // a machine without any
        (Ok(_), Err(error)) => panic!("{error}"),
    }
}
