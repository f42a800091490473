//! The client over any network stack of embedded-nal-async.

use embedded_nal_async::{Dns, TcpConnect};
use pure_mqtt_embassy::nal::{self, DialError};
use pure_mqtt_embassy::{Options, RunError, RxBuffer};

use crate::station::{LONGEST_PACKET, Station};

/// A task: keeps `mqtt` connected to the server `host`, which may be a name, until
/// [`Mqtt::disconnect`](pure_mqtt_embassy::Mqtt::disconnect). `on_failure` hears why a
/// dial failed.
///
/// # Errors
/// [`RunError`]
pub async fn links<T: TcpConnect, D: Dns>(
    mqtt: &Station,
    (tcp, dns): (&T, &D),
    (host, port): (&str, u16),
    options: &Options<'_>,
    random: impl FnMut() -> u32,
    on_failure: impl Fn(&DialError<T::Error, D::Error>),
) -> Result<(), RunError> {
    let mut rx = RxBuffer::<LONGEST_PACKET>::new();
    mqtt.run(&mut rx, options, random, async || {
        nal::dial(tcp, dns, host, port).await.inspect_err(&on_failure)
    })
    .await
}
