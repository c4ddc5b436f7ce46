//! `%train` and `%%train`: an algorithm learns from a frame, in this process, under a live display.

use std::collections::HashSet;
use std::sync::Arc;

use clap::Args;
use ironsage_display::{Front, TableOptions, note, table};
use ironsage_formats::artifact::Card;
use ironsage_learners::linear_learner::LinearLearner;
use ironsage_learners::{
    Algorithm, Channels, DenseMatrix, FitOptions, Hyperparameters, Kind, LearnError, Parameter, Row, Schema,
};
use ironsage_prep::Recipe;
use polars::prelude::DataFrame;
use sha2::{Digest, Sha256};

use crate::complete::Completion;
use crate::error::{ErrorKind, MagicError};
use crate::frames;
use crate::guard;
use crate::language::arguments::parameters_of_body;
use crate::language::suggest;
use crate::learning::{Choice, Inputs, Label, Live, Task, report};
use crate::magic::{Call, Form, Group, Magic, Out, Tail};
use crate::magics::plot;
use crate::model_store::{self, Record, SavedModel};
use crate::session::{Session, Value};
use crate::text;

/// Train one of SageMaker's built-in algorithms on a frame
///
/// Hyperparameters are `name=value` at the end of the line, or `name = value` one a line in the body of
/// `%%train`, under SageMaker's own names; `%help ALGORITHM` lists them. The model is bound with `-o` and saved.
#[derive(Args, Clone, Debug)]
pub(crate) struct Train {
    /// The algorithm: linear-learner
    algorithm: String,
    /// The frame with the training rows
    frame: String,
    /// What to predict: a column, or a condition such as "rings >= 11"
    #[arg(long, value_name = "COLUMN|CONDITION")]
    label: String,
    /// The frame that chooses the best model, epoch and threshold
    #[arg(long, value_name = "FRAME")]
    validation: Option<String>,
    /// A frame that is only scored, at the end
    #[arg(long, value_name = "FRAME")]
    test: Option<String>,
    /// The recipe that makes features of raw columns
    #[arg(long, value_name = "RECIPE")]
    prep: Option<String>,
    /// Learn from these columns only
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',')]
    features: Vec<String>,
    /// Learn from all columns but these
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',')]
    drop: Vec<String>,
    /// The column that says how much each row weighs
    #[arg(long, value_name = "COLUMN")]
    weights: Option<String>,
    /// The value of the label that counts as positive
    #[arg(long, value_name = "VALUE")]
    positive: Option<String>,
    /// Where random numbers start
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Where to train: nothing for this process
    #[arg(long, value_name = "PLACE")]
    on: Option<String>,
    #[command(flatten)]
    out: Out,
}

impl Magic for Train {
    const NAME: &'static str = "train";
    const FORM: Form = Form::LineOrCell;
    const GROUP: Group = Group::Learning;
    const TAIL: Tail = Tail::Parameters;
    const EXAMPLES: &'static [(&'static str, &'static str)] = &[
        (
            "%train linear-learner train --label rings --validation valid --prep shells -o age mini_batch_size=32 epochs=50",
            "a regressor, since `rings` is a number of many values",
        ),
        (
            "%%train linear-learner train --label \"rings >= 11\" --validation valid --prep shells -o old\nmini_batch_size = 32\nepochs          = 50",
            "a binary classifier, since the label is a condition",
        ),
    ];

    fn complete_parameters(before: &[String], word: &str, _session: &Session) -> Vec<Completion> {
        let algorithm = before.iter().find_map(|word| ironsage_learners::schema(word));
        algorithm.map_or_else(Vec::new, |schema| hyperparameters(schema, before, word))
    }

    fn run(self, call: &Call, session: &Session, front: &dyn Front) -> Result<(), MagicError> {
        self.refuse_what_is_not_built()?;
        let name = self.out.required("train")?.clone();
        let rows = |name: &str| frames::collect(name, session, front).and_then(|frame| not_empty(frame, name));
        let train = rows(&self.frame)?;
        let recipe = self.prep.as_deref().map(|name| session.recipe(name)).transpose()?;
        let label = Label::parse(&self.label, &train, &self.frame)?;
        let labels = label.values(&train, &self.frame)?;
        let mut asked = asked_hyperparameters(call)?;
        let task = label.task(&labels, asked.get("predictor_type"), self.positive.as_deref())?;
        asked.set("predictor_type", task.predictor_type());
        let checked = LinearLearner.schema().check(&asked);
        checked.map_err(|error| self.explain(error.into()))?;
        let frames = Frames {
            validation: self.validation.as_deref().map(rows).transpose()?,
            test: self.test.as_deref().map(rows).transpose()?,
            train,
        };

        let Prepared {
            inputs,
            train: matrix,
            mut channels,
        } = {
            let (magic, label, task) = (self.clone(), label.clone(), task.clone());
            guard::on_worker(front, "preparing the rows", move || {
                magic.prepare(&frames, recipe.as_deref(), &label, &task)
            })?
        };

        let options = self.seed.map_or_else(FitOptions::default, FitOptions::seeded);
        let live = Live::start(front, &format!("training {name}"));
        let model = LinearLearner
            .fit(&asked, &mut channels, &options, &live)
            .map_err(|error| self.explain(error))?;
        let summary = report::summary(&label, &task, &model, self.validation.is_some());
        let interrupted = model.report.interrupted;
        live.finish(&summary, interrupted);
        let record = Record {
            created: jiff::Timestamp::now().to_string(),
            trained_on: self.frame.clone(),
            rows: matrix.rows,
            data: fingerprint(&matrix),
            recipe: self.prep.clone(),
            seed: options.seed,
            hyperparameters: asked.clone(),
            metrics: model.report.metrics.clone(),
            prior: mean(&matrix.labels),
            interrupted,
        };
        let card = card(&label, &task, inputs);
        let saved = Arc::new(model_store::save(
            session.home(),
            name.as_str(),
            card,
            record,
            Arc::new(model),
        )?);
        session.bind(name.as_str(), Value::Model(Arc::clone(&saved)));
        let asked_batch = asked.get("mini_batch_size").is_some();
        show(&saved, &matrix.values, asked_batch, front)?;
        if interrupted {
            return Err(MagicError::interrupted(format!(
                "the training was stopped; `{name}` is the best model up to then"
            ))
            .with_hint(format!("use `{name}` as it is, or run the cell again")));
        }
        Ok(())
    }
}

