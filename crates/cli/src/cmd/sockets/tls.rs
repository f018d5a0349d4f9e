//! Flags of `tls://`: what is shown, and whom to believe.

use std::path::PathBuf;
use std::sync::Arc;

use landline_addr::endpoint::Host;
use landline_addr::raw::RawEndpoint;
use landline_net::raw::tls::{ClientTls, Fingerprint, ServerTls, Trust};

use crate::exit::Exit;
use crate::fail::Fail;
use crate::here::Here;

/// Whom to believe at tls://.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "TLS")]
pub(crate) struct ClientFlags {
    /// Believe the one certificate with this SHA-256 fingerprint
    #[arg(long, value_name = "FINGERPRINT", conflicts_with_all = ["ca", "insecure"])]
    pin: Option<Fingerprint>,
    /// Believe the authorities in this PEM file, not the system's
    #[arg(long, value_name = "FILE", conflicts_with = "insecure")]
    ca: Option<PathBuf>,
    /// Believe anybody: what is sent can be read and changed on the way
    #[arg(long)]
    insecure: bool,
}

/// What is shown at tls://.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "TLS")]
pub(crate) struct ServerFlags {
    /// The certificate chain to show, PEM
    #[arg(long, value_name = "FILE", requires = "cert_key")]
    cert: Option<PathBuf>,
    /// Its private key, PEM
    #[arg(long, value_name = "FILE", requires = "cert")]
    cert_key: Option<PathBuf>,
    /// Show a certificate made for this run, and print its fingerprint for --pin
    #[arg(long, conflicts_with = "cert")]
    self_signed: bool,
}

impl ClientFlags {
    /// Whom to believe at `endpoint`.
    ///
    /// # Errors
    /// If the flags mean nothing there, or the authorities can't be read.
    pub(crate) fn client(&self, endpoint: &RawEndpoint, here: &Here) -> Result<Option<Arc<ClientTls>>, Fail> {
        let asked = self.pin.is_some() || self.ca.is_some() || self.insecure;
        if !matches!(endpoint, RawEndpoint::Tls { .. }) {
            return if asked {
                Err(Fail::usage("--pin, --ca and --insecure mean something at tls:// only"))
            } else {
                Ok(None)
            };
        }
        let read;
        let trust = match (self.pin, &self.ca) {
            (Some(pin), _) => Trust::Pin(pin),
            (None, Some(path)) => {
                read = std::fs::read(path).map_err(|fault| {
                    Fail::io(format_args!("cannot read the authorities {}", path.display()), &fault)
                })?;
                Trust::Authorities(&read)
            }
            (None, None) if self.insecure => {
                here.out.warn("--insecure: anybody can be at the other end, and read and change what is sent");
                Trust::Insecure
            }
            (None, None) => Trust::System,
        };
        let made = ClientTls::new(trust).map_err(|fault| match &self.ca {
            Some(path) => Fail::usage(format_args!("{}: {fault}", path.display())),
            None => {
                Fail::new(Exit::Refused, fault).hint("--pin trusts one certificate by its fingerprint, --ca a file")
            }
        })?;
        Ok(Some(Arc::new(made)))
    }
}

impl ServerFlags {
    /// The fingerprint to tell, if the certificate was made for this run.
    pub(crate) fn made(&self, tls: Option<&Arc<ServerTls>>) -> Option<String> {
        tls.filter(|_| self.self_signed).map(|tls| tls.fingerprint().to_string())
    }

    /// What is shown at `endpoint`.
    ///
    /// # Errors
    /// If it needs a certificate and has none, or needs none and was given one; if files can't be read.
    pub(crate) fn server(&self, endpoint: &RawEndpoint) -> Result<Option<Arc<ServerTls>>, Fail> {
        let asked = self.cert.is_some() || self.self_signed;
        if !matches!(endpoint, RawEndpoint::Tls { .. }) {
            return if asked {
                Err(Fail::usage("--cert and --self-signed mean something at tls:// only"))
            } else {
                Ok(None)
            };
        }
        let read = |path: &PathBuf| {
            std::fs::read(path).map_err(|fault| Fail::io(format_args!("cannot read {}", path.display()), &fault))
        };
        let made = match (&self.cert, &self.cert_key) {
            (Some(cert), Some(key)) => ServerTls::from_pem(&read(cert)?, &read(key)?)
                .map_err(|fault| Fail::usage(format_args!("{} and {}: {fault}", cert.display(), key.display())))?,
            _ if self.self_signed => ServerTls::self_signed(names_of(endpoint)).map_err(Fail::usage)?,
            _ => {
                return Err(Fail::usage("tls:// needs a certificate")
                    .hint("--self-signed makes one; --cert and --cert-key take yours"));
            }
        };
        Ok(Some(Arc::new(made)))
    }
}

/// The names that a made certificate is for.
fn names_of(endpoint: &RawEndpoint) -> Vec<String> {
    match endpoint.host() {
        Some(Host::Ip(ip)) => vec![ip.to_string()],
        Some(Host::Name(name)) => vec![name.clone()],
        _ => vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned(), crate::here::host_name()],
    }
}
