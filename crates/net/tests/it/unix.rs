//! UNIX sockets: the peer is a user id, the file is the owner's alone, and nothing in the way is destroyed.

use std::{
    fs, io,
    os::unix::{
        fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _, symlink},
        net::{UnixDatagram, UnixListener},
        process::CommandExt as _,
    },
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
};

use landline_addr::endpoint::Endpoint;
use landline_net::{CallError, DialError, Peer, Server, dial::call_local, peer::Origin};
use landline_wire::ErrorCode;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    child,
    handler::{Book, Desk, Event},
    house::{DESK, House, calm, echoes, identity, patient, soon},
};

/// The user id of this process, as the owner of what it makes.
fn own_uid() -> u32 {
    tempfile::tempdir().unwrap().path().metadata().unwrap().uid()
}

pub(crate) fn let_everybody_in(house: &House) {
    house.book.known().insert(Peer::Uid(own_uid()));
}

fn in_a_folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("desk.sock");
    (folder, path)
}

async fn house_at(path: &Path) -> House {
    let house = House::listening(calm(), &[Endpoint::Unix(path.to_owned())]).await;
    let_everybody_in(&house);
    house
}

/// Tries to listen where something is in the way.
async fn refused_at(path: &Path) -> io::ErrorKind {
    let (report, _events) = tokio::sync::mpsc::unbounded_channel();
    let mut server = Server::new(Desk(Book::new(report)), &identity(DESK), calm()).unwrap();
    server.listen(&Endpoint::Unix(path.to_owned())).await.unwrap_err().kind()
}

#[tokio::test]
async fn the_peer_is_a_user_id_at_both_ends_and_there_is_no_exporter() {
    let (_folder, path) = in_a_folder();
    let house = house_at(&path).await;
    let mut call = call_local(&path, "whoami", &patient()).await.unwrap();
    assert_eq!((call.peer(), call.origin(), call.exporter()), (Peer::Uid(own_uid()), Origin::Unix, None));
    let seen: Value = soon(call.ask(&json!({"who": {}}))).await.unwrap();
    assert_eq!(seen, json!({"peer": format!("uid {}", own_uid()), "exporter": null}));
    drop(house);
}

#[tokio::test]
async fn a_user_id_that_is_not_known_is_refused_without_penalty() {
    let (_folder, path) = in_a_folder();
    let house = house_at(&path).await;
    house.book.known().clear();
    for _ in 0..20 {
        let mut call = call_local(&path, "echo", &patient()).await.unwrap();
        let refused = soon(call.order(&json!({"hello": {}}))).await;
        let Err(CallError::Fault(fault)) = refused else { panic!("{refused:?}") };
        assert_eq!((fault.code, &*fault.text), (ErrorCode::Refused, ""));
    }
    let_everybody_in(&house);
    echoes(&mut call_local(&path, "echo", &patient()).await.unwrap()).await;
}

#[test]
fn another_user_can_not_open_the_socket_and_is_known_by_its_own_id_where_the_owner_lets_it() {
    const NAME: &str = "unix::another_user_can_not_open_the_socket_and_is_known_by_its_own_id_where_the_owner_lets_it";
    const NOBODY: u32 = 65_534;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    if let Some(path) = child::told() {
        return runtime.block_on(async {
            let refused = call_local(Path::new(&path), "whoami", &patient()).await;
            let Ok(mut call) = refused else { panic!("{refused:?}") };
            let seen: Value = soon(call.ask(&json!({"who": {}}))).await.unwrap();
            println!("{seen}");
        });
    }
    if !landline_testkit::needs("root") {
        return;
    }
    let (folder, path) = in_a_folder();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    // The test's own program, where another user may run it.
    let program = folder.path().join("it");
    fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let socket = path.to_str().unwrap().to_owned();
    let as_nobody = move || {
        let mut command = child::again_with(&program, NAME, "true", &socket);
        command.uid(NOBODY).gid(NOBODY).current_dir("/").output().unwrap()
    };
    runtime.block_on(async {
        let mut house = house_at(&path).await;
        house.book.known().insert(Peer::Uid(NOBODY));
        let done = tokio::task::spawn_blocking(as_nobody.clone()).await.unwrap();
        assert!(!done.status.success() && house.heard().is_empty(), "{done:?}");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
        let done = tokio::task::spawn_blocking(as_nobody).await.unwrap();
        assert!(String::from_utf8_lossy(&done.stdout).contains("uid 65534"), "{done:?}");
        assert_eq!(house.heard()[0], Event::Asked(Peer::Uid(NOBODY), "whoami".to_owned()));
    });
}

#[test]
fn the_socket_is_its_owners_alone_at_every_moment_whatever_the_umask() {
    const NAME: &str = "unix::the_socket_is_its_owners_alone_at_every_moment_whatever_the_umask";
    if child::told().is_none() {
        let done = child::again(NAME, "umask 000", "watch").output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stdout));
        return;
    }
    let (folder, path) = in_a_folder();
    let over = AtomicBool::new(false);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    std::thread::scope(|threads| {
        let watch = threads.spawn(|| {
            let mut open_to_others = None;
            while !over.load(Ordering::SeqCst) {
                for _ in 0..100 {
                    let seen = fs::symlink_metadata(&path).map(|there| there.mode() & 0o7777).ok();
                    open_to_others = open_to_others.or(seen.filter(|mode| *mode != 0o600));
                }
                let sockets = fs::read_dir(folder.path()).unwrap().filter_map(|entry| entry.ok()?.metadata().ok());
                let modes = sockets.filter(|there| there.file_type().is_socket()).map(|there| there.mode() & 0o7777);
                open_to_others = open_to_others.or(modes.into_iter().find(|mode| *mode != 0o600));
            }
            open_to_others
        });
        for _ in 0..300 {
            let house = runtime.block_on(house_at(&path));
            assert_eq!(fs::symlink_metadata(&path).unwrap().mode() & 0o7777, 0o600);
            house.stop.cancel();
            runtime.block_on(house.ended());
        }
        over.store(true, Ordering::SeqCst);
        assert_eq!(watch.join().unwrap(), None, "a mode that was seen for a moment");
    });
}

