//! Text: a job as the bytes of its file.
//!
//! In: a job; or bytes. Out: the bytes; or the job, or only what its first line says.
//! The first line is JSON and says all but the pairs, how many there are and how many bytes they take; then each pair is a
//! line of JSON, `["from","to"]`. So a summary reads one line, and a file that was cut short is seen by its length.
//! Invariant: what is rendered is parsed as the same job.

use std::io::{BufRead, BufReader, Read};

use landline_wire::WireName;
use serde::{Deserialize, Serialize};

use super::{Job, JobKind, JobSummary, MAX_HEAD_BYTES, MAX_JOB_BYTES, MAX_PAIRS};
use crate::StoreError;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    at: i64,
    kind: JobKind,
    machine: String,
    /// How many follow.
    pairs: usize,
    /// How many bytes they take.
    bytes: usize,
    options: serde_json::Value,
}

pub(super) fn render(job: &Job) -> Result<Vec<u8>, StoreError> {
    let too_large = |what, size, limit| Err(StoreError::TooLarge { what, size, limit });
    if job.pairs.len() > MAX_PAIRS {
        return too_large("the list of a job's files", job.pairs.len(), MAX_PAIRS);
    }
    let unfit = |_| StoreError::Unfit { what: "a job", why: "its options are nested too deeply" };
    let mut body = Vec::new();
    for (from, to) in &job.pairs {
        serde_json::to_writer(&mut body, &(WireName(from.clone()), WireName(to.clone()))).map_err(unfit)?;
        body.push(b'\n');
        // Within the loop, so that what is too large is not first gathered.
        if body.len() > MAX_JOB_BYTES {
            return too_large("a job, in bytes,", body.len(), MAX_JOB_BYTES);
        }
    }
    let head = Head {
        at: job.at,
        kind: job.kind,
        machine: job.machine.clone(),
        pairs: job.pairs.len(),
        bytes: body.len(),
        options: job.options.clone(),
    };
    let mut text = serde_json::to_vec(&head).map_err(unfit)?;
    if text.len() >= MAX_HEAD_BYTES {
        return too_large("the options of a job, in bytes,", text.len(), MAX_HEAD_BYTES);
    }
    // A reader of JSON goes less deep than a writer.
    serde_json::from_slice::<Head>(&text).map_err(unfit)?;
    text.push(b'\n');
    let size = text.len() + body.len();
    if size > MAX_JOB_BYTES {
        return too_large("a job, in bytes,", size, MAX_JOB_BYTES);
    }
    text.append(&mut body);
    Ok(text)
}

/// The job in a file's bytes, if they are a whole one.
pub(super) fn parse(id: u32, bytes: &[u8]) -> Option<Job> {
    let head_len = bytes.iter().take(MAX_HEAD_BYTES).position(|byte| *byte == b'\n')?;
    let head: Head = serde_json::from_slice(bytes.get(..head_len)?).ok()?;
    let body = bytes.get(head_len + 1..)?;
    if body.len() != head.bytes || head.pairs > MAX_PAIRS {
        return None;
    }
    let mut pairs = Vec::new();
    for line in body.split_inclusive(|byte| *byte == b'\n') {
        if pairs.len() == head.pairs {
            return None;
        }
        let (from, to): (WireName, WireName) = serde_json::from_slice(line.strip_suffix(b"\n")?).ok()?;
        pairs.push((from.0, to.0));
    }
    let Head { at, kind, machine, options, .. } = head;
    (pairs.len() == head.pairs).then_some(Job { id, at, kind, machine, pairs, options })
}

/// What the first line of a job's file of `size` bytes says, if the rest is as long as it says.
pub(super) fn summary(id: u32, file: impl Read, size: usize) -> Option<JobSummary> {
    let most = u64::try_from(MAX_HEAD_BYTES).ok()?;
    let mut line = Vec::new();
    BufReader::new(file.take(most)).read_until(b'\n', &mut line).ok()?;
    let head: Head = serde_json::from_slice(line.strip_suffix(b"\n")?).ok()?;
    let is_whole = line.len().checked_add(head.bytes) == Some(size) && head.pairs <= MAX_PAIRS;
    let Head { at, kind, machine, pairs, options, .. } = head;
    is_whole.then_some(JobSummary { id, at, kind, machine, pairs, options })
}
