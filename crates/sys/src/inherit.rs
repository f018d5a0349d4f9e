//! Descriptors that this process was started with.

use std::io;
use std::os::fd::{FromRawFd as _, OwnedFd};
use std::sync::Mutex;

/// Numbers that were handed out already: a descriptor has one owner.
static TAKEN: Mutex<Vec<u32>> = Mutex::new(Vec::new());

/// Takes the descriptor `number` over, which whoever started this process left open.
///
/// # Errors
/// `EBADF` if there is no such descriptor; [`io::ErrorKind::InvalidInput`] for 0, 1 and 2, which are everybody's, and for one
/// that was taken before.
pub fn inherited(number: u32) -> io::Result<OwnedFd> {
    let raw = i32::try_from(number).map_err(|_| io::Error::from_raw_os_error(libc::EBADF))?;
    if raw <= 2 {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "descriptors 0, 1 and 2 are the standard streams"));
    }
    // SAFETY: F_GETFD reads a flag of a descriptor by number and touches no memory; a closed number is an error.
    if unsafe { libc::fcntl(raw, libc::F_GETFD) } < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: F_SETFD sets a flag of a descriptor by number and touches no memory; ours are not for the programs we start.
    if unsafe { libc::fcntl(raw, libc::F_SETFD, libc::FD_CLOEXEC) } < 0 {
        return Err(io::Error::last_os_error());
    }
    let mut taken = TAKEN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if taken.contains(&number) {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "this descriptor is in use already"));
    }
    taken.push(number);
    // SAFETY: the descriptor is open, and this function hands each number out once. Called before the process opens
    // files by number of its own accord: the caller names one that it was started with.
    Ok(unsafe { OwnedFd::from_raw_fd(raw) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_descriptor_or_a_standard_stream_is_refused() {
        assert_eq!(inherited(1).unwrap_err().kind(), io::ErrorKind::InvalidInput);
        assert_eq!(inherited(900_000).unwrap_err().raw_os_error(), Some(libc::EBADF));
        assert_eq!(inherited(u32::MAX).unwrap_err().raw_os_error(), Some(libc::EBADF));
    }
}