/// The frames that a training names.
struct Frames {
    train: DataFrame,
    validation: Option<DataFrame>,
    test: Option<DataFrame>,
}

/// What the learner gets, and the way that led to it.
struct Prepared {
    inputs: Inputs,
    train: DenseMatrix,
    channels: Channels<Row>,
}

impl Train {
    fn refuse_what_is_not_built(&self) -> Result<(), MagicError> {
        if !ironsage_learners::algorithms().contains(&self.algorithm.as_str()) {
            let built = ironsage_learners::algorithms();
            let hint = suggest::did_you_mean(&self.algorithm, built.iter().copied())
                .unwrap_or_else(|| format!("built so far: {}", built.join(", ")));
            let error = MagicError::usage(format!("there is no algorithm `{}` in this process", self.algorithm));
            return Err(error.with_hint(hint));
        }
        if let Some(place) = &self.on {
            let error = MagicError::new(
                ErrorKind::ServiceError,
                format!("training as a job (`--on {place}`) is not built yet"),
            );
            return Err(error.with_hint("without `--on` it trains in this process"));
        }
        if self.frame.contains("://") {
            let error = MagicError::usage(format!("training from a prefix ({}) is not built yet", self.frame));
            return Err(error.with_hint(format!("`%load {} -o frame`, then train on `frame`", self.frame)));
        }
        Ok(())
    }

    /// Chooses the features, fits the recipe on the training rows and makes a matrix of each frame.
    fn prepare(
        &self,
        frames: &Frames,
        recipe: Option<&Recipe>,
        label: &Label,
        task: &Task,
    ) -> Result<Prepared, MagicError> {
        let leave: Vec<String> = label.columns.iter().chain(&self.weights).cloned().collect();
        let choice = Choice {
            only: &self.features,
            drop: &self.drop,
            leave: &leave,
        };
        let inputs = Inputs::fit(&frames.train, choice, recipe)?;
        let train = self.matrix(&self.frame, &frames.train, &inputs, label, task)?;
        let mut channels = Channels::new(train.clone());
        if let (Some(name), Some(frame)) = (&self.validation, &frames.validation) {
            channels = channels.with_validation(self.matrix(name, frame, &inputs, label, task)?);
        }
        if let (Some(name), Some(frame)) = (&self.test, &frames.test) {
            channels = channels.with_test(self.matrix(name, frame, &inputs, label, task)?);
        }
        Ok(Prepared {
            inputs,
            train,
            channels,
        })
    }

    /// A frame's rows as the learner takes them.
    fn matrix(
        &self,
        name: &str,
        frame: &DataFrame,
        inputs: &Inputs,
        label: &Label,
        task: &Task,
    ) -> Result<DenseMatrix, MagicError> {
        let labels = label.encode(&label.values(frame, name)?, task, name)?;
        let values = inputs.matrix(frame).map_err(|error| error.in_frame(name))?;
        let matrix = DenseMatrix::new(inputs.features.len(), values, labels)?.with_names(inputs.features.iter());
        match &self.weights {
            Some(column) => Ok(matrix.with_weights(weights(frame, column, name)?)?),
            None => Ok(matrix),
        }
    }

    /// Errors of a learner name channels and rows from 0; people know frames and rows from 1.
    fn explain(&self, error: LearnError) -> MagicError {
        let is_hyperparameter = matches!(error, LearnError::Hyperparameter(_));
        let explained = MagicError::from(error);
        if is_hyperparameter && explained.hint.is_none() {
            let algorithm = &self.algorithm;
            return explained.with_hint(format!(
                "`%help {algorithm}` lists its hyperparameters with their ranges"
            ));
        }
        let frames = [
            ("train", Some(&self.frame)),
            ("validation", self.validation.as_ref()),
            ("test", self.test.as_ref()),
        ];
        let message = frames
            .iter()
            .fold(explained.message.clone(), |text, (channel, frame)| match frame {
                Some(frame) => text.replace(&format!("channel {channel}"), &format!("`{frame}`")),
                None => text,
            });
        MagicError { message, ..explained }
    }
}

