//! An Ethernet in memory: one cable with two ends, each of them a driver of embassy-net.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Waker};

use embassy_net_driver::{
    Capabilities, Driver, HardwareAddress, LinkState, RxToken, TxToken,
};

/// Bytes of the longest frame.
const FRAME: usize = 1514;

/// Frames on their way; more are lost.
const LENGTH: usize = 64;

/// One direction.
#[derive(Default)]
struct Lane {
    frames: VecDeque<Vec<u8>>,
    waker: Option<Waker>,
}

type Shared = Rc<RefCell<Lane>>;

/// One end of the cable. What is sent while it is unplugged is lost.
pub struct End<'c> {
    address: [u8; 6],
    incoming: Shared,
    outgoing: Shared,
    is_unplugged: &'c AtomicBool,
}

/// A cable.
pub fn cable(is_unplugged: &AtomicBool) -> [End<'_>; 2] {
    let (there, back) = (Shared::default(), Shared::default());
    [(1, &there, &back), (2, &back, &there)].map(|(number, incoming, outgoing)| End {
        address: [2, 0, 0, 0, 0, number],
        incoming: Rc::clone(incoming),
        outgoing: Rc::clone(outgoing),
        is_unplugged,
    })
}

impl Driver for End<'_> {
    type RxToken<'a>
        = Frame
    where
        Self: 'a;
    type TxToken<'a>
        = Outlet<'a>
    where
        Self: 'a;

    fn receive(&mut self, context: &mut Context<'_>) -> Option<(Frame, Outlet<'_>)> {
        let mut lane = self.incoming.borrow_mut();
        lane.waker = Some(context.waker().clone());
        let frame = lane.frames.pop_front()?;
        drop(lane);
        Some((
            Frame(frame),
            Outlet { lane: &self.outgoing, is_unplugged: self.is_unplugged },
        ))
    }

    fn transmit(&mut self, _: &mut Context<'_>) -> Option<Outlet<'_>> {
        Some(Outlet { lane: &self.outgoing, is_unplugged: self.is_unplugged })
    }

    fn link_state(&mut self, _: &mut Context<'_>) -> LinkState {
        LinkState::Up
    }

    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::default();
        capabilities.max_transmission_unit = FRAME;
        capabilities
    }

    fn hardware_address(&self) -> HardwareAddress {
        HardwareAddress::Ethernet(self.address)
    }
}

/// A frame that has come.
pub struct Frame(Vec<u8>);

impl RxToken for Frame {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(mut self, read: F) -> R {
        read(&mut self.0)
    }
}

/// Room for a frame that is to leave.
pub struct Outlet<'a> {
    lane: &'a Shared,
    is_unplugged: &'a AtomicBool,
}

impl TxToken for Outlet<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, write: F) -> R {
        let mut frame = vec![0; length];
        let result = write(&mut frame);
        let mut lane = self.lane.borrow_mut();
        if !self.is_unplugged.load(Ordering::Relaxed) && lane.frames.len() < LENGTH {
            lane.frames.push_back(frame);
            lane.waker.take().into_iter().for_each(Waker::wake);
        }
        result
    }
}
