//! One file over one TCP connection, neither encrypted nor verified: what a line carries at all.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result, ensure};

use crate::args::{PipeReceive, PipeSend};
use crate::contender::Contender;
use crate::daemon::Daemon;
use crate::measure::{self, Sample, Server};
use crate::out;
use crate::relay::{Line, Relay};
use crate::site::Site;
use crate::tools;

/// What the row is called.
pub(crate) const NAME: &str = "raw TCP";
/// As in the pipeline.
const BLOCK: usize = 1 << 20;
const DONE: u8 = 1;

/// The row.
pub(crate) struct Raw<'a> {
    site: &'a Site,
    me: PathBuf,
    line: Line,
    target: PathBuf,
}

impl<'a> Raw<'a> {
    pub(crate) fn new(site: &'a Site, line: Line) -> Result<Raw<'a>> {
        Ok(Raw { site, me: tools::this_program()?, line, target: site.room("raw")?.join("big") })
    }
}

impl Contender for Raw<'_> {
    fn security(&self) -> &'static str {
        "none"
    }

    fn target(&self) -> &Path {
        &self.target
    }

    fn transfer(&mut self) -> Result<Sample> {
        let mut receive = tools::command(self.site, &self.me);
        receive.arg("raw-recv").arg(&self.target).stdout(Stdio::piped());
        let mut receiver = Daemon::start(self.site, "raw-recv", &mut receive)?;
        let lines = receiver.lines()?;
        let port = receiver.wait_line(&lines, |line| line.strip_prefix("port ")?.parse::<u16>().ok())?;
        let relay = self.line.to(port)?;

        let mut send = tools::command(self.site, &self.me);
        let port = relay.as_ref().map_or(port, Relay::port);
        send.arg("raw-send").arg(&self.site.load.path).arg(port.to_string());
        measure::transfer(self.site, &mut send, Server::Ends(receiver))
    }
}

/// Sends the file and waits until the other end has it.
pub(crate) fn send(ask: &PipeSend) -> Result<()> {
    let file = File::open(&ask.file).with_context(|| format!("cannot open {}", ask.file.display()))?;
    let mut socket = TcpStream::connect((Ipv4Addr::LOCALHOST, ask.port)).context("cannot connect")?;
    carry(file, &mut socket)?;
    socket.shutdown(Shutdown::Write)?;
    let mut answer = [0];
    socket.read_exact(&mut answer).context("the receiver did not confirm")?;
    ensure!(answer == [DONE], "the receiver did not confirm");
    Ok(())
}

/// Takes one file from one connection; prints `port N` when it can be called.
pub(crate) fn receive(ask: &PipeReceive) -> Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("cannot listen")?;
    out::data(&format!("port {}", listener.local_addr()?.port()));
    let (mut socket, _) = listener.accept().context("nobody called")?;
    let file = File::create_new(&ask.file).with_context(|| format!("cannot make {}", ask.file.display()))?;
    carry(&socket, file)?;
    socket.write_all(&[DONE]).context("the sender is gone")
}

/// Reads and writes as the pipeline does; `io::copy` would let the kernel move the bytes, which nothing that encrypts can do.
fn carry(mut from: impl Read, mut to: impl Write) -> Result<()> {
    let mut block = vec![0; BLOCK];
    loop {
        let count = from.read(&mut block).context("cannot read")?;
        let Some(bytes @ [_, ..]) = block.get(..count) else { return Ok(()) };
        to.write_all(bytes).context("cannot write")?;
    }
}
