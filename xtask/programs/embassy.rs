
// The README shows tasks; this is the program around them, on a PC, with TCP by tokio.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1).ok_or("which server?")?;
    let dial = async || tokio::net::TcpStream::connect(&address).await.map(embedded_io_adapters::tokio_1::FromTokio::new);
    let random = || std::process::id();
    tokio::select! {
        ended = connection(dial, random) => return Err(format!("the client has ended: {ended:?}").into()),
        ended = subscriber() => return Err(format!("the subscriber has ended: {ended:?}").into()),
        published = publisher() => published.map_err(|error| error.to_string())?,
    }
    println!("delivered");
    Ok(())
}
