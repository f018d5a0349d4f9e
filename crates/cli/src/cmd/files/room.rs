//! `df`: how much room there is where the shell is.

use landline_services::files::msg::SpaceMsg;
use landline_wire::shown;

use super::session::Session;
use crate::exit::Exit;
use crate::fail::Fail;
use crate::units;

/// Tells it: of a home what is used and what may be, of the disk below what is free.
///
/// # Errors
/// As the other machine says.
pub(super) async fn df(session: &mut Session) -> Result<Exit, Fail> {
    let space = session.ask(async |files| files.space().await).await?;
    let out = &session.here.out;
    if out.is_json() {
        out.row(&space);
        return Ok(Exit::Done);
    }
    let SpaceMsg { user, home, used, quota, free, total } = &space;
    let whose = if *home { "home" } else { "share" };
    out.line(format_args!("{whose:<6} {} as {}", session.name, shown(user)));
    if let Some(used) = used {
        let of = quota.map_or_else(|| "no quota".to_owned(), |quota| format!("of {}", units::bytes(quota)));
        out.line(format_args!("used   {} {of}", units::bytes(*used)));
    }
    out.line(format_args!("free   {} of {} on the disk", units::bytes(*free), units::bytes(*total)));
    Ok(Exit::Done)
}
