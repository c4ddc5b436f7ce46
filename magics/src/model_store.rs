//! Models as the session knows them, and the folder where each is saved as it is bound.
//!
//! `models/NAME/` in the home holds `record.json` (where it came from and how well it does) and `artifact/`,
//! SageMaker's own layout with the card beside it. A folder is written beside its place and exchanged with the one that
//! is there, so that a model is there whole or not at all.

use std::fs;
use std::io::ErrorKind as IoError;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ironsage_contract::home::Home;
use ironsage_formats::artifact::{self, Card};
use ironsage_learners::{Hyperparameters, Model};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use crate::error::MagicError;
use crate::language::suggest;

const RECORD: &str = "record.json";
const ARTIFACT: &str = "artifact";

/// A trained model: saved as it is bound, so that it outlives the kernel.
pub struct SavedModel {
    /// The name that it was bound to when it was trained.
    pub name: String,
    /// The folder that holds its artifact and its record.
    pub folder: PathBuf,
    /// What a raw frame needs to become the model's input.
    pub card: Card,
    /// Where it came from and how well it does.
    pub record: Record,
    /// The model itself, ready to predict.
    pub model: Arc<dyn Model>,
}

/// What is worth knowing about a model tomorrow.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Record {
    /// When it was trained, UTC.
    pub created: String,
    /// The frame it was trained on, by the name it had.
    pub trained_on: String,
    /// Rows of that frame.
    pub rows: usize,
    /// SHA-256 over features and labels as the learner got them.
    pub data: String,
    /// The recipe's name, where there was one.
    pub recipe: Option<String>,
    /// Where random numbers started.
    pub seed: u64,
    /// What was asked of the algorithm.
    pub hyperparameters: Hyperparameters,
    /// Final metrics, such as `validation:rmse`.
    #[serde(deserialize_with = "ironsage_learners::json::metrics")]
    pub metrics: Vec<(String, f64)>,
    /// The mean label of the training rows, or the share of positives: what guessing would say.
    pub prior: f64,
    /// Whether the training was stopped before its end.
    pub interrupted: bool,
}

impl SavedModel {
    /// What it is in a few words, for `%who`.
    pub fn summary(&self) -> String {
        format!(
            "{} of {} from {} columns",
            self.card.task,
            self.card.label,
            self.card.features.len()
        )
    }

    /// Writes the artifact's files into a folder, from the model itself: what is on disk may be another's by now.
    pub fn write_artifact(&self, folder: &Path) -> Result<(), MagicError> {
        write_artifact(folder, self.model.as_ref(), &self.card)
    }

    /// The score from which a classifier predicts the positive class; 0.5 where it has none.
    pub fn threshold(&self) -> f32 {
        self.linear().map_or(0.5, |model| model.threshold)
    }

    /// The linear model inside, where it is one.
    pub fn linear(&self) -> Option<&ironsage_learners::linear_learner::LinearModel> {
        self.model.as_any().downcast_ref()
    }
}

impl std::fmt::Debug for SavedModel {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("SavedModel")
            .field("name", &self.name)
            .field("folder", &self.folder)
            .finish_non_exhaustive()
    }
}

/// Saves a model under its name, over one that had it.
pub(crate) fn save(
    home: &Home,
    name: &str,
    card: Card,
    record: Record,
    model: Arc<dyn Model>,
) -> Result<SavedModel, MagicError> {
    let models = home.models();
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |error: std::io::Error| MagicError::file(&path, "save the model in", &error)
    };
    fs::create_dir_all(&models).map_err(failed(&models))?;
    let folder = models.join(name);
    let fresh = models.join(format!(".{name}-{}", std::process::id()));
    let written = || -> Result<(), MagicError> {
        remove_folder(&fresh).map_err(failed(&fresh))?;
        let artifact = fresh.join(ARTIFACT);
        fs::create_dir_all(&artifact).map_err(failed(&artifact))?;
        write_artifact(&artifact, model.as_ref(), &card)?;
        let text = serde_json::to_vec_pretty(&record).map_err(|error| MagicError::internal(error.to_string()))?;
        fs::write(fresh.join(RECORD), text).map_err(failed(&fresh))?;
        replace(
            &folder,
            &fresh,
            &models.join(format!(".{name}-old-{}", std::process::id())),
        )
        .map_err(failed(&folder))
    };
    if let Err(error) = written() {
        // What was there before stays; what was half written goes, where the disk lets it.
        let _ = remove_folder(&fresh);
        return Err(error);
    }
    Ok(SavedModel {
        name: name.to_owned(),
        folder,
        card,
        record,
        model,
    })
}

