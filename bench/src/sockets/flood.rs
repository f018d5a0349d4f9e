//! The load of a relay: as many bytes as can be pushed in at one end and read at the other.
//!
//! A thread sends, another receives what the relay connected to; both are of this process and not counted.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

/// Bytes of one write and one read.
const PIECE: usize = 256 << 10;
/// After so long of silence a relay is given up.
const PATIENCE: Duration = Duration::from_secs(30);

/// Sends `bytes` to `relay`, which is to connect to `sink`. Returns the seconds until the last byte and the end have come.
pub(super) fn push(relay: SocketAddr, sink: &TcpListener, bytes: u64) -> Result<f64> {
    std::thread::scope(|scope| {
        let receiving = scope.spawn(|| drain(sink));
        let begun = Instant::now();
        let sent = send(relay, bytes);
        if sent.is_err() {
            // The receiver may wait for a connection that will never come.
            let _ = sink.local_addr().and_then(TcpStream::connect);
        }
        let Ok(received) = receiving.join() else { bail!("the receiver panicked") };
        sent?;
        let (received, ended) = received?;
        ensure!(received == bytes, "{received} of {bytes} bytes came");
        Ok(ended.duration_since(begun).as_secs_f64())
    })
}

fn send(relay: SocketAddr, bytes: u64) -> Result<()> {
    let mut stream = TcpStream::connect(relay).context("the relay does not answer")?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let piece = vec![0x5a; PIECE];
    let mut left = bytes;
    while left > 0 {
        let len = usize::try_from(left).unwrap_or(PIECE).min(PIECE);
        stream.write_all(piece.get(..len).unwrap_or_default()).context("the relay takes no more")?;
        left -= len as u64;
    }
    stream.shutdown(Shutdown::Write)?;
    // The end of the way back, so that the relay has both directions carried to their ends.
    stream.set_read_timeout(Some(PATIENCE))?;
    let rest = stream.read(&mut [0]).context("the relay does not end")?;
    ensure!(rest == 0, "bytes that nobody sent came back");
    Ok(())
}

fn drain(sink: &TcpListener) -> Result<(u64, Instant)> {
    let (mut stream, _) = sink.accept()?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let (mut room, mut received) = (vec![0; PIECE], 0);
    loop {
        match stream.read(&mut room).context("nothing comes from the relay")? {
            0 => return Ok((received, Instant::now())),
            len => received += len as u64,
        }
    }
}
