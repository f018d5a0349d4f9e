//! `put` and `get`, from the command's side.

use std::{fs, sync::Arc};

use landline_addr::path::SharePath;
use landline_net::CallError;
use landline_wire::Fault;

use super::{
    Files, FilesError, GetJob, MAX_LISTED, Placing, PutJob,
    job::{Landing, Source},
    wire,
};
use crate::files::{
    copy::{
        receive,
        send::{self, Load, Planned, Root},
    },
    engine::LocalEngine,
    filter::Filter,
    msg::Request,
    tree::{Entry, Kind},
    watch::{Outcome, Phase, Summary, Watch},
};

impl Files {
    /// Sends local files and folders; what became of each goes to `watch`. A source that isn't there stops the job
    /// before anything is sent, everything later is reported and the rest goes on.
    ///
    /// # Errors
    /// [`FilesError`] where the job as a whole can't go on; what was kept until then is kept.
    pub async fn put(&mut self, job: &PutJob, watch: &Watch) -> Result<Summary, FilesError> {
        let sources = job.sources.iter().map(|path| Source::find(path)).collect::<Result<Vec<_>, _>>()?;
        let inside = match job.placing {
            Placing::Inside => true,
            Placing::Auto if sources.len() > 1 || job.target.is_root() => true,
            Placing::Auto => self.look(&job.target).await?.is_some_and(|there| there.kind == Kind::Dir),
        };
        let placed = sources.into_iter().map(|source| source.place(&job.target, inside));
        let roots = placed.collect::<Result<Vec<_>, _>>()?;
        if job.dry_run {
            let (filter, told) = (job.filter.clone(), watch.clone());
            // A panic in it has told what it could; there is nothing to undo.
            drop(tokio::task::spawn_blocking(move || plan_put(&roots, &filter, &told)).await);
            return Ok(watch.summary());
        }
        let (_, writer) = self.call.halves();
        writer.queue(&Request::Put {})?;
        let load = Load { roots, filter: job.filter.clone(), totals: job.totals };
        send::run(self.call.halves(), load, watch).await?;
        Ok(watch.summary())
    }

    /// Fetches files and folders of the share; what became of each goes to `watch`. A source that can't be begun is
    /// reported as failed and the others are fetched.
    ///
    /// # Errors
    /// [`FilesError`] where the job as a whole can't go on; what was kept until then is kept.
    pub async fn get(&mut self, job: &GetJob, watch: &Watch) -> Result<Summary, FilesError> {
        let inside = match job.placing {
            Placing::Inside => {
                if !job.dry_run {
                    let failed = |source| FilesError::Path { path: job.target.clone(), source };
                    fs::create_dir_all(&job.target).map_err(failed)?;
                }
                true
            }
            Placing::Auto => job.target.is_dir() || job.sources.len() > 1,
        };
        for source in &job.sources {
            let outcome = if job.dry_run {
                self.plan_get(source, job, watch).await
            } else {
                self.get_one(source, job, inside, watch).await
            };
            match outcome {
                Ok(()) => {}
                // A fault without words that answers the first request answers the opening: the call itself is refused.
                Err(FilesError::Call(CallError::Fault(fault))) if fault != Fault::stranger() => {
                    watch.came_to(Outcome::Failed { path: source.as_bytes().to_vec(), fault });
                }
                Err(other) => return Err(other),
            }
        }
        watch.enter(Phase::Done);
        Ok(watch.summary())
    }

    async fn get_one(
        &mut self,
        source: &SharePath,
        job: &GetJob,
        inside: bool,
        watch: &Watch,
    ) -> Result<(), FilesError> {
        let landing = if inside { Landing::inside(&job.target, source)? } else { Landing::exact(&job.target)? };
        let exclude = job.filter.patterns().to_vec();
        self.call.send(&Request::Get { path: wire(source), exclude, totals: job.totals }).await?;
        let engine = Arc::new(LocalEngine::new(landing.tree));
        let to = receive::Destination { engine, base: landing.base, judge: Box::new(|_| Ok(())) };
        Ok(receive::run(self.call.halves(), to, watch).await?)
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
            self.plan_one(source, path, &entry, &job.filter, &mut rest, watch).await?;
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
            Kind::Dir => {
                for below in self.list(&path).await?.into_iter().rev() {
                    let name = landline_addr::path::FileName::parse(&below.name);
                    match name.and_then(|name| path.join(&name)) {
                        Ok(path) => rest.push((path, below)),
                        Err(why) => watch.came_to(Outcome::Skipped { path: below.name, why: why.to_string() }),
                    }
                }
            }
            kind @ (Kind::Link | Kind::Other) => {
                watch.came_to(Outcome::Skipped { path: bytes.to_vec(), why: format!("{kind} is not copied") });
            }
        }
        Ok(())
    }
}

fn plan_put(roots: &[Root], filter: &Filter, watch: &Watch) {
    send::plan(roots, filter, |planned| match planned {
        Planned::File { to, size } => watch.came_to(Outcome::Planned { path: to.as_bytes().to_vec(), size }),
        Planned::Skip { from, fault } => {
            let Fault { text, .. } = fault;
            watch.came_to(Outcome::Skipped { path: from, why: text.into_owned() });
        }
    });
    watch.enter(Phase::Done);
}
