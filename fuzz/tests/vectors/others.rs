//! Values of introductions, of changes of keys and of the owner's service, each beside the name of its vector.

use landline_services::{
    admin::msg as admin,
    introduce::msg::{Inviting, Joining},
    rekey::msg as rekey,
};
use landline_trust::{
    key::{MachineKey, PublicKey},
    rotation::Statement,
};
use landline_wire::{Blob, ErrorCode, Fault};

use crate::frame;

pub(crate) fn values() -> Vec<(&'static str, Vec<u8>)> {
    let step = |byte, len| Blob(vec![byte; len]);
    let print = || PublicKey::from_bytes([1; 32]).fingerprint().to_string();
    let address = || vec!["tcp://192.0.2.7:5463".to_owned()];
    let status = admin::Status {
        pid: 4711,
        listen: vec!["tcp://*:5463".to_owned()],
        reachable: address(),
        share: "/srv/share".to_owned(),
        read_only: false,
        calls: 1,
        open_codes: vec![7],
    };
    let invitation = admin::Invitation {
        code: "7-cross-clock".to_owned(),
        expires_in: 600,
        addresses: address(),
        fingerprint: print(),
    };
    let unknown = Fault::new(ErrorCode::NotFound, "no enrolled key has that fingerprint");
    let machine = |byte| MachineKey::from_seed([byte; 32]);
    let chain = || {
        let [first, second] = [(1, 2, 1_700_000_000), (2, 3, 1_800_000_000)]
            .map(|(old, new, seconds)| Statement::sign(&machine(old), &machine(new), seconds).expect("two keys"));
        rekey::blobs(&[first, second])
    };
    let keys = || vec![Blob(machine(1).public().as_bytes().to_vec())];
    vec![
        ("rekey-request/moved", frame(rekey::Request::Moved { chain: chain() })),
        ("rekey-request/follow", frame(rekey::Request::Follow { keys: keys() })),
        ("rekey-answer/known", frame(rekey::Answer::Known {})),
        ("rekey-answer/chain", frame(rekey::Answer::Chain { chain: chain() })),
        ("rekey-answer/refused", frame(rekey::Answer::Error(Fault::stranger()))),
        ("joining/introduce", frame(Joining::Introduce { number: 7 })),
        ("joining/confirm", frame(Joining::Confirm { step: step(2, 320), label: "laptop".to_owned() })),
        ("inviting/blinded", frame(Inviting::Blinded { step: step(1, 96) })),
        ("inviting/confirmed", frame(Inviting::Confirmed { step: step(3, 64), label: "desk".to_owned() })),
        ("inviting/no-match", frame(Inviting::Error(Fault::new(ErrorCode::NoMatch, "")))),
        ("inviting/refused", frame(Inviting::Error(Fault::stranger()))),
        ("admin-request/invite", frame(admin::Request::Invite { seconds: 600, user: None })),
        ("admin-request/invite-user", frame(admin::Request::Invite { seconds: 600, user: Some("amy".to_owned()) })),
        ("admin-request/revoke", frame(admin::Request::Revoke { fingerprint: print() })),
        ("admin-request/status", frame(admin::Request::Status {})),
        ("admin-answer/error", frame(admin::Answer::Error(unknown))),
        ("admin-answer/invitation", frame(admin::Answer::Invitation(invitation))),
        ("admin-answer/revoked", frame(admin::Answer::Revoked(admin::Revoked { fingerprint: print(), cut: 2 }))),
        ("admin-answer/status", frame(admin::Answer::Status(status))),
    ]
}
