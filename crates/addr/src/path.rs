//! Share paths: a path from outside is a type, not a string (decision 8 of ARCHITECTURE.md).
//!
//! In: raw bytes from the wire ([`SharePath::parse`], strict) or from a person ([`SharePath::from_user`], lenient).
//! Out: a canonical path relative to a share's root, which can only be opened by `services::files::tree`.
//! Knows nothing of file systems: whether a name exists, or is a link, is decided at the opening.
//! Invariant: components are 1..=255 bytes without `/` and NUL, never `.`, `..` or reserved, joined by single `/`.

use std::fmt;

/// Bytes in one name: what Linux file systems hold (`NAME_MAX`).
pub const MAX_NAME_BYTES: usize = 255;

/// Bytes in one path: what one system call takes (`PATH_MAX`); a longer path could be stored but never opened.
pub const MAX_PATH_BYTES: usize = 4096;

/// Components in one path: keeps walks through held directory handles far below the usual 1024 descriptors.
pub const MAX_COMPONENTS: usize = 128;

/// How the names of staging files begin. The parser refuses such names and listings hide them, so that nobody
/// outside can read, replace or delete a file that is still arriving. Ask [`is_reserved`], which ignores case.
pub const RESERVED_PREFIX: &[u8] = b".landline-part-";

/// Whether `name` is one of landline's own staging files.
///
/// ASCII case is ignored, because a share may lie on a file system that ignores it too.
#[must_use]
pub fn is_reserved(name: &[u8]) -> bool {
    name.get(..RESERVED_PREFIX.len()).is_some_and(|head| head.eq_ignore_ascii_case(RESERVED_PREFIX))
}

/// Why bytes are no path of a share. The words are meant for the person who gave the path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// The path starts with `/`.
    #[error("the path is absolute; paths are relative to the share, so leave out the leading /")]
    Absolute,
    /// A component is `..`.
    #[error("the path contains \"..\", which could lead out of the share")]
    Parent,
    /// A component is `.` (only the strict parser refuses it).
    #[error("the path contains the component \".\"")]
    Dot,
    /// A component, or a name, is empty: a doubled or trailing slash (only the strict parser refuses those).
    #[error("the path contains an empty name (a doubled or trailing /)")]
    Empty,
    /// There is a NUL byte, which no file name can hold.
    #[error("the path contains a NUL byte, which no file name can hold")]
    Nul,
    /// A `/` where a single name was expected.
    #[error("a single name was expected, without /")]
    Slash,
    /// A component begins with [`RESERVED_PREFIX`].
    #[error("names beginning with \".landline-part-\" are reserved for files that are still arriving")]
    Reserved,
    /// A component is longer than [`MAX_NAME_BYTES`].
    #[error("a name in the path is longer than {MAX_NAME_BYTES} bytes")]
    NameTooLong,
    /// The whole is longer than [`MAX_PATH_BYTES`].
    #[error("the path is longer than {MAX_PATH_BYTES} bytes")]
    TooLong,
    /// There are more than [`MAX_COMPONENTS`] components.
    #[error("the path is more than {MAX_COMPONENTS} names deep")]
    TooDeep,
}

/// One component of a path: 1..=255 raw bytes, no `/`, no NUL, neither `.` nor `..`, not reserved.
///
/// `Debug` escapes what is not printable ASCII; for people use `wire::shown(name.as_bytes())`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileName(Vec<u8>);

impl FileName {
    /// Checks one name.
    ///
    /// # Errors
    /// [`PathError`] says which rule `name` breaks; [`PathError::Slash`] when it holds more than one name.
    pub fn parse(name: &[u8]) -> Result<Self, PathError> {
        if name.contains(&b'/') {
            return Err(PathError::Slash);
        }
        check_component(name)?;
        Ok(Self(name.to_vec()))
    }

    /// The name, raw. Not necessarily UTF-8.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FileName(\"{}\")", self.0.escape_ascii())
    }
}

/// A canonical path relative to the root of a share; the empty path is the root itself.
///
/// Two paths are equal exactly when their bytes are. Order is that of the raw bytes.
/// `Debug` escapes what is not printable ASCII; for people use `wire::shown(path.as_bytes())`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct SharePath(Vec<u8>);

impl SharePath {
    /// The share itself.
    #[must_use]
    pub fn root() -> Self {
        Self::default()
    }

