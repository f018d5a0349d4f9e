//! The file service: a message is the name of a file below one directory, the answer is the file.
//!
//! In: names from outside. Out: a bare content and the end ([`Manner::Bare`], M7), or a header with size, name and MD5 before each
//! content ([`Manner::Headed`], F8), and more names. Paths are opened by [`files::tree`](crate::files::tree) alone: nothing leads
//! out of the directory, no link is followed, what is still arriving is not there. A file is read in blocks, never whole.
//! Source: PROTOCOL.md §10.7, §12. Invariant: behind a header come exactly the bytes that it announces, or the connection is cut.

use std::{fs::File, io, os::unix::fs::FileExt as _, sync::Arc};

use bytes::BytesMut;
use landline_addr::path::SharePath;
use landline_net::raw::{Connection, Handler, RawError};
use landline_wire::framing::{FileHead, FramingError, JsonHead};
use landline_wire::limits::FramingLimits;
use md5::{Digest as _, Md5};
use tokio::task::spawn_blocking;

use crate::files::tree::{Tree, TreeError};

/// Bytes read at once: enough that the way to the thread that reads costs little, and little to hold for each client.
const BLOCK_BYTES: usize = 256 << 10;

/// How a file is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Manner {
    /// Its bytes, then the end of the connection. For a file that can't be had, the end without a byte.
    #[default]
    Bare,
    /// A header before its bytes, whatever the outgoing framing; then the next name. For a file that can't be had,
    /// `{"data_size": 0, "error": "not found"}`.
    Headed,
}

/// Gives out the files below a directory.
#[derive(Debug, Clone)]
pub struct Files {
    tree: Arc<Tree>,
    manner: Manner,
}

impl Files {
    /// `tree`: the directory. Names may lead into directories of it.
    #[must_use]
    pub fn new(tree: Arc<Tree>, manner: Manner) -> Self {
        Self { tree, manner }
    }

    /// The file that was asked for, and the bytes it has now.
    async fn open(&self, asked: &[u8]) -> Result<Source, Refused> {
        let path = SharePath::from_user(without_line_end(asked)).map_err(|_| Refused::NotFound)?;
        let name = path.file_name().ok_or(Refused::NotFound)?;
        let name = String::from_utf8_lossy(name.as_bytes()).into_owned();
        let tree = Arc::clone(&self.tree);
        match spawn_blocking(move || tree.open_file(&path)).await {
            Ok(Ok((file, entry))) => Ok(Source { file: Arc::new(file), size: entry.size, name }),
            Ok(Err(TreeError::Io { .. })) | Err(_) => Err(Refused::Unreadable),
            Ok(Err(_)) => Err(Refused::NotFound),
        }
    }

    async fn answer_headed(&self, connection: &mut Connection, asked: &[u8]) -> Result<(), RawError> {
        let limits = FramingLimits::default();
        let mut head = BytesMut::new();
        let known = match self.open(asked).await {
            Ok(source) => source.digest().await.map(|md5| (source, md5)).map_err(|_| Refused::Unreadable),
            Err(refused) => Err(refused),
        };
        match known {
            Err(refused) => {
                refused.head()?.encode(&limits, &mut head)?;
                connection.halves().1.write(&head).await
            }
            Ok((source, md5)) => {
                let told = FileHead { file_size: source.size, file_name: source.name.clone(), md5 };
                told.encode(&limits, &mut head)?;
                connection.halves().1.write(&head).await?;
                source.send(connection).await
            }
        }
    }
}

impl Handler for Files {
    async fn handle(&self, mut connection: Connection) -> Result<(), RawError> {
        if connection.keeps_bounds() {
            return Err(RawError::Unsuitable("files are sent over streams, not in packets"));
        }
        while let Some(asked) = connection.receive().await? {
            match self.manner {
                Manner::Headed => self.answer_headed(&mut connection, &asked.body).await?,
                Manner::Bare => {
                    if let Ok(source) = self.open(&asked.body).await {
                        source.send(&mut connection).await?;
                    }
                    break;
                }
            }
        }
        connection.finish().await
    }
}

/// Why a file is not given: no more than that it can't be had, as names of links and of what is forbidden are no stranger's
/// business.
#[derive(Debug, Clone, Copy)]
enum Refused {
    NotFound,
    Unreadable,
}

