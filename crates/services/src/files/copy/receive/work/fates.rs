//! What became of files and directories: published when it is time, and told to the sender and to whoever watches here.
//!
//! In: the fates that a flush, the end or a cut brings. Out: records and messages, those of neighbours together.

use landline_wire::{Fault, WireName};

use super::{Back, Stop, Work, fault_of, verdicts::Verdicts};
use crate::files::{
    engine::Fate,
    msg::Ack,
    records::{Numbers, Say},
    watch::{Outcome, Stage},
};

impl Work {
    /// Asked after everything that comes, a sign of life among it.
    pub(super) fn flush_if_wanted(&mut self) -> Result<(), Stop> {
        if !self.arrival.wants_flush((self.clock)()) {
            return Ok(());
        }
        let fates = self.watch.timed(Stage::Sync, || self.arrival.flush());
        self.tell(fates)
    }

    /// What became of files and directories, to whoever watches here and to the sender.
    pub(super) fn tell(&mut self, fates: Vec<Fate>) -> Result<(), Stop> {
        let mut gone = false;
        let (mut frame, mut run) = (Vec::new(), None::<Numbers>);
        for fate in fates {
            if let Fate::Kept { number, .. } | Fate::Failed { number, .. } = &fate {
                self.links.settled(*number);
            }
            let said = match fate {
                Fate::Kept { number, .. } if !self.awaiting.remove(&number) => Ok(()),
                Fate::Kept { number, published } => {
                    self.files += 1;
                    self.bytes = self.bytes.saturating_add(published.size);
                    let hash = published.hash.map(|hash| hash.to_hex().to_string());
                    let path = published.path.as_bytes().to_vec();
                    self.watch.came_to(Outcome::Kept { path, size: published.size, hash });
                    if let Some(full) = Verdicts::add(&mut run, number) {
                        Say::Kept(full).write(&mut frame);
                    }
                    Ok(())
                }
                Fate::Failed { number, path, fault } => {
                    self.report(number, path.as_bytes().to_vec(), Fault::new(fault.code(), fault.to_string()))
                }
                Fate::DirFailed { path, fault } => self.dir_failed(path.as_bytes().to_vec(), fault_of(&fault)),
                Fate::TreePublished { path } => {
                    self.watch.came_to(Outcome::Tree { path: path.as_bytes().to_vec() });
                    self.say(Ack::Tree { path: WireName::from(path.as_bytes()) })
                }
            };
            gone |= said.is_err(); // nobody listens any more; the rest is still reported to this side
        }
        if let Some(last) = run {
            Say::Kept(last).write(&mut frame);
        }
        // A frame holds some 80,000 records; a batch has a few thousand at most.
        if !frame.is_empty() {
            gone |= self.backs.blocking_send(Back::Records(frame)).is_err();
        }
        if gone { Err(Stop::Gone) } else { Ok(()) }
    }
}
