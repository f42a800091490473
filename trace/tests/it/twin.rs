//! A recorder beside a plain connection that gets the same calls: whoever holds the recorder notices no difference.

use crate::NOW;
use pure_mqtt::{
    Ack, Auth, Connect, Connection, Disconnect, Event, Heap, Limits, Payload, PendingAck, Property, Publish, QoS,
    Received, Subscribe, Subscription, TopicFilter, TopicName, Unsubscribe, Version,
};
use pure_mqtt_trace::Recorder;
use pure_mqtt_trace::Trace;

struct Twins {
    recorder: Recorder<Heap, Vec<u8>>,
    plain: Connection<Heap>,
}

/// Calls both; what they return is the same. Gives it as the recorder returned it.
macro_rules! both {
    ($twins:expr, $method:ident($($argument:expr),*)) => {{
        let (one, other) = ($twins.recorder.$method($($argument),*), $twins.plain.$method($($argument),*));
        assert_eq!(format!("{one:?}"), format!("{other:?}"), "{}", stringify!($method($($argument),*)));
        one
    }};
}

impl Twins {
    fn new(limits: Limits) -> Self {
        Self { recorder: Recorder::new(Heap::new(), limits, Vec::new()), plain: Connection::new(Heap::new(), limits) }
    }

    /// All that waits, in pieces; how many bytes.
    fn send(&mut self) -> usize {
        let mut sent = 0;
        let (mut one, mut other) = (self.recorder.transmit(NOW), self.plain.transmit(NOW));
        loop {
            assert_eq!((one.chunk(), one.remaining()), (other.chunk(), other.remaining()));
            assert_eq!(one.payload_request(), other.payload_request());
            let step = match one.payload_request() {
                Some(wanted) => wanted.remaining.min(7) as usize,
                None => one.chunk().len().min(5),
            };
            if step == 0 {
                break;
            }
            one.advance(step);
            other.advance(step);
            sent += step;
        }
        assert!(self.recorder.is_idle() == self.plain.is_idle());
        sent
    }

    fn open(&mut self, version: Version) {
        let (properties, none) = ([Property::AuthenticationMethod("m"), Property::SessionExpiryInterval(9)], &[][..]);
        let connect = Connect::new(version, "c").clean_start(false);
        let connect = connect.properties(if version == Version::V5 { &properties[..] } else { none });
        both!(self, open(NOW, &connect)).unwrap();
        assert!(both!(self, open(NOW, &connect)).is_err());
        self.send();
        let connack: &[u8] = match version {
            Version::V5 => b"\x20\x0A\0\0\x07\x22\0\x05\x15\0\x01m",
            _ => b"\x20\x02\0\0",
        };
        assert!(both!(self, handle_input(NOW, connack)).is_ok());
    }

    /// A message, of which both give their handle.
    fn receive(&mut self, packet: &[u8]) -> [PendingAck; 2] {
        let ack = |received| match received {
            Ok(Received::Packet { event: Some(Event::Message(message)), .. }) => message.ack.unwrap(),
            other => panic!("{other:?}"),
        };
        [ack(self.recorder.handle_input(NOW, packet)), ack(self.plain.handle_input(NOW, packet))]
    }

    fn acknowledge(&mut self, [one, other]: [PendingAck; 2]) -> bool {
        let one = self.recorder.acknowledge(NOW, one, &Ack::SUCCESS);
        let other = self.plain.acknowledge(NOW, other, &Ack::SUCCESS);
        assert_eq!(one, other);
        one.is_ok()
    }
}

