//! The course of a bench, of files, of sockets or of users, from options to exit code: one series after the other, then the receipt.
//!
//! In: options. Out: tables on stdout, the receipt, and whether all is well: the yardsticks ran, landline ran if it is
//! built, and, when asked, kept to what is required. A rival that is missing or fails is told and no fault of ours.

use anyhow::{Context, Result};
use serde_json::Map;

use crate::args::Options;
use crate::landline::{Build, Pair, calls};
use crate::load::Plan;
use crate::receipt::{self, Facts};
use crate::relay::Line;
use crate::site::{self, Site};
use crate::{machine, out, table};

/// Runs the chosen series; `false` if something of ours is not as it must be.
pub(crate) fn run(options: &Options) -> Result<bool> {
    let load_before = machine::load();
    let landline = landline_version(options)?;
    if options.small {
        out::data("small: start-up outweighs the work, so these figures only show that everything works");
    }
    if let Some(load) = &load_before {
        out::data(&format!("load of the machine before the first run: {load}"));
    }
    out::data("compare within one table only\n");

    let (mut parts, mut all_well) = (Map::new(), true);
    for series in &options.series {
        let name = series.name();
        out::say(&format!("series {name}"));
        let report = series.run(options).with_context(|| format!("the series {name}"))?;
        out::data(&format!("{name}: {}", report.text.trim_end()));
        if options.check {
            for verdict in &report.verdicts {
                out::data(&format!("{} {}", if verdict.kept { "kept  " } else { "MISSED" }, verdict.what));
            }
        }
        out::data("");
        all_well &= !report.failed && (!options.check || report.verdicts.iter().all(|verdict| verdict.kept));
        parts.insert(name.to_owned(), report.value);
    }

    let file = match &options.json {
        Some(file) => file.clone(),
        None => site::target_dir()?.join(format!("bench/{}.json", options.bench.name())),
    };
    let facts = Facts { bench: options.bench, small: options.small, landline, load_before, series: parts };
    receipt::write(&file, facts)?;
    out::say(&format!("receipt: {}", file.display()));
    Ok(all_well)
}

/// Only the calls; `false` never: there is no requirement on them yet.
pub(crate) fn run_calls(options: &Options) -> Result<bool> {
    let site = Site::prepare(Plan::File(1), 1, options.runs, options.dir.as_deref())?;
    let build = Build::find(&site, options.landline.as_deref())?;
    let binary = build.binary()?;
    let pair = Pair::introduce(&site, binary, "landline", site.share.clone(), Line::Direct)?;
    out::data(&table::render_calls(&calls::measure(&site, &pair)?));
    Ok(true)
}

fn landline_version(options: &Options) -> Result<String> {
    let site = Site::prepare(Plan::File(1), 0, 1, options.dir.as_deref())?;
    Ok(match Build::find(&site, options.landline.as_deref())? {
        Build::Present { version, .. } => version,
        Build::NotBuilt(why) => format!("not built: {why}"),
    })
}
