"""A saved layer comes back to the bit, or a sentence says why not; an older file survives every failed save."""

import dataclasses
import json
import os
import pickle
import zipfile
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

import caudal
from caudal import nn, wiring
from caudal.data import Encoder, Recipe, from_arrays
from caudal.data.task import Task
from caudal.errors import FileFormatError, InputError, MissingFileError
from caudal.nn import files
from caudal.nn.digest import model_digest
from caudal.nn.files import decode_layer, encode_layer
from caudal.nn.registry import kinds, register


@pytest.fixture
def net():
    torch.manual_seed(0)
    return nn.LTC(wiring.ncp(3, 4, 3, 2, seed=1), substeps=2, eps=1e-8)


@pytest.fixture
def saved(net, tmp_path):
    path = tmp_path / "net.caudal"
    caudal.save(net, path)
    return path


def _equal(one, other):
    first, second = one.state_dict(), other.state_dict()
    assert first.keys() == second.keys()
    for name, value in first.items():
        assert value.dtype == second[name].dtype
        # Bytes, so that NaN equals NaN and 0 differs from -0.
        assert files.digest(value) == files.digest(second[name]), name


def test_round_trip_is_exact(net, saved):
    again = caudal.load(saved)
    assert type(again) is nn.LTC
    assert again.wiring == net.wiring
    assert again.arguments() == net.arguments()
    _equal(again, net)
    x, dt = torch.randn(2, 5, 3), torch.rand(2, 5)
    assert torch.equal(again(x, dt)[0], net(x, dt)[0])


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.float16])
def test_dtype_is_preserved_also_of_what_the_wiring_rebuilds(net, tmp_path, dtype):
    net.to(dtype)
    caudal.save(net, tmp_path / "net")
    again = caudal.load(tmp_path / "net")
    _equal(again, net)
    assert [b.dtype for b in again.buffers()] == [b.dtype for b in net.buffers()]


def test_parameters_of_several_dtypes(net, tmp_path):
    net.v_leak.data = net.v_leak.data.double()
    caudal.save(net, tmp_path / "net")
    _equal(caudal.load(tmp_path / "net"), net)


def test_frozen_parameters_stay_frozen(net, tmp_path):
    net.mu.requires_grad_(False)
    caudal.save(net, tmp_path / "net")
    again = caudal.load(tmp_path / "net")
    assert [n for n, p in again.named_parameters() if not p.requires_grad] == ["mu"]


def test_special_values_keep_their_bits(net, tmp_path):
    with torch.no_grad():
        net.v_leak[:4] = torch.tensor([float("nan"), float("inf"), -0.0, 1e-45])
    caudal.save(net, tmp_path / "net")
    _equal(caudal.load(tmp_path / "net"), net)


def test_loading_leaves_the_global_generator_alone(saved):
    before = torch.get_rng_state()
    caudal.load(saved)
    assert torch.equal(torch.get_rng_state(), before)


