//! The bench of one big file, from set-up to exit code.
//!
//! In: options. Out: tables on stdout, the receipt, and whether all is well: the pipeline ran, landline ran if it is
//! built, and, when asked, kept to what is required. A rival that is missing or fails is told and no fault of ours.

use std::rc::Rc;

use anyhow::{Result, bail};

use crate::args::Options;
use crate::check::{self, Verdict};
use crate::contender::{Entry, Medium, State};
use crate::landline::calls::{self, Calls};
use crate::landline::{self, Build, Landline, Pair};
use crate::pipe::{self, Pipe};
use crate::receipt::{self, Facts};
use crate::rivals::Sshd;
use crate::rivals::nc::{self, Nc};
use crate::rivals::nginx::{self, Nginx};
use crate::rivals::rsync::{Cipher, Rsync};
use crate::rivals::scp::{self, Scp};
use crate::series::{self, Outcome, Row};
use crate::site::{self, Site};
use crate::{machine, out, table, tools};

/// Runs everything; `false` if something of ours is not as it must be.
pub(crate) fn run(options: &Options) -> Result<bool> {
    let load_before = machine::load();
    let site = Site::prepare(options.size, options.runs, options.dir.as_deref())?;
    let build = Build::find(&site, options.landline.as_deref())?;
    let pairs = Pairs::introduce(&site, &build);
    let sshd = Sshd::start(&site);

    let mut entries = vec![
        Entry::from_attempt(pipe::NAME, Medium::Memory, Pipe::new(&site, Medium::Memory)),
        Entry::from_attempt(pipe::DISK_NAME, Medium::Disk, Pipe::new(&site, Medium::Disk)),
    ];
    entries.extend(pairs.entries(&site));
    entries.push(Entry::from_attempt(nc::NAME, Medium::Memory, Nc::new(&site)));
    entries.push(Entry::from_attempt(nginx::NAME, Medium::Memory, Nginx::start(&site)));
    entries.extend(over_ssh(&site, &sshd));
    entries.retain(|entry| wanted(options, entry.name));

    let rows = series::run(&site, entries);
    let calls = pairs.calls(&site);
    let verdicts = check::judge(&rows);
    tell(options, load_before.as_deref(), &rows, &calls, &verdicts);

    let landline = match &build {
        Build::Present { version, .. } => version.clone(),
        Build::NotBuilt(why) => format!("not built: {why}"),
    };
    let file = match &options.json {
        Some(file) => file.clone(),
        None => site::target_dir()?.join("bench/files.json"),
    };
    let (size, runs, small) = (options.size, options.runs, options.small);
    let facts = Facts { size, runs, small, landline, load_before, rows: &rows, calls, verdicts: &verdicts };
    receipt::write(&file, &facts)?;
    out::say(&format!("receipt: {}", file.display()));
    Ok(all_well(options, &rows, &verdicts))
}

/// Only the calls; `false` never: there is no requirement on them yet.
pub(crate) fn run_calls(options: &Options) -> Result<bool> {
    let site = Site::prepare(1, options.runs, options.dir.as_deref())?;
    match Build::find(&site, options.landline.as_deref())? {
        Build::Present { binary, .. } => {
            let pair = Pair::introduce(&site, &binary, "landline", site.room("share")?)?;
            out::data(&table::render_calls(&calls::measure(&site, &pair)?));
            Ok(true)
        }
        Build::NotBuilt(why) => bail!("landline is not built: {why}"),
    }
}

/// landline's two pairs, or why there are none.
struct Pairs {
    memory: Result<Rc<Pair>, Why>,
    disk: Result<Rc<Pair>, Why>,
}

/// Why landline does not run.
#[derive(Clone)]
enum Why {
    NotBuilt(String),
    Failed(String),
}

impl Pairs {
    fn introduce(site: &Site, build: &Build) -> Pairs {
        let binary = match build {
            Build::Present { binary, .. } => binary,
            Build::NotBuilt(why) => {
                let why = Why::NotBuilt(format!("not built: {why}"));
                return Pairs { memory: Err(why.clone()), disk: Err(why) };
            }
        };
        let pair = |name, share: Result<_>| {
            let made = share.and_then(|share| Pair::introduce(site, binary, name, share));
            made.map(Rc::new).map_err(|error| Why::Failed(format!("{error:#}")))
        };
        Pairs {
            memory: pair("landline", site.room("landline-share")),
            disk: pair("landline-disk", site.disk_room("landline-share")),
        }
    }

