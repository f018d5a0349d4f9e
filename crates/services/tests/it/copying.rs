//! Files between two machines.

use landline_addr::path::SharePath;
use landline_services::files::{
    ask::{GetJob, Placing, PutJob},
    filter::Filter,
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
        filter: Filter::default(),
        totals: true,
        dry_run: false,
    }
}

fn get(sources: &[&str], target: &Path) -> GetJob {
    GetJob {
        sources: sources.iter().map(|text| path(text)).collect(),
        target: target.to_path_buf(),
        placing: Placing::Auto,
        filter: Filter::default(),
        totals: true,
        dry_run: false,
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

/// What a dishonest sender says, as frames of messages.
async fn says(site: &Site, items: &[serde_json::Value]) -> Vec<serde_json::Value> {
    use landline_net::Received;
    let pins = [site.desk.dialer().public()];
    let mut call = site.laptop.dialer().call(&site.endpoint(), &pins, "files").await.unwrap();
    let (reader, writer) = call.halves();
    for item in items {
        writer.queue(item).unwrap();
    }
    writer.flush().await.unwrap();
    let mut heard = Vec::new();
    while let Some(Received::Message(body)) = reader.recv().await.unwrap() {
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
    let end = serde_json::json!({"dir-end": {"path": "secret", "mode": 0o777, "mtime": [0, 0]}});
    let begun = serde_json::json!({"dir": {"path": "secret"}});
    let put = serde_json::json!({"put": {}});
    let finish = serde_json::json!({"finish": {}});
    says(&site, &[put.clone(), end.clone(), finish.clone()]).await;
    let heard = says(&site, &[put, begun, end, finish]).await;
    assert!(heard[0].get("dir-failed").is_some(), "{heard:?}");
    let after = std::fs::metadata(&file).unwrap();
    assert_eq!((after.permissions().mode() & 0o777, after.modified().unwrap()), (0o600, before));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_is_closed_to_others_until_all_of_it_has_come() {
    use std::os::unix::fs::PermissionsExt as _;
    let site = Site::open().await.introduced().await;
    let mode = |name: &str| std::fs::metadata(site.share().join(name)).unwrap().permissions().mode() & 0o777;
    let put = serde_json::json!({"put": {}});
    let finish = serde_json::json!({"finish": {}});
    says(&site, &[put.clone(), serde_json::json!({"dir": {"path": "cut"}}), finish.clone()]).await;
    assert_eq!(mode("cut"), 0o700);
    let end = serde_json::json!({"dir-end": {"path": "whole", "mode": 0o755, "mtime": [0, 0]}});
    says(&site, &[put, serde_json::json!({"dir": {"path": "whole"}}), end, finish]).await;
    assert_eq!(mode("whole"), 0o755);
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
