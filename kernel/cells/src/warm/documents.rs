//! What of a build the prelude's index is made of: the crates whose documentation is read, as cargo has built them.

use std::collections::HashMap;
use std::path::PathBuf;

use super::cargo::package_of;
use crate::index::{Documented, Sources, is_worth_reading};

/// What cargo tells of libraries and build scripts, by the ids of their packages.
#[derive(Debug, Default)]
pub(super) struct Parts {
    libraries: HashMap<String, Library>,
    scripts: HashMap<String, Script>,
}

#[derive(Debug)]
pub(super) struct Library {
    /// The target's name.
    pub(super) name: String,
    pub(super) edition: String,
    pub(super) source: PathBuf,
    pub(super) features: Vec<String>,
    /// Its metadata.
    pub(super) file: PathBuf,
}

/// What a build script told rustc.
#[derive(Debug)]
pub(super) struct Script {
    pub(super) cfgs: Vec<String>,
    pub(super) env: Vec<(String, String)>,
    pub(super) out_dir: String,
}

/// A package, as cargo plans it.
#[derive(Debug)]
pub(super) struct Planned {
    /// Where its manifest is.
    pub(super) folder: PathBuf,
    /// The names by which it knows the crates below it, with the ids of their packages.
    pub(super) dependencies: Vec<(String, String)>,
}

impl Parts {
    pub(super) fn add(&mut self, id: &str, library: Library) {
        self.libraries.insert(id.to_owned(), library);
    }

    pub(super) fn add_script(&mut self, id: &str, mut script: Script) {
        script
            .env
            .push(("OUT_DIR".to_owned(), std::mem::take(&mut script.out_dir)));
        self.scripts.insert(id.to_owned(), script);
    }

    /// What rustdoc is to read of all that was built.
    pub(super) fn documented(&self, packages: &HashMap<String, Planned>) -> Vec<Documented> {
        let worth = self.libraries.iter();
        let worth = worth.filter(|(id, _)| is_worth_reading(&package_of(id).0));
        let mut read: Vec<Documented> = worth
            .filter_map(|(id, library)| self.describe(id, library, packages.get(id)?))
            .collect();
        read.sort_by(|a, b| a.name.cmp(&b.name));
        read
    }

    fn describe(&self, id: &str, library: &Library, package: &Planned) -> Option<Documented> {
        let (name, version) = package_of(id);
        let dependencies = package.dependencies.iter().filter_map(|(name, id)| {
            let below = self.libraries.get(id)?;
            Some((name.clone(), below.file.clone()))
        });
        let script = self.scripts.get(id);
        Some(Documented {
            name,
            crate_name: library.name.replace('-', "_"),
            version,
            edition: library.edition.clone(),
            source: library.source.clone(),
            folder: package.folder.clone(),
            features: library.features.clone(),
            cfgs: script.map(|script| script.cfgs.clone()).unwrap_or_default(),
            env: script.map(|script| script.env.clone()).unwrap_or_default(),
            dependencies: dependencies.collect(),
            kind: match id.starts_with("registry+") {
                true => Sources::Registry,
                false => Sources::Workspace,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crate_is_read_as_it_was_built() {
        let polars = "registry+https://example.org/index#polars@0.55.2";
        let plan = "registry+https://example.org/index#polars-plan@0.55.2";
        let own = "path+file:///w/kernel/prelude#ironsage-prelude@0.1.0";
        let other = "registry+https://example.org/index#smallvec@1.0.0";
        let library = |name: &str| Library {
            name: name.to_owned(),
            edition: "2024".to_owned(),
            source: PathBuf::from("/src/lib.rs"),
            features: vec!["lazy".to_owned()],
            file: PathBuf::from(format!("/deps/lib{name}-1.rmeta")),
        };
        let mut parts = Parts::default();
        for (id, name) in [
            (polars, "polars"),
            (plan, "polars-plan"),
            (own, "ironsage_prelude"),
            (other, "smallvec"),
        ] {
            parts.add(id, library(name));
        }
        let script = Script {
            cfgs: vec!["fast=\"64\"".to_owned()],
            env: vec![("A".to_owned(), "1".to_owned())],
            out_dir: "/out".to_owned(),
        };
        parts.add_script(plan, script);
        let planned = |dependencies: &[(&str, &str)]| Planned {
            folder: PathBuf::from("/folder"),
            dependencies: dependencies
                .iter()
                .map(|(name, id)| ((*name).to_owned(), (*id).to_owned()))
                .collect(),
        };
        let packages = [
            (
                polars.to_owned(),
                planned(&[("plan", plan), ("never_built", "x#y@1.0.0")]),
            ),
            (plan.to_owned(), planned(&[])),
            (own.to_owned(), planned(&[("polars", polars)])),
            (other.to_owned(), planned(&[])),
        ];
        let read = parts.documented(&packages.into());
        let names: Vec<&str> = read.iter().map(|krate| krate.name.as_str()).collect();
        assert_eq!(names, ["ironsage-prelude", "polars", "polars-plan"]);
        assert_eq!((read[0].kind, read[1].kind), (Sources::Workspace, Sources::Registry));
        let file = PathBuf::from("/deps/libpolars-plan-1.rmeta");
        assert_eq!(read[1].dependencies, [("plan".to_owned(), file)]);
        assert_eq!(read[2].crate_name, "polars_plan");
        assert_eq!(read[2].cfgs, ["fast=\"64\""]);
        let env = [("A", "1"), ("OUT_DIR", "/out")].map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(read[2].env, env);
    }
}