impl Refused {
    fn head(self) -> Result<JsonHead, FramingError> {
        let why = match self {
            Self::NotFound => "not found",
            Self::Unreadable => "can't be read",
        };
        JsonHead::new([("data_size".to_owned(), 0.into()), ("error".to_owned(), why.into())])
    }
}

/// An open file, of which `size` bytes are given: if it grows meanwhile, no more; if it shrinks, the connection is cut.
#[derive(Debug)]
struct Source {
    file: Arc<File>,
    size: u64,
    name: String,
}

impl Source {
    async fn digest(&self) -> io::Result<[u8; 16]> {
        let (mut md5, mut at) = (Md5::new(), 0);
        while at < self.size {
            let (file, wanted) = (Arc::clone(&self.file), wanted(self.size - at));
            let hashing = spawn_blocking(move || {
                let block = block(&file, at, wanted)?;
                md5.update(&block);
                io::Result::Ok((md5, block.len()))
            });
            let (hashed, read) = hashing.await.map_err(io::Error::other)??;
            (md5, at) = (hashed, advanced(at, read)?);
        }
        Ok(md5.finalize().into())
    }

    /// Bytes as they are, whatever the outgoing framing.
    async fn send(&self, connection: &mut Connection) -> Result<(), RawError> {
        let (_, sender) = connection.halves();
        let mut at = 0;
        while at < self.size {
            let (file, wanted) = (Arc::clone(&self.file), wanted(self.size - at));
            let block = spawn_blocking(move || block(&file, at, wanted)).await.map_err(io::Error::other)??;
            at = advanced(at, block.len())?;
            sender.write(&block).await?;
        }
        Ok(())
    }
}

/// How much of what is left is read next.
fn wanted(left: u64) -> usize {
    usize::try_from(left).map_or(BLOCK_BYTES, |left| left.min(BLOCK_BYTES))
}

fn advanced(at: u64, read: usize) -> io::Result<u64> {
    u64::try_from(read).ok().and_then(|read| at.checked_add(read)).ok_or_else(|| io::ErrorKind::FileTooLarge.into())
}

/// Exactly `len` bytes at `at`.
fn block(file: &File, at: u64, len: usize) -> io::Result<Vec<u8>> {
    let mut block = vec![0; len];
    match file.read_exact_at(&mut block, at) {
        Ok(()) => Ok(block),
        // Not of the kind that means a peer has left.
        Err(fault) if fault.kind() == io::ErrorKind::UnexpectedEof => {
            Err(io::Error::other("the file became shorter while it was sent"))
        }
        Err(fault) => Err(fault),
    }
}

