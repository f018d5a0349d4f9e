//! Who holds the key, in this talk, on this connection and in this role, is believed; all else is one refusal.

use data_encoding::HEXLOWER;
use proptest::prelude::*;

use super::mac::{Role, Talk, hmac_sha256};
use super::*;

const KEY: &[u8; 20] = b"Jedan has a big key!";
const SERVER: [u8; NONCE_LEN] = [7; NONCE_LEN];
const CLIENT: [u8; NONCE_LEN] = [8; NONCE_LEN];
const EXPORTER: [u8; EXPORTER_LEN] = [3; EXPORTER_LEN];
const ONE_WAY: [Scheme; 2] = [Scheme::HmacMd5, Scheme::HmacSha256];

fn key() -> Secret {
    Secret::new(*KEY).unwrap()
}

/// How far a talk came.
#[derive(Debug, PartialEq, Eq)]
enum End {
    /// Both are content: what each knows of the other.
    Content(Proved, Option<Proved>),
    ClientHungUp(ChallengeError),
    ServerHungUp(ChallengeError),
    ClientDoubtsServer(ChallengeError),
}

/// What one end has.
#[derive(Clone)]
struct Side {
    scheme: Scheme,
    secret: Secret,
    nonce: [u8; NONCE_LEN],
    exporter: Option<[u8; EXPORTER_LEN]>,
}

fn sides(scheme: Scheme) -> [Side; 2] {
    [SERVER, CLIENT].map(|nonce| Side { scheme, secret: key(), nonce, exporter: Some(EXPORTER) })
}

/// A whole talk over a line that may change each message: the number says which of the three.
fn talk(server: &Side, client: &Side, line: impl Fn(usize, &mut Vec<u8>)) -> End {
    let carry = |number, bytes: &[u8]| {
        let mut bytes = bytes.to_vec();
        line(number, &mut bytes);
        bytes
    };
    let (challenger, nonce) = Challenger::start(server.scheme, &server.secret, server.nonce, server.exporter.as_ref());
    let answerer = Answerer::new(client.scheme, &client.secret, client.nonce, client.exporter.as_ref());
    let (answer, answered) = match answerer.answer(&carry(0, &nonce)) {
        Ok(answered) => answered,
        Err(error) => return End::ClientHungUp(error),
    };
    let (client, reply) = match challenger.judge(&carry(1, &answer)) {
        Ok(judged) => judged,
        Err(error) => return End::ServerHungUp(error),
    };
    match answered {
        Answered::Done => End::Content(client, None),
        Answered::AwaitProof(waiting) => match waiting.judge(&carry(2, &reply.expect("mutual replies"))) {
            Ok(server) => End::Content(client, Some(server)),
            Err(error) => End::ClientDoubtsServer(error),
        },
    }
}

fn plain(server: &Side, client: &Side) -> End {
    talk(server, client, |_, _| {})
}

const REFUSED: ChallengeError = ChallengeError::Refused;

/// The nonce and the proof that an honest client sends in `mutual`.
fn mutual_answer(server_nonce: &[u8], own: [u8; NONCE_LEN]) -> Vec<u8> {
    Answerer::new(Scheme::Mutual, &key(), own, None).answer(server_nonce).unwrap().0
}

#[test]
fn who_holds_the_key_is_believed_in_every_scheme() {
    for scheme in Scheme::ALL {
        let [server, client] = sides(scheme);
        let back = scheme.is_mutual().then_some(Proved { scheme });
        assert_eq!(plain(&server, &client), End::Content(Proved { scheme }, back));
        let [server, client] = [server, client].map(|side| Side { exporter: None, ..side });
        assert!(matches!(plain(&server, &client), End::Content(..)));
    }
}

#[test]
fn another_key_is_refused_in_every_scheme() {
    for scheme in Scheme::ALL {
        let [server, client] = sides(scheme);
        for other in [b"Jedan has a big key?".to_vec(), b"Jedan has a big key".to_vec(), vec![0], vec![7; 1024]] {
            let client = Side { secret: Secret::new(other).unwrap(), ..client.clone() };
            assert_eq!(plain(&server, &client), End::ServerHungUp(REFUSED));
        }
    }
}

