//! The cap on runs in progress over all branch deployments together.

use model::{DeploymentKind, LimitKey, Run};

use super::Demands;

pub(super) fn demand(run: &Run, demands: &mut Demands) {
    match run.deployment.kind {
        DeploymentKind::Branch => demands.one_of(LimitKey::BranchDeployments),
        DeploymentKind::Full => {}
    }
}
