//! All magics, in one table: what `%lsmagic` lists, what completion offers and what a line can name.

use crate::language::suggest;
use crate::magic::Entry;
use crate::{error::MagicError, magics};

/// The table. A magic that is not here does not exist; one that is here has help, completion and errors.
pub(crate) static MAGICS: &[Entry] = &[
    // data
    Entry::of::<magics::s3::S3>(),
    Entry::of::<magics::load::Load>(),
    Entry::of::<magics::scan::Scan>(),
    Entry::of::<magics::save::Save>(),
    Entry::of::<magics::sql::Sql>(),
    Entry::of::<magics::show::Show>(),
    Entry::of::<magics::describe::Describe>(),
    Entry::of::<magics::profile::Profile>(),
    Entry::of::<magics::schema::Schema>(),
    Entry::of::<magics::unique::Unique>(),
    Entry::of::<magics::nulls::Nulls>(),
    Entry::of::<magics::corr::Corr>(),
    Entry::of::<magics::split::Split>(),
    Entry::of::<magics::plot::Plot>(),
    // recipes, training, models
    Entry::of::<magics::prep::Prep>(),
    Entry::of::<magics::train::Train>(),
    Entry::of::<magics::evaluate::Evaluate>(),
    Entry::of::<magics::predict::Predict>(),
    Entry::of::<magics::model::Model>(),
    // endpoints
    Entry::of::<magics::deploy::Deploy>(),
    Entry::of::<magics::invoke::Invoke>(),
    Entry::of::<magics::endpoint::Endpoint>(),
    Entry::of::<magics::deploy::Undeploy>(),
    // the notebook and the machine
    Entry::of::<magics::who::Who>(),
    Entry::of::<magics::rm::Rm>(),
    Entry::of::<magics::reset::Reset>(),
    Entry::of::<magics::restart_rust::RestartRust>(),
    Entry::of::<magics::param::Param>(),
    Entry::of::<magics::time::Time>(),
    Entry::of::<magics::timeit::TimeIt>(),
    Entry::of::<magics::history::History>(),
    Entry::of::<magics::environment::Env>(),
    Entry::of::<magics::environment::Cd>(),
    Entry::of::<magics::writefile::WriteFile>(),
    Entry::of::<magics::shell::Bash>(),
    Entry::of::<magics::python::RunPython>(),
    Entry::of::<magics::help::Help>(),
    Entry::of::<magics::help::ListMagics>(),
];

/// The entry of a name, or what was probably meant.
pub(crate) fn find(name: &str) -> Result<&'static Entry, MagicError> {
    MAGICS.iter().find(|entry| entry.name == name).ok_or_else(|| {
        let hint = suggest::nearest(name, MAGICS.iter().map(|entry| entry.name))
            .and_then(|near| MAGICS.iter().find(|entry| entry.name == near))
            .map(|entry| format!("did you mean `{}`?", entry.typed()))
            .unwrap_or_else(|| "`%lsmagic` lists all magics".to_owned());
        MagicError::usage(format!("there is no magic %{name}")).with_hint(hint)
    })
}
