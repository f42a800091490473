//! A certificate authority of one test's own.

use std::fs;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

use crate::brokers::Folder;

/// Makes an authority, and with it a certificate for a broker called `name`. Everything
/// lies in `folder`: `ca.pem`, `broker.pem`, `broker.key`.
pub fn make(folder: &Folder, name: &str) {
    let mut authority = CertificateParams::new([]).expect("no names are fine");
    let path = folder.as_path().display();
    authority
        .distinguished_name
        .push(DnType::CommonName, format!("the authority of {path}")); // unlike every other
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().expect("a key can be made");
    let ca = authority.self_signed(&key).expect("an authority signs itself");
    let issuer = Issuer::new(authority, key);
    let broker_key = KeyPair::generate().expect("a key can be made");
    let broker = CertificateParams::new([name.to_owned()]).expect("the name is one");
    let broker = broker.signed_by(&broker_key, &issuer).expect("the authority signs");
    for (file, text) in [
        ("ca.pem", ca.pem()),
        ("broker.pem", broker.pem()),
        ("broker.key", broker_key.serialize_pem()),
    ] {
        fs::write(folder.path(file), text).expect("a file can be written");
    }
}

/// A listener with these certificates.
pub fn listener(folder: &Folder, port: u16) -> String {
    let path = |file| folder.path(file).display().to_string();
    let (ca, broker, key) = (path("ca.pem"), path("broker.pem"), path("broker.key"));
    format!("listener {port} 127.0.0.1\ncafile {ca}\ncertfile {broker}\nkeyfile {key}\n")
}