#[test]
fn any_flipped_bit_of_any_message_is_refused() {
    for scheme in Scheme::ALL {
        let [server, client] = sides(scheme);
        let lens = [NONCE_LEN, scheme.answer_len(), scheme.reply_len()];
        for (number, bits) in lens.into_iter().map(|len| len * 8).enumerate() {
            for bit in 0..bits {
                let end = talk(&server, &client, |which, bytes| {
                    if which == number {
                        bytes[bit / 8] ^= 1 << (bit % 8);
                    }
                });
                let wanted = if number == 2 { End::ClientDoubtsServer(REFUSED) } else { End::ServerHungUp(REFUSED) };
                assert_eq!(end, wanted, "{scheme}: bit {bit} of message {number}");
            }
        }
    }
}

#[test]
fn another_number_of_bytes_is_the_callers_fault_and_never_taken() {
    for scheme in Scheme::ALL {
        let [server, client] = sides(scheme);
        for (number, wanted) in [NONCE_LEN, scheme.answer_len(), scheme.reply_len()].into_iter().enumerate() {
            for given in (0..wanted).chain([wanted + 1, 4096]).filter(|_| wanted > 0) {
                let misread = ChallengeError::Misread { wanted, given };
                let end = talk(&server, &client, |which, bytes| {
                    if which == number {
                        bytes.resize(given, 0);
                    }
                });
                let wanted = [End::ClientHungUp(misread), End::ServerHungUp(misread), End::ClientDoubtsServer(misread)];
                assert_eq!(end, wanted[number]);
            }
        }
    }
}

#[test]
fn each_step_tells_the_bytes_that_it_takes() {
    let secret = key();
    for scheme in Scheme::ALL {
        let (server, nonce) = Challenger::start(scheme, &secret, SERVER, None);
        let client = Answerer::new(scheme, &secret, CLIENT, None);
        assert_eq!((client.challenge_len(), nonce), (NONCE_LEN, SERVER));
        let (answer, answered) = client.answer(&nonce).unwrap();
        assert_eq!((server.answer_len(), scheme.answer_len()), (answer.len(), answer.len()));
        let (_, reply) = server.judge(&answer).unwrap();
        let wanted = match answered {
            Answered::Done => 0,
            Answered::AwaitProof(waiting) => waiting.proof_len(),
        };
        assert_eq!((reply.map_or(0, |reply| reply.len()), scheme.reply_len()), (wanted, wanted));
    }
}

#[test]
fn an_answer_to_another_nonce_is_refused() {
    for scheme in Scheme::ALL {
        let secret = key();
        let (replayed, _) = Answerer::new(scheme, &secret, CLIENT, None).answer(&[9; NONCE_LEN]).unwrap();
        let (server, _) = Challenger::start(scheme, &secret, SERVER, None);
        assert_eq!(server.judge(&replayed), Err(REFUSED));
    }
}

#[test]
fn a_servers_proof_of_another_talk_is_refused() {
    let [server, client] = sides(Scheme::Mutual);
    let secret = key();
    let (earlier, _) = Challenger::start(Scheme::Mutual, &secret, SERVER, Some(&EXPORTER));
    let (answer, _) = Answerer::new(Scheme::Mutual, &secret, [9; NONCE_LEN], Some(&EXPORTER)).answer(&SERVER).unwrap();
    let (_, replayed) = earlier.judge(&answer).unwrap();
    let end = talk(&server, &client, |which, bytes| {
        if which == 2 {
            *bytes = replayed.unwrap().to_vec();
        }
    });
    assert_eq!(end, End::ClientDoubtsServer(REFUSED));
}

