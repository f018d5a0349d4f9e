//! `put` and `get`, from the command's side.

use std::{fs, path::Path, sync::Arc};

use landline_addr::path::SharePath;
use landline_net::CallError;
use landline_wire::Fault;

use super::{
    Files, FilesError, GetJob, MAX_LISTED, Placing, PutJob,
    job::{CopyOptions, Landing, Source},
    lanes::Steering,
    wire,
};
use crate::files::{
    copy::{
        receive,
        send::{self, Load, Planned, Root, Sent},
    },
    engine::LocalEngine,
    filter::Filter,
    msg::{Request, existing_msg},
    streams::{Lanes, StreamId},
    tree::{Entry, Kind},
    watch::{Outcome, Phase, Summary, Watch},
};

/// Sources of one copy stream, where each holds its folder open.
const MOST_ROOTS: usize = 128;

impl Files {
    /// Sends local files and folders; what became of each goes to `watch`. A source that isn't there stops the job
    /// before anything is sent, everything later is reported and the rest goes on. A line that is cut is dialled again.
    ///
    /// # Errors
    /// [`FilesError`] where the job as a whole can't go on; what was kept until then is kept.
    pub async fn put(&mut self, job: &PutJob, watch: &Watch) -> Result<Summary, FilesError> {
        watch.over(self.call.line());
        let sources = job.sources.iter().map(|path| Source::find(path)).collect::<Result<Vec<_>, _>>()?;
        let inside = match job.placing {
            Placing::Inside => true,
            Placing::Auto if sources.len() > 1 || job.target.is_root() => true,
            Placing::Auto => match sources.as_slice() {
                [one] if one.is_file() && !job.options.dry_run => return self.put_file(one, job, watch).await,
                _ => self.look(&job.target).await?.is_some_and(|there| there.kind == Kind::Dir),
            },
        };
        let mut roots = Vec::with_capacity(sources.len());
        for source in sources {
            let real = source.real.as_os_str().as_encoded_bytes().to_vec();
            let root = source.place(&job.target, inside)?;
            self.pairs.add(real, root.to.as_bytes(), "");
            roots.push(root);
        }
        self.put_roots(roots, false, &job.options, watch).await?;
        Ok(watch.summary())
    }

    /// Sends one file. The target is taken for its new name, and only if a directory has that name the file goes inside: to
    /// ask first would cost every copy a round trip.
    async fn put_file(&mut self, source: &Source, job: &PutJob, watch: &Watch) -> Result<Summary, FilesError> {
        let real = source.real.as_os_str().as_encoded_bytes();
        for (inside, looks) in [(Some(false), true), (Some(true), true), (None, false)] {
            let inside = match inside {
                Some(inside) => inside,
                // Neither went: whatever is there is asked for only now, so that the right one is told.
                None => self.look(&job.target).await?.is_some_and(|there| there.kind == Kind::Dir),
            };
            let root = source.clone().place(&job.target, inside)?;
            watch.counts_again();
            self.pairs.add(real, root.to.as_bytes(), "");
            if self.put_roots(vec![root], looks, &job.options, watch).await? == Sent::Told {
                break;
            }
        }
        Ok(watch.summary())
    }

    /// Sends local files, each to its own place in the share.
    ///
    /// # Errors
    /// As [`Self::put`].
    pub async fn put_pairs(
        &mut self,
        pairs: &[(std::path::PathBuf, SharePath)],
        options: &CopyOptions,
        watch: &Watch,
    ) -> Result<Summary, FilesError> {
        watch.over(self.call.line());
        for part in pairs.chunks(MOST_ROOTS) {
            let mut roots = Vec::with_capacity(part.len());
            for (from, to) in part {
                self.pairs.add(from.as_os_str().as_encoded_bytes(), to.as_bytes(), "");
                match Source::find_again(from) {
                    Ok(source) => roots.push(source.place(to, false)?),
                    Err(fault) => {
                        let fault = Fault::new(landline_wire::ErrorCode::NotFound, fault.to_string());
                        watch.came_to(Outcome::Failed { path: to.as_bytes().to_vec(), fault });
                    }
                }
            }
            self.put_roots(roots, false, options, watch).await?;
        }
        Ok(watch.summary())
    }

