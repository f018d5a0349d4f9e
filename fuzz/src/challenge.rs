//! Targets of `trust`'s challenge: what a server is answered, and what a client is asked and shown.
//!
//! The first byte of each input chooses the scheme and whether there is an exporter; the rest is the peer's.

use landline_trust::challenge::{
    Answered, Answerer, AwaitProof, ChallengeError, Challenger, NONCE_LEN, Scheme, Secret,
};

const SERVER: [u8; NONCE_LEN] = [7; NONCE_LEN];
const CLIENT: [u8; NONCE_LEN] = [8; NONCE_LEN];
const EXPORTER: [u8; 32] = [3; 32];
/// Schemes, with and without an exporter.
const CHOICES: u8 = 6;

/// A client's answer from anywhere. Invariants: none but the right one is taken, and the right one is, unless it comes under
/// the server's own nonce; what is said back convinces that client; a wrong length is no refusal.
pub fn challenge_answers(data: &[u8]) {
    let Some((choice, answer)) = data.split_first() else { return };
    let (end, key) = (End::chosen(*choice), key());
    let nonce = answer.first_chunk().copied().filter(|_| end.scheme.is_mutual()).unwrap_or(CLIENT);
    let right = end.client(&key, nonce).answer(&SERVER).ok();
    let server = end.server(&key, SERVER);
    let wanted = server.answer_len();
    match (server.judge(answer), right) {
        (Ok((proved, reply)), Some((right, answered))) => {
            assert_eq!((proved.scheme(), right.as_slice()), (end.scheme, answer));
            assert_eq!(reply.map(|reply| waiting(answered).judge(&reply).map(|proved| proved.scheme())), end.agreed());
        }
        (Err(ChallengeError::Refused), right) => {
            assert_eq!(answer.len(), wanted);
            assert!(right.is_none_or(|(right, _)| right != answer), "a right answer was refused");
        }
        (Err(fault), _) => assert_misread(fault, wanted, answer),
        (Ok(_), None) => panic!("the server's own nonce was taken"),
    }
}

/// A server's challenge and what it shows afterwards, from anywhere. Invariants: whatever nonce comes is answered as the scheme
/// says, but never the client's own in `mutual`; none but the right proof is taken, and the right one is.
pub fn challenge_proofs(data: &[u8]) {
    let Some((choice, told)) = data.split_first() else { return };
    let (end, key) = (End::chosen(*choice), key());
    let Some((nonce, proof)) = told.split_first_chunk::<NONCE_LEN>() else {
        let fault = end.client(&key, CLIENT).answer(told).expect_err("it is no nonce");
        return assert_misread(fault, NONCE_LEN, told);
    };
    let (answer, answered) = match end.client(&key, CLIENT).answer(nonce) {
        Ok(answered) => answered,
        Err(fault) => {
            return assert_eq!((fault, *nonce, end.scheme), (ChallengeError::Refused, CLIENT, Scheme::Mutual));
        }
    };
    assert_eq!(answer.len(), end.scheme.answer_len());
    let (proved, reply) = end.server(&key, *nonce).judge(&answer).expect("the answer is right");
    assert_eq!(proved.scheme(), end.scheme);
    let Some(right) = reply else { return assert!(matches!(answered, Answered::Done)) };
    match waiting(answered).judge(proof) {
        Ok(_) => assert_eq!(proof, right),
        Err(ChallengeError::Refused) => assert!(proof.len() == right.len() && proof != right),
        Err(fault) => assert_misread(fault, right.len(), proof),
    }
}

/// What one end of a talk is set to.
#[derive(Clone, Copy)]
struct End {
    scheme: Scheme,
    exporter: Option<&'static [u8; 32]>,
}

impl End {
    fn chosen(choice: u8) -> Self {
        let scheme = Scheme::ALL[usize::from(choice % 3)];
        Self { scheme, exporter: (choice % CHOICES >= 3).then_some(&EXPORTER) }
    }

    fn server(self, key: &Secret, nonce: [u8; NONCE_LEN]) -> Challenger<'_> {
        Challenger::start(self.scheme, key, nonce, self.exporter).0
    }

    fn client(self, key: &Secret, nonce: [u8; NONCE_LEN]) -> Answerer<'_> {
        Answerer::new(self.scheme, key, nonce, self.exporter)
    }

    /// What a client makes of a right reply.
    fn agreed(self) -> Option<Result<Scheme, ChallengeError>> {
        self.scheme.is_mutual().then_some(Ok(self.scheme))
    }
}

/// Right answers, and one under the server's own nonce: seeds of [`challenge_answers`].
pub(crate) fn answers() -> Vec<Vec<u8>> {
    let key = key();
    let right = (0..CHOICES).map(|choice| {
        let (answer, _) = End::chosen(choice).client(&key, CLIENT).answer(&SERVER).expect("the nonces differ");
        [&[choice], &answer[..]].concat()
    });
    right.chain([[&[2][..], &SERVER, &[0; 32]].concat()]).collect()
}

/// Challenges and right proofs, and the client's own nonce: seeds of [`challenge_proofs`].
pub(crate) fn proofs() -> Vec<Vec<u8>> {
    let key = key();
    let right = (0..CHOICES).map(|choice| {
        let end = End::chosen(choice);
        let (answer, _) = end.client(&key, CLIENT).answer(&SERVER).expect("the nonces differ");
        let (_, reply) = end.server(&key, SERVER).judge(&answer).expect("the answer is right");
        [&[choice][..], &SERVER, reply.as_ref().map_or(&[], <[u8; 32]>::as_slice)].concat()
    });
    right.chain([[&[2][..], &CLIENT].concat()]).collect()
}

fn waiting(answered: Answered<'_>) -> AwaitProof<'_> {
    match answered {
        Answered::AwaitProof(waiting) => waiting,
        Answered::Done => panic!("mutual awaits a proof"),
    }
}

fn assert_misread(fault: ChallengeError, wanted: usize, given: &[u8]) {
    assert_eq!(fault, ChallengeError::Misread { wanted, given: given.len() });
    assert_ne!(wanted, given.len());
}

fn key() -> Secret {
    Secret::new(*b"Jedan has a big key!").expect("20 bytes are a key")
}