#[test]
fn a_recorder_answers_as_its_connection_does() {
    let topic = TopicName::new("t").unwrap();
    let publish = Publish::new(topic, b"x");
    let filters = [TopicFilter::new("f").unwrap()];
    let subscriptions = filters.map(|filter| Subscription::new(filter, QoS::AtLeastOnce));
    for version in Version::ALL {
        let limits = Limits { manual_acks: true, version, ..Limits::DEFAULT };
        let mut twins = Twins::new(limits);
        assert!(both!(twins, set_limits(Limits { max_inflight: 3, ..limits })));
        assert!(both!(twins, discard_session()), "there is no link");
        assert!(both!(twins, adopt_session()));
        assert!(both!(twins, discard_session()));
        assert!(both!(twins, handle_input(NOW, b"\x20\x02\0\0")).is_err());
        let old = both!(twins, publish(NOW, &publish.qos(QoS::AtLeastOnce))).unwrap();
        let new = both!(twins, replace(NOW, old.handle, &publish.qos(QoS::ExactlyOnce))).unwrap();
        assert!(both!(twins, replace(NOW, old.handle, &publish)).is_err());
        assert!(both!(twins, cancel(new.handle)));
        assert!(!both!(twins, cancel(new.handle)));
        while both!(twins, poll_outcome()).is_some() {}

        twins.open(version);
        assert!(!both!(twins, discard_session()) && !both!(twins, adopt_session()), "a link is open");
        assert!(!both!(twins, set_limits(limits)), "the same");
        both!(twins, subscribe(NOW, &Subscribe::new(&subscriptions))).unwrap();
        assert!(both!(twins, subscribe(NOW, &Subscribe::new(&[]))).is_err());
        both!(twins, unsubscribe(NOW, &Unsubscribe::new(&filters))).unwrap();
        assert!(both!(twins, unsubscribe(NOW, &Unsubscribe::new(&[]))).is_err());
        let method = [Property::AuthenticationMethod("m")];
        let again = both!(twins, authenticate(NOW, &Auth::re_authenticate(&method[..])));
        assert_eq!(again.is_ok(), version == Version::V5);
        assert!(twins.send() > 10);

        let message: &[u8] = if version == Version::V5 { b"\x32\x06\0\x01t\0\x07\0" } else { b"\x32\x05\0\x01t\0\x07" };
        let stale = twins.receive(message);
        let ack = twins.receive(message);
        assert!(!twins.acknowledge(stale) || twins.acknowledge(ack));
        assert_eq!(twins.send() % 4, 0);
        assert!(both!(twins, handle_input(NOW, &message[..3])).is_ok());
        assert!(both!(twins, handle_input_streaming(NOW, &message[..3])).is_ok());

        both!(twins, publish(NOW, &Publish::new(topic, Payload::Streamed(20)).qos(QoS::AtMostOnce))).unwrap();
        assert!(twins.send() > 20);
        let long = both!(twins, publish(NOW, &Publish::new(topic, Payload::Streamed(20)))).unwrap();
        assert!(!both!(twins, abandon(NOW, new.handle)));
        let _ = both!(twins, abandon(NOW, long.handle));
        twins.send();
        assert_eq!(both!(twins, handle_timeout(NOW.after_secs(1))), Ok(()));
        both!(twins, handle_close(NOW));
        while both!(twins, poll_outcome()).is_some() {}
        both!(twins, shrink());

        twins.open(version);
        let with_reason = [Property::ReasonString("tired")];
        let bad = Disconnect::new(pure_mqtt::ReasonCode::SESSION_TAKEN_OVER).properties(&with_reason[..]);
        assert_eq!(both!(twins, disconnect(NOW, &bad)).is_err(), version == Version::V5, "a server's reason");
        let _ = both!(twins, disconnect(NOW, &Disconnect::default()));
        twins.send();
        both!(twins, handle_close(NOW));
        while both!(twins, poll_outcome()).is_some() {}

        twins.open(version);
        twins.send();
        assert_eq!(both!(twins, handle_timeout(NOW.after_secs(70))), Ok(()));
        twins.send();
        let late = NOW.after_secs(10_000);
        assert!(both!(twins, handle_timeout(late)).is_err(), "the server is silent");
        assert_eq!(twins.recorder.close_reason(), twins.plain.close_reason());
        let trace = twins.recorder.into_parts().1;
        assert_eq!(Trace::read(&trace).unwrap().replay(|_, _| {}), Ok(()));
    }
}

/// `shrink` returns nothing, and is recorded all the same.
#[test]
fn what_a_recorder_shrinks_is_recorded() {
    let mut twins = Twins::new(Limits::DEFAULT);
    both!(twins, shrink());
    let trace = twins.recorder.into_parts().1;
    let calls: Vec<_> = Trace::read(&trace).unwrap().entries().map(|entry| entry.unwrap().call).collect();
    assert_eq!(calls, [pure_mqtt_trace::Call::Shrink]);
}
