//! Lists that are read to their end, page by page.

use reqwest::Method;
use serde::de::DeserializeOwned;

use super::calls::below;
use super::{Client, ClientError};
use crate::api::{
    Asset, Assets, CodeLocation, CodeLocations, Job, Jobs, MAX_PAGE, Page, PartitionSet,
    PartitionSets, Partitions, Pool, Pools, ReloadLocations, RunDetail, Step, Steps,
};

/// How many pages a list may have: no server of ours has half a million jobs, pools or steps.
const MAX_PAGES: usize = 1000;

/// A page of a list that says how to get the next one.
trait Part: DeserializeOwned {
    type Entry;

    fn take_apart(self) -> (Vec<Self::Entry>, Option<String>);
}

macro_rules! part {
    ($page:ident, $entry:ident, $field:ident) => {
        impl Part for $page {
            type Entry = $entry;

            fn take_apart(self) -> (Vec<$entry>, Option<String>) {
                (self.$field, self.next)
            }
        }
    };
}

part!(Jobs, Job, jobs);
part!(Assets, Asset, assets);
part!(Pools, Pool, pools);
part!(CodeLocations, CodeLocation, code_locations);
part!(Steps, Step, steps);
part!(PartitionSets, PartitionSet, dynamic_partitions);
part!(Partitions, String, partitions);

impl Client {
    /// Lists all jobs.
    ///
    /// # Errors
    /// As every method here, and [`ClientError::Garbage`] if the list has no end.
    pub async fn jobs(&self) -> Result<Jobs, ClientError> {
        let jobs = self.rest::<Jobs>(&below(&["jobs"]), Vec::new(), None).await?;
        Ok(Jobs { jobs, next: None })
    }

    /// Lists all assets.
    pub async fn assets(&self) -> Result<Assets, ClientError> {
        let assets = self.rest::<Assets>(&below(&["assets"]), Vec::new(), None).await?;
        Ok(Assets { assets, next: None })
    }

    /// Lists all pools that have a limit of their own or are in use.
    pub async fn pools(&self) -> Result<Pools, ClientError> {
        let pools = self.rest::<Pools>(&below(&["pools"]), Vec::new(), None).await?;
        Ok(Pools { pools, next: None })
    }

    /// Lists all names of dynamic partitions that have keys.
    pub async fn partition_sets(&self) -> Result<PartitionSets, ClientError> {
        let path = below(&["dynamic-partitions"]);
        let dynamic_partitions = self.rest::<PartitionSets>(&path, Vec::new(), None).await?;
        Ok(PartitionSets { dynamic_partitions, next: None })
    }

    /// Lists all keys of a set of dynamic partitions, in the order in which they came.
    pub async fn partitions(&self, name: &str) -> Result<Partitions, ClientError> {
        let path = below(&["dynamic-partitions", name]);
        let partitions = self.rest::<Partitions>(&path, Vec::new(), None).await?;
        Ok(Partitions { name: name.to_owned(), partitions, next: None })
    }

    /// Lists all code locations.
    pub async fn code_locations(&self) -> Result<CodeLocations, ClientError> {
        let path = below(&["code-locations"]);
        let code_locations = self.rest::<CodeLocations>(&path, Vec::new(), None).await?;
        Ok(CodeLocations { code_locations, next: None })
    }

    /// Reads the code locations again, or one of them, and lists them all. Python is not waited for.
    pub async fn reload(&self, location: Option<&str>) -> Result<CodeLocations, ClientError> {
        let path = below(&["code-locations", "reload"]);
        let body = ReloadLocations { location: location.map(str::to_owned) };
        let first: CodeLocations = self.write(Method::POST, &path, &body, &[]).await?.0;
        let Some(next) = first.next else { return Ok(first) };
        let path = below(&["code-locations"]);
        let found = first.code_locations;
        let code_locations = self.rest::<CodeLocations>(&path, found, Some(next)).await?;
        Ok(CodeLocations { code_locations, next: None })
    }

    /// Completes the steps of a run that was shown.
    pub async fn all_steps(&self, mut run: RunDetail) -> Result<RunDetail, ClientError> {
        let Some(next) = run.next_steps.take() else { return Ok(run) };
        let path = below(&["runs", &run.run.id, "steps"]);
        run.steps = self.rest::<Steps>(&path, run.steps, Some(next)).await?;
        Ok(run)
    }

    /// Adds to what was found of a list what comes behind it: all, if `after` is none.
    async fn rest<P: Part>(
        &self,
        path: &[&str],
        mut found: Vec<P::Entry>,
        mut after: Option<String>,
    ) -> Result<Vec<P::Entry>, ClientError> {
        for _ in 0..MAX_PAGES {
            let page = Page { after, limit: Some(MAX_PAGE) };
            let page: P = self.get(path, &page.to_pairs()).await?;
            let (entries, next) = page.take_apart();
            found.extend(entries);
            match next {
                None => return Ok(found),
                next => after = next,
            }
        }
        Err(self.garbage("a list without end".to_owned()))
    }
}
