//! Whatever happens to a partial, in whatever order: what it holds is what was put there.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use proptest::prelude::*;

use super::*;
use crate::files::tree::{Faults, Verdict};

const INDEXES: u64 = 5;

#[derive(Debug, Clone)]
enum Step {
    Put {
        index: u64,
        seed: u64,
    },
    Hole {
        first: u64,
        count: u64,
    },
    /// The line is cut; the next run may have another plan.
    Drop(usize),
    /// The program is killed.
    Kill(usize),
    /// The program is killed, and something writes into its journal.
    Scribble {
        plan: usize,
        at: u64,
        bytes: Vec<u8>,
    },
    /// The machine loses power: of what was not durable, some is there, some not, some is nonsense.
    PowerCut {
        plan: usize,
        luck: u64,
    },
    /// The same owner sends the same a second time meanwhile.
    Rival,
    /// Somebody else does.
    Stranger,
}

fn steps() -> impl Strategy<Value = Step> {
    let plan = 0..plans().len();
    prop_oneof![
        8 => (0..INDEXES, 0_u64..9).prop_map(|(index, seed)| Step::Put { index, seed }),
        2 => (0..INDEXES, 1..INDEXES).prop_map(|(first, count)| Step::Hole { first, count }),
        1 => plan.clone().prop_map(Step::Drop),
        1 => plan.clone().prop_map(Step::Kill),
        1 => (plan.clone(), 0_u64..4600, prop::collection::vec(any::<u8>(), 1..40))
            .prop_map(|(plan, at, bytes)| Step::Scribble { plan, at, bytes }),
        2 => (plan, any::<u64>()).prop_map(|(plan, luck)| Step::PowerCut { plan, luck }),
        1 => Just(Step::Rival),
        1 => Just(Step::Stranger),
    ]
}

fn plans() -> Vec<Plan> {
    let other = SourceMark([2; 16]);
    vec![
        plan(9 * G / 2),
        Plan { source: other, ..plan(9 * G / 2) },
        Plan { sparse: true, ..plan(3 * G) },
        Plan { source: other, ..plan(2 * G + 5) },
        plan(None),
    ]
}

/// Remembers what the files were when they were last made durable.
#[derive(Default)]
struct Durable {
    dir: Mutex<PathBuf>,
    staging: Mutex<Option<Vec<u8>>>,
    journal: Mutex<Option<Vec<u8>>>,
}

impl Faults for Durable {
    fn before(&self, op: Op, what: &[u8]) -> Verdict {
        let dir = self.dir.lock().unwrap_or_else(PoisonError::into_inner);
        if op == Op::Sync && !names(&dir).is_empty() {
            let (staging, journal) = main_files(&dir);
            let (place, file) = if what == MAGIC { (&self.journal, journal) } else { (&self.staging, staging) };
            *place.lock().unwrap() = fs::read(file).ok();
        }
        Verdict::Go
    }
}

/// Of the first writer of owner 1; others come and go.
fn main_files(dir: &Path) -> (PathBuf, PathBuf) {
    let staging = Name::staging_for(DOMAIN, b"f", &[1; 32], 0);
    let of = |name: &Name| dir.join(std::str::from_utf8(name.as_bytes()).unwrap());
    (of(&staging), of(&staging.journal()))
}

struct Lab {
    dir: TempDir,
    durable: Arc<Durable>,
    boot: u64,
    plan: Plan,
    partial: Option<Partial>,
    /// What has to be held.
    model: BTreeMap<u64, Vec<u8>>,
    /// All that was ever put in each place: a power cut can bring back what was there before.
    ever: BTreeMap<u64, Vec<Vec<u8>>>,
}

impl Lab {
    fn new() -> Self {
        let (dir, durable, plan) = (room(), Arc::default(), plans().remove(0));
        let (model, ever) = (BTreeMap::new(), BTreeMap::new());
        let mut lab = Self { dir, durable, boot: 1, plan, partial: None, model, ever };
        lab.partial = Some(lab.open());
        lab
    }

