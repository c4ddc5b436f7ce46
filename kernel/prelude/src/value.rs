//! A value of a type that is known only when the cell runs.
//!
//! A method of a trait that everything has is compiled in each cell for each type that is shown. Here
//! the type is put aside: what is left is one type for all values, which tells whether it is a frame, an
//! array or the like.

use std::any::TypeId;
use std::fmt::Debug;
use std::marker::PhantomData;

/// A value behind a reference, with its type's identity and its `{:?}`.
pub(crate) struct Value<'a> {
    id: TypeId,
    address: *const (),
    debug: &'a dyn Debug,
}

impl<'a> Value<'a> {
    /// Forgets the type.
    pub(crate) fn of<T: Debug + ?Sized>(value: &'a &'a T) -> Value<'a> {
        Value {
            id: type_id::<T>(),
            address: std::ptr::from_ref::<T>(value).cast(),
            debug: value,
        }
    }

    /// Whether it is a `U`.
    pub(crate) fn is<U: 'static>(&self) -> bool {
        self.id == TypeId::of::<U>()
    }

    /// The value as a `U`, when it is one, or a reference to one.
    ///
    /// Lifetimes are no part of a type's identity. Where `U` is a type with a lifetime (an array's view), the caller
    /// must not keep anything longer than the value is borrowed.
    pub(crate) fn find<U: 'static>(&self) -> Option<&'a U> {
        if self.is::<U>() {
            // SAFETY: the value is a U, as the identities say, and borrowed for 'a.
            return Some(unsafe { &*self.address.cast::<U>() });
        }
        if self.is::<&'static U>() {
            // SAFETY: the value is a reference to a U, and lives as long as the borrow of the value itself at least.
            return Some(unsafe { *self.address.cast::<&'a U>() });
        }
        None
    }

    /// Its `{:?}`.
    pub(crate) fn text(&self) -> String {
        format!("{:?}", self.debug)
    }
}

/// The identity of a type that may hold borrowed data.
fn type_id<T: ?Sized>() -> TypeId {
    trait Identified {
        fn id(&self) -> TypeId
        where
            Self: 'static;
    }
    impl<T: ?Sized> Identified for PhantomData<T> {
        fn id(&self) -> TypeId
        where
            Self: 'static,
        {
            TypeId::of::<T>()
        }
    }
    let phantom: &dyn Identified = &PhantomData::<T>;
    // SAFETY: only the lifetime bound of the trait object changes, and `id` reads no data behind
    // it; lifetimes are erased from a TypeId.
    let phantom: &(dyn Identified + 'static) = unsafe { std::mem::transmute(phantom) };
    phantom.id()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_found_again_and_no_other() {
        let text = String::from("shell");
        let (plain, borrowed) = (&text, &&text);
        let value = Value::of(&plain);
        assert_eq!(value.find::<String>(), Some(&text));
        assert!(value.find::<Vec<u8>>().is_none());
        assert_eq!(Value::of(&borrowed).find::<String>(), Some(&text));
        let unsized_one: &str = &text;
        assert_eq!(Value::of(&unsized_one).text(), "\"shell\"");
        assert!(Value::of(&unsized_one).find::<String>().is_none());
    }
}
