//! Commands for a queue that is full: what one costs must not depend on how many messages wait. So many wait, and as many commands are given; twice as many
//! of both may take twice as long.

use pure_mqtt::{Handle, Limits, Overflow, Publish, PublishError, QoS, TopicName, Version};

use pure_mqtt_instructions::Row;
use pure_mqtt_instructions::link::{Link, NOW};

fn main() -> std::process::ExitCode {
    pure_mqtt_instructions::run(&[ROWS])
}

#[rustfmt::skip]
const ROWS: &[Row] = &[
    Row { name: "drop-oldest", prepare: |count| pressed(count, Overflow::DropOldest, |queue, _| queue.displace("new")) },
    Row { name: "drop-oldest-behind-sent", prepare: behind_sent },
    Row { name: "latest", prepare: |count| pressed(count, Overflow::LatestPerTopic, |queue, turn| {
        let place = queue.any(turn);
        queue.displace(&topic(place));
    }) },
    Row { name: "latest-missing", prepare: |count| pressed(count, Overflow::LatestPerTopic, |queue, _| {
        assert_eq!(queue.put("new"), Err(PublishError::Full));
    }) },
    Row { name: "cancel", prepare: |count| pressed(count, Overflow::Reject, |queue, turn| {
        let place = queue.any(turn);
        assert!(queue.link.mqtt.cancel(queue.handles[place]));
        queue.handles[place] = queue.put(&topic(place)).expect("room");
    }) },
    Row { name: "replace", prepare: |count| pressed(count, Overflow::Reject, |queue, turn| {
        let place = queue.any(turn);
        let topic = topic(place);
        let publish = Publish::new(TopicName::new(&topic).expect("a topic"), b"x").qos(QoS::AtLeastOnce);
        queue.handles[place] = queue.link.mqtt.replace(NOW, queue.handles[place], &publish).expect("it waits").handle;
    }) },
];

/// Messages that wait while no link is up, each to a topic of its own.
struct Queue {
    link: Link,
    handles: Vec<Handle>,
}

fn topic(number: usize) -> String {
    format!("plant/line/{number:06}")
}

impl Queue {
    /// An empty one with room for so many.
    fn of(count: usize, overflow: Overflow) -> Self {
        let mut link = Link::new(Version::V311);
        link.mqtt.handle_close(NOW);
        let limits = Limits { max_queued: count as u32, max_inflight: 0, overflow, ..Limits::DEFAULT };
        assert!(link.mqtt.set_limits(limits));
        Self { link, handles: Vec::with_capacity(count) }
    }

    fn fill(&mut self, count: usize) {
        for number in self.handles.len()..count {
            let handle = self.put(&topic(number)).expect("room");
            self.handles.push(handle);
        }
    }

    fn put(&mut self, topic: &str) -> Result<Handle, PublishError> {
        let topic = TopicName::new(std::hint::black_box(topic)).expect("a topic");
        Ok(self.link.mqtt.publish(NOW, &Publish::new(topic, b"x").qos(QoS::AtLeastOnce))?.handle)
    }

    /// A message takes the place of another.
    fn displace(&mut self, topic: &str) {
        std::hint::black_box(self.put(topic).expect("room"));
    }

    /// A place in the queue, a different one each time.
    fn any(&self, turn: usize) -> usize {
        turn * 7_919 % self.handles.len()
    }
}

fn pressed(count: usize, overflow: Overflow, press: fn(&mut Queue, usize)) -> Box<dyn FnMut()> {
    let mut queue = Queue::of(count, overflow);
    queue.fill(count);
    Box::new(move || (0..count).for_each(|turn| press(&mut queue, turn)))
}

/// All but a hundred were in flight when the link was lost: they can't be dropped, and are not to be looked at each time.
fn behind_sent(count: usize) -> Box<dyn FnMut()> {
    let mut queue = Queue::of(count, Overflow::DropOldest);
    queue.fill(count - 100);
    queue.link.open(true);
    queue.link.send();
    queue.link.mqtt.handle_close(NOW);
    queue.fill(count);
    Box::new(move || (0..count).for_each(|_| queue.displace("new")))
}
