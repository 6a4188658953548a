//! The configuration file that a server of this home would read.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use ::config::{InstanceConfig, Problem};
use model::Settings;

use super::finding::Finding;
use crate::config::look_for;

/// What the file says that other checks need.
pub(super) struct Found {
    /// Where a server would listen; none if that cannot be told.
    pub(super) address: Option<SocketAddr>,
    /// The limits; none if the file cannot be used.
    pub(super) limits: Option<Settings>,
    /// The file with all that it says, if there is one that can be used.
    pub(super) file: Option<(PathBuf, InstanceConfig)>,
}

/// Looks at the file.
pub(super) fn check(findings: &mut Vec<Finding>, home: &Path) -> Found {
    let nothing = Found { address: None, limits: None, file: None };
    let looked = look_for(home);
    let (name, read) = match looked {
        Ok(None) => {
            let message = "no file: the defaults, unless a server is given one by --config";
            findings.push(Finding::ok("configuration", message));
            return found(&InstanceConfig::without_file());
        }
        Ok(Some(found)) => found,
        Err(error) => {
            let remedy = "name the file with `pointsman config check FILE`";
            findings.push(Finding::problem("configuration", error.to_string(), remedy));
            return nothing;
        }
    };
    let check = format!("`pointsman config check {name}` tells all");
    match read {
        Ok((config, warnings)) => {
            findings.push(match warnings.first() {
                None => Finding::ok("configuration", format!("{name} can be used")),
                Some(first) => {
                    let message = told(first, warnings.len());
                    Finding::warning("configuration", message, check)
                }
            });
            Found { file: Some((name.into(), config.clone())), ..found(&config) }
        }
        Err(problems) => {
            let count = problems.iter().count() + problems.omitted();
            let first = problems.iter().next().map_or(String::new(), |first| told(first, count));
            findings.push(Finding::problem("configuration", first, check));
            nothing
        }
    }
}

/// Returns the first of several in a line.
fn told(first: &Problem, count: usize) -> String {
    let place = first.place.as_ref().map_or(String::new(), |place| format!(":{}", place.line));
    let more = if count > 1 { format!(" (and {} more)", count - 1) } else { String::new() };
    format!("{}{place}: {}{more}", first.file, first.message)
}

fn found(config: &InstanceConfig) -> Found {
    let host = match config.server.host.value.as_str() {
        "localhost" => Some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        host => host.parse().ok(),
    };
    let port = config.server.port.value;
    let address = host.map(|host| SocketAddr::new(host, port));
    Found { address, limits: Some(config.settings()), file: None }
}
