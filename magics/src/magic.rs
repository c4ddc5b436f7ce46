//! What a magic is: a struct whose arguments clap knows, and what it does with a session and a front. From
//! the one declaration come parsing, help, "did you mean" and completion. [`crate::registry`] lists them all.

use clap::{Arg, ArgAction, ArgMatches, Command};
use ironsage_display::Front;

use crate::complete::Completion;
use crate::error::MagicError;
use crate::language::name::Name;
use crate::session::Session;

/// Where a magic may stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `%name …` alone.
    Line,
    /// `%%name …` with a body.
    Cell,
    /// Either.
    LineOrCell,
}

/// How the line after the name is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tail {
    /// Words: options and positional arguments.
    Words,
    /// Words, and `name=value` among them are parameters ([`Call::parameters`]).
    Parameters,
    /// Options first, then the rest of the line as it stands ([`Call::tail`]).
    Raw,
}

/// A group of `%lsmagic`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// Data in and out, and what is in it.
    Data,
    /// Recipes, training, models.
    Learning,
    /// Jobs and endpoints.
    Service,
    /// The notebook, the shell and the machine.
    Notebook,
}

/// A magic: its arguments (clap's derive) and what it does.
pub(crate) trait Magic: clap::Args + Sized + 'static {
    /// The name without percent signs.
    const NAME: &'static str;
    /// Where it may stand.
    const FORM: Form;
    /// Where `%lsmagic` lists it.
    const GROUP: Group;
    /// How its line is read.
    const TAIL: Tail = Tail::Words;
    /// What a person would type, each with what it does; shown by `--help`.
    const EXAMPLES: &'static [(&'static str, &'static str)];

    /// Whether `{{…}}` in the body stays as it is.
    fn keeps_braces(&self) -> bool {
        false
    }

    /// Candidates for completion in the body at byte `cursor`, and where in the body the replaced part begins.
    /// For a [`Tail::Raw`] line, the body is the line after the name.
    fn complete_body(_first_line: &str, _body: &str, cursor: usize, _session: &Session) -> (usize, Vec<Completion>) {
        (cursor, Vec::new())
    }

    /// Candidates for the `name=value` word at the cursor, given the words before.
    fn complete_parameters(_before: &[String], _word: &str, _session: &Session) -> Vec<Completion> {
        Vec::new()
    }

    /// Does it. Binds at the very end, so that a failure leaves nothing half done.
    fn run(self, call: &Call, session: &Session, front: &dyn Front) -> Result<(), MagicError>;
}

/// What a magic was called with, beside its typed arguments.
#[derive(Clone, Debug, Default)]
pub(crate) struct Call {
    /// The body of a `%%` cell.
    pub body: Option<String>,
    /// How many lines of the cell stand above the body.
    pub above: usize,
    /// `name=value` words, in order ([`Tail::Parameters`]).
    pub parameters: Vec<(String, String)>,
    /// The line after the options, as it stands ([`Tail::Raw`]).
    pub tail: String,
}

/// `-o name` or `-o a,b,c`: flatten this into a magic that gives results.
#[derive(clap::Args, Clone, Debug, Default)]
pub(crate) struct Out {
    /// Bind the result to this name; several with commas
    #[arg(short = 'o', long = "out", value_name = "NAME", value_delimiter = ',')]
    pub names: Vec<Name>,
}

impl Out {
    /// The one name asked for, if any; more than one is an error.
    pub fn one(&self) -> Result<Option<&Name>, MagicError> {
        match self.names.as_slice() {
            [] => Ok(None),
            [name] => Ok(Some(name)),
            names => Err(MagicError::usage(format!(
                "there is one result, but `-o` names {}",
                names.len()
            ))),
        }
    }

    /// The one name asked for; none is an error that shows how to say it.
    pub fn required(&self, magic: &str) -> Result<&Name, MagicError> {
        self.one()?.ok_or_else(|| {
            MagicError::usage(format!("%{magic} needs a name for its result"))
                .with_hint(format!("`%{magic} … -o name`, or `name = %{magic} …`"))
        })
    }
}

/// A magic's own completion of its body: see [`Magic::complete_body`].
type CompleteBody = fn(&str, &str, usize, &Session) -> (usize, Vec<Completion>);

/// A magic as the registry keeps it: the declaration and two functions that know its type.
pub(crate) struct Entry {
    pub name: &'static str,
    pub form: Form,
    pub group: Group,
    pub tail: Tail,
    pub examples: &'static [(&'static str, &'static str)],
    pub complete_body: CompleteBody,
    pub complete_parameters: fn(&[String], &str, &Session) -> Vec<Completion>,
    arguments: fn(Command) -> Command,
    run: fn(&ArgMatches, Call, &Session, &dyn Front) -> Result<(), MagicError>,
}

impl Entry {
    /// The entry of a magic.
    pub const fn of<M: Magic>() -> Entry {
        Entry {
            name: M::NAME,
            form: M::FORM,
            group: M::GROUP,
            tail: M::TAIL,
            examples: M::EXAMPLES,
            complete_body: M::complete_body,
            complete_parameters: M::complete_parameters,
            arguments: M::augment_args,
            run: run::<M>,
        }
    }

    /// The name with its percent signs, as it is usually typed.
    pub fn typed(&self) -> String {
        let percent = if self.form == Form::Cell { "%%" } else { "%" };
        format!("{percent}{}", self.name)
    }

    /// The clap command that parses its line.
    pub fn command(&self) -> Command {
        let command = Command::new(self.name)
            .no_binary_name(true)
            .bin_name(self.typed())
            .disable_help_flag(true)
            .disable_version_flag(true)
            .term_width(100)
            .disable_help_subcommand(true)
            .args_override_self(false)
            .color(clap::ColorChoice::Never);
        let help = Arg::new("help")
            .short('h')
            .long("help")
            .action(ArgAction::HelpShort)
            .global(true)
            .display_order(1000)
            .help("Show this help");
        let command = (self.arguments)(command).arg(help);
        // What a magic itself says after its options stands before the examples.
        let notes = command.get_after_help().map(|notes| format!("{notes}\n\n"));
        let after = notes.unwrap_or_default() + &self.examples_text();
        command.after_help(after)
    }

    /// One line that says what it is for.
    pub fn about(&self) -> String {
        self.command().get_about().map(ToString::to_string).unwrap_or_default()
    }

    fn examples_text(&self) -> String {
        let mut text = String::from("Examples:");
        for (example, meaning) in self.examples {
            for line in example.lines() {
                text.push_str("\n  ");
                text.push_str(line);
            }
            text.push_str("\n      ");
            text.push_str(meaning);
        }
        text
    }

    /// Runs it with matched arguments.
    pub fn run(
        &self,
        matches: &ArgMatches,
        call: Call,
        session: &Session,
        front: &dyn Front,
    ) -> Result<(), MagicError> {
        (self.run)(matches, call, session, front)
    }
}

fn run<M: Magic>(matches: &ArgMatches, mut call: Call, session: &Session, front: &dyn Front) -> Result<(), MagicError> {
    let magic =
        M::from_arg_matches(matches).map_err(|error| crate::language::errors::from_clap(&error, &Entry::of::<M>()))?;
    if let Some(body) = call.body.take() {
        call.body = Some(match magic.keeps_braces() {
            true => body,
            false => crate::language::insert::insert(&body, session, crate::language::insert::Braces::All)?,
        });
    }
    magic.run(&call, session, front)
}
