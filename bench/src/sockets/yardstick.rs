//! The yardsticks: the least that a server of one thread can be, run as other processes of this program.
//!
//! Out: `port N` on stdout, then echoes until it is killed. No limits, no options, no accounts.

use std::io::ErrorKind;

use anyhow::Result;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::server;
use crate::out;

/// Bytes of a connection's buffer.
const BUFFER: usize = 4 << 10;

/// A task a connection, on one thread.
pub(crate) fn tcp_echo() -> Result<()> {
    super::raise_own_limit();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = server::tcp_listener()?;
        listener.set_nonblocking(true)?;
        let listener = TcpListener::from_std(listener)?;
        out::data(&format!("port {}", listener.local_addr()?.port()));
        loop {
            let (mut stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            tokio::spawn(async move {
                let mut buffer = [0; BUFFER];
                while let Ok(len @ 1..) = stream.read(&mut buffer).await {
                    if stream.write_all(buffer.get(..len).unwrap_or_default()).await.is_err() {
                        break;
                    }
                }
            });
        }
    })
}

/// One packet received, one sent.
pub(crate) fn udp_echo() -> Result<()> {
    let socket = server::udp_socket()?;
    out::data(&format!("port {}", socket.local_addr()?.port()));
    let mut buffer = [0; BUFFER];
    loop {
        match socket.recv_from(&mut buffer) {
            Ok((len, from)) => {
                let _ = socket.send_to(buffer.get(..len).unwrap_or_default(), from);
            }
            Err(fault) if fault.kind() == ErrorKind::ConnectionRefused => {}
            Err(fault) => return Err(fault.into()),
        }
    }
}
