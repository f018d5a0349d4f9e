//! Bytes in hexadecimal, sixteen a line, with their letters beside them.

use std::fmt::Write as _;

use crate::out::Out;

/// Bytes a line.
const ROW: usize = 16;

/// Shows `bytes` as talk; `way` is `<` for what came and `>` for what was sent.
pub(super) fn show(out: &Out, way: char, bytes: &[u8]) {
    if bytes.is_empty() {
        out.note(format_args!("{way} (nothing)"));
    }
    for (at, row) in bytes.chunks(ROW).enumerate() {
        out.note(format_args!("{way} {}", line(at * ROW, row)));
    }
}

fn line(offset: usize, row: &[u8]) -> String {
    let mut text = format!("{offset:08x} ");
    for at in 0..ROW {
        if at == ROW / 2 {
            text.push(' ');
        }
        match row.get(at) {
            Some(byte) => drop(write!(text, " {byte:02x}")),
            None => text.push_str("   "),
        }
    }
    text.push_str("  |");
    text.extend(row.iter().map(|byte| if byte.is_ascii_graphic() || *byte == b' ' { char::from(*byte) } else { '.' }));
    text.push('|');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_looks_as_from_hexdump() {
        let row = line(16, b"hello\n\x00\xffabc");
        assert_eq!(row, "00000010  68 65 6c 6c 6f 0a 00 ff  61 62 63                 |hello...abc|");
    }
}
