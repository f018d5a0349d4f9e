//! Whom the dialling end believes.

use std::net::Ipv4Addr;

use tokio::net::TcpListener;

use super::*;

async fn met(server: ServerTls, client: ClientTls, host: Host) -> io::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (accepted, _) = listener.accept().await.unwrap();
    let (_, said) = tokio::join!(server.accept(accepted), client.connect(&host, stream));
    said.map(drop)
}

fn self_signed() -> ServerTls {
    ServerTls::self_signed(vec!["desk.example".to_owned()]).unwrap()
}

fn desk() -> Host {
    Host::Name("desk.example".to_owned())
}

#[tokio::test]
async fn a_pin_names_one_certificate_whatever_its_name() {
    let server = self_signed();
    let client = ClientTls::new(Trust::Pin(server.fingerprint())).unwrap();
    met(server.clone(), client.clone(), Host::Name("other.example".to_owned())).await.unwrap();
    met(self_signed(), client, desk()).await.unwrap_err();
}

#[tokio::test]
async fn a_certificate_that_no_authority_signed_is_refused_unless_asked_otherwise() {
    let server = self_signed();
    let authority = ServerTls::self_signed(vec!["authority.example".to_owned()]).unwrap();
    drop(authority);
    let made = rcgen::generate_simple_self_signed(vec!["ca.example".to_owned()]).unwrap();
    let client = ClientTls::new(Trust::Authorities(made.cert.pem().as_bytes())).unwrap();
    let said = met(server.clone(), client, desk()).await.unwrap_err().to_string();
    assert!(said.contains("certificate"), "{said}");
    met(server, ClientTls::new(Trust::Insecure).unwrap(), desk()).await.unwrap();
}

#[tokio::test]
async fn an_authority_from_a_file_vouches_for_its_own_names_only() {
    let made = rcgen::generate_simple_self_signed(vec!["desk.example".to_owned()]).unwrap();
    let (pem, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    let server = ServerTls::from_pem(pem.as_bytes(), key.as_bytes()).unwrap();
    let client = ClientTls::new(Trust::Authorities(pem.as_bytes())).unwrap();
    met(server.clone(), client.clone(), desk()).await.unwrap();
    met(server, client, Host::Name("other.example".to_owned())).await.unwrap_err();
}

#[test]
fn what_is_no_pem_is_refused_by_what_is_missing() {
    let made = rcgen::generate_simple_self_signed(vec!["a.example".to_owned()]).unwrap();
    let fault = |chain: &[u8], key: &[u8]| ServerTls::from_pem(chain, key).unwrap_err();
    assert!(matches!(fault(b"", made.signing_key.serialize_pem().as_bytes()), TlsError::Certificate));
    assert!(matches!(fault(made.cert.pem().as_bytes(), b"hello"), TlsError::Key));
    assert!(matches!(ClientTls::new(Trust::Authorities(b"")), Err(TlsError::Certificate)));
    assert!("abc".parse::<Fingerprint>().is_err());
    assert!("+a".repeat(32).parse::<Fingerprint>().is_err());
}
