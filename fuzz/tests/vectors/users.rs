//! §8.1 and §13.4: what is said of users, and by them to be let in.

use landline_services::{
    admin::msg::{Answer, KeyMsg, Request, UserAnswer, UserMsg, UserRequest},
    login::msg as login,
};
use landline_trust::stretch::Cost;
use landline_wire::{Blob, ErrorCode, Fault};

use landline_trust::key::PublicKey;

use crate::frame;

fn blob(byte: u8, len: usize) -> Blob {
    Blob(vec![byte; len])
}

fn cost() -> Blob {
    Blob(Cost::DEFAULT.to_bytes().to_vec())
}

/// Name and bytes of each.
pub(crate) fn values() -> Vec<(&'static str, Vec<u8>)> {
    let name = || "amy".to_owned();
    let grants = |text: &str| vec![text.to_owned()];
    let ask = |request| frame(Request::User(request));
    let tell = |answer| frame(Answer::User(answer));
    let pub_folder = || grants("files:read /pub");
    let friends = UserMsg {
        name: "friends".to_owned(),
        default: true,
        home: false,
        quota: None,
        used: None,
        password: None,
        grants: grants("files:read /"),
        machines: 2,
        keys: Vec::new(),
    };
    let key = KeyMsg {
        fingerprint: PublicKey::from_bytes([1; 32]).fingerprint().to_string(),
        label: "laptop".to_owned(),
        last_seen: Some(1_700_000_000),
    };
    let amy = UserMsg {
        name: name(),
        default: false,
        home: true,
        quota: Some(1 << 30),
        used: Some(4096),
        password: Some(true),
        grants: grants("files:read ~"),
        machines: 1,
        keys: vec![key],
    };
    let add = UserRequest::Add { name: name(), grants: grants("files:read ~"), home: true, quota: Some(1 << 30) };
    let home = Some("/srv/homes/.removed/amy-1700000000000".to_owned());
    vec![
        ("admin-request/user-add", ask(add)),
        ("admin-request/user-list", ask(UserRequest::List {})),
        ("admin-request/user-show", ask(UserRequest::Show { name: name() })),
        ("admin-request/user-grant", ask(UserRequest::Grant { name: name(), grants: pub_folder() })),
        ("admin-request/user-revoke", ask(UserRequest::Revoke { name: name(), grants: pub_folder() })),
        ("admin-request/user-quota", ask(UserRequest::Quota { name: name(), bytes: Some(4096) })),
        ("admin-request/user-no-quota", ask(UserRequest::Quota { name: name(), bytes: None })),
        ("admin-request/user-home", ask(UserRequest::Home { name: name() })),
        ("admin-request/user-remove", ask(UserRequest::Remove { name: name() })),
        ("admin-request/user-password", ask(UserRequest::Password { name: name(), step: blob(1, 32) })),
        ("admin-request/user-set-password", ask(UserRequest::SetPassword { name: name(), step: blob(3, 192) })),
        ("admin-request/user-no-password", ask(UserRequest::NoPassword { name: name() })),
        ("admin-answer/user-stretch", tell(UserAnswer::Stretch { step: blob(2, 64), cost: cost() })),
        ("login-request/login", frame(login::Request::Login { user: name(), step: blob(1, 96) })),
        ("login-request/proof", frame(login::Request::Proof { step: blob(3, 64), label: "laptop".to_owned() })),
        ("login-answer/challenge", frame(login::Answer::Challenge { step: blob(2, 320), cost: cost() })),
        ("login-answer/welcome", frame(login::Answer::Welcome { label: "desk".to_owned() })),
        ("login-answer/no-match", frame(login::Answer::Error(Fault::new(ErrorCode::NoMatch, "")))),
        ("admin-answer/user-done", tell(UserAnswer::Done { changed: true, cut: 1 })),
        ("admin-answer/user-listed", tell(UserAnswer::User(friends))),
        ("admin-answer/user-shown", tell(UserAnswer::User(amy))),
        ("admin-answer/user-removed", tell(UserAnswer::Removed { keys: 1, cut: 0, home })),
    ]
}
