//! The person, or the program, at this end of a connection: what is typed or piped in, what is shown or piped out.
//!
//! In: standard input, messages that came. Out: bytes to send, text on the screen. Bytes on the wire are never changed but by
//! `--encoding`; what could act on a terminal is escaped on its way to one, and only there.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use encoding_rs::{Decoder, Encoding};
use landline_net::raw::{Message, PeerName};
use landline_wire::Blob;
use serde::Serialize;
use tokio::time::sleep;

use super::flags::ShowFlags;
use crate::editor::{Above, Editor, Typed};
use crate::fail::Fail;
use crate::here::Here;
use crate::out::Out;
use crate::screen::Tamer;
use crate::stdio::{Stdin, Stdout};

mod hex;

/// Who sits here.
pub(crate) struct Human {
    pub(crate) keys: Keys,
    pub(crate) screen: Screen,
}

/// What is typed or piped in.
pub(crate) struct Keys {
    /// Said before anything that is typed.
    first: VecDeque<Bytes>,
    /// What is said again, and how often.
    again: Option<(Duration, Vec<Bytes>)>,
    source: Source,
    encoding: Option<&'static Encoding>,
    hex: Option<Out>,
}

/// Where lines come from.
enum Source {
    /// A pipe or a file, or a terminal that can do no better; opened when something is wanted of it.
    Stdin(Option<Stdin>),
    /// A person at a terminal.
    Editor(Editor),
}

/// Where what comes is shown.
pub(crate) struct Screen {
    stdout: Stdout,
    out: Out,
    hex: bool,
    /// For what comes in another encoding; keeps half a character until the rest comes.
    decoder: Option<Decoder>,
    tamer: Option<Tamer<Vec<u8>>>,
    /// How to print beside somebody who is typing.
    above: Option<Above>,
    /// Whether each message ends a line.
    lines: bool,
}

/// A message, for programs.
#[derive(Debug, Serialize)]
struct Came<'a> {
    event: &'static str,
    peer: String,
    bytes: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    b64: Option<Blob>,
    #[serde(skip_serializing_if = "Option::is_none")]
    header: Option<std::collections::BTreeMap<&'a str, &'a serde_json::Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cut_from: Option<usize>,
}

impl Human {
    /// `lines`: whether each message stands on a line of its own.
    pub(crate) fn new(show: &ShowFlags, lines: bool, here: &Here) -> Self {
        let terminal = here.out.stdout_is_terminal();
        let (source, above) = match here.out.can_edit().then(Editor::open).flatten() {
            Some((editor, above)) => (Source::Editor(editor), Some(above)),
            None => (Source::Stdin(None), None),
        };
        let screen = Screen {
            stdout: Stdout::open(&here.out),
            out: here.out.clone(),
            hex: show.hex,
            decoder: show.encoding.map(Encoding::new_decoder_without_bom_handling),
            tamer: terminal.then(|| Tamer::new(Vec::new())),
            above,
            lines,
        };
        Self {
            keys: Keys {
                first: VecDeque::new(),
                again: None,
                source,
                encoding: show.encoding,
                hex: show.hex.then(|| here.out.clone()),
            },
            screen,
        }
    }
}

impl Keys {
    /// The next bytes to send; `None` at the end of input. Cancel-safe.
    ///
    /// # Errors
    /// If standard input can't be read.
    pub(crate) async fn piece(&mut self) -> Result<Option<Bytes>, Fail> {
        if let Some(first) = self.first().await {
            return Ok(Some(first));
        }
        let piece = match &mut self.source {
            Source::Stdin(stdin) => stdin.get_or_insert_with(Stdin::open).piece().await.map_err(unreadable)?,
            Source::Editor(editor) => typed(editor).await?.map(|line| Bytes::from(line + "\n")),
        };
        Ok(piece.map(|piece| self.sent(piece)))
    }

    /// The next line to send, without its end.
    ///
    /// # Errors
    /// If standard input can't be read.
    pub(crate) async fn line(&mut self) -> Result<Option<Bytes>, Fail> {
        if let Some(first) = self.first().await {
            return Ok(Some(first));
        }
        let line = match &mut self.source {
            Source::Stdin(stdin) => stdin.get_or_insert_with(Stdin::open).line().await.map_err(unreadable)?,
            Source::Editor(editor) => typed(editor).await?.map(Bytes::from),
        };
        Ok(line.map(|line| self.sent(line)))
    }

    /// Says `texts`, each a message or a piece of its own, before anything that is typed.
    pub(crate) fn say_first(&mut self, texts: &[String]) {
        self.first.extend(texts.iter().map(|text| Bytes::from(text.clone())));
    }

    /// Says `texts` again, `every` so often, when they have been said.
    pub(crate) fn repeat(&mut self, every: Option<Duration>, texts: &[String]) {
        self.again = every.map(|every| (every, texts.iter().map(|text| Bytes::from(text.clone())).collect()));
    }

