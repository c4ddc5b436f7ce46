//! `%help`, `%lsmagic`, `%name?` and `--help`: all from the declarations of the magics.

use ironsage_display::{Bundle, Front};
use ironsage_learners::{Parameter, Schema};
use serde_json::json;

use crate::complete;
use crate::error::MagicError;
use crate::magic::{Call, Entry, Form, Group, Magic};
use crate::registry::{self, MAGICS};
use crate::session::Session;

/// What a magic is for and how it is typed
#[derive(clap::Args)]
pub(crate) struct Help {
    /// The magic, an algorithm for its hyperparameters, or a frame, model or other name; without one, the first steps
    #[arg(value_name = "MAGIC")]
    name: Option<String>,
}

impl Magic for Help {
    const NAME: &'static str = "help";
    const FORM: Form = Form::Line;
    const GROUP: Group = Group::Notebook;
    const EXAMPLES: &'static [(&'static str, &'static str)] = &[
        ("%help split", "the same as `%split --help` and `%split?`"),
        ("%help linear-learner", "the hyperparameters of an algorithm"),
        ("%help", "the first steps"),
    ];

    fn run(self, _call: &Call, session: &Session, front: &dyn Front) -> Result<(), MagicError> {
        match self.name {
            Some(name) => front.display(&help_with(&name, session)?),
            None => front.display(&Bundle::text(FIRST_STEPS)),
        }
        Ok(())
    }
}

const FIRST_STEPS: &str = "\
Magics do the workflow, everything else in a cell is Rust; both see the same names.

  %load data.csv -o name       a file, or s3://bucket/key, as a frame
  %%sql -o clean               a query over frames, in the lines below
  %split clean 70 15 15 -o train,valid,test
  %plot hist clean column      a picture
  %who                         what there is
  !ls                          a shell command

%lsmagic lists all magics, `%name?` or `%name --help` explains one with examples.
`%help linear-learner` lists the hyperparameters of an algorithm.
`-o name` binds a result; `{{name}}` puts a value into a magic's line or body.";

/// List all magics
#[derive(clap::Args)]
pub(crate) struct ListMagics {
    /// As JSON, with all options
    #[arg(long)]
    json: bool,
}

impl Magic for ListMagics {
    const NAME: &'static str = "lsmagic";
    const FORM: Form = Form::Line;
    const GROUP: Group = Group::Notebook;
    const EXAMPLES: &'static [(&'static str, &'static str)] =
        &[("%lsmagic", "one line for each"), ("%lsmagic --json", "for tools")];

    fn run(self, _call: &Call, _session: &Session, front: &dyn Front) -> Result<(), MagicError> {
        match self.json {
            true => front.display(&as_json()),
            false => front.display(&list()),
        }
        Ok(())
    }
}

/// What a magic is, for whoever lists them outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MagicInfo {
    /// The name without percent signs.
    pub name: &'static str,
    /// Where it may stand.
    pub form: Form,
    /// One line that says what it is for.
    pub about: String,
}

impl MagicInfo {
    /// All magics, in the order of the registry.
    pub fn all() -> Vec<MagicInfo> {
        MAGICS
            .iter()
            .map(|entry| MagicInfo {
                name: entry.name,
                form: entry.form,
                about: entry.about(),
            })
            .collect()
    }
}

/// The names of all magics.
pub fn names() -> Vec<&'static str> {
    MAGICS.iter().map(|entry| entry.name).collect()
}

/// The help page of a magic, whose name may have its percent signs, or of an algorithm.
pub fn help(name: &str) -> Result<Bundle, MagicError> {
    let name = name.trim().trim_start_matches('%').trim_end_matches('?');
    match ironsage_learners::schema(name) {
        Some(schema) => Ok(hyperparameters(schema)),
        None => Ok(page(registry::find(name)?)),
    }
}

/// The hyperparameters of an algorithm: what may be given, the default, the meaning.
fn hyperparameters(schema: &Schema) -> Bundle {
    let title = format!(
        "Hyperparameters of {}: `name=value` at the end of %train, or `name = value` one a line below %%train",
        schema.algorithm
    );
    let mut text = title.clone();
    let mut rows = String::new();
    for parameter in schema.parameters.iter().filter(|parameter| !parameter.private) {
        let cells = [parameter.allowed(), default_of(parameter)];
        text.push_str(&format!("\n  {}", hyperparameter(parameter)));
        rows.push_str(&format!("<tr><td><code>{}</code></td>", escape(parameter.name)));
        for cell in cells.iter().map(String::as_str).chain([parameter.meaning]) {
            rows.push_str(&format!("<td style=\"text-align:left\">{}</td>", escape(cell)));
        }
        rows.push_str("</tr>");
    }
    Bundle::text(text).with_html(format!(
        "<div>{}</div><table style=\"border-collapse:collapse\">{rows}</table>",
        escape(&title)
    ))
}

