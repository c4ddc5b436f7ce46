"""What a Rust cell finds ready, seen from a front end: displays that change, questions, progress, arrays, models."""

import pytest


@pytest.fixture(scope="module")
def trained(kernel):
    """A regressor with a recipe and a classifier without one, and rows that neither has seen."""
    kernel.ok("%load data/abalone.csv -q -o abalone\n%split abalone 80 20 --seed 7 -o train,test")
    kernel.ok("%%prep shells\nfill @numeric -rings median\none_hot sex\nstandardize @numeric -rings")
    kernel.ok("%train linear-learner train --label rings --prep shells --seed 7 -o age epochs=2")
    kernel.ok('%train linear-learner train --label "rings >= 11" --drop sex --seed 7 -o old epochs=2')
    return kernel


def asks(kernel, code, do, **options):
    """Runs a cell that asks once, does something about the question, and gives the question and what the cell showed."""
    message = kernel.client.execute(code, stop_on_error=False, **options)
    question = kernel.client.get_stdin_msg(timeout=60)
    assert question["parent_header"]["msg_id"] == message
    do()
    outputs, idle = [], False
    while not idle:
        event = kernel.client.get_iopub_msg(timeout=60)
        if event["parent_header"].get("msg_id") == message:
            idle = event["msg_type"] == "status" and event["content"]["execution_state"] == "idle"
            outputs.append(event)
    reply = kernel.client.get_shell_msg(timeout=10)
    assert reply["parent_header"]["msg_id"] == message
    return question["content"], reply["content"], outputs


def of_kind(outputs, *kinds):
    return [output for output in outputs if output["msg_type"] in kinds]


def test_a_display_changes_in_its_place(kernel):
    shown = kernel.ok('println!("a"); let live = show_live(&1); show(&2); live.update(&3); println!("b");').outputs
    kinds = [output["msg_type"] for output in shown]
    assert kinds == ["stream", "display_data", "display_data", "update_display_data", "stream"]
    name = shown[1]["content"]["transient"]["display_id"]
    assert shown[2]["content"]["transient"] == {}
    assert shown[3]["content"]["transient"]["display_id"] == name
    assert shown[3]["content"]["data"]["text/plain"] == "3"
    # The same place, from another cell.
    later = kernel.ok("live.update(&4);").outputs
    assert [output["msg_type"] for output in later] == ["update_display_data"]
    assert later[0]["content"]["transient"]["display_id"] == name


def test_output_is_cleared_in_its_turn(kernel):
    shown = kernel.ok('print!("old"); clear_output(true); print!("new");').outputs
    assert [output["msg_type"] for output in shown] == ["stream", "clear_output", "stream"]
    assert shown[1]["content"] == {"wait": True}


def test_progress_ends_in_a_line_that_stays(kernel):
    code = 'let mut sum = 0;\nfor n in progress(0..60).titled("rows") { sum += n; std::thread::sleep(std::time::Duration::from_millis(10)); }\nsum'
    shown = kernel.ok(code).outputs
    line = of_kind(shown, "display_data", "update_display_data")
    assert line[0]["msg_type"] == "display_data" and 2 <= len(line) <= 12
    assert len({output["content"]["transient"]["display_id"] for output in line}) == 1
    assert line[-1]["content"]["data"]["text/plain"].startswith("rows: 60 items · ")
    assert "<progress" in line[-1]["content"]["data"]["text/html"]
    assert of_kind(shown, "execute_result")[0]["content"]["data"]["text/plain"] == "1770"


def test_a_person_is_asked(kernel):
    code = 'print!("first");\nlet rings: u32 = input("How many? ")?.trim().parse()?;\nrings + 1'
    question, reply, outputs = asks(kernel, code, lambda: kernel.client.input("15"))
    assert question == {"prompt": "How many? ", "password": False}
    assert reply["status"] == "ok"
    assert of_kind(outputs, "execute_result")[0]["content"]["data"]["text/plain"] == "16"
    code = 'ironsage_prelude::cell::password("Token: ")?.len()'
    question, reply, outputs = asks(kernel, code, lambda: kernel.client.input("secret"))
    assert question["password"] is True
    assert of_kind(outputs, "execute_result")[0]["content"]["data"]["text/plain"] == "6"


def test_stop_ends_a_question(kernel):
    kernel.ok("let kept = vec![1, 2];")
    _, reply, outputs = asks(kernel, 'let name = input("Name? ")?;', kernel.manager.interrupt_kernel)
    assert (reply["status"], reply["ename"]) == ("error", "Interrupted")
    assert len(of_kind(outputs, "error")) == 1
    assert kernel.ok("kept.len()").text == "2"


def test_a_process_that_dies_asks_no_more(kernel):
    code = 'std::thread::spawn(|| { std::thread::sleep(std::time::Duration::from_millis(200)); std::process::exit(7) });\nlet name = input("Name? ")?;'
    _, reply, outputs = asks(kernel, code, lambda: None)
    assert (reply["status"], reply["ename"]) == ("error", "ProcessEnded")
    assert len(of_kind(outputs, "error")) == 1
    assert kernel.ok("1 + 1").text == "2"


def test_nobody_is_asked_where_nobody_is(kernel):
    message = kernel.client.execute('let name = input("Name? ")?;', allow_stdin=False, stop_on_error=False)
    reply = kernel.client.get_shell_msg(timeout=60)
    assert reply["parent_header"]["msg_id"] == message
    assert reply["content"]["ename"] == "InputError"
    assert "can't be asked" in reply["content"]["evalue"] and "parameter" in reply["content"]["evalue"]
    assert kernel.ok("1 + 1").text == "2"


def test_a_model_predicts_in_a_cell_as_in_a_magic(trained):
    for name in ("age", "old"):
        trained.ok(f"%predict {name} test -o by_magic")
        trained.ok(f'let by_cell = model("{name}")?.predict(&test)?;')
        # `equals_missing` compares names, types and each bit that can be told apart.
        assert trained.ok("(by_cell.equals_missing(&by_magic), by_cell.schema() == by_magic.schema())").text == "(true, true)"
    assert "predicted_label" in trained.ok("by_cell").text
    assert trained.ok('let age = model("age")?;\nage').text.startswith("age: predicts rings (")
    # It stays a variable, and the session keeps its model.
    assert trained.ok("age.predict(&test.head(Some(3)))?.height()").text == "3"
    assert "predictions" in trained.ok("%predict age test -o by_magic").text


def test_a_model_says_what_it_misses(trained):
    error = trained.fails('model("agee")?;')
    assert error.content["ename"] == "ModelError" and "did you mean `age`" in error.content["evalue"]
    error = trained.fails('model("age")?.predict(&test.drop("length")?)?;')
    assert "no column `length`" in error.content["evalue"]
    error = trained.fails('let scored = model("age")?.predict(&test)?;\nmodel("age")?.predict(&scored)?;')
    assert "already has a column `score`" in error.content["evalue"]


def test_columns_become_a_matrix(trained):
    trained.ok('let x = matrix(&test, &["length", "rings"])?;')
    assert trained.ok("x.nrows() == test.height() && x.is_standard_layout()").text == "true"
    assert trained.ok("x.slice(ndarray::s![..2, ..])").mimes >= {"text/plain", "text/html"}
    error = trained.fails('matrix(&test, &["sex"])?;')
    assert error.content["ename"] == "MatrixError" and "`sex`" in error.content["evalue"]