    async fn put_roots(
        &mut self,
        roots: Vec<Root>,
        looks: bool,
        options: &CopyOptions,
        watch: &Watch,
    ) -> Result<Sent, FilesError> {
        if options.dry_run {
            let (filter, told) = (options.filter.clone(), watch.clone());
            // A panic in it has told what it could; there is nothing to undo.
            drop(tokio::task::spawn_blocking(move || plan_put(&roots, &filter, &told)).await);
            return Ok(Sent::Told);
        }
        let stream = StreamId::fresh();
        watch.begins();
        loop {
            match self.put_once((&roots, looks), options, stream, watch).await {
                Ok(sent) => return Ok(sent),
                Err(fault) => self.dial_again(fault.into(), options, watch).await?,
            }
        }
    }

    async fn put_once(
        &mut self,
        (roots, looks): (&[Root], bool),
        options: &CopyOptions,
        stream: Option<StreamId>,
        watch: &Watch,
    ) -> Result<Sent, CallError> {
        let policy = &options.policy;
        let (existing, by_hash) = existing_msg(policy.existing);
        let if_match = policy.if_match.map(|hash| hash.to_hex().to_string());
        let (_, writer) = self.call.halves();
        writer.queue(&Request::Put { existing, backup: policy.backup, if_match, stream })?;
        let load = Load {
            roots: roots.to_vec(),
            filter: options.filter.clone(),
            totals: options.totals,
            by_hash,
            hard_links: options.hard_links,
            attributes: options.attributes,
            hashes: self.memory.hashes.clone(),
            rate: options.rate,
            press: options.press,
            looks,
        };
        let lanes = send::Lanes::default();
        let mut steering = self.steering(stream, options, Lanes::Away(lanes.clone()), watch);
        let outcome = tokio::select! {
            biased;
            outcome = send::run(self.call.halves(), load, &lanes, watch) => outcome,
            never = steering.run() => match never {},
        };
        steering.finish().await;
        outcome
    }

    fn steering(&self, stream: Option<StreamId>, options: &CopyOptions, lanes: Lanes, watch: &Watch) -> Steering {
        Steering::new(&self.route, stream, options.lanes, lanes, watch)
    }

    /// Fetches files and folders of the share; what became of each goes to `watch`. A source that can't be begun is
    /// reported as failed and the others are fetched. A line that is cut is dialled again.
    ///
    /// # Errors
    /// [`FilesError`] where the job as a whole can't go on; what was kept until then is kept.
    pub async fn get(&mut self, job: &GetJob, watch: &Watch) -> Result<Summary, FilesError> {
        watch.over(self.call.line());
        let inside = match job.placing {
            Placing::Inside => {
                if !job.options.dry_run {
                    let failed = |source| FilesError::Path { path: job.target.clone(), source };
                    fs::create_dir_all(&job.target).map_err(failed)?;
                }
                true
            }
            Placing::Auto => job.target.is_dir() || job.sources.len() > 1,
        };
        for source in &job.sources {
            if job.options.dry_run {
                let planned = self.plan_get(source, job, watch).await;
                self.or_report(source, planned, watch)?;
            } else {
                self.get_one(source, &job.target, inside, &job.options, watch).await?;
            }
        }
        watch.enter(Phase::Done);
        Ok(watch.summary())
    }

