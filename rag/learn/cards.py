"""What a dataset's folder says of itself, to people and to machines: pure functions of a manifest.

README.md begins with the YAML that Hugging Face's tools obey; croissant.json is Croissant 1.0.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, cast

import yaml

from rag.datasets import Columns, ExportManifest, File, Manifest, Table
from rag.errors import counted
from rag.redaction import Redaction

SIZES = (1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000, 1_000_000_000)
KINDS: Mapping[str, tuple[str, ...]] = {
    "instruction": ("text-generation", "question-answering"),
    "preference": ("text-generation",),
    "label": ("text-generation",),
    "relevance": ("text-retrieval", "sentence-similarity"),
    "evaluation": ("question-answering",),
}
"""Hugging Face's names for what each task is for."""
LICENSES = re.compile(
    r"(apache-2\.0|mit|cc0-1\.0|cc-by(-nc)?(-sa|-nd)?-[234]\.0|odc-by|odbl|pddl|unknown)"
)
"""Terms that Hugging Face has a name for; any others are `other`, and named beside it."""
_SCHEMA = "https://schema.org/"
_CR = "http://mlcommons.org/croissant/"
_CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": _SCHEMA,
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": _CR,
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "sc": _SCHEMA,
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}


class Card(NamedTuple):
    """What both files tell."""

    name: str
    version: str
    as_of: datetime | None
    description: str
    license: str
    languages: tuple[str, ...]
    tasks: tuple[str, ...]
    tables: tuple[Table, ...]
    files: Mapping[str, File]
    lines: tuple[str, ...]
    """What the README says below its title."""


def readme(manifest: Manifest) -> str:
    """README.md of a dataset's folder."""
    return _readme(_card(manifest))


def croissant(manifest: Manifest) -> str:
    """croissant.json of a dataset's folder."""
    return _croissant(_card(manifest))


def of_export(manifest: ExportManifest, about: str) -> str:
    """README.md of an export."""
    return _readme(_export_card(manifest, about))


def croissant_of_export(manifest: ExportManifest) -> str:
    """croissant.json of an export."""
    return _croissant(_export_card(manifest, ""))


def _card(manifest: Manifest) -> Card:
    held = {task: sum(splits.values()) for task, splits in manifest.rows.items()}
    lines = (
        *_terms(manifest.domain, manifest.as_of, manifest.license),
        "",
        "| rows | train | validation | test |",
        "|---|---|---|---|",
        *(
            f"| {task} | {_of(splits, 'train')} | {_of(splits, 'validation')} "
            f"| {_of(splits, 'test')} |"
            for task, splits in manifest.rows.items()
        ),
        "",
        "Splits part questions that are alike from one another; `test` is for measuring alone and",
        "is in no export that trains. Where every row comes from stands in `provenance.jsonl`, by",
        "the SHA-256 of the row's line.",
        "",
        *_redacted(manifest.redaction),
    )
    return Card(
        name=manifest.name,
        version=manifest.version,
        as_of=manifest.as_of,
        description=manifest.description,
        license=manifest.license,
        languages=manifest.languages,
        tasks=tuple(task for task, count in held.items() if count),
        tables=manifest.tables,
        files=manifest.files,
        lines=lines,
    )


def _of(splits: Mapping[Any, int], split: str) -> str:
    return f"{splits.get(split, 0):,}"


def _export_card(manifest: ExportManifest, about: str) -> Card:
    kept = sum(one.kept for splits in manifest.rows.values() for one in splits.values())
    read = sum(one.read for splits in manifest.rows.values() for one in splits.values())
    lines = [
        f"In the format `{manifest.exporter}`. {about}.",
        "",
        f"Made of `{manifest.source.name}`, version `{manifest.source.version}`.",
        *_terms(manifest.source.domain, manifest.as_of, manifest.license),
        "",
        f"Of {counted(read, 'row')} it holds {kept:,}.",
    ]
    for task, splits in manifest.rows.items():
        for split, one in splits.items():
            lines += [
                f"- {counted(count, 'row')} of {task}, {split}, left out: {reason}."
                for reason, count in one.left_out.items()
            ]
    lines += ["", *_redacted(manifest.redaction)]
    return Card(
        name=f"{manifest.source.name}-{manifest.exporter}",
        version=manifest.source.version,
        as_of=manifest.as_of,
        description=manifest.description,
        license=manifest.license,
        languages=manifest.languages,
        tasks=tuple(manifest.rows),
        tables=manifest.tables,
        files=manifest.files,
        lines=tuple(lines),
    )


