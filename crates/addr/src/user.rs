//! User names: who may call a machine, as its owner calls them.
//!
//! In: one argument, or a name from a peer. Out: a name that is safe to print, to compare and to call a folder by.

use std::fmt;
use std::str::FromStr;

/// Characters in a user's name, as many as Linux takes.
pub const MAX_USER_NAME: usize = 32;

/// The name of a user: `[a-z][a-z0-9._-]*`, at most [`MAX_USER_NAME`] characters, no `.` at the end. One form for each user: nothing is
/// folded or trimmed, so nobody is taken for somebody else.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserName(String);

/// Why text is no user name. The words say the rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UserNameError {
    /// There is no character at all.
    #[error("a user's name is empty; it is made of a-z, 0-9, '.', '_' and '-'")]
    Empty,
    /// There are more than [`MAX_USER_NAME`] characters.
    #[error("a user's name has at most {MAX_USER_NAME} characters")]
    TooLong,
    /// It does not start with a letter.
    #[error("a user's name starts with a letter a-z (lower case)")]
    Start,
    /// It ends with a dot.
    #[error("a user's name does not end with '.'")]
    End,
    /// There is a character out of the set.
    #[error("a user's name is made of a-z (lower case), 0-9, '.', '_' and '-'")]
    Character,
}

impl UserName {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for UserName {
    type Err = UserNameError;

    fn from_str(text: &str) -> Result<Self, UserNameError> {
        let first = text.chars().next().ok_or(UserNameError::Empty)?;
        if text.chars().nth(MAX_USER_NAME).is_some() {
            return Err(UserNameError::TooLong);
        }
        if !text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte)) {
            return Err(UserNameError::Character);
        }
        if !first.is_ascii_lowercase() {
            return Err(UserNameError::Start);
        }
        if text.ends_with('.') {
            return Err(UserNameError::End);
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_people_use_are_names_and_nothing_else_is() {
        for name in ["a", "amy", "bob.smith", "web-01", "x_y", &"a".repeat(MAX_USER_NAME)] {
            assert_eq!(name.parse::<UserName>().unwrap().as_str(), name);
        }
        for (text, why) in [
            ("", UserNameError::Empty),
            ("Amy", UserNameError::Character),
            ("金老板", UserNameError::Character),
            ("a b", UserNameError::Character),
            ("a/b", UserNameError::Character),
            ("a\n", UserNameError::Character),
            ("..", UserNameError::Start),
            ("-a", UserNameError::Start),
            ("1a", UserNameError::Start),
            ("a..", UserNameError::End),
            (&"a".repeat(MAX_USER_NAME + 1), UserNameError::TooLong),
        ] {
            assert_eq!(text.parse::<UserName>(), Err(why), "{text:?}");
        }
    }
}
