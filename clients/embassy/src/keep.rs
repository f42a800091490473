//! Keeps the session in flash: what the engine records is written before anything that depends on it leaves.
//!
//! Records are appended. When there is no more room, a snapshot of the session begins a new log. The engine is told at once that the snapshot is written,
//! so that it goes on taking what the server sends; and until that is true nothing leaves at all.

use core::convert::Infallible;
use core::future::poll_fn;
use core::task::{Context, Poll};

use embassy_sync::blocking_mutex::raw::RawMutex;
use embedded_storage_async::nor_flash::NorFlash;
use pure_mqtt::journal::RecoverError;
use pure_mqtt::storage::Journaled;
use pure_mqtt::{Instant, Storage};

use crate::client::Client;
use crate::client::sealed::Access;
use crate::clock::Clock;
use crate::copying::copy;
use crate::flash::{FlashJournal, JournalError};
use crate::mqtt::Mqtt;
use crate::publish::again;
use crate::shared::Shared;

impl<M, C, S, const N: usize, const RING: usize, const MESSAGES: usize, const RECEIVERS: usize, const TICKETS: usize>
    Mqtt<M, C, Journaled<S, N>, RING, MESSAGES, RECEIVERS, TICKETS>
where
    M: RawMutex,
    C: Clock,
    S: Storage,
{
    /// Keeps the session in flash, until an error occurs. Exactly one task calls it, beside the one that [runs](Self::run) the client.
    ///
    /// First it reads the session that was kept before the restart. Until that is done [`publish`](Self::publish) waits, and no link is opened. If a session was
    /// found, the client does not ask for a clean start. Subscribe before you call it: messages of the session arrive as soon as there is a link.
    ///
    /// The future may be dropped at any poll; the next call writes again what was being written. In between the client sends nothing that depends on it, and
    /// `publish` waits for room once the buffer for records is full.
    ///
    /// ```
    /// use core::convert::Infallible;
    ///
    /// use embedded_storage_async::nor_flash::NorFlash;
    /// use pure_mqtt_embassy::raw::CriticalSectionRawMutex;
    /// use pure_mqtt_embassy::{EmbassyClock, Fixed, FlashJournal, JournalError, Journaled, Mqtt};
    ///
    /// type Storage = Journaled<Fixed<1024, 8, 8, 128>, 320>;
    /// type Client = Mqtt<CriticalSectionRawMutex, EmbassyClock, Storage, 1024, 16, 4, 8>;
    ///
    /// static MQTT: Client = Client::new(EmbassyClock, Journaled::new(Fixed::new()));
    ///
    /// /// A task, beside the one that runs the client. It returns only with an error.
    /// async fn durability<F: NorFlash>(flash: F) -> Result<Infallible, JournalError<F::Error>> {
    ///     let mut journal = FlashJournal::<F, 2_000>::new(flash, 0x1F_0000..0x1F_4000)?;
    ///     MQTT.keep(&mut journal).await
    /// }
    /// ```
    ///
    /// # Errors
    /// [`JournalError`] says what went wrong and what to do. `keep` may be called again after each of them.
    pub async fn keep<F: NorFlash, const LOG: usize>(
        &self,
        journal: &mut FlashJournal<F, LOG>,
    ) -> Result<Infallible, JournalError<F::Error>> {
        let _keeping = Keeping::begin(self).await.ok_or(JournalError::AlreadyKept)?;
        begin(self, journal).await?;
        loop {
            let step = poll_fn(|context| {
                let polled = self.enter(|shared, _| shared.next_step(context, journal));
                polled.unwrap_or_else(|| again(context))
            });
            match step.await {
                Step::Append(length) => {
                    journal.append(length).await?;
                    enter(self, |shared, _| shared.appended(length)).await;
                }
                Step::Replace(length) => {
                    journal.replace(length).await?;
                    enter(self, |shared, _| shared.replaced()).await;
                }
                Step::TooLong(length) => return Err(too_small(journal, length)),
            }
        }
    }
}

/// What is to be written.
enum Step {
    /// So many bytes in the journal's buffer, behind the log.
    Append(usize),
    /// So many bytes in the journal's buffer, as a new log.
    Replace(usize),
    /// A snapshot of this length, for which the buffer is too small.
    TooLong(usize),
}

/// Somebody keeps the journal, until this is dropped.
struct Keeping<'m, Q: Client>(&'m Q);

