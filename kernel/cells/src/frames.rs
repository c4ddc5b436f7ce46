//! Frames and values of the session as cells see them: which a cell needs, and each frame written to
//! shared memory once, however often it is asked for.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use ironsage_exchange::{ExchangeError, Shared, map, share};
use parking_lot::Mutex;
use polars::prelude::{Column, DataFrame};

use crate::host::{Host, HostValue};

/// What a frame of the session is in a cell.
pub(crate) const FRAME: &str = "polars::prelude::DataFrame";

/// Bytes from which on a frame that was shared is not kept in memory twice.
const LARGE: u64 = 16 << 20;

/// Whether two frames are the same columns in memory: the same value, never changed since.
pub fn same(one: &DataFrame, other: &DataFrame) -> bool {
    let (ours, theirs) = (one.columns(), other.columns());
    one.height() == other.height()
        && ours.len() == theirs.len()
        && ours.iter().zip(theirs).all(|(a, b)| same_column(a, b))
}

fn same_column(one: &Column, other: &Column) -> bool {
    match (one, other) {
        (Column::Series(a), Column::Series(b)) => std::ptr::addr_eq(Arc::as_ptr(&a.0), Arc::as_ptr(&b.0)),
        (Column::Scalar(a), Column::Scalar(b)) => {
            a.name() == b.name() && a.len() == b.len() && a.scalar() == b.scalar()
        }
        _ => false,
    }
}

/// Frames in shared memory, ready for the process that runs cells.
pub(crate) struct Exports {
    host: Arc<dyn Host>,
    ready: Mutex<HashMap<String, (DataFrame, Arc<Shared>)>>,
}

impl Exports {
    pub(crate) fn new(host: Arc<dyn Host>) -> Exports {
        Exports {
            host,
            ready: Mutex::default(),
        }
    }

    pub(crate) fn host(&self) -> &dyn Host {
        &*self.host
    }

    /// The frame as it is now, in shared memory; `None` when there is none of that name.
    pub(crate) fn get(&self, name: &str) -> Result<Option<Arc<Shared>>, ExchangeError> {
        // Held while the frame is written, so that whoever asks meanwhile waits for this copy instead of making a second;
        // what they share is what the session has by then.
        let mut ready = self.ready.lock();
        let Some(frame) = self.host.frame(name) else {
            return Ok(None);
        };
        if let Some((known, shared)) = ready.get(name)
            && same(known, &frame)
        {
            return Ok(Some(Arc::clone(shared)));
        }
        ready.remove(name);
        let shared = Arc::new(share(&frame)?);
        let frame = self.kept_once(name, frame, &shared);
        ready.insert(name.to_owned(), (frame, Arc::clone(&shared)));
        Ok(Some(shared))
    }

    /// What the session has now: where the frame is large, the shared copy itself.
    fn kept_once(&self, name: &str, frame: DataFrame, shared: &Shared) -> DataFrame {
        if shared.len() < LARGE {
            return frame;
        }
        match map(&shared.path()) {
            Ok(copy) if self.host.exchange(name, &frame, &copy) => copy,
            Ok(_) => frame,
            Err(error) => {
                tracing::warn!(frame = name, %error, "cannot map a frame that was shared");
                frame
            }
        }
    }

    /// Lets go of frames that have changed or are gone.
    pub(crate) fn prune(&self) {
        self.ready
            .lock()
            .retain(|name, (known, _)| self.host.frame(name).is_some_and(|current| same(known, &current)));
    }
}

/// Which state of each of the session's frames and values the cells have.
///
/// The last writer wins: a frame is bound (again) when the session's has changed since the cells
/// last had it or wrote their own, or when the cells have it no more.
#[derive(Default)]
pub(crate) struct Bound {
    /// The session's frames, as they were when the cells got them or wrote their own.
    seen: HashMap<String, DataFrame>,
    values: HashMap<String, HostValue>,
    /// Variables that hold what the session gave, and not what a cell made.
    given: HashSet<String>,
}

impl Bound {
    /// Whether a cell that mentions `name` must be given the session's frame.
    pub(crate) fn needed(&self, name: &str, current: &DataFrame, defined: bool) -> bool {
        match self.seen.get(name) {
            Some(known) if same(known, current) => !defined,
            _ => true,
        }
    }

    /// Whether a cell that mentions this value must be given it.
    pub(crate) fn value_needed(&self, value: &HostValue, defined: bool) -> bool {
        !defined || self.values.get(&value.name) != Some(value)
    }

