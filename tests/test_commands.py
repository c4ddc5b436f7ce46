"""evcxr's own commands in a notebook: each does what it says, or is refused with a hint, and none spoils the cells after it."""

import re

import pytest

# The cells, and what the last of them says, as a pattern of the whole text.
WORKS = {
    ":help": ([":help"], r"(?s).*^:dep .*^:vars .*"),
    ":version": ([":version"], r"\d+\.\d+\.\d+"),
    ":vars": ([":vars"], r"(?s).*^kept: (std::vec::)?Vec<i32>$.*"),
    ":type": ([":type kept"], r"kept: (std::vec::)?Vec<i32>"),
    ":t": ([":t kept"], r"kept: (std::vec::)?Vec<i32>"),
    ":last_compile_dir": ([":last_compile_dir"], r"/\S+/ironsage-cells-\d+/evcxr"),
    ":show_deps": ([":dep fnv = \"1\"", ":show_deps"], r'(?s).*fnv = "1".*'),
    ":opt": ([":opt 1", ":opt 0"], r"Optimization: 0"),
    ":efmt": ([":efmt {:?}", 'Err::<i32, String>("a\\"b".into())?'], r'(?s).*"a\\"b".*'),
    ":offline": ([":offline 1", "kept.len()"], r"2"),
    ":cache": ([":cache 10", "kept.len()"], r"2"),
    ":clear_cache": ([":clear_cache"], r"Deleted \d+ MiB from cache"),
    ":linker": ([":linker"], r"linker: \w+"),
    ":internal_debug": ([":internal_debug", "kept.len()"], r"2"),
    ":explain": (["let n: u32 = true;", ":explain"], r"(?s).*mismatched.*|.*Expected type did not match.*"),
    ":last_error_json": (["let n: u32 = true;", ":last_error_json"], r'(?s).*"code":"E0308".*'),
    ":doc of a variable": ([":doc kept"], r"(?s).*Vec<i32>.*"),
    ":doc of a type": ([":doc Vec"], r"(?s).*contiguous growable array.*"),
    "a command before Rust": ([":vars\nkept.len()"], r"(?s).*2"),
}
# What puts a setting back, so that one failure is not that of the next.
BACK = {
    ":opt": ":opt 0", ":efmt": ":efmt {}", ":offline": ":offline 0", ":cache": ":cache 0", ":internal_debug": ":internal_debug",
}
# What ends or changes the kernel, or can't work on this compiler; and what undoes it, were it not refused.
REFUSED = {
    ":quit": None, ":env A=b": None, ":build_env A=b": None, ":load_config": None, ":toolchain nightly": None,
    ":allow_static_linking 0": None, ":codegen_backend cranelift": ":codegen_backend default",
    ":linker no-such-linker": ":linker system", ":time_passes": ":time_passes", ":opt 9": ":opt 0", ":sccache 1": ":sccache 0",
    ":fmt {:#x}": ":fmt {:?}", ":types": ":types", ":timing": ":timing", ":preserve_vars_on_panic 0": None, ":nonsense": None,
}


@pytest.fixture(scope="module")
def kernel(start_kernel, private, tmp_path_factory):
    """A kernel with a cache folder of its own: evcxr's cache is the user's."""
    kernel = start_kernel({**private(), "XDG_CACHE_HOME": str(tmp_path_factory.mktemp("cache"))})
    yield kernel
    kernel.stop()


@pytest.fixture(scope="module")
def kept(kernel):
    """A kernel with a variable, which every command must leave."""
    kernel.ok("let kept = vec![1, 2];")
    return kernel


@pytest.mark.parametrize("name", WORKS)
def test_a_command_does_what_it_says(name, kept):
    cells, says = WORKS[name]
    try:
        reply = [kept.run(code) for code in cells][-1]
        assert reply.text.strip(), f"{cells[-1]} says nothing"
        assert re.fullmatch(says, reply.text.strip(), re.MULTILINE), reply.text
    finally:
        if name in BACK:
            kept.run(BACK[name])
    assert kept.ok("kept.len()").text == "2"


@pytest.mark.parametrize("command", REFUSED)
def test_a_command_that_would_hurt_is_refused(command, kernel):
    """At once and by name; the cells after it run, which is what a setting that the compiler refuses would end."""
    reply = kernel.run(command)
    try:
        after = kernel.run("1 + 1")
        assert after.text == "2", f"it said: {reply.text.strip()}; and then:\n{after.text}"
        assert reply.status == "error" and command.split()[0] in reply.text and "hint: " in reply.text, reply.text
    finally:
        if reply.status == "ok" and REFUSED[command]:
            kernel.run(REFUSED[command])


def test_clear_forgets_all(kept):
    kept.ok("fn gone() {}")
    kept.ok(":clear")
    for code in ("kept", "gone()"):
        kept.fails(code)
    assert kept.ok('let n: u32 = "7".parse()?;\nlet kept = vec![1, 2];\nn').text == "7"
