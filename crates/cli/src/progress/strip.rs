//! Strip: the line of the terminal that the progress is drawn on.
//!
//! indicatif fills its line to the end and leaves the cursor there. A terminal that then writes `^C` begins the next line,
//! and the progress stays on the screen for good, above what is said of the stop. So the strip ends a little earlier.

use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};

use indicatif::TermLike;
use rustix::termios::tcgetwinsize;

/// Columns left free at the right edge: `^C`, and one that keeps the cursor on the line.
const MARGIN: u16 = 3;
/// The size of a terminal that does not tell: the oldest there is.
const USUAL: (u16, u16) = (80, 24);

/// stderr, written to at once when a whole picture is ready.
#[derive(Debug, Default)]
pub(super) struct Strip {
    picture: Mutex<Vec<u8>>,
}

impl Strip {
    fn add(&self, bytes: &[u8]) -> io::Result<()> {
        self.picture.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(())
    }

    fn step(&self, count: usize, way: char) -> io::Result<()> {
        if count == 0 { Ok(()) } else { self.add(format!("\x1b[{count}{way}").as_bytes()) }
    }
}

impl TermLike for Strip {
    fn width(&self) -> u16 {
        width(size().0)
    }

    fn height(&self) -> u16 {
        size().1
    }

    fn move_cursor_up(&self, n: usize) -> io::Result<()> {
        self.step(n, 'A')
    }

    fn move_cursor_down(&self, n: usize) -> io::Result<()> {
        self.step(n, 'B')
    }

    fn move_cursor_right(&self, n: usize) -> io::Result<()> {
        self.step(n, 'C')
    }

    fn move_cursor_left(&self, n: usize) -> io::Result<()> {
        self.step(n, 'D')
    }

    fn write_line(&self, s: &str) -> io::Result<()> {
        self.add(s.as_bytes())?;
        self.add(b"\n")
    }

    fn write_str(&self, s: &str) -> io::Result<()> {
        self.add(s.as_bytes())
    }

    fn clear_line(&self) -> io::Result<()> {
        self.add(b"\r\x1b[2K")
    }

    fn flush(&self) -> io::Result<()> {
        let picture = std::mem::take(&mut *self.picture.lock().unwrap_or_else(PoisonError::into_inner));
        let mut screen = io::stderr().lock();
        screen.write_all(&picture)?;
        screen.flush()
    }
}

fn size() -> (u16, u16) {
    match tcgetwinsize(io::stderr()) {
        Ok(size) if size.ws_col > 0 && size.ws_row > 0 => (size.ws_col, size.ws_row),
        Ok(_) | Err(_) => USUAL,
    }
}

/// The width of the strip on a terminal that wide; a very narrow one has no room to give away.
fn width(columns: u16) -> u16 {
    if columns > 10 * MARGIN { columns - MARGIN } else { columns }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_terminal_writes_for_ctrl_c_fits_beside_the_strip() {
        assert_eq!(width(80), 77);
        assert_eq!([1, 20].map(width), [1, 20]);
    }
}
