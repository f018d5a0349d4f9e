//! An OpenSSH server of our own, for `scp`, `sftp`, `rsync` and `tar`: fresh keys, one allowed client, default ciphers.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use rustix::process::Pid;

use crate::daemon::{self, Daemon};
use crate::relay::{Line, Relay};
use crate::site::Site;
use crate::tools;

/// Where distributions keep the program that `scp` asks for; otherwise the one built into sshd is used.
pub(crate) const SFTP_SERVERS: [&str; 3] =
    ["/usr/lib/openssh/sftp-server", "/usr/libexec/openssh/sftp-server", "/usr/lib/ssh/sftp-server"];
/// Compiled into sshd: it does not start as root without this empty directory, which init makes otherwise.
const PRIVILEGE_ROOM: &str = "/run/sshd";
/// What clients call our server, in place of an address.
pub(crate) const HOST: &str = "bench";

/// See the module.
pub(crate) struct Sshd {
    server: Daemon,
    pub(super) relay: Option<Relay>,
    /// The client's program and its whole configuration.
    pub(crate) ssh: PathBuf,
    pub(crate) config: PathBuf,
    _privilege_room: Option<MadeRoom>,
}

impl Sshd {
    /// Makes keys and configuration, and starts the server; clients reach it over `line`.
    pub(crate) fn start(site: &Site, line: Line) -> Result<Sshd> {
        let (ssh, sshd, keygen) = (tools::find("ssh")?, tools::find("sshd")?, tools::find("ssh-keygen")?);
        let room = site.room("sshd")?;
        for name in ["host", "client"] {
            let mut make = tools::command(site, &keygen);
            make.args(["-q", "-t", "ed25519", "-N", "", "-C", name, "-f"]).arg(room.join(name));
            tools::output(site, &mut make)?;
        }
        let port = daemon::free_port()?;
        let host_key = fs::read_to_string(room.join("host.pub"))?;
        fs::write(room.join("known_hosts"), format!("{HOST} {host_key}"))?;
        fs::copy(room.join("client.pub"), room.join("authorized_keys"))?;
        fs::write(room.join("sshd_config"), server_config(&room, &site.empty_home(), port))?;
        let config = room.join("ssh_config");
        let relay = line.to(port)?;
        fs::write(&config, client_config(&room, relay.as_ref().map_or(port, Relay::port)))?;

        let privilege_room = MadeRoom::make(Path::new(PRIVILEGE_ROOM));
        let mut run = tools::command(site, &sshd);
        run.args(["-D", "-e", "-f"]).arg(room.join("sshd_config"));
        let mut server = Daemon::start(site, "sshd", &mut run)?;
        server.wait_listening(port)?;

        let mut probe = tools::command(site, &ssh);
        probe.arg("-F").arg(&config).args([HOST, "true"]);
        tools::output(site, &mut probe).context("cannot log in to our own sshd")?;
        Ok(Sshd { server, relay, ssh, config, _privilege_room: privilege_room })
    }

    pub(super) fn server(&self) -> Pid {
        self.server.pid()
    }
}

/// `SetEnv HOME` keeps the account's start-up files, and the time they take, out of the measurement.
fn server_config(room: &Path, home: &Path, port: u16) -> String {
    let sftp = SFTP_SERVERS.iter().find(|path| Path::new(path).is_file()).unwrap_or(&"internal-sftp");
    let (room, home) = (room.display(), home.display());
    format!(
        "Port {port}\nListenAddress 127.0.0.1\nHostKey {room}/host\nPidFile none\nAuthorizedKeysFile {room}/authorized_keys\n\
         StrictModes no\nUsePAM no\nPermitRootLogin prohibit-password\nPasswordAuthentication no\n\
         KbdInteractiveAuthentication no\nUseDNS no\nPrintMotd no\nSetEnv HOME={home}\nSubsystem sftp {sftp}\n"
    )
}

fn client_config(room: &Path, port: u16) -> String {
    let room = room.display();
    format!(
        "Host {HOST}\n  HostName 127.0.0.1\n  HostKeyAlias {HOST}\n  Port {port}\n  IdentityFile {room}/client\n  \
         IdentitiesOnly yes\n  UserKnownHostsFile {room}/known_hosts\n  GlobalKnownHostsFile /dev/null\n  \
         StrictHostKeyChecking yes\n  BatchMode yes\n  LogLevel ERROR\n"
    )
}

/// A directory that we made because it was missing, removed again if it is still empty.
struct MadeRoom(PathBuf);

impl MadeRoom {
    fn make(path: &Path) -> Option<MadeRoom> {
        // Only root can, and only root needs it.
        fs::create_dir(path).ok().map(|()| MadeRoom(path.to_path_buf()))
    }
}

impl Drop for MadeRoom {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.0);
    }
}
