//! The two processes of the bare pipeline.
//!
//! On the wire: blocks of 1 byte kind, 3 bytes big-endian length, that many bytes of AES-128-GCM ciphertext with its tag
//! (the four bytes are authenticated too; the nonce counts blocks). Data blocks hold up to 1 MiB of the file, the last
//! block the file's BLAKE3. The receiver answers one byte when the whole file is written and its own hash agrees.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};

use anyhow::{Context, Result, bail, ensure};
use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

use crate::args::{PipeReceive, PipeSend};
use crate::out;

/// Where both ends find the key, as 32 hexadecimal digits.
pub(super) const KEY_VARIABLE: &str = "LANDLINE_BENCH_KEY";
/// 1 MiB: 39 % faster than 64 KiB in the performance research.
const BLOCK: usize = 1 << 20;
const HEAD: usize = 4;
const TAG: usize = 16;
const DATA: u8 = 0;
const HASH: u8 = 1;
const DONE: u8 = 1;

/// A key for one transfer.
pub(super) fn fresh_key() -> Result<String> {
    let mut key = [0; 16];
    aws_lc_rs::rand::fill(&mut key).context("no randomness")?;
    Ok(key.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Sends the file and waits until the other end has it.
pub(crate) fn send(ask: &PipeSend) -> Result<()> {
    let mut file = File::open(&ask.file).with_context(|| format!("cannot open {}", ask.file.display()))?;
    let socket = TcpStream::connect((Ipv4Addr::LOCALHOST, ask.port)).context("cannot connect")?;
    let mut sealer = Sealer { cipher: Cipher::from_environment()?, socket, block: vec![0; HEAD + BLOCK + TAG] };
    let mut hasher = blake3::Hasher::new();
    loop {
        let count = read_full(&mut file, sealer.room())?;
        if count == 0 {
            break;
        }
        hasher.update(sealer.room().get(..count).unwrap_or_default());
        sealer.seal_and_send(DATA, count)?;
    }
    let hash = hasher.finalize();
    sealer.room().get_mut(..blake3::OUT_LEN).context("a block holds a hash")?.copy_from_slice(hash.as_bytes());
    sealer.seal_and_send(HASH, blake3::OUT_LEN)?;
    let mut answer = [0];
    sealer.socket.read_exact(&mut answer).context("the receiver did not confirm")?;
    ensure!(answer == [DONE], "the receiver did not confirm");
    Ok(())
}

/// Takes one file from one connection; prints `port N` when it can be called.
pub(crate) fn receive(ask: &PipeReceive) -> Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("cannot listen")?;
    out::data(&format!("port {}", listener.local_addr()?.port()));
    let (mut socket, _) = listener.accept().context("nobody called")?;
    let mut cipher = Cipher::from_environment()?;
    let mut file = File::create_new(&ask.file).with_context(|| format!("cannot make {}", ask.file.display()))?;
    let (mut hasher, mut block) = (blake3::Hasher::new(), vec![0; BLOCK + TAG]);
    loop {
        let mut head = [0; HEAD];
        socket.read_exact(&mut head).context("the sender stopped")?;
        let [kind, length @ ..] = head;
        let [high, middle, low] = length.map(usize::from);
        let length = (high << 16) | (middle << 8) | low;
        let sealed = block.get_mut(..length).context("a block is too long")?;
        socket.read_exact(sealed).context("the sender stopped")?;
        let plain = cipher.open(head, sealed)?;
        match kind {
            DATA => {
                hasher.update(plain);
                file.write_all(plain).context("cannot write")?;
            }
            HASH => {
                ensure!(hasher.finalize().as_bytes().as_slice() == plain, "the hashes differ");
                break;
            }
            _ => bail!("a block of unknown kind {kind}"),
        }
    }
    if ask.durable {
        file.sync_all().context("cannot make the file durable")?;
        let parent = ask.file.parent().context("the file lies in no directory")?;
        File::open(parent)?.sync_all().context("cannot make the name durable")?;
    }
    socket.write_all(&[DONE]).context("the sender is gone")
}

/// The sender's one buffer: room for the header, up to a block of the file, and the tag behind it.
struct Sealer {
    cipher: Cipher,
    socket: TcpStream,
    block: Vec<u8>,
}

impl Sealer {
    /// Where the next plaintext goes.
    fn room(&mut self) -> &mut [u8] {
        self.block.get_mut(HEAD..HEAD + BLOCK).unwrap_or_default()
    }

    /// Protects the first `count` bytes of [`Sealer::room`] in place and sends them in one write.
    fn seal_and_send(&mut self, kind: u8, count: usize) -> Result<()> {
        let [.., high, middle, low] = (count + TAG).to_be_bytes();
        let head = [kind, high, middle, low];
        let whole = self.block.get_mut(..HEAD + count + TAG).context("a block is too long")?;
        let (front, body) = whole.split_at_mut(HEAD);
        let (plain, tag) = body.split_at_mut(count);
        front.copy_from_slice(&head);
        tag.copy_from_slice(&self.cipher.seal(head, plain)?);
        self.socket.write_all(whole).context("the receiver is gone")
    }
}

/// AES-128-GCM with a nonce that counts blocks; one direction only, so no two blocks share a nonce.
struct Cipher {
    key: LessSafeKey,
    blocks: u64,
}

impl Cipher {
    fn from_environment() -> Result<Cipher> {
        let text = std::env::var(KEY_VARIABLE).with_context(|| format!("{KEY_VARIABLE} is not set"))?;
        let key = u128::from_str_radix(&text, 16).with_context(|| format!("{KEY_VARIABLE} is no key"))?;
        Cipher::new(key.to_be_bytes())
    }

    fn new(key: [u8; 16]) -> Result<Cipher> {
        Ok(Cipher { key: LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &key)?), blocks: 0 })
    }

    fn seal(&mut self, head: [u8; HEAD], plain: &mut [u8]) -> Result<[u8; TAG]> {
        let nonce = self.next_nonce();
        let tag = self.key.seal_in_place_separate_tag(nonce, Aad::from(head), plain)?;
        Ok(tag.as_ref().try_into()?)
    }

    fn open<'b>(&mut self, head: [u8; HEAD], sealed: &'b mut [u8]) -> Result<&'b [u8]> {
        let nonce = self.next_nonce();
        let plain = self.key.open_in_place(nonce, Aad::from(head), sealed).ok().context("a block was altered")?;
        Ok(plain)
    }

    fn next_nonce(&mut self) -> Nonce {
        let count = u128::from(self.blocks).to_be_bytes();
        self.blocks += 1;
        let [_, _, _, _, nonce @ ..] = count;
        Nonce::assume_unique_for_key(nonce)
    }
}

