//! What can be wrong with a record, and the alert by which the peer is told (RFC 8446 §6).

use super::MAX_BODY;

/// Why no more records are taken or made on a connection.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RecordError {
    #[error("a record of {0} bytes came, {MAX_BODY} are allowed")]
    TooLong(usize),
    #[error("a record of {0} bytes came, too short for any")]
    TooShort(usize),
    #[error("a record of type {0} came in the clear")]
    Clear(u8),
    #[error("a record was changed, repeated or left out on its way")]
    Forged,
    #[error("a record of nothing but padding came")]
    NoType,
    #[error("a record of unknown type {0} came")]
    UnknownType(u8),
    #[error("an empty record came where that has no meaning")]
    Empty,
    #[error("another record came inside a handshake message")]
    Interleaved,
    #[error("a handshake message of type {0} came after the handshake")]
    Handshake(u8),
    #[error("a handshake message of {0} bytes came")]
    HandshakeTooLong(usize),
    #[error("a key update came that can't be read")]
    KeyUpdate,
    #[error("a session ticket came that can't be read")]
    Ticket,
    #[error("too many records in a row came that carry nothing")]
    Fruitless,
    #[error("an alert came that can't be read")]
    AlertForm,
    #[error("the other end ended the connection by the TLS alert {}", alert_name(*.0))]
    Alert(u8),
    #[error("the cipher of this connection is not supported")]
    Cipher,
    #[error("the keys of this connection are used up")]
    UsedUp,
}

impl RecordError {
    /// The alert that tells the peer; none where the peer knows.
    pub(crate) fn alert(&self) -> Option<u8> {
        match self {
            Self::TooLong(_) => Some(alert::RECORD_OVERFLOW),
            Self::TooShort(_) | Self::AlertForm | Self::Ticket | Self::HandshakeTooLong(_) => Some(alert::DECODE_ERROR),
            Self::Forged => Some(alert::BAD_RECORD_MAC),
            Self::KeyUpdate => Some(alert::ILLEGAL_PARAMETER),
            Self::Clear(_)
            | Self::NoType
            | Self::UnknownType(_)
            | Self::Empty
            | Self::Interleaved
            | Self::Handshake(_)
            | Self::Fruitless => Some(alert::UNEXPECTED_MESSAGE),
            Self::Cipher | Self::UsedUp => Some(alert::INTERNAL_ERROR),
            Self::Alert(_) => None,
        }
    }
}

impl From<RecordError> for std::io::Error {
    fn from(fault: RecordError) -> Self {
        Self::new(std::io::ErrorKind::InvalidData, fault)
    }
}

/// Numbers of alerts (RFC 8446 §6).
pub(super) mod alert {
    pub(crate) const CLOSE_NOTIFY: u8 = 0;
    pub(crate) const UNEXPECTED_MESSAGE: u8 = 10;
    pub(crate) const BAD_RECORD_MAC: u8 = 20;
    pub(crate) const RECORD_OVERFLOW: u8 = 22;
    pub(crate) const ILLEGAL_PARAMETER: u8 = 47;
    pub(crate) const DECODE_ERROR: u8 = 50;
    pub(crate) const INTERNAL_ERROR: u8 = 80;
    pub(crate) const USER_CANCELED: u8 = 90;
}

fn alert_name(number: u8) -> String {
    format!("{:?}", rustls::AlertDescription::from(number))
}
