//! A journal in NOR flash, behind the traits of embedded-storage-async.

mod error;
mod find;
mod layout;
mod log;
mod medium;
mod replace;

use core::ops::Range;

use embedded_storage_async::nor_flash::NorFlash;

pub use error::JournalError;
use layout::{FRAME_HEAD, Layout};

/// A journal in flash, where [`Mqtt::keep`](crate::Mqtt::keep) keeps the session: a [`NorFlash`] driver, a region of flash that nothing else uses, and a buffer.
///
/// `LOG` is the length of the buffer, and of the longest log. It must hold the longest session ([`ram::log`](crate::ram::log)); the larger it is, the fewer pages
/// are erased. 4,000 suits pages of 4,096 bytes. In longer pages several logs are written one after the other before the page is erased.
///
/// The region is at least [`REGION`](Self::REGION) bytes long. All of it is used in turn, so a region of twice the length wears half as fast.
///
/// The journal survives a loss of power at any moment, and a future dropped at any poll: each record has a checksum, a new log is valid only once it is complete,
/// and after an incomplete write nothing is written there until it is erased. Each word is written once, so flash with error correction is suitable.
///
/// ```no_run
/// use embedded_storage_async::nor_flash::NorFlash;
/// use pure_mqtt_embassy::raw::CriticalSectionRawMutex;
/// use pure_mqtt_embassy::{
///     EmbassyClock, Fixed, FlashJournal, JournalError, Journaled, Mqtt, Publish, PublishError, QoS, TopicName, ram,
/// };
///
/// /// 1 kB for outgoing packets, and 320 bytes for records on their way to flash: the longest message and 100 bytes must fit.
/// type Storage = Journaled<Fixed<1024, 8, 8, 128>, 320>;
/// type Client = Mqtt<CriticalSectionRawMutex, EmbassyClock, Storage, 1024, 16, 4, 8>;
///
/// static MQTT: Client = Client::new(EmbassyClock, Journaled::new(Fixed::new()));
///
/// /// The journal's buffer: the longest session, and room for records beside it.
/// const LOG: usize = 2_000;
/// const _: () = assert!(LOG >= ram::log(1024, 8, 8));
///
/// /// One more task, beside the one that runs the client: keeps the session in four pages of 4 kB.
/// async fn durability<F: NorFlash>(flash: F) -> Result<(), JournalError<F::Error>> {
///     let mut journal = FlashJournal::<F, LOG>::new(flash, 0x1F_0000..0x1F_4000)?;
///     match MQTT.keep(&mut journal).await {
///         Err(JournalError::Foreign | JournalError::Damaged { .. }) => journal.erase().await, // and then keep it
///         Err(other) => Err(other),
///     }
/// }
///
/// /// A task that waits until its message is safe.
/// async fn publisher() -> Result<(), PublishError> {
///     let reading = Publish::new(TopicName::from_static("plant/boiler/temperature"), b"71.5").qos(QoS::ExactlyOnce);
///     let mut delivery = MQTT.publish(&reading).await?; // accepted: in RAM
///     delivery.stored().await; // in flash: it arrives exactly once, even after a loss of power
///     Ok(())
/// }
/// #
/// # fn main() {}
/// ```
pub struct FlashJournal<F, const LOG: usize> {
    flash: F,
    region: Range<u32>,
    buffer: Aligned<LOG>,
    /// The log that counts.
    log: Option<Log>,
    /// The region was looked through.
    is_found: bool,
    /// The highest sequence number.
    sequence: u32,
    /// The block, and the area in it, that comes next; `None` if nothing was begun since the start.
    next: Option<(u32, u32)>,
    /// The page of a mark: so the region is ours.
    marked: Option<u32>,
}

/// Some drivers want buffers at addresses of whole words.
#[repr(C, align(8))]
struct Aligned<const N: usize>([u8; N]);

/// A log in flash.
#[derive(Clone, Copy)]
struct Log {
    /// Where its area begins, and how long that is: with another `LOG` it was another length.
    area: u32,
    size: u32,
    sequence: u32,
    /// Where the next frame goes, from the start of the area.
    position: u32,
    /// The bytes of the log.
    length: usize,
    /// More may be written behind it.
    is_open: bool,
}

