//! How much room there is, and whose it is.

use std::sync::Arc;

use landline_net::{Call, CallError};
use landline_trust::grant::Area;

use super::{Share, Visitor, fault_of};
use crate::files::msg::{Answer, SpaceMsg};

impl Share {
    /// Answers with what is used of a home, what may be, and what the disk has.
    pub(super) async fn space(&self, visitor: &Visitor, call: &mut Call) -> Result<(), CallError> {
        let tree = Arc::clone(self.engine.tree());
        let answer = match self.disk.run(call, move |_| (tree.disk_space(), tree.meter().cloned())).await? {
            (Ok((free, total)), meter) => Answer::Space(SpaceMsg {
                user: visitor.name.clone(),
                home: visitor.area == Area::Home,
                used: meter.as_ref().map(|meter| meter.used()),
                quota: meter.and_then(|meter| meter.limit()),
                free,
                total,
            }),
            (Err(fault), _) => Answer::Error(fault_of(&fault)),
        };
        call.send(&answer).await
    }
}
