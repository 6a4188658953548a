//! What a scalar without quotes means.
//!
//! The rules are those of YAML 1.1 as `PyYAML` applies them: `1.5e+3` is a number, `1e3`, `1.5e3` and
//! `-.5` are text. The exceptions:
//!
//! - `010` (8 or 10) and `1:30` (90 or text), on which YAML 1.1 and 1.2 differ without a word, stay
//!   text, so that a key which wants a number says what is wrong. A key which wants text asks
//!   [`is_number_elsewhere`] and refuses them too.
//! - `2026-01-31` and other instants, for which no key has a use, stay text.
//! - `0x_` and `0b_`, on which `PyYAML` fails, stay text.
//! - A number beyond 64 bits is the nearest that fits.

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
        .or_else(|| fraction(text))
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

/// Reads a number with a `.`; an exponent must have a sign.
fn fraction(text: &str) -> Option<Value> {
    let (negative, magnitude) = split_sign(text);
    let sign = if negative { -1.0 } else { 1.0 };
    if matches!(magnitude, ".inf" | ".Inf" | ".INF") {
        return Some(Value::Float(sign * f64::INFINITY));
    }
    let (mantissa, exponent) = match magnitude.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (magnitude, None),
    };
    let is_exponent = |exponent: &str| {
        let digits = exponent.strip_prefix(['-', '+']).unwrap_or("");
        !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
    };
    let (before, after) = mantissa.split_once('.')?;
    let begins_with_digit = |digits: &str| digits.starts_with(|c: char| c.is_ascii_digit());
    let is_begun = if before.is_empty() {
        begins_with_digit(after) && magnitude.len() == text.len()
    } else {
        begins_with_digit(before)
    };
    let is_part = |byte: u8| byte.is_ascii_digit() || byte == b'_';
    if !is_begun
        || !before.bytes().chain(after.bytes()).all(is_part)
        || !exponent.is_none_or(is_exponent)
    {
        return None;
    }
    let number: f64 = magnitude.replace('_', "").parse().ok()?;
    Some(Value::Float(sign * number))
}

/// Returns whether `PyYAML` takes a text without quotes for a number that is none here: in base 8 as
/// `010`, or in base 60 as `1:30`.
pub(crate) fn is_number_elsewhere(text: &str) -> bool {
    let (_, magnitude) = split_sign(text);
    let is_of_base_8 = |digits: &str| {
        !digits.is_empty() && digits.bytes().all(|byte| matches!(byte, b'0'..=b'7' | b'_'))
    };
    magnitude.strip_prefix('0').is_some_and(is_of_base_8) || is_of_base_60(magnitude)
}

fn is_of_base_60(text: &str) -> bool {
    let (whole, fraction) = match text.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (text, None),
    };
    let Some((first, rest)) = whole.split_once(':') else {
        return false;
    };
    let is_digit = |byte: u8| byte.is_ascii_digit() || byte == b'_';
    let is_below_60 = |part: &str| match part.as_bytes() {
        [ones] | [b'0'..=b'5', ones] => ones.is_ascii_digit(),
        _ => false,
    };
    let smallest = if fraction.is_some() { '0' } else { '1' };
    first.starts_with(|digit: char| (smallest..='9').contains(&digit))
        && first.bytes().all(is_digit)
        && rest.split(':').all(is_below_60)
        && fraction.unwrap_or("").bytes().all(is_digit)
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
            (".5", Value::Float(0.5)),
            ("00.5", Value::Float(0.5)),
            ("-1_0.5_", Value::Float(-10.5)),
            ("1.e+3", Value::Float(1000.0)),
            (".5E-1", Value::Float(0.05)),
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
            "-.5",
            "1e3",
            "1e+3",
            "1.5e3",
            "1.5e+",
            "1.5e+_3",
            "._5",
        ] {
            assert_eq!(plain(text), Value::Text(text.to_owned()), "{text:?}");
        }
    }

    #[test]
    fn what_is_a_number_to_pyyaml_alone_is_known() {
        for text in ["010", "-0_7", "0_", "1:30", "+1:5", "190:20:30", "1:30.5", "0:30.", "1_0:59"]
        {
            assert!(is_number_elsewhere(text), "{text}");
            assert_eq!(plain(text), Value::Text(text.to_owned()), "{text}");
        }
        for text in
            ["0", "08", "0o10", "1:60", "0:30", "a:1", "1:", ":1", "1:3x", "1:300", "12", "1.5", ""]
        {
            assert!(!is_number_elsewhere(text), "{text}");
        }
    }

    #[test]
    fn a_number_beyond_64_bits_is_the_nearest_that_fits() {
        assert_eq!(plain(&"9".repeat(400)), Value::Int(i64::MAX));
        assert_eq!(plain(&format!("-{}", "9".repeat(400))), Value::Int(i64::MIN));
        assert_eq!(plain("-9223372036854775808"), Value::Int(i64::MIN));
    }
}
