//! JSON as Python's `json.dumps` writes it by default: a blank behind each comma and colon, everything outside printable
//! ASCII escaped, numbers with a fraction as `repr` shows them. Source: PROTOCOL.md §10.6; CPython 3.11, `Lib/json`.

use std::io;

use serde::{Serializer as _, ser::SerializeMap as _};
use serde_json::{
    Value,
    ser::{CharEscape, Formatter, Serializer},
};

/// An object of these fields, in this order.
pub(super) fn dumps<'a>(fields: impl Iterator<Item = (&'a str, &'a Value)>) -> String {
    let mut out = Vec::new();
    let mut to = Serializer::with_formatter(&mut out, Dumps);
    let written = to.serialize_map(None).and_then(|mut map| {
        for (key, value) in fields {
            map.serialize_entry(key, value)?;
        }
        map.end()
    });
    written.expect("memory takes everything, and keys are strings");
    String::from_utf8(out).expect("what is written is ASCII")
}

struct Dumps;

impl Formatter for Dumps {
    fn begin_array_value<W: ?Sized + io::Write>(&mut self, to: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { to.write_all(b", ") }
    }

    fn begin_object_key<W: ?Sized + io::Write>(&mut self, to: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { to.write_all(b", ") }
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, to: &mut W) -> io::Result<()> {
        to.write_all(b": ")
    }

    fn write_string_fragment<W: ?Sized + io::Write>(&mut self, to: &mut W, fragment: &str) -> io::Result<()> {
        let mut units = [0; 2];
        for c in fragment.chars() {
            match c {
                ' '..='~' => write!(to, "{c}")?,
                c => c.encode_utf16(&mut units).iter().try_for_each(|unit| write!(to, "\\u{unit:04x}"))?,
            }
        }
        Ok(())
    }

    fn write_char_escape<W: ?Sized + io::Write>(&mut self, to: &mut W, escape: CharEscape) -> io::Result<()> {
        let short: &[u8] = match escape {
            CharEscape::Quote => b"\\\"",
            CharEscape::ReverseSolidus => b"\\\\",
            CharEscape::Solidus => b"/",
            CharEscape::Backspace => b"\\b",
            CharEscape::FormFeed => b"\\f",
            CharEscape::LineFeed => b"\\n",
            CharEscape::CarriageReturn => b"\\r",
            CharEscape::Tab => b"\\t",
            CharEscape::AsciiControl(byte) => return write!(to, "\\u{byte:04x}"),
        };
        to.write_all(short)
    }

    fn write_f64<W: ?Sized + io::Write>(&mut self, to: &mut W, value: f64) -> io::Result<()> {
        to.write_all(repr(value).as_bytes())
    }
}

/// A finite number as Python shows it.
///
/// Both languages take the fewest digits that read back as the same number. Where two such are equally near, Rust takes the
/// upper, Python the even one: rounding to that many digits does so too.
fn repr(value: f64) -> String {
    let fewest = format!("{value:e}").bytes().take_while(|byte| *byte != b'e').filter(u8::is_ascii_digit).count();
    let scientific = format!("{value:.*e}", fewest.saturating_sub(1));
    let parts = scientific.split_once('e').and_then(|(digits, power)| Some((digits, power.parse::<i32>().ok()?)));
    let Some((digits, power)) = parts else { return scientific };
    if !(-4..16).contains(&power) {
        let sign = if power < 0 { '-' } else { '+' };
        return format!("{digits}e{sign}{:02}", power.unsigned_abs());
    }
    let (minus, digits) = digits.strip_prefix('-').map_or(("", digits), |digits| ("-", digits));
    let digits = digits.replace('.', "");
    let shift = usize::try_from(power.unsigned_abs()).unwrap_or(0);
    if power < 0 {
        return format!("{minus}0.{}{digits}", "0".repeat(shift.saturating_sub(1)));
    }
    match digits.split_at_checked(shift.saturating_add(1)) {
        Some((whole, part)) if !part.is_empty() => format!("{minus}{whole}.{part}"),
        _ => format!("{minus}{digits:0<width$}.0", width = shift.saturating_add(1)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn dumped(value: &Value) -> String {
        let fields = value.as_object().expect("an object");
        dumps(fields.iter().map(|(key, value)| (key.as_str(), value)))
    }

    /// Written by CPython 3.11.7.
    #[test]
    fn what_python_writes_is_written() {
        let table = [
            (json!({}), r"{}"),
            (json!({"data_size": 6}), r#"{"data_size": 6}"#),
            (json!({"": "", "报告": 1}), r#"{"": "", "\u62a5\u544a": 1}"#),
            (
                json!({"s": "\"\\/\u{8}\u{c}\n\r\t\0\u{1f}\u{7f}\u{80}é报告\u{2028}\u{ffff}\u{1f600}\u{10ffff}"}),
                concat!(
                    r#"{"s": "\"\\/\b\f\n\r\t\u0000\u001f\u007f\u0080\u00e9\u62a5\u544a\u2028\uffff"#,
                    r#"\ud83d\ude00\udbff\udfff"}"#
                ),
            ),
            (
                json!({"a": [], "b": {}, "c": [1, [2, [3]]], "d": {"e": {"f": null}}, "g": true, "h": false}),
                r#"{"a": [], "b": {}, "c": [1, [2, [3]]], "d": {"e": {"f": null}}, "g": true, "h": false}"#,
            ),
            (
                json!({"i": [0, -1, i64::MAX, i64::MIN, u64::MAX]}),
                r#"{"i": [0, -1, 9223372036854775807, -9223372036854775808, 18446744073709551615]}"#,
            ),
            (
                json!({"f": [0.0, -0.0, 1.0, 0.1, 1e15, 1e16, 1.5e16, 123_456_789_012_345_680.0, 9_999_999_999_999_998.0]}),
                concat!(
                    r#"{"f": [0.0, -0.0, 1.0, 0.1, 1000000000000000.0, 1e+16, 1.5e+16, 1.2345678901234568e+17, "#,
                    "9999999999999998.0]}"
                ),
            ),
            (
                json!({"f": [7_206_057_264_377_977.0 / 4.0, -2_710_597_060_278_885.0 / 4.0, 720_822_460_004_409.0 / 8.0]}),
                r#"{"f": [1801514316094494.2, -677649265069721.2, 90102807500551.12]}"#,
            ),
            (
                json!({"f": [1e22, 1e100, f64::MAX, 5e-324, 0.0001, 0.00001, 1.5e-7, 0.00012345, -2.5, 100.0]}),
                concat!(
                    r#"{"f": [1e+22, 1e+100, 1.7976931348623157e+308, 5e-324, 0.0001, 1e-05, 1.5e-07, 0.00012345, "#,
                    "-2.5, 100.0]}"
                ),
            ),
        ];
        for (value, python) in table {
            assert_eq!(dumped(&value), python);
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_ascii_and_means_the_same(
            fields in proptest::collection::btree_map(".{0,8}", (".{0,8}", any::<i64>()), 0..6),
        ) {
            let value = json!(fields);
            let text = dumped(&value);
            prop_assert!(text.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{}", text);
            prop_assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
        }

        #[test]
        fn every_fraction_reads_back(bits in any::<u64>()) {
            let number = f64::from_bits(bits);
            prop_assume!(number.is_finite());
            let text = dumped(&json!({ "f": number }));
            let digits = text.strip_prefix(r#"{"f": "#).and_then(|rest| rest.strip_suffix('}')).unwrap();
            prop_assert_eq!(digits.parse::<f64>().unwrap().to_bits(), bits);
            prop_assert!(digits.contains(['.', 'e']), "{}", digits);
        }
    }
}
