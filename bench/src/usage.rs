//! What a process used: CPU seconds and peak memory, read from `/proc`.
//!
//! In: a pid. Out: figures of that process or of the tree below it. A process that has just vanished counts as nothing.
//! Why not `wait4`: no safe library offers its resource usage, and it could not tell anything of a server that stays. An
//! unreaped child keeps its CPU times in `stat`; peak memory is gone by then and is sampled while it lives (`measure`).
//! Source: proc_pid_stat(5), proc_pid_status(5), proc_pid_clear_refs(5).

use std::fs;

use rustix::process::Pid;

/// `USER_HZ`: the unit of times in `/proc/PID/stat`, 100 a second on every Linux architecture that Rust runs on.
const TICKS_PER_SECOND: f64 = 100.0;

/// When a process started, in ticks since boot: with the pid, it names one process and no later one.
pub(crate) type Started = u64;

/// The fields of `/proc/PID/stat` that matter here.
struct Stat {
    state: char,
    /// Own and reaped children's user and system time.
    ticks: u64,
    /// Of those, the reaped children's.
    reaped: u64,
    started: Started,
}

/// CPU seconds of `pid`, its reaped children included; kept by a child that has ended until it is reaped.
pub(crate) fn cpu_seconds(pid: Pid) -> f64 {
    stat(pid).map_or(0.0, |stat| stat.ticks as f64 / TICKS_PER_SECOND)
}

/// CPU seconds of `root` and every process below it, living or reaped.
pub(crate) fn cpu_seconds_of_tree(root: Pid) -> f64 {
    tree(root).into_iter().map(cpu_seconds).sum()
}

/// The same in nanoseconds where the kernel tells them (`schedstat`), for spans of time in which a tick is much: the threads of
/// every living process of the tree, and the ticks of the reaped.
pub(crate) fn fine_cpu_seconds_of_tree(root: Pid) -> f64 {
    let fine = |pid: Pid| Some(living_seconds(pid)? + stat(pid)?.reaped as f64 / TICKS_PER_SECOND);
    tree(root).into_iter().map(|pid| fine(pid).unwrap_or_else(|| cpu_seconds(pid))).sum()
}

/// Source: proc_pid_schedstat in the kernel's Documentation/scheduler/sched-stats.rst: the first field.
fn living_seconds(pid: Pid) -> Option<f64> {
    let threads = fs::read_dir(format!("/proc/{}/task", pid.as_raw_nonzero())).ok()?;
    let nanos = |thread: fs::DirEntry| {
        let line = fs::read_to_string(thread.path().join("schedstat")).ok()?;
        line.split_whitespace().next()?.parse::<u64>().ok()
    };
    let each: Vec<u64> = threads.flatten().filter_map(nanos).collect();
    (!each.is_empty()).then(|| each.iter().sum::<u64>() as f64 / 1e9)
}

/// When `pid` started; `None` if there is no such process.
pub(crate) fn started(pid: Pid) -> Option<Started> {
    stat(pid).map(|stat| stat.started)
}

/// Whether `pid` is still that process and has not ended (an unreaped child has).
pub(crate) fn lives(pid: Pid, started: Started) -> bool {
    stat(pid).is_some_and(|stat| stat.started == started && !matches!(stat.state, 'Z' | 'X'))
}

/// The largest memory a process has held since its start or the last `reset_peak`, in bytes.
pub(crate) fn peak_bytes(pid: Pid) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", pid.as_raw_nonzero())).unwrap_or_default();
    parse_bytes(&status, "VmHWM:").unwrap_or(0)
}

/// The largest peak among the processes of the tree below `root`, in bytes.
pub(crate) fn peak_bytes_of_tree(root: Pid) -> u64 {
    tree(root).into_iter().map(peak_bytes).max().unwrap_or(0)
}

/// The memory that the processes of the tree below `root` hold now (`VmRSS`), in bytes.
pub(crate) fn resident_bytes_of_tree(root: Pid) -> u64 {
    let status = |pid: Pid| fs::read_to_string(format!("/proc/{}/status", pid.as_raw_nonzero())).unwrap_or_default();
    tree(root).into_iter().filter_map(|pid| parse_bytes(&status(pid), "VmRSS:")).sum()
}

/// Lets every process of a tree start over with its peak at what it holds now.
pub(crate) fn reset_peak_of_tree(root: Pid) {
    for pid in tree(root) {
        // Refused for a process of another user; its peak then covers its whole life, which is the safe side.
        let _ = fs::write(format!("/proc/{}/clear_refs", pid.as_raw_nonzero()), "5");
    }
}

/// `root` and every process below it, parents first.
pub(crate) fn tree(root: Pid) -> Vec<Pid> {
    let mut found = vec![root];
    let mut next = 0;
    while let Some(pid) = found.get(next).copied() {
        next += 1;
        found.extend(children(pid));
    }
    found
}

fn children(pid: Pid) -> Vec<Pid> {
    let Ok(threads) = fs::read_dir(format!("/proc/{}/task", pid.as_raw_nonzero())) else { return Vec::new() };
    threads
        .flatten()
        .filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok())
        .flat_map(|line| line.split_whitespace().filter_map(|word| word.parse().ok()).collect::<Vec<i32>>())
        .filter_map(Pid::from_raw)
        .collect()
}

fn stat(pid: Pid) -> Option<Stat> {
    parse_stat(&fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).ok()?)
}

/// The name in parentheses may hold anything, so fields are counted from the last closing one.
fn parse_stat(line: &str) -> Option<Stat> {
    let (_, rest) = line.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let number = |index: usize| fields.get(index)?.parse::<u64>().ok();
    // Counted from the state, field 3 of proc_pid_stat(5): utime 14, stime 15, cutime 16, cstime 17, starttime 22.
    Some(Stat {
        state: fields.first()?.chars().next()?,
        ticks: number(11)? + number(12)? + number(13)? + number(14)?,
        reaped: number(13)? + number(14)?,
        started: number(19)?,
    })
}

fn parse_bytes(status: &str, field: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_times_after_a_hostile_process_name() {
        let line = "7 (a) b) R 1 7 7 0 -1 4194304 100 0 0 0 250 50 7 3 20 0 1 0 987654 1 2 3";
        let stat = parse_stat(line).unwrap();
        assert_eq!((stat.state, stat.ticks, stat.reaped, stat.started), ('R', 310, 10, 987_654));
    }

    #[test]
    fn reads_memory_in_bytes() {
        assert_eq!(parse_bytes("Name:\tx\nVmPeak:\t 9 kB\nVmHWM:\t    2048 kB\n", "VmHWM:"), Some(2 << 20));
        assert_eq!(parse_bytes("Name:\tzombie\n", "VmHWM:"), None);
    }

    #[test]
    fn knows_this_process_and_the_children_below_it() {
        let me = rustix::process::getpid();
        assert!(peak_bytes(me) > 0);
        let mut child = std::process::Command::new("sleep").arg("600").spawn().unwrap();
        let pid = Pid::from_child(&child);
        let born = started(pid).unwrap();
        assert!(tree(me).contains(&pid));
        assert!(lives(pid, born));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!lives(pid, born));
    }
}
