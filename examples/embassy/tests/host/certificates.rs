//! A certificate authority of one test's own.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd,
};

use crate::server::{Mosquitto, free_port};

/// An authority. Its folder goes when this is dropped.
pub struct Authority {
    folder: PathBuf,
    issuer: Issuer<'static, KeyPair>,
    /// Its own certificate, in DER.
    pub certificate: Vec<u8>,
}

impl Authority {
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir()
            .join(format!("pure-mqtt-embassy-{}-{number}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let mut params = CertificateParams::new([]).unwrap();
        params.distinguished_name.push(DnType::CommonName, format!("authority {number}"));
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        fs::write(folder.join("ca.pem"), certificate.pem()).unwrap();
        let certificate = certificate.der().to_vec();
        Self { folder, issuer: Issuer::new(params, key), certificate }
    }

    /// The path of its own certificate, in PEM.
    pub fn file(&self) -> PathBuf {
        self.folder.join("ca.pem")
    }

    /// A mosquitto that shows a certificate for `name`, which is valid until the end of this year.
    pub fn broker(&self, name: &str, year: i32) -> SecureBroker {
        let key = KeyPair::generate().unwrap();
        let certificate = params(name, year).signed_by(&key, &self.issuer).unwrap();
        self.start(&certificate.pem(), &key)
    }

    /// A mosquitto that shows a certificate for `name` and, behind it, that of its issuer, which this authority has signed; as one that may sign if `may_sign`.
    pub fn broker_of_another(
        &self,
        name: &str,
        year: i32,
        may_sign: bool,
    ) -> SecureBroker {
        let (key, issuer_key) =
            (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
        let mut issuer = params("issuer.test", year);
        issuer.is_ca = if may_sign {
            IsCa::Ca(BasicConstraints::Unconstrained)
        } else {
            IsCa::ExplicitNoCa
        };
        let issuer_certificate = issuer.signed_by(&issuer_key, &self.issuer).unwrap();
        let certificate =
            params(name, year).signed_by(&key, &Issuer::new(issuer, issuer_key)).unwrap();
        self.start(&(certificate.pem() + &issuer_certificate.pem()), &key)
    }

    fn start(&self, chain: &str, key: &KeyPair) -> SecureBroker {
        let path = |file: &str| self.folder.join(file).display().to_string();
        fs::write(path("broker.pem"), chain).unwrap();
        fs::write(path("broker.key"), key.serialize_pem()).unwrap();
        open_to_all(&self.folder);
        let port = free_port();
        let (ca, shown, key) = (path("ca.pem"), path("broker.pem"), path("broker.key"));
        let secure = format!(
            "listener {port} 127.0.0.1\ncafile {ca}\ncertfile {shown}\nkeyfile {key}\n"
        );
        let mosquitto = Mosquitto::with(&format!("allow_anonymous true\n{secure}"));
        mosquitto.await_log("running"); // at all ports
        SecureBroker { mosquitto, secure: SocketAddr::from(([127, 0, 0, 1], port)) }
    }
}

fn params(name: &str, year: i32) -> CertificateParams {
    let mut params = CertificateParams::new([name.to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_after = date_time_ymd(year, 12, 31);
    params
}

impl Drop for Authority {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Started by root, mosquitto reads its files as another user.
fn open_to_all(folder: &PathBuf) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
        fs::set_permissions(folder.join("broker.key"), fs::Permissions::from_mode(0o644))
            .unwrap();
    }
    #[cfg(not(unix))]
    let _ = folder;
}

/// A mosquitto with two ports: its own is for the other side, `secure` takes TLS.
pub struct SecureBroker {
    pub mosquitto: Mosquitto,
    pub secure: SocketAddr,
}
