//! A relay in front of a server: it counts the connections that come, and may close the first of them itself.

use std::net::SocketAddr;

use tokio::{io::copy_bidirectional, net::TcpStream, sync::watch, task::JoinSet};

use crate::{house::soon, raw};

pub(crate) struct Relay {
    pub(crate) address: SocketAddr,
    came: watch::Receiver<usize>,
    _task: JoinSet<()>,
}

impl Relay {
    /// Closes the first `closed` connections and hands the others on to `server`.
    pub(crate) async fn before(server: SocketAddr, closed: usize) -> Self {
        let (listener, address) = raw::listener().await;
        let (count, came) = watch::channel(0);
        let mut task = JoinSet::new();
        task.spawn(async move {
            let mut lines = JoinSet::new();
            while let Ok((mut near, _)) = listener.accept().await {
                count.send_modify(|n| *n += 1);
                if *count.borrow() > closed {
                    lines.spawn(async move {
                        let mut far = TcpStream::connect(server).await.expect("the server listens");
                        drop(copy_bidirectional(&mut near, &mut far).await);
                    });
                }
            }
        });
        Self { address, came, _task: task }
    }

    /// How many connections came.
    pub(crate) fn came(&self) -> usize {
        *self.came.borrow()
    }

    /// Waits until so many connections came.
    pub(crate) async fn sees(&mut self, connections: usize) {
        soon(self.came.wait_for(|came| *came >= connections)).await.expect("the relay lives");
    }
}
