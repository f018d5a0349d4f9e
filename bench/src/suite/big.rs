//! One big file: landline beside the bare pipeline and the tools people use today, in memory and onto a disk.

use anyhow::Result;

use super::{Report, landline_rows, ours_failed, retain_wanted, shared};
use crate::args::Options;
use crate::contender::{Entry, Medium, boxed};
use crate::landline::{self, Build, Landline, calls};
use crate::load::Plan;
use crate::pipe::{self, Pipe};
use crate::relay::Line;
use crate::rivals::Sshd;
use crate::rivals::nc::{self, Nc};
use crate::rivals::nginx::{self, Nginx};
use crate::rivals::rsync::{self, Over, Rsync};
use crate::rivals::scp::{self, Scp};
use crate::series::{self, Copy, Measured, Row};
use crate::site::Site;
use crate::{check, receipt, table};

const HEADINGS: [&str; 6] =
    ["GB/s (min-max)", "x pipe", "x nc", "x scp", "CPU s/GB (client + server)", "peak MiB client / server"];

/// See the module.
pub(super) fn run(options: &Options) -> Result<Report> {
    let site = Site::prepare(Plan::File(options.size), 1, options.runs, options.dir.as_deref())?;
    let build = Build::find(&site, options.landline.as_deref())?;
    let memory = build.pair(&site, "landline", site.share.clone(), Line::Direct);
    let disk = site.disk_room("share").and_then(|share| build.pair(&site, "landline-disk", share, Line::Direct));
    let sshd = Sshd::start(&site, Line::Direct);

    let mut entries = vec![
        Entry::in_memory(pipe::NAME, Pipe::new(&site, Medium::Memory, Line::Direct).map(boxed)),
        Entry::new(pipe::DISK_NAME, Medium::Disk, Pipe::new(&site, Medium::Disk, Line::Direct).map(boxed)),
    ];
    entries.extend(landline_rows(&site, &memory));
    let onto_disk = shared(&disk).map(|pair| boxed(Landline::put(&site, pair.clone())));
    entries.push(Entry::new(landline::DISK_NAME, Medium::Disk, onto_disk));
    entries.push(Entry::in_memory(nc::NAME, Nc::new(&site).map(boxed)));
    entries.push(Entry::in_memory(nginx::NAME, Nginx::start(&site).map(boxed)));
    let over_ssh = |over: fn(_) -> _| shared(&sshd).and_then(|sshd| Rsync::new(&site, over(sshd)).map(boxed));
    let scp = shared(&sshd).and_then(|sshd| Scp::new(&site, sshd).map(boxed));
    entries.push(Entry::in_memory(scp::NAME, scp));
    entries.push(Entry::in_memory(rsync::SSH_NAME, over_ssh(Over::Ssh)));
    entries.push(Entry::in_memory(rsync::SSH_AES_NAME, over_ssh(Over::SshAes)));
    retain_wanted(&mut entries, options, pipe::NAME);

    let rows = series::transfers(&site, entries, Copy::Goes);
    let calls = shared(&memory).and_then(|pair| calls::measure(&site, pair));
    let verdicts = check::big(&rows);
    let mut text = format!("one file of {} MiB in memory; {} runs, in turns\n", options.size >> 20, options.runs);
    text.push_str(&render(&rows, Medium::Memory));
    if rows.iter().any(|row| row.medium == Medium::Disk) {
        text.push_str("\nthe same onto a disk, durable before it is acknowledged\n");
        text.push_str(&render(&rows, Medium::Disk));
    }
    text.push('\n');
    text.push_str(&match &calls {
        Ok(calls) => table::render_calls(calls),
        Err(why) => format!("calls: not measured: {why:#}"),
    });
    let mut value = receipt::series(&site, &rows, &verdicts);
    value["calls"] = receipt::calls(&calls);
    Ok(Report { text, value, failed: ours_failed(&rows), verdicts })
}

/// The rows of `medium`; ratios to the pipeline of the same medium, and to nc and scp (which run in memory only).
fn render(rows: &[Row], medium: Medium) -> String {
    let rate = |name: &str| rows.iter().find(|row| row.name == name)?.measured().map(|found| found.rate.median);
    let (pipe, nc, scp) = match medium {
        Medium::Memory => (rate(pipe::NAME), rate(nc::NAME), rate(scp::NAME)),
        Medium::Disk => (rate(pipe::DISK_NAME), None, None),
    };
    let shown = rows.iter().filter(|row| row.medium == medium);
    table::render(&HEADINGS, shown, |found: &Measured| {
        let (rate, client, server) = (found.rate, found.client_cpu / found.units, found.server_cpu / found.units);
        vec![
            table::spread(rate, 3),
            table::ratio(rate.median, pipe),
            table::ratio(rate.median, nc),
            table::ratio(rate.median, scp),
            format!("{:.2} ({client:.2} + {server:.2})", found.cpu()),
            table::peaks(found.client_peak, found.server_peak),
        ]
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::{Sample, Usage};
    use crate::series::Outcome;

    fn row(name: &'static str, seconds: f64) -> Row {
        let usage = Usage { cpu_seconds: 1.0, peak: (5 << 20) + 1 };
        let samples = vec![Sample { seconds, client: usage, server: usage, wire: None }];
        let outcome = Outcome::Measured(Measured::of(2.0, samples).unwrap());
        Row { name, security: "none", medium: Medium::Memory, outcome }
    }

    #[test]
    fn shows_rates_and_ratios_within_the_run() {
        let text = render(&[row(pipe::NAME, 2.0), row(scp::NAME, 8.0), row("x", 4.0)], Medium::Memory);
        let line = text.lines().find(|line| line.starts_with("x ")).unwrap();
        let cells: Vec<&str> = line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect();
        assert_eq!(cells, ["x", "0.500 (0.500-0.500)", "0.50", "-", "2.00", "1.00 (0.50 + 0.50)", "6 / 6", "none"]);
    }
}
