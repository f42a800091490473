//! Session Expiry Interval (5.0).

use std::thread;
use std::time::Duration;

use pure_mqtt_client::CleanStart;
use pure_mqtt_client::pure_mqtt::{Property, QoS};

use crate::outcome::{Finding, Played};
use crate::player::Player;
use crate::stage::Stage;

const EXPIRY: u32 = 2;
/// Time itself is what is awaited: nothing tells that a session is over. Brokers look every few seconds.
const AFTER: Duration = Duration::from_secs(10);

pub fn run(stage: &mut Stage) -> Played {
    let topic = stage.word("expiry/");
    let expiry = [Property::SessionExpiryInterval(EXPIRY)];
    let player = Player::new(stage.options("sleeper").clean_start(CleanStart::Never).properties(&expiry));
    let receiver = player.client.receive(&topic, QoS::AtLeastOnce)?;
    player.connect(stage, stage.port())?;
    receiver.granted(stage.left())?;
    player.leave();
    let publisher = stage.player("publisher")?;
    publisher.client.publish(&topic, "meanwhile", QoS::AtLeastOnce, false)?.wait_for_publish(stage.left())?;
    if !player.connect(stage, stage.port())?.is_resumed {
        return Err(Finding::wrong("the session does not outlive its link"));
    }
    receiver.recv(stage.left()).map_err(|_| Finding::wrong("the session is resumed without its messages"))?;
    player.leave();
    thread::sleep(AFTER);
    match player.connect(stage, stage.port())?.is_resumed {
        true => Err(Finding::wrong("the session outlives its Session Expiry Interval")),
        false => Ok(String::new()),
    }
}
