//! The broker: what one member says goes to all others.
//!
//! In: connections, what each says. Out: the same to everybody else, by name if wished ([`Broker::named`]). Each member has a queue
//! bounded in bytes and one writer; nobody who talks ever writes to another's socket. What becomes of a member that does not
//! keep up is a choice ([`Slow`]) and what it lost is counted ([`Broker::lost`]).
//! Invariant: the bytes that wait for a member never pass [`QUEUE_BYTES`] by more than one message.

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use bytes::Bytes;
use landline_net::raw::{Connection, Handler, RawError, Receiver, Sender};
use tokio::{sync::Notify, time::timeout};

/// Bytes that may wait for one member: some seconds of chat on a slow line.
pub const QUEUE_BYTES: usize = 256 << 10;

/// How long a member that will say no more goes on hearing the others.
const HEARING_ON: Duration = Duration::from_secs(300);

/// Characters of the longest name.
const LONGEST_NAME: usize = 32;

/// What becomes of a member whose queue is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slow {
    /// Whoever talks waits for it: nothing is lost, and it slows everybody.
    Block,
    /// Its oldest messages are dropped.
    DropOldest,
    /// It is closed.
    Close,
}

/// A room for everybody who connects.
#[derive(Debug)]
pub struct Broker {
    room: Arc<Room>,
    slow: Slow,
    queue_bytes: usize,
    named: bool,
}

#[derive(Debug, Default)]
struct Room {
    members: Mutex<HashMap<u64, Arc<Member>>>,
    last: AtomicU64,
    lost: AtomicU64,
}

#[derive(Debug)]
struct Member {
    queue: Mutex<Queue>,
    /// Something waits, or the member is closed.
    filled: Notify,
    /// There is room again, or the member is gone.
    emptied: Notify,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: VecDeque<Bytes>,
    bytes: usize,
    closed: bool,
}

/// Takes the member out of the room, however its conversation ends.
struct Seat {
    room: Arc<Room>,
    id: u64,
    member: Arc<Member>,
}

impl Broker {
    /// A room in which slow members fare as `slow` says.
    #[must_use]
    pub fn new(slow: Slow) -> Self {
        Self { room: Arc::default(), slow, queue_bytes: QUEUE_BYTES, named: false }
    }

    /// The same with names: each message begins with its author's, `<user1> ` until it says `/name NAME`.
    #[must_use]
    pub fn named(self) -> Self {
        Self { named: true, ..self }
    }

    /// The same with another bound of each queue.
    #[must_use]
    pub fn holding(self, queue_bytes: usize) -> Self {
        Self { queue_bytes, ..self }
    }

    /// A way to read how many messages were lost to slow members.
    pub fn lost(&self) -> impl Fn() -> u64 + Send + Sync + use<> {
        let room = Arc::clone(&self.room);
        move || room.lost.load(Relaxed)
    }

    async fn listen(&self, receiver: &mut Receiver, seat: &Seat) -> Result<(), RawError> {
        let mut name = format!("user{}", seat.id);
        while let Some(message) = receiver.receive().await? {
            if self.named
                && let Some(chosen) = chosen_name(&message.body)
            {
                name = chosen;
                continue;
            }
            let said = if self.named {
                Bytes::from([format!("<{name}> ").as_bytes(), &message.body[..]].concat())
            } else {
                message.body
            };
            self.tell_others(seat.id, &said).await;
        }
        Ok(())
    }

    async fn tell_others(&self, author: u64, said: &Bytes) {
        // A copy of the list: nobody waits with the room locked.
        let others: Vec<Arc<Member>> =
            self.room.members().iter().filter(|(id, _)| **id != author).map(|(_, member)| Arc::clone(member)).collect();
        for member in others {
            loop {
                let mut emptied = std::pin::pin!(member.emptied.notified());
                emptied.as_mut().enable(); // before looking: room that is made in between counts
                match member.offer(said, self.queue_bytes, self.slow) {
                    Offered::Taken(lost) => {
                        self.room.lost.fetch_add(lost, Relaxed);
                        break;
                    }
                    Offered::Full => emptied.await,
                }
            }
        }
    }
}

impl Handler for Broker {
    async fn handle(&self, connection: Connection) -> Result<(), RawError> {
        let seat = self.room.sit_down();
        let (mut receiver, mut sender) = connection.split();
        let telling = tell(&mut sender, &seat.member);
        tokio::pin!(telling);
        tokio::select! {
            told = &mut telling => return told,
            heard = self.listen(&mut receiver, &seat) => heard?,
        }
        timeout(HEARING_ON, telling).await.unwrap_or(Ok(()))
    }
}

/// Sends what waits, as it comes, until the member is closed.
async fn tell(sender: &mut Sender, member: &Member) -> Result<(), RawError> {
    loop {
        let next = member.queue().take();
        match next {
            Some(said) => {
                member.emptied.notify_waiters();
                sender.send(&said).await?;
            }
            None if member.queue().closed => return Ok(()),
            None => member.filled.notified().await,
        }
    }
}

/// What became of a message that was offered.
enum Offered {
    /// It waits, or the member is closed; so many messages were lost.
    Taken(u64),
    /// There is no room.
    Full,
}

