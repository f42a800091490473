//! Free ports on loopback.

use std::net::{Ipv4Addr, TcpListener};

/// So many ports that nothing listens on. All are held until each is known, so that no two are the same.
pub fn free<const N: usize>() -> Result<[u16; N], String> {
    let mut held = Vec::new();
    let mut ports = [0; N];
    for port in &mut ports {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(|error| format!("no free port: {error}"))?;
        *port = listener.local_addr().map_err(|error| format!("no free port: {error}"))?.port();
        held.push(listener);
    }
    Ok(ports)
}
