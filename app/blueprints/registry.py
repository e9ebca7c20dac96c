"""Which blueprints there are."""

from __future__ import annotations

from app.blueprints.base import Blueprint
from app.registry import Registry

_blueprints: Registry[Blueprint] = Registry(
    "blueprint",
    Blueprint,
    {
        "image_label": "app.blueprints.image_label.blueprint:ImageLabelBlueprint",
        "static_html": "app.blueprints.static_html.blueprint:StaticHtmlBlueprint",
        "static_react": "app.blueprints.static_react.blueprint:StaticReactBlueprint",
        "remote_procedure": "app.blueprints.remote_procedure.blueprint:RemoteProcedureBlueprint",
        "form": "app.blueprints.form.blueprint:FormBlueprint",
        "video_label": "app.blueprints.video_label.blueprint:VideoLabelBlueprint",
        "chat": "app.blueprints.chat.blueprint:ChatBlueprint",
        "mock": "app.blueprints.mock.blueprint:MockBlueprint",
    },
)
names, get, register, classes = _blueprints.names, _blueprints.get, _blueprints.register, _blueprints.classes
