//! The talks of §11: each side hears the other's bytes of the vector, and says its own.

use landline_trust::challenge::{Answered, Answerer, Challenger, NONCE_LEN, Scheme, Secret};

fn key() -> Secret {
    Secret::new(*b"Jedan has a big key!").expect("20 bytes are a key")
}

/// The server's nonce and the client's answer. `None` if the server does not believe the client.
pub(crate) fn one_way(scheme: Scheme, talk: &[u8]) -> Option<Vec<u8>> {
    let key = key();
    let (nonce, answer) = talk.split_first_chunk()?;
    let (server, challenge) = Challenger::start(scheme, &key, *nonce, None);
    let (_, reply) = server.judge(answer).ok()?;
    assert_eq!(reply, None, "one way");
    let (answer, _) = Answerer::new(scheme, &key, [0xff; NONCE_LEN], None).answer(&challenge).ok()?;
    Some([&challenge, &answer[..]].concat())
}

/// The server's nonce, the client's nonce and proof, the server's proof. `None` if either does not believe the other.
pub(crate) fn mutual(exporter: Option<&[u8; 32]>, talk: &[u8]) -> Option<Vec<u8>> {
    let key = key();
    let (nonce, rest) = talk.split_first_chunk()?;
    let (server, challenge) = Challenger::start(Scheme::Mutual, &key, *nonce, exporter);
    let (heard, proof) = rest.split_at_checked(server.answer_len())?;
    let (_, reply) = server.judge(heard).ok()?;
    let client = Answerer::new(Scheme::Mutual, &key, *heard.first_chunk()?, exporter);
    let (answer, Answered::AwaitProof(waiting)) = client.answer(&challenge).ok()? else { return None };
    assert_eq!(waiting.judge(proof).ok()?.scheme(), Scheme::Mutual);
    Some([&challenge, &answer[..], &reply?].concat())
}
