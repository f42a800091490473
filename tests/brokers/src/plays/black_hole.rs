//! A link that swallows bytes: only missing answers tell.

use std::time::{Duration, Instant};

use pure_mqtt_client::pure_mqtt::Limits;

use crate::outcome::{Finding, Played};
use crate::player::Player;
use crate::proxy::Mode;
use crate::stage::Stage;

const KEEP_ALIVE: u16 = 2;
/// 1.5 keep alives and 5 seconds.
const NOTICED_WITHIN: Duration = Duration::from_secs(8);
const MESSAGES: usize = 20;

pub fn run(stage: &mut Stage) -> Played {
    let topic = stage.word("hole/");
    let (_reader, receiver) = stage.reader(&topic, stage.best_qos())?;
    let proxy = stage.proxy()?;
    let limits = Limits { connack_timeout: 2_000, ..Limits::DEFAULT };
    let publisher = Player::new(stage.lasting("publisher").limits(limits).keep_alive(KEEP_ALIVE));
    publisher.connect(stage, proxy.port())?;
    publisher.client.publish(&topic, "before", stage.best_qos(), false)?.wait_for_publish(stage.left())?;
    receiver.recv(stage.left())?;

    proxy.set(Mode::Hole);
    let start = Instant::now();
    let publish = |number: usize| publisher.client.publish(&topic, number.to_string(), stage.best_qos(), false);
    let infos = (0..MESSAGES).map(publish).collect::<Result<Vec<_>, _>>()?;
    if publisher.once(stage.left(), |told| !told.ends.is_empty()).is_none() {
        return Err(Finding::wrong("the client does not notice"));
    }
    let silence = start.elapsed();
    proxy.set(Mode::Pass);
    for info in infos {
        info.wait_for_publish(stage.left())?;
    }
    let mut arrived: Vec<usize> = Vec::new();
    while arrived.len() < MESSAGES {
        let message = receiver.recv(stage.left())?;
        arrived.extend(message.text().and_then(|text| text.parse::<usize>().ok()));
    }
    println!("    noticed after {:.1} s, over after {:.1} s", silence.as_secs_f32(), start.elapsed().as_secs_f32());
    if silence > NOTICED_WITHIN {
        return Err(Finding::wrong("the client notices late").with(format!("{silence:?}")));
    }
    arrived.dedup();
    match arrived.len() {
        MESSAGES => Ok(String::new()),
        _ => Err(Finding::wrong("messages come twice")),
    }
}
