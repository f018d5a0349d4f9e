use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;

use super::*;
use crate::Random;

/// A server's listener, a line to it, and one connection through: (line, caller's end, server's end).
struct Joined {
    listener: TcpListener,
    line: Linkbox,
    near: TcpStream,
    far: TcpStream,
}

fn joined() -> Joined {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let line = Linkbox::to(listener.local_addr().unwrap());
    let (near, far) = connect(&line, &listener);
    Joined { listener, line, near, far }
}

fn connect(line: &Linkbox, listener: &TcpListener) -> (TcpStream, TcpStream) {
    let near = TcpStream::connect(line.address()).unwrap();
    let (far, _) = listener.accept().unwrap();
    for socket in [&near, &far] {
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket.set_write_timeout(Some(PATIENCE)).unwrap();
    }
    (near, far)
}

fn read_exactly(socket: &mut TcpStream, count: usize) -> Vec<u8> {
    let mut bytes = vec![0; count];
    socket.read_exact(&mut bytes).unwrap();
    bytes
}

/// All bytes until the end, and whether that was an orderly one.
fn read_all(socket: &mut TcpStream) -> (Vec<u8>, bool) {
    let mut bytes = Vec::new();
    match socket.read_to_end(&mut bytes) {
        Ok(_) => (bytes, true),
        Err(e) if e.kind() == ErrorKind::ConnectionReset => (bytes, false),
        Err(e) => panic!("neither an end nor a reset: {e}"),
    }
}

#[test]
fn bytes_pass_unchanged_both_ways_and_are_counted() {
    let mut j = joined();
    let bytes = Random::new(1).bytes(1_000_000);
    let sender = std::thread::spawn({
        let (mut near, bytes) = (j.near.try_clone().unwrap(), bytes.clone());
        move || {
            near.write_all(&bytes).unwrap();
            near.shutdown(std::net::Shutdown::Write).unwrap();
        }
    });
    let (got, orderly) = read_all(&mut j.far);
    sender.join().unwrap();
    assert!(got == bytes && orderly);
    // The caller has ended its half; the other half still carries.
    j.far.write_all(b"answer").unwrap();
    drop(j.far);
    assert_eq!(read_all(&mut j.near), (b"answer".to_vec(), true));
    assert_eq!((j.line.passed(Way::Up), j.line.passed(Way::Down), j.line.calls()), (1_000_000, 6, 1));
}

#[test]
fn an_orderly_cut_is_exact_to_the_byte_and_seen_by_both_sides() {
    let mut j = joined();
    j.line.cut_after(Way::Up, 1000, Cut::Fin);
    let bytes = Random::new(2).bytes(5000);
    j.near.write_all(&bytes).unwrap();
    assert_eq!(read_all(&mut j.far), (bytes[..1000].to_vec(), true));
    assert_eq!(read_all(&mut j.near), (vec![], true));
    j.line.wait_for_cut();
    assert_eq!(j.line.passed(Way::Up), 1000);
}

#[test]
fn a_reset_cut_is_an_error_on_both_sides_and_can_count_the_way_down() {
    let mut j = joined();
    j.line.cut_after(Way::Down, 3, Cut::Reset);
    j.far.write_all(b"abcdef").unwrap();
    let (got, orderly) = read_all(&mut j.near);
    assert!(b"abc".starts_with(&got) && !orderly, "{got:?}");
    assert!(!read_all(&mut j.far).1);
    assert_eq!(j.line.passed(Way::Down), 3);
}

#[test]
fn a_cut_ends_every_connection_and_a_later_one_passes() {
    let mut j = joined();
    let (mut other_near, mut other_far) = connect(&j.line, &j.listener);
    j.line.cut(Cut::Reset);
    for socket in [&mut j.near, &mut j.far, &mut other_near, &mut other_far] {
        assert_eq!(read_all(socket), (vec![], false));
    }
    let (mut near, mut far) = connect(&j.line, &j.listener);
    near.write_all(b"again").unwrap();
    assert_eq!(read_exactly(&mut far, 5), b"again");
    assert_eq!(j.line.calls(), 3);
}

