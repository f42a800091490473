//! What messages cost on a busy link, and the worst inputs.

mod speed;
mod worst;

fn main() -> std::process::ExitCode {
    pure_mqtt_instructions::run(&[speed::ROWS, worst::ROWS])
}
