//! A share with a little of everything, something outside of it that must stay, and the files service behind a pipe.

use std::{
    ffi::OsString,
    fs,
    os::unix::{ffi::OsStrExt as _, fs::symlink},
    path::Path,
    sync::Arc,
    time::Duration,
};

use landline_net::{Call, CallError, CallLimits, Peer, peer::Origin};
use landline_services::files::{
    serve::{Share, Visitor},
    tree::Tree,
};
use landline_trust::grant::{Area, Grant};
use landline_wire::{ErrorCode, Limits};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};
use tokio_util::sync::CancellationToken;

use super::{Hashes, hash_of, script::Script};

/// Bytes that the pipe holds: few, so that both ends wait for each other.
const PIPE: usize = 4096;

/// A stream that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(60);

const SECRET: &[u8] = b"what nobody may change";

pub(super) struct World {
    folder: TempDir,
    share: Share,
    /// Contents that are there from the start.
    known: Hashes,
}

impl World {
    pub(super) fn new() -> Self {
        landline_services::files::engine::probe::make_haste();
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (inside, outside) = (folder.path().join("share"), folder.path().join("outside"));
        let make = || -> std::io::Result<()> {
            fs::create_dir_all(inside.join("dir"))?;
            fs::create_dir(&outside)?;
            fs::write(outside.join("secret"), SECRET)?;
            fs::write(inside.join("file"), "inside")?;
            fs::write(inside.join("dir/file"), "cccccc")?;
            symlink("file", inside.join("link"))?;
            symlink(&outside, inside.join("out"))?;
            drop(std::os::unix::net::UnixListener::bind(inside.join("pipe"))?);
            Ok(())
        };
        make().expect("a share can be furnished");
        let known = [b"inside".as_slice(), b"cccccc"].map(|content| *blake3::hash(content).as_bytes()).into();
        let share = Share::new(Arc::new(Tree::open(&inside).expect("the share is there")), false);
        Self { folder, share, known }
    }

    /// Speaks `script` to the files service and hangs up; what it answered, and whether it ended well.
    pub(super) fn hears(&self, script: &Script) -> (Vec<u8>, bool) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async { tokio::time::timeout(PATIENCE, self.serve(script)).await.expect("the stream ends") })
    }

    async fn serve(&self, script: &Script) -> (Vec<u8>, bool) {
        let (near, far) = duplex(PIPE);
        let serving = async {
            let mut call = Call::over(near, Peer::Uid(0), Origin::Unix, None, Limits::KNOWN, &CallLimits::default());
            let visitor = Visitor {
                name: "ann".to_owned(),
                is_default: false,
                grants: Grant::defaults().to_vec(),
                area: Area::Share,
            };
            let served = self.share.serve(&visitor, &mut call, &CancellationToken::new(), PATIENCE).await;
            if let Err(CallError::Fault(fault)) = &served {
                assert_ne!(fault.code, ErrorCode::Internal, "{fault:?}");
            }
            served.is_ok()
        };
        let (mut listening, mut speaking) = tokio::io::split(far);
        let dialling = async {
            // The service may have ended the call in the middle.
            if speaking.write_all(&script.frames).await.is_ok() {
                drop(speaking.shutdown().await);
            }
        };
        let hearing = async {
            let mut said = Vec::new();
            listening.read_to_end(&mut said).await.expect("a pipe can be read to its end");
            said
        };
        let (ended_well, (), said) = tokio::join!(serving, dialling, hearing);
        (said, ended_well)
    }

    /// Fails if anything is where or what it may not be after `script`.
    pub(super) fn assert_sound(&self, script: &Script) {
        let outside = self.folder.path().join("outside");
        assert_eq!(names(&outside), ["secret"], "something was written outside the share");
        assert_eq!(fs::read(outside.join("secret")).expect("it is there"), SECRET);
        assert_eq!(names(self.folder.path()), ["outside", "share"]);
        self.assert_below(&self.folder.path().join("share"), 0, script);
    }

    fn assert_below(&self, dir: &Path, depth: usize, script: &Script) {
        for name in names(dir) {
            let path = dir.join(&name);
            let kind = fs::symlink_metadata(&path).expect("it was listed").file_type();
            if name.as_bytes().starts_with(b".landline-part-") {
                continue; // not published
            } else if kind.is_symlink() {
                let target = fs::read_link(&path).expect("a link can be read");
                let furnished = depth == 0 && (name == "out" || name == "link" || name.as_bytes().ends_with(b"~"));
                // The tree that it came with begins one level below the share, if not deeper.
                let inside = if script.copies_share { depth } else { depth.saturating_sub(1) };
                assert!(furnished || stays(&target, inside), "{} leads to {}", path.display(), target.display());
            } else if kind.is_dir() {
                self.assert_below(&path, depth + 1, script);
            } else if kind.is_file() {
                let hash = hash_of(&path);
                let told = self.known.contains(&hash) || script.hashes.contains(&hash);
                assert!(told, "{} is not what was told", path.display());
            }
        }
    }
}

/// Whether a link at `depth` below the top of a tree stays in it, by its words.
fn stays(target: &Path, depth: usize) -> bool {
    let mut depth = depth;
    target.is_relative()
        && target.components().all(|part| match part {
            std::path::Component::ParentDir => depth.checked_sub(1).map(|up| depth = up).is_some(),
            std::path::Component::Normal(_) => {
                depth += 1;
                true
            }
            _ => true,
        })
}

fn names(dir: &Path) -> Vec<OsString> {
    let entries = fs::read_dir(dir).expect("a folder can be read");
    let mut names: Vec<OsString> = entries.map(|entry| entry.expect("an entry").file_name()).collect();
    names.sort();
    names
}
