//! `mqtt sub`: subscribes, prints what comes, and finds its way back after a lost connection.

use pure_mqtt::{Limits, Subscribe};

use crate::args::Subscribing;
use crate::failure::Failure;
use crate::link::{Link, is_passing};
use crate::printer::Printer;
use crate::progress;
use crate::report::Tally;

pub fn run(options: &Subscribing, tally: &mut Tally) -> Result<(), Failure> {
    let limits = Limits { manual_acks: true, ..Limits::DEFAULT };
    let mut subscriber = Subscriber {
        link: Link::new(&options.broker, limits),
        printer: Printer::new(&options.format, &options.filters, options.count),
    };
    subscriber.printer.bar = progress::ticking(options.progress, options.count, "messages");
    let result = subscriber.run();
    subscriber.printer.bar.finish_and_clear();
    tally.messages = subscriber.printer.seen;
    result
}

struct Subscriber<'a> {
    link: Link<'a>,
    printer: Printer<'a>,
}

impl Subscriber<'_> {
    fn run(&mut self) -> Result<(), Failure> {
        self.link.connect(&mut self.printer)?; // the first time it must succeed
        loop {
            match self.listen() {
                Err(Failure::Host(error)) if is_passing(&error) => {
                    self.link.reconnect(&mut self.printer, error)?;
                }
                result => return result,
            }
        }
    }

    /// Subscribes if need be, prints until there were enough messages, and leaves.
    fn listen(&mut self) -> Result<(), Failure> {
        if self.printer.is_unsubscribed {
            let now = self.link.host.now();
            self.link.host.mqtt.subscribe(now, &Subscribe::new(self.printer.filters))?;
        }
        self.link.wait(&mut self.printer, |printer, _| printer.is_done())?;
        self.link.leave()?;
        self.printer.result()
    }
}