def _redacted(redaction: Redaction) -> list[str]:
    """What was replaced in the dataset, in no word of it."""
    if not redaction.rev:
        return ["Nothing was replaced in it: what people wrote of themselves is as they wrote it."]
    lines = (
        [
            f"What is personal is replaced by its kind, as in `<{redaction.kinds[0]}>`, as far as",
            "patterns find it: no names of people, no postal addresses.",
            f"In {counted(redaction.rows, 'row')}; redaction `{redaction.rev}`.",
        ]
        if redaction.kinds
        else [f"No kind of value is replaced; redaction `{redaction.rev}`."]
    )
    if redaction.replaced:
        lines += ["", "| in | kind | values | rows | found by |", "|---|---|---|---|---|"]
    for field, kinds in redaction.replaced.items():
        for kind, one in kinds.items():
            by = ", ".join(f"{name} {n:,}" for name, n in one.by.items())
            lines.append(f"| {field} | `{kind}` | {one.values:,} | {one.rows:,} | {by} |")
    return lines


def _terms(domain: str, as_of: datetime | None, license: str) -> list[str]:
    return [
        *([f"Of the domain `{domain}`."] if domain else []),
        *([f"As of {as_of.isoformat()}."] if as_of else []),
        f"License: {license or 'not stated'}.",
    ]


# --- README.md -----------------------------------------------------------------------------------


def _readme(card: Card) -> str:
    head: dict[str, Any] = {"pretty_name": card.name}
    if card.languages:
        head["language"] = list(card.languages)
    head |= _license(card.license)
    head["annotations_creators"] = ["crowdsourced"]
    head["size_categories"] = [size_category(sum(table.rows for table in card.tables))]
    kinds = [kind for task in card.tasks for kind in KINDS.get(task, ())]
    if kinds:
        head["task_categories"] = list(dict.fromkeys(kinds))
    configs = _configs(card.tables)
    if configs:
        head["configs"] = configs
    described = _described(card.tables)
    if described:
        head["dataset_info"] = described
    yaml_head = yaml.safe_dump(head, sort_keys=False, allow_unicode=True, width=1_000)
    told = "\n".join(card.lines)
    about = f"{card.description}\n\n" if card.description else ""
    text = f"---\n{yaml_head}---\n\n# {card.name}\n\n{about}Version `{card.version}`.\n\n{told}\n"
    return text.encode("utf-8", "replace").decode("utf-8")


def _license(license: str) -> dict[str, str]:
    if not license:
        return {"license": "unknown"}
    if LICENSES.fullmatch(license.lower()):
        return {"license": license.lower()}
    return {"license": "other", "license_name": license}


def _tabular(tables: Sequence[Table]) -> dict[str, list[Table]]:
    """By config. A file without rows has no types, so that readers of the rest would stumble.

    Of one kind of file alone, the first table's: Hugging Face's tools read no two in one folder.
    """
    found: dict[str, list[Table]] = {}
    kinds = [table.media_type for table in tables]
    for table in tables:
        if table.columns and table.rows and table.media_type == kinds[0]:
            found.setdefault(table.config, []).append(table)
    return found


def _configs(tables: Sequence[Table]) -> list[dict[str, Any]]:
    configs: list[dict[str, Any]] = []
    for config, some in _tabular(tables).items():
        files = [{"split": table.split, "path": table.path} for table in some]
        configs.append({"config_name": config, "data_files": files})
    return configs


def _described(tables: Sequence[Table]) -> list[dict[str, Any]]:
    return [
        {
            "config_name": config,
            "features": _features(some[0].columns),
        }
        for config, some in _tabular(tables).items()
    ]


