//! The tools people use today, each with the commands of the performance research and servers of its own.
//!
//! A rival brings up its server on a loopback port with temporary keys and configuration, moves the file when asked, and
//! takes the server down when dropped. Nothing of the machine's own configuration is read or changed.

pub(crate) mod nc;
pub(crate) mod nginx;
pub(crate) mod rsync;
pub(crate) mod scp;
mod sshd;

pub(crate) use self::sshd::Sshd;
