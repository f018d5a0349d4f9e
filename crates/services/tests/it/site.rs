//! Two machines that know each other.

use std::{
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use landline_addr::{code::Code, contact::Machine, endpoint::Endpoint};
use landline_net::ServerLimits;
use landline_services::{
    files::ask::Files,
    house::{House, HouseFacts, HouseOptions},
    introduce,
    line::Line,
};
use landline_store::{Contact, Contacts as _, Home};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// A serving machine `desk` and a machine `laptop` that may know it.
pub(crate) struct Site {
    pub(crate) folder: TempDir,
    pub(crate) desk: Line,
    pub(crate) laptop: Line,
    pub(crate) facts: HouseFacts,
    pub(crate) code: Code,
    stop: CancellationToken,
    running: JoinHandle<usize>,
}

impl Site {
    pub(crate) async fn open() -> Self {
        Self::open_with(false, quick()).await
    }

    pub(crate) async fn open_with(read_only: bool, limits: ServerLimits) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let line = |name: &str| Line::open(Home::open_or_create(folder.path().join(name)).unwrap()).unwrap();
        let (desk, laptop) = (line("desk"), line("laptop"));
        let options = HouseOptions {
            audit: true,
            share: folder.path().join("share"),
            homes: folder.path().join("homes"),
            listen: vec!["tcp://127.0.0.1:0".parse().unwrap()],
            read_only,
            limits,
            label: "desk".to_owned(),
        };
        let house = House::open(&desk, options).await.unwrap();
        let facts = house.facts().clone();
        let code = house.invite(Duration::from_secs(600)).await.unwrap().code.parse().unwrap();
        let stop = CancellationToken::new();
        let running = tokio::spawn(house.run(stop.clone()));
        Self { folder, desk, laptop, facts, code, stop, running }
    }

    pub(crate) fn endpoint(&self) -> Endpoint {
        self.facts.listen.first().unwrap().clone()
    }

    pub(crate) fn share(&self) -> PathBuf {
        self.folder.path().join("share")
    }

    /// A place for the laptop's own files.
    pub(crate) fn work(&self) -> PathBuf {
        let work = self.folder.path().join("work");
        std::fs::create_dir_all(&work).unwrap();
        work
    }

    pub(crate) async fn introduced(self) -> Self {
        let met = introduce::join(&self.laptop, &self.endpoint(), &self.code, "laptop").await.unwrap();
        let contact = Contact {
            name: "desk".parse().unwrap(),
            keys: vec![met.key],
            addresses: vec![met.endpoint.to_string()],
            added_at: SystemTime::now(),
        };
        self.laptop.store().add_contact(contact).await.unwrap();
        self
    }

    pub(crate) async fn files(&self) -> Files {
        Files::open(&self.laptop, &Machine::Contact("desk".parse().unwrap())).await.unwrap()
    }

    pub(crate) async fn stops(self) -> usize {
        self.stop.cancel();
        self.running.await.unwrap()
    }
}

/// Limits that refuse quickly, so that tests of refusals do not wait.
pub(crate) fn quick() -> ServerLimits {
    ServerLimits { refusal: Duration::from_millis(20), ..ServerLimits::default() }
}

pub(crate) fn write(path: &Path, bytes: &[u8]) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, bytes).unwrap();
}