fn write_artifact(folder: &Path, model: &dyn Model, card: &Card) -> Result<(), MagicError> {
    model.save(folder)?;
    artifact::write_card(folder, card)?;
    Ok(())
}

/// Puts `fresh` in a folder's place in one step; `aside` serves where the file system knows no such step.
fn replace(folder: &Path, fresh: &Path, aside: &Path) -> std::io::Result<()> {
    match renameat_with(CWD, fresh, CWD, folder, RenameFlags::EXCHANGE) {
        Ok(()) => {
            // The old one is now where the fresh one was.
            clear_away(fresh);
            Ok(())
        }
        // There is no old one; or no fresh one, which the renaming says.
        Err(Errno::NOENT) => fs::rename(fresh, folder),
        Err(Errno::INVAL | Errno::NOSYS) => replace_in_two_steps(folder, fresh, aside),
        Err(error) => Err(error.into()),
    }
}

/// Puts `fresh` in a folder's place; `aside` is where the old one waits until it is not needed any more.
fn replace_in_two_steps(folder: &Path, fresh: &Path, aside: &Path) -> std::io::Result<()> {
    remove_folder(aside)?;
    let had_one = match fs::rename(folder, aside) {
        Ok(()) => true,
        Err(error) if error.kind() == IoError::NotFound => false,
        Err(error) => return Err(error),
    };
    if let Err(error) = fs::rename(fresh, folder) {
        if had_one {
            fs::rename(aside, folder)?;
        }
        return Err(error);
    }
    clear_away(aside);
    Ok(())
}

/// Removes an old model where the disk lets it: the new one is in its place already.
fn clear_away(old: &Path) {
    if let Err(error) = remove_folder(old) {
        tracing::warn!(folder = %old.display(), %error, "an old model was left behind");
    }
}

/// Opens a model that was saved, in this session or in another.
pub(crate) fn open(home: &Home, name: &str) -> Result<SavedModel, MagicError> {
    let folder = home.models().join(name);
    let record = read_record(&folder)?.ok_or_else(|| {
        let saved = names(home);
        MagicError::not_found(format!("no model `{name}` is saved")).with_hint_from(suggest::nearest_or_list(
            name,
            "saved models",
            &saved,
        ))
    })?;
    let artifact = folder.join(ARTIFACT);
    let card = artifact::read_card(&artifact)?
        .ok_or_else(|| MagicError::data(format!("{} has no card: it was not made by %train", artifact.display())))?;
    let model = Arc::from(ironsage_learners::load(&artifact)?);
    Ok(SavedModel {
        name: name.to_owned(),
        folder,
        card,
        record,
        model,
    })
}

/// Takes a saved model away; tells whether it was there.
pub(crate) fn remove(home: &Home, name: &str) -> Result<bool, MagicError> {
    let folder = home.models().join(name);
    remove_folder(&folder).map_err(|error| MagicError::file(&folder, "remove the model in", &error))
}

/// The names of all saved models, in order.
pub(crate) fn names(home: &Home) -> Vec<String> {
    let Ok(folders) = fs::read_dir(home.models()) else {
        return Vec::new();
    };
    let mut names: Vec<String> = folders
        .filter_map(|folder| folder.ok()?.file_name().into_string().ok())
        .filter(|name| !name.starts_with('.'))
        .collect();
    names.sort();
    names
}