impl<F: NorFlash, const LOG: usize> FlashJournal<F, LOG> {
    /// Minimum length of the region, in bytes.
    ///
    /// ```
    /// use embedded_storage_async::nor_flash::NorFlash;
    /// use pure_mqtt_embassy::FlashJournal;
    ///
    /// /// Where a region begins that takes no more than it must, at the end of the flash.
    /// fn last_region<F: NorFlash>(flash: &F) -> u32 {
    ///     flash.capacity() as u32 - FlashJournal::<F, 2_000>::REGION
    /// }
    /// ```
    pub const REGION: u32 = Layout::<F, LOG>::REGION;
    /// The longest log: what [`ram::log`](crate::ram::log) asks for has to fit.
    pub(crate) const CAPACITY: usize = Layout::<F, LOG>::CAPACITY;

    /// Creates a journal in the bytes `region` of `flash`. Does not access the flash.
    ///
    /// Does not compile if `LOG` is below 128 or above 65,000, or if the flash is read in units of more than 8 bytes or written in units of more than 64.
    ///
    /// ```
    /// use embedded_storage_async::nor_flash::NorFlash;
    /// use pure_mqtt_embassy::{FlashJournal, JournalError};
    ///
    /// /// Four pages of 4 kB.
    /// fn journal<F: NorFlash>(flash: F) -> Result<FlashJournal<F, 2_000>, JournalError<F::Error>> {
    ///     FlashJournal::new(flash, 0x1F_0000..0x1F_4000)
    /// }
    /// ```
    ///
    /// # Errors
    /// [`JournalError::NotPages`], [`JournalError::RegionTooSmall`]
    pub fn new(flash: F, region: Range<u32>) -> Result<Self, JournalError<F::Error>> {
        const { Layout::<F, LOG>::CHECKED };
        let is_page = |address: u32| address.is_multiple_of(Layout::<F, LOG>::PAGE);
        if !is_page(region.start) || !is_page(region.end) || region.end as usize > flash.capacity() {
            return Err(JournalError::NotPages);
        }
        if region.end.saturating_sub(region.start) < Self::REGION {
            return Err(JournalError::RegionTooSmall { needed: Self::REGION });
        }
        Ok(Self {
            flash,
            region,
            buffer: Aligned([0; LOG]),
            log: None,
            is_found: false,
            sequence: 0,
            next: None,
            marked: None,
        })
    }

    /// Erases the region. Use it if the contents are [foreign](JournalError::Foreign) or [damaged](JournalError::Damaged), and no `keep` runs. The session in it is
    /// lost, so connect with a clean start next. If the future is dropped, call it again.
    ///
    /// ```
    /// use embedded_storage_async::nor_flash::NorFlash;
    /// use pure_mqtt_embassy::{FlashJournal, JournalError};
    ///
    /// /// For the device's next owner.
    /// async fn forget<F: NorFlash>(journal: &mut FlashJournal<F, 2_000>) -> Result<(), JournalError<F::Error>> {
    ///     journal.erase().await
    /// }
    /// ```
    ///
    /// # Errors
    /// [`JournalError::Flash`]
    pub async fn erase(&mut self) -> Result<(), JournalError<F::Error>> {
        if !self.is_found {
            let _ = self.find().await; // whatever it says, all of it goes
        }
        let last = self.log.map_or(self.region.start, |log| log.area);
        self.forget();
        let last = last / Layout::<F, LOG>::PAGE * Layout::<F, LOG>::PAGE;
        // The log that counts goes last: until then no older one may seem to.
        for address in self.region.clone().step_by(Layout::<F, LOG>::PAGE as usize).filter(|address| *address != last) {
            self.erase_page(address).await?;
        }
        self.erase_page(last).await
    }

    /// Returns the flash.
    ///
    /// ```
    /// use embedded_storage_async::nor_flash::NorFlash;
    /// use pure_mqtt_embassy::FlashJournal;
    ///
    /// /// Frees the flash for other uses.
    /// fn end<F: NorFlash>(journal: FlashJournal<F, 2_000>) -> F {
    ///     journal.into_flash()
    /// }
    /// ```
    pub fn into_flash(self) -> F {
        self.flash
    }

    /// Nothing is known of the region.
    fn forget(&mut self) {
        (self.log, self.is_found, self.sequence, self.next, self.marked) = (None, false, 0, None, None);
    }

    /// How large the buffer has to be for a log of this length.
    pub(crate) const fn buffer_for(log: usize) -> usize {
        log.next_multiple_of(Layout::<F, LOG>::UNIT) + FRAME_HEAD
    }

    /// The bytes of the log that were read, or are to be written.
    pub(crate) fn body(&mut self) -> &mut [u8] {
        let end = FRAME_HEAD + Self::CAPACITY;
        self.buffer.0.get_mut(FRAME_HEAD..end).unwrap_or_default()
    }
}