def _features(columns: Columns) -> list[dict[str, Any]]:
    return [{"name": name, **_feature(kind)} for name, kind in columns.items()]


def _feature(kind: Any) -> dict[str, Any]:
    if isinstance(kind, list):
        inner = _feature(cast(list[Any], kind)[0])
        return {"list": inner.get("dtype", inner.get("struct", inner))}
    if isinstance(kind, dict):
        return {"struct": _features(cast(Columns, kind))}
    return {"dtype": kind}


def size_category(rows: int) -> str:
    """Hugging Face's word for about how many rows there are."""
    named = ["1K", "10K", "100K", "1M", "10M", "100M", "1B"]
    for place, size in enumerate(SIZES):
        if rows < size:
            return f"n<{named[0]}" if place == 0 else f"{named[place - 1]}<n<{named[place]}"
    return "n>1B"


# --- croissant.json ------------------------------------------------------------------------------

_TYPES = {
    "string": "sc:Text",
    "bool": "sc:Boolean",
    "int64": "sc:Integer",
    "float64": "sc:Float",
}


def _croissant(card: Card) -> str:
    # Whole files are told by their SHA-256, so that whoever loads them sees a change.
    tables = {table.path: table for table in card.tables}
    distribution = [
        {
            "@type": "cr:FileObject",
            "@id": path,
            "name": path,
            "contentUrl": path,
            "encodingFormat": tables[path].media_type if path in tables else _media_type(path),
            "contentSize": f"{file.size} B",
            "sha256": file.sha256,
        }
        for path, file in sorted(card.files.items())
    ]
    records = [_records(table) for table in card.tables if table.columns and table.rows]
    told: dict[str, Any] = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "name": _plain(card.name),
        "description": card.description or f"Dataset {card.name}.",
        "conformsTo": f"{_CR}1.0",
        "license": card.license or "unknown",
        "url": f"urn:sha256:{card.version}",
        "version": "1.0.0",
        "citeAs": f"{card.name}, version {card.version}",
        "distribution": distribution,
        "recordSet": records,
    }
    if card.as_of:
        told["datePublished"] = card.as_of.date().isoformat()
    if card.languages:
        told["inLanguage"] = list(card.languages)
    text = json.dumps(told, ensure_ascii=False, indent=2) + "\n"
    return text.encode("utf-8", "replace").decode("utf-8")


def _media_type(path: str) -> str:
    kinds = {"jsonl": "application/jsonlines", "json": "application/json", "yaml": "text/yaml"}
    return kinds.get(path.rpartition(".")[2], "text/plain")


def _records(table: Table) -> dict[str, Any]:
    name = f"{table.config}-{table.split}"
    return {
        "@type": "cr:RecordSet",
        "@id": name,
        "name": name,
        "field": [
            _field(f"{name}/{column}", column, kind, table.path, column)
            for column, kind in table.columns.items()
        ],
    }


def _field(
    name: str, called: str, kind: Any, path: str, column: str, steps: tuple[str, ...] = ()
) -> dict[str, Any]:
    """A column, or what stands in one: `steps` lead from the column to it."""
    field: dict[str, Any] = {"@type": "cr:Field", "@id": name, "name": called}
    inner = cast(list[Any], kind)[0] if isinstance(kind, list) else kind
    if isinstance(kind, list):
        field["repeated"] = True
    if isinstance(inner, dict):
        field["subField"] = [
            # Readers want it said of each part too that there are several.
            _field(f"{name}/{part}", part, one, path, column, (*steps, part))
            | ({"repeated": True} if isinstance(kind, list) else {})
            for part, one in cast(dict[str, Any], inner).items()
        ]
        return field
    field["dataType"] = _TYPES[inner] if isinstance(inner, str) else "sc:Text"
    source: dict[str, Any] = {"fileObject": {"@id": path}, "extract": {"column": column}}
    if steps:
        source["transform"] = [{"jsonPath": step} for step in steps]
    field["source"] = source
    return field


def _plain(name: str) -> str:
    """A name of the characters that Croissant's readers accept."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", name).strip("-") or "dataset"