    /// A cell was given the session's frame.
    pub(crate) fn bound(&mut self, name: &str, current: DataFrame) {
        self.seen.insert(name.to_owned(), current);
        self.given.insert(name.to_owned());
    }

    /// A cell was given the session's value.
    pub(crate) fn value_bound(&mut self, value: HostValue) {
        self.given.insert(value.name.clone());
        self.values.insert(value.name.clone(), value);
    }

    /// A cell has defined a variable; `current` is the session's frame of that name.
    pub(crate) fn defined_by_cell(&mut self, name: &str, current: Option<DataFrame>) {
        self.given.remove(name);
        self.values.remove(name);
        if let Some(current) = current {
            self.seen.insert(name.to_owned(), current);
        }
    }

    /// Whether the variable of this name holds what the session gave, perhaps long ago.
    pub(crate) fn is_from_session(&self, name: &str) -> bool {
        self.given.contains(name)
    }

    /// The process is gone, or all was cleared.
    pub(crate) fn clear(&mut self) {
        *self = Bound::default();
    }

    /// Lets go of what the session has replaced.
    pub(crate) fn prune(&mut self, host: &dyn Host) {
        self.seen
            .retain(|name, known| host.frame(name).is_some_and(|current| same(known, &current)));
        let current = host.values();
        self.values.retain(|_, known| current.contains(known));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use polars::prelude::*;

    use super::*;

    struct One(Mutex<Option<DataFrame>>);

    impl Host for One {
        fn frame(&self, _: &str) -> Option<DataFrame> {
            self.0.lock().clone()
        }
        fn names(&self) -> Vec<String> {
            vec!["x".to_owned()]
        }
        fn put(&self, _: &str, frame: DataFrame) {
            *self.0.lock() = Some(frame);
        }
        fn exchange(&self, _: &str, frame: &DataFrame, copy: &DataFrame) -> bool {
            let mut held = self.0.lock();
            let known = held.as_mut().filter(|held| same(held, frame));
            known.map(|held| *held = copy.clone()).is_some()
        }
    }

    fn frame() -> DataFrame {
        df!("a" => [1i64, 2]).unwrap()
    }

    #[test]
    fn the_same_value_is_known_by_its_memory() {
        let one = frame();
        assert!(same(&one, &one.clone()));
        assert!(!same(&one, &frame()));
        let mut changed = one.clone();
        changed.with_column(Column::new("b".into(), [1, 2])).unwrap();
        assert!(!same(&one, &changed));
    }

    #[test]
    fn a_frame_is_written_once_per_value() {
        let session = Arc::new(One(Mutex::new(Some(frame()))));
        let exports = Exports::new(session.clone());
        let first = exports.get("x").unwrap().unwrap();
        assert!(Arc::ptr_eq(&first, &exports.get("x").unwrap().unwrap()));
        session.put("x", frame());
        assert!(!Arc::ptr_eq(&first, &exports.get("x").unwrap().unwrap()));
        *session.0.lock() = None;
        assert!(exports.get("x").unwrap().is_none());
        exports.prune();
        assert!(exports.ready.lock().is_empty());
    }

    #[test]
    fn a_large_frame_is_shared_once_and_kept_once_whoever_asks() {
        let large = df!("n" => (0..4_000_000i64).collect::<Vec<_>>()).unwrap();
        let session = Arc::new(One(Mutex::new(Some(large.clone()))));
        let exports = Exports::new(session.clone());
        let both: Vec<Arc<Shared>> = std::thread::scope(|scope| {
            let asking = [0, 1].map(|_| scope.spawn(|| exports.get("x").unwrap().unwrap()));
            asking.into_iter().map(|asking| asking.join().unwrap()).collect()
        });
        assert!(Arc::ptr_eq(&both[0], &both[1]));
        assert!(Arc::ptr_eq(&both[0], &exports.get("x").unwrap().unwrap()));
        let held = session.frame("x").unwrap();
        assert!(!same(&held, &large) && held.equals(&large));
    }

    #[test]
    fn the_last_writer_wins() {
        let (old, new) = (frame(), frame());
        let mut bound = Bound::default();
        assert!(bound.needed("x", &old, false));
        bound.bound("x", old.clone());
        assert!(bound.is_from_session("x"));
        assert!(!bound.needed("x", &old, true));
        assert!(bound.needed("x", &old, false), "consumed by a cell");
        assert!(bound.needed("x", &new, true), "changed by a magic");
        bound.defined_by_cell("x", Some(new.clone()));
        assert!(!bound.needed("x", &new, true) && !bound.is_from_session("x"));
    }
}
