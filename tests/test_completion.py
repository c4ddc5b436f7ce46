"""What Tab offers in a magic, asked as a front end asks: names of the session, of the service and of its store."""

import pytest


@pytest.fixture(scope="module")
def stocked(kernel):
    """A kernel with a frame, a model, an endpoint, two buckets and two keys."""
    kernel.ok("%load data/abalone.csv -q -o abalone\n%s3 mb shells\n%s3 mb shores\n%s3 cp data/abalone.csv s3://shells/raw/")
    kernel.ok("%s3 cp data/abalone.csv s3://shells/clean.csv")
    kernel.ok("%train linear-learner abalone --label rings --drop sex --seed 7 -o age epochs=1")
    kernel.ok("%deploy age --name shell-age", timeout=60)
    return kernel


def offers(kernel, text):
    """What Tab offers at the end of the text: the whole lines that would stand there."""
    message = kernel.client.complete(text, len(text))
    reply = kernel.client.get_shell_msg(timeout=10)
    while reply["parent_header"].get("msg_id") != message:
        reply = kernel.client.get_shell_msg(timeout=10)
    content = reply["content"]
    assert content["status"] == "ok" and content["cursor_end"] == len(text), content
    return [text[:content["cursor_start"]] + match for match in content["matches"]]


# What is typed, and what is offered, whole.
ONLY = {
    "a model": ("%evaluate ", ["%evaluate age"]),
    "a model's frame": ("%evaluate age ", ["%evaluate age abalone"]),
    "a model to deploy": ("%deploy a", ["%deploy age"]),
    "a saved model": ("%model open ", ["%model open age"]),
    "a saved model to remove": ("%model rm a", ["%model rm age"]),
    "an endpoint to call": ("%invoke ", ["%invoke shell-age"]),
    "an endpoint's frame": ("%invoke shell-age a", ["%invoke shell-age abalone"]),
    "an endpoint to remove": ("%endpoint rm ", ["%endpoint rm shell-age"]),
    "an endpoint to undeploy": ("%undeploy sh", ["%undeploy shell-age"]),
    "buckets": ("%s3 ls s3://sh", ["%s3 ls s3://shells/", "%s3 ls s3://shores/"]),
    "keys and folders": ("%load s3://shells/", ["%load s3://shells/clean.csv", "%load s3://shells/raw/"]),
    "a key in a folder": ("%s3 head s3://shells/raw/a", ["%s3 head s3://shells/raw/abalone.csv"]),
    "a bucket to remove": ("%s3 rb s3://sho", ["%s3 rb s3://shores/"]),
    "one of few hyperparameters": ("%train linear-learner abalone opt", ["%train linear-learner abalone optimizer="]),
}


@pytest.mark.parametrize("case", ONLY)
def test_tab_offers_only(case, stocked):
    text, offered = ONLY[case]
    assert sorted(offers(stocked, text)) == offered


def test_tab_offers_all_hyperparameters(stocked):
    text = "%train linear-learner abalone "
    offered = offers(stocked, text)
    assert {text + name for name in ("epochs=", "optimizer=", "learning_rate=", "predictor_type=")} <= set(offered), offered
    # Also where the frame is one that does not exist yet.
    assert "%train linear-learner x epochs=" in offers(stocked, "%train linear-learner x ")
