//! `%deploy` and `%undeploy`: a model behind an endpoint, and away again.

use clap::Args;
use ironsage_client::Client;
use ironsage_contract::names::{EndpointName, NameError};
use ironsage_display::{Front, note, text};

use crate::error::MagicError;
use crate::learning::deploy::{self, Deployed, Stop};
use crate::magic::{Call, Form, Group, Magic};
use crate::model_store::SavedModel;
use crate::session::Session;

/// Put a model behind an endpoint
///
/// The same model under the same name is left alone; another model is an update, and the old one answers until
/// the new one does. The recipe travels along: callers send raw columns.
#[derive(Args, Debug)]
pub(crate) struct Deploy {
    /// The model
    model: String,
    /// The endpoint's name; without it, the model's
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Where: nothing or `local` for this machine, or an instance type such as ml.t2.medium
    #[arg(long, value_name = "PLACE")]
    on: Option<String>,
}

impl Magic for Deploy {
    const NAME: &'static str = "deploy";
    const FORM: Form = Form::Line;
    const GROUP: Group = Group::Service;
    const EXAMPLES: &'static [(&'static str, &'static str)] = &[
        (
            "%deploy age --name shell-age",
            "an endpoint of the local service: a process on this machine",
        ),
        ("%deploy age", "the same, named after the model"),
    ];

    fn run(self, _call: &Call, session: &Session, front: &dyn Front) -> Result<(), MagicError> {
        let model = session.model(&self.model)?;
        let name = endpoint_name(&self.name.unwrap_or_else(|| self.model.replace('_', "-")))?;
        let target = Target::of(self.on.as_deref())?;
        let client = session.places().local()?;
        let deployed = deploy::deploy(&client, &name, &model, target.instance_type, front)?;
        let place = target.describe(&client);
        let takes = takes(&model);
        front.display(&note(match deployed {
            Deployed::Created(time) => format!("{name} InService in {} · {place} · {takes}", text::duration(time)),
            Deployed::Updated(time) => format!("{name} updated in {} · {place} · {takes}", text::duration(time)),
            Deployed::Unchanged => format!("{name} unchanged: this very model is InService · {place} · {takes}"),
        }));
        Ok(())
    }
}

/// Delete an endpoint, with its configuration and model
#[derive(Args, Debug)]
pub(crate) struct Undeploy {
    /// The endpoint
    endpoint: String,
}

impl Magic for Undeploy {
    const NAME: &'static str = "undeploy";
    const FORM: Form = Form::Line;
    const GROUP: Group = Group::Service;
    const EXAMPLES: &'static [(&'static str, &'static str)] = &[
        ("%undeploy shell-age", "nothing answers under that name any more"),
        ("%endpoint ls", "what is still running"),
    ];

    fn run(self, _call: &Call, session: &Session, front: &dyn Front) -> Result<(), MagicError> {
        remove(session, &self.endpoint, front)
    }
}

/// Removes an endpoint with what stands behind it; one that is gone is fine.
pub(super) fn remove(session: &Session, endpoint: &str, front: &dyn Front) -> Result<(), MagicError> {
    let name = endpoint_name(endpoint)?;
    let client = session.places().local()?;
    let Some(there) = client.describe_endpoint(&name)? else {
        front.display(&note(format!("{name} is not there: nothing to delete")));
        return Ok(());
    };
    client.delete_endpoint(&name)?;
    // An endpoint that is being deleted needs neither any more, and the wait may be stopped.
    deploy::forget(&client, &name, &there.config);
    client.wait_endpoint_gone(&name, &Stop(front)).map_err(|error| {
        MagicError::from(error).when_stopped(format!("stopped waiting: `{name}` goes on being deleted"))
    })?;
    front.display(&note(format!("{name} deleted")));
    Ok(())
}

fn endpoint_name(name: &str) -> Result<String, MagicError> {
    let parsed: Result<EndpointName, NameError> = name.parse();
    let name = parsed.map_err(|error| MagicError::usage(error.to_string()).with_hint_from(error.hint()))?;
    Ok(name.to_string())
}

/// Where an endpoint goes. Until an account can be connected, an instance type of AWS is stood in for here.
struct Target<'a> {
    instance_type: &'a str,
    stands_in: bool,
}

/// What the local service calls this machine.
const THIS_MACHINE: &str = "ml.m5.large";

impl<'a> Target<'a> {
    fn of(on: Option<&'a str>) -> Result<Target<'a>, MagicError> {
        match on {
            None | Some("local") => Ok(Target {
                instance_type: THIS_MACHINE,
                stands_in: false,
            }),
            Some(instance_type) if instance_type.starts_with("ml.") => Ok(Target {
                instance_type,
                stands_in: true,
            }),
            Some(other) => Err(MagicError::usage(format!("`--on {other}` is no place"))
                .with_hint("`--on local`, or an instance type such as `--on ml.t2.medium`")),
        }
    }

    fn describe(&self, client: &Client) -> String {
        match self.stands_in {
            true => format!(
                "{} stands in for {}: no account is connected",
                client.place().name,
                self.instance_type
            ),
            false => client.place().name.clone(),
        }
    }
}

fn takes(model: &SavedModel) -> String {
    let columns: Vec<&str> = model.card.inputs.iter().map(|input| input.name.as_str()).collect();
    match model.card.recipe {
        Some(_) => format!("takes raw columns by name (recipe inside): {}", columns.join(", ")),
        None => format!("takes columns by name: {}", columns.join(", ")),
    }
}
