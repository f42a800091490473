//! An X.509 certificate of version 1, from one of version 3: what came later is left out, and the rest is signed again.

use rcgen::KeyPair;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};
use rustls::pki_types::CertificateDer;

/// The elements of a sequence of DER, each with its header.
fn elements(sequence: &[u8]) -> Vec<&[u8]> {
    let mut rest = content(sequence);
    let mut found = Vec::new();
    while !rest.is_empty() {
        let length = rest.len() - after(rest).len();
        found.push(&rest[..length]);
        rest = &rest[length..];
    }
    found
}

fn header(element: &[u8]) -> (usize, usize) {
    match element[1] {
        short @ 0..0x80 => (2, usize::from(short)),
        long => {
            let count = usize::from(long & 0x7F);
            (2 + count, element[2..2 + count].iter().fold(0, |length, byte| length << 8 | usize::from(*byte)))
        }
    }
}

fn content(element: &[u8]) -> &[u8] {
    let (start, length) = header(element);
    &element[start..start + length]
}

fn after(element: &[u8]) -> &[u8] {
    let (start, length) = header(element);
    &element[start + length..]
}

fn wrap(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = match u8::try_from(content.len()) {
        Ok(short @ 0..0x80) => vec![short],
        Ok(long) => vec![0x81, long],
        Err(_) => [&[0x82][..], &u16::try_from(content.len()).unwrap().to_be_bytes()].concat(),
    };
    [&[tag][..], &length, content].concat()
}

/// Signed by `key`.
pub fn downgrade(certificate: &CertificateDer<'_>, key: &KeyPair) -> CertificateDer<'static> {
    let parts = elements(certificate);
    let signed = elements(parts[0]);
    // version [0], serial, algorithm, issuer, validity, subject, key, extensions [3]
    let body = wrap(0x30, &signed[1..7].concat());
    let random = SystemRandom::new();
    let signer = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &key.serialize_der(), &random).unwrap();
    let signature = signer.sign(&random, &body).unwrap();
    let bits = wrap(0x03, &[&[0][..], signature.as_ref()].concat());
    wrap(0x30, &[&body[..], parts[1], &bits].concat()).into()
}
