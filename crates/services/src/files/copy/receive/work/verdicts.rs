//! Verdicts on their way to the sender: those of neighbours go as one record.

use crate::files::records::{Numbers, Say};

/// Verdicts, those of neighbours together.
#[derive(Default)]
pub(super) struct Verdicts {
    frame: Vec<u8>,
    same: Option<Numbers>,
    want: Option<Numbers>,
    lost: Option<Numbers>,
}

impl Verdicts {
    pub(super) fn add(run: &mut Option<Numbers>, number: u64) -> Option<Numbers> {
        if run.as_mut().is_some_and(|numbers| numbers.grow(number)) { None } else { run.replace(Numbers::one(number)) }
    }

    pub(super) fn same(&mut self, number: u64) {
        if let Some(full) = Self::add(&mut self.same, number) {
            Say::Same(full).write(&mut self.frame);
        }
    }

    pub(super) fn want(&mut self, number: u64) {
        if let Some(full) = Self::add(&mut self.want, number) {
            Say::Want(full).write(&mut self.frame);
        }
    }

    pub(super) fn lost(&mut self, number: u64) {
        if let Some(full) = Self::add(&mut self.lost, number) {
            Say::Lost(full).write(&mut self.frame);
        }
    }

    pub(super) fn take(&mut self) -> Vec<u8> {
        let runs = [self.same.take().map(Say::Same), self.want.take().map(Say::Want), self.lost.take().map(Say::Lost)];
        runs.iter().flatten().for_each(|run| run.write(&mut self.frame));
        std::mem::take(&mut self.frame)
    }
}