def test_equal_layers_give_equal_files(net, saved, tmp_path):
    caudal.save(net, tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == saved.read_bytes()


def test_any_safetensors_reader_opens_it(net, saved):
    from safetensors import safe_open

    with safe_open(saved, "np") as file:
        stated = json.loads(file.metadata()["caudal"])
        assert stated["recipe"]["kind"] == "LTC"
        assert stated["caudal"] == caudal.__version__
        np.testing.assert_array_equal(file.get_tensor("mu"), net.mu.detach().numpy())


def test_every_registered_kind_encodes_its_recipe_as_json():
    # The round trip of every layer is a clause of the contract (tests/contract); here only the table is pinned.
    assert {"LTC", "CfC", "WiredCfC", "CTRNN", "LRC"} <= set(kinds())


class _Nest(nn.Layer):
    """Layers, tuples and floats inside a recipe."""

    def __init__(self, inner, factors, options):
        super().__init__()
        self.inner, self.factors, self.options = torch.nn.ModuleList(inner), factors, options
        self.register_buffer("count", torch.tensor(3))

    def arguments(self):
        return {"inner": list(self.inner), "factors": self.factors, "options": self.options}


def test_nested_layers_and_every_json_value(net, tmp_path):
    register(_Nest)
    nest = _Nest([net, nn.CfC(2, 3)], (1.5, float("inf"), None, True), {"name": "ñ", "deep": [(1,), {}]})
    nest.count.fill_(7)
    caudal.save(nest, tmp_path / "nest")
    again = caudal.load(tmp_path / "nest")
    _equal(again, nest)
    assert again.count == 7
    assert (again.factors, again.options) == (nest.factors, nest.options)
    assert again.inner[0].wiring == net.wiring


def test_tied_parameters_are_saved_and_stay_tied_where_the_class_ties_them(tmp_path):
    class Tied(nn.Layer):
        def __init__(self):
            super().__init__()
            self.one = torch.nn.Parameter(torch.rand(3))
            self.two = self.one

        def arguments(self):
            return {}

    register(Tied)
    tied = Tied()
    caudal.save(tied, tmp_path / "tied")
    again = caudal.load(tmp_path / "tied")
    _equal(again, tied)
    assert again.one is again.two


def test_truncation_at_every_position_is_refused(saved):
    raw = saved.read_bytes()
    header = 8 + int.from_bytes(raw[:8], "little")
    places = {*range(40), *range(0, len(raw), 97), header - 1, header, header + 1, len(raw) - 1}
    for place in sorted(places):
        saved.write_bytes(raw[:place])
        with pytest.raises(FileFormatError, match=r"net\.caudal"):
            caudal.load(saved)


def test_bytes_added_at_the_end_are_refused(saved):
    saved.write_bytes(saved.read_bytes() + b"\0" * 8)
    with pytest.raises(FileFormatError, match="truncated or altered"):
        caudal.load(saved)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_flipped_bytes_are_refused_or_change_nothing(net, saved, data):
    """White space of the header may change without harm; anything else is found."""
    raw = bytearray(files._contents(net))
    for _ in range(data.draw(st.integers(1, 3))):
        raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    saved.write_bytes(bytes(raw))
    try:
        again = caudal.load(saved)
    except FileFormatError as error:
        assert str(saved) in str(error)
    else:
        _equal(again, net)


def test_altered_number_names_its_tensor(net, saved):
    raw = bytearray(saved.read_bytes())
    raw[-1] ^= 1
    saved.write_bytes(bytes(raw))
    with pytest.raises(FileFormatError) as caught:
        caudal.load(saved)
    assert "was altered after it was saved (digest mismatch). Restore the file from a backup" in str(caught.value)


def _rewritten(saved, change):
    """The file with its metadata changed and its own digest made good, as a hostile writer would."""
    raw = saved.read_bytes()
    size = int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8 : 8 + size])
    stated = json.loads(header["__metadata__"]["caudal"])
    del stated["digest"]
    change(stated)
    header["__metadata__"] = {"caudal": json.dumps({**stated, "digest": files._digest_of(stated)})}
    new = json.dumps(header).encode()
    new += b" " * (-len(new) % 8)
    saved.write_bytes(len(new).to_bytes(8, "little") + new + raw[8 + size :])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda s: s.update(format=2, caudal="9.9"), "was written by caudal 9.9 in format 2; caudal"),
        (lambda s: s.update(format="1"), "states no known format"),
        (lambda s: s.pop("recipe"), "states no known format"),
        (lambda s: s["recipe"].update(kind="Strange"), "holds a layer of kind 'Strange', which is not registered."),
        (lambda s: s["recipe"].update(kind="Layer"), "kind 'Layer', which is not registered."),
        (lambda s: s["recipe"].update(kind="os.system"), "kind 'os.system', which is not registered."),
        (lambda s: s["recipe"].update(kind=["LTC"]), "names no kind of layer"),
        (lambda s: s["recipe"].update(arguments=[]), "gives no arguments of LTC"),
        (lambda s: s["recipe"]["arguments"].update(more=1), "does not rebuild a LTC"),
        (lambda s: s["recipe"]["arguments"].update(substeps=0), "does not rebuild a LTC (LTC: `substeps` is 0"),
        (lambda s: s["recipe"]["arguments"].update(inputs={"$wiring": {}}), "holds a wiring that is not valid"),
        (lambda s: s["recipe"]["arguments"].update(eps={"$run": "x"}), "holds an unknown tag '$run'"),
        (lambda s: s["recipe"]["arguments"].update(inputs=3, units=4), "does not fit the LTC that the recipe rebuilds"),
        (lambda s: s["tensors"].pop("mu"), "tensor 'mu' was added or removed"),
        (lambda s: s["tensors"].update(mu="0"), "tensor 'mu' was altered"),
    ],
)
def test_hostile_recipe_is_refused(saved, change, words):
    _rewritten(saved, change)
    with pytest.raises(FileFormatError) as caught:
        caudal.load(saved)
    assert words in str(caught.value)
    assert str(saved) in str(caught.value)


