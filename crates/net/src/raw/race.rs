//! Dialling a name: its addresses race, each a little later than the one before (RFC 8305, happy eyeballs).
//!
//! In: addresses in the resolver's order, a way to try one. Out: the first that answered; the others are given up. A
//! family that is broken costs one delay and not a timeout.

use std::{future::Future, io, net::SocketAddr, time::Duration};

use tokio::{
    task::JoinSet,
    time::{sleep, timeout},
};

/// Between the start of one attempt and of the next (RFC 8305 §5).
pub(crate) const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// Tries `addresses`, each for `patience` at most.
///
/// # Errors
/// That of the attempt that failed last, if all did.
pub(crate) async fn race<T, F, Fut>(
    addresses: &[SocketAddr],
    patience: Duration,
    attempt: F,
) -> io::Result<(T, SocketAddr)>
where
    T: Send + 'static,
    F: Fn(SocketAddr) -> Fut,
    Fut: Future<Output = io::Result<T>> + Send + 'static,
{
    let mut waiting = interleaved(addresses).into_iter();
    let mut running = JoinSet::new();
    let mut last = io::Error::from(io::ErrorKind::NotFound);
    loop {
        if let Some(address) = waiting.next() {
            let trying = attempt(address);
            running.spawn(async move { (timeout(patience, trying).await, address) });
        } else if running.is_empty() {
            return Err(last);
        }
        let more = waiting.len() > 0;
        loop {
            tokio::select! {
                ended = running.join_next() => match ended {
                    Some(Ok((Ok(Ok(won)), address))) => return Ok((won, address)),
                    Some(Ok((Ok(Err(fault)), _))) => last = fault,
                    Some(Ok((Err(_), address))) => {
                        last = io::Error::new(io::ErrorKind::TimedOut, format!("{address} did not answer in {patience:?}"));
                    }
                    Some(Err(_)) | None => {}
                },
                () = sleep(ATTEMPT_DELAY), if more => {}
            }
            if more || running.is_empty() {
                break; // the next one starts at once after a failure, and after the delay
            }
        }
    }
}

/// The families by turns, the first one's first (RFC 8305 §4).
fn interleaved(addresses: &[SocketAddr]) -> Vec<SocketAddr> {
    let Some(first) = addresses.first() else { return Vec::new() };
    let (mut ours, mut others): (Vec<_>, Vec<_>) =
        addresses.iter().copied().partition(|address| address.is_ipv4() == first.is_ipv4());
    ours.reverse();
    others.reverse();
    let mut order = Vec::with_capacity(addresses.len());
    while let Some(one) = ours.pop().or_else(|| others.pop()) {
        order.push(one);
        order.extend(others.pop());
    }
    order
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tokio::time::Instant;

    use super::*;

    fn six(port: u16) -> SocketAddr {
        SocketAddr::from(([0u16, 0, 0, 0, 0, 0, 0, 1], port))
    }

    fn four(port: u16) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], port))
    }

    const PATIENCE: Duration = Duration::from_secs(5);

    #[test]
    fn families_take_turns_and_nothing_is_lost() {
        let found = interleaved(&[six(1), six(2), six(3), four(1)]);
        assert_eq!(found, [six(1), four(1), six(2), six(3)]);
        assert_eq!(interleaved(&[four(1), six(1), six(2)]), [four(1), six(1), six(2)]);
        assert!(interleaved(&[]).is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_address_costs_one_delay() {
        let begun = Instant::now();
        let (won, address) = race(&[six(1), four(1)], PATIENCE, |address| async move {
            if address.is_ipv6() {
                std::future::pending::<()>().await;
            }
            Ok(address.port())
        })
        .await
        .unwrap();
        assert_eq!((won, address), (1, four(1)));
        assert_eq!(begun.elapsed(), ATTEMPT_DELAY);
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_starts_the_next_at_once() {
        let begun = Instant::now();
        let tried = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&tried);
        let won = race(&[six(1), four(1)], PATIENCE, move |address| {
            seen.lock().unwrap().push(address);
            async move { if address.is_ipv6() { Err(io::Error::from_raw_os_error(111)) } else { Ok(()) } }
        })
        .await;
        assert_eq!(won.unwrap().1, four(1));
        assert_eq!(begun.elapsed(), Duration::ZERO);
        assert_eq!(*tried.lock().unwrap(), [six(1), four(1)]);
    }

    #[tokio::test(start_paused = true)]
    async fn if_none_answers_the_last_fault_is_told_with_its_number() {
        let refused = |_| async { Err::<(), _>(io::Error::from_raw_os_error(111)) };
        let fault = race(&[six(1), four(1)], PATIENCE, refused).await.unwrap_err();
        assert_eq!(fault.raw_os_error(), Some(111));
        let silent = |_| std::future::pending::<io::Result<()>>();
        let fault = race(&[four(1)], PATIENCE, silent).await.unwrap_err();
        assert_eq!(fault.kind(), io::ErrorKind::TimedOut);
    }
}