/// A hyperparameter: what may be given, the default, and below them the meaning.
pub(crate) fn hyperparameter(parameter: &Parameter) -> String {
    let cells = [parameter.allowed(), default_of(parameter)];
    let told: Vec<String> = cells.into_iter().filter(|cell| !cell.is_empty()).collect();
    format!("{}: {}\n      {}", parameter.name, told.join("; "), parameter.meaning)
}

fn default_of(parameter: &Parameter) -> String {
    let default = parameter.default.map(|value| format!("default {value}"));
    default.unwrap_or_default()
}

/// What `?name` and `%name?` show: the page of a magic or an algorithm, or what a name of the session holds.
pub fn help_with(name: &str, session: &Session) -> Result<Bundle, MagicError> {
    let bare = name.trim().trim_start_matches('%').trim_end_matches('?');
    help(name).or_else(|error| complete::of_name(bare, session).map(Bundle::text).ok_or(error))
}

/// The help page of an entry.
pub(crate) fn page(entry: &Entry) -> Bundle {
    let text = entry.command().render_help().to_string();
    page_of(entry, &text)
}

/// A page from clap's text: of the whole magic, or of one of its subcommands.
pub(crate) fn page_of(entry: &Entry, text: &str) -> Bundle {
    let text = text.trim_end();
    let mut rows = String::new();
    for line in text.lines() {
        let escaped = escape(line);
        let heading = line.ends_with(':') && !line.starts_with(' ');
        match heading {
            true => rows.push_str(&format!("<b>{escaped}</b>\n")),
            false => rows.push_str(&format!("{escaped}\n")),
        }
    }
    let title = escape(&entry.typed());
    Bundle::text(text).with_html(format!(
        "<div title=\"{title}\"><pre style=\"line-height:1.4;white-space:pre-wrap\">{rows}</pre></div>"
    ))
}

fn list() -> Bundle {
    let groups = [
        (Group::Data, "Data"),
        (Group::Learning, "Learning"),
        (Group::Service, "Service"),
        (Group::Notebook, "Notebook"),
    ];
    let width = MAGICS
        .iter()
        .map(|entry| shown_name(entry).chars().count())
        .max()
        .unwrap_or(0);
    let mut text = String::new();
    let mut html = String::from("<table style=\"border-collapse:collapse\">");
    for (group, title) in groups {
        let mut entries = MAGICS.iter().filter(|entry| entry.group == group).peekable();
        if entries.peek().is_none() {
            continue;
        }
        text.push_str(&format!("{title}\n"));
        html.push_str(&format!(
            "<tr><th colspan=\"2\" style=\"text-align:left\">{title}</th></tr>"
        ));
        for entry in entries {
            let name = shown_name(entry);
            text.push_str(&format!("  {name:width$}  {}\n", entry.about()));
            html.push_str(&format!(
                "<tr><td style=\"text-align:left\"><code>{}</code></td><td style=\"text-align:left\">{}</td></tr>",
                escape(&name),
                escape(&entry.about())
            ));
        }
    }
    text.push_str("`%name?` explains one with examples");
    html.push_str("</table><div><code>%name?</code> explains one with examples</div>");
    Bundle::text(text).with_html(html)
}

fn shown_name(entry: &Entry) -> String {
    match entry.form {
        Form::Line => format!("%{}", entry.name),
        Form::Cell => format!("%%{}", entry.name),
        Form::LineOrCell => format!("%{0} %%{0}", entry.name),
    }
}

fn as_json() -> Bundle {
    let magics: Vec<serde_json::Value> = MAGICS
        .iter()
        .map(|entry| {
            let command = entry.command();
            let options: Vec<serde_json::Value> = command
                .get_arguments()
                .filter(|argument| argument.get_id() != "help")
                .map(|argument| {
                    json!({
                        "name": argument.get_id().as_str(),
                        "long": argument.get_long(),
                        "short": argument.get_short().map(String::from),
                        "value": argument.get_value_names().map(|names| names.iter().map(ToString::to_string).collect::<Vec<_>>()),
                        "required": argument.is_required_set(),
                        "help": argument.get_help().map(ToString::to_string),
                    })
                })
                .collect();
            json!({
                "name": entry.name,
                "line": entry.form != Form::Cell,
                "cell": entry.form != Form::Line,
                "about": entry.about(),
                "subcommands": command.get_subcommands().map(|one| one.get_name().to_owned()).collect::<Vec<_>>(),
                "arguments": options,
                "examples": entry.examples.iter().map(|(example, meaning)| json!({"type": example, "does": meaning})).collect::<Vec<_>>(),
            })
        })
        .collect();
    let text = serde_json::to_string_pretty(&magics).unwrap_or_default();
    let mut bundle = Bundle::text(text);
    bundle
        .data
        .insert("application/json".to_owned(), serde_json::Value::Array(magics));
    bundle
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