    fn open(&self) -> Partial {
        *self.durable.dir.lock().unwrap() = self.dir.path().to_owned();
        let tree = Tree::open_with_faults(self.dir.path(), Arc::clone(&self.durable) as _).unwrap();
        let dir = Arc::new(tree.dir(&SharePath::root()).unwrap());
        let tuning = Tuning { boot: self.boot, sync_every: 2 * G, volatile: false };
        Partial::open_tuned(&dir, &name("f"), &owner(1), &self.plan, Turn::at_once(), |_| tuning).unwrap()
    }

    fn len(&self, index: u64, seed: u64) -> Option<u64> {
        match self.plan.size {
            Some(size) => Some(crate::files::digest::group_len(size, index) as u64).filter(|len| *len > 0),
            None => Some(if seed % 5 == 4 { 1000 } else { G }),
        }
    }

    fn put_in_model(&mut self, index: u64, bytes: Vec<u8>) {
        if bytes.len() < GROUP {
            self.model.retain(|other, bytes| *other == index || bytes.len() == GROUP);
        }
        self.ever.entry(index).or_default().push(bytes.clone());
        self.model.insert(index, bytes);
    }

    fn take(&mut self, step: &Step) {
        let mut partial = self.partial.take().unwrap();
        match step {
            Step::Put { index, seed } => {
                if let Some(len) = self.len(*index, *seed) {
                    let bytes = group(*seed, len);
                    partial.put_group(*index, &bytes).unwrap();
                    self.put_in_model(*index, bytes);
                }
            }
            Step::Hole { first, count } => {
                let groups = self.plan.size.map_or(INDEXES, groups_in);
                let end = groups.min(first + count);
                for index in *first..end {
                    let zeros = vec![0; usize::try_from(self.len(index, 0).unwrap()).unwrap()];
                    self.put_in_model(index, zeros);
                }
                partial.put_hole(*first, end.saturating_sub(*first)).unwrap();
            }
            Step::Rival => {
                let mut rival = self.open();
                rival.put_group(0, &group(77, self.len(0, 0).unwrap())).unwrap();
                assert_ne!(rival.staging_name(), partial.staging_name());
                rival.discard();
            }
            Step::Stranger => {
                let stranger = open_as(self.dir.path(), 2, &self.plan, TUNING).unwrap();
                assert_eq!(stranger.held().runs, []);
            }
            Step::Drop(plan) | Step::Kill(plan) | Step::Scribble { plan, .. } | Step::PowerCut { plan, .. } => {
                return self.end(partial, step, plans().remove(*plan));
            }
        }
        partial.journal.as_ref().map_or(Ok(()), Journal::settle).unwrap();
        self.check(&partial, true);
        self.partial = Some(partial);
    }

    /// The partial comes to an end by `step`, and another run begins.
    fn end(&mut self, partial: Partial, step: &Step, plan: Plan) {
        self.plan = plan;
        let all = matches!(step, Step::Drop(_) | Step::Kill(_));
        if matches!(step, Step::Drop(_)) {
            drop(partial);
        } else {
            self.move_on(step);
        }
        let partial = self.open();
        self.check(&partial, all);
        // Whether a group that the plan has no place for is held, the next plan that has one will show.
        let held = |index: u64| Some((index, self.told(&partial, index)?.clone()));
        let model: BTreeMap<u64, Vec<u8>> = (0..INDEXES).filter_map(held).collect();
        self.model = model;
        self.partial = Some(partial);
    }

