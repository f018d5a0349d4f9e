//! The table of partials: how much, since when, from whom, of what.

use std::time::Duration;

use landline_services::files::leftovers::Leftover;
use landline_wire::shown;

use crate::units;

/// Columns of a sender's name.
const MOST_OWNER: usize = 16;
/// Columns that a path is not cut below.
const LEAST_PATH: usize = 20;

/// A heading and a line each. `width`: columns of the screen, to which paths are cut from their beginning.
pub(super) fn lines(found: &[Leftover], now: i64, width: Option<usize>) -> Vec<String> {
    let rows = found.iter().map(|one| [have(one), age(one, now), owner(one)]);
    let heading = ["HAVE", "AGE", "FROM"].map(str::to_owned);
    let rows: Vec<[String; 3]> = std::iter::once(heading).chain(rows).collect();
    let widest =
        |cell: fn(&[String; 3]) -> &String| rows.iter().map(|row| cell(row).chars().count()).max().unwrap_or(0);
    let (have, age, from) = (widest(|[have, ..]| have), widest(|[_, age, _]| age), widest(|[.., from]| from));
    let room = width.map(|width| width.saturating_sub(have + age + from + 6).max(LEAST_PATH));
    let paths = std::iter::once("WHAT".to_owned()).chain(found.iter().map(|one| what(one, room)));
    let line =
        |([one, two, three], path): (&[String; 3], String)| format!("{one:>have$}  {two:>age$}  {three:from$}  {path}");
    rows.iter().zip(paths).map(line).collect()
}

fn have(one: &Leftover) -> String {
    let verified = units::bytes(one.info.verified);
    match one.info.size {
        Some(size) => format!("{verified} of {}", units::bytes(size)),
        None => verified,
    }
}

/// Since it last got on.
fn age(one: &Leftover, now: i64) -> String {
    if one.info.living {
        return "arriving".to_owned();
    }
    let seconds = u64::try_from(now.saturating_sub(one.info.changed.secs())).unwrap_or(0);
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        3600..86_400 => format!("{} h", seconds / 3600),
        _ => units::coarse(Duration::from_secs(seconds / 86_400 * 86_400)),
    }
}

fn owner(one: &Leftover) -> String {
    cut(&shown(one.info.owner.as_bytes()).to_string(), MOST_OWNER, false)
}

fn what(one: &Leftover, room: Option<usize>) -> String {
    let mut path = shown(one.target().as_os_str().as_encoded_bytes()).to_string();
    if one.info.tree {
        path.push('/');
    }
    room.map_or(path.clone(), |room| cut(&path, room, true))
}

/// At most `most` characters: what is left out stands for `…`, at the beginning or at the end.
fn cut(text: &str, most: usize, head: bool) -> String {
    let count = text.chars().count();
    if count <= most {
        return text.to_owned();
    }
    let keep = most.saturating_sub(1);
    if head {
        std::iter::once('…').chain(text.chars().skip(count - keep)).collect()
    } else {
        text.chars().take(keep).chain(['…']).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use landline_services::files::engine::partials::PartialInfo;
    use landline_services::files::tree::Mtime;

    use super::*;

    const NOW: i64 = 1_795_230_000;

    fn leftover(name: &str, dir: &str, changed: i64) -> Leftover {
        let info = PartialInfo {
            target: name.as_bytes().to_vec(),
            owner: "friends".to_owned(),
            tree: false,
            size: Some(4 << 30),
            verified: 1_288_490_189,
            started: changed,
            changed: Mtime::new(changed, 0).unwrap(),
            living: false,
        };
        Leftover { dir: PathBuf::from(dir), staging: ".landline-part-0123456789abcdef".to_owned(), info }
    }

    #[test]
    fn columns_are_aligned_and_a_path_is_the_last() {
        let mut tree = leftover("in/photos", "/srv/share/in", NOW - 7200);
        (tree.info.tree, tree.info.size, tree.info.living) = (true, None, true);
        let lines = lines(&[leftover("big.iso", "/srv/share", NOW - 3 * 86_400 - 50), tree], NOW, None);
        let expected = [
            "              HAVE       AGE  FROM     WHAT",
            "1.2 GiB of 4.0 GiB       3 d  friends  /srv/share/big.iso",
            "           1.2 GiB  arriving  friends  /srv/share/in/photos/",
        ];
        assert_eq!(lines, expected);
    }

    #[test]
    fn on_a_screen_a_long_path_and_a_long_name_are_cut_to_it() {
        let mut one = leftover(&"n".repeat(200), "/srv/share", NOW);
        one.info.owner = "a machine with a very long name\u{1b}".to_owned();
        let lines = lines(&[one], NOW, Some(80));
        assert!(lines.iter().all(|line| line.chars().count() <= 80), "{lines:?}");
        assert!(lines[1].contains("a machine with …  …nnn") && lines[1].ends_with("nnn"), "{lines:?}");
    }

    #[test]
    fn a_name_that_would_act_on_the_screen_does_not() {
        let lines = lines(&[leftover("a\u{1b}[2J\nb", "/srv", NOW)], NOW, None);
        assert!(lines[1].ends_with("/srv/a\\u{1b}[2J\\nb"), "{lines:?}");
    }
}