/// Fills `into` as far as the file goes.
fn read_full(file: &mut File, into: &mut [u8]) -> Result<usize> {
    let mut filled = 0;
    while let Some(rest @ [_, ..]) = into.get_mut(filled..) {
        match file.read(rest).context("cannot read")? {
            0 => break,
            count => filled += count,
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_once_in_order_and_not_when_altered() {
        let key = [7; 16];
        let (mut ours, mut theirs) = (Cipher::new(key).unwrap(), Cipher::new(key).unwrap());
        for round in 0..3u8 {
            let head = [DATA, 0, 0, 19];
            let mut block = vec![round; 3];
            let tag = ours.seal(head, &mut block).unwrap();
            block.extend(tag);
            assert_eq!(theirs.open(head, &mut block.clone()).unwrap(), [round; 3]);
            assert!(theirs.open(head, &mut block).is_err(), "the nonce has moved on");
            theirs.blocks -= 1;
            let mut forged = block.clone();
            forged[0] ^= 1;
            theirs.blocks -= 1;
            assert!(theirs.open(head, &mut forged).is_err());
        }
    }

    #[test]
    fn a_fresh_key_is_32_hexadecimal_digits_and_new() {
        let (one, two) = (fresh_key().unwrap(), fresh_key().unwrap());
        assert_eq!(one.len(), 32);
        assert!(u128::from_str_radix(&one, 16).is_ok());
        assert_ne!(one, two);
    }
}
