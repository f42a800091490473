use embassy_futures::select::select;
use embassy_time::{Duration, with_timeout};
use pure_mqtt::wire::Violation;
use pure_mqtt::{
    Backoff, Connect, Connection, ConnectionError, Event, OpenError, Outcome, Received, RxBuffer, Storage,
};

/// The time for the last flush of a link.
const FAREWELL: Duration = Duration::from_millis(500);

/// The program's handlers. They may call any method of the connection.
pub trait App<S: Storage> {
    fn event(&mut self, mqtt: &mut Connection<S>, now: Instant, event: Event<'_>);
    fn outcome(&mut self, outcome: Outcome);
    /// Called in each turn: publishes what is due. Returns the latest time for the next call.
    fn act(&mut self, mqtt: &mut Connection<S>, now: Instant) -> Option<Instant>;
}

/// A connection, its buffer, and the state that outlives a link. `N` is `Limits::inline_max` or more.
pub struct Host<'h, S: Storage, const N: usize> {
    pub mqtt: &'h mut Connection<S>,
    pub rx: &'h mut RxBuffer<N>,
    pub backoff: Backoff,
    pub must_start_clean: bool,
}

impl<S: Storage, const N: usize> Host<'_, S, N> {
    /// Runs one link, from CONNECT to its end; then close the transport. Returns the delay before the next link, in
    /// milliseconds.
    pub async fn link<R: Read, W: Write>(
        &mut self,
        reader: &mut R,
        writer: &mut W,
        connect: &Connect<'_>,
        app: &mut impl App<S>,
        random: u32,
    ) -> Result<u32, OpenError> {
        let is_clean = connect.clean_start || self.must_start_clean;
        self.mqtt.open(now(), &connect.clean_start(is_clean))?;
        let (mut accepted_at, mut is_flushed) = (None, true);
        loop {
            let wakes_at = self.turn(app, &mut accepted_at);
            let _ = self.mqtt.transmit(now()); // sending may set a deadline
            let until = [self.mqtt.poll_timeout(), wakes_at, Some(now().after_secs(60))].into_iter().flatten().min();
            if self.mqtt.should_close() {
                let _ = with_timeout(FAREWELL, writer.flush()).await;
                break;
            }
            let (room, transmit) = (self.rx.room(), self.mqtt.transmit(now()));
            let until = until.unwrap_or(now());
            match exchange(reader, writer, room, transmit, &mut is_flushed, until).await {
                Ok(count) => self.rx.filled(count),
                Err(Gone) => break,
            }
        }
        let reason = self.mqtt.close_reason(); // `handle_close` resets it
        self.must_start_clean |= reason == ConnectionError::Protocol(Violation::UnknownSession);
        self.mqtt.handle_close(now());
        self.rx.clear(); // a partial packet of the old link
        self.backoff.ended(accepted_at.map_or(0, |at| now().millis_since(at)));
        Ok(self.backoff.next_delay(random))
    }

    /// Handles input, deadlines and outcomes. Returns when the program wants to be called again.
    fn turn(&mut self, app: &mut impl App<S>, accepted_at: &mut Option<Instant>) -> Option<Instant> {
        // After `Blocked`, each turn offers the packet again, and a turn follows each write.
        while let Ok(Received::Packet { consumed, event }) = self.mqtt.handle_input(now(), self.rx.bytes()) {
            if let Some(event) = event {
                if matches!(&event, Event::ConnAck(connack) if connack.is_accepted()) {
                    (*accepted_at, self.must_start_clean) = (Some(now()), false);
                }
                app.event(self.mqtt, now(), event);
            }
            self.rx.consume(consumed);
        }
        let _ = self.mqtt.handle_timeout(now()); // after an error `should_close` is true
        while let Some(outcome) = self.mqtt.poll_outcome() {
            app.outcome(outcome);
        }
        app.act(self.mqtt, now())
    }
}

/// The time as an `Instant` of the engine.
fn now() -> Instant {
    Instant::from_millis(embassy_time::Instant::now().as_millis())
}

/// Discards bytes between two links of a UART, which belong to neither.
pub async fn throw_away<R: Read>(reader: &mut R, pause: u32) {
    let drain = async {
        while reader.read(&mut [0; 16]).await.is_ok_and(|count| count > 0) {}
        pending::<()>().await; // wait for the rest of the delay
    };
    select(Timer::after_millis(pause.into()), drain).await;
}
