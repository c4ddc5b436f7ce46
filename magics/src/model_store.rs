//! Models as the session knows them, and the folder where each is saved as it is bound.
//!
//! `models/NAME/` in the home holds `record.json` (where it came from and how well it does) and `artifact/`,
//! SageMaker's own layout with the card beside it. A folder is written beside its place and renamed, so that a
//! model is there whole or not at all.

use std::fs;
use std::io::ErrorKind as IoError;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ironsage_contract::home::Home;
use ironsage_formats::artifact::{self, Card};
use ironsage_learners::{Hyperparameters, Model};
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
    pub metrics: Vec<(String, f64)>,
    /// The mean label of the training rows, or the share of positives: what guessing would say.
    pub prior: f64,
    /// The standard deviation of the training labels.
    pub label_spread: f64,
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

    /// The folder with the artifact's files.
    pub fn artifact(&self) -> PathBuf {
        self.folder.join(ARTIFACT)
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
        model.save(&artifact)?;
        artifact::write_card(&artifact, &card)?;
        let text = serde_json::to_vec_pretty(&record).map_err(|error| MagicError::internal(error.to_string()))?;
        fs::write(fresh.join(RECORD), text).map_err(failed(&fresh))?;
        remove_folder(&folder).map_err(failed(&folder))?;
        fs::rename(&fresh, &folder).map_err(failed(&folder))
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
