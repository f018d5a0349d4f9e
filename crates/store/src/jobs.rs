//! Jobs: what did not arrive and can be tried again, by a number that a person can type.
//!
//! In: a job without a number. Out: its number; the job again; summaries of all.
//! One file a job in `jobs` of the home, named by its number. Every call blocks, [`Jobs::save`] and [`Jobs::load`] for as
//! long as 64 MiB take: for threads that may do so. A job may be lost to a power cut; it is never half a job.
//! Knows nothing of what the options mean.
//! Invariants: two jobs never have the same number, whoever saves them at once; a number is not used again soon after it
//! became free, since it may still stand on somebody's screen.

mod text;

use std::io::Write;

use crate::folder::Folder;
use crate::{Home, StoreError};

/// Most jobs kept; the oldest go. What a person would still want to try again is among the last few.
const MAX_JOBS: usize = 100;
/// The largest number: four digits are quickly typed. After it, numbers begin again at 1.
const MAX_ID: u32 = 9999;
/// Most pairs of a job. With more, the whole is better tried again than its list.
const MAX_PAIRS: usize = 1_000_000;
/// Most bytes of a job's file, 64 MiB: what [`MAX_PAIRS`] pairs of usual names take.
const MAX_JOB_BYTES: usize = 64 * 1024 * 1024;
/// Most bytes of a job's first line: all but its pairs.
const MAX_HEAD_BYTES: usize = 1024 * 1024;
/// The file that holds the number given last.
const LAST: &str = "last";
/// Most bytes of that file: a number and a line end, and room to see that there is more.
const MAX_LAST_BYTES: usize = 16;

/// Which way the files of a job go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum JobKind {
    /// To the other machine.
    Put,
    /// From the other machine.
    Get,
}

/// Transfers that can be tried again together.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    /// Its number, from 1; 0 before it is saved.
    pub id: u32,
    /// When it was first tried, in seconds since 1970.
    pub at: i64,
    /// Which way.
    pub kind: JobKind,
    /// The other machine, as it was named.
    pub machine: String,
    /// From where to where, raw bytes.
    pub pairs: Vec<(Vec<u8>, Vec<u8>)>,
    /// How: whatever the caller needs to do it the same way again.
    pub options: serde_json::Value,
}

/// A job without its pairs.
#[derive(Debug, Clone, PartialEq)]
pub struct JobSummary {
    /// Its number.
    pub id: u32,
    /// When it was first tried, in seconds since 1970.
    pub at: i64,
    /// Which way.
    pub kind: JobKind,
    /// The other machine, as it was named.
    pub machine: String,
    /// How many pairs it has.
    pub pairs: usize,
    /// How.
    pub options: serde_json::Value,
}

/// The jobs of a home. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Jobs {
    folder: Folder,
}

impl Jobs {
    /// Opens the jobs of a home, making their folder at first use. Blocks.
    ///
    /// # Errors
    /// [`StoreError::NotYours`] if somebody else owns the folder, [`StoreError::Io`].
    pub fn open(home: &Home) -> Result<Self, StoreError> {
        let folder = Folder::inside(home, "jobs");
        // A job's draft has no name yet.
        folder.prepare(|file| matches!(file, "" | LAST))?;
        Ok(Self { folder })
    }

    /// Keeps a job, whose own `id` does not count, and answers with its number. Blocks.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`] if it has more than 1,000,000 pairs or takes more than 64 MiB,
    /// [`StoreError::Unfit`] if its options are nested too deeply to be read again, [`StoreError::Io`].
    pub fn save(&self, job: &Job) -> Result<u32, StoreError> {
        let text = text::render(job)?;
        let last = self.last()?;
        let ids = (last.saturating_add(1)..=MAX_ID).chain(1..=last.min(MAX_ID));
        let added = self.folder.add(ids.map(|id| id.to_string()), |file| file.write_all(&text))?;
        let Some(name) = added else {
            return Err(StoreError::Unfit { what: "a job", why: "every number is taken" });
        };
        // Two processes may write this in the wrong order, or it may fail: a number is then used again a little sooner.
        if let Err(error) = self.folder.replace(LAST, name.as_bytes()) {
            tracing::debug!(%error, "the number of the last job was not noted");
        }
        self.folder.thin(MAX_JOBS, &name, |name| id_of(name).is_some())?;
        Ok(id_of(&name).unwrap_or_default())
    }

    /// The job of this number; `None` if there is none, or its file is not a whole job. Blocks.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn load(&self, id: u32) -> Result<Option<Job>, StoreError> {
        let Some(bytes) = self.folder.read(&id.to_string(), MAX_JOB_BYTES)? else { return Ok(None) };
        let job = text::parse(id, &bytes);
        if job.is_none() {
            tracing::debug!(id, "the file is not a whole job");
        }
        Ok(job)
    }

    /// All jobs in short, by number. Blocks.
    ///
    /// # Errors
    /// [`StoreError::Io`] if the folder cannot be listed; what is not a job is passed over.
    pub fn list(&self) -> Result<Vec<JobSummary>, StoreError> {
        let names = self.folder.list(|name| id_of(name).is_some())?;
        // A little above the limit, since it is thinned only after saving.
        let ids = names.iter().filter_map(|name| id_of(name)).take(2 * MAX_JOBS);
        let mut jobs: Vec<JobSummary> = ids.filter_map(|id| self.summary(id)).collect();
        jobs.sort_by_key(|job| job.id);
        Ok(jobs)
    }

    fn summary(&self, id: u32) -> Option<JobSummary> {
        match self.folder.open_file(&id.to_string(), MAX_JOB_BYTES) {
            Ok(file) => file.and_then(|(file, size)| text::summary(id, file, size)),
            Err(error) => {
                tracing::debug!(%error, "a job cannot be read");
                None
            }
        }
    }

    /// Removes a job. False: there was none. Blocks.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn remove(&self, id: u32) -> Result<bool, StoreError> {
        self.folder.remove(&id.to_string())
    }

    /// The number given last; where that was lost, the largest in use; 0 if there is none.
    fn last(&self) -> Result<u32, StoreError> {
        let noted = self.folder.read(LAST, MAX_LAST_BYTES)?;
        let noted = noted.and_then(|bytes| String::from_utf8(bytes).ok()).and_then(|text| id_of(&text));
        if let Some(id) = noted {
            return Ok(id);
        }
        let names = self.folder.list(|name| id_of(name).is_some())?;
        Ok(names.iter().filter_map(|name| id_of(name)).max().unwrap_or_default())
    }
}

/// The number that a file's name is, in the one spelling that we write.
fn id_of(name: &str) -> Option<u32> {
    let id = name.parse().ok().filter(|id| (1..=MAX_ID).contains(id))?;
    (id.to_string() == name).then_some(id)
}

#[cfg(test)]
mod tests;
