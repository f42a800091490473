//! What holds in every state, and how everything must end from there.

use super::{Action, State};
use crate::config::{Budget, Config};
use crate::device::Memory;
use crate::rules::{Rule, hold};

impl<M: Memory> State<M> {
    /// What holds in every state.
    pub(super) fn check(&self, config: &Config) -> Result<(), Rule> {
        let unfinished = self.app.flows.iter().filter(|flow| !flow.ended).count();
        hold(self.client.pending() == unfinished, Rule::Pending)?;
        if self.client.is_connected() {
            let quota = usize::from(self.client.send_quota());
            hold(quota <= self.window(config).saturating_sub(self.in_flight()), Rule::F3Quota)?;
        }
        self.check_end()
    }

    /// From here on nothing breaks any more and nothing new comes: everything must come to its end. Gives the steps to there, and what is wrong.
    pub fn drain(&self, config: &Config, trace: &mut dyn FnMut(Action)) -> Result<(), String> {
        let mut state = self.clone();
        for _ in 0..50 {
            let mut moved = state.run(config, Action::Store, trace)? | state.run(config, Action::Confirm, trace)?;
            while (state.stalled || state.deaf) && state.run(config, Action::Wait, trace)? {
                moved = true;
            }
            if !state.is_open() {
                let window = config.windows[0];
                moved |= state.run(config, Action::Open { clean: state.app.must_clean, window }, trace)?;
            }
            for action in [Action::Store, Action::Acknowledge(0), Action::Send, Action::ArriveUp, Action::ArriveDown] {
                while (action != Action::Acknowledge(0) || !state.app.held.is_empty())
                    && state.run(config, action, trace)?
                {
                    moved = true;
                    if action == Action::ArriveDown {
                        break;
                    }
                }
            }
            if !moved {
                return state.is_settled(config);
            }
        }
        Err("it never comes to rest".into())
    }

    fn run(&mut self, config: &Config, action: Action, trace: &mut dyn FnMut(Action)) -> Result<bool, String> {
        let happened = self.apply(config, action);
        if happened {
            trace(action);
        }
        match self.broken {
            None => Ok(happened),
            Some(rule) => Err(format!("{rule:?}: {}", rule.text())),
        }
    }

    /// At rest: everything has ended, everything has arrived, everything is free.
    fn is_settled(&self, config: &Config) -> Result<(), String> {
        let demand = |condition: bool, text: &str| if condition { Ok(()) } else { Err(text.to_string()) };
        demand(self.client.is_connected(), "the client is not connected")?;
        demand(self.client.is_idle() && self.client.pending() == 0, "the client is not idle")?;
        demand(usize::from(self.client.send_quota()) == self.window(config), "the quota did not come back")?;
        let session = self.server.session.as_ref().ok_or("the server has no session")?;
        demand(session.held.is_empty(), "a QoS 2 message was never released")?;
        demand(session.outbound.is_empty(), "a message to the client was never finished")?;
        for (message, flow) in self.app.flows.iter().enumerate().filter(|(_, flow)| !flow.void) {
            demand(flow.ended, "a message has no end")?;
            let (taken, released) = (self.server.taken[message], self.server.released[message]);
            match flow.kind {
                1 if !flow.refused && !flow.lost => demand(taken >= 1, "a QoS 1 message was lost")?,
                2 if !flow.refused && !flow.lost => {
                    demand(taken == 1 && released == 1, "a QoS 2 message did not arrive exactly once")?;
                }
                2 if flow.refused && !flow.lost => {
                    demand(taken == 0 && released == 0, "a refused message was released")?;
                }
                1 | 2 if !flow.refused && !config.abort => demand(taken >= 1, "a message was lost with its session")?,
                _ => {}
            }
        }
        for message in 0..self.server.sent {
            let is_gone = self.server.gone >> message & 1 != 0 || self.is_qos0(message);
            let delivered = self.app.delivered[usize::from(message)];
            demand(is_gone || delivered >= 1, "a message to the client was lost")?;
        }
        Ok(())
    }

    /// Everything that could happen did, and everything has ended.
    pub fn is_spent(&self, config: &Config) -> bool {
        let Budget { up, subscribe, down, cuts, outages, stalls, lates, lost_connacks, .. } = self.left;
        (up, subscribe, down, cuts, outages) == ([0; 3], 0, [0; 3], 0, 0)
            && (stalls, lates, lost_connacks) == (0, 0, 0)
            && self.broken.is_none()
            && self.is_settled(config).is_ok()
    }

    fn is_qos0(&self, message: u8) -> bool {
        self.server.qos[usize::from(message)] == 0
    }
}
