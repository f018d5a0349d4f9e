//! Seeds: something for every target to start from: the vectors of PROTOCOL.md, and cases that tests thought worth it.

use landline_trust::key::PublicKey;
use landline_wire::LengthPrefix;

use crate::{
    challenge, kept, proof, state, streams,
    vectors::{Vector, vectors},
};

/// Bytes of a header; messages are fuzzed without it.
const HEADER: usize = 4;

/// Decoders of bodies behind a binary length.
const LENGTHS: &[&str] = &[
    "framing-u8",
    "framing-u16be",
    "framing-u16le",
    "framing-u32be",
    "framing-u32le",
    "framing-u64be",
    "framing-u64le",
    "framing-i32le",
];

/// The seeds of `target`; never none.
#[must_use]
pub fn seeds(target: &str) -> Vec<Vec<u8>> {
    let mut seeds = of_vectors(target);
    seeds.extend(of_tests(target));
    seeds.push(Vec::new());
    seeds
}

fn of_vectors(target: &str) -> Vec<Vec<u8>> {
    let decoders: &[&str] = match target {
        "frames" => &["frames", "conversation"],
        "headers" => &["header-known", "header-stranger"],
        "names" | "file_names" | "share_paths" | "typed_paths" | "shown_text" => &["name", "path"],
        "blobs" => &["blob"],
        "opens" => &["open"],
        "replies" => &["reply"],
        "requests" => &["request"],
        "answers" => &["answer"],
        "items" => &["item"],
        "acks" => &["ack"],
        "lane_items" => &["lane-item"],
        "lane_acks" => &["lane-ack"],
        "puts" => &["put"],
        "says" => &["say"],
        "seens" => &["seen"],
        "joinings" => &["joining"],
        "invitings" => &["inviting"],
        "admin_requests" => &["admin-request"],
        "admin_answers" => &["admin-answer"],
        "rekey_requests" => &["rekey-request"],
        "rekey_answers" => &["rekey-answer"],
        "login_calls" => &["login-request"],
        "login_replies" => &["login-answer"],
        "spkis" => &["spki"],
        "fingerprints" => &["fingerprint"],
        "codes" => &["code"],
        "costs" => &["cost"],
        "rotations" => &["rotation"],
        "exports" => &["export"],
        "framing_lines" => &["framing-line"],
        "framing_marks" => &["framing-mark"],
        "framing_lengths" => LENGTHS,
        "framing_json" => &["framing-json"],
        "framing_files" => &["framing-file"],
        "framing_ready" => &["framing-length", "framing-answer"],
        "framing_landline" => &["framing-landline", "frames"],
        "framing_words" => &["framing-word"],
        _ => &[],
    };
    let is_message = !matches!(
        target,
        "frames"
            | "headers"
            | "names"
            | "blobs"
            | "puts"
            | "says"
            | "seens"
            | "file_names"
            | "share_paths"
            | "typed_paths"
            | "shown_text"
            | "spkis"
            | "fingerprints"
            | "codes"
            | "costs"
            | "rotations"
            | "exports"
    ) && !target.starts_with("framing_");
    let wanted = vectors().into_iter().filter(|vector| decoders.contains(&vector.decoder.as_str()));
    wanted
        .flat_map(|vector| {
            let json = vector.what.starts_with(['"', '{']) && matches!(target, "names" | "blobs");
            match () {
                () if json => vec![vector.what.into_bytes()],
                () if is_message => vec![vector.bytes.get(HEADER..).unwrap_or_default().to_vec()],
                () if target == "frames" => {
                    [0, 1, 7, 254].map(|choice| [&[choice], &vector.bytes[..]].concat()).to_vec()
                }
                () if target.starts_with("framing_") => of_framing(target, &vector),
                () => vec![vector.bytes],
            }
        })
        .collect()
}

/// A vector behind the choices that its target begins with: whole and cut, under wide and narrow limits.
fn of_framing(target: &str, vector: &Vector) -> Vec<Vec<u8>> {
    let prefix = LengthPrefix::ALL.into_iter().zip(0u8..).find(|(prefix, _)| vector.decoder.ends_with(prefix.word()));
    let second = match (target, prefix) {
        ("framing_words", _) => return vec![vector.bytes.clone()],
        ("framing_lengths", Some((_, place))) => vec![place],
        ("framing_marks", _) => vec![0],
        _ => Vec::new(),
    };
    [0, 3, 6, 255].map(|choice| [&[choice], &second[..], &vector.bytes].concat()).to_vec()
}

