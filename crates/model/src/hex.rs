//! Bytes as hexadecimal digits: secrets, nonces and hashes are written so.

/// Writes bytes as hexadecimal digits, two small ones for each.
pub fn write(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('0');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 0xf)]).collect()
}

/// Reads hexadecimal digits, small or large, exactly as many as the bytes need.
pub fn read<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    // Asked first, because a number may be read with a sign before it.
    if text.len() != 2 * N || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        let digits = std::str::from_utf8(digits).ok()?;
        *byte = u8::from_str_radix(digits, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal_digits_read_back_as_they_were_written() {
        let bytes = [0x00, 0x7f, 0xa5, 0xff];
        assert_eq!(write(&bytes), "007fa5ff");
        assert_eq!(read::<4>("007fa5ff"), Some(bytes));
        for text in ["007fa5f", "007fa5ffff", "+07fa5ff", "xxxxxxxx", "é07fa5f"] {
            assert_eq!(read::<4>(text), None, "{text}");
        }
    }
}
