
// The README shows a function; this is the program around it. A server of MQTT answers CONNECT (3.1.1, client identifier "a") with CONNACK, and closes after DISCONNECT.
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = std::env::args().nth(1).unwrap_or("mqtt://localhost".into()).parse()?;
    converse(&server, b"\x10\x0d\0\x04MQTT\x04\x02\0\x3c\0\x01a\xe0\0")
}
