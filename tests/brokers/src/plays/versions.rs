//! Whether the broker speaks the version at all.

use crate::outcome::Played;
use crate::stage::Stage;

pub fn run(stage: &mut Stage) -> Played {
    stage.player("version")?;
    Ok(String::new())
}
