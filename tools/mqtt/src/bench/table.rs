//! The output of `mqtt bench`: a table for people, JSON for programs.

use hdrhistogram::Histogram;
use pure_mqtt_client::pure_mqtt::QoS;

use super::crowd::Crowd;
use super::took::{Took, merged, spread};
use crate::args::Bench;
use crate::json::Line;

/// Shows how long connecting took, and what connections cost.
pub fn connections(is_json: bool, crowd: &Crowd) -> String {
    let (count, took) = (crowd.echoes.len(), &crowd.connecting);
    if is_json {
        let line = Line::new("connections").field("count", count).field("bytes_per_connection", crowd.memory);
        return latencies(line, "connect", took).end();
    }
    let memory = crowd.memory.map_or_else(|| "unknown".to_owned(), |bytes| format!("{:.1} kB", bytes as f64 / 1000.0));
    format!(
        "{count} connections, each with a subscription; memory of this process for each: {memory}\n\
         to connect and subscribe: {}\n\n",
        shown(took)
    )
}

pub fn heading(options: &Bench) -> String {
    let Bench { messages, size, window, rounds, connections, .. } = options;
    let over = if *connections == 1 { String::new() } else { format!(" over {connections} connections") };
    let each = if *connections == 1 { "" } else { " on each" };
    format!(
        "{messages} messages of {size} bytes to the server and back{over}, at most {window} in flight{each}; \
         median of {rounds} rounds\n\
         QoS  messages/s  (slowest–fastest)    processor time here  latency\n"
    )
}

/// A row of the table.
pub fn row(qos: QoS, rounds: &[Took]) -> String {
    let [slowest, rate, fastest] = spread(rounds.iter().map(|took| took.messages_per_second));
    let [_, processor, _] = spread(rounds.iter().map(|took| took.processor_us));
    let range = format!("({slowest:.0}–{fastest:.0})");
    let processor = format!("{processor:.2} µs a message");
    format!("{:3}  {rate:10.0}  {range:<19}  {processor:<19}  {}\n", qos.bits(), shown(&merged(rounds)))
}

pub fn round(qos: QoS, number: u64, took: &Took) -> String {
    line("round", qos, took).field("round", number).end()
}

pub fn median(qos: QoS, rounds: &[Took]) -> String {
    let [slowest, rate, fastest] = spread(rounds.iter().map(|took| took.messages_per_second));
    let [_, processor_us, _] = spread(rounds.iter().map(|took| took.processor_us));
    let took = Took { messages_per_second: rate, processor_us, latency: merged(rounds) };
    line("median", qos, &took).field("slowest", slowest).field("fastest", fastest).end()
}

fn line(kind: &str, qos: QoS, took: &Took) -> Line {
    let line = Line::new(kind)
        .field("qos", qos.bits())
        .field("messages_per_second", took.messages_per_second)
        .field("processor_us_per_message", took.processor_us);
    latencies(line, "latency", &took.latency)
}

/// The quantiles shown of a distribution.
const QUANTILES: [(&str, f64); 4] = [("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999), ("max", 1.0)];

fn latencies(line: Line, what: &str, values: &Histogram<u64>) -> Line {
    QUANTILES.iter().fold(line, |line, (name, quantile)| {
        line.field(&format!("{what}_{}_us", name.replace('.', "")), values.value_at_quantile(*quantile))
    })
}

fn shown(values: &Histogram<u64>) -> String {
    let one = |(name, quantile): &(&str, f64)| {
        format!("{name} {:.2} ms", values.value_at_quantile(*quantile) as f64 / 1000.0)
    };
    QUANTILES.iter().map(one).collect::<Vec<_>>().join(", ")
}
