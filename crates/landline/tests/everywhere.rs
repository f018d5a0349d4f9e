//! One handler value serves every kind of socket, and the end of a server is a graceful one.
#![allow(clippy::unwrap_used, reason = "these are tests, also where a function is shared by several of them")]

use std::{future::Future, sync::Arc, time::Duration};

use landline::{
    CancellationToken, ClientTls, Connection, DialOptions, Endpoint, Framing, Handler, RawError, Responding, Server,
    ServerOptions, ServerTls, Talk, Trust, dial, handler_fn, services, testing,
};
use tokio::sync::Notify;

/// How long a test waits for what must come; only a failing test waits so long.
const PATIENCE: Duration = Duration::from_secs(60);

async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, what).await.expect("it takes too long")
}

/// Greets each connection by its number and answers in upper case until the word is `bye`.
struct Upper {
    greeted: std::sync::atomic::AtomicUsize,
}

impl Handler for Upper {
    async fn handle(&self, mut connection: Connection) -> Result<(), RawError> {
        while let Some(message) = connection.receive().await? {
            if message.body == "bye" {
                self.greeted.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                connection.send(b"BYE").await?;
                break;
            }
            connection.send(&message.body.to_ascii_uppercase()).await?;
        }
        connection.finish().await
    }
}

/// The conversation: the same everywhere.
async fn converse(mut connection: Connection) {
    for (said, answer) in [("hello", "HELLO"), ("two words", "TWO WORDS"), ("bye", "BYE")] {
        soon(connection.send(said.as_bytes())).await.unwrap();
        let heard = soon(connection.receive()).await.unwrap().expect("an answer");
        assert_eq!(heard.body, answer, "to {said:?}");
    }
    if !connection.is_datagram() {
        assert!(soon(connection.receive()).await.unwrap().is_none(), "the end is told");
    }
}

#[tokio::test]
async fn one_handler_value_serves_every_kind_of_socket_with_the_same_conversation() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let endpoints = [
        "tcp://127.0.0.1:0".to_owned(),
        "udp://127.0.0.1:0".to_owned(),
        "tls://127.0.0.1:0".to_owned(),
        format!("unix:{}", path("stream")),
        format!("unix-seqpacket:{}", path("packets")),
        format!("unix-dgram:{}", path("datagrams")),
    ];
    let tls = ServerTls::self_signed(vec!["localhost".to_owned()]).unwrap();
    let client_tls = Arc::new(ClientTls::new(Trust::Pin(tls.fingerprint())).unwrap());
    let tls = Arc::new(tls);
    let talk = Talk { incoming: Framing::Line, outgoing: Framing::Line, ..Talk::default() };
    let handler = Arc::new(Upper { greeted: Default::default() });
    let stop = CancellationToken::new();

    let mut servers = Vec::new();
    for endpoint in &endpoints {
        let endpoint: Endpoint = endpoint.parse().unwrap();
        // Where the socket keeps messages apart, no framing is needed.
        let talk = if matches!(endpoint, Endpoint::Tcp { .. } | Endpoint::Tls { .. } | Endpoint::Unix(_)) {
            talk.clone()
        } else {
            Talk::default()
        };
        let options = ServerOptions { talk: talk.clone(), tls: Some(Arc::clone(&tls)), ..ServerOptions::default() };
        let server = Server::bind(&endpoint, ServerOptions { grace: Duration::ZERO, ..options }).await.unwrap();
        let bound = server.bound().clone();
        servers.push(tokio::spawn(server.serve(Arc::clone(&handler), stop.clone())));
        let options = DialOptions { talk, tls: Some(Arc::clone(&client_tls)), ..DialOptions::default() };
        converse(soon(dial(&bound, &options)).await.unwrap().connection).await;
    }

    let (here, there) = Connection::pair(1024, &talk).unwrap();
    let (here, there) = (converse(here), handler.handle(there));
    tokio::join!(here, async { there.await.unwrap() });
    let (here, there) = testing::datagrams(8, &Talk::default()).unwrap();
    tokio::join!(converse(here), async { handler.handle(there).await.unwrap() });

    stop.cancel();
    for server in servers {
        assert_eq!(soon(server).await.unwrap().unwrap().connections, 1);
    }
    assert_eq!(handler.greeted.load(std::sync::atomic::Ordering::Relaxed), endpoints.len() + 2);
}

#[tokio::test]
async fn a_stopped_server_takes_nobody_new_and_lets_a_conversation_end() {
    let server = Server::bind(&"tcp://127.0.0.1:0".parse().unwrap(), ServerOptions::default()).await.unwrap();
    let (bound, stop) = (server.bound().clone(), CancellationToken::new());
    let serving = tokio::spawn(server.serve(Responding::new(services::Upper::default()), stop.clone()));
    let mut connection = soon(dial(&bound, &DialOptions::default())).await.unwrap().connection;
    connection.send(b"before").await.unwrap();
    assert_eq!(soon(connection.receive()).await.unwrap().unwrap().body, "BEFORE");

    stop.cancel();
    connection.send(b"after").await.unwrap();
    assert_eq!(soon(connection.receive()).await.unwrap().unwrap().body, "AFTER");
    assert!(!serving.is_finished());
    connection.finish().await.unwrap();
    assert!(soon(connection.receive()).await.unwrap().is_none());
    let served = soon(serving).await.unwrap().unwrap();
    assert_eq!((served.connections, served.cut), (1, 0));
    assert!(dial(&bound, &DialOptions::default()).await.is_err(), "nobody listens any more");
}

#[tokio::test]
async fn who_does_not_end_within_the_grace_period_is_cut() {
    struct Told(Arc<Notify>);
    impl Drop for Told {
        fn drop(&mut self) {
            self.0.notify_one();
        }
    }
    let options = ServerOptions { grace: Duration::from_millis(20), ..ServerOptions::default() };
    let server = Server::bind(&"tcp://127.0.0.1:0".parse().unwrap(), options).await.unwrap();
    let (bound, stop, cut) = (server.bound().clone(), CancellationToken::new(), Arc::new(Notify::new()));
    let told = Arc::clone(&cut);
    let deaf = handler_fn(move |mut connection: Connection| {
        let told = Told(Arc::clone(&told));
        async move {
            let _told = told;
            connection.send(b"here").await?;
            std::future::pending().await
        }
    });
    let serving = tokio::spawn(server.serve(deaf, stop.clone()));
    let mut connection = soon(dial(&bound, &DialOptions::default())).await.unwrap().connection;
    assert_eq!(soon(connection.receive()).await.unwrap().unwrap().body, "here");

    stop.cancel();
    let served = soon(serving).await.unwrap().unwrap();
    assert_eq!((served.connections, served.cut), (1, 1));
    soon(cut.notified()).await;
    assert!(soon(connection.receive()).await.is_ok_and(|message| message.is_none()));
}
