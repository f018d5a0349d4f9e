//! The tools people use today, each with the commands of the performance research and servers of its own.
//!
//! A rival brings up its server on a loopback port with temporary keys and configuration, moves the source when asked, and
//! takes the server down when dropped. Nothing of the machine's own configuration is read or changed.

pub(crate) mod cp;
pub(crate) mod nc;
pub(crate) mod nginx;
pub(crate) mod rsync;
mod rsyncd;
pub(crate) mod scp;
pub(crate) mod sshd;
pub(crate) mod tar;

pub(crate) use self::rsyncd::Rsyncd;
pub(crate) use self::sshd::Sshd;
