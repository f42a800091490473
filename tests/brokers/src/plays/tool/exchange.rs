//! Lines through the broker, in each quality of service.

use crate::outcome::{Finding, Played};
use crate::stage::Stage;
use crate::tool::Tool;

const MESSAGES: usize = 50;

pub fn qos_0(stage: &mut Stage) -> Played {
    exchange(stage, 0)
}

pub fn qos_1(stage: &mut Stage) -> Played {
    exchange(stage, 1)
}

pub fn qos_2(stage: &mut Stage) -> Played {
    exchange(stage, 2)
}

fn exchange(stage: &mut Stage, qos: u8) -> Played {
    let topic = stage.word("exchange");
    let reader = Tool::subscriber(stage, stage.port(), &["-t", &topic, "-q", "2", "-F", "%q %p"])?; // the lower of both holds
    let sent: Vec<_> = (0..MESSAGES).map(|number| number.to_string()).collect();
    Tool::run(stage, &["pub", "-t", &topic, "-q", &qos.to_string(), "-l"], &(sent.join("\n") + "\n"))?;
    Tool::run(stage, &["pub", "-t", &topic, "-q", "1", "-m", "the end"], "")?;
    let (mut arrived, mut lowest, mut highest) = (Vec::new(), qos, qos);
    loop {
        let line = reader.line(stage.left()).ok_or_else(|| Finding::wrong("a message did not come in time"))?;
        let (of, text) = line.split_once(' ').unwrap_or_default();
        if text == "the end" {
            break;
        }
        let of = of.parse().map_err(|_| Finding::wrong("the program prints something else").with(&line))?;
        (lowest, highest) = (lowest.min(of), highest.max(of));
        arrived.push(text.to_owned());
    }
    match () {
        () if arrived.len() > sent.len() => Err(Finding::wrong("messages come twice").with(format!("{arrived:?}"))),
        () if arrived != sent => Err(Finding::wrong("messages arrive in another order").with(format!("{arrived:?}"))),
        () if highest > qos => {
            Err(Finding::wrong(format!("messages arrive at QoS {highest}, above the one that they were sent in")))
        }
        () if lowest < qos => Err(Finding::absent(format!("messages arrive at QoS {lowest}"))),
        () => Ok(String::new()),
    }
}