    fn entries<'a>(&self, site: &'a Site) -> Vec<Entry<'a>> {
        let entry = |name, medium, pair: &Result<Rc<Pair>, Why>, make: &dyn Fn(Rc<Pair>) -> Result<Landline<'a>>| {
            let state = match pair.clone().map(make) {
                Ok(Ok(contender)) => State::Ready(Box::new(contender)),
                Ok(Err(error)) => State::Broken(format!("{error:#}")),
                Err(Why::NotBuilt(why)) => State::Absent(why),
                Err(Why::Failed(why)) => State::Broken(why),
            };
            Entry { name, medium, state }
        };
        let put = |pair| Ok(Landline::put(site, pair));
        vec![
            entry(landline::PUT_NAME, Medium::Memory, &self.memory, &put),
            entry(landline::GET_NAME, Medium::Memory, &self.memory, &|pair| Landline::get(site, pair)),
            entry(landline::DISK_NAME, Medium::Disk, &self.disk, &put),
        ]
    }

    fn calls(&self, site: &Site) -> Result<Calls, String> {
        match &self.memory {
            Ok(pair) => calls::measure(site, pair).map_err(|error| format!("{error:#}")),
            Err(Why::NotBuilt(why) | Why::Failed(why)) => Err(why.clone()),
        }
    }
}

/// All that share one server: if it does not start, each row says so.
fn over_ssh<'a>(site: &'a Site, sshd: &'a Result<Sshd>) -> Vec<Entry<'a>> {
    let up = || {
        sshd.as_ref().map_err(|error| match error.downcast_ref::<tools::Missing>() {
            Some(missing) => tools::Missing(missing.0).into(),
            None => anyhow::anyhow!("{error:#}"),
        })
    };
    let rsync = |cipher: Cipher| {
        let made = up().and_then(|sshd| Rsync::new(site, sshd, cipher));
        Entry::from_attempt(cipher.name(), Medium::Memory, made)
    };
    vec![
        Entry::from_attempt(scp::NAME, Medium::Memory, up().and_then(|sshd| Scp::new(site, sshd))),
        rsync(Cipher::Default),
        rsync(Cipher::Aes128Gcm),
    ]
}

fn wanted(options: &Options, name: &str) -> bool {
    let chosen = |word: &String| name.contains(word.as_str());
    options.only.is_empty() || name == pipe::NAME || options.only.iter().any(chosen)
}

fn tell(options: &Options, load: Option<&str>, rows: &[Row], calls: &Result<Calls, String>, verdicts: &[Verdict]) {
    let (mebibytes, runs) = (options.size >> 20, options.runs);
    out::data(&format!("one file of {mebibytes} MiB in memory, {runs} runs, in turns; compare within this table only"));
    if options.small {
        out::data("small: start-up outweighs the bytes, so these figures only show that everything works");
    }
    if let Some(load) = load {
        out::data(&format!("load of the machine before the first run: {load}"));
    }
    out::data(&table::render(rows, Medium::Memory));
    out::data("the same onto a disk, durable before it is acknowledged");
    out::data(&table::render(rows, Medium::Disk));
    match calls {
        Ok(calls) => out::data(&table::render_calls(calls)),
        Err(why) => out::data(&format!("calls: not measured: {why}")),
    }
    if options.check {
        for verdict in verdicts {
            out::data(&format!("{} {}", if verdict.kept { "kept  " } else { "MISSED" }, verdict.what));
        }
    }
}

fn all_well(options: &Options, rows: &[Row], verdicts: &[Verdict]) -> bool {
    let ours = |row: &&Row| row.name.starts_with("landline") || row.name.starts_with(pipe::NAME);
    let failed = rows.iter().filter(ours).any(|row| matches!(row.outcome, Outcome::Failed(_)));
    !failed && (!options.check || verdicts.iter().all(|verdict| verdict.kept))
}
