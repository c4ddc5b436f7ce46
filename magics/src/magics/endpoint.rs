//! `%endpoint`: what is deployed, and taking it away.

use std::time::SystemTime;

use clap::{Args, Subcommand};
use ironsage_client::{Client, Endpoint as Deployed};
use ironsage_display::{Front, TableOptions, note, table, text};
use polars::prelude::*;

use super::deploy;
use crate::error::MagicError;
use crate::learning::deploy::{ENV_MODEL, ENV_RECIPE};
use crate::magic::{Call, Form, Group, Magic};
use crate::session::{Session, Value};

/// List endpoints, or delete one
#[derive(Args, Debug)]
pub(crate) struct Endpoint {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// List all endpoints
    Ls,
    /// Delete an endpoint, as %undeploy does
    Rm {
        /// The endpoint
        #[arg(value_name = "ENDPOINT")]
        name: String,
    },
}

impl Magic for Endpoint {
    const NAME: &'static str = "endpoint";
    const FORM: Form = Form::Line;
    const GROUP: Group = Group::Service;
    const EXAMPLES: &'static [(&'static str, &'static str)] = &[
        ("%endpoint ls", "name, status, model and age of each"),
        ("%endpoint rm shell-age", "nothing answers under that name any more"),
    ];

    fn run(self, _call: &Call, session: &Session, front: &dyn Front) -> Result<(), MagicError> {
        match self.command {
            Command::Ls => list(session, front),
            Command::Rm { name } => deploy::remove(session, &name, front),
        }
    }
}

fn list(session: &Session, front: &dyn Front) -> Result<(), MagicError> {
    let client = session.places().local()?;
    let endpoints = client.endpoints()?;
    if endpoints.is_empty() {
        front.display(&note(format!("no endpoints ({})", client.place().name)));
        return Ok(());
    }
    let rows = endpoints
        .iter()
        .map(|endpoint| Row::of(&client, endpoint))
        .collect::<Result<Vec<_>, _>>()?;
    let column = |of: fn(&Row) -> String| rows.iter().map(of).collect::<Vec<_>>();
    let frame = df!(
        "endpoint" => column(|row| row.name.clone()),
        "status" => column(|row| row.status.clone()),
        "model" => column(|row| row.model.clone()),
        "recipe" => column(|row| row.recipe.clone()),
        "age" => column(|row| row.age.clone()),
        "place" => vec![client.place().name.clone(); rows.len()],
    )?;
    front.display(&table(
        &frame,
        &TableOptions {
            rows: 100,
            ..TableOptions::default()
        },
    ));
    session.set_last(Value::Frame(frame));
    Ok(())
}

struct Row {
    name: String,
    status: String,
    model: String,
    recipe: String,
    age: String,
}

impl Row {
    fn of(client: &Client, endpoint: &Deployed) -> Result<Row, MagicError> {
        let (model, recipe) = behind(client, endpoint)?;
        let age = endpoint
            .created
            .and_then(|created| SystemTime::now().duration_since(created).ok());
        Ok(Row {
            name: endpoint.name.clone(),
            status: endpoint.status.to_string(),
            model,
            recipe: recipe.unwrap_or_default(),
            age: age.map(text::duration).unwrap_or_default(),
        })
    }
}

/// The model's own name and the recipe's, as `%deploy` left them, else the name that SageMaker knows.
pub(super) fn behind(client: &Client, endpoint: &Deployed) -> Result<(String, Option<String>), MagicError> {
    let Some(config) = client.describe_endpoint_config(&endpoint.config)? else {
        return Ok((String::new(), None));
    };
    let Some(model) = client.describe_model(&config.model)? else {
        return Ok((config.model, None));
    };
    let variable = |name: &str| {
        model
            .environment
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.clone())
    };
    Ok((variable(ENV_MODEL).unwrap_or(model.name.clone()), variable(ENV_RECIPE)))
}