#[test]
fn a_stall_holds_the_rest_back_and_loses_nothing() {
    let mut j = joined();
    j.line.stall_after(Way::Up, 4);
    j.near.write_all(b"onetwo").unwrap();
    j.near.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(read_exactly(&mut j.far, 4), b"onet");
    // The other way is free, and by the time an answer has gone round, the rest would have come.
    j.far.write_all(b"hi").unwrap();
    assert_eq!(read_exactly(&mut j.near, 2), b"hi");
    j.far.set_nonblocking(true).unwrap();
    assert_eq!(j.far.read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
    assert_eq!(j.line.passed(Way::Up), 4);
    j.far.set_nonblocking(false).unwrap();
    j.line.resume(Way::Up);
    assert_eq!(read_all(&mut j.far), (b"wo".to_vec(), true));
}

#[test]
fn a_stalled_line_makes_the_sender_wait() {
    let j = joined();
    j.line.stall(Way::Up);
    j.near.set_nonblocking(true).unwrap();
    let chunk = vec![0; 1 << 16];
    // Buffers of two kernels' sockets and of the line: finite, so that writing must stop at last.
    let mut sent = 0_u64;
    let full = loop {
        match (&j.near).write(&chunk) {
            Ok(n) => sent += n as u64,
            Err(e) => break e.kind(),
        }
        assert!(sent < 1 << 30, "a stalled line took a GiB");
    };
    assert_eq!((full, j.line.passed(Way::Up)), (ErrorKind::WouldBlock, 0));
}

#[test]
fn a_cut_ends_a_stalled_connection_too() {
    let mut j = joined();
    j.line.stall(Way::Up);
    j.near.write_all(b"lost").unwrap();
    j.line.cut(Cut::Fin);
    assert_eq!(read_all(&mut j.far), (vec![], true));
}

#[test]
fn a_flipped_byte_arrives_changed_and_its_neighbours_do_not() {
    let mut j = joined();
    j.near.write_all(b"head").unwrap();
    j.line.wait_until_passed(Way::Up, 4);
    j.line.flip(Way::Up, 2);
    j.near.write_all(&[1, 2, 3, 4]).unwrap();
    assert_eq!(read_exactly(&mut j.far, 8), [b'h', b'e', b'a', b'd', 1, 2, !3, 4]);
}

#[test]
fn a_dribbling_line_brings_the_same_bytes() {
    let mut j = joined();
    j.line.dribble(Way::Up);
    j.line.dribble(Way::Down);
    j.line.cut_after(Way::Down, 500, Cut::Fin);
    let bytes = Random::new(3).bytes(2000);
    j.near.write_all(&bytes).unwrap();
    assert_eq!(read_exactly(&mut j.far, 2000), bytes);
    j.far.write_all(&bytes).unwrap();
    assert_eq!(read_all(&mut j.near), (bytes[..500].to_vec(), true));
}

#[test]
fn a_delayed_line_is_late_and_in_order() {
    let mut j = joined();
    let least = Duration::from_millis(20);
    j.line.delay(Way::Up, least..least * 3, 5);
    let start = Instant::now();
    let bytes = Random::new(4).bytes(300_000);
    let sender = std::thread::spawn({
        let (mut near, bytes) = (j.near, bytes.clone());
        move || near.write_all(&bytes).unwrap()
    });
    assert!(read_all(&mut j.far) == (bytes, true));
    assert!(start.elapsed() >= least);
    sender.join().unwrap();
}

/// Sends `bytes` both ways at once while `meddle` works on the line, and demands that all arrive, each way in order.
fn carries(mut j: Joined, bytes: &[u8], meddle: impl FnOnce(&Linkbox)) {
    let (near, far) = (j.near.try_clone().unwrap(), j.far.try_clone().unwrap());
    std::thread::scope(|scope| {
        for mut end in [near, far] {
            scope.spawn(move || {
                end.write_all(bytes).unwrap();
                end.shutdown(std::net::Shutdown::Write).unwrap();
            });
        }
        let readers = [&mut j.near, &mut j.far].map(|end| scope.spawn(|| read_all(end)));
        meddle(&j.line);
        for reader in readers {
            let (got, orderly) = reader.join().unwrap();
            assert!(orderly && got == bytes, "{} of {} bytes, orderly end: {orderly}", got.len(), bytes.len());
        }
    });
    let all = bytes.len() as u64;
    assert_eq!((j.line.passed(Way::Up), j.line.passed(Way::Down)), (all, all));
}

#[test]
fn a_slow_line_keeps_its_rate_and_brings_all_in_order() {
    let j = joined();
    let start = Instant::now();
    j.line.slow(Way::Up, 500_000, 1);
    carries(j, &Random::new(11).bytes(100_000), |_| {});
    // 100,000 bytes take 200 ms; the first piece costs nothing and a late turn is made up for.
    assert!(start.elapsed() >= Duration::from_millis(130));
}

#[test]
fn two_connections_share_a_slow_line() {
    let mut j = joined();
    let (mut near, mut far) = connect(&j.line, &j.listener);
    j.line.slow(Way::Up, 200_000, 2);
    let start = Instant::now();
    let bytes = Random::new(12).bytes(20_000);
    j.near.write_all(&bytes).unwrap();
    near.write_all(&bytes).unwrap();
    assert!(read_exactly(&mut j.far, 20_000) == bytes && read_exactly(&mut far, 20_000) == bytes);
    assert!(start.elapsed() >= Duration::from_millis(130));
}

#[test]
fn a_slow_line_goes_on_at_full_speed_when_told() {
    let j = joined();
    j.line.slow(Way::Up, 1, 3); // all of it would take days
    carries(j, &Random::new(13).bytes(400_000), |line| {
        line.wait_until_passed(Way::Up, 1);
        line.full_speed(Way::Up);
    });
}

#[test]
fn bytes_arrive_in_order_and_complete_through_stalls_delays_and_slowness_at_once() {
    for seed in 0..4 {
        let (j, mut random) = (joined(), Random::new(seed));
        let ms = Duration::from_millis;
        for way in Way::BOTH {
            j.line.delay(way, ms(0)..ms(3), seed);
            j.line.slow(way, 3_000_000, seed);
            j.line.holds(way, 20_000 + usize::try_from(random.below(200_000)).unwrap());
        }
        let bytes = random.bytes(300_000);
        carries(j, &bytes, |line| {
            for way in Way::BOTH {
                let stops = [random.below(100_000), 100_000 + random.below(100_000)];
                for stop in stops {
                    line.stall_after(way, stop.saturating_sub(line.passed(way)));
                    line.wait_until_passed(way, stop);
                    line.resume(way);
                }
            }
        });
    }
}

#[test]
fn a_line_holds_as_much_as_it_is_told() {
    let mut j = joined();
    let room = 1 << 25; // far more than the sockets' own buffers
    j.line.holds(Way::Up, room);
    j.line.delay(Way::Up, PATIENCE * 2..PATIENCE * 2, 1);
    j.near.write_all(&vec![0; room]).unwrap();
    assert_eq!(j.line.passed(Way::Up), 0);
}

#[test]
fn an_unplugged_line_refuses_until_it_is_plugged_in() {
    let mut j = joined();
    j.line.unplug(Cut::Reset);
    assert_eq!(read_all(&mut j.near), (vec![], false));
    // Refused in the handshake or right after it: either way nothing comes through.
    if let Ok(mut refused) = TcpStream::connect(j.line.address()) {
        assert_eq!(read_all(&mut refused), (vec![], false));
    }
    j.line.plug_in();
    let (mut near, mut far) = connect(&j.line, &j.listener);
    near.write_all(b"x").unwrap();
    assert_eq!(read_exactly(&mut far, 1), b"x");
    assert_eq!(j.line.calls(), 2);
}

#[test]
fn a_refusing_line_lets_the_connections_it_has_go_on() {
    let mut j = joined();
    j.line.refuse();
    if let Ok(mut refused) = TcpStream::connect(j.line.address()) {
        assert_eq!(read_all(&mut refused), (vec![], false));
    }
    j.near.write_all(b"still").unwrap();
    assert_eq!(read_exactly(&mut j.far, 5), b"still");
    j.line.plug_in();
    let (mut near, mut far) = connect(&j.line, &j.listener);
    near.write_all(b"x").unwrap();
    assert_eq!(read_exactly(&mut far, 1), b"x");
}

#[test]
fn a_line_can_lead_to_a_server_that_was_started_again() {
    let j = joined();
    let second = TcpListener::bind("127.0.0.1:0").unwrap();
    j.line.leads_to(second.local_addr().unwrap());
    let (mut near, mut far) = connect(&j.line, &second);
    far.write_all(b"second").unwrap();
    assert_eq!(read_exactly(&mut near, 6), b"second");
}

#[test]
fn a_line_to_nobody_resets_the_caller() {
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let line = Linkbox::to(gone);
    let mut near = TcpStream::connect(line.address()).unwrap();
    near.set_read_timeout(Some(PATIENCE)).unwrap();
    assert_eq!(read_all(&mut near), (vec![], false));
}

#[test]
fn a_reset_by_one_side_reaches_the_other() {
    let mut j = joined();
    rustix::net::sockopt::set_socket_linger(&j.far, Some(Duration::ZERO)).unwrap();
    drop(j.far);
    assert_eq!(read_all(&mut j.near), (vec![], false));
}

#[test]
fn dropping_the_line_ends_its_connections() {
    let mut j = joined();
    drop(j.line);
    assert!(read_all(&mut j.near).0.is_empty());
    assert!(read_all(&mut j.far).0.is_empty());
}
