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
}
