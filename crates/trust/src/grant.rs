//! Grants, and the one function that decides.
//!
//! In: the grants of a user, and what is asked. Out: yes or no. Knows nothing of users, keys and calls.
//! Invariant: what no grant names is refused; no grant implies another.

use std::fmt;
use std::str::FromStr;

use landline_addr::path::{PathError, SharePath};

/// Where a path begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Area {
    /// At the root of the share, written `/`.
    Share,
    /// At the home folder of the user whose grant it is, written `~`.
    Home,
}

/// One right of one user.
///
/// Its text form is what people write and what the database keeps: `files:read /pub`, `files:write ~`, `admin`.
/// The path begins with `/`, the root of the share, or `~`, the home of the user; bytes that are not plainly printable UTF-8, and `%`
/// itself, are written `%41`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Grant {
    /// May list and read this path and everything below it.
    FilesRead(Area, SharePath),
    /// May create, replace, rename and remove this path and everything below it. Does not allow reading.
    FilesWrite(Area, SharePath),
    /// May manage users, keys and invitations. Allows nothing else by itself; but who may grant can grant himself the rest.
    Admin,
}

/// What somebody wants to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask<'a> {
    /// List or read this path.
    FilesRead(Area, &'a SharePath),
    /// Change this path.
    FilesWrite(Area, &'a SharePath),
    /// Read anything at this path, above it or below it: whether what is put there by its mover could be read by him.
    FilesReadAbout(Area, &'a SharePath),
    /// Know that this path is there, because it leads to one that is granted.
    FilesSee(Area, &'a SharePath),
    /// Manage users, keys and invitations.
    Admin,
    /// Use the files service in an area at all; each path is asked for when it is named.
    Files(Area),
}

/// Whether `grants` allow `ask`. Grants add up; none takes another away. No grants, no rights.
#[must_use]
pub fn may(grants: &[Grant], ask: &Ask<'_>) -> bool {
    grants.iter().any(|grant| allows(grant, ask))
}

/// Every pair is spelled out, so that a new kind of grant or question does not compile until it is thought about.
fn allows(grant: &Grant, ask: &Ask<'_>) -> bool {
    match (grant, ask) {
        (Grant::FilesRead(granted, dir), Ask::FilesRead(area, path))
        | (Grant::FilesWrite(granted, dir), Ask::FilesWrite(area, path)) => granted == area && path.starts_with(dir),
        (Grant::FilesRead(granted, dir), Ask::FilesReadAbout(area, path)) => {
            granted == area && (dir.starts_with(path) || path.starts_with(dir))
        }
        (Grant::FilesRead(granted, dir) | Grant::FilesWrite(granted, dir), Ask::FilesSee(area, path)) => {
            granted == area && dir.starts_with(path)
        }
        (Grant::FilesRead(granted, _) | Grant::FilesWrite(granted, _), Ask::Files(area)) => granted == area,
        (Grant::Admin, Ask::Admin) => true,
        (Grant::FilesRead(..), Ask::FilesWrite(..) | Ask::Admin)
        | (Grant::FilesWrite(..), Ask::FilesRead(..) | Ask::FilesReadAbout(..) | Ask::Admin)
        | (
            Grant::Admin,
            Ask::FilesRead(..) | Ask::FilesReadAbout(..) | Ask::FilesWrite(..) | Ask::FilesSee(..) | Ask::Files(_),
        ) => false,
    }
}

impl Grant {
    /// What a newly introduced machine may do where nobody decided otherwise: read and write the whole share.
    #[must_use]
    pub fn defaults() -> [Self; 2] {
        [Self::FilesRead(Area::Share, SharePath::root()), Self::FilesWrite(Area::Share, SharePath::root())]
    }

    /// What a new user may do where nobody decided otherwise: read and write his own home.
    #[must_use]
    pub fn own_home() -> [Self; 2] {
        [Self::FilesRead(Area::Home, SharePath::root()), Self::FilesWrite(Area::Home, SharePath::root())]
    }
}

/// Why text is no grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum GrantError {
    /// The right is not one of those that exist.
    #[error(
        "unknown grant; there are \"files:read /path\", \"files:write /path\" (~ in place of / for the home) and \"admin\""
    )]
    Unknown,
    /// A path is missing, or begins nowhere.
    #[error("this grant needs a path that begins with / (the share) or ~ (the user's home): \"files:read /path\"")]
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
            ("files:read", path) => read_path(path).map(|(area, path)| Self::FilesRead(area, path)),
            ("files:write", path) => read_path(path).map(|(area, path)| Self::FilesWrite(area, path)),
            ("admin", None) => Ok(Self::Admin),
            ("admin", Some(_)) => Err(GrantError::Trailing),
            _ => Err(GrantError::Unknown),
        }
    }
}

impl fmt::Display for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FilesRead(area, path) => {
                f.write_str("files:read ")?;
                write_path(f, *area, path)
            }
            Self::FilesWrite(area, path) => {
                f.write_str("files:write ")?;
                write_path(f, *area, path)
            }
            Self::Admin => f.write_str("admin"),
        }
    }
}

fn read_path(text: Option<&str>) -> Result<(Area, SharePath), GrantError> {
    let text = text.ok_or(GrantError::NoPath)?;
    let (area, relative) = match (text.strip_prefix('/'), text.strip_prefix("~/")) {
        (Some(relative), _) => (Area::Share, relative),
        (None, Some(relative)) => (Area::Home, relative),
        (None, None) if text == "~" => (Area::Home, ""),
        (None, None) => return Err(GrantError::NoPath),
    };
    let mut decoded = Vec::new();
    let mut rest = relative.bytes();
    while let Some(byte) = rest.next() {
        decoded.push(if byte == b'%' { hex_pair(rest.next(), rest.next())? } else { byte });
    }
    Ok((area, SharePath::from_user(&decoded)?))
}

fn hex_pair(high: Option<u8>, low: Option<u8>) -> Result<u8, GrantError> {
    let digit = |byte: Option<u8>| char::from(byte?).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let (high, low) = (digit(high).ok_or(GrantError::Percent)?, digit(low).ok_or(GrantError::Percent)?);
    Ok(high << 4 | low)
}

fn write_path(f: &mut fmt::Formatter<'_>, area: Area, path: &SharePath) -> fmt::Result {
    f.write_str(match (area, path.is_root()) {
        (Area::Share, _) => "/",
        (Area::Home, true) => "~",
        (Area::Home, false) => "~/",
    })?;
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
