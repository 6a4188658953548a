//! The headers of a request that hold secrets: nobody's rule or program is told them.

/// The headers that show who somebody is to a server.
const WITHHELD: [&str; 3] = ["authorization", "cookie", "proxy-authorization"];

/// Returns whether a header, whose name may be written in any case, is never told to submission hooks,
/// because it holds a secret.
pub fn is_withheld_header(name: &str) -> bool {
    WITHHELD.iter().any(|withheld| withheld.eq_ignore_ascii_case(name))
}