    /// Fetches files of the share, each to its own place on this machine.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub async fn get_pairs(
        &mut self,
        pairs: &[(SharePath, std::path::PathBuf)],
        options: &CopyOptions,
        watch: &Watch,
    ) -> Result<Summary, FilesError> {
        watch.over(self.call.line());
        for (from, to) in pairs {
            self.get_one(from, to, false, options, watch).await?;
        }
        watch.enter(Phase::Done);
        Ok(watch.summary())
    }

    /// One source, dialled again if the line is cut.
    async fn get_one(
        &mut self,
        source: &SharePath,
        target: &Path,
        inside: bool,
        options: &CopyOptions,
        watch: &Watch,
    ) -> Result<(), FilesError> {
        let stream = StreamId::fresh();
        watch.begins();
        loop {
            let got = self.get_once(source, (target, inside), options, stream, watch).await;
            match self.or_report(source, got, watch) {
                Ok(()) => return Ok(()),
                Err(fault) => self.dial_again(fault, options, watch).await?,
            }
        }
    }

    /// What one source came to is no end of the job.
    fn or_report(&self, source: &SharePath, outcome: Result<(), FilesError>, watch: &Watch) -> Result<(), FilesError> {
        match outcome {
            // A fault without words that answers the first request answers the opening: the call itself is refused.
            Err(FilesError::Call(CallError::Fault(fault))) if fault != Fault::stranger() => {
                watch.came_to(Outcome::Failed { path: source.as_bytes().to_vec(), fault });
                Ok(())
            }
            other => other,
        }
    }

    async fn get_once(
        &mut self,
        source: &SharePath,
        (target, inside): (&Path, bool),
        options: &CopyOptions,
        stream: Option<StreamId>,
        watch: &Watch,
    ) -> Result<(), FilesError> {
        let landing = if inside { Landing::inside(target, source)? } else { Landing::exact(target)? };
        let (_, by_hash) = existing_msg(options.policy.existing);
        let request = Request::Get {
            path: wire(source),
            exclude: options.filter.patterns().to_vec(),
            totals: options.totals,
            by_hash,
            hard_links: options.hard_links,
            attributes: options.attributes,
            rate: options.rate,
            press: options.press.into(),
            stream,
        };
        self.pairs.add(source.as_bytes(), landing.base.as_bytes(), landing.dir.as_os_str().as_encoded_bytes());
        self.call.send(&request).await?;
        let mut engine = LocalEngine::new(landing.tree);
        if let Some(index) = &self.memory.index {
            engine = engine.with_index(Arc::clone(index));
        }
        let to = receive::Destination {
            engine: Arc::new(engine),
            base: landing.base,
            judge: Box::new(|_, _| Ok(())),
            owner: self.owner(),
            policy: options.policy,
        };
        let lanes = receive::Lanes::default();
        let mut steering = self.steering(stream, options, Lanes::Here(lanes.clone()), watch);
        let outcome = tokio::select! {
            biased;
            outcome = receive::run(self.call.halves(), to, &lanes, watch) => outcome,
            never = steering.run() => match never {},
        };
        steering.finish().await;
        Ok(outcome?)
    }

    /// Walks the other machine's tree by listing it.
    async fn plan_get(&mut self, source: &SharePath, job: &GetJob, watch: &Watch) -> Result<(), FilesError> {
        let top = self.stat(source, false).await?.entry;
        let mut rest = vec![(source.clone(), top)];
        let mut seen = 0;
        while let Some((path, entry)) = rest.pop() {
            seen += 1;
            if seen + rest.len() > MAX_LISTED {
                return Err(FilesError::Endless);
            }
            self.plan_one(source, path, &entry, &job.options.filter, &mut rest, watch).await?;
        }
        Ok(())
    }

    async fn plan_one(
        &mut self,
        top: &SharePath,
        path: SharePath,
        entry: &Entry,
        filter: &Filter,
        rest: &mut Vec<(SharePath, Entry)>,
        watch: &Watch,
    ) -> Result<(), FilesError> {
        let bytes = path.as_bytes();
        let relative = bytes.get(top.as_bytes().len()..).unwrap_or(bytes);
        let relative = relative.strip_prefix(b"/").unwrap_or(relative);
        if !relative.is_empty() && filter.excludes(relative) {
            return Ok(());
        }
        match entry.kind {
            Kind::File => watch.came_to(Outcome::Planned { path: bytes.to_vec(), size: entry.size }),
            Kind::Link => watch.came_to(Outcome::Planned { path: bytes.to_vec(), size: 0 }),
            Kind::Dir => {
                for below in self.list(&path).await?.into_iter().rev() {
                    let name = landline_addr::path::FileName::parse(&below.name);
                    match name.and_then(|name| path.join(&name)) {
                        Ok(path) => rest.push((path, below)),
                        Err(why) => watch.came_to(Outcome::Skipped { path: below.name, why: why.to_string() }),
                    }
                }
            }
            kind @ Kind::Other => {
                watch.came_to(Outcome::Skipped { path: bytes.to_vec(), why: format!("{kind} is not copied") });
            }
        }
        Ok(())
    }
}

fn plan_put(roots: &[Root], filter: &Filter, watch: &Watch) {
    send::plan(roots, filter, |planned| match planned {
        Planned::File { to, size } => watch.came_to(Outcome::Planned { path: to.as_bytes().to_vec(), size }),
        Planned::Skip { to, fault } => {
            let Fault { text, .. } = fault;
            watch.came_to(Outcome::Skipped { path: to, why: text.into_owned() });
        }
    });
    watch.enter(Phase::Done);
}
