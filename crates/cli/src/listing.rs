//! Listing: entries of a share as lines for people and objects for programs.

use landline_services::files::tree::{Entry, Kind};
use landline_wire::{WireName, shown};
use serde::Serialize;

use crate::out::Out;
use crate::units;

mod columns;

/// How a listing looks to people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layout {
    /// A name a line.
    Names,
    /// A line for each with all that is known.
    Long,
    /// As many names beside each other as the terminal has room for, in colours if it wants them.
    Columns,
}

/// Prints `entries`: objects for programs, lines for people.
pub(crate) fn print(out: &Out, entries: &[Entry], layout: Layout) {
    if out.is_json() {
        return entries.iter().for_each(|entry| out.row(&EntryObject::from(entry)));
    }
    match layout {
        Layout::Names => {
            let marks = out.stdout_is_terminal();
            entries.iter().for_each(|entry| out.line(short(entry, marks)));
        }
        Layout::Long => long(entries).iter().for_each(|line| out.line(line)),
        Layout::Columns => columns::lines(entries, out).iter().for_each(|line| out.line(line)),
    }
}

/// An entry for programs.
#[derive(Debug, Serialize)]
pub(crate) struct EntryObject {
    name: WireName,
    kind: &'static str,
    size: u64,
    mode: String,
    /// `null` for a time that no calendar has.
    mtime: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<WireName>,
}

impl From<&Entry> for EntryObject {
    fn from(entry: &Entry) -> Self {
        Self {
            name: WireName(entry.name.clone()),
            kind: kind_word(entry.kind),
            size: entry.size,
            mode: format!("{:04o}", entry.mode),
            mtime: units::utc_time(entry.mtime.secs(), entry.mtime.nanos()),
            target: entry.link_target.clone().map(WireName),
        }
    }
}

/// `file`, `dir`, `link`, `other`: the word for programs.
pub(crate) fn kind_word(kind: Kind) -> &'static str {
    match kind {
        Kind::File => "file",
        Kind::Dir => "dir",
        Kind::Link => "link",
        Kind::Other => "other",
    }
}

/// A name on a line of its own. With `marks`, a folder has a slash behind it.
pub(crate) fn short(entry: &Entry, marks: bool) -> String {
    let mark = if marks && entry.kind == Kind::Dir { "/" } else { "" };
    format!("{}{mark}", shown(&entry.name))
}

/// Kind and permissions, size, local time, name, where a link points; columns aligned.
pub(crate) fn long(entries: &[Entry]) -> Vec<String> {
    let size = |entry: &Entry| if entry.kind == Kind::File { units::bytes(entry.size) } else { "-".to_owned() };
    let width = entries.iter().map(|entry| size(entry).len()).max().unwrap_or(0);
    let line = |entry: &Entry| {
        let time = units::local_time(entry.mtime.secs(), entry.mtime.nanos());
        let link = entry.link_target.as_ref().map(|target| format!(" -> {}", shown(target))).unwrap_or_default();
        format!("{}  {:>width$}  {time:16}  {}{link}", rights(entry), size(entry), shown(&entry.name))
    };
    entries.iter().map(line).collect()
}

/// `drwxr-xr-x`.
pub(crate) fn rights(entry: &Entry) -> String {
    let kind = match entry.kind {
        Kind::File => '-',
        Kind::Dir => 'd',
        Kind::Link => 'l',
        Kind::Other => '?',
    };
    let bits = (0..9).map(|place| {
        let letter = ['r', 'w', 'x'].get(place % 3).copied().unwrap_or('-');
        if entry.mode & (0o400 >> place) != 0 { letter } else { '-' }
    });
    std::iter::once(kind).chain(bits).collect()
}

#[cfg(test)]
mod tests {
    use landline_services::files::tree::Mtime;

    use super::*;

    fn entry(name: &[u8], kind: Kind) -> Entry {
        Entry {
            name: name.to_vec(),
            kind,
            size: 1536,
            mode: 0o640,
            mtime: Mtime::new(1_795_230_000, 123_456_789).unwrap(),
            link_target: (kind == Kind::Link).then(|| b"/etc\x1b".to_vec()),
            inode: 1,
            dev: 1,
        }
    }

    #[test]
    fn an_entry_is_one_object() {
        let json = serde_json::to_string(&EntryObject::from(&entry(b"a", Kind::File))).unwrap();
        let expected =
            r#"{"name":"a","kind":"file","size":1536,"mode":"0640","mtime":"2026-11-21T03:00:00.123456789Z"}"#;
        assert_eq!(json, expected);
        let json = serde_json::to_string(&EntryObject::from(&entry(b"\xff", Kind::Link))).unwrap();
        assert!(json.contains(r#""name":{"b64":"/w=="}"#) && json.contains(r#""target":"/etc\u001b""#), "{json}");
    }

    #[test]
    fn long_lines_are_aligned_and_show_where_links_point() {
        let lines = long(&[entry(b"a", Kind::File), entry(b"sub", Kind::Dir), entry(b"l", Kind::Link)]);
        assert!(lines[0].starts_with("-rw-r-----  1.5 KiB  2026-11-2") && lines[0].ends_with("  a"), "{lines:?}");
        assert!(lines[1].starts_with("drw-r-----        -  "), "{lines:?}");
        assert!(lines[2].ends_with("l -> /etc\\u{1b}"), "{lines:?}");
    }

    #[test]
    fn a_hostile_name_stays_on_its_line() {
        assert_eq!(short(&entry(b"a\nb", Kind::Dir), true), "a\\nb/");
        assert_eq!(short(&entry(b"d", Kind::Dir), false), "d");
    }
}
