//! A server under load: how it is started, and how its port is found.
//!
//! In: a recipe. Out: a process that answers at a loopback port. landline and the bench's own yardsticks choose a free port and say
//! which; other programs are given one that was free a moment ago.

use std::ffi::OsString;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::path::PathBuf;
use std::process::Stdio;

use anyhow::Result;
use rustix::process::Pid;

use crate::args::Options;
use crate::daemon::{self, Daemon};
use crate::landline::Build;
use crate::site::Site;
use crate::{tools, usage};

/// Stands for the port in the arguments of a program that is given one.
pub(super) const PORT: &str = "{port}";

/// How to start a contender.
pub(crate) struct Recipe {
    /// How it works, in a few words.
    pub(super) about: &'static str,
    /// Rounds it takes part in, at most.
    pub(super) rounds: usize,
    program: PathBuf,
    args: Vec<OsString>,
    told: Told,
}

/// How a server's port becomes known.
#[derive(Debug, Clone, Copy)]
enum Told {
    /// It says `listening on …:PORT` on stderr.
    Stderr,
    /// It says `port PORT` on stdout.
    Stdout,
    /// It is told a port.
    Given,
}

/// A server that answers.
pub(super) struct Running {
    daemon: Daemon,
    pub(super) port: u16,
}

impl Recipe {
    /// landline's own binary.
    pub(super) fn landline(site: &Site, options: &Options, about: &'static str, args: &[&str]) -> Result<Recipe> {
        let program = Build::find(site, options.landline.as_deref())?.binary()?.to_path_buf();
        Ok(Recipe::new(about, program, args, Told::Stderr))
    }

    /// A hidden command of this program.
    pub(super) fn yardstick(about: &'static str, command: &str) -> Result<Recipe> {
        Ok(Recipe::new(about, tools::this_program()?, &[command], Told::Stdout))
    }

    /// A script that says its port.
    pub(super) fn python(about: &'static str, script: &str) -> Result<Recipe> {
        Ok(Recipe::new(about, tools::find("python3")?, &["-c", script], Told::Stdout))
    }

    /// Somebody else's program, with [`PORT`] in its arguments.
    pub(super) fn given(about: &'static str, program: &'static str, args: &[&str]) -> Result<Recipe> {
        Ok(Recipe::new(about, tools::find(program)?, args, Told::Given))
    }

    /// Lets it take part in so many rounds only.
    pub(super) fn at_most(mut self, rounds: usize) -> Recipe {
        self.rounds = rounds;
        self
    }

    fn new(about: &'static str, program: PathBuf, args: &[&str], told: Told) -> Recipe {
        let args = args.iter().map(OsString::from).collect();
        Recipe { about, rounds: usize::MAX, program, args, told }
    }

    /// Starts it and waits until it listens.
    ///
    /// # Errors
    /// With its own words, if it does not.
    pub(super) fn start(&self, site: &Site) -> Result<Running> {
        let name = self.program.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut command = tools::command(site, &self.program);
        let port = if matches!(self.told, Told::Given) { daemon::free_port()? } else { 0 };
        for arg in &self.args {
            match arg.to_str() {
                Some(text) => command.arg(text.replace(PORT, &port.to_string())),
                None => command.arg(arg),
            };
        }
        if matches!(self.told, Told::Stdout) {
            command.stdout(Stdio::piped());
        }
        let mut daemon = Daemon::start(site, &name, &mut command)?;
        let port = match self.told {
            Told::Stderr => daemon.wait_said(port_of_landline)?,
            Told::Stdout => {
                let lines = daemon.lines()?;
                daemon.wait_line(&lines, |line| line.strip_prefix("port ")?.trim().parse().ok())?
            }
            Told::Given => {
                daemon.wait_listening(port)?;
                port
            }
        };
        Ok(Running { daemon, port })
    }
}

impl Running {
    pub(super) fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    pub(super) fn pid(&self) -> Pid {
        self.daemon.pid()
    }

    /// CPU seconds of it and all it started.
    pub(super) fn cpu_seconds(&self) -> f64 {
        usage::fine_cpu_seconds_of_tree(self.pid())
    }

    /// Bytes that it and all it started hold now.
    pub(super) fn resident_bytes(&self) -> u64 {
        usage::resident_bytes_of_tree(self.pid())
    }

    /// What it complained of.
    pub(super) fn last_words(&self) -> String {
        self.daemon.last_words()
    }
}

/// The port in `listening on ENDPOINT`, once its line is whole.
fn port_of_landline(said: &str) -> Option<u16> {
    let (_, rest) = said.split_once("listening on ")?;
    rest.split_whitespace().next()?.rsplit_once(':')?.1.parse().ok()
}

/// A loopback listener of this program's, for yardsticks.
pub(super) fn tcp_listener() -> std::io::Result<TcpListener> {
    use socket2::{Domain, Socket, Type};
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())?;
    socket.listen(1024)?; // as landline does
    Ok(socket.into())
}

/// The same for datagrams.
pub(super) fn udp_socket() -> std::io::Result<UdpSocket> {
    UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_port_in_what_landline_says() {
        assert_eq!(port_of_landline("listening on tcp://127.0.0.1:4711 / certificate"), Some(4711));
        assert_eq!(port_of_landline("listening on 127.0.0.1:80"), Some(80));
        assert_eq!(port_of_landline("error: cannot listen on x"), None);
    }
}