    /// The files as they are found by the next run, in another place, so that no living writer can tidy up.
    fn move_on(&mut self, step: &Step) {
        let next = room();
        let (staging, journal) = main_files(self.dir.path());
        let (mut content, mut entries) = (fs::read(staging).ok(), fs::read(journal).ok());
        if let (Step::Scribble { at, bytes, .. }, Some(entries)) = (step, &mut entries) {
            let at = usize::try_from(*at).unwrap();
            entries.resize(entries.len().max(at + bytes.len()), 0);
            entries[at..at + bytes.len()].copy_from_slice(bytes);
        }
        if let Step::PowerCut { luck, .. } = step {
            self.boot += 1;
            let mut luck = *luck | 1;
            content = content.map(|now| mix(&now, self.durable.staging.lock().unwrap().as_deref(), 65_536, &mut luck));
            entries = entries.map(|now| mix(&now, self.durable.journal.lock().unwrap().as_deref(), 512, &mut luck));
        }
        for (place, bytes) in [main_files(next.path()).0, main_files(next.path()).1].into_iter().zip([content, entries])
        {
            if let Some(bytes) = bytes {
                fs::write(&place, &bytes).unwrap();
                fs::set_permissions(&place, fs::Permissions::from_mode(0o600)).unwrap();
            }
        }
        self.dir = next;
        // What survived a power cut is on the disk.
        if matches!(step, Step::PowerCut { .. }) {
            let (staging, journal) = main_files(self.dir.path());
            *self.durable.staging.lock().unwrap() = fs::read(staging).ok();
            *self.durable.journal.lock().unwrap() = fs::read(journal).ok();
        }
    }

    /// `all`: nothing may be missing either.
    fn check(&self, partial: &Partial, all: bool) {
        let fits = |index: u64, bytes: &[u8]| {
            self.plan.size.is_none_or(|size| crate::files::digest::group_len(size, index) == bytes.len())
        };
        let held: Vec<u64> = partial.held().runs.into_iter().flat_map(|(first, end)| first..end).collect();
        for index in &held {
            let bytes = self.told(partial, *index).expect("nothing is held that was never put");
            assert!(fits(*index, bytes));
            let mut there = vec![0; bytes.len()];
            partial.file().read_exact_at(&mut there, index * G).unwrap();
            assert!(there == *bytes, "group {index} has not the bytes that the journal tells");
        }
        if all {
            let due: Vec<u64> =
                self.model.iter().filter(|(index, bytes)| fits(**index, bytes)).map(|(i, _)| *i).collect();
            assert_eq!(held, due);
            assert!(due.iter().all(|index| self.told(partial, *index) == self.model.get(index)));
        }
    }

    /// What the journal tells of a group.
    fn told(&self, partial: &Partial, index: u64) -> Option<&Vec<u8>> {
        let value = partial.value(index).unwrap()?;
        let told = self.ever.get(&index)?.iter().find(|bytes| GroupValue::of(index, bytes) == value);
        Some(told.expect("the journal tells of nothing that was never put"))
    }
}

/// Piece by piece what is there now, what was durable, or nonsense; all of it only where the two differ.
fn mix(now: &[u8], durable: Option<&[u8]>, piece: usize, luck: &mut u64) -> Vec<u8> {
    let durable = durable.unwrap_or_default();
    let mut draw = || {
        *luck ^= *luck << 13;
        *luck ^= *luck >> 7;
        *luck ^= *luck << 17;
        *luck >> 20
    };
    let len = if draw() % 2 == 0 { now.len() } else { durable.len() };
    let mut mixed = vec![0; len];
    for (index, out) in mixed.chunks_mut(piece).enumerate() {
        let at = |bytes: &[u8]| {
            let mut part = bytes.get(index * piece..).unwrap_or_default().to_vec();
            part.resize(out.len(), 0);
            part
        };
        let (new, old) = (at(now), at(durable));
        match draw() % 4 {
            _ if new == old => out.copy_from_slice(&new),
            0 | 1 => out.copy_from_slice(&new),
            2 => out.copy_from_slice(&old),
            _ => out.fill(0xa5),
        }
    }
    mixed
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_sequence_of_mishaps_makes_a_partial_tell_what_is_not_there(steps in prop::collection::vec(steps(), 1..24)) {
        let mut lab = Lab::new();
        for step in &steps {
            lab.take(step);
        }
        let (dir, mut partial) = (lab.dir, lab.partial.take().unwrap());
        let size = lab.plan.size.unwrap_or(9 * G / 2);
        let wanted = content(size, 40);
        for (index, bytes) in (0..).zip(wanted.chunks(GROUP)) {
            partial.put_group(index, bytes).unwrap();
        }
        complete(partial, &lab.plan, &wanted, dir.path());
    }
}