    async fn first(&mut self) -> Option<Bytes> {
        if let (true, Some((every, texts))) = (self.first.is_empty(), &self.again) {
            sleep(*every).await;
            self.first.extend(texts.iter().cloned());
        }
        let first = self.first.pop_front()?;
        Some(self.sent(first))
    }

    /// Whether a person types, who sees when the other end has closed.
    pub(crate) fn is_person(&self) -> bool {
        matches!(self.source, Source::Editor(_))
    }

    /// What goes over the wire for `bytes`; shown if that is wanted.
    fn sent(&self, bytes: Bytes) -> Bytes {
        let bytes = match self.encoding {
            None => bytes,
            Some(encoding) => {
                let text = String::from_utf8_lossy(&bytes);
                Bytes::from(encoding.encode(&text).0.into_owned())
            }
        };
        if let Some(out) = &self.hex {
            hex::show(out, '>', &bytes);
        }
        bytes
    }
}

impl Screen {
    /// Shows a message. Whether somebody still reads.
    pub(crate) async fn show(&mut self, message: &Message, peer: &PeerName) -> bool {
        if let Some(sent) = message.cut_from {
            let kept = message.body.len();
            self.out
                .warn(format_args!("{peer}: a datagram of {sent} bytes was cut to {kept}; --bufsize sets the limit"));
        }
        if self.hex {
            hex::show(&self.out, '<', &message.body);
        }
        if self.out.is_json() {
            self.object(message, peer);
            return !self.out.is_gone();
        }
        let mut bytes = self.decoded(&message.body);
        if self.lines {
            bytes.push(b'\n');
        }
        let shown = match &mut self.tamer {
            None => bytes,
            Some(tamer) => tamer.take(&bytes),
        };
        if let Some(above) = &self.above {
            above.print(&String::from_utf8_lossy(&shown));
            return true;
        }
        self.stdout.write(Bytes::from(shown)).await
    }

    /// Shows a message under a line that says whose it is, as the QQ of the tutorials does.
    pub(crate) async fn show_from(&mut self, message: &Message, peer: &PeerName) -> bool {
        if self.out.is_json() {
            return self.show(message, peer).await;
        }
        let head = match peer.address() {
            Some(address) => format!("来自[{}:{}]的一条消息:", address.ip(), address.port()),
            None => format!("来自[{peer}]的一条消息:"),
        };
        if self.hex {
            hex::show(&self.out, '<', &message.body);
        }
        let decoded = self.decoded(&message.body);
        // Escaped in every case: the colour around it is ours, what is inside is not.
        let text = String::from_utf8_lossy(&Tamer::new(Vec::new()).take(&decoded)).into_owned();
        let colours = self.tamer.is_some() && std::env::var_os("NO_COLOR").is_none();
        let said = if colours { format!("{head}\x1b[1;44m{text}\x1b[0m\n") } else { format!("{head}{text}\n") };
        if let Some(above) = &self.above {
            above.print(&said);
            return true;
        }
        self.stdout.write(Bytes::from(said)).await
    }

    /// Something that a person should know.
    pub(crate) fn warn(&self, text: impl std::fmt::Display) {
        self.out.warn(text);
    }

    /// Waits until everything is written.
    pub(crate) async fn written(&self) {
        self.stdout.written().await;
    }

    fn object(&self, message: &Message, peer: &PeerName) {
        let text = std::str::from_utf8(&message.body).ok();
        let decoded = self.decoder.as_ref().map(|decoder| decoder.encoding().decode(&message.body).0);
        let text = decoded.as_deref().or(text);
        self.out.object(&Came {
            event: "message",
            peer: peer.to_string(),
            bytes: message.body.len(),
            text,
            b64: text.is_none().then(|| Blob(message.body.to_vec())),
            header: message.header.as_ref().map(|head| head.fields().collect()),
            cut_from: message.cut_from,
        });
    }

    fn decoded(&mut self, bytes: &[u8]) -> Vec<u8> {
        let Some(decoder) = &mut self.decoder else { return bytes.to_vec() };
        let most = decoder.max_utf8_buffer_length(bytes.len()).unwrap_or(bytes.len());
        let mut text = String::with_capacity(most);
        let _ = decoder.decode_to_string(bytes, &mut text, self.lines); // the string has room for all of it
        if self.lines {
            *decoder = decoder.encoding().new_decoder_without_bom_handling();
        }
        text.into_bytes()
    }
}

/// The next line of a person.
async fn typed(editor: &mut Editor) -> Result<Option<String>, Fail> {
    match editor.next().await.map_err(unreadable)? {
        None => Ok(None),
        Some(Typed::Line(text)) => Ok(Some(text)),
        Some(Typed::Interrupted) => Err(Fail::interrupted()),
    }
}

fn unreadable(fault: std::io::Error) -> Fail {
    Fail::io("cannot read standard input", &fault)
}
