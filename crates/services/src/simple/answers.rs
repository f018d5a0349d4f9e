//! Services that answer each message by itself: echo, upper, ack, hello, discard, info.

use landline_net::raw::{Responder, Verdict};

/// Sends back what came.
#[derive(Debug, Clone, Copy)]
pub struct Echo;

/// Sends back what came with its ASCII letters in upper case, as Python's `bytes.upper` does.
#[derive(Debug, Clone, Default)]
pub struct Upper {
    /// Whether white space at both ends is taken off first.
    pub strip: bool,
    /// Whether the connection is closed after one answer.
    pub once: bool,
}

/// Answers everything with the same words, until one says the closing word.
#[derive(Debug, Clone)]
pub struct Ack {
    /// What is answered.
    pub answer: Vec<u8>,
    /// What closes the connection, without an answer.
    pub closing: Option<Vec<u8>>,
}

/// Says hello first, or answers the first message, and closes.
#[derive(Debug, Clone)]
pub struct Hello {
    /// Said when a connection stands.
    pub greeting: Option<Vec<u8>>,
    /// What is answered to the first message; with a greeting nothing is.
    pub answer: Vec<u8>,
}

/// Takes everything and says nothing.
#[derive(Debug, Clone, Copy)]
pub struct Discard;

/// Tells what came: its length and its bytes.
#[derive(Debug, Clone, Copy)]
pub struct Info;

impl Responder for Echo {
    fn respond(&self, request: &[u8], answer: &mut Vec<u8>) -> Verdict {
        answer.extend_from_slice(request);
        Verdict::Answer
    }
}

impl Responder for Upper {
    fn respond(&self, request: &[u8], answer: &mut Vec<u8>) -> Verdict {
        let request = if self.strip { request.trim_ascii() } else { request };
        answer.extend(request.iter().map(u8::to_ascii_uppercase));
        if self.once { Verdict::AnswerAndClose } else { Verdict::Answer }
    }
}

impl Responder for Ack {
    fn respond(&self, request: &[u8], answer: &mut Vec<u8>) -> Verdict {
        if self.closing.as_deref() == Some(request) {
            return Verdict::Close;
        }
        answer.extend_from_slice(&self.answer);
        Verdict::Answer
    }
}

impl Responder for Hello {
    fn respond(&self, _request: &[u8], answer: &mut Vec<u8>) -> Verdict {
        if self.greeting.is_some() {
            return Verdict::Close;
        }
        answer.extend_from_slice(&self.answer);
        Verdict::AnswerAndClose
    }

    fn greeting(&self) -> Option<&[u8]> {
        self.greeting.as_deref()
    }
}

impl Responder for Discard {
    fn respond(&self, _request: &[u8], _answer: &mut Vec<u8>) -> Verdict {
        Verdict::Silent
    }
}

impl Responder for Info {
    fn respond(&self, request: &[u8], answer: &mut Vec<u8>) -> Verdict {
        let shown = landline_wire::shown(request);
        answer.extend_from_slice(format!("{} bytes: {shown}\n", request.len()).as_bytes());
        Verdict::Answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(responder: &impl Responder, request: &str) -> (String, Verdict) {
        let mut answer = Vec::new();
        let verdict = responder.respond(request.as_bytes(), &mut answer);
        (String::from_utf8(answer).unwrap(), verdict)
    }

    #[test]
    fn the_closing_word_must_be_exact_and_is_not_answered() {
        let ack = Ack { answer: b"Receive your message".to_vec(), closing: Some(b"##".to_vec()) };
        assert_eq!(said(&ack, "hello"), ("Receive your message".to_owned(), Verdict::Answer));
        assert_eq!(said(&ack, "##\r\n").1, Verdict::Answer);
        assert_eq!(said(&ack, "##"), (String::new(), Verdict::Close));
    }

    #[test]
    fn upper_changes_ascii_letters_only() {
        assert_eq!(said(&Upper::default(), "straße é"), ("STRAßE é".to_owned(), Verdict::Answer));
        let once = Upper { strip: true, once: true };
        assert_eq!(said(&once, " hello\n"), ("HELLO".to_owned(), Verdict::AnswerAndClose));
    }
}
