//! `nginx` over https, fetched with `curl`: the fastest encrypted peer of the performance research.
//!
//! TLS 1.3 only, a fresh P-256 certificate that the client checks, one worker. The file as a whole is not verified.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::contender::Contender;
use crate::daemon::{self, Daemon};
use crate::measure::{self, Sample, Server};
use crate::site::Site;
use crate::tools;

/// What the row is called.
pub(crate) const NAME: &str = "nginx https, curl";

/// See the module.
pub(crate) struct Nginx<'a> {
    site: &'a Site,
    server: Daemon,
    curl: PathBuf,
    certificate: PathBuf,
    port: u16,
    target: PathBuf,
}

impl<'a> Nginx<'a> {
    /// Makes a certificate and a configuration, and starts the server.
    pub(crate) fn start(site: &'a Site) -> Result<Nginx<'a>> {
        let (nginx, curl, openssl) = (tools::find("nginx")?, tools::find("curl")?, tools::find("openssl")?);
        let room = site.room("nginx")?;
        let root = site.room("nginx/root")?;
        fs::hard_link(&site.load.path, root.join("big"))?;
        let certificate = room.join("certificate.pem");
        let mut make = tools::command(site, &openssl);
        make.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]);
        make.args(["-days", "2", "-subj", "/CN=bench", "-addext", "subjectAltName=IP:127.0.0.1"]);
        make.arg("-keyout").arg(room.join("key.pem")).arg("-out").arg(&certificate);
        tools::output(site, &mut make)?;

        let port = daemon::free_port()?;
        let config = room.join("nginx.conf");
        fs::write(&config, configuration(&room, port))?;
        let mut run = tools::command(site, &nginx);
        run.arg("-e").arg(room.join("early.log")).arg("-p").arg(&room).arg("-c").arg(&config);
        let mut server = Daemon::start(site, "nginx", &mut run)?;
        server.wait_listening(port)?;
        Ok(Nginx { site, server, curl, certificate, port, target: site.room("curl")?.join("big") })
    }
}

/// As root the worker would change to a user who cannot enter our directories, so it is told to stay.
fn configuration(room: &Path, port: u16) -> String {
    let user = if rustix::process::geteuid().is_root() { "user root;\n" } else { "" };
    let room = room.display();
    format!(
        "daemon off;\n{user}worker_processes 1;\npid {room}/pid;\nerror_log stderr error;\nevents {{ }}\nhttp {{\n  \
         access_log off;\n  sendfile on;\n  client_body_temp_path {room}/body;\n  proxy_temp_path {room}/proxy;\n  \
         fastcgi_temp_path {room}/fastcgi;\n  uwsgi_temp_path {room}/uwsgi;\n  scgi_temp_path {room}/scgi;\n  server {{\n    \
         listen 127.0.0.1:{port} ssl;\n    root {room}/root;\n    ssl_certificate {room}/certificate.pem;\n    \
         ssl_certificate_key {room}/key.pem;\n    ssl_protocols TLSv1.3;\n  }}\n}}\n"
    )
}

impl Contender for Nginx<'_> {
    fn security(&self) -> &'static str {
        "TLS 1.3"
    }

    fn target(&self) -> &Path {
        &self.target
    }

    fn transfer(&mut self) -> Result<Sample> {
        let mut client = tools::command(self.site, &self.curl);
        client.args(["-q", "-sS", "--fail", "--noproxy", "*", "--cacert"]).arg(&self.certificate);
        client.arg("-o").arg(&self.target).arg(format!("https://127.0.0.1:{}/big", self.port));
        measure::transfer(self.site, &mut client, Server::Stays(self.server.pid()))
    }
}