impl Member {
    fn offer(&self, said: &Bytes, most: usize, slow: Slow) -> Offered {
        let mut queue = self.queue();
        let mut lost = 0;
        if queue.closed {
            return Offered::Taken(0);
        }
        if !queue.waiting.is_empty() && queue.bytes.saturating_add(said.len()) > most {
            match slow {
                Slow::Block => return Offered::Full,
                Slow::DropOldest => {
                    while !queue.waiting.is_empty() && queue.bytes.saturating_add(said.len()) > most {
                        queue.take();
                        lost += 1;
                    }
                }
                Slow::Close => {
                    lost = u64::try_from(queue.waiting.len()).unwrap_or(u64::MAX).saturating_add(1);
                    *queue = Queue { closed: true, ..Queue::default() };
                    drop(queue);
                    self.filled.notify_one();
                    return Offered::Taken(lost);
                }
            }
        }
        queue.bytes = queue.bytes.saturating_add(said.len());
        queue.waiting.push_back(said.clone());
        drop(queue);
        self.filled.notify_one();
        Offered::Taken(lost)
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    fn take(&mut self) -> Option<Bytes> {
        let first = self.waiting.pop_front()?;
        self.bytes = self.bytes.saturating_sub(first.len());
        Some(first)
    }
}

impl Room {
    fn sit_down(self: &Arc<Self>) -> Seat {
        let id = self.last.fetch_add(1, Relaxed) + 1;
        let member = Arc::new(Member { queue: Mutex::default(), filled: Notify::new(), emptied: Notify::new() });
        self.members().insert(id, Arc::clone(&member));
        Seat { room: Arc::clone(self), id, member }
    }

    fn members(&self) -> MutexGuard<'_, HashMap<u64, Arc<Member>>> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.room.members().remove(&self.id);
        self.member.queue().closed = true; // whoever waits for room here waits no longer
        self.member.emptied.notify_waiters();
    }
}

/// The name in `/name NAME`: printable, without spaces, not too long.
fn chosen_name(said: &[u8]) -> Option<String> {
    let name = std::str::from_utf8(said).ok()?.strip_prefix("/name ")?.trim();
    let fits = (1..=LONGEST_NAME).contains(&name.chars().count());
    let plain = name.chars().all(|c| c.is_alphanumeric() || "-_.".contains(c));
    (fits && plain).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use landline_net::raw::Talk;

    use super::*;

    fn joined(broker: &Arc<Broker>, room_bytes: usize) -> Connection {
        let (here, there) = Connection::pair(room_bytes, &Talk::default()).unwrap();
        let broker = Arc::clone(broker);
        tokio::spawn(async move { drop(broker.handle(there).await) });
        here
    }

    async fn heard(connection: &mut Connection) -> String {
        String::from_utf8(connection.receive().await.unwrap().unwrap().body.to_vec()).unwrap()
    }

    async fn settled() {
        for _ in 0..50 {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn everybody_but_the_author_hears_it() {
        let broker = Arc::new(Broker::new(Slow::Block));
        let (mut amy, mut bob, mut eve) = (joined(&broker, 100), joined(&broker, 100), joined(&broker, 100));
        settled().await;
        amy.send(b"hi").await.unwrap();
        assert_eq!((heard(&mut bob).await, heard(&mut eve).await), ("hi".to_owned(), "hi".to_owned()));
        bob.send(b"ho").await.unwrap();
        assert_eq!(heard(&mut amy).await, "ho");
    }

    #[tokio::test]
    async fn names_stand_before_what_is_said_and_can_be_chosen() {
        let broker = Arc::new(Broker::new(Slow::Block).named());
        let (mut amy, mut bob) = (joined(&broker, 100), joined(&broker, 100));
        settled().await;
        amy.send(b"hi").await.unwrap();
        assert_eq!(heard(&mut bob).await, "<user1> hi");
        amy.send("/name 金老板".as_bytes()).await.unwrap();
        settled().await;
        amy.send(b"hi").await.unwrap();
        assert_eq!(heard(&mut bob).await, "<金老板> hi");
        assert_eq!(chosen_name(b"/name \x1b[2J"), None);
    }

    #[tokio::test]
    async fn a_slow_member_loses_its_oldest_and_slows_nobody() {
        let broker = Arc::new(Broker::new(Slow::DropOldest).holding(4));
        let (mut amy, mut bob, mut slow) = (joined(&broker, 100), joined(&broker, 100), joined(&broker, 1));
        settled().await;
        for number in 0..20u8 {
            amy.send(&[b'a' + number, b'!']).await.unwrap();
            assert_eq!(heard(&mut bob).await.as_bytes(), [b'a' + number, b'!']);
            settled().await;
        }
        let lost = broker.lost()();
        assert!(lost >= 15, "{lost} were lost");
        assert_eq!(heard(&mut slow).await, "a", "what was on its way stays in order");
    }

    #[tokio::test]
    async fn a_slow_member_is_closed_if_that_was_chosen() {
        let broker = Arc::new(Broker::new(Slow::Close).holding(4));
        let (mut amy, mut slow) = (joined(&broker, 100), joined(&broker, 4));
        settled().await;
        for _ in 0..10 {
            amy.send(b"1234").await.unwrap();
            settled().await;
        }
        while slow.receive().await.unwrap().is_some() {}
        assert!(broker.lost()() > 0);
    }

    #[tokio::test]
    async fn whoever_talks_waits_for_a_slow_member_if_that_was_chosen() {
        let broker = Arc::new(Broker::new(Slow::Block).holding(8));
        let (mut amy, mut slow) = (joined(&broker, 8), joined(&broker, 8));
        settled().await;
        let talking = async {
            for number in 0..200u8 {
                amy.send(&[number; 4]).await.unwrap();
            }
        };
        let listening = async {
            let mut all = Vec::new();
            while all.len() < 800 {
                all.extend_from_slice(&slow.receive().await.unwrap().unwrap().body);
            }
            all
        };
        let ((), all) = tokio::join!(talking, listening);
        let expected: Vec<u8> = (0..200u8).flat_map(|number| [number; 4]).collect();
        assert_eq!(all, expected);
        assert_eq!(broker.lost()(), 0);
    }
}