/// What a person sees below the live line: remarks, the curve, the coefficients.
fn show(model: &SavedModel, matrix: &[f32], asked_batch: bool, front: &dyn Front) -> Result<(), MagicError> {
    let Some(linear) = model.linear() else { return Ok(()) };
    for remark in report::remarks(&linear.report, asked_batch) {
        front.display(&note(remark));
    }
    if linear.report.history.len() > 1 {
        front.display(&plot::model::learning(model, &plot::Common::default())?.bundle());
    }
    let coefficients = report::coefficients(linear, &model.card.features, matrix)?;
    let prepared = Inputs::of_card(&model.card)?
        .recipe
        .is_some_and(|recipe| recipe.changes_units());
    let units = if prepared { "prepared" } else { "raw" };
    let caption = Some(format!("{}: coefficients in {units} units", model.name));
    front.display(&table(
        &coefficients,
        &TableOptions {
            rows: 40,
            caption,
            ..TableOptions::default()
        },
    ));
    Ok(())
}

fn not_empty(frame: DataFrame, name: &str) -> Result<DataFrame, MagicError> {
    match frame.height() {
        0 => Err(MagicError::data(format!("frame `{name}` has no rows"))),
        _ => Ok(frame),
    }
}

/// `name=` of each hyperparameter that is not given yet; after `name=`, its values where they are a list.
fn hyperparameters(schema: &Schema, before: &[String], word: &str) -> Vec<Completion> {
    if let Some((name, _)) = word.split_once('=') {
        let values = schema.parameter(name).map(values).unwrap_or_default();
        return values
            .into_iter()
            .map(|value| Completion::new(format!("{name}={value}"), "value"))
            .collect();
    }
    let public = schema.parameters.iter().filter(|parameter| !parameter.private);
    public
        .map(|parameter| (format!("{}=", parameter.name), parameter.meaning))
        .filter(|(typed, _)| !before.iter().any(|word| word.starts_with(typed.as_str())))
        .map(|(typed, meaning)| Completion::new(typed, "hyperparameter").with_detail(meaning))
        .collect()
}

fn values(parameter: &Parameter) -> Vec<&'static str> {
    let listed: &[&str] = match parameter.kind {
        Kind::Choice(words) => words,
        Kind::Bool => &["true", "false"],
        _ => &[],
    };
    let auto = parameter.auto.then_some("auto");
    auto.into_iter()
        .chain(listed.iter().chain(parameter.words).copied())
        .collect()
}

fn asked_hyperparameters(call: &Call) -> Result<Hyperparameters, MagicError> {
    let body = call
        .body
        .as_deref()
        .map(parameters_of_body)
        .transpose()?
        .unwrap_or_default();
    let mut seen = HashSet::new();
    for (name, _) in call.parameters.iter().chain(&body) {
        if !seen.insert(name.as_str()) {
            return Err(MagicError::usage(format!("`{name}` is given twice")).with_hint("leave one of them out"));
        }
    }
    Ok(call.parameters.iter().cloned().chain(body).collect())
}

fn card(label: &Label, task: &Task, inputs: Inputs) -> Card {
    Card {
        version: 1,
        algorithm: ironsage_learners::linear_learner::NAME.to_owned(),
        task: task.predictor_type().to_owned(),
        label: label.text.clone(),
        features: inputs.features,
        inputs: inputs.raw,
        recipe: inputs.recipe.map(|recipe| recipe.to_json()),
        positive: task.positive().map(str::to_owned),
        classes: match task {
            Task::Regressor { .. } => Vec::new(),
            Task::Binary { positive, negative } => vec![negative.clone(), positive.clone()],
            Task::Multiclass { classes } => classes.clone(),
        },
    }
}

fn weights(frame: &DataFrame, column: &str, name: &str) -> Result<Vec<f32>, MagicError> {
    if !frame.schema().contains(column) {
        return Err(text::no_column(name, column, &text::columns_of(frame)));
    }
    let values = ironsage_prep::matrix(frame, &[column.to_owned()])?;
    match values.iter().position(|weight| *weight < 0.0) {
        None => Ok(values),
        Some(row) => Err(MagicError::data(format!(
            "the weight `{column}` is {} in row {} of `{name}`: a weight is zero or more",
            values[row],
            row + 1
        ))),
    }
}

/// SHA-256 over what the learner got, so that a leaderboard can tell trainings on other data apart.
fn fingerprint(matrix: &DenseMatrix) -> String {
    let mut hash = Sha256::new();
    hash.update((matrix.columns as u64).to_le_bytes());
    for values in [&matrix.values, &matrix.labels] {
        for value in values.iter() {
            hash.update(value.to_le_bytes());
        }
    }
    hash.finalize()
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn mean(values: &[f32]) -> f64 {
    values.iter().map(|value| f64::from(*value)).sum::<f64>() / values.len().max(1) as f64
}