impl<'m, Q: Client> Keeping<'m, Q> {
    /// `None` if somebody else does.
    async fn begin(mqtt: &'m Q) -> Option<Self> {
        let is_kept = enter(mqtt, |shared, _| core::mem::replace(&mut shared.common.is_kept, true)).await;
        (!is_kept).then_some(Self(mqtt))
    }
}

impl<Q: Client> Drop for Keeping<'_, Q> {
    fn drop(&mut self) {
        self.0.enter(|shared, _| shared.common.is_kept = false);
    }
}

/// As `enter`, once it can be done.
async fn enter<Q: Client, R>(mqtt: &Q, mut work: impl FnMut(&mut Shared<'_, Q::Storage>, Instant) -> R) -> R {
    poll_fn(|context| mqtt.enter(&mut work).map_or_else(|| again(context), Poll::Ready)).await
}

fn too_small<F: NorFlash, const LOG: usize>(_: &FlashJournal<F, LOG>, longest: usize) -> JournalError<F::Error> {
    JournalError::BufferTooSmall { needed: FlashJournal::<F, LOG>::buffer_for(longest) }
}

/// Reads the session, unless the client has one that is ahead of what is in flash.
async fn begin<Q: Client, F: NorFlash, const LOG: usize>(
    mqtt: &Q,
    journal: &mut FlashJournal<F, LOG>,
) -> Result<(), JournalError<F::Error>> {
    let longest = enter(mqtt, |shared, _| shared.connection.longest_snapshot()).await;
    if let Some(longest) = longest.filter(|longest| *longest > FlashJournal::<F, LOG>::CAPACITY) {
        return Err(too_small(journal, longest));
    }
    let was_found = journal.is_found();
    if !was_found {
        journal.find().await?;
    }
    if enter(mqtt, |shared, _| shared.common.is_restored).await {
        enter(mqtt, |shared, _| shared.common.is_held |= !was_found).await;
        return Ok(());
    }
    let length = journal.load().await?;
    let address = journal.address();
    let log = journal.body().get(..length).unwrap_or_default();
    let used = enter(mqtt, |shared, now| shared.restore(now, log)).await;
    if used.map_err(|error| JournalError::of_log(error, address))? < length {
        journal.close(); // a record was written in part
    }
    Ok(())
}

impl<S: Storage> Shared<'_, S> {
    /// Goes on with the session in `log`; how much of it counts.
    fn restore(&mut self, now: Instant, log: &[u8]) -> Result<usize, RecoverError> {
        let recovered = self.connection.restore(now, log)?;
        let has_session = self.connection.has_session();
        self.common.has_begun |= has_session;
        self.common.is_inherited = has_session;
        self.common.is_restored = true;
        self.on_stored();
        Ok(recovered.used)
    }

    /// Takes what is to be written into the journal's buffer.
    fn next_step<F: NorFlash, const LOG: usize>(
        &mut self,
        context: &Context<'_>,
        journal: &mut FlashJournal<F, LOG>,
    ) -> Poll<Step> {
        let records = self.connection.journal();
        if records.is_empty() && !self.common.is_held {
            self.common.keeper.register(context.waker());
            return Poll::Pending;
        }
        let room = if self.common.is_held { 0 } else { journal.room_for(records.len()) };
        if room > 0 {
            copy(records.get(..room).unwrap_or_default(), journal.body());
            return Poll::Ready(Step::Append(room));
        }
        self.common.is_held = true;
        Poll::Ready(self.take_snapshot(journal.body()))
    }

    fn take_snapshot(&mut self, body: &mut [u8]) -> Step {
        while !self.connection.journal().is_empty() {
            let length = self.connection.journal().len();
            self.connection.journal_written(length); // the snapshot says it
        }
        let (most, mut room, mut length) = (body.len(), body, 0);
        self.connection.snapshot(&mut |bytes| {
            let count = copy(bytes, room);
            room = core::mem::take(&mut room).get_mut(count..).unwrap_or_default();
            length += bytes.len();
        });
        if length > most { Step::TooLong(length) } else { Step::Replace(length) }
    }

    fn appended(&mut self, length: usize) {
        self.connection.journal_written(length);
        self.on_stored();
    }

    fn replaced(&mut self) {
        self.common.is_held = false;
        self.on_stored();
    }

    /// What waited for a record goes on.
    fn on_stored(&mut self) {
        if self.is_stored() {
            self.tickets.stored();
        }
        self.tickets.wake_all();
        self.common.nudge();
    }

    /// Whether all that has happened is in flash.
    pub fn is_stored(&self) -> bool {
        self.is_ready() && !self.common.is_held && self.connection.journal().is_empty()
    }
}