#[tokio::test]
async fn a_socket_that_a_dead_program_left_is_replaced() {
    let (folder, path) = in_a_folder();
    drop(UnixListener::bind(&path).unwrap());
    assert!(path.exists(), "the dead leave their socket");
    let _house = house_at(&path).await;
    echoes(&mut call_local(&path, "echo", &patient()).await.unwrap()).await;
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else is left beside it");
}

#[tokio::test]
async fn a_socket_that_somebody_answers_is_refused_and_goes_on_answering() {
    let (_folder, path) = in_a_folder();
    let _house = house_at(&path).await;
    assert_eq!(refused_at(&path).await, io::ErrorKind::AddrInUse);
    echoes(&mut call_local(&path, "echo", &patient()).await.unwrap()).await;
}

#[tokio::test]
async fn a_socket_whose_owner_is_too_busy_to_answer_is_refused_without_waiting_for_it() {
    let (_folder, path) = in_a_folder();
    let busy = socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None).unwrap();
    busy.bind(&socket2::SockAddr::unix(&path).unwrap()).unwrap();
    busy.listen(0).unwrap();
    let mut queued = Vec::new();
    loop {
        let caller = socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None).unwrap();
        caller.set_nonblocking(true).unwrap();
        if caller.connect(&socket2::SockAddr::unix(&path).unwrap()).is_err() {
            break;
        }
        queued.push(caller);
    }
    let asked = tokio::task::spawn(async move { refused_at(&path).await });
    assert_eq!(soon(asked).await.unwrap(), io::ErrorKind::AddrInUse);
}

#[tokio::test]
async fn a_socket_of_another_type_that_somebody_reads_is_left_alone() {
    let (_folder, path) = in_a_folder();
    let mailbox = UnixDatagram::bind(&path).unwrap();
    assert_eq!(refused_at(&path).await, io::ErrorKind::AddrInUse);
    UnixDatagram::unbound().unwrap().send_to(b"still there", &path).unwrap();
    let mut letter = [0; 20];
    assert_eq!(mailbox.recv(&mut letter).unwrap(), 11);
}

#[tokio::test]
async fn whatever_else_is_in_the_way_is_left_alone() {
    let (folder, path) = in_a_folder();
    fs::write(&path, "a letter").unwrap();
    assert_eq!(refused_at(&path).await, io::ErrorKind::AlreadyExists);
    assert_eq!(fs::read(&path).unwrap(), b"a letter");
    for (target, name) in [(&path, "link to a file"), (&folder.path().join("nothing"), "dangling link")] {
        let link = folder.path().join(name);
        symlink(target, &link).unwrap();
        assert_eq!(refused_at(&link).await, io::ErrorKind::AlreadyExists, "{name}");
        assert_eq!(fs::read_link(&link).unwrap(), *target);
    }
    let inner = folder.path().join("folder");
    fs::create_dir(&inner).unwrap();
    assert_eq!(refused_at(&inner).await, io::ErrorKind::AlreadyExists);
    assert!(inner.is_dir());
}

#[tokio::test]
async fn a_folder_that_is_missing_is_said() {
    let (folder, _) = in_a_folder();
    assert_eq!(refused_at(&folder.path().join("no/desk.sock")).await, io::ErrorKind::NotFound);
}

#[tokio::test]
async fn the_longest_path_that_an_endpoint_may_have_can_be_listened_at() {
    let (folder, _) = in_a_folder();
    let room = landline_addr::endpoint::MAX_UNIX_PATH_BYTES - folder.path().as_os_str().len() - 1;
    let path = folder.path().join("s".repeat(room));
    let endpoint: Endpoint = format!("unix:{}", path.display()).parse().unwrap();
    let house = House::listening(calm(), &[endpoint]).await;
    let_everybody_in(&house);
    echoes(&mut call_local(&path, "echo", &patient()).await.unwrap()).await;
}

#[tokio::test]
async fn the_file_goes_when_the_server_stops_and_callers_are_told() {
    let (folder, path) = in_a_folder();
    let house = house_at(&path).await;
    echoes(&mut call_local(&path, "echo", &patient()).await.unwrap()).await;
    house.stop.cancel();
    assert_eq!(house.ended().await, 0);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    let called = call_local(&path, "echo", &patient()).await;
    assert!(matches!(called, Err(DialError::Connect { .. })), "{called:?}");
}

#[tokio::test]
async fn a_file_that_took_the_place_of_the_socket_meanwhile_is_not_removed_at_the_stop() {
    let (_folder, path) = in_a_folder();
    let first = house_at(&path).await;
    fs::remove_file(&path).unwrap();
    let _second = house_at(&path).await;
    first.stop.cancel();
    first.ended().await;
    echoes(&mut call_local(&path, "echo", &patient()).await.unwrap()).await;
}