#[test]
fn a_proof_in_the_other_role_is_refused() {
    let secret = key();
    let exchanged = Talk { server_nonce: &SERVER, client_nonce: &CLIENT, exporter: None };
    let [of_client, of_server] = [Role::Client, Role::Server].map(|role| exchanged.proof(&secret, role));
    assert_ne!(of_client, of_server);
    let (server, _) = Challenger::start(Scheme::Mutual, &secret, SERVER, None);
    assert_eq!(server.judge(&[CLIENT, of_server].concat()), Err(REFUSED));
    let (_, answered) = Answerer::new(Scheme::Mutual, &secret, CLIENT, None).answer(&SERVER).unwrap();
    let Answered::AwaitProof(waiting) = answered else { panic!("mutual waits") };
    assert_eq!(waiting.judge(&of_client), Err(REFUSED), "the client's own proof, sent back");
}

#[test]
fn a_client_refuses_its_own_nonce_as_the_servers() {
    let secret = key();
    let client = Answerer::new(Scheme::Mutual, &secret, CLIENT, None);
    assert_eq!(client.answer(&CLIENT).err(), Some(REFUSED));
}

#[test]
fn a_server_refuses_its_own_nonce_even_under_a_right_proof() {
    let secret = key();
    let mirrored = Talk { server_nonce: &SERVER, client_nonce: &SERVER, exporter: None };
    let (server, _) = Challenger::start(Scheme::Mutual, &secret, SERVER, None);
    assert_eq!(server.judge(&[SERVER, mirrored.proof(&secret, Role::Client)].concat()), Err(REFUSED));
}

#[test]
fn a_server_that_is_asked_to_answer_itself_is_no_help() {
    // The classical reflection: who lacks the key opens a second connection and has the server's machine, as a client of
    // his, answer the first one's nonce. As long as that is a talk of its own it is a relay, which only the exporter
    // stops; what must fail is every message of the server's played back to it.
    let secret = key();
    let (first, nonce) = Challenger::start(Scheme::Mutual, &secret, SERVER, None);
    let (second, _) = Challenger::start(Scheme::Mutual, &secret, [9; NONCE_LEN], None);
    let (_, reply) = second.judge(&mutual_answer(&[9; NONCE_LEN], nonce)).unwrap();
    assert_eq!(first.judge(&[[9; NONCE_LEN], reply.unwrap()].concat()), Err(REFUSED));
}

#[test]
fn an_exporter_at_one_end_only_is_refused_and_so_is_another() {
    let [server, client] = sides(Scheme::Mutual);
    for exporter in [None, Some([4; EXPORTER_LEN]), Some([0; EXPORTER_LEN])] {
        let other = |side: &Side| Side { exporter, ..side.clone() };
        assert_eq!(plain(&other(&server), &client), End::ServerHungUp(REFUSED));
        assert_eq!(plain(&server, &other(&client)), End::ServerHungUp(REFUSED));
    }
}

#[test]
fn the_one_way_schemes_take_no_notice_of_an_exporter() {
    for scheme in ONE_WAY {
        let [server, client] = sides(scheme);
        assert!(matches!(plain(&Side { exporter: None, ..server }, &client), End::Content(_, None)));
    }
}

#[test]
fn two_ends_of_different_schemes_do_not_agree() {
    for (one, other) in Scheme::ALL.into_iter().flat_map(|one| Scheme::ALL.map(|other| (one, other))) {
        let ([server, _], [_, client]) = (sides(one), sides(other));
        assert_eq!(matches!(plain(&server, &client), End::Content(..)), one == other, "{one} with {other}");
    }
}

#[test]
fn a_secret_is_neither_empty_nor_endless() {
    assert_eq!(Secret::new(Vec::new()).err(), Some(SetupError::EmptySecret));
    assert!(Secret::new(vec![0; LONGEST_SECRET_BYTES]).is_ok());
    assert_eq!(Secret::new(vec![0; LONGEST_SECRET_BYTES + 1]).err(), Some(SetupError::LongSecret));
    assert!(SetupError::LongSecret.to_string().contains(&LONGEST_SECRET_BYTES.to_string()));
}