def test_deep_nesting_is_refused():
    deep = []
    for _ in range(300):
        deep = [deep]
    with pytest.raises(FileFormatError, match="nested more than 64 deep"):
        decode_layer({"kind": "LTC", "arguments": {"inputs": deep}}, "file")


def test_recipe_that_claims_more_than_the_file_holds_is_refused_before_memory_is_taken(saved):
    def huge(stated):
        stated["recipe"] = {"kind": "CfC", "arguments": {"inputs": 10**6, "units": 10**6}}

    _rewritten(saved, huge)
    with pytest.raises(FileFormatError, match="does not fit the CfC"):
        caudal.load(saved)


@pytest.mark.parametrize("size", [2**63, files.LARGEST_HEADER + 1, 0])
def test_absurd_header_size_is_refused(saved, size):
    saved.write_bytes(size.to_bytes(8, "little") + saved.read_bytes()[8:])
    with pytest.raises(FileFormatError, match="states a header of"):
        caudal.load(saved)


def test_foreign_files_are_refused(tmp_path, net):
    path = tmp_path / "other"
    save_file({"a": torch.zeros(2)}, path)
    with pytest.raises(FileFormatError, match="holds no recipe of caudal"):
        caudal.load(path)
    torch.save(net.state_dict(), path)
    with pytest.raises(FileFormatError, match="is a pickle or zip archive"):
        caudal.load(path)
    path.write_bytes(pickle.dumps({"a": 1}))
    with pytest.raises(FileFormatError, match="is a pickle or zip archive"):
        caudal.load(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a", "b")
    with pytest.raises(FileFormatError, match="is a pickle or zip archive"):
        caudal.load(path)
    path.write_text("hello, this is no layer at all")
    with pytest.raises(FileFormatError, match=r"is no saved layer: it begins with b'hello, this '"):
        caudal.load(path)


def test_missing_file_and_folder(tmp_path):
    with pytest.raises(MissingFileError, match=r"load: .*nothing does not exist\. Pass the path"):
        caudal.load(tmp_path / "nothing")
    with pytest.raises(FileNotFoundError, match="is a folder"):
        caudal.load(tmp_path)


def test_save_into_nowhere_names_the_path(net, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"save: could not write .*net\.caudal \(No such file"):
        caudal.save(net, tmp_path / "no" / "net.caudal")
    with pytest.raises(OSError, match="save: could not write"):
        caudal.save(net, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="the super-user may write everywhere")
def test_read_only_folder(net, saved):
    before = saved.read_bytes()
    saved.parent.chmod(0o500)
    try:
        with pytest.raises(PermissionError, match="an older file is as it was"):
            caudal.save(net, saved)
    finally:
        saved.parent.chmod(0o700)
    assert saved.read_bytes() == before


@pytest.mark.parametrize("call", ["fsync", "replace"])
@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_failed_save_keeps_the_old_file_and_leaves_nothing_behind(net, saved, monkeypatch, call, error):
    before = saved.read_bytes()

    def fails(*_):
        raise error

    monkeypatch.setattr(files.os, call, fails)
    net.reset_parameters()
    with pytest.raises(type(error)) as caught:
        caudal.save(net, saved)
    if isinstance(error, OSError):
        assert f"save: could not write {saved} (No space left on device)" in str(caught.value)
    assert saved.read_bytes() == before
    assert list(saved.parent.iterdir()) == [saved]


def test_save_follows_a_link(net, saved):
    link = saved.with_name("link")
    link.symlink_to(saved)
    net.reset_parameters()
    caudal.save(net, link)
    assert link.is_symlink()
    _equal(caudal.load(saved), net)


def test_what_cannot_be_saved_is_refused(tmp_path):
    class Unknown(nn.Layer):
        def arguments(self):
            return {}

    class Odd(Unknown):
        def arguments(self):
            return {"table": np.zeros(2)}

    with pytest.raises(InputError, match=r"holds a Unknown, which is not registered\. Decorate the class"):
        caudal.save(Unknown(), tmp_path / "net")
    register(Odd)
    with pytest.raises(InputError, match="`table` is a ndarray, which a recipe cannot hold"):
        encode_layer(Odd())
    with pytest.raises(InputError, match=r"save: `net` is a Linear\. Pass a layer of caudal"):
        caudal.save(torch.nn.Linear(1, 1), tmp_path / "net")
    assert list(tmp_path.iterdir()) == []


def test_a_name_stands_for_one_class():
    with pytest.raises(InputError, match=r"is named 'LTC', as is caudal\.nn\.ltc\.LTC"):
        register(type("LTC", (nn.Layer,), {}))
    with pytest.raises(InputError, match="Decorate a subclass"):
        register(int)


def test_a_header_length_that_looks_like_a_pickle_is_none(tmp_path):
    # Header lengths are multiples of 8: some layer has one whose low byte is 0x80, where a pickle begins.
    first = set()
    for units in range(1, 120):
        net = caudal.nn.MLP(3, units)
        caudal.save(net, tmp_path / "net.caudal")
        first.add((tmp_path / "net.caudal").read_bytes()[0])
        caudal.load(tmp_path / "net.caudal")
    assert 0x80 in first


BOMBS = {
    "CfC": (nn.CfC, {"backbone_layers": 10**12, "backbone_units": 10**9, "units": 10**9}),
    "SSM": (nn.SSM, {"layers": 10**6, "states": 10**9}),
    "Transformer": (nn.Transformer, {"layers": 10**6, "hidden": 10**12, "context": 10**12}),
    "MLP": (nn.MLP, {"layers": 10**6, "units": 10**9}),
    "ODERNN": (nn.ODERNN, {"substeps": 10**9, "hidden": 10**7}),
    "LTC": (nn.LTC, {"substeps": 10**9}),
    "GRU": (nn.GRU, {"units": 10**9, "inputs": 10**7}),
    "LSTM": (nn.LSTM, {"units": True, "inputs": 2.0}),
}


@pytest.mark.parametrize(("name", "argument"), [(name, key) for name, (_, given) in BOMBS.items() for key in given])
def test_a_small_file_that_states_much_is_refused_at_once(tmp_path, name, argument):
    kind, given = BOMBS[name]
    caudal.save(kind(2, 4), tmp_path / "net")
    _rewritten(tmp_path / "net", lambda stated: stated["recipe"]["arguments"].update({argument: given[argument]}))
    with pytest.raises(FileFormatError):
        caudal.load(tmp_path / "net")


def test_layers_inside_layers_are_compared_with_the_file_before_memory_is_taken(tmp_path):
    caudal.save(nn.Stack(nn.GRU(2, 3), nn.CTRNN(3, 2)), tmp_path / "net")
    _rewritten(
        tmp_path / "net",
        lambda stated: stated["recipe"]["arguments"]["layers"][0]["$layer"]["arguments"].update(units=60_000),
    )
    with pytest.raises(FileFormatError, match=r"does not fit the GRU that the recipe rebuilds, of 10,8"):
        caudal.load(tmp_path / "net")


def test_what_a_file_could_not_be_read_with_is_not_saved(tmp_path):
    with pytest.raises(InputError, match=r"`substeps` is 1,001, more than the 1,000 that a file may state"):
        caudal.save(nn.LTC(2, 3, substeps=1001), tmp_path / "net")


def _model(**changed):
    torch.manual_seed(0)
    data = from_arrays(np.random.default_rng(0).normal(size=(4, 2, 3)), [0, 1, 0, 1])
    recipe = Recipe(task="classify", series="id", time="day", target=("ill",), inputs=())
    around = {"net_": nn.CfC(2, 3), "encoder_": Encoder.fit(data), "data_recipe_": recipe, "classes_": np.array([0, 1])}
    return SimpleNamespace(**{**around, **changed})


def test_every_field_of_the_recipe_of_the_table_has_a_part_in_the_digest():
    base, recipe = model_digest(_model()), _model().data_recipe_
    assert base == model_digest(_model())
    for field in dataclasses.fields(recipe):
        held = getattr(recipe, field.name)
        other = (
            not held if isinstance(held, bool) else held + 1 if isinstance(held, int | float) else f"other {field.name}"
        )
        if isinstance(held, tuple):
            other = ("another",)
        if field.name == "task":
            other = next(task for task in Task if task != held)
        if dataclasses.is_dataclass(held):
            continue
        assert model_digest(_model(data_recipe_=dataclasses.replace(recipe, **{field.name: other}))) != base, field.name
    assert model_digest(_model(classes_=np.array(["0", "1"]))) != base
