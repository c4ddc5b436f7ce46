"""Jupyter's own conformance suite, jupyter_kernel_test, on our kernel.

Each attribute switches on a test of the suite. Its time limits are the suite's: 15 seconds for a cell, so that the first
Rust cell, compiled while the evaluator comes up, must fit.
"""

import os
import unittest

import jupyter_kernel_test
import pytest

from conftest import KERNEL


@pytest.fixture(scope="module", autouse=True)
def home(private):
    """The suite starts its kernel from this process's environment."""
    before = os.environ.get("IRONSAGE_HOME")
    os.environ["IRONSAGE_HOME"] = private()["IRONSAGE_HOME"]
    yield
    os.environ.pop("IRONSAGE_HOME")
    if before is not None:
        os.environ["IRONSAGE_HOME"] = before


class TestIronsage(jupyter_kernel_test.KernelTests):
    """The general tests."""

    kernel_name = KERNEL
    language_name = "rust"
    file_extension = ".rs"
    code_hello_world = 'println!("hello, world");'
    code_stderr = 'eprintln!("to standard error");'
    completion_samples = [{"text": "%unde", "matches": {"%undeploy"}}]
    complete_code_samples = ["1 + 1", "let x = 1;", "fn f() -> i32 {\n    1\n}", "%who"]
    incomplete_code_samples = ["fn f() {", "let x =", "1 +", "let x = (1,", "let s = \"abc", "/* not closed"]
    invalid_code_samples = ["let x = );", "let x = 1 2;", "fn f() }"]
    code_generate_error = "%show nowhere"
    code_execute_result = [{"code": "6 * 7", "result": "42"}]
    code_display_data = [{"code": "%who", "mime": "text/plain"}]
    supported_history_operations = ("tail", "range", "search")
    code_history_pattern = "6 * ?*"
    code_inspect_sample = "%show"
    code_page_something = "%show?"
    code_clear_output = "clear_output(false);"


class TestWelcome(jupyter_kernel_test.IopubWelcomeTests):
    """The first message on IOPub, which lets a client know that it is subscribed."""

    kernel_name = KERNEL
    support_iopub_welcome = True


# The suite's base classes are test cases too; pytest must collect only ours.
assert issubclass(TestIronsage, unittest.TestCase)
