//! Serves the page to a browser on this machine: `cargo run --example serve`.

#[path = "../tests/support/files.rs"]
mod files;
#[path = "../tests/support/module.rs"]
mod module;

fn main() {
    let address = files::serve(module::build());
    println!(
        "Open http://{address}/?broker=ws://localhost:8080 (or with ?scene&broker=… to watch). Enter ends it."
    );
    let _ = std::io::stdin().read_line(&mut String::new());
}
