//! The line: does the server run, are its ports open, is there room, do contacts answer.

use std::path::Path;
use std::sync::mpsc;

use landline_addr::contact::{ContactName, Machine};
use landline_addr::endpoint::{Endpoint, Host};
use landline_addr::path::SharePath;
use landline_net::DialError;
use landline_services::admin::{Admin, Status};
use landline_services::files::{self, ask::Files};
use landline_services::line::{Line, NewKey};
use landline_store::{Contacts as _, Home, Store};

use super::Report;
use crate::fail::{Fail, dial_fail, files_fail, line_fail};
use crate::here::new_key;
use crate::units;

/// Below so many bytes a share is nearly full: one large file would not fit.
const LITTLE_ROOM: u64 = 256 << 20;
/// Descriptors below which a server can hold only some hundred calls.
const FEW_FILES: u64 = 4096;

/// The running server, or that there is none.
pub(super) async fn serving(home: &Home, report: &mut Report) {
    match home.serving() {
        Ok(Some(pid)) => report.ok("server", format_args!("runs as process {pid}")),
        Ok(None) => {
            report.warn("server", "does not run, so nobody can call this machine", "landline serve ./share");
            return few_files(report);
        }
        Err(fault) => return report.fail("server", &fault.into()),
    }
    match status(home).await {
        Ok((line, status)) => {
            report.ok("socket", format_args!("answers at {}", home.socket_path().display()));
            for endpoint in &status.listen {
                port(&line, endpoint, report).await;
            }
            share(&status, report);
        }
        Err(fail) => report.fail("socket", &fail),
    }
}

async fn status(home: &Home) -> Result<(Line, Status), Fail> {
    let line = Line::open(home.clone())?;
    let status = Admin::open(&line).await?.status().await?;
    Ok((line, status))
}

/// Calls an own endpoint as a stranger would reach it, and looks whether it is this machine that answers.
async fn port(line: &Line, listened: &str, report: &mut Report) {
    let Ok(Endpoint::Tcp { host, port }) = listened.parse() else { return };
    let endpoint = Endpoint::Tcp { host, port };
    let own = line.dialer().public();
    match line.dialer().call(&endpoint, &[own], files::SERVICE).await {
        Ok(_) => report.ok(
            "port",
            format_args!(
                "{endpoint} answers with this machine's key (from outside, a firewall may still keep it shut)"
            ),
        ),
        Err(DialError::WrongKey { shown, .. }) => report.bad(
            "port",
            format_args!("another machine answers at {endpoint}: {shown}"),
            "something takes the connections that are meant for this server; see ss -ltnp",
        ),
        Err(fault) => report.fail(
            "port",
            &dial_fail("this machine", &fault).hint(
                "look at what the server says (landline serve -v) and start it anew; a firewall may be in the way",
            ),
        ),
    }
    if let Endpoint::Tcp { host: Host::Ip(ip), .. } = &endpoint
        && ip.is_loopback()
    {
        report.warn(
            "port",
            format_args!("{endpoint} can be reached from this computer only"),
            "to let others call, serve with --listen :PORT, or without --listen",
        );
    }
}

fn share(status: &Status, report: &mut Report) {
    let path = Path::new(&status.share);
    let shown = path.display();
    if !status.read_only && rustix::fs::access(path, rustix::fs::Access::WRITE_OK).is_err() {
        report.bad(
            "share",
            format_args!("{shown} can't be written"),
            &format!("chmod u+rwx {shown}, or serve with --read-only"),
        );
        return;
    }
    match rustix::fs::statvfs(path) {
        Ok(room) => {
            let free = room.f_bavail.saturating_mul(room.f_frsize);
            if free < LITTLE_ROOM && !status.read_only {
                report.warn(
                    "share",
                    format_args!("only {} are free in {shown}", units::bytes(free)),
                    "make room, or serve a folder on another disk",
                );
            } else {
                report.ok("share", format_args!("{shown}, {} free", units::bytes(free)));
            }
        }
        Err(fault) => report.fail("share", &Fail::io(format_args!("cannot look at {shown}"), &fault.into())),
    }
}

fn few_files(report: &mut Report) {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).maximum;
    if let Some(limit) = limit.filter(|limit| *limit < FEW_FILES) {
        let fix = "raise it (ulimit -Hn, or LimitNOFILE= in a systemd unit)";
        report.warn("limits", format_args!("a server may open only {limit} files, which limits calls"), fix);
    }
}

/// The address book, and whether the named contacts answer.
pub(super) async fn contacts(home: &Home, store: Option<&Store>, named: &[ContactName], report: &mut Report) {
    let Some(store) = store else { return };
    match store.list_contacts().await {
        Ok(book) => {
            let count = units::count(u64::try_from(book.len()).unwrap_or(u64::MAX), "contact");
            report.ok("contacts", count);
            for contact in book.iter().filter(|contact| contact.addresses.is_empty()) {
                let name = &contact.name;
                let fix = format!("landline contacts address {name} HOST:PORT");
                report.warn("contacts", format_args!("{name} has no address"), &fix);
            }
        }
        Err(fault) => report.fail("contacts", &fault.into()),
    }
    for name in named {
        let (tell, told) = mpsc::channel();
        let called = call(home, name, tell).await;
        told.try_iter().for_each(|news| report.ok("call", new_key(&news)));
        match called {
            Ok(()) => report.ok("call", format_args!("{name} answers and lets this machine in")),
            Err(fail) => report.fail("call", &fail),
        }
    }
}

async fn call(home: &Home, contact: &ContactName, tell: mpsc::Sender<NewKey>) -> Result<(), Fail> {
    let line = Line::open(home.clone())?.telling(move |news| drop(tell.send(news.clone())));
    let name = contact.as_str();
    let machine = Machine::Contact(contact.clone());
    let mut files = Files::open(&line, &machine).await.map_err(|fault| line_fail(name, fault))?;
    files.stat(&SharePath::root(), false).await.map_err(|fault| files_fail(name, fault))?;
    files.close().await;
    Ok(())
}
