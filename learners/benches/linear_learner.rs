//! The inner loops of Linear Learner.

fn main() {
    divan::main();
}