#[test]
fn a_secret_below_sixteen_bytes_is_short() {
    assert!(Secret::new(vec![b'x'; 15]).unwrap().is_short());
    assert!(!Secret::new(vec![b'x'; 16]).unwrap().is_short());
}

#[test]
fn schemes_are_their_words_and_no_others() {
    for (scheme, word) in Scheme::ALL.into_iter().zip(["hmac-md5", "hmac-sha256", "mutual"]) {
        assert_eq!((scheme.to_string().as_str(), word.parse()), (word, Ok(scheme)));
        assert!(SetupError::UnknownScheme.to_string().contains(word));
    }
    for word in ["", "HMAC-MD5", "md5", "mutual ", "hmac-sha1"] {
        assert_eq!(word.parse::<Scheme>(), Err(SetupError::UnknownScheme), "{word}");
    }
}

#[test]
fn debug_shows_no_secret() {
    let secret = key();
    let (server, nonce) = Challenger::start(Scheme::Mutual, &secret, SERVER, Some(&EXPORTER));
    let client = Answerer::new(Scheme::Mutual, &secret, CLIENT, Some(&EXPORTER));
    assert_eq!(format!("{secret:?} {server:?} {client:?}"), "Secret(…) Challenger(mutual, …) Answerer(mutual, …)");
    let (answer, answered) = client.answer(&nonce).unwrap();
    assert_eq!(format!("{answered:?}"), "AwaitProof(AwaitProof(…))");
    assert_eq!(format!("{:?}", server.judge(&answer).unwrap().0), "Proved(mutual)");
}

#[test]
fn hmac_md5_is_that_of_rfc_2202() {
    let ascending: Vec<u8> = (1..=25).collect();
    let cases: [(&[u8], &[u8], &str); 7] = [
        (&[0x0b; 16], b"Hi There", "9294727a3638bb1c13f48ef8158bfc9d"),
        (b"Jefe", b"what do ya want for nothing?", "750c783e6ab0b503eaa86e310a5db738"),
        (&[0xaa; 16], &[0xdd; 50], "56be34521d144c88dbb8c733f0e8b3f6"),
        (&ascending, &[0xcd; 50], "697eaf0aca3a3aea3a75164746ffaa79"),
        (&[0x0c; 16], b"Test With Truncation", "56461ef2342edc00f9bab995690efd4c"),
        (&[0xaa; 80], b"Test Using Larger Than Block-Size Key - Hash Key First", "6b1ab7fe4bd7bf8f0b62e6ce61b9d0cd"),
        (
            &[0xaa; 80],
            b"Test Using Larger Than Block-Size Key and Larger Than One Block-Size Data",
            "6f630fad67cda0ee1fb1f562db3aa53e",
        ),
    ];
    for (key, message, digest) in cases {
        assert_eq!(HEXLOWER.encode(&hmac_md5(key, message)), digest);
    }
}

#[test]
fn hmac_md5_is_that_of_the_tutorial() {
    assert_eq!(HEXLOWER.encode(&hmac_md5(b"secret", b"Hello world")), "3fd162f1e3fa761d6e618ea6c1a19efb");
}

