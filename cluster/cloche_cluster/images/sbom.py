"""The software bill of materials of an image, in CycloneDX 1.6."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cloche_cluster.images.packages import Distribution, Package


def document(reference: str, system: Distribution, packages: Iterable[Package]) -> str:
    """Return the document as JSON. It is reproducible: no timestamps or random values.

    `reference` is the image's name with its tag. Source: https://cyclonedx.org/docs/1.6/json/.
    """
    name, _, tag = reference.rpartition(":")
    components = [_system(system), *(_component(one) for one in packages)]
    contents = json.dumps([reference, components], sort_keys=True)
    fields = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, contents)}",
        "version": 1,
        "metadata": {
            "component": {
                "type": "container",
                "bom-ref": reference,
                "name": name,
                "version": tag,
            }
        },
        "components": components,
    }
    return json.dumps(fields, indent=2, ensure_ascii=False) + "\n"


def _system(system: Distribution) -> dict[str, Any]:
    return {
        "type": "operating-system",
        "bom-ref": f"{system.id}-{system.version}",
        "name": system.id,
        "version": system.version,
        "description": system.codename,
    }


def _component(package: Package) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "type": "library",
        "bom-ref": package.purl,
        "name": package.name,
        "version": package.version,
        "purl": package.purl,
    }
    if package.expression:
        fields["licenses"] = [{"expression": package.expression}]
    elif package.licenses:
        fields["licenses"] = [{"license": {"name": name}} for name in package.licenses]
    return fields
