"""Tests of a binding's folder and code; they need neither its engine nor its weights."""

from __future__ import annotations

import pytest

from omnibind.contracts import CONTRACTS
from omnibind.contracts.errors import NotSupported
from omnibind.contracts.options import TERMS, Schema
from omnibind.contracts.secret import is_secret
from omnibind.discovery.places import is_name

from .specimen import Specimen
from .suite import Suite

MAX_SUMMARY = 120


class FolderTests(Suite):
    """The folder, the manifest and the code agree, and looking at them costs nothing."""

    def test_the_manifest_says_what_it_must(self, folder_only: Specimen) -> None:
        """Summary, licences and homepage are filled in."""
        manifest = folder_only.manifest
        assert manifest.summary.strip(), "the summary is empty; say in one line what this is"
        assert "\n" not in manifest.summary.strip(), "the summary has more than one line"
        assert len(manifest.summary) <= MAX_SUMMARY, (
            f"the summary has {len(manifest.summary)} characters; at most {MAX_SUMMARY}"
        )
        assert manifest.license.code, "license.code is empty; give an SPDX name"
        if manifest.kind == "local":
            assert manifest.license.weights, "license.weights is empty; say 'none' for no weights"
        assert not manifest.homepage or manifest.homepage.startswith(("https://", "http://")), (
            f"homepage is {manifest.homepage!r}; give a whole address"
        )

    def test_the_folder_is_named_as_bindings_are(self, folder_only: Specimen) -> None:
        """Lower-case letters, digits and underscores, in a folder named after the modality."""
        folder = folder_only.folder
        assert is_name(folder.name), (
            f"the folder is named {folder.name!r}; use lower-case letters, digits and underscores"
        )
        assert folder.parent.name == self.modality, (
            f"the folder lies in {folder.parent.name!r}; a {self.modality} binding lies in a "
            f"folder named {self.modality!r}"
        )

    def test_the_entry_fills_its_contract(self, folder_only: Specimen) -> None:
        """The class that the manifest names is there and defines every abstract method."""
        assert issubclass(folder_only.type, CONTRACTS[self.modality])

    def test_the_model_option_is_configuration(self, folder_only: Specimen) -> None:
        """What ``name/MODEL`` fills is a parameter of the constructor."""
        name = folder_only.manifest.model_option
        known = folder_only.configuration.names
        assert not name or name in known, (
            f"model_option is {name!r}; the constructor takes: {', '.join(known) or 'nothing'}"
        )

    def test_the_default_model_is_the_constructors(self, folder_only: Specimen) -> None:
        """The model whose weights are looked for is the one that the code would load."""
        manifest = folder_only.manifest
        option = folder_only.configuration.option(manifest.model_option)
        if option is None or option.default is None:
            pytest.skip("doesn't apply: the constructor has no default model")
        assert option.default == manifest.default_model, (
            f"default_model is {manifest.default_model!r}, but {option.name} defaults to "
            f"{option.default!r}"
        )

    def test_the_capabilities_are_those_of_the_code(self, folder_only: Specimen) -> None:
        """Streaming, the longest result and the languages are what the verb declares."""
        told, verb = folder_only.manifest.capabilities, folder_only.options
        streams = [name for name in folder_only.own_methods if name.startswith("stream_")]
        assert streams or not told.streaming, "streaming is promised; define stream_<noun>"
        assert told.streaming or not streams, (
            f"the class defines {', '.join(streams)}; add streaming: true to the capabilities"
        )
        duration, language = verb.option("duration_s"), verb.option("language")
        if told.max_duration_s is not None and duration is not None:
            assert told.max_duration_s == duration.type.high, (
                f"max_duration_s is {told.max_duration_s:g}; the Range of duration_s ends at "
                f"{duration.type.high}"
            )
        if told.languages and language is not None and language.type.choices:
            assert set(told.languages) == set(language.type.choices), (
                f"languages are {told.languages}; the choices are {list(language.type.choices)}"
            )

    def test_the_configuration_is_a_schema(self, folder_only: Specimen) -> None:
        """Every parameter of the constructor is keyword-only, typed and described."""
        schema = folder_only.configuration
        assert not schema.open, "the constructor takes **configuration; declare every value"
        _assert_described(schema)

    def test_the_options_are_a_schema(self, folder_only: Specimen) -> None:
        """Every option is keyword-only, typed, described and called what we call it."""
        schema = folder_only.options
        _assert_described(schema)
        _assert_in_our_words(schema)
        assert schema.open == folder_only.manifest.open, (
            f"binding.yaml says open: {str(folder_only.manifest.open).lower()}, but the verb "
            f"{'takes' if schema.open else 'does not take'} **options"
        )

    def test_an_open_binding_tells_its_options(self, folder_only: Specimen) -> None:
        """Where options depend on the model, ``options_for`` says which there are."""
        if not folder_only.options.open:
            pytest.skip("doesn't apply: the options don't depend on the model")
        try:
            schema = folder_only.create().options_for(None)
        except NotSupported:
            pytest.fail("the verb takes **options; define options_for(model)", pytrace=False)
        assert isinstance(schema, Schema), f"options_for gives {type(schema).__name__}, not Schema"

    def test_importing_the_code_imports_no_engine(self, folder_only: Specimen) -> None:
        """Importing ``binding.py`` needs the standard library and omnibind alone."""
        seen = folder_only.observed
        imported = ", ".join(seen.imported)
        assert not seen.imported, f"importing binding.py imports {imported}; do it in load()"
        touched = "; ".join(seen.import_touched)
        assert not seen.import_touched, f"importing binding.py does {touched}; do it in load()"

    def test_the_constructor_touches_nothing(self, folder_only: Specimen) -> None:
        """Neither disk nor network, no process, no thread, no engine before ``load``."""
        seen = folder_only.observed
        assert not seen.error, seen.error
        touched = "; ".join(seen.constructor_touched)
        assert not seen.constructor_touched, f"the constructor does {touched}; do it in load()"

    def test_importing_and_constructing_print_nothing(self, folder_only: Specimen) -> None:
        """Standard output belongs to the program."""
        printed = folder_only.observed.printed
        assert not printed, f"importing or constructing prints {printed[:200]!r}; use logging"


def _assert_described(schema: Schema) -> None:
    bare = [option.name for option in schema.options if not option.help]
    assert not bare, f"no description for {', '.join(bare)}; add a str to Annotated[…]"


def _assert_in_our_words(schema: Schema) -> None:
    ours = {*schema.names, *schema.subject}
    for option in schema.options:
        name = option.name
        assert not is_secret(name), (
            f"option {name!r} is called like a key, which recipes and events leave out; rename it"
        )
        if name == "resolution" and option.type.kind in ("str", "literal"):
            continue  # a class of sizes such as 720p or 2K, whose pixels the service chooses
        terms = [term for term, words in TERMS.items() if name in words]
        # "speaker" is a vendor's word for a voice, but may stand beside "voice" for another thing.
        assert not terms or ours.intersection(terms), (
            f"option {name!r} is called {' or '.join(map(repr, terms))} here; rename it"
        )