#[test]
fn hmac_sha256_is_that_of_rfc_4231() {
    let ascending: Vec<u8> = (1..=25).collect();
    let cases: [(&[u8], &[u8], &str); 6] = [
        (&[0x0b; 20], b"Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
        (
            b"Jefe",
            b"what do ya want for nothing?",
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        ),
        (&[0xaa; 20], &[0xdd; 50], "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"),
        (&ascending, &[0xcd; 50], "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"),
        (
            &[0xaa; 131],
            b"Test Using Larger Than Block-Size Key - Hash Key First",
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
        ),
        (
            &[0xaa; 131],
            b"This is a test using a larger than block-size key and a larger than block-size data. The key needs to be \
              hashed before being used by the HMAC algorithm.",
            "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
        ),
    ];
    for (key, message, digest) in cases {
        assert_eq!(HEXLOWER.encode(&hmac_sha256(key, &[message])), digest);
        let (head, tail) = message.split_at(message.len() / 2);
        assert_eq!(HEXLOWER.encode(&hmac_sha256(key, &[head, tail])), digest, "in two parts");
    }
}

/// Both nonces, the server's first, and the exporter.
type Parts = ([u8; 32], [u8; 32], Option<[u8; 32]>);

proptest! {
    #[test]
    fn agreement_means_equal_keys(
        ours in prop::collection::vec(1_u8..4, 1..3),
        theirs in prop::collection::vec(1_u8..4, 1..3),
    ) {
        for scheme in Scheme::ALL {
            let [server, client] = sides(scheme);
            let server = Side { secret: Secret::new(ours.clone()).unwrap(), ..server };
            let client = Side { secret: Secret::new(theirs.clone()).unwrap(), ..client };
            prop_assert_eq!(matches!(plain(&server, &client), End::Content(..)), ours == theirs);
        }
    }

    #[test]
    fn what_a_one_way_client_says_of_any_nonce_is_no_proof_in_mutual(
        asked: [u8; 32],
        client in prop_oneof![Just(CLIENT), any::<[u8; 32]>()],
    ) {
        let secret = key();
        // A false server may have any 32 bytes signed: also its own nonce, and the client's.
        for asked in [asked, SERVER, client] {
            let (signed, _) = Answerer::new(Scheme::HmacSha256, &secret, CLIENT, None).answer(&asked).unwrap();
            let (server, _) = Challenger::start(Scheme::Mutual, &secret, SERVER, None);
            prop_assert_eq!(server.judge(&[client.as_slice(), &signed].concat()), Err(REFUSED));
            let (_, answered) = Answerer::new(Scheme::Mutual, &secret, CLIENT, None).answer(&SERVER).unwrap();
            let Answered::AwaitProof(waiting) = answered else { panic!("mutual waits") };
            prop_assert_eq!(waiting.judge(&signed), Err(REFUSED));
        }
    }

    #[test]
    fn what_mutual_says_is_no_answer_in_a_one_way_scheme(nonce: [u8; 32], own: [u8; 32]) {
        prop_assume!(nonce != own);
        let secret = key();
        let answer = mutual_answer(&nonce, own);
        for scheme in ONE_WAY {
            for part in answer.windows(scheme.answer_len()) {
                let (server, _) = Challenger::start(scheme, &secret, nonce, None);
                prop_assert_eq!(server.judge(part), Err(REFUSED));
            }
        }
    }

    #[test]
    fn random_bytes_are_refused(
        answer in prop::collection::vec(any::<u8>(), 0..80),
        scheme in prop::sample::select(&Scheme::ALL),
    ) {
        let secret = key();
        let (server, _) = Challenger::start(scheme, &secret, SERVER, None);
        let wanted = scheme.answer_len();
        let misread = ChallengeError::Misread { wanted, given: answer.len() };
        prop_assert_eq!(server.judge(&answer), Err(if answer.len() == wanted { REFUSED } else { misread }));
    }

    #[test]
    fn no_two_talks_share_a_proof(one: Parts, other: Parts) {
        let secret = key();
        let proofs = |(server_nonce, client_nonce, exporter): &Parts| {
            let talk = Talk { server_nonce, client_nonce, exporter: exporter.as_ref() };
            [Role::Client, Role::Server].map(|role| talk.proof(&secret, role))
        };
        let (ours, theirs) = (proofs(&one), proofs(&other));
        prop_assert_eq!(ours.iter().any(|proof| theirs.contains(proof)), one == other);
        // The same nonces the other way round, and the exporter taken away, are other talks.
        let turned = proofs(&(one.1, one.0, one.2));
        prop_assert_eq!(ours.iter().any(|proof| turned.contains(proof)), one.0 == one.1);
        prop_assert_eq!(ours == proofs(&(one.0, one.1, None)), one.2.is_none());
    }
}
