//! The debugger's console (semihosting): lines for whoever runs the board, and the end of the run.

use core::fmt;
use core::panic::PanicInfo;

use cortex_m_semihosting::{debug, hprintln};

/// Prints a line.
pub fn tell(line: fmt::Arguments<'_>) {
    hprintln!("{}", line);
}

/// Ends the run, well.
pub fn finish() -> ! {
    end(debug::EXIT_SUCCESS)
}

/// Ends the run, badly, after a line that says why.
#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    hprintln!("{}", info);
    end(debug::EXIT_FAILURE)
}

fn end(status: debug::ExitStatus) -> ! {
    debug::exit(status);
    loop {
        cortex_m::asm::wfi();
    }
}
