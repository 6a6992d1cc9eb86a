"""What the bindings of diffusers do alike with their configuration: the model that it means.

Source: the layout of diffusers' folders.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from omnibind.contracts.binding import Binding
from omnibind.contracts.errors import BadConfig, UnknownModel, WeightsMissing
from omnibind.contracts.options import Schema, schema_of

if TYPE_CHECKING:
    import inspect

    from .pipeline_folders import Makes
    from .pipelines import Pipeline

ModelId = Annotated[
    str | None, "a model of list_models, a pulled hub repository or a folder; there is no default"
]
ModelsDir = Annotated[Path | None, "a folder with models that go by their names"]
Lora = Annotated[
    str | None,
    "path of a LoRA that was made for the model; of two for Wan 2.2, in one folder as transformer "
    "and transformer_2",
]
Compile = Annotated[bool, "compile the network: the first call takes long, the others less"]
TrustRemoteCode = Annotated[bool, "run Python code from the model's folder"]


def models_in(models_dir: Path | None) -> dict[str, Path]:
    """Return the models in a folder by their names.

    Raises:
        BadConfig: It is no folder.
    """
    if models_dir is None:
        return {}
    folder = models_dir.expanduser().absolute()
    if not folder.is_dir():
        raise BadConfig(f"models_dir is {folder}, which is no folder; give one with models")
    return {path.name: path for path in sorted(folder.iterdir()) if _is_model(path)}


def _is_model(path: Path) -> bool:
    return any(path.glob("*model_index.json"))


def lora_of(binding: Binding, lora: str | None) -> Path | None:
    """Return the file of the configured LoRA, checked.

    Raises:
        BadConfig: There is none at that path.
    """
    if lora is None:
        return None
    try:
        return binding.weights(lora)
    except (UnknownModel, WeightsMissing) as error:
        raise BadConfig(
            f"lora is {lora!r}, which isn't here ({error}); give the path of a file, absolute or "
            "beginning with ./"
        ) from error


class OnPipeline(Binding):
    """A binding that has one pipeline, the configured model's; its options are those of its call.

    Attributes:
        makes: What its pipelines make.
        examples: Three models with licence and size, for who configured none.
    """

    makes: ClassVar[Makes]
    examples: ClassVar[str] = ""

    def _configure(
        self, model: str | None, models_dir: Path | None, lora: str | None, **placing: Any
    ) -> None:
        """Keep the configuration; ``placing`` is what loading is told of device and memory."""
        self._model = model
        self._models_dir = models_dir
        self._lora = lora
        self._placing = placing
        self._loaded: Pipeline | None = None

    def load(self) -> None:
        """Load the configured model.

        Raises:
            BadConfig: None is configured, it makes something else, or a value doesn't fit it.
            UnknownModel: There is no such model.
            WeightsMissing: It isn't on this machine.
            WeightsDamaged: A component is missing or can't be read.
            OutOfMemory: It doesn't fit.
        """
        self._ready()

    def unload(self) -> None:
        """Let go of the model."""
        loaded, self._loaded = self._loaded, None
        if loaded is not None:
            loaded.close()

    def list_models(self) -> list[str]:
        """Return the configured model, the catalogue, and what lies in ``models_dir``."""
        configured = [] if self._model is None else [self._model]
        return list(dict.fromkeys([*configured, *self.catalogue(), *self._own_models()]))

    def options_for(self, model: str | None = None) -> Schema:
        """Return the options of a model, by its pipeline's own signature; nothing is loaded.

        They are the usual ones where none is configured.

        Raises:
            UnknownModel: There is no such model.
            WeightsMissing: Its files aren't on this machine.
            BadConfig: It is no pipeline.
        """
        from .pipeline_signatures import parameters_at

        model = self._model if model is None else model
        if model is None:
            return self._declared()
        if self._loaded is not None and model == self._model:
            return self._schema(self._loaded.parameters())
        trusts = self._placing["trust_remote_code"]
        return self._schema(parameters_at(self._folder(model), trusts, self.weights))

    @abstractmethod
    def _schema(self, parameters: Mapping[str, inspect.Parameter]) -> Schema:
        """Return the options of a pipeline with these parameters, in our words."""

    def _declared(self) -> Schema:
        """Return the options that the binding's own verb declares."""
        return schema_of(getattr(type(self), self.verb), self.subject, self.binding_name)

    def _ready(self) -> Pipeline:
        if self._loaded is None:
            from .pipelines import load_pipeline

            folder, lora = self._folder(self._model), lora_of(self, self._lora)
            self._loaded = load_pipeline(
                folder, makes=self.makes, lora=lora, find=self.weights, **self._placing
            )
        return self._loaded

    def _folder(self, model: str | None) -> Path:
        """Return the folder or file of a model, checked.

        Raises:
            BadConfig: No model is configured, or ``models_dir`` is no folder.
            UnknownModel: There is no such model.
            WeightsMissing: It isn't on this machine.
        """
        if model is None:
            raise BadConfig(
                f"no model is configured for {self.modality}/{self.binding_name}; set "
                f"model_id_or_path to the path of a folder or to a model that was pulled, such as "
                f"{self.examples}"
            )
        own = self._own_models().get(model)
        return self.weights(model if own is None else str(own))

    def _own_models(self) -> dict[str, Path]:
        return models_in(self._models_dir)