/// A terminal sends the end of the line with the name. A file whose name ends so can't be had.
fn without_line_end(name: &[u8]) -> &[u8] {
    let name = name.strip_suffix(b"\n").unwrap_or(name);
    name.strip_suffix(b"\r").unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use landline_net::raw::Talk;
    use tempfile::TempDir;
    use tokio::task::JoinHandle;

    use super::*;

    const HELLO_MD5: &str = "b1946ac92492d2347c6235b4d2611184"; // printf 'hello\n' | md5sum

    fn served(manner: Manner, room_bytes: usize) -> (TempDir, Connection, JoinHandle<Result<(), RawError>>) {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("hello.txt"), "hello\n").unwrap();
        fs::create_dir(dir.path().join("sub")).unwrap();
        fs::write(dir.path().join("sub/你 好"), "").unwrap();
        fs::write(dir.path().join(".landline-part-0123456789abcdef"), "half").unwrap();
        std::os::unix::fs::symlink("hello.txt", dir.path().join("link")).unwrap();
        std::os::unix::fs::symlink("/etc", dir.path().join("etc")).unwrap();
        let files = Files::new(Arc::new(Tree::open(dir.path()).unwrap()), manner);
        let (here, there) = Connection::pair(room_bytes, &Talk::default()).unwrap();
        (dir, here, tokio::spawn(async move { files.handle(there).await }))
    }

    async fn rest(connection: &mut Connection) -> Vec<u8> {
        let mut all = Vec::new();
        while let Some(message) = connection.receive().await.unwrap() {
            all.extend_from_slice(&message.body);
        }
        all
    }

    async fn head(connection: &mut Connection) -> JsonHead {
        let (receiver, _) = connection.halves();
        let mut inbox = BytesMut::new();
        loop {
            inbox.extend_from_slice(&receiver.read_exactly(1).await.unwrap().expect("a header"));
            if let Some(head) = JsonHead::decode(&mut inbox, &FramingLimits::default()).unwrap() {
                return head;
            }
        }
    }

    const REFUSED: [&[u8]; 11] = [
        b"missing",
        b"../secret",
        b"sub/../hello.txt",
        b"/etc/passwd",
        b"etc/passwd",
        b"link",
        b"sub",
        b".",
        b".landline-part-0123456789abcdef",
        b"a\0b",
        &[b'x'; 5000],
    ];

    #[tokio::test]
    async fn a_name_gets_the_content_and_the_end() {
        for name in ["hello.txt", "hello.txt\r\n", "./hello.txt\n"] {
            let (_dir, mut here, serving) = served(Manner::Bare, 1024);
            here.send(name.as_bytes()).await.unwrap();
            assert_eq!(rest(&mut here).await, b"hello\n");
            serving.await.unwrap().unwrap();
        }
    }

    #[tokio::test]
    async fn what_is_not_to_be_had_gets_the_end_without_a_byte() {
        for name in REFUSED {
            let (_dir, mut here, serving) = served(Manner::Bare, 8192);
            here.send(name).await.unwrap();
            assert!(rest(&mut here).await.is_empty(), "{}", name.escape_ascii());
            serving.await.unwrap().unwrap();
        }
    }

    #[tokio::test]
    async fn with_a_header_one_file_follows_the_other() {
        let (_dir, mut here, serving) = served(Manner::Headed, 1024);
        here.send(b"hello.txt").await.unwrap();
        let told = FileHead::try_from(&head(&mut here).await).unwrap();
        assert_eq!((told.file_size, told.file_name.as_str()), (6, "hello.txt"));
        let digits: String = told.md5.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(digits, HELLO_MD5);
        assert_eq!(here.halves().0.read_exactly(6).await.unwrap().unwrap(), "hello\n");

        here.send("sub/你 好".as_bytes()).await.unwrap();
        let told = FileHead::try_from(&head(&mut here).await).unwrap();
        assert_eq!((told.file_size, told.file_name.as_str()), (0, "你 好"));
        here.finish().await.unwrap();
        assert!(rest(&mut here).await.is_empty());
        serving.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn with_a_header_a_refusal_is_told_and_the_talk_goes_on() {
        let (_dir, mut here, _serving) = served(Manner::Headed, 8192);
        for name in REFUSED {
            here.send(name).await.unwrap();
            let told = head(&mut here).await;
            assert_eq!((told.body_len(), told.get("error").unwrap()), (0, &"not found".into()));
        }
        here.send(b"hello.txt").await.unwrap();
        assert_eq!(head(&mut here).await.body_len(), 6);
    }

    #[tokio::test]
    async fn a_long_file_comes_whole_through_a_narrow_line() {
        let (dir, mut here, serving) = served(Manner::Headed, 999);
        let long: Vec<u8> = (0..=250u8).cycle().take(3 * BLOCK_BYTES + 1).collect();
        fs::write(dir.path().join("long"), &long).unwrap();
        here.send(b"long").await.unwrap();
        let told = FileHead::try_from(&head(&mut here).await).unwrap();
        here.finish().await.unwrap();
        let came = rest(&mut here).await;
        assert!(came == long && told.file_size == 3 * 262_144 + 1);
        assert_eq!(told.md5, <[u8; 16]>::from(Md5::digest(&long)));
        serving.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn a_file_that_grows_is_sent_as_announced_and_one_that_shrinks_cuts_the_connection() {
        for grows in [true, false] {
            let (dir, mut here, serving) = served(Manner::Headed, 10);
            let path = dir.path().join("changing");
            fs::write(&path, vec![b'a'; 2 * BLOCK_BYTES]).unwrap();
            here.send(b"changing").await.unwrap();
            let told = head(&mut here).await; // the line is narrow: the second block was not read yet
            let file = fs::File::options().write(true).open(&path).unwrap();
            file.set_len(if grows { 9 << 20 } else { 1 }).unwrap();
            here.finish().await.unwrap();
            let came = rest(&mut here).await.len();
            let outcome = serving.await.unwrap();
            assert_eq!(told.body_len(), 2 * 262_144);
            assert_eq!((came == 2 * BLOCK_BYTES, outcome.is_ok()), (grows, grows), "{came} {outcome:?}");
        }
    }
}
