//! What a scalar without quotes means.
//!
//! The rules are those of YAML 1.1 as `PyYAML` applies them, with two exceptions where YAML 1.1 and
//! 1.2 would read different numbers without a word: `010` (8 or 10) and `1:30` (90 or text) stay
//! text, so that a key which wants a number says what is wrong.

use super::Value;

/// Reads a scalar that stands without quotes.
pub(super) fn plain(text: &str) -> Value {
    if let Some(word) = word(text) {
        return word;
    }
    let (negative, magnitude) = split_sign(text);
    if !magnitude.starts_with(|first: char| first.is_ascii_digit() || first == '.') {
        return Value::Text(text.to_owned());
    }
    whole(negative, magnitude)
        .or_else(|| fraction(negative, magnitude))
        .unwrap_or_else(|| Value::Text(text.to_owned()))
}

fn word(text: &str) -> Option<Value> {
    Some(match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Value::Bool(true),
        "false" | "False" | "FALSE" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => {
            Value::Bool(false)
        }
        ".nan" | ".NaN" | ".NAN" => Value::Float(f64::NAN),
        _ => return None,
    })
}

fn split_sign(text: &str) -> (bool, &str) {
    match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    }
}

fn whole(negative: bool, text: &str) -> Option<Value> {
    let (radix, digits) = if let Some(digits) = text.strip_prefix("0x") {
        (16, digits)
    } else if let Some(digits) = text.strip_prefix("0b") {
        (2, digits)
    } else if text == "0" || !text.starts_with('0') {
        (10, text)
    } else {
        return None;
    };
    let is_digit = |byte: u8| byte == b'_' || char::from(byte).is_digit(radix);
    if !digits.bytes().all(is_digit) || !digits.bytes().any(|byte| byte != b'_') {
        return None;
    }
    let number =
        digits.chars().filter_map(|digit| digit.to_digit(radix)).fold(0_i64, |sum, digit| {
            let shifted = sum.saturating_mul(i64::from(radix));
            if negative {
                shifted.saturating_sub(i64::from(digit))
            } else {
                shifted.saturating_add(i64::from(digit))
            }
        });
    Some(Value::Int(number))
}

fn fraction(negative: bool, text: &str) -> Option<Value> {
    let sign = if negative { -1.0 } else { 1.0 };
    if matches!(text, ".inf" | ".Inf" | ".INF") {
        return Some(Value::Float(sign * f64::INFINITY));
    }
    let is_part = |byte: u8| matches!(byte, b'0'..=b'9' | b'.' | b'_' | b'e' | b'E' | b'+' | b'-');
    let has_mark = text.contains(['.', 'e', 'E']);
    if !has_mark || !text.bytes().all(is_part) {
        return None;
    }
    let number: f64 = text.replace('_', "").parse().ok()?;
    Some(Value::Float(sign * number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_scalars_are_read_as_pyyaml_reads_them() {
        for (text, value) in [
            ("", Value::Null),
            ("~", Value::Null),
            ("NULL", Value::Null),
            ("yes", Value::Bool(true)),
            ("Off", Value::Bool(false)),
            ("0", Value::Int(0)),
            ("-0", Value::Int(0)),
            ("+12", Value::Int(12)),
            ("1_000", Value::Int(1000)),
            ("-0x1F", Value::Int(-31)),
            ("0b101", Value::Int(5)),
            ("1.5", Value::Float(1.5)),
            ("1.", Value::Float(1.0)),
            ("-.5", Value::Float(-0.5)),
            ("-.inf", Value::Float(f64::NEG_INFINITY)),
        ] {
            assert_eq!(plain(text), value, "{text:?}");
        }
    }

    #[test]
    fn what_only_looks_like_a_number_stays_text() {
        for text in [
            "y",
            "nO",
            "tRue",
            "-",
            "+",
            ".",
            "..",
            "-.",
            "0x",
            "0b2",
            "_1",
            "1-2",
            "12a",
            "1.2.3",
            "010",
            "1:30",
            "0o10",
            "2026-01-31",
            "e5",
            "١",
            "0x_",
        ] {
            assert_eq!(plain(text), Value::Text(text.to_owned()), "{text:?}");
        }
    }

    #[test]
    fn a_number_beyond_64_bits_is_the_nearest_that_fits() {
        assert_eq!(plain(&"9".repeat(400)), Value::Int(i64::MAX));
        assert_eq!(plain(&format!("-{}", "9".repeat(400))), Value::Int(i64::MIN));
        assert_eq!(plain("-9223372036854775808"), Value::Int(i64::MIN));
    }
}
