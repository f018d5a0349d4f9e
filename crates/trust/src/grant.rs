//! Grants, and the one function that decides.
//!
//! In: the grants of a user, and what is asked. Out: yes or no. Knows nothing of users, keys and calls.
//! Invariant: what no grant names is refused; no grant implies another.

use std::fmt;
use std::str::FromStr;

use landline_addr::path::{PathError, SharePath};

/// One right of one user.
///
/// Its text form is what people write and what the database keeps: `files:read /pub`, `files:write /`, `admin`.
/// The path begins with `/`, the root of the share; bytes that are not plainly printable UTF-8, and `%` itself,
/// are written `%41`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Grant {
    /// May list and read this path and everything below it.
    FilesRead(SharePath),
    /// May create, replace, rename and remove this path and everything below it. Does not allow reading.
    FilesWrite(SharePath),
    /// May manage users, keys and invitations. Allows nothing else.
    Admin,
}

/// What somebody wants to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask<'a> {
    /// List or read this path.
    FilesRead(&'a SharePath),
    /// Change this path.
    FilesWrite(&'a SharePath),
    /// Manage users, keys and invitations.
    Admin,
    /// Use the files service at all; each path is asked for when it is named.
    Files,
}

/// Whether `grants` allow `ask`. Grants add up; none takes another away. No grants, no rights.
#[must_use]
pub fn may(grants: &[Grant], ask: &Ask<'_>) -> bool {
    grants.iter().any(|grant| allows(grant, ask))
}

/// Every pair is spelled out, so that a new kind of grant or question does not compile until it is thought about.
fn allows(grant: &Grant, ask: &Ask<'_>) -> bool {
    match (grant, ask) {
        (Grant::FilesRead(dir), Ask::FilesRead(path)) | (Grant::FilesWrite(dir), Ask::FilesWrite(path)) => {
            path.starts_with(dir)
        }
        (Grant::FilesRead(_) | Grant::FilesWrite(_), Ask::Files) | (Grant::Admin, Ask::Admin) => true,
        (Grant::FilesRead(_), Ask::FilesWrite(_) | Ask::Admin)
        | (Grant::FilesWrite(_), Ask::FilesRead(_) | Ask::Admin)
        | (Grant::Admin, Ask::FilesRead(_) | Ask::FilesWrite(_) | Ask::Files) => false,
    }
}

impl Grant {
    /// What a newly introduced machine may do where nobody decided otherwise: read and write the whole share.
    #[must_use]
    pub fn defaults() -> [Self; 2] {
        [Self::FilesRead(SharePath::root()), Self::FilesWrite(SharePath::root())]
    }
}

/// Why text is no grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum GrantError {
    /// The right is not one of those that exist.
    #[error("unknown grant; there are \"files:read /path\", \"files:write /path\" and \"admin\"")]
    Unknown,
    /// A path is missing, or lacks its leading slash.
    #[error("this grant needs a path that begins with /, the root of the share: \"files:read /path\"")]
    NoPath,
    /// Something follows `admin`.
    #[error("the grant \"admin\" stands alone")]
    Trailing,
    /// A `%` without two hexadecimal digits.
    #[error("after % two hexadecimal digits are expected; % itself is written %25")]
    Percent,
    /// The path cannot be a path of a share.
    #[error(transparent)]
    Path(#[from] PathError),
}

impl FromStr for Grant {
    type Err = GrantError;

    fn from_str(text: &str) -> Result<Self, GrantError> {
        let (right, path) = match text.split_once(' ') {
            Some((right, path)) => (right, Some(path)),
            None => (text, None),
        };
        match (right, path) {
            ("files:read", path) => Ok(Self::FilesRead(read_path(path)?)),
            ("files:write", path) => Ok(Self::FilesWrite(read_path(path)?)),
            ("admin", None) => Ok(Self::Admin),
            ("admin", Some(_)) => Err(GrantError::Trailing),
            _ => Err(GrantError::Unknown),
        }
    }
}

impl fmt::Display for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FilesRead(path) => {
                f.write_str("files:read ")?;
                write_path(f, path)
            }
            Self::FilesWrite(path) => {
                f.write_str("files:write ")?;
                write_path(f, path)
            }
            Self::Admin => f.write_str("admin"),
        }
    }
}

fn read_path(text: Option<&str>) -> Result<SharePath, GrantError> {
    let relative = text.and_then(|text| text.strip_prefix('/')).ok_or(GrantError::NoPath)?;
    let mut decoded = Vec::new();
    let mut rest = relative.bytes();
    while let Some(byte) = rest.next() {
        decoded.push(if byte == b'%' { hex_pair(rest.next(), rest.next())? } else { byte });
    }
    Ok(SharePath::from_user(&decoded)?)
}

fn hex_pair(high: Option<u8>, low: Option<u8>) -> Result<u8, GrantError> {
    let digit = |byte: Option<u8>| char::from(byte?).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let (high, low) = (digit(high).ok_or(GrantError::Percent)?, digit(low).ok_or(GrantError::Percent)?);
    Ok(high << 4 | low)
}

fn write_path(f: &mut fmt::Formatter<'_>, path: &SharePath) -> fmt::Result {
    f.write_str("/")?;
    for chunk in path.as_bytes().utf8_chunks() {
        for c in chunk.valid().chars() {
            if is_plain(c) {
                write!(f, "{c}")?;
            } else {
                write_escaped(f, c.encode_utf8(&mut [0; 4]).as_bytes())?;
            }
        }
        write_escaped(f, chunk.invalid())?;
    }
    Ok(())
}

/// Letters and digits of any script, and what ASCII prints; not the letters of Hangul that print nothing.
fn is_plain(c: char) -> bool {
    const INVISIBLE: [char; 4] = ['\u{115f}', '\u{1160}', '\u{3164}', '\u{ffa0}'];
    (c.is_alphanumeric() && !INVISIBLE.contains(&c)) || c == ' ' || (c.is_ascii_graphic() && c != '%')
}

fn write_escaped(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "%{byte:02X}"))
}

#[cfg(test)]
mod tests;
