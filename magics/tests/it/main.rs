//! The promises of the magics, each as a person would see it.
