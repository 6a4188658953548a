//! Fresh ids and secrets from the system's randomness.

use lifecycle::{Ids, Secret};
use model::{RunId, TokenHash};
use sha2::{Digest, Sha256};

/// Draws from the system; without randomness there is no safe id, so that failing to draw ends the
/// attempt to decide anything (see [`SystemIds::check`]).
#[derive(Debug)]
pub(crate) struct SystemIds;

impl SystemIds {
    /// Returns whether the system gives random bytes at all. It is asked once at the start: after
    /// that it cannot fail on the systems that we run on.
    pub(crate) fn check() -> Result<(), getrandom::Error> {
        getrandom::fill(&mut [0; 32])
    }

    fn bytes<const N: usize>() -> [u8; N] {
        let mut bytes = [0; N];
        while getrandom::fill(&mut bytes).is_err() {}
        bytes
    }
}

impl Ids for SystemIds {
    fn run_id(&mut self) -> RunId {
        let bits = u128::from_be_bytes(Self::bytes());
        // A UUID of version 4: 0100 in the version's place and 10 in the variant's.
        let bits = bits & !(0xf << 76) | (0x4 << 76);
        RunId::from_u128(bits & !(0x3 << 62) | (0x2 << 62))
    }

    fn secret(&mut self) -> (Secret, TokenHash) {
        let bytes = Self::bytes();
        (Secret(bytes), hash_secret(&bytes))
    }
}

/// Returns the hash by which a secret is known.
pub(crate) fn hash_secret(secret: &[u8; 32]) -> TokenHash {
    TokenHash(Sha256::digest(secret).into())
}

/// Writes bytes as hexadecimal digits.
pub(crate) fn to_hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('0');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 0xf)]).collect()
}

/// Reads hexadecimal digits, exactly as many as the bytes need.
pub(crate) fn from_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
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
    fn a_fresh_run_id_is_a_uuid_of_version_4() {
        for _ in 0..100 {
            let text = SystemIds.run_id().to_string();
            assert_eq!(&text[14..15], "4", "{text}");
            assert!("89ab".contains(&text[19..20]), "{text}");
        }
    }

    #[test]
    fn hexadecimal_digits_read_back_as_they_were_written() {
        let bytes = [0x00, 0x7f, 0xa5, 0xff];
        assert_eq!(to_hex(&bytes), "007fa5ff");
        assert_eq!(from_hex::<4>("007fa5ff"), Some(bytes));
        for text in ["007fa5f", "007fa5ffff", "+07fa5ff", "xxxxxxxx", "é07fa5f"] {
            assert_eq!(from_hex::<4>(text), None, "{text}");
        }
    }
}
