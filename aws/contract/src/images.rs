//! Which container image stands for which built-in algorithm, in every region.
//!
//! The table is AWS's own (`data/image-uris.json` says where each fact comes from). An image
//! is recognised only when account, region, domain, repository and tag all fit: a look-alike
//! in somebody's own registry is not the built-in algorithm.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde::Deserialize;

/// The algorithms that this build can run, as `ironsage train` and `ironsage serve`.
pub const BUILT: &[&str] = &["linear-learner"];

#[derive(Deserialize)]
struct Table {
    domain_by_partition: BTreeMap<String, String>,
    region_partition: BTreeMap<String, String>,
    algorithms: BTreeMap<String, Algorithm>,
}

#[derive(Deserialize)]
struct Algorithm {
    version_aliases: BTreeMap<String, String>,
    images: Vec<Image>,
}

#[derive(Deserialize)]
struct Image {
    repository: String,
    /// In the order of the source: the newest version is the last one.
    versions: serde_json::Map<String, serde_json::Value>,
    accounts: BTreeMap<String, String>,
}

impl Image {
    /// The image's own tags, without aliases.
    fn tags(&self) -> impl Iterator<Item = &str> {
        self.versions.values().flat_map(|version| {
            ["tag", "arm64_inference_tag"]
                .into_iter()
                .filter_map(|field| version.get(field)?.as_str())
        })
    }
}

#[expect(
    clippy::expect_used,
    reason = "the data is part of this crate, and a test reads all of it"
)]
fn table() -> &'static Table {
    static TABLE: OnceLock<Table> = OnceLock::new();
    TABLE.get_or_init(|| {
        serde_json::from_str(include_str!("../data/image-uris.json")).expect("image-uris.json fits its own shape")
    })
}

/// The algorithms that the table knows, built or not.
pub fn known() -> impl Iterator<Item = &'static str> {
    table().algorithms.keys().map(String::as_str)
}

/// Which built-in algorithm an image URI stands for, whatever its region; `None` for any
/// other image.
///
/// ```
/// let image = "382416733822.dkr.ecr.us-east-1.amazonaws.com/linear-learner:1";
/// assert_eq!(ironsage_contract::images::algorithm_of(image), Some("linear-learner"));
/// ```
pub fn algorithm_of(image_uri: &str) -> Option<&'static str> {
    let table = table();
    let (host, path) = image_uri.split_once('/')?;
    let (repository, tag) = path.split_once(':')?;
    let (account, rest) = host.split_once(".dkr.ecr.")?;
    let (region, domain) = rest.split_once('.')?;
    let partition = table.region_partition.get(region)?;
    if table.domain_by_partition.get(partition)? != domain {
        return None;
    }
    table.algorithms.iter().find_map(|(name, algorithm)| {
        let fits = algorithm.images.iter().any(|image| {
            image.repository == repository
                && image.accounts.get(region).is_some_and(|known| known == account)
                && (image.tags().any(|known| known == tag)
                    || algorithm
                        .version_aliases
                        .get(tag)
                        .is_some_and(|version| image.versions.contains_key(version)))
        });
        fits.then_some(name.as_str())
    })
}

/// The URI of an algorithm's newest image in a region; `None` when the algorithm is not known
/// or not offered there.
pub fn image_uri(algorithm: &str, region: &str) -> Option<String> {
    let table = table();
    let domain = table.domain_by_partition.get(table.region_partition.get(region)?)?;
    let image = table
        .algorithms
        .get(algorithm)?
        .images
        .iter()
        .rev()
        .find(|image| image.accounts.contains_key(region))?;
    let account = image.accounts.get(region)?;
    let tag = image.versions.values().next_back()?.get("tag")?.as_str()?;
    Some(format!(
        "{account}.dkr.ecr.{region}.{domain}/{}:{tag}",
        image.repository
    ))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_image_of_the_table_is_recognised() {
        let table = table();
        let mut seen = 0;
        for (name, algorithm) in &table.algorithms {
            for image in &algorithm.images {
                for (region, account) in &image.accounts {
                    let domain = &table.domain_by_partition[&table.region_partition[region]];
                    for tag in image.tags() {
                        let uri = format!("{account}.dkr.ecr.{region}.{domain}/{}:{tag}", image.repository);
                        assert_eq!(algorithm_of(&uri), Some(name.as_str()), "{uri}");
                        seen += 1;
                    }
                }
            }
        }
        assert!(seen > 500, "only {seen} images");
    }

    #[test]
    fn newest_images() {
        assert_eq!(
            image_uri("linear-learner", "us-east-1").unwrap(),
            "382416733822.dkr.ecr.us-east-1.amazonaws.com/linear-learner:1"
        );
        assert_eq!(
            image_uri("linear-learner", "cn-north-1").unwrap(),
            "390948362332.dkr.ecr.cn-north-1.amazonaws.com.cn/linear-learner:1"
        );
        assert!(
            image_uri("xgboost", "eu-west-1")
                .unwrap()
                .ends_with("/sagemaker-xgboost:3.2-0")
        );
        assert_eq!(image_uri("k-means", "us-east-1"), None);
        assert_eq!(image_uri("linear-learner", "mars-1"), None);
    }

    #[test]
    fn look_alikes_are_not_the_algorithm() {
        for other in [
            "",
            "linear-learner:1",
            "000000000000.dkr.ecr.us-east-1.amazonaws.com/linear-learner:1",
            "382416733822.dkr.ecr.us-east-1.amazonaws.com/linear-learner:2",
            "382416733822.dkr.ecr.us-east-1.amazonaws.com/linear-learner",
            "382416733822.dkr.ecr.us-east-2.amazonaws.com/linear-learner:1",
            "382416733822.dkr.ecr.us-east-1.example.com/linear-learner:1",
            "382416733822.dkr.ecr.us-east-1.amazonaws.com/my/linear-learner:1",
        ] {
            assert_eq!(algorithm_of(other), None, "{other}");
        }
        assert_eq!(
            algorithm_of("811284229777.dkr.ecr.us-east-1.amazonaws.com/xgboost:latest"),
            Some("xgboost")
        );
    }

    #[test]
    fn what_is_built_is_known() {
        assert!(BUILT.iter().all(|name| known().any(|known| known == *name)));
    }
}