fn read_record(folder: &Path) -> Result<Option<Record>, MagicError> {
    let path = folder.join(RECORD);
    let text = match fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == IoError::NotFound => return Ok(None),
        Err(error) => return Err(MagicError::file(&path, "read", &error)),
    };
    serde_json::from_slice(&text)
        .map(Some)
        .map_err(|error| MagicError::data(format!("{} is damaged: {error}", path.display())))
}

fn remove_folder(folder: &Path) -> std::io::Result<bool> {
    match fs::remove_dir_all(folder) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == IoError::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used)]
    use ironsage_learners::linear_learner::LinearLearner;
    use ironsage_learners::{Algorithm, Channels, DenseMatrix, FitOptions};

    use super::*;

    /// A model of the line through the origin with this slope, saved as `line`.
    pub(crate) fn line(home: &Home, slope: f32) -> SavedModel {
        let x: Vec<f32> = (0..64).map(|row| row as f32 / 8.0).collect();
        let y: Vec<f32> = x.iter().map(|x| slope * x).collect();
        let asked = Hyperparameters::new()
            .with("predictor_type", "regressor")
            .with("mini_batch_size", 8)
            .with("epochs", 2);
        let mut channels = Channels::new(DenseMatrix::new(1, x, y).unwrap());
        let model = LinearLearner
            .fit(&asked, &mut channels, &FitOptions::default(), &())
            .unwrap();
        let card = Card {
            version: 1,
            algorithm: ironsage_learners::linear_learner::NAME.to_owned(),
            task: "regressor".to_owned(),
            label: "y".to_owned(),
            features: vec!["x".to_owned()],
            ..Card::default()
        };
        let record = Record {
            created: String::new(),
            trained_on: "rows".to_owned(),
            rows: 64,
            data: String::new(),
            recipe: None,
            seed: 0,
            hyperparameters: asked,
            metrics: model.report.metrics.clone(),
            prior: 0.0,
            interrupted: false,
        };
        save(home, "line", card, record, Arc::new(model)).unwrap()
    }

    #[test]
    fn a_model_takes_the_place_of_the_one_before() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path());
        line(&home, 1.0);
        let second = line(&home, 2.0);
        let opened = open(&home, "line").unwrap();
        assert_eq!(opened.linear().unwrap().weights, second.linear().unwrap().weights);
        assert_eq!(
            fs::read_dir(home.models()).unwrap().count(),
            1,
            "nothing is left beside it"
        );
    }

    #[test]
    fn where_the_new_one_cannot_come_the_old_one_stays() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path());
        let saved = line(&home, 1.0);
        let (missing, aside) = (folder.path().join("missing"), folder.path().join("aside"));
        for replace in [replace, replace_in_two_steps] {
            assert!(replace(&saved.folder, &missing, &aside).is_err());
            assert!(open(&home, "line").is_ok());
        }
    }

    #[test]
    fn a_folder_takes_anothers_place_on_any_file_system() {
        for replace in [replace, replace_in_two_steps] {
            let parent = tempfile::tempdir().unwrap();
            let [folder, fresh, aside] = ["folder", "fresh", "aside"].map(|name| parent.path().join(name));
            for round in ["first", "second"] {
                fs::create_dir(&fresh).unwrap();
                fs::write(fresh.join(RECORD), round).unwrap();
                replace(&folder, &fresh, &aside).unwrap();
                assert_eq!(fs::read_to_string(folder.join(RECORD)).unwrap(), round);
                assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 1);
            }
        }
    }

    #[test]
    fn a_metric_that_is_no_number_is_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path());
        let saved = line(&home, 1.0);
        let metrics = [("test:mse", 0.5), ("test:roc_auc_score", f64::NAN)];
        let record = Record {
            metrics: metrics.map(|(name, value)| (name.to_owned(), value)).to_vec(),
            ..saved.record
        };
        save(&home, "line", saved.card, record, saved.model).unwrap();
        let read = open(&home, "line").unwrap().record.metrics;
        assert_eq!(read[0], ("test:mse".to_owned(), 0.5));
        assert!(read[1].0 == "test:roc_auc_score" && read[1].1.is_nan());
    }
}