    /// Reads a path from the wire. Strict: there is one way to write each path, and anything else is refused.
    ///
    /// # Errors
    /// [`PathError`] says which rule is broken. Nothing is allocated before all rules are checked.
    pub fn parse(bytes: &[u8]) -> Result<Self, PathError> {
        check_whole(bytes)?;
        if bytes.is_empty() {
            return Ok(Self::root());
        }
        let mut depth = 0;
        for component in bytes.split(|byte| *byte == b'/') {
            check_component(component)?;
            depth += 1;
        }
        if depth > MAX_COMPONENTS {
            return Err(PathError::TooDeep);
        }
        Ok(Self(bytes.to_vec()))
    }

    /// Reads a path that a person typed: drops `./` and doubled and trailing slashes, so that `./a//b/` is `a/b`,
    /// and `.` is the root.
    ///
    /// # Errors
    /// [`PathError`], for everything that cannot be repaired without guessing: an absolute path, `..`, a reserved
    /// or oversized name, NUL, too long, too deep.
    pub fn from_user(bytes: &[u8]) -> Result<Self, PathError> {
        if bytes.first() == Some(&b'/') {
            return Err(PathError::Absolute);
        }
        let kept: Vec<&[u8]> =
            bytes.split(|byte| *byte == b'/').filter(|part| !part.is_empty() && *part != b".").collect();
        Self::parse(&kept.join(&b'/'))
    }

    /// The names from the root downwards; none for the root.
    pub fn components(&self) -> impl DoubleEndedIterator<Item = &[u8]> {
        self.0.split(|byte| *byte == b'/').filter(|part| !part.is_empty())
    }

    /// The directory that holds this path; `None` for the root.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        if self.is_root() {
            return None;
        }
        let above = self.0.iter().rposition(|byte| *byte == b'/').and_then(|slash| self.0.get(..slash));
        Some(Self(above.unwrap_or_default().to_vec()))
    }

    /// The last name; `None` for the root.
    #[must_use]
    pub fn file_name(&self) -> Option<FileName> {
        self.components().next_back().map(|name| FileName(name.to_vec()))
    }

    /// `name` inside this directory.
    ///
    /// # Errors
    /// [`PathError::TooLong`] or [`PathError::TooDeep`].
    pub fn join(&self, name: &FileName) -> Result<Self, PathError> {
        self.append(&Self(name.0.clone()))
    }

    /// `below`, taken as relative to this directory.
    ///
    /// # Errors
    /// [`PathError::TooLong`] or [`PathError::TooDeep`].
    pub fn append(&self, below: &Self) -> Result<Self, PathError> {
        if self.is_root() {
            return Ok(below.clone());
        }
        if below.is_root() {
            return Ok(self.clone());
        }
        if self.0.len() + 1 + below.0.len() > MAX_PATH_BYTES {
            return Err(PathError::TooLong);
        }
        if self.components().count() + below.components().count() > MAX_COMPONENTS {
            return Err(PathError::TooDeep);
        }
        Ok(Self([self.0.as_slice(), below.0.as_slice()].join(&b'/')))
    }

    /// Whether this path is `above` or lies below it, name by name: `ab` does not start with `a`.
    #[must_use]
    pub fn starts_with(&self, above: &Self) -> bool {
        match self.0.strip_prefix(above.0.as_slice()) {
            Some(rest) => above.is_root() || rest.is_empty() || rest.first() == Some(&b'/'),
            None => false,
        }
    }

    /// Whether this is the share itself.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// The canonical form, raw; empty for the root. Not necessarily UTF-8.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl From<FileName> for SharePath {
    fn from(name: FileName) -> Self {
        Self(name.0)
    }
}

impl fmt::Debug for SharePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SharePath(\"{}\")", self.0.escape_ascii())
    }
}

fn check_whole(bytes: &[u8]) -> Result<(), PathError> {
    if bytes.len() > MAX_PATH_BYTES {
        return Err(PathError::TooLong);
    }
    if bytes.first() == Some(&b'/') {
        return Err(PathError::Absolute);
    }
    Ok(())
}

fn check_component(name: &[u8]) -> Result<(), PathError> {
    match name {
        b"" => Err(PathError::Empty),
        b"." => Err(PathError::Dot),
        b".." => Err(PathError::Parent),
        _ if name.contains(&0) => Err(PathError::Nul),
        _ if name.len() > MAX_NAME_BYTES => Err(PathError::NameTooLong),
        _ if is_reserved(name) => Err(PathError::Reserved),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
