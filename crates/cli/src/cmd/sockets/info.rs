//! `--info`: a socket as the kernel has it.

use landline_net::raw::SocketInfo;
use serde::Serialize;

use crate::here::Here;
use crate::screen::tame;

#[derive(Debug, Serialize)]
struct Socket<'a> {
    event: &'static str,
    #[serde(flatten)]
    info: &'a SocketInfo,
}

/// Shows `info`: rows of talk for a person, an object for programs.
pub(crate) fn show(info: &SocketInfo, here: &Here) {
    if here.out.is_json() {
        here.out.object(&Socket { event: "socket", info });
        return;
    }
    for (name, value) in info.rows() {
        here.out.note(format_args!("{name:<13} {}", tame(&value)));
    }
}
