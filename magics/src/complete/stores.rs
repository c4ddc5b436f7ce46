//! Buckets, keys, endpoints and paths for completion. A store is asked on a thread with 400 ms to answer; a late answer is
//! kept for the next press of Tab. A service that does not run is not started for it.

use std::collections::HashMap;
use std::sync::{LazyLock, mpsc};
use std::time::{Duration, Instant};

use ironsage_client::Client;
use ironsage_contract::{S3Uri, Scheme};
use parking_lot::Mutex;

use super::Completion;
use crate::session::Session;

/// How long a store may take to answer.
const BUDGET: Duration = Duration::from_millis(400);
/// How long an answer is good.
const FRESH: Duration = Duration::from_secs(20);
/// More than this nobody reads.
const MOST: usize = 500;

type Answers = Mutex<HashMap<String, (Instant, Vec<String>)>>;

/// Answers by place and question.
static ANSWERS: LazyLock<Answers> = LazyLock::new(Answers::default);

/// Asks on a thread; what comes in time, or came lately.
fn ask(question: String, work: impl FnOnce() -> Option<Vec<String>> + Send + 'static) -> Vec<String> {
    if let Some((_, answer)) = ANSWERS.lock().get(&question).filter(|(when, _)| when.elapsed() < FRESH) {
        return answer.clone();
    }
    let (sender, receiver) = mpsc::sync_channel(1);
    let asked = std::thread::Builder::new()
        .name("ironsage-complete".to_owned())
        .spawn(move || {
            if let Some(answer) = work() {
                ANSWERS.lock().insert(question, (Instant::now(), answer.clone()));
                let _ = sender.send(answer);
            }
        });
    asked
        .ok()
        .and_then(|_| receiver.recv_timeout(BUDGET).ok())
        .unwrap_or_default()
}

/// The client of a scheme's store, if there is a living one.
fn client(scheme: Scheme, session: &Session) -> Option<Client> {
    let places = session.places();
    if scheme == Scheme::S3 && places.aws().is_some() {
        return places.aws();
    }
    let runs = session.home().service_file().exists();
    places
        .local_if_used()
        .or_else(|| if runs { places.local().ok() } else { None })
}

/// Buckets and keys that begin with what was typed, as whole addresses; folders end with a slash.
pub(super) fn addresses(typed: &str, session: &Session) -> Vec<Completion> {
    let (scheme, rest) = match (typed.strip_prefix("s3://"), typed.strip_prefix("local://")) {
        (Some(rest), _) => (Scheme::S3, rest),
        (_, Some(rest)) => (Scheme::Local, rest),
        _ => return vec![Completion::new("s3://", "s3"), Completion::new("local://", "s3")],
    };
    let session = session.clone();
    let place = session.home().path().display().to_string();
    let found = match rest.rsplit_once('/') {
        None => ask(format!("{place} {} buckets", scheme.as_str()), move || {
            let buckets = client(scheme, &session)?.buckets().ok()?;
            Some(
                buckets
                    .into_iter()
                    .map(|bucket| format!("{}://{bucket}/", scheme.as_str()))
                    .collect(),
            )
        }),
        Some((folder, _)) => {
            let folder = format!("{}://{folder}/", scheme.as_str());
            let Ok(uri) = folder.parse::<S3Uri>() else {
                return Vec::new();
            };
            ask(format!("{place} {folder}"), move || {
                let listing = client(scheme, &session)?.list_folder(&uri, &()).ok()?;
                let keys = listing
                    .folders
                    .into_iter()
                    .chain(listing.objects.into_iter().map(|object| object.key));
                Some(keys.take(MOST).map(|key| uri.with_key(&key).to_string()).collect())
            })
        }
    };
    found
        .into_iter()
        .map(|address| Completion::new(address, "s3"))
        .collect()
}

/// The endpoints of the local service.
pub(super) fn endpoints(session: &Session) -> Vec<Completion> {
    let session = session.clone();
    let place = session.home().path().display().to_string();
    let names = ask(format!("{place} endpoints"), move || {
        let endpoints = client(Scheme::Local, &session)?.endpoints().ok()?;
        Some(endpoints.into_iter().map(|endpoint| endpoint.name).collect())
    });
    names
        .into_iter()
        .map(|name| Completion::new(name, "endpoint"))
        .collect()
}

/// Files and folders of this machine; hidden ones only where the typed name begins with a dot.
pub(super) fn paths(typed: &str, session: &Session) -> Vec<Completion> {
    let (folder, name) = typed
        .rsplit_once('/')
        .map_or(("", typed), |(folder, name)| (folder, name));
    let shown_folder = if typed.contains('/') {
        format!("{folder}/")
    } else {
        String::new()
    };
    let path = if shown_folder.is_empty() {
        session.folder()
    } else {
        session.path(&shown_folder)
    };
    let Ok(entries) = std::fs::read_dir(path) else {
        return Vec::new();
    };
    let mut items: Vec<Completion> = entries
        .flatten()
        .filter_map(|entry| {
            let file_name = entry.file_name().to_string_lossy().into_owned();
            let is_folder = entry.path().is_dir();
            let hidden = file_name.starts_with('.') && !name.starts_with('.');
            let ending = if is_folder { "/" } else { "" };
            (!hidden).then(|| Completion::new(format!("{shown_folder}{file_name}{ending}"), "path"))
        })
        .collect();
    items.sort_by(|a, b| a.text.cmp(&b.text));
    items.truncate(MOST);
    items
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_store_is_not_waited_for_and_its_answer_is_kept() {
        let question = || "a slow store".to_owned();
        let slow = || {
            std::thread::sleep(BUDGET + Duration::from_millis(200));
            Some(vec!["s3://late/".to_owned()])
        };
        let asked = Instant::now();
        assert!(ask(question(), slow).is_empty());
        assert!(
            asked.elapsed() < BUDGET + Duration::from_millis(150),
            "{:?}",
            asked.elapsed()
        );
        std::thread::sleep(Duration::from_millis(600));
        assert_eq!(ask(question(), || None), ["s3://late/"], "the next Tab has it");
    }
}
