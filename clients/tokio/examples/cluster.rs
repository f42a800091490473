//! A worker at a cluster: it publishes a job each second, and carries out the jobs that it receives. Kill or freeze the node that it prints, and watch.
//!
//! `cargo run -p pure-mqtt-tokio --example cluster -- NAME mqtt://a.example mqtt://b.example mqtt://c.example`
//!
//! If its name begins with `crew-` it shares the jobs with the other members of the group, by `$share`; otherwise it receives all. Ctrl-C shuts it down in order.

use std::{error::Error, time::Duration};

use pure_mqtt_tokio::{CleanStart, Client, Event, Options, QoS, Server, Subscription, SubscriptionOptions, Version};
use tokio::{select, time::interval};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let name = arguments.next().unwrap_or("crew-1".into());
    let node = |url: String| url.parse::<Server>().map_err(|error| format!("{url}: {error}"));
    let nodes = arguments.map(node).collect::<Result<Vec<_>, _>>()?;
    if nodes.is_empty() {
        return Err("Name the nodes of a cluster behind the name: mqtt://a.example mqtt://b.example".into());
    }
    // `Never`: jobs that are not acknowledged when this program ends come again when it starts again.
    let options = Options::new(name.as_str()).cluster(nodes).fallback(Version::V311).clean_start(CleanStart::Never);
    let client = Client::spawn(options)?;
    let filter = if name.starts_with("crew-") { "$share/crew/jobs/#" } else { "jobs/#" };
    let manual = SubscriptionOptions::new().manual_acks(true);
    let mut jobs = client.subscribe_with(&[(filter, QoS::AtLeastOnce)], manual)?;
    select! {
        _ = tokio::signal::ctrl_c() => {}
        () = tell_links(&client) => {}
        () = work(&mut jobs) => {}
        () = publish(&client, &name) => {}
    }
    client.shutdown(Duration::from_secs(5)).await;
    drop(jobs); // after the shutdown: before, this would acknowledge the jobs that wait in it
    Ok(())
}

/// Says which node is in use.
async fn tell_links(client: &Client) {
    let mut events = client.events();
    while let Ok(event) = events.recv().await {
        match &*event {
            Event::LinkUp { session, .. } => match client.server() {
                Some(node) => println!("at {node}, the session: {session:?}"),
                None => println!("a link was up for a moment"),
            },
            Event::LinkDown { why, .. } => println!("the link is over: {why:?}"),
            _ => {}
        }
    }
}

/// A job is acknowledged once it is done: if this member is lost before, the cluster still has the job.
async fn work(jobs: &mut Subscription) {
    while let Some(mut job) = jobs.recv().await {
        println!("done: {} {}", job.topic, job.text().unwrap_or_default());
        job.ack();
    }
}

async fn publish(client: &Client, name: &str) {
    let mut every_second = interval(Duration::from_secs(1));
    for number in 0_u64.. {
        every_second.tick().await;
        // It waits in the client as long as no node answers.
        if client.publish(format!("jobs/{name}"), number.to_string(), QoS::AtLeastOnce).await.is_err() {
            return;
        }
    }
}
