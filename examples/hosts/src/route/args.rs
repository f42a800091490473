//! The command line of the bridge.

use lexopt::prelude::*;
use pure_mqtt::QoS;

use super::Route;
use crate::args::level;
use crate::failure::Failure;

const USAGE: &str = "bridge: carries messages from one broker to another

  --left HOST:PORT   default: localhost:1883
  --right HOST:PORT  default: localhost:1884
  --out FILTER       carry these from left to right; may be given several times
  --in FILTER        carry these from right to left; likewise
  --left-prefix P    what stands before the topics on the left; default: nothing
  --right-prefix P   and on the right
  --qos 0|1|2        at most this; default: 2
  --id ID            the client identifier on both sides, and the name in the marks; default: bridge
  --keep-alive SECS  default: 60

Example: --out 'plant/#' --right-prefix site-7/ carries plant/boiler to site-7/plant/boiler.
";

/// What the bridge was told.
pub struct Options {
    /// Where the one broker is.
    pub left: String,
    /// Where the other one is.
    pub right: String,
    /// The client identifier on both sides, and the name in the marks.
    pub id: String,
    /// The keep alive in seconds.
    pub keep_alive: u16,
    qos: QoS,
    left_prefix: String,
    right_prefix: String,
    out_filters: Vec<String>,
    in_filters: Vec<String>,
}

/// Reads the command line. `None` if it was enough to print the help.
///
/// # Errors
/// [`Failure::Arguments`].
pub fn parse() -> Result<Option<Options>, Failure> {
    let mut options = Options {
        left: "localhost:1883".to_owned(),
        right: "localhost:1884".to_owned(),
        id: "bridge".to_owned(),
        keep_alive: 60,
        qos: QoS::ExactlyOnce,
        left_prefix: String::new(),
        right_prefix: String::new(),
        out_filters: Vec::new(),
        in_filters: Vec::new(),
    };
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("help") => {
                print!("{USAGE}");
                return Ok(None);
            }
            Long("left") => options.left = parser.value()?.string()?,
            Long("right") => options.right = parser.value()?.string()?,
            Long("out") => options.out_filters.push(parser.value()?.string()?),
            Long("in") => options.in_filters.push(parser.value()?.string()?),
            Long("left-prefix") => options.left_prefix = parser.value()?.string()?,
            Long("right-prefix") => options.right_prefix = parser.value()?.string()?,
            Long("qos") => options.qos = level(&mut parser)?,
            Long("id") => options.id = parser.value()?.string()?,
            Long("keep-alive") => options.keep_alive = parser.value()?.parse()?,
            other => return Err(other.unexpected().into()),
        }
    }
    if options.out_filters.is_empty() && options.in_filters.is_empty() {
        return Err(Failure::Arguments(
            "say what to carry with --out or --in".to_owned(),
        ));
    }
    Ok(Some(options))
}

impl Options {
    /// From left to right.
    ///
    /// # Errors
    /// [`Failure::Topic`].
    pub fn outward(&self) -> Result<Route, Failure> {
        Route::new(
            &self.id,
            self.qos,
            &self.left_prefix,
            &self.out_filters,
            &self.right_prefix,
        )
    }

    /// From right to left.
    ///
    /// # Errors
    /// [`Failure::Topic`].
    pub fn inward(&self) -> Result<Route, Failure> {
        Route::new(
            &self.id,
            self.qos,
            &self.right_prefix,
            &self.in_filters,
            &self.left_prefix,
        )
    }
}
