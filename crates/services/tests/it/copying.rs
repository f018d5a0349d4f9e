//! Files between two machines.

use landline_addr::path::SharePath;
use landline_services::files::{
    ask::{CopyOptions, GetJob, Placing, PutJob},
    records::{Entry, Put},
    watch::{Outcome, Watch},
};
use std::{
    path::Path,
    sync::{Arc, Mutex},
};

use crate::site::{Site, write};

fn path(text: &str) -> SharePath {
    SharePath::parse(text.as_bytes()).unwrap()
}

pub(crate) fn put(sources: &[&Path], target: &str) -> PutJob {
    PutJob {
        sources: sources.iter().map(|path| path.to_path_buf()).collect(),
        target: path(target),
        placing: Placing::Auto,
        options: CopyOptions { totals: true, ..CopyOptions::default() },
    }
}

fn get(sources: &[&str], target: &Path) -> GetJob {
    GetJob {
        sources: sources.iter().map(|text| path(text)).collect(),
        target: target.to_path_buf(),
        placing: Placing::Auto,
        options: CopyOptions { totals: true, ..CopyOptions::default() },
    }
}

fn watched() -> (Watch, Arc<Mutex<Vec<Outcome>>>) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&seen);
    (Watch::new(move |outcome| sink.lock().unwrap().push(outcome)), seen)
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_every_size_go_both_ways_whole() {
    let site = Site::open().await.introduced().await;
    let mut files = site.files().await;
    for size in [0usize, 1, 4095, 16 << 10, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, (5 << 20) + 7] {
        let bytes: Vec<u8> = (0..size).map(|n| (n * 31 % 251) as u8).collect();
        let local = site.work().join("a");
        write(&local, &bytes);
        let (watch, seen) = watched();
        let sum = files.put(&put(&[&local], "b"), &watch).await.unwrap();
        assert_eq!((sum.files, sum.bytes, sum.failed), (1, size as u64, 0), "{:?}", seen.lock().unwrap());
        assert_eq!(std::fs::read(site.share().join("b")).unwrap(), bytes);
        let back = site.work().join("c");
        let (watch, _) = watched();
        let sum = files.get(&get(&["b"], &back), &watch).await.unwrap();
        assert_eq!((sum.files, sum.bytes), (1, size as u64));
        assert_eq!(std::fs::read(&back).unwrap(), bytes);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_failures_in_a_row_do_not_stop_the_stream() {
    let site = Site::open().await.introduced().await;
    for n in 0..600 {
        write(&site.work().join(format!("tree/f{n:03}")), b"new");
        if n % 2 == 0 {
            std::fs::create_dir_all(site.share().join(format!("tree/f{n:03}"))).unwrap(); // in the way
        }
    }
    let (watch, seen) = watched();
    let sum = site.files().await.put(&put(&[&site.work().join("tree")], "tree"), &watch).await;
    // `tree` exists at the server, so it goes inside: nothing is in the way there.
    assert_eq!(sum.unwrap().files, 600);
    seen.lock().unwrap().clear();
    let (watch, seen) = watched();
    let job = put(&[&site.work().join("tree/.")], "tree");
    let sum = site.files().await.put(&job, &watch).await.unwrap();
    assert_eq!((sum.files, sum.failed), (300, 300));
    assert_eq!(seen.lock().unwrap().len(), 600);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_only_share_refuses_each_file_and_the_call_goes_on() {
    let site = Site::open_with(true, crate::site::quick()).await.introduced().await;
    let big = site.work().join("big");
    write(&big, b"");
    // Sparse, and far more than can be under way before the refusal comes back.
    std::fs::File::options().write(true).open(&big).unwrap().set_len(1 << 30).unwrap();
    let mut files = site.files().await;
    let (watch, seen) = watched();
    let sum = files.put(&put(&[&big], "big"), &watch).await.unwrap();
    assert_eq!((sum.files, sum.failed), (0, 1));
    assert!(matches!(&seen.lock().unwrap()[..], [Outcome::Failed { fault, .. }]
        if fault.code == landline_wire::ErrorCode::ReadOnly));
    assert!(watch.bytes() < 1 << 30, "the rest of a file that was refused is not sent: {}", watch.bytes());
    assert!(files.list(&SharePath::root()).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn sources_that_are_missing_are_reported_and_the_others_are_fetched() {
    let site = Site::open().await.introduced().await;
    write(&site.share().join("there"), b"yes");
    let (watch, seen) = watched();
    let sum = site.files().await.get(&get(&["missing", "there"], &site.work()), &watch).await.unwrap();
    assert_eq!((sum.files, sum.failed), (1, 1), "{:?}", seen.lock().unwrap());
    assert_eq!(std::fs::read(site.work().join("there")).unwrap(), b"yes");
}

/// What a sender of our own says.
enum Word {
    Message(serde_json::Value),
    Records(Vec<Put<'static>>),
}

fn put_request() -> Word {
    Word::Message(serde_json::json!({"put": {}}))
}

fn finish() -> Word {
    Word::Message(serde_json::json!({"finish": {}}))
}

fn end_of_dir() -> Put<'static> {
    Put::DirEnd { mode: 0o755, mtime: (0, 0) }
}

fn say(writer: &mut landline_net::CallWriter, words: &[Word]) {
    for word in words {
        match word {
            Word::Message(message) => writer.queue(message).unwrap(),
            Word::Records(records) => {
                let mut frame = Vec::new();
                records.iter().for_each(|record| record.write(&mut frame));
                writer.queue_records(&frame).unwrap();
            }
        }
    }
}

/// Messages until the receiver is done with it; records are left out.
async fn says(site: &Site, words: &[Word]) -> Vec<serde_json::Value> {
    use landline_net::Received;
    let pins = [site.desk.dialer().public()];
    let mut call = site.laptop.dialer().call(&site.endpoint(), &pins, "files").await.unwrap();
    let (reader, writer) = call.halves();
    say(writer, words);
    writer.flush().await.unwrap();
    let mut heard = Vec::new();
    while let Some(frame) = reader.recv().await.unwrap() {
        let Received::Message(body) = frame else { continue };
        let message: serde_json::Value = serde_json::from_slice(&body).unwrap();
        let last = message.get("done").is_some() || message.get("error").is_some();
        heard.push(message);
        if last {
            break;
        }
    }
    heard
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_a_directory_that_never_began_changes_nothing() {
    use std::os::unix::fs::PermissionsExt as _;
    let site = Site::open().await.introduced().await;
    let file = site.share().join("secret");
    write(&file, b"old");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    let before = std::fs::metadata(&file).unwrap().modified().unwrap();
    let heard = says(&site, &[put_request(), Word::Records(vec![end_of_dir()]), finish()]).await;
    assert!(heard.last().unwrap().get("error").is_some(), "{heard:?}");
    let begun = Word::Records(vec![Put::Dir { path: b"secret" }, end_of_dir()]);
    let heard = says(&site, &[put_request(), begun, finish()]).await;
    assert!(heard[0].get("dir-failed").is_some(), "{heard:?}");
    let after = std::fs::metadata(&file).unwrap();
    assert_eq!((after.permissions().mode() & 0o777, after.modified().unwrap()), (0o600, before));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_is_closed_to_others_until_all_of_it_has_come() {
    use std::os::unix::fs::PermissionsExt as _;
    let site = Site::open().await.introduced().await;
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let pins = [site.desk.dialer().public()];
    let mut call = site.laptop.dialer().call(&site.endpoint(), &pins, "files").await.unwrap();
    let (reader, writer) = call.halves();
    let entry = Entry { size: Some(1), mode: 0o644, ..Entry::default() };
    say(writer, &[put_request(), Word::Records(vec![Put::Dir { path: b"new" }, Put::File { path: b"a", entry }])]);
    writer.flush().await.unwrap();
    let wanted = reader.recv().await.unwrap();
    assert!(matches!(wanted, Some(landline_net::Received::Records(_))), "{wanted:?}");
    let arriving: Vec<_> = std::fs::read_dir(site.share()).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(arriving.len(), 1, "{arriving:?}");
    assert_eq!(mode(&arriving[0]), 0o700);
    assert!(!site.share().join("new").exists());
    let content = Put::Whole { number: 0, hash: *blake3::hash(b"x").as_bytes(), bytes: b"x" };
    say(writer, &[Word::Records(vec![content, end_of_dir()]), finish()]);
    writer.flush().await.unwrap();
    while !matches!(reader.recv().await.unwrap(), Some(landline_net::Received::Message(body))
        if body.starts_with(b"{\"done\""))
    {}
    assert_eq!(mode(&site.share().join("new")), 0o755);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_can_not_be_done_before_the_sender_is() {
    let site = Site::open().await.introduced().await;
    write(&site.share().join("big"), b"");
    std::fs::File::options().write(true).open(site.share().join("big")).unwrap().set_len(1 << 30).unwrap();
    let get = serde_json::json!({"get": {"path": "big"}});
    let done = serde_json::json!({"done": {"files": 1, "bytes": 1, "failed": 0}});
    let pins = [site.desk.dialer().public()];
    let mut call = site.laptop.dialer().call(&site.endpoint(), &pins, "files").await.unwrap();
    let (reader, writer) = call.halves();
    writer.queue(&get).unwrap();
    writer.queue(&done).unwrap();
    writer.flush().await.unwrap();
    let mut bytes = 0u64;
    while let Ok(Some(frame)) = reader.recv().await {
        if let landline_net::Received::Data(data) = frame {
            bytes += data.len() as u64;
        }
    }
    assert!(bytes < 1 << 30, "the call ends instead: {bytes}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_key_can_not_take_all_calls() {
    use landline_wire::ErrorCode;
    let limits = landline_net::ServerLimits { calls_per_key: 2, ..crate::site::quick() };
    let site = Site::open_with(false, limits).await.introduced().await;
    let (mut first, mut second) = (site.files().await, site.files().await);
    first.list(&SharePath::root()).await.unwrap();
    second.list(&SharePath::root()).await.unwrap();
    let third = site.files().await.list(&SharePath::root()).await;
    assert!(
        matches!(&third, Err(landline_services::files::ask::FilesError::Call(landline_net::CallError::Fault(fault)))
            if fault.code == ErrorCode::Refused),
        "{third:?}"
    );
    first.list(&SharePath::root()).await.unwrap();
}
