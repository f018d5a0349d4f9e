//! The header before a file's bytes: its size, its name, its MD5. Source: PROTOCOL.md §10.7.
//!
//! The name is what the other side says, a path perhaps: whoever writes a file by it has to judge it first. MD5 shows
//! faults of the line and no forgery.

use bytes::BytesMut;
use data_encoding::HEXLOWER;
use serde_json::Value;

use super::{FramingError, JsonHead, head::FILE_SIZE};
use crate::limits::FramingLimits;

const FILE_NAME: &str = "file_name";
const MD5: &str = "md5";

/// What is said of a file before its bytes.
///
/// ```
/// use bytes::BytesMut;
/// use landline_wire::{FileHead, FramingLimits};
///
/// let file = FileHead { file_size: 1_073_741_824_000, file_name: "/a/b/c/d/e/a.txt".into(), md5: [0xab; 16] };
/// let mut stream = BytesMut::new();
/// file.encode(&FramingLimits::default(), &mut stream)?;
/// let start = b"\x68\0\0\0{\"file_size\": 1073741824000, \"file_name\": \"/a/b/c/d/e/a.txt\", \"md5\": \"abab";
/// assert!(stream.starts_with(start));
/// assert_eq!(FileHead::decode(&mut stream, &FramingLimits::default())?, Some(file));
/// # Ok::<(), landline_wire::FramingError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileHead {
    /// Bytes of the file, which follow the header.
    pub file_size: u64,
    /// Its name, as the sender calls it: not to be used as a path unseen.
    pub file_name: String,
    /// The MD5 of its bytes; 32 lower-case hexadecimal digits on the wire.
    pub md5: [u8; 16],
}

impl FileHead {
    /// Appends length and header to `into`; the bytes of the file have to follow.
    ///
    /// # Errors
    /// [`FramingError::HeaderTooLong`] for a name that is too long.
    pub fn encode(&self, limits: &FramingLimits, into: &mut BytesMut) -> Result<(), FramingError> {
        JsonHead::try_from(self)?.encode(limits, into)
    }

    /// Takes one header off the front of `inbox`, leaving the file's bytes in place. `Ok(None)` means not complete yet.
    ///
    /// # Errors
    /// As [`JsonHead::decode`], and [`FramingError::BadField`].
    pub fn decode(inbox: &mut BytesMut, limits: &FramingLimits) -> Result<Option<Self>, FramingError> {
        JsonHead::decode(inbox, limits)?.map(|head| Self::try_from(&head)).transpose()
    }
}

impl TryFrom<&JsonHead> for FileHead {
    type Error = FramingError;

    fn try_from(head: &JsonHead) -> Result<Self, FramingError> {
        let bad = |key, wanted| FramingError::BadField { key, wanted };
        if head.get(FILE_SIZE).is_none() {
            return Err(bad(FILE_SIZE, "a whole number"));
        }
        let text = |key| head.get(key).and_then(Value::as_str);
        let digest = text(MD5).and_then(|digits| HEXLOWER.decode(digits.as_bytes()).ok());
        Ok(Self {
            file_size: head.body_len(),
            file_name: text(FILE_NAME).ok_or(bad(FILE_NAME, "a text"))?.to_owned(),
            md5: digest.and_then(|bytes| bytes.try_into().ok()).ok_or(bad(MD5, "32 lower-case hexadecimal digits"))?,
        })
    }
}

impl TryFrom<&FileHead> for JsonHead {
    type Error = FramingError;

    fn try_from(file: &FileHead) -> Result<Self, FramingError> {
        Self::new([
            (FILE_SIZE.to_owned(), file.file_size.into()),
            (FILE_NAME.to_owned(), file.file_name.as_str().into()),
            (MD5.to_owned(), HEXLOWER.encode(&file.md5).into()),
        ])
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    proptest! {
        #[test]
        fn every_file_reads_back(file_size in any::<u64>(), file_name in ".{0,40}", md5 in any::<[u8; 16]>()) {
            let file = FileHead { file_size, file_name, md5 };
            let (limits, mut stream) = (FramingLimits::default(), BytesMut::new());
            file.encode(&limits, &mut stream).unwrap();
            prop_assert_eq!(FileHead::decode(&mut stream, &limits), Ok(Some(file)));
            prop_assert!(stream.is_empty());
        }
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        let digits = "d41d8cd98f00b204e9800998ecf8427e";
        let told = |fields: Value| {
            let head = JsonHead::new(fields.as_object().expect("an object").clone()).expect("it has a size");
            FileHead::try_from(&head).unwrap_err().to_string()
        };
        assert_eq!(
            told(json!({"data_size": 1, "file_name": "a", "md5": digits})),
            "file_size of the file's header must be a whole number"
        );
        assert_eq!(told(json!({"file_size": 1, "md5": digits})), "file_name of the file's header must be a text");
        for md5 in [json!(null), json!(digits.to_uppercase()), json!(&digits[1..]), json!([0])] {
            let said = told(json!({"file_size": 1, "file_name": "a", "md5": md5}));
            assert_eq!(said, "md5 of the file's header must be 32 lower-case hexadecimal digits");
        }
    }
}