/// Texts that people write.
fn texts(target: &str) -> &'static [&'static str] {
    match target {
        "names" => &[r#"["/w=="]"#, r#"{"b64":"/w==","x":1}"#, r#"{"b64":"YQ=="}"#, r#"{"b64":"/x=="}"#, r#""\ud800""#],
        "labels" => &[" desk\n", "\u{1} a\u{1b}[2J ", "办公室", "\u{a0}a"],
        "patterns" => {
            &["*.o\ntarget/", "/build\ndocs/*.tmp\n**/cache/*", "{a,b{c,d}}", "[!a-z]\n[", "\\", "a/**/b/**/c"]
        }
        "share_paths" | "typed_paths" | "file_names" => {
            &["a/b c/ü", "./a//b/.", "..a/b../...", "a/../b", "a\0b", ".LandLine-PART-1", "a/.landline-part-0"]
        }
        "places" => &["desk:a/b:c", "localhost:", "./a:b", "Desk:a", "tcp://h", ":a", "C:\\x", "a"],
        "contact_names" => &["desk", "a.b_c-d", "-a", "localhost", "tcp", "unix-seqpacket", "bü"],
        "endpoints" => &[
            "tcp://h:80",
            "a.b-c_d.example.",
            "[::1]:5464",
            "::1",
            "[fe80::1%eth0]:80",
            "*:0",
            "",
            "unix:///run/x.sock",
            "unix:/run/a:b c",
            "[::ffff:1.2.3.4]",
            "0x7f",
            "999.1.1.1:80",
            "tcp:h:80",
            "udp:5",
            "h:٣",
            "unix:/a\u{1b}",
        ],
        "codes" => &["7-cross-clock", " 007 - cross -- clock\n", "7–cros—cloc", "7-crosss-clock", "0-cross-clock"],
        "grants" => &[
            "admin",
            "files:read /",
            "files:write /a b/ü",
            "files:read /%e9%0A",
            "files:read ~/a\u{3164}",
            "files:x ~",
        ],
        "fingerprints" => &["fm4c-wsb6-j424-zqs5-v2js-6knw-efwi-ufwn", "FM4CWSB6J424ZQS5V2JS6KNWEFWIUFWN", "fm4c"],
        "shown_text" => &["报告 final.pdf", "a\u{1b}[2Jb\n", "exe.\u{202e}fdp", "\u{9b}31m\\x41"],
        "framing_lines" => &["\0a\nb\r\nc", "\x03\r\r\n\n", "\x02no end"],
        "framing_marks" => &["\0\0a##b###c#", "\x03\x03aaaabxaab", "\x04\x02a\r\n.\r\n", "\x05\x05xababab"],
        "framing_lengths" => &["\x02\0\x03abc\0\x01d", "\x03\x01\0\x03abc\0\0", "\x05\x07\x02\0\0\0hi"],
        "framing_ready" => &["\x026", "\x0218446744073709551616", "\x04recv_readyls", "\x06recv_", "\x04recv_ready"],
        "framing_words" => &[
            "mark:\\r\\n",
            "mark:\\xff\\",
            "mark:é",
            "I32LE",
            "u16",
            "长长长长长长长长长长长长长长长长长长长长长长长长长",
        ],
        "frames" => &["\0\x01\0\0\x02{}\x02\0\0\0", "\x03\x50\0\0\x01x\x01\0\0\x02{}", "\x02\u{1}\0"],
        _ => &[],
    }
}

fn of_tests(target: &str) -> Vec<Vec<u8>> {
    let mut seeds: Vec<Vec<u8>> = texts(target).iter().map(|text| text.as_bytes().to_vec()).collect();
    let [ke1, ke2, ke3] = proof::transcript();
    match target {
        "labels" => seeds.push(vec![b'x'; 70]),
        "joiner_answers" => seeds.push(ke1),
        "inviter_judges" => seeds.push(ke2),
        "joiner_judges" => seeds.push(ke3),
        "login_answers" => seeds.push(kept::transcript()[0].clone()),
        "login_finishes" => seeds.push(kept::transcript()[1].clone()),
        "login_judges" => seeds.push(kept::transcript()[2].clone()),
        "kept_passwords" => seeds.extend(kept::kept()),
        "rotations" => seeds.push(kept::a_chain()),
        "challenge_answers" => seeds.extend(challenge::answers()),
        "challenge_proofs" => seeds.extend(challenge::proofs()),
        "inflates" => seeds.push(b"\0\0\0\x04\x28\xb5\x2f\xfd\x20\x04\x21\0\0abcd".to_vec()),
        "partial_headers" => seeds.push([&[1], &[7; 48][..], &[0; 20], &[0, 4], b"nameann"].concat()),
        "tree_headers" => {
            let parts: [&[u8]; 6] = [b"\x01LLTREE\0\x01", &[0; 15], &[9], &[7; 32], b"\x03ann", b"\x04name"];
            seeds.push(parts.concat());
        }
        "tables" => seeds.extend([0, 1, 3].map(|choice| [&[choice], &state::a_table()[..]].concat())),
        "streams" => seeds.extend((1..24).map(|seed| streams::any(seed, 40 * usize::try_from(seed).unwrap_or(1) + 3))),
        "spkis" => seeds.push(PublicKey::from_bytes([7; 32]).spki().to_vec()),
        "shown_text" | "file_names" | "places" => seeds.push(b"a\xff\xfe/\x80".to_vec()),
        _ => {}
    }
    seeds
}
