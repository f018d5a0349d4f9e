//! From the disk thread to the line: blocks, compressed where that pays.

use std::sync::atomic::Ordering;

use landline_net::Block;
use landline_wire::Kind as FrameKind;

use super::{Group, Out, content::Pack, disk::Disk, pending::LineGone};
use crate::files::{
    copy::press::Costs,
    records::{PACKED_HEAD, Put, packed_head},
    watch::Stage,
};

impl Disk {
    /// Small files go to the line, compressed if that pays.
    pub(super) fn hand_pack(&mut self, pack: Pack) -> Result<(), LineGone> {
        let block = pack.into_block();
        let costs = self.costs();
        if !self.press.pays(block.payload(), costs) {
            return self.hand(Out::Pack(block));
        }
        let mut packed = self.block(FrameKind::Records)?;
        let (head, room) = packed.space().split_at_mut_checked(PACKED_HEAD).unwrap_or_default();
        match self.press.press(block.payload(), room) {
            Some(len) => {
                head.copy_from_slice(&packed_head(block.payload().len()));
                packed.set_len(PACKED_HEAD + len);
                self.spare = Some(block);
                self.hand(Out::Pack(packed))
            }
            None => {
                self.spare = Some(packed);
                self.hand(Out::Pack(block))
            }
        }
    }

    /// A group goes to the line, compressed if that pays.
    pub(super) fn hand_group(&mut self, number: u64, index: u64, block: Block) -> Result<(), LineGone> {
        let mut head = Vec::with_capacity(32);
        let costs = self.costs();
        if self.press.pays(block.payload(), costs) {
            let mut pressed = self.block(FrameKind::Data)?;
            if let Some(len) = self.press.press(block.payload(), pressed.space()) {
                let inflated = u32::try_from(block.payload().len()).ok();
                pressed.set_len(len);
                self.spare = Some(block);
                Put::Group { number, index, inflated }.write(&mut head);
                return self.hand_over(Group { head, block: pressed });
            }
            self.spare = Some(pressed);
        }
        Put::Group { number, index, inflated: None }.write(&mut head);
        self.hand_over(Group { head, block })
    }

    /// With the rest of the stream, or over whichever lane has room.
    fn hand_over(&mut self, group: Group) -> Result<(), LineGone> {
        match self.lanes.offer(group) {
            Some(group) => self.hand(Out::Group(group)),
            None => Ok(()),
        }
    }

    /// What a byte takes now; unknown until the line has taken enough to tell.
    fn costs(&mut self) -> Option<Costs> {
        let nanos = self.shared.line_nanos.load(Ordering::Relaxed);
        let bytes = self.shared.line_bytes.load(Ordering::Relaxed);
        let line = self.line.each(nanos, bytes)?;
        let worked = self.watch.busy(Stage::Disk) + self.watch.busy(Stage::Hash);
        Some(Costs { work: worked.as_secs_f64() / self.watch.bytes().max(1) as f64, line })
    }
}

/// Bytes over which the line is measured: more than socket buffers swallow at once would hide it, less would jump.
const MEASURED: u64 = 4 << 20;

/// What the line takes for a byte, over the last few megabytes.
#[derive(Debug, Default)]
pub(super) struct LineCost {
    nanos: u64,
    bytes: u64,
    each: Option<f64>,
}

impl LineCost {
    fn each(&mut self, nanos: u64, bytes: u64) -> Option<f64> {
        let more = bytes.saturating_sub(self.bytes);
        if more >= MEASURED {
            self.each = Some(nanos.saturating_sub(self.nanos) as f64 / 1e9 / more as f64);
            (self.nanos, self.bytes) = (nanos, bytes);
        }
        self.each
    }
}
