"""One namespace: what a magic binds a Rust cell sees, and the other way round."""

import pytest


@pytest.fixture(scope="module")
def loaded(kernel):
    kernel.ok("%load data/abalone.csv -q -o abalone")
    return kernel


def test_frames_go_both_ways(loaded):
    loaded.ok("use polars::prelude::*;\nlet heavy = abalone.clone().lazy().filter(col(\"rings\").gt(lit(20))).collect()?;")
    assert "36 rows" in loaded.ok("%%sql -o few\nSELECT * FROM heavy").text
    assert loaded.ok("few.height()").text == "36"
    # The latest binding wins, whichever side makes it.
    loaded.ok("%%sql -o heavy\nSELECT * FROM abalone LIMIT 3")
    assert loaded.ok("heavy.height()").text == "3"
    loaded.ok("let few = few.head(Some(2));")
    assert "2 rows" in loaded.ok("%show few").text


def test_a_pattern_takes_its_names(loaded):
    loaded.ok("%split abalone 50 50 -o left,right")
    loaded.ok("let [left, right] = [abalone.head(Some(1)), abalone.head(Some(2))];")
    assert "1 row" in loaded.ok("%show left").text and "2 rows" in loaded.ok("%show right").text
    # A name in a comment or in a block of its own is no binding.
    loaded.ok("%%sql -o left\nSELECT * FROM abalone LIMIT 7")
    loaded.ok("// let left be\n{ let left = 1; println!(\"{left}\"); }")
    assert "7 rows" in loaded.ok("%show left").text


def test_errors_name_the_line_of_the_cell(loaded):
    assert "line 2" in loaded.fails("%who\nlet n: u32 = true;").text


def test_a_failed_cell_takes_no_name(loaded):
    loaded.ok("%%sql -o mine\nSELECT * FROM abalone LIMIT 5")
    assert loaded.ok("mine.height()").text == "5"
    loaded.ok("%%sql -o mine\nSELECT * FROM abalone LIMIT 6")
    loaded.fails("let mine = mine.hight();")
    assert "6 rows" in loaded.ok("%show mine").text


def test_what_is_forgotten_is_gone(loaded):
    loaded.ok("%%sql -o gone\nSELECT * FROM abalone LIMIT 5")
    loaded.ok("gone.height()")
    loaded.ok("%rm gone")
    assert "gone" in loaded.fails("%show gone").text
    loaded.ok("1")
    assert "gone" not in loaded.ok("%who").text


def test_what_is_no_frame_is_told(loaded):
    loaded.ok('let n = 5;\nlet bad = abalone.clone().lazy().select([col("nope")]);')
    assert "i32" in loaded.fails("%show n").text
    assert "nope" in loaded.fails("%show bad").text


def test_values_go_both_ways(loaded):
    loaded.ok('%param most=2 rate=1e-3 sure=true name=shells')
    assert loaded.ok('format!("{} {} {} {}", most + 1, rate * 2.0, !sure, name.len())').text == '"3 0.002 false 6"'
    loaded.ok("let wanted = most as usize * 2;\nlet table = String::from(\"abalone\");")
    assert "4 rows" in loaded.ok("%%sql -o some\nSELECT * FROM {{table}} LIMIT {{wanted}}").text
    loaded.ok("%param most=7")
    assert loaded.ok("most").text == "7"


def test_folder_and_environment_are_those_of_rust_cells_too(loaded):
    loaded.ok("%cd data\n%env SHELLS=abalone")
    try:
        assert loaded.ok('std::path::Path::new("abalone.csv").exists()').text == "true"
        assert loaded.ok('std::env::var("SHELLS")?').text == '"abalone"'
    finally:
        loaded.ok("%cd ..")


def test_who_lists_each_name_once(loaded):
    lines = loaded.ok("%param most=9\nlet own = most;\n%who").text.splitlines()
    named = [line.split()[1] for line in lines if line.startswith("│")]
    assert [named.count(name) for name in ("most", "own", "abalone")] == [1, 1, 1], lines
